"""The floor plan: which files may touch the world, who may import whom, and how large things may grow.

Each check takes the sources of a tree, ``{"goodstanding/wire/reply.py": "..."}``, and returns complaints; none means
good. `test_rooms.py` runs them over the real tree, and over planted violations to see each of them fail.
A new shell is a word in SHELLS; a new room has its place in RIVER, or a line of its own in MAY_IMPORT.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

PACKAGE = "goodstanding"

SHELLS = {
    "__main__", "app", "companion", "demo", "diagnostics", "fitting", "follower", "maillog", "messenger", "metrics",
    "occupancy", "ports", "preflight", "worker",
    "api", "cli", "net", "operate", "store",  # whole rooms
    "submission.accept", "submission.addressees", "submission.afterthoughts", "submission.bearer",
    "submission.doorkeeper", "submission.handing_in", "submission.incoming", "submission.judging",
    "submission.letter", "submission.listening", "submission.login", "submission.reception",
    "submission.reverify", "submission.site_policy", "submission.smtp_listener",
    "delivery.claiming", "delivery.connection", "delivery.courier", "delivery.notices", "delivery.record",
    "delivery.obeying", "delivery.posting", "delivery.routing", "delivery.run", "delivery.upkeep", "enforcement.act",
    "enforcement.tribunal", "enforcement.watching", "feedback.hearing", "feedback.intake", "feedback.listener",
    "submission.ordered",
    "sandbox.aftermath", "sandbox.control", "sandbox.dns", "sandbox.outgoing", "sandbox.run", "sandbox.shelf",
    "sandbox.smtp", "sandbox.world", "webhooks.outgoing", "webhooks.paperwork", "webhooks.posting",
}  # fmt: skip
"""Files and rooms that do I/O; everything else takes values and returns values."""

RIVER = ("wire", "admission", "submission", "queue", "delivery", "feedback", "reputation", "enforcement", "webhooks")
"""Rooms in the order mail flows: pure files know only earlier ones."""

BOTTOM = ("errors", "model", "evidence", "events", "outside", "settings", "settings_file", "sealed")
"""Single files below every room: each imports only those before it."""

FRONT_DOORS = {
    "submission.accept",
    "submission.bearer",
    "submission.handing_in",
    "feedback.intake",
    "operate.suppression",
    "enforcement.act",
}
"""The shells that other rooms' shells may call: where mail, those who bring it and news come in, where enforcement
writes what it does.
"""

INSTRUMENTS = {"maillog", "metrics"}
"""Single files that every shell may write to."""

BUILDERS = {
    "app", "api.server", "fitting", "follower", "messenger", "preflight", "worker", "demo", "cli.serve",
    "operate.opening", "operate.webhook_trial",
}  # fmt: skip
"""Where everything is put together: may import anything."""

MAY_IMPORT = {
    "wire": ({"errors", "model"}, "wire knows the standards, and nothing of this program but its nouns"),
    "net": ({*BOTTOM}, "net implements outside, and knows nothing else"),
    "store": ({*BOTTOM, *RIVER}, "store knows values, not those who use them"),
    "maillog": ({*BOTTOM}, "the mail log is written to, and knows only events"),
    "metrics": ({*BOTTOM}, "metrics are written to, and know nothing else"),
    "sandbox": ({*BOTTOM, "wire", "net"}, "the sandbox stands for the internet: it does not know us"),
    "simulator": (
        {*BOTTOM, "wire", "admission", "reputation", "enforcement", "sandbox.behaviour", "sandbox.placement"},
        "the simulator takes the cores as they are, and of the sandbox its people and providers",
    ),
    "operate": (
        {*BOTTOM, *RIVER, *FRONT_DOORS, *INSTRUMENTS, "store", "simulator", "sandbox.behaviour"},
        "operate knows cores, the store and the front doors",
    ),
    "cli": (
        {
            *BOTTOM,
            *FRONT_DOORS,
            *INSTRUMENTS,
            "admission.facts",  # nouns of findings, without a rule
            "admission.estate",  # nouns of what is declared
            "admission.estate_plan",
            "api.native.catalogue",  # for the document that the API is described in
            "api.native.document",
            "api.native.problems",
            "api.native.routes",
            "operate",
            "preflight",
            "app",
            "demo",
            "store",
            "sandbox.behaviour",  # for the page that lists its rates, as placement
            "sandbox.control",
            "sandbox.placement",
            "sandbox.relations",
            "sandbox.run",
            "sandbox.settings",
            "sandbox.society",
            "simulator.article",
            "simulator.laboratory",
            "simulator.assumptions",  # nouns of assessments, and the page that lists what is assumed
            "simulator.campaign",
            "simulator.outcome",
            "simulator.platforms",
            "simulator.question",
        },
        "a face holds no rules: ask operate",
    ),
    "api": (
        {
            *BOTTOM,
            *FRONT_DOORS,
            *INSTRUMENTS,
            "admission.facts",
            "submission.operation",  # nouns of what was handed in
            "admission.estate",  # nouns of what is declared
            "admission.estate_plan",
            "operate",
            "store",
            "wire",
        },
        "a face holds no rules: ask operate or the front doors",
    ),
    "__main__": ({"cli"}, "it only starts the command line"),
}
"""Rooms with a rule of their own: what they may import besides themselves, and why not more."""

WORLD = {
    "asyncio", "concurrent", "dns.asyncquery", "dns.asyncresolver", "dns.query", "dns.resolver", "fcntl", "ftplib",
    "http", "logging", "multiprocessing", "os", "prometheus_client", "random", "rich", "secrets", "select", "selectors",
    "shutil", "signal", "smtplib", "socket", "socketserver", "ssl", "structlog", "subprocess", "sys", "tempfile",
    "threading", "time", "typer", "urllib.request", "uuid", "uvloop",
}  # fmt: skip
DRIVERS = {"alembic", "psycopg", "sqlalchemy", "sqlite3"}
DRIVERS_LIVE_IN = {"store.db", "store.schema", "store.upgrade", "store.migrations"}
MAY_NAME_THE_WORLD = {"outside": {"ssl"}}
"""``outside`` gives I/O its types, so it names some that pure files must not use."""

WORLDLY_CALLS = {
    "open", "print", "input", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "make_msgid",
    "localtime", "read_text", "read_bytes", "write_text", "write_bytes",
}  # fmt: skip

SQL = re.compile(
    r"\bSELECT\b.+\bFROM\b|\bINSERT (OR \w+ )?INTO\b|\bUPDATE \w+ SET\b|\bDELETE FROM\b"
    r"|\b(CREATE|ALTER|DROP) (TABLE|INDEX)\b|\bPRAGMA \w+|\bBEGIN IMMEDIATE\b",
    re.DOTALL,
)

LONGEST_FILE, LONGEST_FUNCTION, MEDIAN_FUNCTION, MOST_PARAMETERS, LONGEST_ROOM_DOCSTRING = 400, 60, 10, 6, 10
FORBIDDEN_FILES = {
    "base", "common", "core", "handler", "helper", "helpers", "manager", "misc", "types", "util", "utils",
}  # fmt: skip
FORBIDDEN_CLASSES = re.compile(r"^_*(Abstract|Base)[A-Z]|(Factory|Handler|Helper|Impl|Manager|Processor|Service)$")
FORBIDDEN_FUNCTIONS = re.compile(r"^_*(do|process|handle)_")

Sources = Mapping[str, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file; its name leaves out the package: ``wire.reply``, and ``wire`` for the room's own file."""

    name: str
    path: str
    source: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]

    @property
    def is_shell(self) -> bool:
        return within(self.name, SHELLS)


def sources_of(root: Path) -> dict[str, str]:
    """Every Python file of the package below a repository's root."""
    return {str(path.relative_to(root)): path.read_text() for path in sorted((root / PACKAGE).rglob("*.py"))}


def modules(sources: Sources) -> list[Module]:
    return [_module(path, source) for path, source in sources.items()]


@cache
def _module(path: str, source: str) -> Module:
    parts = list(Path(path).with_suffix("").parts[1:])
    if parts[-1] == "__init__":
        parts.pop()
    return Module(".".join(parts), path, source, ast.parse(source))


def within(name: str, places: set[str]) -> bool:
    """Whether a module is one of these, or inside one."""
    return any(name == place or name.startswith(place + ".") for place in places)


def imports(module: Module) -> Iterator[str]:
    """Every name a module imports, as fully as it is written: ``from a.b import c`` is ``a.b.c``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ("." * node.level + f"{node.module or ''}.{alias.name}" for alias in node.names)


def inner_imports(module: Module, known: set[str]) -> Iterator[str]:
    """Modules of the package that a module imports; a name imported from a module counts as that module."""
    for imported in imports(module):
        package, _, name = imported.partition(".")
        if package == PACKAGE:
            yield name if name in known else name.rpartition(".")[0]


def functions(module: Module) -> Iterator[Function]:
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


# Who may touch the world


def cores_do_not_import_the_world(sources: Sources) -> list[str]:
    return [
        f"{module.path} imports {imported}, but is not a shell"
        for module in modules(sources)
        if not module.is_shell
        for imported in imports(module)
        if within(imported, WORLD - MAY_NAME_THE_WORLD.get(module.name, set()))
    ]


def cores_do_not_call_the_world(sources: Sources) -> list[str]:
    return [
        f"{module.path}:{node.lineno} calls {ast.unparse(node.func)}, but is not a shell"
        for module in modules(sources)
        if not module.is_shell
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _is_worldly(ast.unparse(node.func))
    ]


def _is_worldly(called: str) -> bool:
    """Data that ships inside the package is as good as code, so a table may be read from there."""
    words = called.split(".")
    return not called.startswith("resources.files(") and bool({words[-1], ".".join(words[-2:])} & WORLDLY_CALLS)


def cores_do_not_wait(sources: Sources) -> list[str]:
    return [
        f"{module.path}:{node.lineno} is async, but pure files never wait"
        for module in modules(sources)
        if not module.is_shell and module.name != "outside"
        for node in functions(module)
        if isinstance(node, ast.AsyncFunctionDef)
    ]


def sql_lives_in_store(sources: Sources) -> list[str]:
    return [
        f"{module.path}:{node.lineno} holds SQL; it belongs in store/"
        for module in modules(sources)
        if module.room != "store"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]


def database_drivers_live_in_db(sources: Sources) -> list[str]:
    return [
        f"{module.path} imports {imported}; only {', '.join(sorted(DRIVERS_LIVE_IN))} may"
        for module in modules(sources)
        if not within(module.name, DRIVERS_LIVE_IN)
        for imported in imports(module)
        if within(imported, DRIVERS)
    ]


# Who may import whom


def imports_follow_the_river(sources: Sources) -> list[str]:
    known = {module.name for module in modules(sources)}
    return [
        f"{module.path} imports {imported}: {why}"
        for module in modules(sources)
        for imported in inner_imports(module, known)
        if (why := objection(module, imported))
    ]


def imports_are_written_in_full(sources: Sources) -> list[str]:
    return [
        f"{module.path}: relative import of {imported}"
        for module in modules(sources)
        for imported in imports(module)
        if imported.startswith(".")
    ]


def objection(module: Module, imported: str) -> str:
    """Why a module may not import another one of the package; empty: it may."""
    room = imported.partition(".")[0]
    if module.name in BUILDERS or room == "":
        return ""
    if not module.is_shell and within(imported, SHELLS):
        return "a pure file never imports a shell"
    if module.name in BOTTOM:
        return "" if room in BOTTOM[: BOTTOM.index(module.name)] else "the bottom imports only what is below it"
    places, why = MAY_IMPORT.get(module.room) or _usual_rule(module)
    return "" if room == module.room or _opens(places, imported) else why


def _usual_rule(module: Module) -> tuple[set[str], str]:
    """What cores and shells of the river may import."""
    if module.is_shell:
        places = {*BOTTOM, *RIVER, *FRONT_DOORS, *INSTRUMENTS, "store"}
        return places, "a shell never imports another room's shell, but for the front doors"
    return {*BOTTOM, *RIVER[: RIVER.index(module.room)]}, "a pure file imports pure files of earlier rooms only"


def _opens(places: set[str], imported: str) -> bool:
    """Whether one of these places lets an import in; a room that is not all shell opens its pure files only."""
    return any(
        within(imported, {place}) and (within(place, SHELLS) or not within(imported, SHELLS)) for place in places
    )


def only_declared_packages_are_imported(sources: Sources, declared: set[str]) -> list[str]:
    """``declared``: top-level names of the standard library and of what pyproject.toml depends on."""
    return [
        f"{module.path} imports {imported}, which pyproject.toml does not depend on"
        for module in modules(sources)
        for imported in imports(module)
        if imported.partition(".")[0] not in declared | {PACKAGE, "", "__future__"}
    ]


# Rooms, names and sizes


def rooms_are_introduced(sources: Sources) -> list[str]:
    """Every room has an ``__init__.py`` with its docstring and nothing else, and at least one file besides."""
    by_name = {module.name: module for module in modules(sources)}
    rooms = {module.room for module in by_name.values() if "." in module.name}
    missing = [f"{room}/ has no __init__.py to introduce it" for room in sorted(rooms - by_name.keys())]
    empty = [m.path for m in by_name.values() if m.name and m.path.endswith("__init__.py") and m.room not in rooms]
    crowded = [by_name[room].path for room in sorted(rooms & by_name.keys()) if not _introduces(by_name[room])]
    return (
        missing
        + [f"{path}: an empty room is not created" for path in empty]
        + [f"{path}: a docstring of at most {LONGEST_ROOM_DOCSTRING} lines and nothing else" for path in crowded]
    )


def _introduces(module: Module) -> bool:
    docstring = ast.get_docstring(module.tree)
    return docstring is not None and len(module.tree.body) == 1 and docstring.count("\n") < LONGEST_ROOM_DOCSTRING


def names_tell_something(sources: Sources) -> list[str]:
    return [
        f"{module.path}: {name} names nothing of the trade"
        for module in modules(sources)
        for name in _vague_names(module)
    ]


def _vague_names(module: Module) -> Iterator[str]:
    if module.name.rpartition(".")[2] in FORBIDDEN_FILES:
        yield "the file"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and FORBIDDEN_CLASSES.search(node.name):
            yield f"class {node.name}"
        if isinstance(node, Function) and FORBIDDEN_FUNCTIONS.search(node.name):
            yield f"def {node.name}"


def files_stay_short(sources: Sources) -> list[str]:
    lengths = {path: source.count("\n") for path, source in sources.items()}
    return [f"{path} has {n} lines, more than {LONGEST_FILE}" for path, n in lengths.items() if n > LONGEST_FILE]


def functions_stay_short(sources: Sources) -> list[str]:
    return [
        f"{module.path}: {node.name} has {lines(node)} lines, more than {LONGEST_FUNCTION}"
        for module in modules(sources)
        for node in functions(module)
        if lines(node) > LONGEST_FUNCTION
    ]


def the_usual_function_is_short(sources: Sources) -> list[str]:
    lengths = [lines(node) for module in modules(sources) for node in functions(module)]
    usual = median(lengths or [0])
    return [f"the median function has {usual} lines, more than {MEDIAN_FUNCTION}"] if usual > MEDIAN_FUNCTION else []


def lines(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def parameters_stay_few(sources: Sources) -> list[str]:
    """A seventh parameter means a value is missing. Options of the command line are parameters and do not count."""
    return [
        f"{module.path}: {node.name} has {n} parameters, more than {MOST_PARAMETERS}"
        for module in modules(sources)
        if module.room != "cli"
        for node in functions(module)
        if (n := _parameters(node)) > MOST_PARAMETERS
    ]


def _parameters(node: Function) -> int:
    given = node.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"])) + (given.vararg is not None) + (given.kwarg is not None)


CHECKS: tuple[Callable[[Sources], list[str]], ...] = (
    cores_do_not_import_the_world,
    cores_do_not_call_the_world,
    cores_do_not_wait,
    sql_lives_in_store,
    database_drivers_live_in_db,
    imports_follow_the_river,
    imports_are_written_in_full,
    rooms_are_introduced,
    names_tell_something,
    files_stay_short,
    functions_stay_short,
    the_usual_function_is_short,
    parameters_stay_few,
)

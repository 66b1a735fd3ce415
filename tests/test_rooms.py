"""The floor plan holds, and each of its checks is able to fail."""

import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import floor_plan
from tests.floor_plan import CHECKS, Sources

ROOT = Path(__file__).parent.parent
SOURCES = floor_plan.sources_of(ROOT)
Check = Callable[[Sources], list[str]]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_floor_plan(check: Check) -> None:
    complaints = check(SOURCES)
    assert not complaints, "\n".join(complaints)


def test_every_shell_of_the_plan_exists() -> None:
    known = {module.name for module in floor_plan.modules(SOURCES)}
    assert not floor_plan.SHELLS - known


def test_the_program_needs_only_what_it_declares() -> None:
    declared = set(sys.stdlib_module_names) | _import_names(_dependencies())
    assert not floor_plan.only_declared_packages_are_imported(SOURCES, declared)


def test_nothing_is_mocked() -> None:
    """Doubles live in tests/fakes.py: a patched test passes when the code it patches is gone."""
    forbidden = re.compile(r"^\s*(?:from|import) unittest\.mock|^\s*from unittest import mock|\bmonkeypatch\b", re.M)
    others = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    assert not [str(path.relative_to(ROOT)) for path in others if forbidden.search(path.read_text())]


def _dependencies() -> set[str]:
    """Names of the distributions that pyproject.toml depends on at run time."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {re.split(r"[^\w.-]", wanted, maxsplit=1)[0] for wanted in project["dependencies"]}


def _import_names(distributions: set[str]) -> set[str]:
    owners = importlib.metadata.packages_distributions()
    return {name for name, owned_by in owners.items() if {_folded(owner) for owner in owned_by} & distributions}


def _folded(distribution: str) -> str:
    return distribution.lower().replace("_", "-")


WIRE, QUEUE, DELIVERY = "goodstanding/wire/reply.py", "goodstanding/queue/schedule.py", "goodstanding/delivery/plan.py"
LISTENER, LOOP = "goodstanding/submission/smtp_listener.py", "goodstanding/delivery/run.py"

PLANTED: list[tuple[Check, dict[str, str], int]] = [
    (floor_plan.cores_do_not_import_the_world, {WIRE: "import asyncio"}, 1),
    (floor_plan.cores_do_not_import_the_world, {WIRE: "from os import path"}, 1),
    (floor_plan.cores_do_not_import_the_world, {WIRE: "import osmosis"}, 0),
    (floor_plan.cores_do_not_import_the_world, {WIRE: "def f():\n    import socket"}, 1),
    (floor_plan.cores_do_not_import_the_world, {LISTENER: "import asyncio"}, 0),
    (floor_plan.cores_do_not_import_the_world, {"goodstanding/net/tcp.py": "import ssl"}, 0),
    (floor_plan.cores_do_not_import_the_world, {"goodstanding/outside.py": "import ssl, socket"}, 1),
    (floor_plan.cores_do_not_call_the_world, {QUEUE: "open('x')"}, 1),
    (floor_plan.cores_do_not_call_the_world, {QUEUE: "datetime.datetime.now(UTC)"}, 1),
    (floor_plan.cores_do_not_call_the_world, {QUEUE: "Path('x').read_text()"}, 1),
    (floor_plan.cores_do_not_call_the_world, {QUEUE: "clock.now()"}, 0),
    (floor_plan.cores_do_not_call_the_world, {QUEUE: "resources.files('goodstanding').joinpath('x').read_text()"}, 0),
    (floor_plan.cores_do_not_call_the_world, {LISTENER: "open('x')"}, 0),
    (floor_plan.cores_do_not_wait, {QUEUE: "async def f(): pass"}, 1),
    (floor_plan.cores_do_not_wait, {LISTENER: "async def f(): pass"}, 0),
    (floor_plan.sql_lives_in_store, {QUEUE: "X = 'SELECT 1 FROM t'"}, 1),
    (floor_plan.sql_lives_in_store, {LISTENER: "X = f'DELETE FROM {t}'"}, 1),
    (floor_plan.sql_lives_in_store, {QUEUE: "'''Select one from the list.'''"}, 0),
    (floor_plan.sql_lives_in_store, {"goodstanding/store/queue.py": "X = 'SELECT 1 FROM t'"}, 0),
    (floor_plan.database_drivers_live_in_db, {LISTENER: "import sqlite3"}, 1),
    (floor_plan.database_drivers_live_in_db, {"goodstanding/store/queue.py": "from sqlalchemy import text"}, 1),
    (floor_plan.database_drivers_live_in_db, {"goodstanding/store/db.py": "import sqlite3"}, 0),
    (floor_plan.imports_are_written_in_full, {WIRE: "from . import dkim"}, 1),
    (floor_plan.names_tell_something, {"goodstanding/wire/utils.py": ""}, 1),
    (floor_plan.names_tell_something, {WIRE: "class ReplyManager: pass"}, 1),
    (floor_plan.names_tell_something, {WIRE: "class BaseReply: pass"}, 1),
    (floor_plan.names_tell_something, {WIRE: "def process_reply(): pass"}, 1),
    (floor_plan.names_tell_something, {WIRE: "class Based: pass"}, 0),
    (floor_plan.files_stay_short, {WIRE: "#\n" * 401}, 1),
    (floor_plan.files_stay_short, {WIRE: "#\n" * 400}, 0),
    (floor_plan.functions_stay_short, {WIRE: "def f():\n" + "    1\n" * 60}, 1),
    (floor_plan.functions_stay_short, {WIRE: "def f():\n" + "    1\n" * 59}, 0),
    (floor_plan.the_usual_function_is_short, {WIRE: "def f():\n" + "    1\n" * 10}, 1),
    (floor_plan.parameters_stay_few, {WIRE: "def f(a, b, c, d, *, e, f, g): pass"}, 1),
    (floor_plan.parameters_stay_few, {WIRE: "class A:\n    def f(self, b, c, d, e, f, g): pass"}, 0),
    (floor_plan.parameters_stay_few, {"goodstanding/cli/queue.py": "def f(a, b, c, d, e, f, g): pass"}, 0),
    (floor_plan.rooms_are_introduced, {WIRE: ""}, 1),
    (floor_plan.rooms_are_introduced, {WIRE: "", "goodstanding/wire/__init__.py": "'''Bytes.'''"}, 0),
    (floor_plan.rooms_are_introduced, {WIRE: "", "goodstanding/wire/__init__.py": "'''Bytes.'''\nX = 1"}, 1),
    (floor_plan.rooms_are_introduced, {"goodstanding/wire/__init__.py": "'''Bytes.'''"}, 1),
    (floor_plan.rooms_are_introduced, {"goodstanding/__init__.py": "'''Root.'''\nX = 1"}, 0),
]


@pytest.mark.parametrize(("check", "sources", "complaints"), PLANTED)
def test_a_planted_violation_is_found(check: Check, sources: Sources, complaints: int) -> None:
    assert len(check(sources)) == complaints


IMPORTS = [
    (WIRE, "model", True),
    (WIRE, "events", False),
    (WIRE, "queue.schedule", False),
    (WIRE, "wire.address", True),
    (QUEUE, "wire.reply", True),
    (QUEUE, "settings", True),
    (QUEUE, "delivery.plan", False),
    (QUEUE, "store.queue", False),
    (DELIVERY, "queue.schedule", True),
    (DELIVERY, "delivery.run", False),
    (DELIVERY, "submission.accept", False),
    (LOOP, "delivery.connection", True),
    (LOOP, "queue.schedule", True),
    (LOOP, "store.queue", True),
    (LOOP, "submission.accept", True),
    (LOOP, "submission.smtp_listener", False),
    (LOOP, "net.tcp", False),
    (LOOP, "metrics", True),
    (LISTENER, "delivery.plan", True),
    ("goodstanding/store/queue.py", "queue.lifecycle", True),
    ("goodstanding/store/queue.py", "submission.accept", False),
    ("goodstanding/net/dns.py", "outside", True),
    ("goodstanding/net/dns.py", "store.db", False),
    ("goodstanding/cli/queue.py", "operate", True),
    ("goodstanding/cli/queue.py", "store.queue", True),
    ("goodstanding/cli/queue.py", "queue.schedule", False),
    ("goodstanding/cli/sandbox.py", "sandbox.run", True),
    ("goodstanding/cli/sandbox.py", "sandbox.world", False),
    ("goodstanding/cli/serve.py", "net.dns", True),
    ("goodstanding/app.py", "net.dns", True),
    ("goodstanding/operate/domains.py", "wire.dkim", True),
    ("goodstanding/operate/domains.py", "delivery.run", False),
    ("goodstanding/sandbox/smtp.py", "wire.smtp_server", True),
    ("goodstanding/sandbox/smtp.py", "store.db", False),
    ("goodstanding/sandbox/mailbox.py", "sandbox.smtp", False),
    ("goodstanding/model.py", "errors", True),
    ("goodstanding/model.py", "events", False),
    ("goodstanding/events.py", "wire.reply", False),
]


@pytest.mark.parametrize(("importer", "imported", "allowed"), IMPORTS)
def test_who_may_import_whom(importer: str, imported: str, allowed: bool) -> None:
    room, _, name = imported.rpartition(".")
    written = f"from goodstanding.{room} import {name}" if room else f"from goodstanding import {name}"
    sources = {importer: written, f"goodstanding/{imported.replace('.', '/')}.py": ""}
    assert (floor_plan.imports_follow_the_river(sources) == []) == allowed


def test_an_undeclared_package_is_found() -> None:
    assert floor_plan.only_declared_packages_are_imported({WIRE: "import requests"}, {"os"})

"""Writes the pages of docs/ that are drawn from code: ``python -m goodstanding.cli.reference [--check]``."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import Field, fields, is_dataclass
from enum import EnumType
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import typer
from msgspec import structs
from typer.core import TyperArgument, TyperOption

from goodstanding.cli.check import written
from goodstanding.cli.reference_api import render_api
from goodstanding.cli.reference_assumptions import render_assumptions
from goodstanding.events import KINDS
from goodstanding.metrics import METRICS
from goodstanding.model import BounceClass
from goodstanding.operate.explaining import reasons
from goodstanding.operate.ladder import edges_told, rungs
from goodstanding.operate.payloads import shown
from goodstanding.operate.reports import classes
from goodstanding.sandbox.behaviour import BehaviourSettings, Expectation, Habits
from goodstanding.sandbox.placement import Lines
from goodstanding.settings import Settings

HEAD = "<!-- Written by `make docs`; change the code it is drawn from. -->\n"


# --- settings --------------------------------------------------------------------------------------------------------


def render_settings() -> str:
    """Every setting with its type, default, bounds and meaning, a section for each table."""
    parts = [
        f"# Settings\n\n{HEAD}",
        "One TOML file, given with `--config`, in `$GOODSTANDING_CONFIG`, or found as `./goodstanding.toml`; every\n"
        "setting has a default, and `--set path=value` overrides one. `goodstanding check` prints the whole tree in\n"
        "effect and every problem at once; an unknown setting is a problem. Times are seconds, sizes bytes.\n",
        *_settings_of(Settings, "", "Settings of the whole machine, at the top of the file.", repeated=False),
    ]
    return "\n".join(parts)


def _settings_of(kind: type[Any], path: str, meaning: str, *, repeated: bool) -> Iterator[str]:
    """A section for one dataclass of the tree, then the sections below it."""
    if path:
        yield f"## `{'[[' if repeated else '['}{path}{']]' if repeated else ']'}`\n\n{_sentence(meaning)}\n"
    else:
        yield f"{_sentence(meaning)}\n"
    hints = get_type_hints(kind)
    rows, below = [], []
    for field in fields(kind):
        inner = _table_in(hints[field.name])
        if inner is None:
            rows.append(_setting_row(field, hints[field.name]))
        else:
            below.append((inner, f"{path}.{field.name}".lstrip("."), field.metadata["help"], hints[field.name]))
    yield _page_table(("setting", "type", "default", "meaning"), rows)
    for inner, name, help_line, hint in below:
        yield from _settings_of(inner, name, help_line, repeated=get_origin(hint) is tuple)


def _table_in(hint: Any) -> type[Any] | None:
    """The dataclass a setting holds, alone or in a list."""
    found = get_args(hint)[0] if get_origin(hint) is tuple else hint
    return found if is_dataclass(found) and isinstance(found, type) else None


def _setting_row(field: Field[Any], hint: Any) -> tuple[str, ...]:
    least, most = field.metadata["least"], field.metadata["most"]
    bounds = f"; {_bounds(least, most)}" if least is not None or most is not None else ""
    return f"`{field.name}`", _type_name(hint), f"`{written(field.default)}`", f"{field.metadata['help']}{bounds}"


def _bounds(least: float | None, most: float | None) -> str:
    if most is None:
        return f"at least {least:,.10g}"
    return f"{least:,.10g} to {most:,.10g}"


def _type_name(hint: Any) -> str:
    """A type as TOML knows it; a choice as its words."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    if hint in names:
        return names[hint]
    if get_origin(hint) is tuple:
        inner = _type_name(get_args(hint)[0])
        return f"list of {inner}" if inner.startswith("`") else f"list of {inner}s"
    return ", ".join(f"`{choice}`" for choice in (get_args(hint) or hint))


# --- events ----------------------------------------------------------------------------------------------------------


def render_events() -> str:
    """Every kind of event with its fields."""
    parts = [
        f"# Events\n\n{HEAD}",
        "What the journal records, in the past tense; the same words stand in the mail log and the metrics, and\n"
        "`goodstanding trace` tells them as a story. `at` is the second (Unix time) it happened; `n` counts the\n"
        "recipients of a message from 0.\n",
    ]
    for kind, of in KINDS.items():
        notes = _field_notes(of)
        hints = {name: getattr(hint, "__name__", str(hint)) for name, hint in get_type_hints(of).items()}
        rows = [(f"`{one.encode_name}`", hints[one.name], notes.get(one.name, "")) for one in structs.fields(of)]
        parts.append(f"## {kind}\n\n{inspect.getdoc(of)}\n")
        parts.append(_page_table(("field", "type", "meaning"), rows))
    return "\n".join(parts)


def _field_notes(of: type[Any]) -> dict[str, str]:
    """The docstrings below fields, which Python itself does not keep."""
    tree = ast.parse(inspect.getsource(sys.modules[of.__module__]))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == of.__name__)
    notes = {}
    for field, note in pairwise(body):
        match field, note:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                notes[name] = " ".join(text.split())
    return notes


# --- metrics ---------------------------------------------------------------------------------------------------------


def render_metrics() -> str:
    """Every metric with its kind and meaning."""
    rows = [(f"`{m.name}`", m.kind, f"`{m.label}`" if m.label else "", m.help) for m in METRICS]
    intro = (
        "Prometheus metrics, at `metrics.address` and `metrics.port`. One page for all workers: counters are summed,\n"
        "those of workers that died included.\n"
    )
    return "\n".join([f"# Metrics\n\n{HEAD}", intro, _page_table(("metric", "kind", "label", "meaning"), rows)])


# --- command line ----------------------------------------------------------------------------------------------------


def render_cli() -> str:
    """Every command with its arguments and options."""
    from goodstanding.cli.main import app

    intro = (
        "Every command takes `--help`. With `--json` it prints one JSON document on one line (lists that may be long:\n"
        'one object a line), and problems go to stderr as `{"problems": [...]}`.\n\n'
        + _page_table(
            ("exit code", "meaning"),
            [
                ("0", "done"),
                ("1", "a problem was found; stderr says which and what to do"),
                ("2", "the command line is wrong"),
                ("130", "stopped by Ctrl-C"),
            ],
        )
    )
    return "\n".join([f"# Commands\n\n{HEAD}", intro, *_commands(typer.main.get_command(app), "goodstanding")])


def _commands(command: Any, name: str) -> Iterator[str]:
    """The section of a command, then those of its subcommands."""
    inner = getattr(command, "commands", {})
    if name != "goodstanding":
        yield f"## {name}\n\n{inspect.cleandoc(command.help or '')}\n"
        arguments = [p for p in command.params if isinstance(p, TyperArgument)]
        options = [p for p in command.params if isinstance(p, TyperOption) and p.name != "help"]
        usage = " ".join([name, *(["[OPTIONS]"] if options else []), *(p.metavar or "" for p in arguments)])
        if not inner or options:
            yield f"    {usage}\n"
        rows = [*((f"`{p.metavar}`", p.help or "") for p in arguments), *map(_option_row, options)]
        if rows:
            yield _page_table(("argument or option", "meaning"), rows)
    for word, below in inner.items():
        yield from _commands(below, f"{name} {word}")


def _option_row(option: TyperOption) -> tuple[str, str]:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    if not option.is_flag:
        names += f" {option.metavar or _option_type(option)}"
    default = "" if option.default in (None, False, "") or option.multiple else f" Default: {option.default}."
    if option.secondary_opts:
        default = f" Default: {option.opts[0] if option.default else option.secondary_opts[0]}."
    return names, f"{option.help or ''}{default}"


def _option_type(option: TyperOption) -> str:
    kind = option.type_descriptor.annotation
    return (
        "|".join(kind)
        if isinstance(kind, EnumType)
        else {int: "NUMBER", float: "NUMBER", Path: "FILE"}.get(kind, "TEXT")
    )


# --- reasons ---------------------------------------------------------------------------------------------------------


def render_reasons() -> str:
    """Every reason a finding can name: what it means, why, and what to do."""
    parts = [
        f"# Reasons\n\n{HEAD}",
        "Whatever admission finds or enforcement orders has a slug; replies, notices, the journal and\n"
        "`goodstanding why` name it, and `goodstanding reasons SLUG` prints what stands here. All rules run and all\n"
        "findings are told; the strictest decides. *accept* is a remark, *quarantine* holds, *defer* is a temporary\n"
        "refusal, *refuse* a final one.\n",
    ]
    for slug, reason in reasons().items():
        actions = ", ".join(f"*{action.value}*" for action in reason.actions)
        parts.append(f"## {slug}\n\n**{reason.title}** ({actions}). {reason.what}\n")
        parts.append(f"Why: {reason.why}\n\nWhat to do: {reason.do}\n")
    return "\n".join(parts)


# --- the ladder -----------------------------------------------------------------------------------------------------


def render_ladder() -> str:
    """The rungs and the edges of the ladder, drawn and as tables."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for edge in edges_told():
        arrows.setdefault((edge.rung, edge.to), []).append(edge.cause)
    drawn = [f"    {rung} --> {to}: {', '.join(causes)}" for (rung, to), causes in arrows.items()]
    parts = [
        f"# The ladder\n\n{HEAD}",
        "Where an account can stand, and what leads from where to where. Each edge is one move: orders, a notice to\n"
        "the tenant and a line in the journal, in one transaction ([enforcement](enforcement.md)). A cause moves the\n"
        "hand that is named; of system and operator the stricter rung is in effect.\n",
        "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> good", *drawn, "```"]) + "\n",
        "## Rungs, the mildest first\n",
        _page_table(
            ("rung", "orders about a sender's mail", "orders about an egress address", "what it means"),
            [
                (f"`{one.rung}`", ", ".join(one.sender) or "none", ", ".join(one.address) or "none", one.means)
                for one in rungs()
            ],
        ),
        "## Edges\n",
        _page_table(
            ("from", "cause", "to", "hand", "level of evidence", "what is told"),
            [
                (f"`{e.rung}`", f"`{e.cause}`", f"`{e.to}`", " and ".join(e.hands), e.level, e.happened)
                for e in edges_told()
            ],
        ),
    ]
    return "\n".join(parts)


# --- bounce classes --------------------------------------------------------------------------------------------------


def render_classes() -> str:
    """Every class of a bounce: what it means, whether it is hard, how far it reaches."""
    meant = {name.id: text for name, text in _enum_words(BounceClass)}
    rows = [
        (f"`{klass}`", "**hard**" if meaning.hard else "soft", meaning.reach, _sentence(meant[klass.name]))
        for klass, meaning in classes().items()
    ]
    return (
        f"# Classes of bounces\n\n{HEAD}\n"
        "Why a mail was not taken, and what usually follows ([feedback.md](feedback.md) tells how it is found out).\n"
        "Hard is a reason to suppress the recipient, and only said of permanent refusals; reach is who else is slowed."
        "\n\n" + _page_table(("class", "", "reach", "meaning"), rows)
    )


def _enum_words(of: type) -> Iterator[tuple[ast.Name, str]]:
    """The members of an enum and the strings written below them."""
    tree = ast.parse(inspect.getsource(sys.modules[of.__module__]))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == of.__name__)
    for member, below in pairwise(body):
        match member, below:
            case ast.Assign(targets=[ast.Name() as name]), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())


# --- the sandbox's rates ----------------------------------------------------------------------------------------------


def render_rates() -> str:
    """Every rate of the sandbox's people and every line of its providers, with where it comes from."""
    usual, kinds = BehaviourSettings(), list(Expectation)
    acts = [field.name for field in fields(Habits)]
    habits = [(f"`{kind}`", *(f"{getattr(usual.habits(kind), act):.5g}" for act in acts)) for kind in kinds]
    notes = _field_notes(BehaviourSettings)
    rows = [(f"`{f.name}`", _figure(getattr(usual, f.name)), notes.get(f.name, "")) for f in fields(BehaviourSettings)]
    lines, drawn = Lines(), _field_notes(Lines)
    drawn_lines = [
        (f"`{f.name}`", f"{getattr(lines, f.name):.10g}", drawn.get(f.name, "")) for f in structs.fields(Lines)
    ]
    columns = ("setting", "usual", "meaning and source")
    return "\n".join(
        [
            f"# Rates of the sandbox\n\n{HEAD}",
            "How often people act, and where mailbox providers draw their lines; [sandbox.md](sandbox.md) tells how\n"
            "they are used. Shares are fractions, times seconds. Whatever has no source is called an assumption: the\n"
            "sandbox shows mechanisms, it does not predict figures.\n",
            "## People\n\nShares of messages in the inbox on which people act, `rescued` of those in junk.\n",
            _page_table(("expectation", *(f"`{act}`" for act in acts)), habits),
            _page_table(columns, rows),
            "## Providers\n\nWhere a provider of `providers.toml` has a line of its own, it stands there, below "
            "`[provider.reputation]`.\n",
            _page_table(columns, drawn_lines),
        ]
    )


def _figure(value: float | Habits) -> str:
    return "see above" if isinstance(value, Habits) else f"{value:.10g}"


# --- pages -----------------------------------------------------------------------------------------------------------


def _page_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    bar = "\\|"
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', bar) for cell in cells)} |" for cells in lines) + "\n"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def render_payloads() -> str:
    """One event of each kind that endpoints are told, as it is posted."""
    parts = [
        f"# Payloads of webhooks\n\n{HEAD}",
        "One event of each kind, as it is posted; [webhooks.md](webhooks.md) tells the rest. With `--shape eventgrid`\n"
        "a POST is an array like the first; all others are shown as `--shape cloudevents` posts them. The fields of\n"
        "`data` are the same in both. Times are UTC; what is not known is empty or null. A name that is here stays;\n"
        "new ones may come.\n",
    ]
    for kind, words, document in shown():
        parts.append(f"## `{kind}`: {words}\n\n```json\n{document}\n```\n")
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "settings": render_settings,
    "events": render_events,
    "metrics": render_metrics,
    "cli": render_cli,
    "reasons": render_reasons,
    "ladder": render_ladder,
    "classes": render_classes,
    "rates": render_rates,
    "payloads": render_payloads,
    "api": render_api,
    "assumptions": render_assumptions,
}


def main(arguments: list[str]) -> int:
    """Write the pages into docs/, or with ``--check`` only say which are stale."""
    folder = Path("docs")
    stale = []
    for name, render in PAGES.items():
        path, text = folder / f"{name}.md", render()
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(str(path))
            if "--check" not in arguments:
                path.write_text(text, "utf-8")
    for path_name in stale:
        print(f"{path_name} {'is stale: run make docs' if '--check' in arguments else 'written'}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

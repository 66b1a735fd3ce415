"""How commands speak: tables for people, one JSON document for programs, one line for each thing that is wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from rich import box
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 160
"""Columns of a table nobody sees on a terminal: wide enough not to cut replies and addresses."""

STATE_STYLES = {"waiting": "cyan", "claimed": "blue", "held": "yellow", "stopped": "red"}
EVENT_STYLES = {
    "accepted": "bold",
    "delivered": "green",
    "deferred": "yellow",
    "delay-warned": "yellow",
    "bounced": "red",
    "refused": "red",
    "quarantined": "yellow",
    "judged": "yellow",
    "quarantine-ended": "magenta",
    "suppressed": "red",
    "unsubscribed": "red",
    "unsuppressed": "magenta",
    "domain-checked": "cyan",
    "estate-changed": "magenta",
    "dropped": "magenta",
    "held": "magenta",
    "released": "magenta",
    "retried": "magenta",
    "ladder-moved": "yellow",
    "order-issued": "yellow",
    "order-ended": "green",
    "reviewed": "magenta",
}


def console(*, errors: bool = False) -> Console:
    """Where to print; piped output is as wide as it needs to be."""
    found = Console(stderr=errors, highlight=False, markup=False, emoji=False)  # [this] is text, not a command
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = PIPED_WIDTH
    return found


def show(as_json: bool, document: object, drawing: RenderableType) -> None:
    """The same for programs or for people."""
    if as_json:
        print_json(document)
    else:
        console().print(drawing)


def print_json(document: object) -> None:
    """One document on one line."""
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")


def complain(problems: Sequence[str], as_json: bool) -> None:
    """What is wrong, on stderr: a line each."""
    if as_json:
        sys.stderr.write(msgspec.json.encode({"problems": problems}).decode() + "\n")
        return
    out = console(errors=True)
    for problem in problems:
        out.print(Text.assemble(("goodstanding: ", "bold red"), problem), soft_wrap=True)


def table(*columns: str, title: str | None = None, numbers: Sequence[str] = ()) -> Table:
    """An empty table in the one look all commands share; ``numbers`` names the columns that align right."""
    drawn = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, header_style="bold")
    for column in columns:
        right = column in numbers
        drawn.add_column(column, justify="right" if right else "left", no_wrap=right, overflow="fold")
    return drawn


def progress(title: str, total: int) -> tuple[Progress, Callable[[int], None]]:
    """A bar on stderr, and how to move it; enter it with ``with``. Nothing is drawn when nobody watches."""
    err = console(errors=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    task = bar.add_task(title, total=total)
    return bar, lambda done: bar.update(task, completed=done)


def foreign(text: str, style: str = "") -> Text:
    """Words of a stranger: a reply, a subject, an address. What could steer the terminal is made visible instead."""
    return Text("".join(char if char.isprintable() else "\ufffd" for char in text), style)


def moment(at: float, *, seconds: bool = True) -> str:
    """A second as people here write it: ``2026-11-23 14:05:09``, local time."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def day(at: float) -> str:
    """``2026-11-23``, local time."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d")


def span(seconds: float) -> str:
    """A length of time in its two largest units: ``340 ms``, ``2.5 s``, ``4 min 10 s``, ``2 d 3 h``."""
    if seconds < 0.9995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    large, name, small, smaller = next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])
    whole, rest = divmod(round(seconds), large)
    return f"{whole} {name} {rest // small} {smaller}" if rest // small else f"{whole} {name}"


_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def until(due: float, now: float) -> str:
    """When something is due: ``now`` or ``in 4 min 10 s``."""
    return f"in {span(due - now)}" if due > now else "now"


def octets(size: int) -> str:
    """A size: ``812 B``, ``10.0 KiB``, ``2.4 MiB``."""
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:.1f} KiB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MiB"

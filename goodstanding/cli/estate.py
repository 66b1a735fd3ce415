"""``goodstanding apply`` and ``goodstanding export``, and how every change of the estate is shown."""

from __future__ import annotations

import getpass
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from goodstanding.admission.estate import Domain
from goodstanding.admission.estate_plan import Change, shown
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, Estate, JsonOption, opened
from goodstanding.errors import GoodstandingError
from goodstanding.maillog import MailLog
from goodstanding.model import Stream
from goodstanding.operate import estate as verbs
from goodstanding.operate.estate import Place, Result, Terms

MARKS = {"add": ("+", "green"), "change": ("~", "yellow"), "remove": ("-", "red")}
COUNTED = {"add": "added", "change": "changed", "remove": "removed"}
LEARNED = "Running workers learn it within a second."


def apply(
    document: Annotated[Path, typer.Argument(metavar="FILE", help="The estate file (TOML); - reads standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and whether it would go through.")] = False,
    allow_destructive: Annotated[
        bool, typer.Option("--allow-destructive", help="Also remove things, and move domains and pools.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make tenants, subscriptions, domains, senders and pools what a file says: all of it, or nothing."""
    text = _text(document)
    with opened(config) as estate, terminal.console(errors=True).status("Applying (new domains take a moment)"):
        result = verbs.apply(place(estate), text, terms(estate, rehearse=dry_run, allow_destructive=allow_destructive))
    if result.plan.changes or result.refused:
        return tell(result, as_json, rehearsed=dry_run)
    terminal.show(as_json, _document(result), "Nothing to do: the estate is as the file says.")
    return 0


def export(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the estate as a file that apply accepts unchanged; no secrets are in it."""
    with opened(config, present=True) as estate:
        if as_json:
            terminal.print_json(verbs.present(estate.database))
        else:
            sys.stdout.write(verbs.export(estate.database))


def _text(document: Path) -> str:
    try:
        octets = sys.stdin.buffer.read() if str(document) == "-" else document.read_bytes()
        return octets.decode("utf-8")
    except OSError as exc:
        raise GoodstandingError(f"estate file {document}: {exc.strerror}; name a file, or - to read it") from exc
    except UnicodeDecodeError as exc:
        raise GoodstandingError(f"estate file {document} is not UTF-8 text ({exc.reason} at byte {exc.start})") from exc


def given(**options: object) -> dict[str, Any]:
    """The options that were typed; words of a choice as plain text."""
    return {
        name: str(value) if isinstance(value, StrEnum) and not isinstance(value, Stream) else value
        for name, value in options.items()
        if value is not None
    }


def place(estate: Estate) -> Place:
    """The installation of a command."""
    return Place(estate.settings, estate.database, estate.master)


def terms(estate: Estate, *, rehearse: bool = False, allow_destructive: bool = False) -> Terms:
    """In the name of whoever types, with a line in the relay's mail log where that is a file."""
    where = estate.settings.log.mail
    if where in ("off", "stderr"):
        return Terms(getpass.getuser(), rehearse, allow_destructive)
    return Terms(getpass.getuser(), rehearse, allow_destructive, MailLog(where).tell)


def tell(result: Result, as_json: bool, *, rehearsed: bool = False) -> int:
    """Show a plan and what became of it; the exit code."""
    if as_json:
        terminal.print_json(_document(result))
    elif result.plan.changes:
        terminal.console().print(Group(*map(_drawn, result.plan.changes), *_verdict(result, rehearsed)))
    elif not result.refused:
        terminal.console().print("Nothing to do: it is so already.")
    if result.refused:
        terminal.complain(
            ["refused, and nothing was changed:", *result.refused] if not as_json else result.refused, as_json
        )
    return 1 if result.refused else 0


def _drawn(change: Change) -> Text:
    mark, style = MARKS[change.verb]
    line = Text.assemble((f"{mark} ", style), (change.what, "bold"))
    for detail in change.details:
        line.append(f"\n    {detail.field:<16} ", "dim")
        if change.verb == "change":
            line.append(f"{shown(detail.before)} -> ", "dim")
        line.append_text(terminal.foreign(shown(detail.after), style))
    if change.destroys:
        line.append(f"\n    destructive: {change.destroys}", "bold red")
    return line


def _verdict(result: Result, rehearsed: bool) -> list[RenderableType]:
    """What was done, in numbers, and what is left to do."""
    counts = [
        f"{sum(change.verb == verb for change in result.plan.changes):,} {word}"
        for verb, word in COUNTED.items()
        if any(change.verb == verb for change in result.plan.changes)
    ]
    if result.refused:
        return []
    if rehearsed:
        flag = " with --allow-destructive" if result.plan.destructive else ""
        return [Text(f"\nDry run: {', '.join(counts)}, nothing done. It would go through{flag}.", "dim")]
    fresh = [
        change.entry.name for change in result.plan.changes if change.verb == "add" and isinstance(change.entry, Domain)
    ]
    hints = [f"Publish its DNS records: goodstanding domain records {name}" for name in fresh[:5]]
    hints += [f"... and of {len(fresh) - 5} more domains."] if len(fresh) > 5 else []
    return [Text(f"\nDone: {', '.join(counts)}. {LEARNED}", "green"), *hints]


def _document(result: Result) -> dict[str, object]:
    return {
        "applied": result.applied,
        "refused": result.refused,
        "changes": [
            {"verb": change.verb, "what": change.what, "details": change.details, "destroys": change.destroys}
            for change in result.plan.changes
        ],
    }

"""``goodstanding reputation``: what the evidence says of a key, and why."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.operate import reputation
from goodstanding.operate.reputation import Behind, Charge, Policy, Shown, Standing, odds, percent, stretched
from goodstanding.settings import ReputationSettings

app = typer.Typer(help="What the evidence says of senders, campaigns, domains and addresses.", no_args_is_help=True)
KeyArgument = Annotated[
    str,
    typer.Argument(metavar="KEY", help="campaign:N, subscription:tenant/app, link:, domain:, ip: or tenant:NAME."),
]
_LEVELS = {"watched": "yellow", "slowed": "dark_orange", "penalty": "red", "suspended": "bold red"}


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every key that has to answer for something, narrowest first."""
    with opened(config) as estate:
        found = reputation.known(estate.database, *_terms(estate.settings.reputation))
    nobody = "Nothing has to answer for anything now. Who is on a rung: goodstanding standing list"
    terminal.show(as_json, found, _charges(found) if found else nobody)


@app.command()
def show(key: KeyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the standing of a key: evidence, counts and bounds for every signal, and its load line."""
    with opened(config) as estate:
        settings = estate.settings.reputation
        found = reputation.show(estate.database, key, *_terms(settings), speed=settings.speed)
    terminal.show(as_json, found, Group(*_drawn(found)))


@app.command()
def why(
    key: KeyArgument,
    limit: Annotated[int, typer.Option(help="Most messages behind it, newest first.", min=1)] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell why a key stands as it does: the evidence in words, who answers for it, and the messages behind it."""
    with opened(config) as estate:
        settings = estate.settings.reputation
        found = reputation.why(estate.database, key, *_terms(settings), limit, settings.speed)
    parts: list[RenderableType] = [*_drawn(found.shown)]
    if found.narrower:
        parts += [Text("Narrower keys that answer for some of it", "bold"), _charges(found.narrower)]
    parts.append(_behind(found.behind) if found.behind else "Nothing counts against it.")
    terminal.show(as_json, found, Group(*parts))


@app.command()
def rebuild(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Build everything anew from the journal; the result is the same, or something was wrong."""
    with opened(config) as estate:
        bar, moved = terminal.progress("events", reputation.events_in(estate.database))
        with bar:
            found = reputation.rebuild(estate.database, moved, estate.settings.reputation.speed)
    told = f"{found.events:,} events folded: {found.keys:,} keys, {found.cells:,} cells."
    if found.unread:
        first = found.unread[0]
        told += f" Journal entries that cannot be read and count for nothing: {len(found.unread):,}, "
        told += f"from number {first.seq} ({first.kind}: {first.why}) on."
    terminal.show(as_json, found, told)


def _terms(settings: ReputationSettings) -> tuple[Policy, float]:
    """The lines that hold here, and the present second in the recipients' time."""
    return reputation.policy_of(settings), stretched(time.time(), settings.speed)


def _drawn(shown: Shown) -> list[RenderableType]:
    """A headline, what it answers for, every signal, and the load line."""
    clear = "" if shown.charges else "  nothing has to answer for anything now"
    head = Text.assemble(
        (shown.key, "bold"), (clear, "green"), (f"  rung: {shown.rung}" if shown.rung else "", "yellow")
    )
    if shown.since:
        head.append(f"  evidence since {terminal.moment(shown.since)}, when it was reinstated", "dim")
    if shown.waiting:
        head.append(f"  {shown.waiting:,} journal entries are not in it yet", "yellow")
    loads = [Text(f"{stream or 'no stream'}: {load.words}", "dim") for stream, load in shown.loads.items()]
    return [head, *([_charges(shown.charges)] if shown.charges else []), _standings(shown.standings), *loads, ""]


def _charges(found: list[Charge]) -> Table:
    drawn = terminal.table("key", "stream", "level", "because")
    for one in found:
        drawn.add_row(str(one.key), one.stream, Text(one.level, _LEVELS[one.level]), one.words)
    return drawn


def _standings(found: list[Standing]) -> Table:
    evidence = ("evidence against target", "against ceiling", "against limit")
    numbers = ("events", "of", "rate", "at least", "at most", *evidence)
    drawn = terminal.table("stream", "signal", *numbers, numbers=numbers)
    for one in found:
        rates = [f"{rate:.2%}" for rate in (one.estimate, one.low, one.high)]
        values = zip((one.e_target, one.e_ceiling, one.e_limit), one.lines, strict=True)
        against = [f"{odds(value) if value >= 2.0 else 'none'} ({percent(line)})" for value, line in values]
        drawn.add_row(one.stream, one.signal.value, f"{one.events:,}", f"{one.exposure:,.0f}", *rates, *against)
    return drawn


def _behind(found: list[Behind]) -> Table:
    drawn = terminal.table("when", "signal", "message", "recipient", "campaign", "what was said")
    for one in found:
        words = terminal.foreign(one.recipient), str(one.campaign or ""), terminal.foreign(one.words)
        drawn.add_row(terminal.moment(one.at), one.signal.value, one.message, *words)
    return drawn

"""``goodstanding standing``: who is watched, slowed or stopped, why, and the operator's hand."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.cli.estate import LEARNED
from goodstanding.maillog import MailLog
from goodstanding.model import Rung, Stream
from goodstanding.operate import enforcement as verbs
from goodstanding.operate.enforcement import Desk, Position, Shown, Verb
from goodstanding.store import estate as estates

app = typer.Typer(help="Who is watched, slowed or stopped, and why.", no_args_is_help=True)

RUNG_STYLES = {
    Rung.GOOD: "green",
    Rung.WATCHED: "yellow",
    Rung.SLOWED: "yellow",
    Rung.PENALTY: "magenta",
    Rung.SUSPENDED: "red",
    Rung.REINSTATED: "cyan",
    Rung.CLOSED: "bold red",
}
KeyArgument = Annotated[
    str, typer.Argument(metavar="KEY", help="campaign:17, subscription:shop/news, tenant:shop, domain:, link: or ip:.")
]
Because = Annotated[str, typer.Option(help="Why; the tenant is told, and it is kept.")]
Days = Annotated[float, typer.Option(help="For so many days; 0: until lifted.", min=0.0, show_default=True)]
StreamOption = Annotated[
    Stream | None, typer.Option("--stream", help="Only its mail of this stream.", show_default=False)
]


@contextmanager
def desk(config: ConfigOption) -> Iterator[Desk]:
    """The operator at work on an installation."""
    with opened(config) as estate:
        with estate.database.read() as tx:
            register = estates.view(tx)
        policy = verbs.policy_of(estate.settings, estate.master, register)
        where = estate.settings.log.mail
        told = MailLog(where).tell if where not in ("off", "stderr") else verbs.nobody_told
        yield Desk(estate.database, policy, getpass.getuser(), told=told)


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List everybody who is not in good standing."""
    with opened(config, present=True) as estate:
        found = verbs.listing(estate.database)
    documents = [
        {"position": position, "effective": position.effective, "orders": orders} for position, orders in found
    ]
    drawn = terminal.table("key", "stream", "rung", "since", "orders", "because")
    for position, orders in found:
        would = "would be " if position.shadow else ""
        rung = Text(f"{would}{position.effective}", RUNG_STYLES[position.effective])
        ordered = "\n".join(dict.fromkeys(_ordered(order.what, order.rate, order.provider) for order in orders))
        because = terminal.foreign(position.because)
        since = terminal.moment(position.since, seconds=False)
        drawn.add_row(str(position.account.key), position.account.stream, rung, since, ordered, because)
    terminal.show(as_json, documents, drawn if found else "Everybody is in good standing.")


def _ordered(what: str, rate: float, provider: str) -> str:
    said = f"{what} {rate:,.0f}/h" if rate else what
    return f"{said} ({provider})" if provider else said


@app.command()
def show(key: KeyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show where a key stands: evidence, orders, history, and the link of its standing page."""
    with desk(config) as at:
        found = verbs.show(at, key)
    terminal.show(as_json, found, Group(*(_drawn(one) for one in found)))


def _drawn(shown: Shown) -> RenderableType:
    page = shown.page
    hands = f"system {page.system}, operator {page.operator}"
    lines: list[RenderableType] = [
        Text.assemble((f"{page.name}: ", "bold"), (page.title, RUNG_STYLES[page.effective]), f"   ({hands})"),
    ]
    if page.since:
        lines.append(f"since {terminal.moment(page.since)}, by {page.by}: {page.happened}")
        lines.append(terminal.foreign(page.because))
    lines += [*page.means, *page.do]
    lines += [f"finding, {one.impact}{', answered' if one.answered else ''}: {one.words}" for one in page.findings]
    for order in page.orders:
        until = f" until {terminal.moment(order.until)}" if order.until else ""
        lines.append(f"order: {_ordered(order.what, order.rate, order.provider)}{until}")
    lines += [
        f"{terminal.moment(one.at)}  {one.came_from} -> {one.rung}  {one.cause}, by {one.by}: {one.because}"
        for one in page.history
    ]
    if page.case:
        lines.append(f"review {page.case}: {page.case_state}")
    lines.append(Text(f"page: {shown.link}" if shown.link else "page: none, web.port is 0", "dim"))
    return Group(*lines, "")


@app.command()
def slow(
    key: KeyArgument,
    because: Because,
    days: Days = 0.0,
    stream: StreamOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let mail of a key out at the slow rate only."""
    _impose(config, (key, "slow", because), days, stream, as_json)


@app.command()
def suspend(
    key: KeyArgument,
    because: Because,
    days: Days = 0.0,
    stream: StreamOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse new mail of a key and hold what waits."""
    _impose(config, (key, "suspend", because), days, stream, as_json)


@app.command()
def close(
    key: KeyArgument,
    because: Because,
    stream: StreamOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a key: as suspended, but no review ends it, only reinstate."""
    _impose(config, (key, "close", because), 0.0, stream, as_json)


def _impose(
    config: ConfigOption, said: tuple[str, Verb, str], days: float, stream: Stream | None, as_json: bool
) -> None:
    key, verb, because = said
    with desk(config) as at:
        found = verbs.impose(at, key, verb, because, seconds=days * 86_400, stream=stream or "")
    _tell(as_json, [found])


@app.command()
def reinstate(
    key: KeyArgument,
    because: Because,
    stream: StreamOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a key go on, on probation: its evidence starts anew, its rate rises by steps."""
    with desk(config) as at:
        found = verbs.reinstate(at, key, because, stream or "")
    _tell(as_json, found)


@app.command()
def lift(
    key: KeyArgument,
    because: Because,
    stream: StreamOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back what an operator slowed or suspended: no probation, and evidence stands as it did."""
    with desk(config) as at:
        found = verbs.lift(at, key, because, stream or "")
    _tell(as_json, found)


def _tell(as_json: bool, found: Sequence[Position]) -> None:
    said = [
        f"{_whose(one)} would be {one.effective}: it is in shadow, nothing is applied and nobody told."
        if one.shadow
        else f"{_whose(one)} is {one.effective} now. {LEARNED}"
        for one in found
    ]
    terminal.show(as_json, [{"position": one, "effective": one.effective} for one in found], "\n".join(said))


def _whose(one: Position) -> str:
    return f"{one.account.key} on {one.account.stream}" if one.account.stream else str(one.account.key)

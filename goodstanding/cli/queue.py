"""``goodstanding queue``: what waits, and the verbs that change it."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, Estate, JsonOption, opened
from goodstanding.errors import GoodstandingError
from goodstanding.maillog import MailLog
from goodstanding.model import MessageId, accepted_at, message_name, parse_message_name
from goodstanding.operate import opening
from goodstanding.operate import queue as verbs
from goodstanding.operate.queue import Effect, Order, Watch
from goodstanding.store import listing, queue
from goodstanding.store.listing import Filter, Waiting

app = typer.Typer(help="Look at the queue and change it.", no_args_is_help=True)

FIELDS = [field.name for field in fields(Filter)]
Terms = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID | FIELD=TEXT]...",
        help=f"Which recipients: a message id, or FIELD=TEXT with a FIELD among {', '.join(FIELDS)}. "
        "All terms must agree; * stands for any characters (quote it).",
        show_default=False,
    ),
]
EverythingOption = Annotated[bool, typer.Option("--all", help="Mean the whole queue; needed when no term is given.")]
BecauseOption = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; goes into the journal.")]


@app.command("list")
def list_(
    terms: Terms = None,
    limit: Annotated[int, typer.Option(help="Most recipients to print.", min=1)] = 100,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List recipients that wait, oldest message first. JSON: one object a line."""
    wanted = parse_filter(terms or [])
    with opened(config, present=True) as estate, estate.database.read() as tx:
        found = listing.listing(tx, wanted, limit)
        total = listing.count(tx, wanted)
    if as_json:
        for row in found:
            terminal.print_json(_document(row))
        return
    now = time.time()
    drawn = terminal.table(*_COLUMNS, numbers=("try",))
    for row in found:
        drawn.add_row(*_cells(row, now))
    rest = f"{len(found):,} of {total:,} recipients; --limit shows more." if len(found) < total else ""
    terminal.console().print(Group(drawn, rest) if found else "Nothing waits.")


_COLUMNS = ("message", "accepted", "subscription", "recipient", "state", "due", "try", "last reply")


def _cells(row: Waiting, now: float) -> tuple[str | Text, ...]:
    due = "" if row.state in ("held", "stopped") else "now" if row.state == "claimed" else terminal.until(row.due, now)
    return (
        *(message_name(row.message), terminal.moment(accepted_at(row.message), seconds=False), row.subscription),
        *(terminal.foreign(row.recipient), _state(row), due, str(row.attempts), terminal.foreign(row.last_reply)),
    )


def _state(row: Waiting) -> Text:
    """The state, and what its worker was asked to do."""
    wish = f", {row.wish} asked for" if row.wish else ""
    return Text(row.state + wish, terminal.STATE_STYLES.get(row.state, ""))


def _document(row: Waiting) -> dict[str, object]:
    """A recipient as JSON has it: ids as people write them."""
    document: dict[str, object] = {field.name: getattr(row, field.name) for field in fields(Waiting)}
    return document | {"message": message_name(row.message), "accepted": accepted_at(row.message)}


@app.command()
def summary(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Count what waits by state, stream and destination."""
    with opened(config, present=True) as estate, estate.database.read() as tx:
        counts = listing.summary(tx)
    drawn = terminal.table("state", "stream", "destination", "recipients", "first due", numbers=("recipients",))
    now = time.time()
    for count in counts[:100]:
        state = Text(count.state, terminal.STATE_STYLES.get(count.state, ""))
        due = terminal.until(count.due, now) if count.state == "waiting" else ""
        drawn.add_row(state, count.stream, terminal.foreign(count.destination), f"{count.recipients:,}", due)
    total = sum(count.recipients for count in counts)
    rest = f" in {len(counts):,} groups, the largest 100 shown" if len(counts) > 100 else ""
    terminal.show(as_json, counts, Group(drawn, f"{total:,} recipients{rest}.") if counts else "Nothing waits.")


@app.command()
def show(
    message: Annotated[str, typer.Argument(metavar="ID", help="Message id.")],
    content: Annotated[bool, typer.Option("--content", help="Write the message itself, byte for byte.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a message that waits: every recipient with its state and last reply."""
    wanted = parse_message(message)
    with opened(config, present=True) as estate:
        if content:
            _write_content(estate, wanted)
            return
        with estate.database.read() as tx:
            rows = listing.show(tx, wanted)
    if not rows:
        raise GoodstandingError(f"{message} is not in the queue; its story: goodstanding trace {message}")
    first, now = rows[0], time.time()
    drawn = terminal.table("n", "recipient", "state", "due", "try", "last reply", numbers=("n", "try"))
    for row in rows:
        drawn.add_row(str(row.n), *_cells(row, now)[3:])
    head = Text.assemble(
        ("message ", "dim"), (message, "bold"),
        "  from <", terminal.foreign(first.sender), f">, {terminal.octets(first.size)}\n",
        ("sent by ", "dim"), f"{first.subscription} on stream {first.stream}, ",
        ("accepted ", "dim"), terminal.moment(accepted_at(wanted)),
    )  # fmt: skip
    terminal.show(as_json, [_document(row) for row in rows], Group(head, drawn))


def _write_content(estate: Estate, message: MessageId) -> None:
    """The headers we added and the message as submitted, to stdout."""
    with estate.database.read() as tx:
        place = queue.place_of(tx, message)
        if place is None:
            raise GoodstandingError(f"{message_name(message)} is not in the queue any more, nor are its bytes")
        for part in opening.open_spool(estate.settings, estate.database).read(message, place, tx):
            sys.stdout.buffer.write(part)


@app.command()
def hold(
    terms: Terms = None,
    everything: EverythingOption = False,
    because: BecauseOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop recipients until they are released."""
    order = _order(terms, everything, because)
    with opened(config, present=True) as estate:
        order = _logged(order, estate)
        _carry_out(estate, "held", order, as_json, lambda watch: verbs.hold(estate.database, order, watch))


@app.command()
def release(
    terms: Terms = None, everything: EverythingOption = False, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Let held recipients go on at once."""
    order = _order(terms, everything, "")
    with opened(config, present=True) as estate:
        order = _logged(order, estate)
        _carry_out(estate, "released", order, as_json, lambda watch: verbs.release(estate.database, order, watch))


@app.command()
def retry(
    terms: Terms = None, everything: EverythingOption = False, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Try recipients that wait for later now."""
    order = _order(terms, everything, "")
    with opened(config, present=True) as estate:
        order = _logged(order, estate)
        _carry_out(estate, "retried", order, as_json, lambda watch: verbs.retry(estate.database, order, watch))


@app.command()
def drop(
    terms: Terms = None,
    everything: EverythingOption = False,
    because: BecauseOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take recipients out of the queue for good; nobody is told."""
    order = _order(terms, everything, because)
    with opened(config, present=True) as estate:
        order = _logged(order, estate)
        if not yes:
            _confirm(estate, order.filter)
        spool = opening.open_spool(estate.settings, estate.database)
        _carry_out(estate, "dropped", order, as_json, lambda watch: verbs.drop(estate.database, spool, order, watch))


def _confirm(estate: Estate, wanted: Filter) -> None:
    """Ask before mail is thrown away; without anybody to ask, --yes must have been given."""
    if not sys.stdin.isatty():
        raise GoodstandingError("drop throws mail away; add --yes where nobody can be asked")
    with estate.database.read() as tx:
        total = listing.count(tx, wanted)
    typer.confirm(f"Drop {total:,} recipients for good?", abort=True, err=True)


def _order(terms: list[str] | None, everything: bool, because: str) -> Order:
    if not terms and not everything:
        raise GoodstandingError("say which recipients: a message id, FIELD=TEXT, or --all for the whole queue")
    return Order(parse_filter(terms or []), getpass.getuser(), because)


def _logged(order: Order, estate: Estate) -> Order:
    """The order, with a line in the relay's mail log for everything it does, where that log is a file."""
    where = estate.settings.log.mail
    return order if where in ("off", "stderr") else replace(order, told=MailLog(where).tell)


def _carry_out(estate: Estate, verb: str, order: Order, as_json: bool, act: Callable[[Watch], Effect]) -> None:
    """Do it under a progress bar, and say what came of it."""
    with estate.database.read() as tx:
        total = listing.count(tx, order.filter)
    bar, move = terminal.progress(verb, total)
    with bar:
        effect = act(lambda so_far: move(so_far.changed + so_far.under_way))
    words = f"{effect.changed:,} {verb}"
    if effect.under_way and verb == "released":
        words += f"; {effect.under_way:,} wishes for what is under way withdrawn"
    elif effect.under_way:
        words += f"; {effect.under_way:,} more under way, {verb} if their attempt does not end them"
    terminal.show(as_json, {"verb": verb, "changed": effect.changed, "under_way": effect.under_way}, f"{words}.")


def parse_filter(terms: list[str]) -> Filter:
    """The filter that terms describe; GoodstandingError names the first that does not fit."""
    texts: dict[str, str] = {}
    for term in terms:
        name, equals, text = term.partition("=")
        if not equals:
            name, text = "message", term
        if name not in FIELDS:
            near = get_close_matches(name, FIELDS, 1) or FIELDS
            raise GoodstandingError(f"{term}: there is no field {name}; did you mean {' or '.join(near)}?")
        texts[name] = text
    message = parse_message(texts.pop("message")) if "message" in texts else None
    if texts.get("sender") == "<>":
        texts["sender"] = ""
    return Filter(message=message, **texts)


def parse_message(name: str) -> MessageId:
    """The id behind a message name, or GoodstandingError."""
    message = parse_message_name(name)
    if message is None:
        raise GoodstandingError(f"{name} is not a message id: those have 13 letters and digits, e.g. 00q8jzkh5g000")
    return message

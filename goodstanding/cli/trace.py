"""``goodstanding trace``: the whole story of a message, or of all mail to somebody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from goodstanding.cli import story, terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.errors import GoodstandingError
from goodstanding.events import KIND_OF, Accepted, Event
from goodstanding.model import MessageId, accepted_at, message_name
from goodstanding.operate.tracing import document, stories


def trace(
    what: Annotated[str, typer.Argument(metavar="ID | RECIPIENT", help="A message id or the address of a recipient.")],
    limit: Annotated[int, typer.Option(help="Most messages to one recipient, newest first.", min=1)] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the story of a message: who handed it in, every attempt with its reply, and how it ended.

    For a recipient: of every message to it. JSON: a list of events.
    """
    with opened(config, present=True) as estate, estate.database.read() as tx:
        told, turned_away = stories(tx, what, limit)
    if not told and not turned_away:
        raise GoodstandingError(
            f"the journal knows nothing of {what}: neither a message id nor a recipient it has seen"
        )
    if as_json:
        terminal.print_json([document(event) for events in [*told, turned_away] for event in events])
        return
    drawings = [draw(events, what if "@" in what else "") for events in told]
    if turned_away:
        drawings.append(Group(Text("Refused submissions", "bold"), _timeline(turned_away, several=False)))
    terminal.console().print(Group(*drawings))


def draw(events: Sequence[Event], only: str = "") -> RenderableType:
    """One message as a headline and a timeline; ``only``: leave other recipients out."""
    message = events[0].message
    told = [event for event in events if not only or event.recipient.lower() == only.lower()] or list(events)
    several = len({event.recipient for event in told}) > 1
    return Group(_headline(message, told), _timeline(told, several))


def _headline(message: MessageId, events: Sequence[Event]) -> Text:
    """Which message, and where each recipient stands."""
    by_recipient: dict[int, list[Event]] = {}
    for event in events:
        by_recipient.setdefault(event.n, []).append(event)
    head = Text.assemble(("message ", "dim"), (message_name(message), "bold"), ("  ", ""))
    first = next((event for event in events if isinstance(event, Accepted)), None)
    if first is not None and first.subject:
        head.append(terminal.foreign(f"“{first.subject}”  "))
    fates = [(own[0].recipient, story.fate(own)) for own in by_recipient.values()]
    for i, (recipient, fate) in enumerate(fates[:3]):
        head.append(terminal.foreign(f"{', ' if i else ''}{recipient} "))
        head.append(fate, terminal.EVENT_STYLES.get("bounced" if fate == "expired" else fate, ""))
    if len(fates) > 3:
        head.append(f" and {len(fates) - 3:,} more")
    return head


def _timeline(events: Sequence[Event], several: bool) -> RenderableType:
    drawn = terminal.table(
        terminal.day(events[0].at), "after", *(["recipient"] if several else []), "event", "", numbers=("after",)
    )
    start = accepted_at(events[0].message) if events[0].message else events[0].at
    for event in events:
        kind = KIND_OF[type(event)]
        after = f"+{terminal.span(event.at - start)}" if event.at - start >= 0.001 else ""
        who = [terminal.foreign(event.recipient)] if several else []
        what = Text(kind, terminal.EVENT_STYLES.get(kind, ""))
        when = terminal.moment(event.at)
        if terminal.day(event.at) == terminal.day(events[0].at):
            when = when.partition(" ")[2]
        drawn.add_row(when, after, *who, what, terminal.foreign(story.words(event)))
    return drawn

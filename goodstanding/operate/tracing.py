"""The story of messages, from the journal: who handed one in, every attempt with its reply, and how it ended."""

from __future__ import annotations

import msgspec

from goodstanding.events import KIND_OF, Event
from goodstanding.model import NO_MESSAGE, message_name, parse_message_name
from goodstanding.store import journal
from goodstanding.store.db import Tx


def stories(tx: Tx, what: str, limit: int, tenant: str = "") -> tuple[list[list[Event]], list[Event]]:
    """The stories of a message, or of messages to a recipient, oldest first; and submissions that never became one.

    ``tenant``: only of mail of theirs.
    """
    message = parse_message_name(what)
    if message is not None:
        events = journal.of_message(tx, message, tenant) if message != NO_MESSAGE else []
        return ([events] if events else []), []
    known = dict.fromkeys(message for message in journal.messages_to(tx, what, limit, tenant) if message)
    turned_away = journal.refusals_of(tx, what, limit, tenant)[::-1]
    return [journal.of_message(tx, message, tenant) for message in reversed(known)], turned_away


def document(event: Event) -> dict[str, object]:
    """An event as JSON has it: its kind first, ids as people write them."""
    fields: dict[str, object] = msgspec.to_builtins(event)
    return {"kind": KIND_OF[type(event)]} | fields | {"message": message_name(event.message) if event.message else ""}

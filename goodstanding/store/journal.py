"""The journal: append-only record of what happened; every count can be rebuilt from it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from goodstanding.events import KIND_OF, KINDS, Event
from goodstanding.model import MessageId
from goodstanding.store.db import Row, Tx, Value

_APPEND = "INSERT INTO journal (at, kind, tenant, message, n, recipient, details) VALUES"
_encode = msgspec.json.Encoder().encode
_DECODERS = {kind: msgspec.json.Decoder(of) for kind, of in KINDS.items()}


def append(tx: Tx, events: Sequence[Event]) -> None:
    """Add events in the order given."""
    tx.insert(_APPEND, [_row(event) for event in events])
    tx.appended.extend(events)


def _row(event: Event) -> tuple[Value, ...]:
    return (
        event.at,
        KIND_OF[type(event)],
        event.tenant,
        event.message,
        event.n,
        event.recipient,
        _encode(event).decode(),
    )


def _event(row: Row) -> Event:
    return _DECODERS[row[0]].decode(row[1])


def of_message(tx: Tx, message: MessageId) -> list[Event]:
    """The whole story of a message, oldest first."""
    return [
        _event(row) for row in tx.rows("SELECT kind, details FROM journal WHERE message = ? ORDER BY seq", (message,))
    ]


def messages_to(tx: Tx, recipient: str, limit: int = 50) -> list[MessageId]:
    """The newest messages to an address; the domain is compared without case."""
    local, _, domain = recipient.rpartition("@")
    found = tx.rows(
        "SELECT message FROM journal WHERE recipient IN (?, ?) AND kind IN ('accepted', 'refused') "
        "ORDER BY seq DESC LIMIT ?",
        (recipient, f"{local}@{domain.lower()}", limit),
    )
    return [MessageId(row[0]) for row in found]


def refusals_of(tx: Tx, recipient: str, limit: int = 50) -> list[Event]:
    """The newest submissions to an address that were turned away."""
    rows = tx.rows(  # the IN is the condition of the index, which SQLite must see word for word
        "SELECT kind, details FROM journal WHERE recipient = ? AND kind IN ('accepted', 'refused') "
        "AND kind = 'refused' ORDER BY seq DESC LIMIT ?",
        (recipient, limit),
    )
    return [_event(row) for row in rows]


def after(tx: Tx, cursor: int, limit: int = 1000) -> tuple[list[Event], int]:
    """The events behind a cursor, and the cursor behind the last of them: how a follower reads on."""
    rows = tx.rows("SELECT kind, details, seq FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (cursor, limit))
    return [_event(row) for row in rows], (rows[-1][2] if rows else cursor)


def counts(tx: Tx) -> dict[str, int]:
    """Events by kind, over all the journal keeps."""
    return dict(tx.rows("SELECT kind, COUNT(*) FROM journal GROUP BY kind"))


def prune(tx: Tx, before: float, limit: int = 5000) -> int:
    """Forget at most ``limit`` of the oldest events from before a second; how many went."""
    return tx.run(
        "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal ORDER BY seq LIMIT ?) AND at < ?", (limit, before)
    )

"""The journal: append-only record of what happened; every count can be rebuilt from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct, structs

from goodstanding.events import KIND_OF, KINDS, Accepted, Event
from goodstanding.evidence import Engaged
from goodstanding.model import Identity, MessageId, Touched
from goodstanding.store.db import Row, Tx, Value

_APPEND = "INSERT INTO journal (at, kind, tenant, message, n, recipient, details) VALUES"
_encode = msgspec.json.Encoder().encode
_DECODERS = {kind: msgspec.json.Decoder(of) for kind, of in KINDS.items()}


def append(tx: Tx, events: Sequence[Event]) -> None:
    """Add events in the order given."""
    tx.insert(_APPEND, [_row(event) for event in events])
    tx.appended.extend(events)


def touching(events: Sequence[Event], identity: Identity, known: Touched) -> Iterator[Event]:
    """The events of a message that is queued, with what it touches: some report mail before it counts as delivered."""
    touched = Touched(identity.subscription, identity.stream.value, known.domain, known.campaign, known.links)
    for event in events:
        yield structs.replace(event, touched=touched) if isinstance(event, Accepted) else event


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


def of_message(tx: Tx, message: MessageId, tenant: str = "") -> list[Event]:
    """The whole story of a message, oldest first; ``tenant``: only if it is theirs."""
    sql, values = _of("SELECT kind, details FROM journal WHERE message = ?", (message,), tenant)
    return [_event(row) for row in tx.rows(f"{sql} ORDER BY seq", values)]


def _of(sql: str, values: tuple[Value, ...], tenant: str) -> tuple[str, tuple[Value, ...]]:
    """A query, of one tenant's entries or (empty) of all."""
    return (f"{sql} AND tenant = ?", (*values, tenant)) if tenant else (sql, values)


def of_recipient(tx: Tx, message: MessageId, n: int) -> list[Event]:
    """The story of one recipient of a message, oldest first."""
    rows = tx.rows("SELECT kind, details FROM journal WHERE message = ? AND n = ? ORDER BY seq", (message, n))
    return [_event(row) for row in rows]


def messages_to(tx: Tx, recipient: str, limit: int = 50, tenant: str = "") -> list[MessageId]:
    """The newest messages to an address, of one tenant or of all; the domain is compared without case."""
    local, _, domain = recipient.rpartition("@")
    sql, values = _of(
        "SELECT message FROM journal WHERE recipient IN (?, ?) AND kind IN ('accepted', 'refused')",
        (recipient, f"{local}@{domain.lower()}"),
        tenant,
    )
    return [MessageId(row[0]) for row in tx.rows(f"{sql} ORDER BY seq DESC LIMIT ?", (*values, limit))]


def refusals_of(tx: Tx, recipient: str, limit: int = 50, tenant: str = "") -> list[Event]:
    """The newest submissions to an address that were turned away, of one tenant or of all."""
    sql, values = _of(  # the IN is the condition of the index, which SQLite must see word for word
        "SELECT kind, details FROM journal WHERE recipient = ? AND kind IN ('accepted', 'refused') "
        "AND kind = 'refused'",
        (recipient,),
        tenant,
    )
    return [_event(row) for row in tx.rows(f"{sql} ORDER BY seq DESC LIMIT ?", (*values, limit))]


class Gap:
    """What a follower remembers of a hole in the numbering: who may still fill it.

    PostgreSQL gives out numbers before transactions end, in any order, so a lower one can become visible after a higher
    one was read. A transaction holds its lock on the table from before it takes a number until it has ended: when all
    that held one while the hole was seen have ended, and it is still there, nobody will fill it.
    """

    __slots__ = ("before", "writers")

    def __init__(self) -> None:
        self.before = 0
        """Number of the event behind the hole; 0: none is known."""
        self.writers: frozenset[str] = frozenset()


class Unread(Struct, frozen=True, gc=False):
    """A row that is no event any more: another release wrote it, or something has damaged it."""

    seq: int
    kind: str
    why: str


def after(
    tx: Tx, cursor: int, limit: int = 1000, gap: Gap | None = None, unread: list[Unread] | None = None
) -> tuple[list[Event], int]:
    """The events behind a cursor, and the cursor behind the last of them: how a follower reads on.

    It stops before an event that may have overtaken one which is still being committed. Whoever reads on and on gives
    the same ``gap`` each time; without it, a hole that nobody will fill is passed when nobody is writing. Rows that
    cannot be decoded are passed over and put into ``unread``; without it, they raise.
    """
    rows, past = lines_after(tx, cursor, limit, gap)
    return ([_event(row) for row in rows] if unread is None else _readable(rows, unread)), past


def lines_after(tx: Tx, cursor: int, limit: int, gap: Gap | None = None) -> tuple[list[Row], int]:
    """The same as `after` as (kind, details, number, tenant), for those who decode few of them, with `event_of`."""
    gap = gap or Gap()
    writers = tx.writers_of("journal") if gap.before else frozenset()  # before the rows: what has ended is in them
    query = "SELECT kind, details, seq, tenant FROM journal WHERE seq > ? ORDER BY seq LIMIT ?"
    rows = tx.rows(query, (cursor, limit))
    end = len(rows) if tx.engine == "sqlite" else _sure(rows, cursor, gap, writers)
    if end < len(rows) and rows[end][2] != gap.before:
        gap.before, gap.writers = rows[end][2], tx.writers_of("journal")
        if not gap.writers:  # whoever left the hole has ended by now, perhaps since the rows were read
            rows = tx.rows(query, (cursor, limit))
            end = _sure(rows, cursor, gap, frozenset())
    return rows[:end], (rows[end - 1][2] if end else cursor)


def event_of(kind: str | None, details: str | None) -> Event | None:
    """The event behind a line of the journal; None when there is none, or it cannot be read (`Unread`)."""
    try:
        return _DECODERS[kind or ""].decode(details or "")
    except (KeyError, msgspec.MsgspecError):
        return None


def untraced(kind: str, details: str) -> str:
    """Details without where a reader went and with what: links name people in ways nobody can know."""
    event = event_of(kind, details)
    if not isinstance(event, Engaged):
        return details
    return _encode(structs.replace(event, target="", agent="")).decode()


def _readable(rows: Sequence[Row], unread: list[Unread]) -> list[Event]:
    found: list[Event] = []
    for row in rows:
        try:
            found.append(_event(row))
        except KeyError:
            unread.append(Unread(row[2], row[0], "no such kind of event"))
        except msgspec.MsgspecError as exc:
            unread.append(Unread(row[2], row[0], str(exc)))
    return found


def _sure(rows: Sequence[Row], cursor: int, gap: Gap, writers: frozenset[str]) -> int:
    """How many of these rows have nothing missing before them."""
    for place, row in enumerate(rows):
        seq = row[2]
        if seq != cursor + 1 and not (seq == gap.before and gap.writers.isdisjoint(writers)):
            return place
        cursor = seq
    return len(rows)


def waiting(tx: Tx, cursor: int) -> int:
    """How many events are behind a cursor."""
    row = tx.row("SELECT COUNT(*) FROM journal WHERE seq > ?", (cursor,))
    return int(row[0]) if row else 0


def latest_of(tx: Tx, kind: str, limit: int) -> list[Event]:
    """The newest events of a kind, newest first. It reads the whole journal where there are few: for people only."""
    rows = tx.rows("SELECT kind, details FROM journal WHERE kind = ? ORDER BY seq DESC LIMIT ?", (kind, limit))
    return [event for row in rows if (event := event_of(row[0], row[1])) is not None]


def counts(tx: Tx) -> dict[str, int]:
    """Events by kind, over all the journal keeps."""
    return dict(tx.rows("SELECT kind, COUNT(*) FROM journal GROUP BY kind"))


def prune(tx: Tx, before: float, limit: int = 5000) -> int:
    """Forget at most ``limit`` of the oldest events from before a second; how many went."""
    return tx.run(
        "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal ORDER BY seq LIMIT ?) AND at < ?", (limit, before)
    )

"""The queue as operators see it: what waits, found by filters, and what their verbs do to it.

Looking for rows needs no write lock, so it is done first and in a reading transaction (`select`); a verb then gets a
batch of keys and looks at each row's state again, because time has passed. What each state allows is `LIFECYCLE`. A
claimed recipient belongs to its worker: a verb leaves its wish in the row, and the worker grants it when the attempt
has not ended the matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goodstanding.model import RANK, MessageId
from goodstanding.store.db import Row, Tx, Value
from goodstanding.store.queue import leave

Key = tuple[int, int]
"""(message, n): one recipient."""
FIRST_KEY: Key = (-1, -1)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which recipients are meant: all that agree with every field given. ``*`` in a text stands for any characters."""

    message: MessageId | None = None
    tenant: str | None = None
    subscription: str | None = None
    stream: str | None = None
    destination: str | None = None
    """Domain of the recipient."""
    recipient: str | None = None
    sender: str | None = None
    """Return path; ``""`` for the null one."""
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One recipient in the queue."""

    message: MessageId
    n: int
    tenant: str
    subscription: str
    stream: str
    sender: str
    recipient: str
    state: str
    attempts: int
    due: float
    last_reply: str
    size: int
    """Bytes of the message as submitted."""
    wish: str = ""
    """What its worker was asked to do with it: hold or drop."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many recipients wait in one state of one stream for one destination."""

    state: str
    stream: str
    destination: str
    recipients: int
    due: float
    """When the first of them is due."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A recipient a verb has changed, with what the journal needs of it."""

    message: MessageId
    n: int
    tenant: str
    recipient: str


_LIST = (
    "SELECT r.message, r.n, m.tenant, m.subscription, m.stream, m.sender, r.address, r.state, r.attempts, r.due, "
    "r.last_reply, m.size, r.wish FROM recipient r JOIN message m ON m.id = r.message"
)
_SELECT = "SELECT r.message, r.n FROM recipient r{join} WHERE (r.message, r.n) > (?, ?) AND {conditions} "


def listing(tx: Tx, wanted: Filter, limit: int, after: Key = FIRST_KEY) -> list[Waiting]:
    """At most ``limit`` recipients behind a key, oldest message first."""
    conditions, values = _conditions(wanted)
    rows = tx.rows(
        f"{_LIST} WHERE (r.message, r.n) > (?, ?) AND {conditions} ORDER BY r.message, r.n LIMIT ?",
        (*after, *values, limit),
    )
    return [_waiting(row) for row in rows]


def show(tx: Tx, message: MessageId, tenant: str = "") -> list[Waiting]:
    """Every recipient of a message that still waits; none when it has left the queue, or is not the tenant's."""
    rows = tx.rows(f"{_LIST} WHERE r.message = ? AND ? IN ('', m.tenant) ORDER BY r.n", (message, tenant))
    return [_waiting(row) for row in rows]


def _waiting(row: Row) -> Waiting:
    return Waiting(MessageId(row[0]), *row[1:])


def summary(tx: Tx, tenant: str = "") -> list[Count]:
    """What waits by state, stream and destination, the largest number first; of one tenant or of all."""
    where, values = ("WHERE tenant = ? ", (tenant,)) if tenant else ("", ())
    rows = tx.rows(
        f"SELECT state, rank, destination, COUNT(*), MIN(due) FROM recipient {where}"
        "GROUP BY state, rank, destination ORDER BY 4 DESC, 2, 3, 1",
        values,
    )
    return [Count(state, _STREAM_OF[rank], destination, n, due) for state, rank, destination, n, due in rows]


_STREAM_OF = {rank: stream for stream, rank in RANK.items()}


def count(tx: Tx, wanted: Filter) -> int:
    """How many recipients a filter means."""
    conditions, values = _conditions(wanted)
    row = tx.row(f"SELECT COUNT(*) FROM recipient r JOIN message m ON m.id = r.message WHERE {conditions}", values)
    return int(row[0]) if row else 0


def select(tx: Tx, wanted: Filter, after: Key, limit: int) -> list[Key]:
    """The next ``limit`` keys behind one that a filter means: each batch goes on where the last one ended."""
    conditions, values = _conditions(wanted)
    join = " JOIN message m ON m.id = r.message" if "m." in conditions else ""
    sql = _SELECT.format(join=join, conditions=conditions) + "ORDER BY r.message, r.n LIMIT ?"
    return [(row[0], row[1]) for row in tx.rows(sql, (*after, *values, limit))]


def _conditions(wanted: Filter) -> tuple[str, list[Value]]:
    """A filter as SQL, with its values."""
    parts: list[str] = []
    values: list[Value] = []
    if wanted.message is not None:
        parts.append("r.message = ?")
        values.append(wanted.message)
    if wanted.stream is not None:
        parts.append("r.rank = ?")
        values.append(RANK.get(wanted.stream, -1))
    texts = (
        *(("r.tenant", wanted.tenant), ("m.subscription", wanted.subscription), ("r.state", wanted.state)),
        *(("r.destination", wanted.destination), ("r.address", wanted.recipient), ("m.sender", wanted.sender)),
    )
    for column, text in texts:
        if text is not None:
            parts.append(f"LOWER({column}) LIKE ? ESCAPE '!'" if "*" in text else f"LOWER({column}) = ?")
            values.append(_pattern(text.lower()))
    return " AND ".join(parts) or "1 = 1", values


def _pattern(text: str) -> str:
    """``*`` as LIKE writes it; what LIKE would take for a wildcard is escaped."""
    if "*" not in text:
        return text
    for special in "!%_":
        text = text.replace(special, f"!{special}")
    return text.replace("*", "%")


_RETURNING = " RETURNING message, n, tenant, address"


def hold(tx: Tx, keys: Sequence[Key]) -> tuple[list[Changed], list[Key]]:
    """Stop what waits; the others are under way, and will be held if their attempt does not end them.

    What is on its way back to its sender (wish ``bounce``) stays so.
    """
    held = _change(tx, "UPDATE recipient SET state = 'held', wish = ''", keys, "state = 'waiting' AND wish <> 'bounce'")
    return held, _wish(tx, keys, "hold")


def granted(tx: Tx, keys: Sequence[Key]) -> list[Changed]:
    """Those of the recipients to be held, while they were under way, that are held by now."""
    return _change(tx, "UPDATE recipient SET wish = ''", keys, "state = 'held'")


def release(tx: Tx, keys: Sequence[Key], now: float) -> tuple[list[Changed], list[Key]]:
    """Let what is held go on at once, out of quarantine too; for which others, under way, a wish was withdrawn."""
    withdrawn = _change(tx, "UPDATE recipient SET wish = ''", keys, "wish IN ('hold', 'drop')")
    released = _change(tx, "UPDATE recipient SET state = 'waiting', due = ?", keys, "state = 'held'", (now,))
    _leave_quarantine(tx, released)
    return released, [(touched.message, touched.n) for touched in withdrawn]


def retry(tx: Tx, keys: Sequence[Key], now: float) -> list[Changed]:
    """Make what waits for later due now."""
    return _change(tx, "UPDATE recipient SET due = ?", keys, "state = 'waiting'", (now,))


def drop(tx: Tx, keys: Sequence[Key]) -> tuple[list[Changed], list[Key], list[tuple[int, int]]]:
    """Take out what waits or is held: that, which others are under way, and the messages (id, segment) that ended.

    The caller gives the ended messages to `Spool.forget` in the same transaction.
    """
    dropped = _change(tx, "DELETE FROM recipient", keys, "state IN ('waiting', 'held', 'stopped')")
    _leave_quarantine(tx, dropped)
    gone = leave(tx, [(touched.message, False) for touched in dropped])
    return dropped, _wish(tx, keys, "drop"), gone


def _leave_quarantine(tx: Tx, ended: Sequence[Changed]) -> None:
    """A recipient that was quarantined has a row there too; the journal says what became of it."""
    if ended:
        keys = [part for touched in ended for part in (touched.message, touched.n)]
        tx.run(f"DELETE FROM quarantine WHERE (message, n) IN ({picked(len(ended))})", keys)


def _wish(tx: Tx, keys: Sequence[Key], wish: str) -> list[Key]:
    wished = _change(tx, "UPDATE recipient SET wish = ?", keys, "state = 'claimed'", (wish,))
    return [(touched.message, touched.n) for touched in wished]


def picked(count: int) -> str:
    """A set of so many keys in SQL, to stand behind IN.

    By way of a SELECT because SQLite scans the whole table for a bare VALUES list, and here it looks each key up.
    """
    return f"SELECT column1, column2 FROM (VALUES {', '.join(['(?, ?)'] * count)}) AS picked"


def _change(tx: Tx, statement: str, keys: Sequence[Key], condition: str, values: Sequence[Value] = ()) -> list[Changed]:
    """Run a statement on those of the keys that a condition still holds for."""
    if not keys:
        return []
    rows = tx.rows(
        f"{statement} WHERE (message, n) IN ({picked(len(keys))}) AND {condition}{_RETURNING}",
        (*values, *(part for key in keys for part in key)),
    )
    return sorted(
        (Changed(MessageId(row[0]), *row[1:]) for row in rows), key=lambda touched: (touched.message, touched.n)
    )

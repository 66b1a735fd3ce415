"""The outbox: one row for each event and endpoint that is to hear of it, from its journal entry to its end.

A row holds no content: that is read from the journal when it is posted, so what was erased there is told nobody. A row
that was delivered is deleted; a few of the newest are kept for people to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, structs

from goodstanding.events import Accepted, Event
from goodstanding.evidence import LadderMoved, OrderIssued
from goodstanding.model import MessageId
from goodstanding.store import journal, webhooks
from goodstanding.store.db import Tx, Value
from goodstanding.webhooks.endpoint import BY_NUMBER, NUMBERS, Endpoint, Figures, Kind
from goodstanding.webhooks.telling import WORDS, chain, kinds_told, subscription_of

LOCK = 724_908
"""The lock of whoever tells of the journal (PostgreSQL)."""
RECENT = 100
"""Delivered rows kept of each endpoint."""
AFTERWARDS = 48
"""Journal entries behind a move on the ladder among which its orders are."""

PIECE = 2000
"""Rows given up, forgotten or brought back in one transaction: others write meanwhile."""
DEAD = 100_000
"""Dead rows kept of each endpoint; what is older is replayed from the journal."""
_ANY = "SELECT 1 FROM webhook_outbox WHERE endpoint = ?"
_DEAD, _DELIVERED = (f"state = '{state}' AND state <> 'waiting'" for state in ("dead", "delivered"))
"""With the very condition of the index, which SQLite must see word for word."""
_INSERT = "INSERT INTO webhook_outbox (endpoint, seq, kind, chain, state, created, due, attempts) VALUES"


class Waiting(Struct, frozen=True, gc=False):
    """One event that an endpoint is to be told now."""

    seq: int
    kind: Kind
    attempts: int
    created: float
    event: Event | None
    """None: the journal has forgotten it."""

    @property
    def key(self) -> tuple[int, Kind]:
        """What distinguishes it within its endpoint."""
        return self.seq, self.kind


class Ended(Struct, frozen=True):
    """What came of one POST of one event."""

    endpoint: int
    seq: int
    kind: Kind
    state: str
    """``delivered``, ``waiting`` (tried again), ``dead``, ``silent`` (nothing was told)."""
    now: float
    due: float = 0.0
    """Of the next attempt."""
    reply: str = ""


class Row(Struct, frozen=True):
    """One row, for people."""

    endpoint: int
    seq: int
    kind: Kind
    state: str
    created: float
    due: float
    """When it is tried next; when it ended."""
    attempts: int
    reply: str
    event: Event | None


# --- in ---------------------------------------------------------------------------------------------------------------


def follow(tx: Tx, endpoints: Sequence[Endpoint], gap: journal.Gap, limit: int, now: float) -> tuple[set[int], bool]:
    """Read the journal on and line up what is to be told; the endpoints that have something, and whether there is more.

    The rows and the place in the journal are one transaction: nothing is lined up twice or not at all.
    """
    tx.alone(LOCK)
    cursor = max(webhooks.place(tx).cursor, min((one.since for one in endpoints), default=0))
    lines, reached = journal.lines_after(tx, cursor, limit, gap)
    if reached == cursor:
        return set(), False
    listeners: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        listeners.setdefault(endpoint.tenant, []).append(endpoint)
    rows: list[Sequence[Value]] = []
    for word, details, seq, tenant in lines:
        if word in WORDS and tenant in listeners and (event := journal.event_of(word, details)) is not None:
            rows.extend(_rows(event, seq, listeners[tenant], now))
    tx.insert(_INSERT, rows)
    webhooks.move(tx, reached)
    return {int(row[0] or 0) for row in rows}, len(lines) == limit


def _rows(event: Event, seq: int, listeners: Iterable[Endpoint], now: float) -> list[Sequence[Value]]:
    kinds = kinds_told(event)
    if not kinds:
        return []
    subscription, order = subscription_of(event), chain(event, seq)
    return [
        (endpoint.number, seq, NUMBERS[kind], order, "waiting", now, now, 0)
        for endpoint in listeners
        for kind in kinds
        if seq > endpoint.since and endpoint.wants(kind, subscription)
    ]


# --- out --------------------------------------------------------------------------------------------------------------

_FIRST = (
    "NOT EXISTS (SELECT 1 FROM webhook_outbox e WHERE e.endpoint = o.endpoint AND e.chain = o.chain "
    "AND e.state = 'waiting' AND (e.seq < o.seq OR (e.seq = o.seq AND e.kind < o.kind)))"
)
"""Nothing earlier of the same message or account waits: what happened first is told first."""
DUE = (
    "SELECT o.seq, o.kind, o.attempts, o.created, j.kind, j.details FROM webhook_outbox o "
    "LEFT JOIN journal j ON j.seq = o.seq "
    f"WHERE o.endpoint = ? AND o.state = 'waiting' AND o.due <= ? AND {_FIRST} ORDER BY o.due, o.seq LIMIT ?"
)


def due(tx: Tx, endpoint: int, now: float, limit: int) -> list[Waiting]:
    """What may be posted to an endpoint now, in the order it became due.

    Of a message only the first that waits: the next one comes when that has ended.
    """
    rows = tx.rows(DUE, (endpoint, now, limit))
    return [
        Waiting(seq, BY_NUMBER[kind], attempts, created, journal.event_of(word, details))
        for seq, kind, attempts, created, word, details in rows
    ]


def next_due(tx: Tx, endpoint: int, now: float) -> float:
    """When an endpoint has something to hear again; 0: it waits for nothing."""
    row = tx.row(
        "SELECT MIN(due) FROM webhook_outbox WHERE endpoint = ? AND state = 'waiting' AND due > ?", (endpoint, now)
    )
    return float(row[0] or 0.0) if row else 0.0


def accepted(tx: Tx, message: MessageId) -> Accepted | None:
    """The acceptance of a message, of whichever recipient: what all of them share."""
    row = tx.row(
        "SELECT kind, details FROM journal WHERE message = ? AND kind = 'accepted' ORDER BY seq LIMIT 1", (message,)
    )
    found = journal.event_of(*row) if row else None
    return found if isinstance(found, Accepted) else None


def orders_with(tx: Tx, moved: LadderMoved, seq: int) -> tuple[OrderIssued, ...]:
    """The orders that a move gave: they are journalled behind it, in its transaction and with its time."""
    rows = tx.rows(
        "SELECT kind, details FROM journal WHERE seq > ? AND seq <= ? AND kind = 'order-issued' AND tenant = ? "
        "ORDER BY seq",
        (seq, seq + AFTERWARDS, moved.tenant),
    )
    found = [journal.event_of(*row) for row in rows]
    return tuple(one for one in found if isinstance(one, OrderIssued) and one.key == moved.key and one.at == moved.at)


def settle(tx: Tx, ended: Sequence[Ended]) -> None:
    """Write down what came of POSTs. What was removed meanwhile stays removed."""
    keys = [(one.endpoint, one.seq, NUMBERS[one.kind]) for one in ended if one.state == "silent"]
    by_endpoint: dict[int, list[Ended]] = {}
    for one in ended:
        by_endpoint.setdefault(one.endpoint, []).append(one)
    kept: list[Ended] = []
    for number, those in by_endpoint.items():
        done = [one for one in those if one.state == "delivered"]
        kept += done[-RECENT:]
        keys += [(one.endpoint, one.seq, NUMBERS[one.kind]) for one in done[:-RECENT]]
        _count(tx, number, those, len(done))
    kept += [one for one in ended if one.state in ("waiting", "dead")]
    tx.many("DELETE FROM webhook_outbox WHERE endpoint = ? AND seq = ? AND kind = ?", keys)
    tx.many(
        "UPDATE webhook_outbox SET state = ?, due = ?, reply = ?, attempts = attempts + 1 "
        "WHERE endpoint = ? AND seq = ? AND kind = ?",
        [(one.state, one.due or one.now, one.reply, one.endpoint, one.seq, NUMBERS[one.kind]) for one in kept],
    )
    for number in by_endpoint:
        tx.run(
            f"DELETE FROM webhook_outbox WHERE endpoint = ? AND {_DELIVERED} AND due < COALESCE((SELECT due FROM "
            f"webhook_outbox WHERE endpoint = ? AND {_DELIVERED} ORDER BY due DESC LIMIT 1 OFFSET ?), 0)",
            (number, number, RECENT),
        )


def _count(tx: Tx, number: int, those: Sequence[Ended], delivered: int) -> None:
    failures = [one for one in those if one.state in ("waiting", "dead")]
    success = max((one.now for one in those if one.state == "delivered"), default=0.0)
    failure = max((one.now for one in failures), default=0.0)
    reply = failures[-1].reply if failures else ""
    webhooks.count(tx, number, Figures(delivered, len(failures), success, failure, reply))


# --- what is given up, brought back, forgotten ------------------------------------------------------------------------


def too_old(tx: Tx, endpoint: int, waiting_before: float, dead_before: float) -> tuple[float, float]:
    """The seconds before which what waits for an endpoint is to be given up, and what is dead to be forgotten; 0: none.

    Of what is dead no more than `DEAD` are kept. Asked by reading, so that nobody who writes waits for the answer.
    """
    old = tx.row(f"{_ANY} AND state = 'waiting' AND due < ? LIMIT 1", (endpoint, waiting_before))
    dead = tx.row(f"{_ANY} AND {_DEAD} AND due < ? LIMIT 1", (endpoint, dead_before))
    row = tx.row(
        f"SELECT due FROM webhook_outbox WHERE endpoint = ? AND {_DEAD} ORDER BY due DESC LIMIT 1 OFFSET ?",
        (endpoint, DEAD),
    )
    many = float(row[0]) if row else 0.0
    return (waiting_before if old else 0.0), max(many, dead_before if dead else 0.0)


def give_up(tx: Tx, endpoint: int, before: float, reply: str, now: float) -> int:
    """What is due since before a second is not posted any more; how many, `PIECE` at most.

    While an endpoint does not answer at all, most of what waits for it is never tried: that is due since it was lined
    up. What was tried is due at the end of its time at the latest, and then decided upon by whoever tries it.
    """
    return tx.run(
        "UPDATE webhook_outbox SET state = 'dead', due = ?, reply = CASE WHEN reply = '' THEN ? ELSE reply END "
        "WHERE (seq, endpoint, kind) IN (SELECT seq, endpoint, kind FROM webhook_outbox "
        "WHERE endpoint = ? AND state = 'waiting' AND due < ? ORDER BY due LIMIT ?)",
        (now, reply, endpoint, before, PIECE),
    )


def forget(tx: Tx, endpoint: int, before: float) -> int:
    """Delete dead rows that ended before a second; how many, `PIECE` at most."""
    return tx.run(
        "DELETE FROM webhook_outbox WHERE (seq, endpoint, kind) IN (SELECT seq, endpoint, kind FROM webhook_outbox "
        f"WHERE endpoint = ? AND {_DEAD} AND due < ? ORDER BY due LIMIT ?)",
        (endpoint, before, PIECE),
    )


def orphan(tx: Tx) -> int:
    """An endpoint that is no more, but has rows; 0: there is none."""
    row = tx.row(
        "SELECT endpoint FROM webhook_outbox WHERE endpoint NOT IN (SELECT number FROM webhook_endpoint) LIMIT 1"
    )
    return int(row[0]) if row else 0


def clear(tx: Tx, endpoint: int) -> int:
    """Delete rows of an endpoint that is no more; how many, `PIECE` at most of what waits and of what does not."""
    return sum(
        tx.run(
            "DELETE FROM webhook_outbox WHERE (seq, endpoint, kind) IN (SELECT seq, endpoint, kind FROM webhook_outbox "
            f"WHERE endpoint = ? AND {state} LIMIT ?)",
            (endpoint, PIECE),
        )
        for state in ("state = 'waiting'", "state <> 'waiting'")
    )


def replay_dead(tx: Tx, endpoint: int, now: float) -> int:
    """Dead rows of an endpoint are tried again; how many, some `PIECE` at most."""
    return tx.run(
        "UPDATE webhook_outbox SET state = 'waiting', due = ?, created = ?, attempts = 0 WHERE endpoint = ? "
        f"AND seq IN (SELECT seq FROM webhook_outbox WHERE endpoint = ? AND {_DEAD} LIMIT ?) AND state = 'dead'",
        (now, now, endpoint, endpoint, PIECE),
    )


def replay_stretch(
    tx: Tx, endpoint: Endpoint, stretch: tuple[int, int], moments: tuple[float, float], now: float
) -> tuple[int, int]:
    """Line up again what the journal has, numbered after the first and up to the second of ``stretch``, that happened
    between two moments; how many, and how far it came. It reads a thousand entries at most.

    The ids are those of the first time. What waits already is left alone.
    """
    lines = tx.rows(
        "SELECT kind, details, seq, tenant FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1000", stretch
    )
    everything = structs.replace(endpoint, since=0)
    rows = [
        row
        for word, details, seq, tenant in lines
        if word in WORDS and tenant == endpoint.tenant
        for event in (journal.event_of(word, details),)
        if event is not None
        if moments[0] <= event.at <= moments[1]
        for row in _rows(event, seq, [everything], now)
    ]
    _line_up_again(tx, rows)
    return len(rows), (lines[-1][2] if len(lines) == 1000 else stretch[1])


def replay_one(tx: Tx, endpoint: Endpoint, seq: int, kind: Kind, now: float) -> Event | None:
    """Line up one event again; None when the journal has no such thing to tell this endpoint."""
    row = tx.row("SELECT kind, details FROM journal WHERE seq = ? AND tenant = ?", (seq, endpoint.tenant))
    event = journal.event_of(*row) if row else None
    if event is None or kind not in kinds_told(event):
        return None
    everything = structs.replace(endpoint, since=0, kinds=())
    rows = [row for row in _rows(event, seq, [everything], now) if row[2] == NUMBERS[kind]]
    _line_up_again(tx, rows)
    return event if rows else None


def _line_up_again(tx: Tx, rows: Sequence[Sequence[Value]]) -> None:
    tx.many(
        "INSERT INTO webhook_outbox (endpoint, seq, kind, chain, state, created, due, attempts) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (endpoint, seq, kind) DO UPDATE SET state = 'waiting', "
        "created = excluded.created, due = excluded.due, attempts = 0 WHERE webhook_outbox.state <> 'waiting'",
        rows,
    )


def place_of(tx: Tx, moment: float) -> int:
    """About where the journal was at a moment: a number before everything that happened from then on, by bisection.

    Entries are numbered when they are written, up to some time after they happened: look a little further than this.
    """
    ends = tx.row("SELECT MIN(seq), MAX(seq) FROM journal")
    low, high = (int(ends[0]) - 1, int(ends[1])) if ends and ends[0] is not None else (0, 0)
    while low < high:
        middle = (low + high + 1) // 2
        row = tx.row("SELECT at FROM journal WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (middle,))
        if row is not None and row[0] >= moment:
            high = middle - 1
        else:
            low = middle
    return low


def rows(tx: Tx, endpoint: int, state: str, limit: int) -> list[Row]:
    """Rows of an endpoint for people, the newest first; ``state`` empty: all."""
    waiting, rest = f"{_SHOWN} AND o.state = 'waiting'", f"{_SHOWN} AND o.state <> 'waiting' AND o.state = ?"
    found: list[tuple[Any, ...]] = []
    if state in ("", "waiting"):
        found += tx.rows(f"{waiting} ORDER BY o.due DESC, o.seq DESC LIMIT ?", (endpoint, limit))
    for ended in ("dead", "delivered"):
        if state in ("", ended):
            found += tx.rows(f"{rest} ORDER BY o.due DESC, o.seq DESC LIMIT ?", (endpoint, ended, limit))
    found.sort(key=lambda row: row[1], reverse=True)
    return [
        Row(
            *(number, seq, BY_NUMBER[kind], state, created, due, attempts, reply),
            event=journal.event_of(word, details),
        )
        for number, seq, kind, state, created, due, attempts, reply, word, details in found[:limit]
    ]


_SHOWN = (
    "SELECT o.endpoint, o.seq, o.kind, o.state, o.created, o.due, o.attempts, o.reply, j.kind, j.details "
    "FROM webhook_outbox o LEFT JOIN journal j ON j.seq = o.seq WHERE o.endpoint = ?"
)

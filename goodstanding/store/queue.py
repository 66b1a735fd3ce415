"""The queue: one row per message, one per recipient that still waits for its fate.

A recipient is ``waiting``, ``claimed`` by a worker (the attempt is booked by that), or ``held`` by an operator. What
reached its end leaves the table in the transaction that journals the end. Claims go lane by lane (stream, tenant,
destination), so that neither a huge nor a slow lane is in front of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence

from msgspec import Struct

from goodstanding.errors import StoreError
from goodstanding.events import Dropped, Event
from goodstanding.model import (
    NOTHING_TOUCHED,
    RANK,
    Envelope,
    Identity,
    MessageId,
    Recipient,
    Reply,
    Ret,
    Stream,
    Touched,
    WorkerId,
    parse_reply,
)
from goodstanding.store import journal
from goodstanding.store.db import Row, Tx, Value
from goodstanding.store.spool import Place

EIGHT_BIT, SMTPUTF8 = 1, 2
IN_SHADOW = 4  # it was accepted in shadow, so no order is about it
NOTICE = 8  # we wrote it: no order is about it, and no sender is held to account by it


class Entry(Struct, frozen=True, gc=False):
    """A message about to be queued."""

    message: MessageId
    identity: Identity
    envelope: Envelope
    traits: int
    """`EIGHT_BIT` | `SMTPUTF8`: what the next hop must be able to take; `IN_SHADOW`, `NOTICE`."""
    owner: WorkerId
    """The worker that attempts it at once; 0: it waits to be claimed."""
    due: float
    events: Sequence[Event]
    held: frozenset[int] = frozenset()
    """Recipients (n) that wait in quarantine."""
    returned: tuple[tuple[int, str], ...] = ()
    """Recipients (n, reply) that will be returned with a notice, not attempted."""
    touched: Touched = NOTHING_TOUCHED


class ClaimedRecipient(Struct, frozen=True, gc=False):
    """One recipient whose attempt is booked."""

    n: int
    recipient: Recipient
    attempts: int
    """Including the one now booked."""
    warned: bool = False
    bounce: Reply | None = None
    """It is to be returned with this, not attempted: refused in quarantine, or suppressed since it was accepted."""


class Claimed(Struct, frozen=True, gc=False):
    """A message with those of its recipients that this worker is to attempt now."""

    message: MessageId
    identity: Identity
    sender: str
    place: Place
    traits: int
    ret: Ret | None
    envid: str
    sole: bool
    """The message has no other recipient in the queue."""
    recipients: tuple[ClaimedRecipient, ...]
    touched: Touched = NOTHING_TOUCHED
    pool: str = ""
    """Name of the pool that an order sends it by; empty: the usual one."""


class Settlement(Struct, frozen=True, gc=False):
    """The end of one attempt for one recipient, with everything that must be recorded in the same transaction."""

    message: MessageId
    n: int
    sole: bool
    final: bool
    event: Event | None
    due: float = 0.0
    reply: str = ""
    warned: bool = False
    unbook: bool = False
    """The booked attempt was not made after all."""


_ADD_MESSAGE = (
    "INSERT INTO message (id, tenant, subscription, stream, sender, segment, place, size, prefix, traits, ret, envid, "
    "open, domain, campaign, links) VALUES"
)
_ADD_RECIPIENT = (
    "INSERT INTO recipient (message, n, rank, tenant, destination, address, notify, orcpt, state, attempts, due, "
    "owner) VALUES"
)


def add(tx: Tx, entries: Sequence[tuple[Entry, Place]]) -> None:
    """Queue messages with their recipients and journal entries."""
    messages: list[tuple[Value, ...]] = []
    recipients: list[tuple[Value, ...]] = []
    events: list[Event] = []
    for entry, place in entries:
        identity, envelope = entry.identity, entry.envelope
        rank, claimed = RANK[identity.stream], entry.owner != 0
        messages.append(
            (
                *(entry.message, identity.tenant, identity.subscription, identity.stream.value, envelope.sender),
                *(place.segment, place.offset, place.size, place.prefix, entry.traits),
                *(envelope.ret or "", envelope.envid, len(envelope.recipients)),
                *(entry.touched.domain, entry.touched.campaign, entry.touched.links),
            )
        )
        recipients.extend(
            (
                *(entry.message, n, rank, identity.tenant, recipient.domain, recipient.address),
                *(",".join(recipient.notify), recipient.orcpt),
                *("claimed" if claimed else "waiting", int(claimed), entry.due, entry.owner),
            )
            for n, recipient in enumerate(envelope.recipients)
        )
        events.extend(journal.touching(entry.events, identity, entry.touched))
    tx.insert(_ADD_MESSAGE, messages)
    tx.insert(_ADD_RECIPIENT, recipients)
    tx.many(_HOLD, [(entry.message, n) for entry, _ in entries for n in entry.held])
    tx.many(_RETURN, [(reply, entry.message, n) for entry, _ in entries for n, reply in entry.returned])
    journal.append(tx, events)


_HOLD = "UPDATE recipient SET state = 'held', attempts = 0, owner = 0 WHERE message = ? AND n = ?"
_RETURN = (
    "UPDATE recipient SET state = 'waiting', attempts = 0, owner = 0, wish = 'bounce', last_reply = ? "
    "WHERE message = ? AND n = ?"
)


Lane = tuple[int, str, str]
"""(rank of the stream, tenant, destination domain): the unit of fairness."""
FIRST_LANE: Lane = (-1, "", "")
FIRST_BULK_LANE: Lane = (RANK[Stream.BULK], "", "")
"""Where a claim begins that is not for transactional mail."""

# All four columns of the index, and a due beyond all: SQLite then seeks behind the lane instead of reading through it.
_NEXT_LANE = (
    "SELECT rank, tenant, destination, due FROM recipient WHERE state = 'waiting' AND "
    "(rank, tenant, destination, due) > (?, ?, ?, 1e300) ORDER BY rank, tenant, destination, due LIMIT 1"
)
_TAKE = (
    "UPDATE recipient SET state = 'claimed', owner = ?, attempts = attempts + 1 WHERE (message, n) IN ("
    "SELECT message, n FROM recipient WHERE state = 'waiting' AND rank = ? AND tenant = ? AND destination = ? "
    "AND due <= ? AND wish IN ('', 'bounce') ORDER BY due LIMIT ?{skip_locked}) "
    "RETURNING message, n, address, notify, orcpt, attempts, warned, wish, last_reply"
)
LANES_A_CALL = 200
"""Lanes looked at in one call: bounds the time a claim holds the writer up."""


class Want(Struct, frozen=True, gc=False):
    """What a worker asks for when it claims."""

    worker: WorkerId
    now: float
    room: int
    """Most recipients in all."""
    a_lane: int
    """Most recipients of one lane."""
    cursor: Lane
    """Where the last claim stopped."""
    busy: Callable[[Lane], bool]
    """Lanes of which the worker has enough."""
    a_tenant: int = 1_000_000
    """Most recipients of one tenant."""
    last_rank: int = max(RANK.values())
    """Lanes of later ranks are not looked at."""


def claim(tx: Tx, want: Want) -> tuple[list[Claimed], Lane]:
    """Book attempts for due recipients, transactional lanes first, each lane in turn; and the cursor to go on from.

    The cursor is `FIRST_LANE` again when every lane has been looked at.
    """
    taken: list[Row] = []
    by_tenant: Counter[str] = Counter()
    cursor = want.cursor
    for _ in range(LANES_A_CALL):
        lane = tx.row(_NEXT_LANE, cursor)
        if lane is None or lane[0] > want.last_rank:
            cursor = FIRST_LANE
            break
        cursor = (lane[0], lane[1], lane[2])
        count = min(want.a_lane, want.room - len(taken), want.a_tenant - by_tenant[lane[1]])
        if lane[3] > want.now or count <= 0 or want.busy(cursor):
            continue
        rows = tx.rows(_TAKE.format(skip_locked=tx.skip_locked), (want.worker, *cursor, want.now, count))
        by_tenant[lane[1]] += len(rows)
        taken.extend(rows)
        if len(taken) >= want.room:
            break
    return _claimed(tx, taken), cursor


def next_due(tx: Tx) -> float | None:
    """When the first waiting recipient is due; None when none waits."""
    row = tx.row("SELECT MIN(due) FROM recipient WHERE state = 'waiting'")
    return row[0] if row else None


_MESSAGE = (
    "SELECT id, tenant, subscription, stream, sender, segment, place, size, prefix, traits, ret, envid, open, "
    "domain, campaign, links FROM message WHERE id IN ({marks})"
)


def _claimed(tx: Tx, taken: Sequence[Row]) -> list[Claimed]:
    """The claimed rows with their messages, one value a message."""
    by_message: dict[int, list[Row]] = {}
    for row in taken:
        by_message.setdefault(row[0], []).append(row)
    found: list[Claimed] = []
    for ids in _batches(list(by_message), 500):
        for row in tx.rows(_MESSAGE.format(marks=", ".join("?" * len(ids))), ids):
            found.append(_message(row, by_message[row[0]]))
    return found


def _message(row: Row, recipients: Sequence[Row]) -> Claimed:
    message, tenant, subscription, stream, sender, segment, place, size, prefix, traits, ret, envid = row[:12]
    still_open, *touched = row[12:]
    return Claimed(
        MessageId(message),
        Identity(tenant, subscription, _STREAMS[stream]),
        sender,
        Place(segment, place, size, prefix),
        traits,
        ret or None,
        envid,
        still_open == 1,
        tuple(map(_recipient, sorted(recipients, key=lambda r: r[1]))),
        NOTHING_TOUCHED if traits & NOTICE else Touched(subscription, stream, *touched),
    )


def _recipient(row: Row) -> ClaimedRecipient:
    _, n, address, notify, orcpt, attempts, warned, wish, last_reply = row
    bounce = parse_reply(last_reply) if wish == "bounce" else None
    recipient = Recipient(address, tuple(notify.split(",")) if notify else (), orcpt)
    return ClaimedRecipient(n, recipient, attempts, bool(warned), bounce)


_STREAMS = {stream.value: stream for stream in Stream}


def _batches(items: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


OPEN_STATES = ("waiting", "claimed", "held", "stopped")


def states(tx: Tx) -> dict[str, int]:
    """Recipients in the queue, by state."""
    sums = ", ".join(f"COALESCE(SUM(CASE state WHEN '{state}' THEN 1 ELSE 0 END), 0)" for state in OPEN_STATES)
    row = tx.row(f"SELECT {sums} FROM recipient")  # GROUP BY would sort a million rows in memory first
    return {state: count for state, count in zip(OPEN_STATES, row or (), strict=True) if count}


def wished(tx: Tx, worker: WorkerId) -> list[tuple[int, int]]:
    """Recipients (message, n) this worker has claimed and an operator wants back."""
    rows = tx.rows("SELECT message, n FROM recipient WHERE owner = ? AND wish <> '' AND state = 'claimed'", (worker,))
    return [(message, n) for message, n in rows]


def place_of(tx: Tx, message: MessageId) -> Place | None:
    """Where the bytes of a message are now; None when it has left the queue."""
    row = tx.row("SELECT segment, place, size, prefix FROM message WHERE id = ?", (message,))
    return Place(*row) if row else None


LET_GO = (
    "state = CASE wish WHEN 'hold' THEN 'held' ELSE 'waiting' END, "
    "wish = CASE wish WHEN 'hold' THEN '' ELSE wish END, owner = 0"
)
"""What a claimed recipient becomes when its attempt did not end it; an operator may have wished for something."""


def settle(tx: Tx, settlements: Sequence[Settlement]) -> list[tuple[int, int]]:
    """Record the ends of attempts; the messages (id, segment) that nobody waits for any more.

    Settling twice, after a commit whose success was never reported (the server's connection broke), ends nothing twice.
    """
    final = [s for s in settlements if s.final]
    again = [s for s in settlements if not s.final]
    tx.among("DELETE FROM recipient WHERE message IN", [s.message for s in final if s.sole])
    ended = [
        s for s in final if s.sole or tx.run("DELETE FROM recipient WHERE message = ? AND n = ?", (s.message, s.n))
    ]
    tx.many(
        f"UPDATE recipient SET {LET_GO}, due = ?, last_reply = ?, warned = ?, attempts = attempts - ? "
        "WHERE message = ? AND n = ?",
        [(s.due, s.reply, int(s.warned), int(s.unbook), s.message, s.n) for s in again],
    )
    journal.append(tx, [s.event for s in settlements if s.event is not None])
    return leave(tx, [(s.message, s.sole) for s in ended])


def leave(tx: Tx, finals: Collection[tuple[int, bool]]) -> list[tuple[int, int]]:
    """Take recipients (message, was it the sole one) off their messages' count; the messages (id, segment) that ended.

    The segment is the one the row names now: upkeep may have moved the bytes since they were claimed.
    """
    ended = [message for message, sole in finals if sole]
    for message, count in Counter(message for message, sole in finals if not sole).items():
        row = tx.row("UPDATE message SET open = open - ? WHERE id = ? RETURNING open", (count, message))
        if row and row[0] <= 0:
            ended.append(message)
    return [(row[0], row[1]) for row in tx.among("DELETE FROM message WHERE id IN", ended, "RETURNING id, segment")]


def give_back(tx: Tx, worker: WorkerId, recipients: Sequence[tuple[int, int]]) -> None:
    """Unbook claims (message, n) that were never attempted: they wait as before."""
    tx.many(
        f"UPDATE recipient SET {LET_GO}, attempts = attempts - 1 WHERE message = ? AND n = ? AND owner = ?",
        [(message, n, worker) for message, n in recipients],
    )


def disown(tx: Tx, worker: WorkerId, transaction: str) -> int:
    """Free what a transaction claimed whose commit was never reported: it may stand, but nobody knows of it.

    Raises StoreError while the server has not decided it yet.
    """
    if tx.fate(transaction) == "in progress":
        raise StoreError(f"transaction {transaction} is still being committed")
    return tx.run(
        f"UPDATE recipient SET {LET_GO}, attempts = attempts - 1 WHERE state = 'claimed' AND owner = ? "
        f"AND {tx.last_written_by}",
        (worker, transaction),
    )


def stragglers(tx: Tx, share: float, limit: int) -> list[tuple[MessageId, Place]]:
    """Messages in segments that are written no more and of whose messages less than a share still waits."""
    sparse = tx.rows("SELECT id FROM segment WHERE closed = 1 AND live < ? * total ORDER BY id LIMIT 50", (share,))
    rows: list[Row] = []
    for (segment,) in sparse:
        rows += tx.rows(
            "SELECT id, segment, place, size, prefix FROM message WHERE segment = ? LIMIT ?",
            (segment, limit - len(rows)),
        )
        if len(rows) >= limit:
            break
    return [(MessageId(row[0]), Place(*row[1:])) for row in rows]


def move(tx: Tx, moves: Sequence[tuple[MessageId, int, Place]]) -> list[tuple[int, int]]:
    """Point messages (id, old segment) at their new places; the (message, segment) pairs that are now superfluous.

    A message that has left the queue meanwhile leaves its new place superfluous instead of its old one.
    """
    superfluous: list[tuple[int, int]] = []
    for message, old, place in moves:
        moved = tx.run(
            "UPDATE message SET segment = ?, place = ? WHERE id = ? AND segment = ?",
            (place.segment, place.offset, message, old),
        )
        superfluous.append((message, old if moved else place.segment))
    return superfluous


def drop_wished(tx: Tx, now: float) -> tuple[list[tuple[int, int]], list[Event]]:
    """Drop what an operator wished away during an attempt that did not end it.

    The messages (id, segment) that ended by it, and the entries for the journal.
    """
    rows = tx.rows(
        "DELETE FROM recipient WHERE wish <> '' AND wish = 'drop' AND state <> 'claimed' "
        "RETURNING message, n, tenant, address"
    )
    events: list[Event] = [
        Dropped(tenant, MessageId(message), n, now, address, "operator", "asked for during an attempt")
        for message, n, tenant, address in rows
    ]
    return leave(tx, [(row[0], False) for row in rows]), events

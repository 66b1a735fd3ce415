"""What reputation knows, and how far it has read the journal: both change in one transaction, so nothing counts twice.

A follower keeps its state in memory and hands it in again; it is read anew whenever the store's cursor is not where the
state stands (another machine has gone on, a commit was lost). It reads and folds while others write (`read_on`), and
writes what came of that by itself (`save`), because on SQLite nobody can accept mail meanwhile: a step of so many
events changes no more than so many rows. Forgetting is in no hurry: it goes a few rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct, field

from goodstanding.admission.campaign import Campaign
from goodstanding.admission.fingerprint import SAME, similarity
from goodstanding.events import Event
from goodstanding.model import KeyKind, MessageId, Signal, Touched, parse_key
from goodstanding.reputation.cells import APART, Account, Cell, Harm, State, accuse_all, dismantle, enlist, saved
from goodstanding.reputation.delay import DAY, Curve, Delays
from goodstanding.reputation.exposure import KEPT, WINDOW, Curves, Tally
from goodstanding.reputation.fold import fold
from goodstanding.reputation.tempo import lived
from goodstanding.store import conduct, journal
from goodstanding.store.db import Row, Tx, Value

LOCK = 724_903
"""The lock of whoever follows the journal (PostgreSQL)."""
LIMIT = 500
"""Events of one step: on SQLite others wait while what came of them is written."""
SLICE = 500
"""Rows of old that one step deletes."""
LOST = -1
"""The cursor of a state that may have been folded without being saved."""


class Followed(Struct):
    """A state, and the place in the journal up to which it has been folded."""

    state: State
    cursor: int = 0
    """Up to here it is stored, too."""
    events: list[Event] = field(default_factory=list)
    """Those of the last step."""
    unread: list[journal.Unread] = field(default_factory=list)
    """What could not be read in the last step, and counts for nothing."""
    more: bool = False
    """More may be waiting."""
    gap: journal.Gap = field(default_factory=journal.Gap)
    kin: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """For `reputation.blame.charges`; looked up in the guard's books for campaigns that something counts against."""
    step: _Step | None = None
    """What has been folded and is to be saved."""
    old_harm: bool = True
    """There may be harm that has left the window, to be deleted."""


class _Step(Struct):
    """Rows to be written, and the places in the journal they lead from and to."""

    begin: int
    end: int
    cells: list[tuple[Value, ...]]
    harms: list[tuple[Value, ...]]
    parts: list[tuple[Value, ...]]


class _Place(Struct, array_like=True):
    """What changes with every step."""

    cursor: int
    day: int
    next_cell: int


_encode = msgspec.msgpack.encode
_TALLY = msgspec.msgpack.Decoder(Tally)
_PLACE = msgspec.msgpack.Decoder(_Place)
_DELAYS = msgspec.msgpack.Decoder(Delays)
_CURVES = msgspec.msgpack.Decoder(dict[int, tuple[Curve, ...]])
_SINGLY = msgspec.msgpack.Decoder(dict[str, dict[int, int]])
_RESTARTS = msgspec.msgpack.Decoder(dict[str, list[float]])


def is_current(tx: Tx, followed: Followed | None) -> bool:
    """Whether a state stands where the store does; else it is to be read anew."""
    return followed is not None and followed.cursor == cursor_of(tx)


def anew(tx: Tx, followed: Followed | None) -> Followed:
    """What is stored, in the place of a state that is not current. ``tx``: a view of one moment."""
    if followed is not None:
        dismantle(followed.state)
    return load(tx)


def read_on(tx: Tx, followed: Followed, limit: int = LIMIT, speed: float = 1.0) -> None:
    """Fold the next events of the journal into a current state, to be saved next.

    ``tx``: for reading, and no view of one moment: of events that are being committed, `journal.after` must see more
    than it asked for. ``speed``: how many times faster than the clock recipients live, see `reputation.tempo`.
    """
    followed.unread = []
    begin = followed.cursor
    followed.events, end = journal.after(tx, begin, limit, followed.gap, followed.unread)
    followed.more = len(followed.events) + len(followed.unread) == limit
    if end != begin or lags(followed):
        followed.cursor = LOST
        fold_all(followed.state, followed.events, speed)
        if "day" in followed.state.changed:
            followed.old_harm = True
            _forget_kin(followed)
        followed.step = _step(followed.state, begin, end)
    find_kin(tx, followed, speed)


def lags(followed: Followed) -> bool:
    """Whether there is something left to be deleted."""
    return followed.old_harm or bool(followed.state.gone)


def save(tx: Tx, followed: Followed) -> bool:
    """Store what was folded, with the cursor up to which it tells. False: somebody else went on meanwhile; it is void.

    Writes no more than one row for each event and each harm, and a few parts, and deletes `SLICE` of each kind.
    """
    step = followed.step
    if step is None:
        return True
    alone(tx)
    if cursor_of(tx) != step.begin:
        return False
    _write(tx, step)
    gone = followed.state.gone[:SLICE]
    tx.among("DELETE FROM reputation_cell WHERE id IN", gone)
    if followed.old_harm:
        followed.old_harm = _forget_harm(tx, followed.state) == SLICE
    saved(followed.state)
    del followed.state.gone[: len(gone)]
    followed.cursor, followed.step = step.end, None
    return True


def find_kin(tx: Tx, followed: Followed, speed: float = 1.0) -> None:
    """Look for the kin of campaigns that something begins to count against, and anew for that of their kin."""
    new = followed.state.accused - followed.kin.keys()
    followed.state.accused.clear()
    if not new:
        return
    now = followed.state.day * DAY / speed
    found = kin(tx, new, now)
    known = {other for others in found.values() for other in others} & followed.kin.keys()
    followed.kin.update(found | kin(tx, known, now))
    for campaign in new - found.keys():  # forgotten by the guard, or never one of its campaigns
        followed.kin[campaign] = ()


def _forget_kin(followed: Followed) -> None:
    """Of campaigns that nothing counts against any more."""
    suspects = {total.key for totals in followed.state.suspects.values() for total in totals}
    against = {int(key.name) for key in suspects if key.kind is KeyKind.CAMPAIGN}
    for campaign in followed.kin.keys() - against:
        del followed.kin[campaign]


def pending(tx: Tx, followed: Followed | None) -> bool:
    """Whether there may be something to follow; asks no more than a look at the end of the journal."""
    return (
        followed is None
        or lags(followed)
        or tx.row("SELECT 1 FROM journal WHERE seq > ? LIMIT 1", (followed.cursor,)) is not None
    )


def alone(tx: Tx) -> None:
    """Wait until nobody else is following, and keep others from it until this transaction ends."""
    tx.alone(LOCK)


def fold_all(state: State, events: Iterable[Event], speed: float = 1.0) -> None:
    """One after the other."""
    for event in events if speed == 1.0 else [lived(event, speed) for event in events]:
        fold(state, event)


def cursor_of(tx: Tx) -> int:
    """How far the journal has been folded."""
    found = _stored(tx, "place")
    return _PLACE.decode(found).cursor if found else 0


def load(tx: Tx, most_apart: int = APART) -> Followed:
    """Everything, as it was saved last."""
    place = _PLACE.decode(_stored(tx, "place") or _encode(_Place(0, 0, 1)))
    state = State(place.day, place.next_cell, most_apart=most_apart)
    state.delays = _DELAYS.decode(_stored(tx, "delays") or _encode(Delays()))
    state.curves = Curves(_CURVES.decode(_stored(tx, "curves") or _encode({})))
    state.singly = _SINGLY.decode(_stored(tx, "singly") or _encode({}))
    for name, moments in _RESTARTS.decode(_stored(tx, "restarts") or _encode({})).items():
        about, _, stream = name.partition("\n")
        tenant, _, stream = stream.partition("\n")
        key = parse_key(about)
        if key is not None:
            state.restarts[Account(tenant, key, stream)] = moments
    for row in tx.rows(f"SELECT {', '.join(_COLUMNS)} FROM reputation_cell ORDER BY id"):
        if row[9] < state.day - KEPT:  # forgotten, and not deleted yet
            state.gone.append(row[0])
            continue
        footprint = (row[1], row[2], Touched(*row[3:8]))
        enlist(state, Cell(row[0], footprint, row[8], row[9], _TALLY.decode(bytes(row[10]))))
    accuse_all(state, state.totals.values())
    return Followed(state, place.cursor)


def _stored(tx: Tx, name: str) -> bytes:
    row = tx.row("SELECT octets FROM reputation_state WHERE name = ?", (name,))
    return bytes(row[0]) if row else b""


_COLUMNS = (
    *("id", "tenant", "source", "subscription", "stream", "domain", "campaign", "links"),
    *("epoch", "last", "octets"),
)
_PUT_CELL = (
    f"INSERT INTO reputation_cell ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (id) DO UPDATE SET last = excluded.last, octets = excluded.octets"
)
_PUT_PART = (
    "INSERT INTO reputation_state AS held (name, octets) VALUES (?, ?) "
    "ON CONFLICT (name) DO UPDATE SET octets = excluded.octets WHERE held.octets <> excluded.octets"
)


def _step(state: State, begin: int, end: int) -> _Step:
    """Everything that changed, as rows: written out here, before anybody has to wait for it."""
    parts = {"place": _encode(_Place(end, state.day, state.next_cell)), **_parts(state)}
    return _Step(
        begin,
        end,
        [_row(cell) for cell in sorted(state.touched, key=lambda cell: cell.id)],
        [(harm.cell, harm.signal.value, harm.at, harm.message, harm.n) for harm in state.harms],
        sorted(parts.items()),
    )


def _write(tx: Tx, step: _Step) -> None:
    tx.many(_PUT_CELL, step.cells)
    tx.insert("INSERT INTO reputation_harm (cell, signal, at, message, n) VALUES", step.harms)
    tx.many(_PUT_PART, step.parts)


def _forget_harm(tx: Tx, state: State) -> int:
    """Delete a slice of the harm that has left the window; how much of it."""
    old = "SELECT id FROM reputation_harm WHERE at < ? ORDER BY at LIMIT ?"
    return tx.run(f"DELETE FROM reputation_harm WHERE id IN ({old})", (float((state.day - WINDOW) * DAY), SLICE))


def _parts(state: State) -> dict[str, bytes]:
    """What belongs to no cell, as far as it has changed."""
    found = dict[str, bytes]()
    if "delays" in state.changed:
        found["delays"] = _encode(state.delays)
    if "singly" in state.changed:
        found["singly"] = _encode(state.singly)
    if "curves" in state.changed:
        found["curves"] = _encode(state.curves.since)
    if "restarts" in state.changed:
        found["restarts"] = _encode({_named(one): moments for one, moments in state.restarts.items()})
    return found


def _named(account: Account) -> str:
    """A key alone, as older releases wrote it, is everybody's."""
    rest = f"\n{account.tenant}\n{account.stream}" if account.tenant or account.stream else ""
    return f"{account.key}{rest}"


def replace(tx: Tx, state: State, cursor: int) -> None:
    """Forget everything that was saved, and save this instead."""
    for table in ("reputation_cell", "reputation_harm", "reputation_state"):
        tx.run(f"DELETE FROM {table}")
    _write(tx, _step(state, 0, cursor))
    tx.run("DELETE FROM reputation_harm WHERE at < ?", (float((state.day - WINDOW) * DAY),))
    saved(state)
    state.gone.clear()


def harms(tx: Tx, cells: Sequence[int], limit: int) -> list[Harm]:
    """The newest events that count against these cells."""
    columns = "cell, signal, at, message, n"
    rows = tx.among_rows(f"SELECT {columns} FROM reputation_harm WHERE cell IN", cells)
    found = [Harm(row[0], Signal(row[1]), row[2], MessageId(row[3]), row[4]) for row in rows]
    return sorted(found, key=lambda harm: (-harm.at, harm.message, harm.n))[:limit]


def kin(tx: Tx, campaigns: Iterable[int], now: float) -> dict[int, tuple[int, ...]]:
    """For each of these campaigns: others that say the same, as far as it answers for them (`reputation.blame`)."""
    own = conduct.campaigns(tx, campaigns, now)
    found: dict[int, set[int]] = {one.id: set() for one in own}
    by_band: dict[int, list[int]] = {}
    for band, campaign in _bands(tx, "campaign", list(found)):
        by_band.setdefault(band, []).append(campaign)
    for band, other in _bands(tx, "band", list(by_band)):
        for campaign in by_band[band]:
            found[campaign].add(other)
    others = {one.id: one for one in conduct.campaigns(tx, {other for near in found.values() for other in near}, now)}
    return {
        one.id: tuple(other for other in sorted(found[one.id] & others.keys()) if _says_the_same(one, others[other]))
        for one in own
    }


def _bands(tx: Tx, column: str, keys: Sequence[int]) -> list[Row]:
    return tx.among_rows(f"SELECT band, campaign FROM campaign_band WHERE {column} IN", keys)


def _says_the_same(one: Campaign, other: Campaign) -> bool:
    """Whether a campaign answers for another: one of its tenant's, or an older one, with the same words."""
    known = other.tenant == one.tenant or (other.first, other.id) < (one.first, one.id)
    return known and other.id != one.id and similarity(one.fingerprint, other.fingerprint) >= SAME


def _row(cell: Cell) -> tuple[Value, ...]:
    tenant, source, touched = cell.footprint
    told = touched.subscription, touched.stream, touched.domain, touched.campaign, touched.links
    return cell.id, tenant, source, *told, cell.epoch, cell.last, _encode(cell.tally)

"""Verbs on reputation: what the evidence says of a key, why, and building it anew from the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from goodstanding.enforcement.ladder import STRICTNESS
from goodstanding.errors import GoodstandingError
from goodstanding.events import Bounced, Deferred, Event, Unsubscribed
from goodstanding.evidence import Complained, Returned
from goodstanding.model import Key, KeyKind, MessageId, Signal, message_name, parse_key
from goodstanding.reputation.blame import charges, standings
from goodstanding.reputation.budget import Load, load_line
from goodstanding.reputation.cells import Harm, State, since
from goodstanding.reputation.lines import Policy as Policy
from goodstanding.reputation.lines import policy_of as policy_of
from goodstanding.reputation.standing import Charge as Charge
from goodstanding.reputation.standing import Standing as Standing
from goodstanding.reputation.tempo import stretched as stretched
from goodstanding.reputation.told import odds as odds
from goodstanding.reputation.told import percent as percent
from goodstanding.store import enforcement, journal, standing
from goodstanding.store.db import Database, Tx
from goodstanding.store.standing import Followed

STEP = 5000
"""Events read at a time when everything is built anew."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the evidence says about a key."""

    key: str
    since: float
    """Second from which evidence counts: the last reinstatement, or 0."""
    followed: int
    """Number of the last journal entry that is in it."""
    waiting: int
    """Journal entries behind that."""
    charges: list[Charge]
    """What it has to answer for."""
    standings: list[Standing]
    """By stream and signal, whoever is to blame for it."""
    loads: dict[str, Load]
    """Stream -> how many recipients nobody vouches for it may have outstanding."""
    rung: str = ""
    """Where enforcement has it, the strictest over streams; empty: nowhere."""


@dataclass(frozen=True, slots=True)
class Behind:
    """One event that counts against a key."""

    signal: Signal
    at: float
    message: str
    """Empty: a provider's figures, which name no message."""
    n: int
    recipient: str
    campaign: int
    words: str
    """What the server, the reporter or the recipient said."""


@dataclass(frozen=True, slots=True)
class Why:
    """A key's charges, those of narrower keys that explain some of its harm, and the messages behind all of it."""

    shown: Shown
    narrower: list[Charge]
    behind: list[Behind]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What building it anew came to."""

    events: int
    cells: int
    keys: int
    cursor: int
    unread: list[journal.Unread]
    """Entries that could not be read, and count for nothing."""


def key_of(text: str) -> Key:
    """The key a command line names. Raises GoodstandingError."""
    key = parse_key(text)
    if key is None:
        kinds = ", ".join(kind.value for kind in KeyKind)
        raise GoodstandingError(f"{text!r} is no key: write it as kind:name, e.g. subscription:shop/news ({kinds})")
    return key


def show(database: Database, text: str, policy: Policy, now: float, speed: float = 1.0) -> Shown:
    """The standing of a key. Raises GoodstandingError when nothing was ever heard of it.

    ``now`` is in the recipients' time (`reputation.tempo`), and the clock's seconds are shown.
    """
    key = key_of(text)
    with database.view() as tx:
        followed = standing.load(tx)
        standing.find_kin(tx, followed, speed)
        return _by_the_clock(_shown(tx, followed, key, policy, now), speed)


def why(database: Database, text: str, policy: Policy, now: float, limit: int = 20, speed: float = 1.0) -> Why:
    """Why a key stands as it does: in words and numbers, with the newest messages behind it."""
    key = key_of(text)
    with database.view() as tx:
        followed = standing.load(tx)
        standing.find_kin(tx, followed, speed)
        shown = _by_the_clock(_shown(tx, followed, key, policy, now), speed)
        state = followed.state
        cells = {
            id: cell for (known, _), total in state.totals.items() if known == key for id, cell in total.cells.items()
        }
        narrower = [
            charge
            for charge in charges(state, now, policy, followed.kin)
            if _is_narrower(charge.key, key)
            and not cells.keys().isdisjoint(state.totals[charge.key, charge.stream].cells.keys())
        ]
        found = standing.harms(tx, sorted(cells), limit)
        behind = [_behind(tx, harm, cells[harm.cell].footprint[2].campaign, speed) for harm in found]
    return Why(shown, narrower, behind)


def known(database: Database, policy: Policy, now: float) -> list[Charge]:
    """Every charge of this moment."""
    with database.view() as tx:
        followed = standing.load(tx)
        standing.find_kin(tx, followed)
    return charges(followed.state, now, policy, followed.kin)


def events_in(database: Database) -> int:
    """How many events the journal keeps."""
    with database.read() as tx:
        return journal.waiting(tx, 0)


def rebuild(database: Database, done: Callable[[int], None] = lambda count: None, speed: float = 1.0) -> Rebuilt:
    """Fold the whole journal anew and put the result in the place of what was stored, at once and whole.

    Meanwhile the follower goes on with the old; it notices by the cursor.
    """
    built, gap, unread = Followed(State()), journal.Gap(), list[journal.Unread]()
    count = 0
    while True:
        with database.read() as tx:
            found = journal.after(tx, built.cursor, STEP, gap, unread)
        if found[1] == built.cursor:
            break
        count += _further(built, *found, speed)
        done(count)
    with database.tx() as tx:
        standing.alone(tx)
        while (found := journal.after(tx, built.cursor, STEP, gap, unread))[1] != built.cursor:
            count += _further(built, *found, speed)
        standing.replace(tx, built.state, built.cursor)
    keys = {key for key, _ in built.state.totals}
    return Rebuilt(count, len(built.state.cells), len(keys), built.cursor, unread)


def _further(built: Followed, events: list[Event], cursor: int, speed: float) -> int:
    standing.fold_all(built.state, events, speed)
    built.cursor = cursor
    return len(events)


def _shown(tx: Tx, followed: Followed, key: Key, policy: Policy, now: float) -> Shown:
    state = followed.state
    streams = [stream for known, stream in state.totals if known == key]
    if not streams and not since(state, key):
        raise GoodstandingError(f"nothing is known of {key}: no mail of the last month touched it")
    rungs = [one.effective for one in enforcement.positions(tx, key)]
    return Shown(
        str(key),
        since(state, key),
        followed.cursor,
        journal.waiting(tx, followed.cursor),
        [charge for charge in charges(state, now, policy, followed.kin) if charge.key == key],
        standings(state, key, now, policy),
        {stream: load_line(state, key, stream, now, policy) for stream in streams},
        max(rungs, key=STRICTNESS.__getitem__).value if rungs else "",
    )


def _by_the_clock(shown: Shown, speed: float) -> Shown:
    """With the clock's seconds in the place of the recipients'."""
    if speed == 1.0:
        return shown
    standings = [structs.replace(one, since=one.since / speed) for one in shown.standings]
    return replace(shown, since=shown.since / speed, standings=standings)


def _is_narrower(one: Key, other: Key) -> bool:
    kinds: Sequence[KeyKind] = list(KeyKind)
    return kinds.index(one.kind) < kinds.index(other.kind)


def _behind(tx: Tx, harm: Harm, campaign: int, speed: float) -> Behind:
    at = harm.at / speed
    if not harm.message:
        return Behind(harm.signal, at, "", 0, "", campaign, "a provider's own figures")
    told = journal.of_recipient(tx, MessageId(harm.message), harm.n)
    event = next((one for one in told if _is(one, harm, speed)), None)
    name = message_name(MessageId(harm.message))
    recipient = event.recipient if event is not None else ""
    return Behind(harm.signal, at, name, harm.n, recipient, campaign, _words(event))


def _is(event: Event, harm: Harm, speed: float) -> bool:
    same = stretched(event.at, speed) == harm.at
    return same and isinstance(event, (Bounced, Deferred, Returned, Complained, Unsubscribed))


def _words(event: Event | None) -> str:
    match event:
        case Bounced() | Deferred() | Returned():
            return event.reply
        case Complained():
            return f"{event.kind} reported by {event.reporter}"
        case Unsubscribed():
            return f"unsubscribed by {event.way}"
        case _:
            return "no longer in the journal"

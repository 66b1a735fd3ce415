"""One event of the journal after the other becomes counts; what counts for what is decided here, and nowhere else.

Each recipient's end counts under one signal at most: an unknown recipient is a hard bounce, everything else that kept a
message from its mailbox is a failure. A deferral counts only when a first attempt meets an objection to us (reach
``lane``), as an end of its own: repeated tries for one recipient are one event, not many. Who is asked to come more
slowly, or later, has done nothing wrong: delivery obeys (`enforcement.providers`), and nobody is held to account.
"""

from __future__ import annotations

from goodstanding.events import Bounced, Deferred, Delivered, Event, Unsubscribed
from goodstanding.evidence import Complained, Engaged, LadderMoved, Measured, Returned
from goodstanding.model import (
    OUR_TENANT,
    BounceClass,
    Key,
    KeyKind,
    MessageId,
    Rung,
    Signal,
    Stream,
    Touched,
    accepted_at,
    parse_key,
)
from goodstanding.reputation.cells import (
    Account,
    Cell,
    Footprint,
    Harm,
    State,
    accuse,
    cell_of,
    day_of,
)
from goodstanding.reputation.delay import DAY, PROVIDERS, curve_of
from goodstanding.reputation.exposure import ATTEMPTS, COLUMN, MEASURED, WANTED, slot_code
from goodstanding.reputation.midnight import begin_day
from goodstanding.reputation.reinstating import restart

COUNTED = (Delivered, Bounced, Deferred, Returned, Complained, Unsubscribed, Engaged, Measured, LadderMoved)
"""Everything else in the journal says nothing about a sender's standing."""
ABOUT_MESSAGES = (Delivered, Bounced, Deferred, Returned, Complained, Unsubscribed, Engaged)
LATER = frozenset((BounceClass.RATE_LIMIT.value, BounceClass.GREYLISTED.value))
"""Classes of replies that ask for patience."""
WANTED_HOW = frozenset(("clicked", "replied", "interested", "not-spam"))
"""What a person does with mail they are glad of. Opening is not among them: programs open most mail."""


def fold(state: State, event: Event) -> State:
    """The state after one more event. It is changed in place; its time is the event's own, never a clock's."""
    if event.tenant == OUR_TENANT:
        return state  # our own notices: whoever refuses them, no ladder must keep the next one back
    if event.at >= (state.day + 1) * DAY and isinstance(event, COUNTED):
        begin_day(state, day_of(event.at))
    if isinstance(event, ABOUT_MESSAGES) and not event.touched.stream:
        return state  # nobody knows what it was about: a tenant must not answer for it on a stream without a name
    match event:
        case Delivered():
            _delivered(state, event)
        case Bounced():
            _bounced(state, event)
        case Deferred():
            _deferred(state, event)
        case Returned():
            _returned(state, event)
        case Complained():
            _complained(state, event)
        case Unsubscribed():
            _unsubscribed(state, event)
        case Engaged():
            _engaged(state, event)
        case Measured():
            _measured(state, event)
        case LadderMoved():
            _ladder_moved(state, event)
        case _:
            pass
    return state


def _delivered(state: State, event: Delivered) -> None:
    cell = cell_of(state, (event.tenant, event.source, event.touched), event.at)
    code = slot_code(event.at, curve_of(event.host))
    today, day = state.day, int(event.at // DAY)
    for tally in cell.tallies:
        if tally.settled < today:
            tally.settle(today, state.curves)
        slots = tally.slots  # `Tally.deliver`, in line: nearly all the time goes here
        slots[code] = slots.get(code, 0) + 1
        if day < today:
            tally.on(day)[ATTEMPTS] += 1.0
    cell.last = today
    state.touched.add(cell)


def _bounced(state: State, event: Bounced) -> None:
    if not (event.host or event.hard or event.expired):
        return  # nobody was written to: it was given back from quarantine, or by an operator
    cell = cell_of(state, _answering(event), event.at)
    _count(state, cell, event.at, ATTEMPTS)
    _harm(state, cell, Signal.HARD_BOUNCES if event.hard else Signal.FAILURES, event)


def _answering(event: Bounced | Deferred) -> Footprint:
    """Who answers for a failure: for a block of our address the address alone, whoever's turn it was."""
    if event.klass == BounceClass.REPUTATION and event.reach == "lane" and event.source:
        return "", event.source, Touched(stream=event.touched.stream)
    return event.tenant, event.source, event.touched


def _deferred(state: State, event: Deferred) -> None:
    if event.reach == "lane" and event.attempts == 1 and event.klass not in LATER:
        cell = cell_of(state, _answering(event), event.at)
        _count(state, cell, event.at, ATTEMPTS)
        _harm(state, cell, Signal.FAILURES, event)


def _returned(state: State, event: Returned) -> None:
    cell = cell_of(state, (event.tenant, event.source, event.touched), _sent(event.delivered, event.message, event.at))
    _harm(state, cell, Signal.HARD_BOUNCES if event.hard else Signal.FAILURES, event)


def _complained(state: State, event: Complained) -> None:
    cell = cell_of(state, (event.tenant, event.source, event.touched), _sent(event.delivered, event.message, event.at))
    _harm(state, cell, Signal.COMPLAINTS, event)
    if event.delivered and event.kind != "reply":
        state.changed.add("delays")
        state.delays.note(curve_of(event.host), event.delivered, event.at)
    if event.kind != "reply":
        _count_singly(state, event)


def _count_singly(state: State, event: Complained) -> None:
    """So that a provider's figures about the same address or domain do not count it again."""
    code = day_of(event.at) * 16 + curve_of(event.host)
    for kind, name in ((KeyKind.IP, event.source), (KeyKind.DOMAIN, event.touched.domain)):
        if name:
            counts = state.singly.setdefault(str(Key(kind, name)), {})
            counts[code] = counts.get(code, 0) + 1
            state.changed.add("singly")


def _counted_singly(state: State, key: Key, event: Measured) -> int:
    """How many complaints of the figures' days and provider have come one by one about the key."""
    counts = state.singly.get(str(key))
    if not counts or event.provider not in PROVIDERS:
        return 0
    provider, last = PROVIDERS.index(event.provider), max(day_of(event.since), day_of(event.until - 1.0))
    return sum(
        number for code, number in counts.items() if code % 16 == provider and day_of(event.since) <= code // 16 <= last
    )


def _unsubscribed(state: State, event: Unsubscribed) -> None:
    if event.way == "operator" or not event.message:
        return
    cell = cell_of(state, (event.tenant, event.source, event.touched), _sent(event.delivered, event.message, event.at))
    _harm(state, cell, Signal.UNSUBSCRIBES, event)


def _engaged(state: State, event: Engaged) -> None:
    if event.by == "person" and event.how in WANTED_HOW:
        sent = _sent(event.delivered, event.message, event.at)
        _count(state, cell_of(state, (event.tenant, event.source, event.touched), sent), event.at, WANTED)


def _measured(state: State, event: Measured) -> None:
    """A provider's figures. Complaints that also came one by one are not counted twice; deliveries never are."""
    key = parse_key(event.key)
    if key is None or key.kind not in (KeyKind.IP, KeyKind.DOMAIN):
        return
    cell = cell_of(state, _footprint(state, key, event.tenant), event.since)
    _count(state, cell, event.at, MEASURED, event.messages)
    _harm(state, cell, Signal.JUNK, event, event.junked)
    _harm(state, cell, Signal.TRAPS, event, event.traps)
    _harm(state, cell, Signal.COMPLAINTS, event, max(0, event.complaints - _counted_singly(state, key, event)))


def _footprint(state: State, key: Key, tenant: str) -> Footprint:
    """A footprint of one key, on the stream that most of its mail is on."""
    mail = {stream.value: _attempts(state, key, stream) for stream in Stream}
    stream = max(mail, key=lambda name: mail[name])
    if key.kind is KeyKind.IP:
        return tenant, key.name, Touched(stream=stream)
    return tenant, "", Touched(stream=stream, domain=key.name)


def _attempts(state: State, key: Key, stream: Stream) -> float:
    total = state.totals.get((key, stream.value))
    return total.tally.attempts() if total else 0.0


def _ladder_moved(state: State, event: LadderMoved) -> None:
    key = parse_key(event.key)
    if key is not None and event.rung == Rung.REINSTATED:
        restart(state, Account(event.tenant, key, event.stream), event.at)


def _sent(delivered: float, message: MessageId, at: float) -> float:
    """When a message had been delivered, as far as it is known; else when it was accepted, else when we heard."""
    if delivered:
        return delivered
    return accepted_at(message) if message else at


def _count(state: State, cell: Cell, at: float, column: int, number: int = 1) -> None:
    if not number:
        return
    day = day_of(at)
    for tally in cell.tallies:
        tally.settle(state.day, state.curves)
        tally.on(day)[column] += number
    cell.last = state.day
    state.touched.add(cell)


_Harmful = Bounced | Deferred | Returned | Complained | Unsubscribed | Measured


def _harm(state: State, cell: Cell, signal: Signal, event: _Harmful, number: int = 1) -> None:
    if not number:
        return
    _count(state, cell, event.at, COLUMN[signal], number)
    state.harms.append(Harm(cell.id, signal, event.at, event.message, event.n))
    for total in cell.totals:
        total.harmed += 1
        accuse(state, total, signal)

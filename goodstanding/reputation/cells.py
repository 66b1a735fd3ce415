"""Where counts are kept: a cell for each footprint, and totals of cells for each key.

A footprint is everything one message is held to account by: tenant, egress address, subscription, stream, From domain,
campaign, links. Messages with the same footprint share a cell, and every key's total is the sum of its cells. So blame
can be taken out exactly: what a subscription did without a campaign is its cells without those of the campaign.

When a key is reinstated, its footprints begin new cells, and its totals are of the new cells only, as are those of
wider keys: it has answered for the old ones, and nobody else is charged with what it was forgiven. Narrower keys go on
with all of theirs. Which cell an event belongs to is decided by when its message was delivered, so a late complaint
about old mail does not reach over a reinstatement.

Words and links are the sender's to choose, so a subscription is told apart into so many cells at most; what is more
goes into its *rest*, a cell of neither campaign nor links: every other key still counts it. When half of that is used
at midnight, cells that nothing counts against go into the rest too, those with the least mail first, so that what comes
next can be told apart. What memory, store and every restart have to bear is bounded so, and by the journal alone: it
comes out the same in whatever steps it is folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Literal, NamedTuple

from msgspec import Struct, field

from goodstanding.model import Key, KeyKind, Signal, Touched
from goodstanding.reputation.asking import Asking
from goodstanding.reputation.delay import DAY, Delays
from goodstanding.reputation.exposure import Curves, Tally, copied

Footprint = tuple[str, str, Touched]
"""Tenant, egress address, and what else a message touched."""


class Cell(Struct, eq=False, gc=False):
    """The counts of one footprint since a reinstatement of one of its keys (or ever)."""

    id: int
    footprint: Footprint
    epoch: float
    """Second of that reinstatement; 0: none."""
    last: int
    """Day of its last event."""
    tally: Tally
    tallies: tuple[Tally, ...] = ()
    """Its own and those of its totals: whatever is counted is counted in all of them. A tuple, as the next one: of
    lists the collector of garbage would have to look at each again and again."""
    totals: tuple[Total, ...] = ()

    def __repr__(self) -> str:
        return f"<Cell {self.id} of {self.footprint}>"


class Total(Struct, eq=False, gc=False):
    """The sum of a key's cells on one stream; made of cells, never stored."""

    key: Key
    stream: str
    tally: Tally
    """Of a single cell it is the cell's own."""
    cells: dict[int, Cell] = field(default_factory=dict)
    harmed: int = 0
    """Grows with every event that counts against it."""
    cleared: dict[Signal, tuple[int, int]] = field(default_factory=dict)
    """In which round (`Asking`) nothing was found against it, and how much counted against it then."""

    def __repr__(self) -> str:
        return f"<Total of {self.key} on {self.stream}, {len(self.cells)} cells>"


class Harm(Struct, frozen=True, gc=False):
    """One event that counts against the keys of a cell: the messages behind a charge."""

    cell: int
    signal: Signal
    at: float
    message: int
    n: int


APART = 10_000
"""Cells of a subscription on a stream that are told apart by campaign or links, a kilobyte or two each."""
Subscriber = tuple[str, str, str]
"""Tenant, subscription, stream."""

Place = tuple[Key, str]
"""A key on a stream."""


class Account(NamedTuple):
    """Who is reinstated: a key of a tenant on a stream; an empty tenant or stream stands for all of them."""

    tenant: str
    key: Key
    stream: str


Part = Literal["day", "delays", "curves", "restarts", "singly"]


class State(Struct, eq=False):
    """Everything that is known; what is stored of it is in `store.standing`."""

    day: int = 0
    """The newest day seen (Unix days, UTC)."""
    next_cell: int = 1
    delays: Delays = field(default_factory=Delays)
    curves: Curves = field(default_factory=Curves)
    singly: dict[str, dict[int, int]] = field(default_factory=dict)
    """Key (an address or a domain) -> day x 16 + provider -> complaints that came one by one."""
    restarts: dict[Account, list[float]] = field(default_factory=dict)
    """When accounts were reinstated, oldest first."""
    cells: dict[tuple[Footprint, float], Cell] = field(default_factory=dict)
    newest: dict[Footprint, Cell] = field(default_factory=dict)
    """The cell that new mail of a footprint is counted in, as far as it has been looked for."""
    apart: dict[Subscriber, int] = field(default_factory=dict)
    """How many cells of theirs are told apart."""
    most_apart: int = APART
    totals: dict[Place, Total] = field(default_factory=dict)
    senders: dict[tuple[str, str, str, str, str, float], tuple[Total, ...]] = field(default_factory=dict)
    """Tenant, address, subscription, stream, From domain, epoch -> their totals: looked up for each new cell."""
    suspects: dict[Signal, set[Total]] = field(default_factory=lambda: {signal: set() for signal in Signal})
    """Whom anything counts against, by signal."""
    accused: set[int] = field(default_factory=set)
    """Campaigns that something has begun to count against, until somebody has looked for their kin."""
    asking: Asking = field(default_factory=Asking)
    touched: set[Cell] = field(default_factory=set)
    """Cells to be stored."""
    gone: list[int] = field(default_factory=list)
    """Cells to be deleted."""
    harms: list[Harm] = field(default_factory=list)
    """To be stored."""
    changed: set[Part] = field(default_factory=set)
    """To be stored."""

    def __repr__(self) -> str:
        return f"<State of day {self.day}, {len(self.cells)} cells, {len(self.totals)} keys>"


def saved(state: State) -> None:
    """Everything is stored; what is gone may take its time to be deleted."""
    state.touched.clear()
    state.harms.clear()
    state.changed.clear()


def dismantle(state: State) -> None:
    """Take a state apart that is used no more: cells and totals name each other, and no collector looks at them."""
    for total in state.totals.values():
        total.cells.clear()
    for cell in state.cells.values():
        cell.totals = cell.tallies = ()


NARROWEST_FIRST = {kind: place for place, kind in enumerate(KeyKind)}
NOBODYS = frozenset({KeyKind.LINK, KeyKind.IP})
"""What tenants share answers for nobody: whatever it is forgiven, wider keys go on with all of it."""


def keys_of(footprint: Footprint) -> list[Key]:
    """Everything a footprint is held to account by, narrowest first."""
    return sorted([*_narrow(footprint), *_wide(footprint)], key=lambda key: NARROWEST_FIRST[key.kind])


def _narrow(footprint: Footprint) -> list[Key]:
    """What the words of a message choose."""
    touched = footprint[2]
    links = [Key(KeyKind.LINK, link) for link in touched.links.split()]
    return [Key(KeyKind.CAMPAIGN, str(touched.campaign)), *links] if touched.campaign else links


def _wide(footprint: Footprint) -> list[Key]:
    """What whoever sends it has, whatever they write."""
    tenant, source, touched = footprint
    keys = [
        Key(KeyKind.SUBSCRIPTION, touched.subscription),
        Key(KeyKind.DOMAIN, touched.domain),
        Key(KeyKind.IP, source),
        Key(KeyKind.TENANT, tenant),
    ]
    return [key for key in keys if key.name]


def cell_of(state: State, footprint: Footprint, delivered: float) -> Cell:
    """The cell for mail of a footprint that was delivered then; a new one where there is none."""
    cell = state.newest.get(footprint)
    if cell is not None and cell.epoch <= delivered:
        return cell
    restarts, epoch = [], 0.0
    if state.restarts:
        restarts = [at for key in keys_of(footprint) for at in _restarts(state, key, footprint)]
        epoch = max((at for at in restarts if at <= delivered), default=0.0)
    cell = state.cells.get((footprint, epoch))
    if cell is None and _is_full(state, footprint):
        return cell_of(state, rest_of(footprint), delivered)
    if cell is None:
        cell = Cell(state.next_cell, footprint, epoch, state.day, Tally(state.day))
        state.next_cell += 1
        enlist(state, cell)
    if not restarts or epoch == max(restarts):
        state.newest[footprint] = cell
    return cell


def rest_of(footprint: Footprint) -> Footprint:
    """The same without what the words of a message choose."""
    tenant, source, touched = footprint
    return tenant, source, Touched(touched.subscription, touched.stream, touched.domain)


def is_apart(footprint: Footprint) -> bool:
    """Whether a cell is told apart from the rest by what the words of a message choose."""
    return bool(footprint[2].campaign or footprint[2].links)


def subscriber(footprint: Footprint) -> Subscriber:
    """Whose cells are counted together."""
    return footprint[0], footprint[2].subscription, footprint[2].stream


def _is_full(state: State, footprint: Footprint) -> bool:
    """Whether no more can be told apart of whoever sent it."""
    return is_apart(footprint) and state.apart.get(subscriber(footprint), 0) >= state.most_apart


def count_apart(state: State, footprint: Footprint, number: int) -> None:
    """So many cells more, or fewer, are told apart of whoever sent it."""
    if is_apart(footprint):
        whose = subscriber(footprint)
        state.apart[whose] = state.apart.get(whose, 0) + number
        if not state.apart[whose]:
            del state.apart[whose]


def enlist(state: State, cell: Cell) -> None:
    """Put a cell, new or loaded, into the state and into the totals of its keys."""
    state.cells[cell.footprint, cell.epoch] = cell
    count_apart(state, cell.footprint, 1)
    tenant, source, touched = cell.footprint
    sender = tenant, source, touched.subscription, touched.stream, touched.domain, cell.epoch
    gone = _forgiven(state, cell) if state.restarts else _NONE
    wide = () if Key(KeyKind.CAMPAIGN, str(touched.campaign)) in gone else state.senders.get(sender)
    if wide is None:
        wide = state.senders[sender] = _totals(state, _wide(cell.footprint), cell, gone)
    totals, tallies = (*_totals(state, _narrow(cell.footprint), cell, gone), *wide), [cell.tally]
    for total in totals:
        if total.tally is not cell.tally:  # most campaigns and many links never have a second cell
            tallies.append(_whole(state, total, cell))
        total.cells[cell.id] = cell
    cell.tallies, cell.totals = tuple(tallies), totals


def _totals(state: State, keys: Sequence[Key], cell: Cell, gone: Set[Key]) -> tuple[Total, ...]:
    """The totals of these keys that a cell counts in."""
    stream = cell.footprint[2].stream
    return tuple([total_of(state, key, stream, cell) for key in keys if key not in gone])


_NONE: Set[Key] = frozenset()


def _forgiven(state: State, cell: Cell) -> Set[Key]:
    """The keys of a cell that have been reinstated since it began, and those wider than one that answered for it."""
    gone: set[Key] = set()
    answered = False
    for key in keys_of(cell.footprint):
        since_then = any(at > cell.epoch for at in _restarts(state, key, cell.footprint))
        if since_then or answered:
            gone.add(key)
        answered = answered or (since_then and key.kind not in NOBODYS)
    return gone


def total_of(state: State, key: Key, stream: str, cell: Cell) -> Total:
    """The total of a key; a new one begins with this cell."""
    place = (key, stream)
    total = state.totals.get(place)
    if total is None:
        total = state.totals[place] = Total(key, stream, cell.tally)
    return total


def join(state: State, total: Total, cell: Cell) -> None:
    """Count a cell in a total from now on, with all it has counted so far."""
    if total.tally is not cell.tally:
        cell.tallies += (_whole(state, total, cell),)
    total.cells[cell.id] = cell
    cell.totals += (total,)


def _whole(state: State, total: Total, cell: Cell) -> Tally:
    """The tally of a total that a cell joins, with what the cell has counted so far."""
    if len(total.cells) == 1:
        _part(total)
    if cell.tally.days or cell.tally.slots:
        add(state, total.tally, cell.tally)
    return total.tally


def _part(total: Total) -> None:
    """A total whose only cell will not stay the only one gets a tally of its own, if it has none."""
    for cell in total.cells.values():
        if total.tally is cell.tally:
            total.tally = copied(cell.tally)
            cell.tallies += (total.tally,)


def add(state: State, whole: Tally, part: Tally) -> None:
    """Count a loaded cell into a total; both are brought to the same day first."""
    whole.settle(state.day, state.curves)
    part.settle(state.day, state.curves)
    for code, number in part.slots.items():
        whole.slots[code] = whole.slots.get(code, 0) + number
    for code, amount in part.credited.items():
        whole.credited[code] = whole.credited.get(code, 0.0) + amount
    for day, columns in part.days.items():
        held = whole.on(day)
        held[:] = [mine + theirs for mine, theirs in zip(held, columns, strict=True)]


def since(state: State, key: Key, tenant: str = "", stream: str | None = None) -> float:
    """Second from which evidence counts against a key: its last reinstatement, or 0.

    ``tenant``, ``stream``: whose and on which; empty and None: whichever was reinstated last.
    """
    streams = {one.stream for one in state.restarts if one.key == key} if stream is None else {stream}
    footprints = [(tenant, "", Touched(stream=where)) for where in streams]
    return max((at for one in footprints for at in _restarts(state, key, one)), default=0.0)


def _restarts(state: State, key: Key, footprint: Footprint) -> Iterator[float]:
    """When a key was reinstated as far as a footprint is concerned; one of no tenant goes with any of them."""
    if not state.restarts:
        return
    tenant, stream = footprint[0], footprint[2].stream
    tenants = {"", tenant} if tenant else {one.tenant for one in state.restarts if one.key == key}
    for one in (Account(who, key, where) for who in tenants for where in {"", stream}):
        yield from state.restarts.get(one, ())


def accuse(state: State, total: Total, signal: Signal) -> None:
    """Something counts against a total: it is to be asked."""
    suspects = state.suspects[signal]
    if total not in suspects:
        suspects.add(total)
        if total.key.kind is KeyKind.CAMPAIGN:
            state.accused.add(int(total.key.name))


def accuse_all(state: State, totals: Iterable[Total]) -> None:
    """Whatever counts against these makes them suspects."""
    for total in totals:
        for signal in Signal:
            if total.tally.events(signal):
                accuse(state, total, signal)


def drop(state: State, total: Total) -> None:
    """A total that is no more, or begins anew."""
    state.totals.pop((total.key, total.stream), None)
    state.senders.clear()
    for suspects in state.suspects.values():
        suspects.discard(total)


def settled(state: State, tally: Tally, now: float) -> Tally:
    """A tally whose past days are written, as far as the journal has come: looking at it later changes nothing."""
    tally.settle(min(state.day, day_of(now)), state.curves)
    return tally


def day_of(at: float) -> int:
    """The day of a second (Unix days, UTC)."""
    return int(at // DAY)

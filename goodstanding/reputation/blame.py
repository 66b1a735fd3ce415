"""Who answers for harm: the narrowest key that explains it.

One event counts for every key its message touched. Keys are then asked from narrow to wide, and from the strictest
level to the mildest. What narrower keys already answer for, at the level in question or a stricter one,
is taken out of a wider key before it is asked: a subscription is charged with what remains after its bad campaigns.
A milder charge explains nothing away, or many campaigns, each only watched, would hide a subscription to be suspended.

What people do with mail is asked of a tenant before its egress addresses, for the tenant decides what they get; what
servers do (blocks, the junk folder) is asked of the addresses first, for these are what servers judge.

Where three or more narrower keys of one wider key are to blame, they have something in common, and it answers with
them: a subscription with three bad campaigns, a tenant with three bad subscriptions or From domains, a link in the mail
of three. Not so egress addresses and From domains, which answer only for what nobody narrower explains.

What several tenants share, a link domain or an egress address, is watched and shown, and no more: whoever links to it
or is put on it could have it ordered about otherwise, and all the others with it. Of a shared link or domain nothing
stricter is even asked, so it excuses nobody; a shared address still explains what servers do to the tenants on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from goodstanding.model import Key, KeyKind, Signal
from goodstanding.reputation.bounds import bounds
from goodstanding.reputation.cells import Cell, State, Total, settled, since
from goodstanding.reputation.evidence import floor_events, restarted
from goodstanding.reputation.exposure import Look, Series, Tally, in_order, minus, plus, series
from goodstanding.reputation.lines import STEPS, USUAL, Lines, Policy, Step, lines_of
from goodstanding.reputation.standing import LEVELS, Charge, Standing
from goodstanding.reputation.told import sentence

MANY = 3
"""So many narrower keys to blame indict what they have in common. Set by judgement."""
IN_COMMON: Mapping[KeyKind, tuple[KeyKind, ...]] = {
    KeyKind.SUBSCRIPTION: (KeyKind.CAMPAIGN,),
    KeyKind.LINK: (KeyKind.SUBSCRIPTION,),
    KeyKind.TENANT: (KeyKind.SUBSCRIPTION, KeyKind.DOMAIN),
}
"""For which kinds this holds, and of what there must be three."""
_SERVERS = tuple(KeyKind)
_PEOPLE = (*(kind for kind in KeyKind if kind is not KeyKind.IP), KeyKind.IP)
ORDER: Mapping[Signal, Mapping[KeyKind, int]] = {
    signal: {kind: place for place, kind in enumerate(kinds)}
    for signal in Signal
    for kinds in ((_SERVERS if signal in (Signal.FAILURES, Signal.JUNK) else _PEOPLE),)
}
"""Place of each kind of key, narrowest first, under a signal."""
_ANYBODYS = frozenset({KeyKind.LINK, KeyKind.DOMAIN})
"""What anybody can put into mail: shared by tenants, it is asked at the mildest level only."""
RANK = {level: place for place, level in enumerate(LEVELS)}
FEWEST = floor_events(min(step.evidence for step in STEPS))
"""With fewer events nothing is ever said."""

Kin = Mapping[int, Sequence[int]]
"""Campaign -> others that say the same: of its tenant, and older ones of others. Who copies a text answers for it too,
and does not make it look bad where it began. Its own mail must speak against it as well, be it ever so little: many
use the stock texts of well-known programs, and are not to blame for each other."""
NO_KIN: Kin = {}


@dataclass(frozen=True, slots=True)
class _Case:
    """A key that is asked under one signal: its total, its counts by day, the lines it is held to."""

    total: Total
    sides: tuple[tuple[Series, str], ...]
    """Its own counts, and for a campaign with kin those of all of them; with what is to be said of each."""
    lines: Lines
    has_kin: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """What a key answers for: the strictest level reached, and the counts that reach it."""

    step: Step
    rest: Series
    remark: str


@dataclass(frozen=True, slots=True)
class _Indicted:
    """A key that answers, and the cells it answers for."""

    total: Total
    rank: int


def charges(state: State, now: float, policy: Policy = USUAL, kin: Kin = NO_KIN) -> list[Charge]:
    """Every key that has to answer for something at this moment, narrowest first."""
    look = state.curves.look(now)
    state.asking.at(now, policy)
    return [charge for signal in Signal for charge in _Hearing(state, signal, look).charges(policy, kin)]


class _Hearing:
    """Every key that something counts against under one signal, asked at one moment."""

    def __init__(self, state: State, signal: Signal, look: Look) -> None:
        self.state = state
        self.signal = signal
        self.look = look
        self.order = ORDER[signal]
        self.indicted: list[_Indicted] = []

    def charges(self, policy: Policy, kin: Kin) -> Iterable[Charge]:
        """Those that answer, narrowest first."""
        for case in self.cases(policy, kin):
            found = self.ask(case)
            if found is not None:
                self.indicted.append(_Indicted(case.total, RANK[found.step.level]))
                yield _charge(case, self.signal, found)

    def clear(self, total: Total) -> None:
        """Nothing stands against a key: it is asked again when something new counts against it."""
        total.cleared[self.signal] = (self.state.asking.round, total.harmed)

    def is_clear(self, total: Total) -> bool:
        """Nothing was found against a key, and nothing new has come."""
        return total.cleared.get(self.signal) == (self.state.asking.round, total.harmed)

    def series(self, tally: Tally) -> Series:
        """What a tally says under the signal."""
        return series(settled(self.state, tally, self.look.now), self.signal, self.look)

    def cases(self, policy: Policy, kin: Kin) -> Iterable[_Case]:
        """Keys with enough against them to be asked, narrow before wide; campaigns together with their kin."""
        totals = [
            (self.order[total.key.kind], total.key.name, total.stream, alike, total)
            for total in self.state.suspects[self.signal]
            if (alike := _alike(total, kin)) or not self.is_clear(total)
        ]
        for *_, alike, total in sorted(totals, key=lambda one: one[:3]):
            if not alike and total.tally.events(self.signal) < FEWEST:
                self.clear(total)
            else:
                lines, own = lines_of(policy, self.signal, total.stream), self.series(total.tally)
                suspicious = alike and restarted(in_order(own), lines.target) >= 1.0
                sides = [(own, ""), *(self.family(own, total.stream, alike) if suspicious else ())]
                yield _Case(total, tuple(sides), lines, bool(alike))

    def family(self, own: Series, stream: str, alike: Sequence[int]) -> Iterable[tuple[Series, str]]:
        """What a campaign and its kin have done together, if they have done anything."""
        together, members = own, 0
        for number in alike:
            other = self.state.totals.get((Key(KeyKind.CAMPAIGN, str(number)), stream))
            if other is not None:
                together = plus(together, self.series(other.tally))
                members += 1
        if members:
            yield together, f", together with {members:,} campaigns that say the same"

    def ask(self, case: _Case) -> _Found | None:
        """The strictest level that what remains of a key reaches."""
        sides = [(in_order(whole), whole, remark) for whole, remark in case.sides]
        mildest = STEPS[-1]
        if all(restarted(days, case.lines.at(mildest.line)) < mildest.evidence for days, _, _ in sides):
            if not case.has_kin:  # these may bring news
                self.clear(case.total)
            return None  # no stricter line ever shows more
        for step in STEPS[-1:] if case.total.key.kind in _ANYBODYS and not tenant_of(case.total) else STEPS:
            line = case.lines.at(step.line)
            for days, whole, remark in sides:
                if restarted(days, line) < step.evidence:
                    continue
                answered = self.answered(case.total, RANK[step.level])
                if not answered:
                    return _Found(step, whole, remark)
                rest, explained = self.without(whole, answered)
                if restarted(in_order(rest), line) >= step.evidence:
                    return _Found(step, rest, f", without {explained:,} that narrower keys answer for")
        return None

    def answered(self, total: Total, rank: int) -> list[Cell]:
        """The cells of a key that narrower keys answer for, at this level or a stricter one."""
        narrower = [
            one.total
            for one in self.indicted
            if one.rank >= rank
            and self.order[one.total.key.kind] < self.order[total.key.kind]
            and not one.total.cells.keys().isdisjoint(total.cells.keys())
        ]
        children = IN_COMMON.get(total.key.kind, ())
        if any(len({one.key for one in narrower if one.key.kind is child}) >= MANY for child in children):
            return []
        answered = {id: cell for one in narrower for id, cell in one.cells.items() if id in total.cells}
        return list(answered.values())

    def without(self, whole: Series, cells: Sequence[Cell]) -> tuple[Series, int]:
        """What remains without these cells, and how many events they have."""
        explained = 0.0
        for cell in cells:
            part = self.series(cell.tally)
            explained += sum(events for events, _ in part.values())
            whole = minus(whole, part)
        return whole, round(explained)


def _alike(total: Total, kin: Kin) -> Sequence[int]:
    """The kin of a campaign; of other keys none."""
    return kin.get(int(total.key.name), ()) if kin and total.key.kind is KeyKind.CAMPAIGN else ()


def _charge(case: _Case, signal: Signal, found: _Found) -> Charge:
    total, step = case.total, found.step
    days, line = in_order(found.rest), case.lines.at(step.line)
    evidence, counts = restarted(days, line), _counts(days)
    rates = rates_of(*counts)
    words = sentence(signal, evidence, line, counts, rates) + found.remark
    tenant = tenant_of(total)
    level = step.level if tenant else LEVELS[0]
    return Charge(total.key, tenant, total.stream, signal, step.line, level, evidence, *counts, *rates, words)


def _counts(days: Sequence[tuple[int, float]]) -> tuple[int, float]:
    return sum(events for events, _ in days), sum(exposure for _, exposure in days)


def rates_of(events: int, exposure: float) -> tuple[float, float, float]:
    """Estimate, and the bounds it lies between."""
    estimate = min(1.0, events / exposure) if exposure > 0.0 else float(events > 0)
    return estimate, *bounds(events, exposure)


def tenant_of(total: Total) -> str:
    """Whose mail touched a key; empty when several tenants' did. Figures of a provider name no tenant."""
    tenants = {cell.footprint[0] for cell in total.cells.values()} - {""}
    return tenants.pop() if len(tenants) == 1 else ""


def standings(state: State, key: Key, now: float, policy: Policy = USUAL) -> list[Standing]:
    """What the evidence says about a key, by stream and signal, whoever is to blame for it."""
    found, look = [], state.curves.look(now)
    for (known, stream), total in state.totals.items():
        if known == key:
            tally = settled(state, total.tally, now)
            for signal in Signal:
                days = in_order(series(tally, signal, look))
                if days:
                    found.append(_standing(total, stream, signal, days, lines_of(policy, signal, stream), state))
    return sorted(found, key=lambda one: (one.stream, list(Signal).index(one.signal)))


def _standing(
    total: Total, stream: str, signal: Signal, days: Sequence[tuple[int, float]], lines: Lines, state: State
) -> Standing:
    target, ceiling, limit = (restarted(days, line) for line in (lines.target, lines.ceiling, lines.limit))
    counts = _counts(days)
    rates = rates_of(*counts)
    words = sentence(signal, target, lines.target, counts, rates)
    tenant = tenant_of(total)
    began = since(state, total.key, tenant, stream)
    evidence, held_to = (target, ceiling, limit), (lines.target, lines.ceiling, lines.limit)
    return Standing(total.key, tenant, stream, signal, *counts, *evidence, *rates, began, words, held_to)

"""goodstanding as a platform: its own ration, evidence and ladder judge the campaign, not a model of them.

The sums that `reputation` keeps of a campaign are kept here (complaints, matured deliveries, hard bounces); what they
mean, and what follows, is said by `reputation.evidence`, `enforcement.trigger` and `admission.ration`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np

from goodstanding.admission.ration import Charge as Outstanding
from goodstanding.admission.ration import KeyTally, charged, floor_of
from goodstanding.admission.ration import Policy as Ration
from goodstanding.admission.risk import Unmatured
from goodstanding.enforcement.ladder import Account, Position
from goodstanding.enforcement.orders import rate_of
from goodstanding.enforcement.policy import Policy
from goodstanding.enforcement.trigger import decide
from goodstanding.model import Key, KeyKind, Rung, Signal, Stream
from goodstanding.reputation.evidence import Day, floor_events, restarted
from goodstanding.reputation.lines import STEPS, USUAL, lines_of
from goodstanding.reputation.standing import Charge, Line
from goodstanding.simulator.assumptions import Numbers
from goodstanding.simulator.outcome import StageName

DAY = 86_400.0
CAMPAIGN = Key(KeyKind.CAMPAIGN, "1")
FEWEST = min(floor_events(step.evidence) for step in STEPS)
AGAIN = 6 * 3600.0
"""Seconds after which evidence is weighed again although nothing was reported: it can only have faded."""
STOPPED = frozenset({Rung.SUSPENDED, Rung.CLOSED})
SLOW = frozenset({Rung.SLOWED, Rung.PENALTY})


@dataclass(slots=True)
class _Books:
    """What is known of one signal: events and exposure by day."""

    signal: Signal
    days: list[list[float]] = field(default_factory=list)
    """Day, events, exposure; oldest first."""
    events: int = 0

    def add(self, now: float, events: int, exposure: float) -> None:
        """Count a step."""
        today = float(now // DAY)
        if not self.days or self.days[-1][0] != today:
            self.days.append([today, 0.0, 0.0])
        self.days[-1][1] += events
        self.days[-1][2] += exposure
        self.events += events

    def charge(self, stream: Stream) -> Charge | None:
        """What they come to, if to anything."""
        if self.events < FEWEST:
            return None
        days: list[Day] = [(int(events), exposure) for _, events, exposure in self.days]
        lines = lines_of(USUAL, self.signal, stream.value)
        exposure = sum(day[1] for day in days)
        told: dict[Line, float] = {}
        for step in STEPS:
            evidence = told.get(step.line)
            if evidence is None:
                evidence = told[step.line] = restarted(days, lines.at(step.line))
            if evidence >= step.evidence:
                rate = self.events / max(1.0, exposure)
                words = f"{self.events} {self.signal.value} in {exposure:,.0f}"
                what = (CAMPAIGN, "sender", stream.value, self.signal, step.line, step.level)
                return Charge(*what, evidence, self.events, exposure, rate, rate, rate, words)
        return None


@dataclass(slots=True)
class Guard:
    """One run's guard of one campaign."""

    stream: Stream
    policy: Policy = Policy()
    ration: Ration = Ration()
    position: Position = field(default_factory=lambda: Position(Account("sender", CAMPAIGN)))
    reached: dict[StageName, float] = field(default_factory=dict)
    _complaints: _Books = field(default_factory=lambda: _Books(Signal.COMPLAINTS))
    _bounces: _Books = field(default_factory=lambda: _Books(Signal.HARD_BOUNCES))
    _unmatured: Unmatured = field(default_factory=Unmatured)
    _held: float = 0.0
    """What had not matured at the end of the last step."""
    _charges: list[Charge | None] = field(default_factory=list)
    _judged: float = -inf
    _tally: KeyTally = field(default_factory=lambda: KeyTally(0.0))
    _outstanding: Outstanding = field(default_factory=Outstanding)

    def may_send(self, now: float, seconds: float) -> float:
        """Recipients that are let through in the coming seconds; infinity: as many as come."""
        rung = self.position.effective
        if rung in STOPPED:
            return 0.0
        allowed = inf
        if rung in SLOW or rung is Rung.REINSTATED:
            allowed = rate_of(self.position, self.policy, now) * seconds / 3600.0
        if self.stream is Stream.TRANSACTIONAL:  # a list of strangers: rationed (GUARD.md)
            floor = floor_of(self._tally, "list", self.ration, now)
            allowed = min(allowed, max(0.0, floor - self._outstanding.unproven.left(now)))
        return allowed

    def hear(self, now: float, sent: int, delivered: int, complaints: int, bounces: int) -> None:
        """What a step brought; whatever follows is done."""
        if self.position.effective in STOPPED:  # time answers no question: that lasts until a review
            return
        self._rationed(now, sent, complaints)
        self._complaints.add(now, complaints, self._matured(now, delivered))
        if sent:
            self._bounces.add(now, bounces, float(sent))
        if complaints or bounces or now - self._judged >= AGAIN:
            self._charges = [one.charge(self.stream) for one in (self._complaints, self._bounces)]
            self._judged = now
        charges = [one for one in self._charges if one is not None]
        if not charges and self.position.effective is Rung.GOOD:
            return
        for move in decide(self.position, charges, now, self.policy):
            self.position = move.after
        self._note(now)

    def _rationed(self, now: float, sent: int, complaints: int) -> None:
        if self.stream is not Stream.TRANSACTIONAL:
            return
        if sent:
            self._tally.first = self._tally.first or now
            self._tally.sent(sent, now)
            charged(self._outstanding, self._tally, sent, now)
        for _ in range(complaints):
            self._tally.complained(now, self.ration.ceiling)

    def _matured(self, now: float, delivered: int) -> float:
        """How much of what was delivered has matured since the last step; what came in this one is added."""
        left = self._unmatured.left(now)
        gained = self._held - left
        self._unmatured.add(float(delivered), now)
        self._held = left + delivered
        return max(0.0, gained)

    def _note(self, now: float) -> None:
        rung = self.position.effective
        if rung in SLOW:
            self.reached.setdefault("throttled", now)
        if rung in STOPPED:
            self.reached.setdefault("suspended", now)


@dataclass(slots=True)
class Guarded:
    """All runs of a campaign over goodstanding."""

    guards: list[Guard]

    @classmethod
    def of(cls, runs: int, stream: Stream) -> Guarded:
        """One guard for each run, nothing known."""
        return cls([Guard(stream) for _ in range(runs)])

    def may_send(self, now: float, seconds: float) -> Numbers:
        """By run (runs,)."""
        return np.array([guard.may_send(now, seconds) for guard in self.guards])

    def hear(self, now: float, step: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> None:
        """What a step brought: rows sent, delivered, complaints, bounces; a column for each run."""
        for guard, (sent, delivered, complaints, bounces) in zip(self.guards, step.T.tolist(), strict=True):
            guard.hear(now, sent, delivered, complaints, bounces)

    def reached(self, stage: StageName) -> Numbers:
        """Second at which each run reached a stage; infinity: never."""
        return np.array([guard.reached.get(stage, inf) for guard in self.guards])

    @property
    def stopped(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Runs in which nothing is sent until a review."""
        return np.array([guard.position.effective in STOPPED for guard in self.guards])

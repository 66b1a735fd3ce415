"""How a platform judges a sender, many runs at once: rates over a window, lines, delays, stages (`platforms.Rule`)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from goodstanding.simulator.assumptions import Drawn, Numbers
from goodstanding.simulator.outcome import STAGES, StageName
from goodstanding.simulator.platforms import Platform, Rule, Scope, Signal

HOUR = 3600.0
SCOPES: tuple[Scope, ...] = ("campaign", "subscription", "tenant")
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(slots=True)
class _Watched:
    """One rule in every run."""

    rule: Rule
    line: Numbers
    least: Numbers
    after: Numbers
    """Seconds from crossing to acting."""
    crossed: Numbers
    """Second at which it was crossed first since the last suspension ended; infinity: not yet."""
    hot_until: Numbers
    """Second until which the rate counts as over the line."""


@dataclass(slots=True)
class Platformed:
    """What a platform knows and does; every array is (runs,)."""

    platform: Platform
    drawn: Drawn
    rules: list[_Watched] = field(default_factory=list)
    now: float = 0.0
    suspended_until: Numbers = field(init=False)
    reached: dict[StageName, Numbers] = field(init=False)
    """Second at which each stage was reached first; infinity: never."""
    told: dict[StageName, bool] = field(init=False)
    _sums: dict[Signal | Literal["sent"], Numbers] = field(init=False)
    _seconds: list[float] = field(default_factory=list)
    """The end of each step."""
    _past: list[dict[Signal | Literal["sent"], Numbers]] = field(default_factory=list)
    """The sums at those seconds."""
    _base: dict[Signal | Literal["sent"], Numbers] = field(init=False)
    """The sums at the last reinstatement: nothing reaches back before it."""
    _scope: dict[StageName, Scope] = field(init=False)
    _suspended_days: Numbers = field(init=False)

    def __post_init__(self) -> None:
        """Nothing has happened."""
        runs, of, slug = self.drawn.runs, self.drawn.of, self.platform.slug
        never = np.full(runs, np.inf)
        for name in ("degraded-junk", "degraded-lost"):
            of(f"{slug}.{name}")  # drawn whether or not it comes to it, so that every piece of the work knows the same
        self._suspended_days = of(f"{slug}.suspended-days")
        for rule in self.platform.rules:
            name = f"{slug}.{rule.signal}.{rule.stage}"
            numbers = of(f"{name}.line"), of(f"{name}.least"), of(f"{name}.after-hours") * HOUR
            self.rules.append(_Watched(rule, *numbers, crossed=never.copy(), hot_until=np.full(runs, -np.inf)))
        self.suspended_until = np.full(runs, -np.inf)
        self.reached = {stage: never.copy() for stage in STAGES}
        self.told = {stage: all(r.told for r in self.platform.rules if r.stage == stage) for stage in STAGES}
        self._sums = {name: np.zeros(runs) for name in ("sent", "complaints", "bounces", "failures", "traps")}
        self._base = dict(self._sums)
        self._scope = {
            stage: max((r.scope for r in self.platform.rules if r.stage == stage), key=SCOPES.index, default="campaign")
            for stage in STAGES
        }

    def hear(self, now: float, sent: Numbers, events: dict[Signal, Numbers]) -> None:
        """Count what a step brought, and see what follows."""
        self.now = now
        self._sums = {name: had + (sent if name == "sent" else events[name]) for name, had in self._sums.items()}
        self._seconds.append(now)
        self._past.append(self._sums)
        for one in self.rules:
            self._judge(one, now)
        ended = (self.suspended_until > -np.inf) & (now >= self.suspended_until)
        if ended.any():
            self.suspended_until[ended] = -np.inf
            self._base = {name: np.where(ended, self._sums[name], had) for name, had in self._base.items()}
            for one in self.rules:
                one.crossed[ended] = np.inf
                one.hot_until[ended] = -np.inf

    def _judge(self, one: _Watched, now: float) -> None:
        window = one.rule.window_days * 86_400.0
        sent = self._within("sent", now - window)
        events = self._within(one.rule.signal, now - window)
        rate = events if one.rule.signal == "traps" else events / np.maximum(1.0, sent)
        over = (sent >= one.least) & (rate >= one.line) & (events > 0.0)
        one.crossed = np.where(over & np.isinf(one.crossed), now, one.crossed)
        one.hot_until = np.where(over, now + one.after + min(window, 7 * 86_400.0), one.hot_until)
        acting = (now >= one.crossed + one.after) & (now < one.hot_until)
        if not acting.any():
            return
        stage = one.rule.stage
        first = acting & np.isinf(self.reached[stage])
        self.reached[stage] = np.where(first, now, self.reached[stage])
        if stage == "suspended":
            lasts = self._suspended_days * 86_400.0
            new = acting & (self.suspended_until == -np.inf)
            self.suspended_until = np.where(new, now + lasts, self.suspended_until)

    def _within(self, name: Signal | Literal["sent"], since: float) -> Numbers:
        """What has come since a second."""
        place = bisect_right(self._seconds, since)
        before = np.maximum(self._past[place - 1][name], self._base[name]) if place else self._base[name]
        return self._sums[name] - before

    def in_stage(self, stage: StageName, now: float) -> Flags:
        """The runs in which the platform does this now."""
        if stage == "suspended":
            return now < self.suspended_until
        found = np.zeros(self.drawn.runs, bool)
        for one in self.rules:
            if one.rule.stage == stage:
                found |= (now >= one.crossed + one.after) & (now < one.hot_until)
        return found

    def hits(self, stage: StageName, over: str) -> bool:
        """Whether a stage hits another flow of the tenant that is sent over this platform by programs or by people."""
        scope = self._scope[stage]
        return scope == "tenant" or (scope == "subscription" and over == "application")

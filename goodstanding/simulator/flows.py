"""The tenant's other mail: what it adds to the memory of shared identities, and what the campaign does to it.

Expected values, not draws: these flows are wanted, their complaints few, and what is asked is how much of them arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.sandbox.placement import DAY, Grade
from goodstanding.simulator.assumptions import Drawn, Numbers
from goodstanding.simulator.campaign import PROVIDERS, Flow, Way
from goodstanding.simulator.memory import Lines, Memory
from goodstanding.simulator.watch import Platformed


@dataclass(frozen=True, slots=True)
class Fate:
    """Shares of one flow's mail in a step, by run (runs,); the rest is in the inbox."""

    junk: Numbers
    lost: Numbers


@dataclass(slots=True)
class Flows:
    """All flows of the tenant over one route."""

    flows: Sequence[Flow]
    drawn: Drawn
    lines: Lines
    memories: Sequence[Memory]
    """Of the identities they share with the campaign; none: nothing that happens to it reaches them."""
    _vanish: Numbers = field(init=False)
    _alike: dict[tuple[Way, Expectation], float] = field(default_factory=dict)
    """Recipients a day of flows that go the same way to people who expect the same."""

    def __post_init__(self) -> None:
        """What providers make vanish; and what need not be told apart."""
        for flow in self.flows:
            alike = flow.over, flow.expectation
            self._alike[alike] = self._alike.get(alike, 0.0) + flow.per_day
        self._vanish = np.stack([self.drawn.of(f"vanish.{name}") for name in PROVIDERS], axis=1)

    def step(self, watch: Platformed, seconds: float) -> tuple[list[Fate], Numbers]:
        """What becomes of each flow in the coming seconds, and all the recipients that were written to (runs,)."""
        runs = self.drawn.runs
        if not self.memories:
            nothing = np.zeros(runs)
            return [Fate(nothing, nothing) for _ in self.flows], nothing
        grade = np.minimum.reduce([memory.view().grade for memory in self.memories])
        junk, lost = self._placed(grade)
        found = {over: self._stopped(over, watch, junk, lost) for over in {flow.over for flow in self.flows}}
        written = np.zeros(runs)
        for (over, expectation), per_day in self._alike.items():
            recipients = per_day * seconds / DAY * (1.0 - found[over][1])
            written += recipients
            self._remember(expectation, recipients[:, None] / len(PROVIDERS), junk, lost)
        return [found[flow.over][0] for flow in self.flows], written

    def _placed(self, grade: Numbers) -> tuple[Numbers, Numbers]:
        """Shares in junk and lost by provider (runs, providers), by the worst grade of what they share."""
        junked = np.where(grade == Grade.LOW, self.lines.low_junk, 0.0)
        lost = np.where(grade == Grade.BAD, 1.0, junked * self._vanish)
        return junked * (1.0 - self._vanish), lost

    def _stopped(self, over: Way, watch: Platformed, junk: Numbers, lost: Numbers) -> tuple[Fate, Numbers]:
        """The fate of flows that go this way, and the share of them that never left the platform."""
        now, slug, of = watch.now, watch.platform.slug, self.drawn.of
        stopped = np.zeros(self.drawn.runs)
        if watch.hits("throttled", over):
            stopped = np.where(watch.in_stage("throttled", now), 1.0 - of(f"{slug}.throttled-to"), stopped)
        if watch.hits("suspended", over):
            stopped = np.where(watch.in_stage("suspended", now), 1.0, stopped)
        in_junk, gone = junk.mean(axis=1), lost.mean(axis=1)
        if watch.hits("degraded", over):
            silent = watch.in_stage("degraded", now)
            more_lost = np.where(silent, of(f"{slug}.degraded-lost"), 0.0)
            more_junk = np.where(silent, of(f"{slug}.degraded-junk"), 0.0)
            inbox = 1.0 - in_junk - gone
            gone = gone + inbox * more_lost
            in_junk = in_junk + inbox * (1.0 - more_lost) * more_junk
        return Fate(in_junk * (1.0 - stopped), stopped + gone * (1.0 - stopped)), stopped

    def _remember(self, expectation: Expectation, each: Numbers, junk: Numbers, lost: Numbers) -> None:
        """Wanted mail is remembered, too: it dilutes what the campaign does, while it is in the inbox."""
        inbox = each * (1.0 - junk - lost)
        opened = self.drawn.of(f"{expectation}.opened")[:, None]
        complained = self.drawn.of(f"{expectation}.complained")[:, None]
        for memory in self.memories:
            memory.placed(each * (1.0 - lost), inbox)
            memory.engaged += inbox * opened
            memory.complaints += inbox * complained

"""What mailbox providers think of one identity, many runs at once: `sandbox.placement`, over arrays (runs, providers).

The same counts, rates, grades and rations; a test plays random histories through both and compares. Lines are drawn for
each run, so they are (runs, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goodstanding.sandbox.placement import DAY, Grade
from goodstanding.simulator.assumptions import Drawn, Numbers
from goodstanding.simulator.campaign import PROVIDERS, Provider

Grades = np.ndarray[tuple[int, ...], np.dtype[np.int8]]
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Lines:
    """`placement.Lines` of every run, each (runs, 1); target and junk (runs, providers)."""

    target: Numbers
    junk: Numbers
    block: Numbers
    unknown_junk: Numbers
    unknown_block: Numbers
    half_life: Numbers
    patience: Numbers
    least: Numbers
    neutral: Numbers
    neutral_complaints: Numbers
    neutral_unknown: Numbers
    engaged: Numbers
    indifference: Numbers
    trusted: Numbers
    ration: Numbers
    growth: Numbers
    low_ration: Numbers
    stranger_junk: Numbers
    low_junk: Numbers


PUBLISHED: frozenset[Provider] = frozenset(("google", "yahoo"))
"""Those that say where their lines for complaints are."""


def lines_of(drawn: Drawn, providers: Sequence[Provider] = PROVIDERS) -> Lines:
    """As they are assumed."""
    found = {name: drawn.of(f"provider.{name.replace('_', '-')}")[:, None] for name in Lines.__dataclass_fields__}
    for name in ("target", "junk"):
        here = [drawn.of(f"provider.{name}{'' if one in PUBLISHED else '-elsewhere'}") for one in providers]
        found[name] = np.stack(here, axis=1)
    return Lines(**found)


@dataclass(frozen=True, slots=True)
class View:
    """What providers think now."""

    grade: Grades
    ration: Numbers
    """Recipients a day it may have; infinity: as many as it likes."""


class Memory:
    """Of one identity, at every provider, in every run; counts fade as time passes.

    ``only_harms``: it gives no good name and no ration, it can only take a name away.
    """

    def __init__(self, lines: Lines, runs: int, providers: int, *, only_harms: bool = False) -> None:
        shape = (runs, providers)
        self._lines = lines
        self._only_harms = only_harms
        self._at = 0.0
        self.since = np.zeros(shape)
        self.inboxed = np.zeros(shape)
        self.complaints = np.zeros(shape)
        self.tried = np.zeros(shape)
        self.unknown = np.zeros(shape)
        self.engaged = np.zeros(shape)
        self.low_until = np.full(shape, -np.inf)
        self.bad_until = np.full(shape, -np.inf)
        self._day = 0
        self.today = np.zeros(shape)

    def established(self, days: float, per_day: Numbers, complaint_rate: float) -> None:
        """A past of wanted mail, read by half; ``per_day``: recipients at each provider (1, providers)."""
        half_life = self._lines.half_life
        self.since -= days * DAY
        fades_to = 1.0 - 0.5 ** (days * DAY / half_life)
        steady = per_day * half_life / DAY / np.log(2.0) * fades_to
        self.inboxed += steady
        self.tried += steady
        self.engaged += steady / 2.0
        self.complaints += steady * complaint_rate

    def pass_to(self, now: float) -> None:
        """Let time pass."""
        if now <= self._at:
            return
        share = 0.5 ** ((now - self._at) / self._lines.half_life)
        for counts in (self.inboxed, self.complaints, self.tried, self.unknown, self.engaged):
            counts *= share
        self._at = now
        if int(now // DAY) != self._day:
            self._day = int(now // DAY)
            self.today[:] = 0.0

    def view(self) -> View:
        """What they think now; a line that is reached is remembered."""
        lines, now = self._lines, self._at
        engaged = (self.engaged + lines.engaged * lines.neutral) / (self.inboxed + lines.neutral)
        weight = 1.0 + (lines.indifference - 1.0) * (1.0 - np.minimum(1.0, engaged / lines.engaged))
        count = weight * self.complaints
        rate = self._rate(count, self.inboxed, lines.neutral_complaints)
        looked_at = self.complaints >= lines.least
        unknown = self._rate(self.unknown, self.tried, lines.neutral_unknown)
        for line, until in ((lines.junk, self.low_until), (lines.block, self.bad_until)):
            reached = (rate >= line) & looked_at
            self._remember(until, reached, count - line * self.inboxed, lines.neutral_complaints, line)
        for line, until in ((lines.unknown_junk, self.low_until), (lines.unknown_block, self.bad_until)):
            reached = unknown >= line
            self._remember(until, reached, self.unknown - line * self.tried, lines.neutral_unknown, line)
        proven = (self.inboxed >= lines.trusted) & (engaged >= lines.engaged) & (rate < lines.target)
        grade = np.where(proven, np.int8(Grade.HIGH), np.int8(Grade.MEDIUM))
        grade = np.where(now < self.low_until, np.int8(Grade.LOW), grade)
        grade = np.where(now < self.bad_until, np.int8(Grade.BAD), grade).astype(np.int8)
        if self._only_harms:
            grade = np.where(grade == Grade.MEDIUM, np.int8(Grade.HIGH), grade)
            return View(grade, np.full(grade.shape, np.inf))
        return View(grade, self._ration(grade))

    def placed(self, accepted: Numbers, inboxed: Numbers) -> None:
        """Recipients' copies were accepted, and so many of them shown in the inbox."""
        self.tried += accepted
        self.inboxed += inboxed
        self.today += accepted

    def _rate(self, count: Numbers, of: Numbers, prior: Numbers) -> Numbers:
        weight = self._lines.neutral
        return (count + prior * weight) / (of + weight)

    def _remember(self, until: Numbers, reached: Flags, over: Numbers, prior: Numbers, line: Numbers) -> None:
        """`placement._Rate.lasts`: a grade is lifted at a second if nothing more happens; ``over``: counts above it."""
        reached = reached & (over > 0.0)
        if not reached.any():
            return
        lines = self._lines
        share = np.where(reached, (line - prior) * lines.neutral / np.where(reached, over, 1.0), 1.0)
        lasts = lines.patience - lines.half_life * np.log2(np.maximum(share, 1e-300))
        np.maximum(until, self._at + lasts, out=until, where=reached)

    def _ration(self, grade: Grades) -> Numbers:
        lines = self._lines
        days = np.minimum(100.0, (self._at - self.since) // DAY)
        grown = lines.ration * lines.growth**days
        low = np.where(lines.low_ration > 0.0, np.minimum(grown, lines.low_ration), grown)
        ration = np.where(grade <= Grade.LOW, low, grown)
        return np.where((grade == Grade.HIGH) | (lines.ration <= 0.0), np.inf, ration)

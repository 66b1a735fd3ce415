"""What is not known of the world, each with its range and its source, and the numbers that runs draw from them.

Ranges are data (``assumptions.toml``). A threshold nobody publishes is a distribution, so that it is never told as a
fact; what a provider publishes is a single number. Whoever knows better sets a number or a range of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from math import log
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct

from goodstanding.errors import SettingsError

Known = Literal["measured", "published", "assumed", "given"]
"""Where a number comes from: somebody's data, the words of whoever decides, judgement, or the user."""
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Dice = np.random.Generator


class Range(Struct, frozen=True, forbid_unknown_fields=True):
    """What a number lies between, and what it most likely is; all the same where it is known."""

    low: float
    likely: float
    high: float

    @property
    def known(self) -> bool:
        """There is nothing to draw."""
        return self.low == self.high


class Assumption(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One number that the simulation needs."""

    slug: str = ""
    low: float
    likely: float
    high: float
    unit: Literal["share", "seconds", "hours", "days", "recipients", "factor"]
    known: Known
    source: str
    words: str
    """What it is, as a sentence begins."""

    @property
    def range(self) -> Range:
        """Its numbers."""
        return Range(self.low, self.likely, self.high)


Assumptions = Mapping[str, Assumption]


def usual() -> dict[str, Assumption]:
    """Those that come with the program."""
    octets = resources.files("goodstanding.simulator").joinpath("assumptions.toml").read_bytes()
    written = msgspec.toml.decode(octets, type=dict[str, Assumption])
    return {slug: msgspec.structs.replace(one, slug=slug) for slug, one in written.items()}


def given(known: Assumptions, wanted: Mapping[str, Range], source: str) -> dict[str, Assumption]:
    """The same with numbers of one's own. SettingsError where there is no such assumption, or no such range."""
    found, problems = dict(known), []
    for slug, numbers in wanted.items():
        before = found.get(slug)
        flaw = flaw_of(before, numbers) if before is not None else f"there is none; {_near(slug, known)}"
        if before is None or flaw:
            problems.append(f"assumption {slug}: {flaw}")
            continue
        low, likely, high = numbers.low, numbers.likely, numbers.high
        found[slug] = msgspec.structs.replace(before, low=low, likely=likely, high=high, known="given", source=source)
    if problems:
        raise SettingsError(problems)
    return found


def flaw_of(one: Assumption, numbers: Range) -> str:
    """What is wrong with a range; empty: nothing."""
    if not 0.0 <= numbers.low <= numbers.likely <= numbers.high < float("inf"):
        return "numbers are a low, a likely and a high one, none below zero and none smaller than the one before"
    if one.unit == "share" and numbers.high > 1.0:
        return "a share lies between 0 and 1; 2 % is 0.02"
    return ""


def _near(slug: str, known: Iterable[str]) -> str:
    """Where to look instead."""
    group = slug.partition(".")[0]
    alike = sorted(one for one in known if one.partition(".")[0] == group)
    return f"of {group} there are {', '.join(alike)}" if alike else "goodstanding assess --assumptions lists all"


def draw(one: Range, dice: Dice, runs: int) -> Numbers:
    """A number for each run: triangular, on a logarithmic scale where the range spans more than a factor of three."""
    if one.known:
        return np.full(runs, one.likely)
    if one.low > 0.0 and one.high > 3.0 * one.low:
        return np.exp(dice.triangular(log(one.low), log(one.likely), log(one.high), runs))
    return dice.triangular(one.low, one.likely, one.high, runs)


class Drawn:
    """The numbers of all runs, by assumption; each has dice of its own, so that setting one moves no other."""

    def __init__(self, known: Assumptions, runs: int, seed: int) -> None:
        self.runs = runs
        self.numbers: dict[str, Numbers] = {}
        self._known = known
        self._seed = seed

    def of(self, slug: str) -> Numbers:
        """One number for each run (runs,). KeyError: no such assumption, which is a bug."""
        found = self.numbers.get(slug)
        if found is None:
            dice = np.random.default_rng([self._seed, *slug.encode()])
            found = self.numbers[slug] = draw(self._known[slug].range, dice, self.runs)
        return found

    @property
    def uncertain(self) -> list[str]:
        """The assumptions that were used and are ranges: what sensitivity is asked about."""
        return [slug for slug in self.numbers if not self._known[slug].range.known]

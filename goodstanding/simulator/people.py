"""What people do with messages, many at once: the draws of `sandbox.behaviour`, counted instead of made one by one.

Counts lie in arrays (runs, providers). Whoever will object, answer or read is drawn when a message arrives and waits in
a pool until it happens: every delay of the model is exponential, so of those that wait the same share acts in each
hour, and a pool is all that has to be remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb

import numpy as np

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assumptions import Dice, Drawn, Numbers

Counts = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

FRIENDLY = frozenset({Expectation.AWAITED})
ACTS = ("opened", "deleted", "replied", "complained", "left")
"""What people do that is counted; whose message lies in the inbox and who does none of it ignores it."""


def none(runs: int, providers: int) -> Counts:
    """Nobody."""
    return np.zeros((runs, providers), np.int64)


@dataclass(slots=True)
class Pools:
    """Those that will do something, each after a time of its own: exponential, with one mean for each pool."""

    means: dict[str, Numbers]
    """Seconds by pool, (runs,)."""
    providers: int
    waiting: Counts = field(init=False)
    """(pools, runs, providers): all of them, so that they are drawn from at once."""
    _places: dict[str, int] = field(init=False)
    _rates: Numbers = field(init=False)

    def __post_init__(self) -> None:
        """Nobody waits yet."""
        self._rates = -1.0 / np.stack(list(self.means.values()))[:, :, None]
        self._places = {name: place for place, name in enumerate(self.means)}
        self.waiting = np.zeros((*self._rates.shape[:2], self.providers), np.int64)

    def add(self, name: str, more: Counts) -> None:
        """So many more wait."""
        self.waiting[self._places[name]] += more

    def released(self, seconds: float, dice: Dice) -> dict[str, Counts]:
        """Who acts within so many seconds, by pool."""
        gone = np.zeros_like(self.waiting)
        busy = self.waiting.any(axis=(1, 2))
        if busy.any():
            waiting, share = self.waiting[busy], -np.expm1(seconds * self._rates[busy])
            gone[busy] = dice.binomial(waiting, share)
            self.waiting -= gone
        return {name: gone[place] for name, place in self._places.items()}


@dataclass(frozen=True, slots=True)
class Acts:
    """What happened in a step; arrays (runs, providers)."""

    opened: Counts
    deleted: Counts
    """Unread."""
    replied: Counts
    complained: Counts
    left: Counts

    @classmethod
    def none(cls, runs: int, providers: int) -> Acts:
        """Nobody did anything."""
        return cls(*(none(runs, providers) for _ in ACTS))

    def plus(self, more: Acts) -> Acts:
        """Both together."""
        return Acts(*(getattr(self, name) + getattr(more, name) for name in ACTS))

    def by_run(self) -> dict[str, Numbers]:
        """Each summed over the providers, (runs,)."""
        return {name: getattr(self, name).sum(axis=1).astype(float) for name in ACTS}


@dataclass(frozen=True, slots=True)
class Arrived:
    """What the arrivals of a step will come to: who of them is not to be written to again."""

    objecting: Counts
    """Will complain or leave."""
    answering: Counts


@dataclass(slots=True)
class People:
    """Recipients of one expectation; rates are drawn anew for each run (`Drawn`)."""

    expectation: Expectation
    drawn: Drawn
    providers: int
    one_click: bool
    _pools: Pools = field(init=False)

    def __post_init__(self) -> None:
        """Nobody waits yet."""
        of = self.drawn.of
        reading = of("people.awaited-open-mean" if self.expectation in FRIENDLY else "people.open-mean")
        means = {
            **{f"{act} fast": of("people.fast-mean") for act in ("complained", "left")},
            **{f"{act} slow": of("people.slow-mean") for act in ("complained", "left")},
            "opened": reading,
            "deleted": reading,
            "replying": reading,
            "replied": of("people.reply-mean"),
        }
        self._pools = Pools(means, self.providers)

    def rate(self, habit: str) -> Numbers:
        """A share of messages in the inbox, by run."""
        return self.drawn.of(f"{self.expectation}.{habit}")

    def complaint_rate(self, earlier: int) -> Numbers:
        """The share of such messages that are reported, after so many earlier ones.

        `behaviour.complaint_rate`, averaged over how many of those were deleted unread.
        """
        of = self.drawn.of
        annoyed = self._annoyance(earlier)
        rate = self.rate("complained") * annoyed
        if not self.one_click:
            rate = rate + self.rate("unsubscribed") * of("people.complain-instead")
        return np.minimum(1.0, rate)

    def _annoyance(self, earlier: int) -> Numbers:
        deleted, most = self.rate("deleted"), self.drawn.of("people.annoyance-most")
        each = self.drawn.of("people.annoyance")
        found = np.zeros(self.drawn.runs)
        for ignored in range(earlier + 1):
            chance = comb(earlier, ignored) * deleted**ignored * (1.0 - deleted) ** (earlier - ignored)
            found += chance * np.minimum(most, 1.0 + each * ignored)
        return found

    def arrive(self, inbox: Counts, earlier: int, dice: Dice) -> Arrived:
        """Messages that reached the inbox in this step; ``earlier``: how many each of them got before."""
        complaining = _drawn_of(inbox, self.complaint_rate(earlier), dice)
        leaves = self.rate("unsubscribed") if self.one_click else np.zeros(self.drawn.runs)
        leaving = _drawn_of(inbox - complaining, leaves / np.maximum(1e-12, 1.0 - self.complaint_rate(earlier)), dice)
        fast = self.drawn.of("people.fast-share")
        for name, objecting in (("complained", complaining), ("left", leaving)):
            quick = _drawn_of(objecting, fast, dice)
            self._pools.add(f"{name} fast", quick)
            self._pools.add(f"{name} slow", objecting - quick)
        opening = _drawn_of(inbox, self.rate("opened"), dice)
        answers = np.minimum(1.0, self.rate("replied") / np.maximum(1e-12, self.rate("opened")))
        answering = _drawn_of(opening, answers, dice)
        unread = self.rate("deleted") / np.maximum(1e-12, 1.0 - self.rate("opened"))
        self._pools.add("opened", opening - answering)
        self._pools.add("deleted", _drawn_of(inbox - opening, unread, dice))
        self._pools.add("replying", answering)
        return Arrived(complaining + leaving, answering)

    def rescue(self, junk: Counts, dice: Dice) -> Counts:
        """Who takes a message of this step out of junk; they read it, too."""
        rescuing = _drawn_of(junk, self.rate("rescued"), dice)
        self._pools.add("opened", rescuing)
        return rescuing

    def act(self, seconds: float, dice: Dice) -> Acts:
        """What people do in the next seconds."""
        out = self._pools.released(seconds, dice)
        self._pools.add("replied", out["replying"])  # who answers has read it
        return Acts(
            out["opened"] + out["replying"],
            out["deleted"],
            out["replied"],
            out["complained fast"] + out["complained slow"],
            out["left fast"] + out["left slow"],
        )

    @property
    def idle(self) -> bool:
        """Nobody will do anything any more."""
        return not self._pools.waiting.any()


def _drawn_of(counts: Counts, share: Numbers, dice: Dice) -> Counts:
    """How many of each, when each does with this chance (runs,)."""
    if not counts.any():
        return np.zeros_like(counts)
    return dice.binomial(counts, np.minimum(1.0, np.maximum(0.0, share))[:, None])

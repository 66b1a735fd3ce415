"""How strongly counts speak against "the rate is at most so much": e-values, restarted by the day.

Against a line p0, every alternative rate m p0 (m = 2, 4, 8, 16, 32) has the likelihood ratio
    exp(k ln m - (m - 1) h S),    h = p0 / (1 - p0),
for k events in S matured exposure; their average is the e-value. If the rate is at most p0 it ever exceeds x with
probability at most 1 / x, however often it is looked at (Ville 1939); h instead of p0 keeps that exact although a
delivery that has not been complained about so far is a little likelier to be from now on (docs/reputation.md).

To see a change that comes late, each day begins from no less than 1 (e-CUSUM: Shin, Ramdas & Rinaldo): the wait for a
false alarm at x is x days or more. Everything here is in logarithms, so no amount of evidence overflows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import exp, log

MULTIPLES = (2.0, 4.0, 8.0, 16.0, 32.0)
"""How many times worse than the line a sender may be: equal weights, so the best guess costs a factor of 5 at most."""
MOST = 1e12
"""Evidence is not told more strongly than this."""

Day = tuple[int, float]
"""Events and matured exposure of one day."""


@lru_cache(maxsize=1024)
def alternatives(line: float) -> tuple[tuple[float, float], ...]:
    """For each alternative: what an event adds, and what a unit of exposure takes, in nats. Rates beyond 1 fall out."""
    hazard = line / (1.0 - line)
    return tuple((log(m), (m - 1.0) * hazard) for m in MULTIPLES if m * line <= 1.0)


def plain(events: int, exposure: float, line: float) -> float:
    """The e-value of all that was ever seen, without restart."""
    return _mean(events * gain - cost * exposure for gain, cost in alternatives(line))


def restarted(days: Sequence[Day], line: float) -> float:
    """The e-value at the end of the last day, oldest day first; each day begins from no less than 1."""
    found = []
    for gain, cost in alternatives(line):
        level = 0.0
        for events, exposure in days:
            level = (level if level > 0.0 else 0.0) + events * gain - cost * exposure
        found.append(level)
    return _mean(found)


def shiryaev_roberts(days: Sequence[Day], line: float) -> float:
    """The same with M <- (M + 1) x the day's ratio: never less than `restarted`, and why it is not used is in
    docs/decisions/0013-restart.md."""
    found = []
    for gain, cost in alternatives(line):
        sum_of_starts = 0.0
        for events, exposure in days:
            sum_of_starts = (sum_of_starts + 1.0) * exp(min(600.0, events * gain - cost * exposure))
            sum_of_starts = min(sum_of_starts, 1e100)
        found.append(log(sum_of_starts) if sum_of_starts > 0.0 else -700.0)
    return _mean(found)


def _mean(logarithms: Iterable[float]) -> float:
    """Their mean as e-values. Weights stay 1/5 where alternatives fell out: a stricter line never shows less."""
    return min(MOST, sum(exp(min(level, 100.0)) for level in logarithms) / len(MULTIPLES))


def floor_events(threshold: float) -> int:
    """Fewer events than this never reach a threshold, whatever the exposure."""
    events = 1
    while sum(m**events for m in MULTIPLES) / len(MULTIPLES) < threshold:
        events += 1
    return events

"""Confidence bounds of a rate from k events in so much exposure (Garwood 1936).

The number of events is taken for Poisson: for the small rates of this trade that is Clopper and Pearson's binomial
bound to within a hundredth, it allows matured exposure that is no whole number, and it errs towards caution.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, lgamma, log, sqrt

BEYOND = 0.025
"""Probability beyond each end of what is printed: both together leave 95 % between them."""
CAUTION = 0.05
"""Probability beyond a single bound that something is decided by: 95 % below it."""
_Z = {BEYOND: 1.959963984540054, CAUTION: 1.6448536269514722}
"""Their quantiles of the normal distribution."""
_SUMMED = 200
"""Events up to which the bound is exact; above, Wilson and Hilferty's cube root is closer than 1 in 10,000."""


def bounds(events: int, exposure: float) -> tuple[float, float]:
    """The rate lies between these two with 95 % confidence."""
    if exposure <= 0.0:
        return 0.0, 1.0
    return min(1.0, lowest(events) / exposure), min(1.0, highest(events) / exposure)


def at_most(events: int, exposure: float) -> float:
    """The rate is not above this, with 95 % confidence."""
    return min(1.0, highest(events, CAUTION) / exposure) if exposure > 0.0 else 1.0


@lru_cache(maxsize=4096)
def highest(events: int, beyond: float = BEYOND) -> float:
    """The mean of which so few events are just still so probable."""
    if events > _SUMMED:
        return _wilson_hilferty(events + 1, _Z[beyond])
    return _solve(lambda mean: _at_most(events, mean), beyond)


@lru_cache(maxsize=4096)
def lowest(events: int, beyond: float = BEYOND) -> float:
    """The mean of which so many events are just still so probable."""
    if events <= 0:
        return 0.0
    if events > _SUMMED:
        return _wilson_hilferty(events, -_Z[beyond])
    return _solve(lambda mean: _at_most(events - 1, mean), 1.0 - beyond)


def _at_most(events: int, mean: float) -> float:
    """P(N <= events) of a Poisson with this mean."""
    if mean <= 0.0:
        return 1.0
    return sum(exp(n * log(mean) - mean - lgamma(n + 1)) for n in range(events + 1))


def _solve(falling: Callable[[float], float], wanted: float) -> float:
    """Where a falling function of a mean has this value."""
    low, high = 0.0, 16.0
    while falling(high) > wanted:
        low, high = high, high * 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if falling(middle) > wanted else (low, middle)
    return (low + high) / 2.0


def _wilson_hilferty(shape: int, z: float) -> float:
    """The quantile of a gamma distribution: its cube root is nearly normal (Wilson & Hilferty 1931)."""
    return float(shape * (1.0 - 1.0 / (9.0 * shape) + z / (3.0 * sqrt(shape))) ** 3)

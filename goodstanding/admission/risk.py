"""Upper bounds of complaint rates, and how soon a complaint would have come.

The rate of a campaign is believed to be Beta(1, b) before anything is known, with b so that its 95 % quantile is u0,
how bad a campaign that looks like this one may be. After k complaints in S matured deliveries it is Beta(1 + k, b + S).
For whole k the distribution function is a finite sum (DLMF 8.17.21 with integer first parameter), so no library of
special functions is needed.

A complaint about a delivery has come by age t with probability
F(t) = 0.6 (1 - exp(-t / 2 h)) + 0.4 (1 - exp(-t / 24 h)).
What has not come yet of many deliveries is a sum of two exponentials whatever their ages, so two decaying numbers
say exactly what buckets by age would say roughly.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, expm1, floor, log, log1p

from msgspec import Struct

CONFIDENCE = 0.95
QUICK_SHARE, QUICK_MEAN, SLOW_MEAN = 0.6, 2 * 3600.0, 24 * 3600.0
"""Complaint delay, seconds: set by judgement (ARCHITECTURE.md) until the journal has taught better."""

_LN_DOUBT = log(1 - CONFIDENCE)
_STEPS_PER_E = 64  # matured exposure is rounded down to 1.6 %, so that bounds can be remembered
_SUMMED = 100  # complaints that are summed one by one


class Unmatured(Struct, gc=False, array_like=True):
    """Something counted when it was sent, of which only the part is left whose complaint may still come."""

    quick: float = 0.0
    slow: float = 0.0
    at: float = 0.0

    def settle(self, now: float) -> None:
        """Bring both parts to this second; a clock that goes backwards changes nothing."""
        since = now - self.at
        if since > 0.0:
            if self.quick or self.slow:
                self.quick *= exp(-since / QUICK_MEAN)
                self.slow *= exp(-since / SLOW_MEAN)
            self.at = now

    def add(self, amount: float, now: float) -> None:
        """Count more of it, sent now."""
        self.settle(now)
        self.quick += QUICK_SHARE * amount
        self.slow += (1.0 - QUICK_SHARE) * amount

    def left(self, now: float) -> float:
        """How much of it is outstanding."""
        self.settle(now)
        return self.quick + self.slow

    def take(self, amount: float, sent: float, now: float) -> float:
        """Stop waiting for some of it that was sent then; answers how much of that was still outstanding."""
        self.settle(now)
        age = max(0.0, now - sent)
        quick = min(self.quick, amount * QUICK_SHARE * exp(-age / QUICK_MEAN))
        slow = min(self.slow, amount * (1.0 - QUICK_SHARE) * exp(-age / SLOW_MEAN))
        self.quick -= quick
        self.slow -= slow
        return quick + slow


def matured(age: float) -> float:
    """F(age): the share of complaints that have come by this age, seconds."""
    return 1.0 - QUICK_SHARE * exp(-age / QUICK_MEAN) - (1.0 - QUICK_SHARE) * exp(-age / SLOW_MEAN)


def prior(u0: float) -> float:
    """b of the Beta(1, b) whose 95 % quantile is u0."""
    return _LN_DOUBT / log1p(-u0)


def bound(complaints: int, exposure: float, u0: float) -> float:
    """The 95 % quantile of the complaint rate; exposure is rounded down a little, which errs towards caution."""
    step = floor(_STEPS_PER_E * log1p(max(0.0, exposure)))
    return _remembered(complaints, step, u0)


@lru_cache(maxsize=65536)
def _remembered(complaints: int, step: int, u0: float) -> float:
    return quantile(complaints, prior(u0) + exp(step / _STEPS_PER_E) - 1.0)


def quantile(k: int, b: float) -> float:
    """The 95 % quantile of Beta(1 + k, b); of more than a hundred complaints, that of a hundred in the same proportion.

    The latter lies a little higher (less is known of a rate with fewer events), and costs no more.
    """
    if k <= 0:
        return -expm1(_LN_DOUBT / b)
    if k > _SUMMED:
        k, b = _SUMMED, b * (1 + _SUMMED) / (1 + k)
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _ln_beyond(k, b, middle) > _LN_DOUBT:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _ln_beyond(k: int, b: float, x: float) -> float:
    """ln(1 - I_x(1 + k, b)), where 1 - I_x = (1 - x)^b * sum of (b)_j / j! x^j for j = 0 .. k."""
    term = total = 1.0
    scaled = 0.0
    for j in range(1, k + 1):
        term *= x * (b + j - 1) / j
        total += term
        if total > 1e200:
            term, total, scaled = term / total, 1.0, scaled + log(total)
    return b * log1p(-x) + log(total) + scaled


def surprise(k: int, n: float, p0: float, p1: float) -> float:
    """Log-likelihood ratio, nats, of k in n for rate p1 against rate p0."""
    return k * log(p1 / p0) + max(0.0, n - k) * (log1p(-p1) - log1p(-p0))

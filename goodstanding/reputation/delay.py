"""How long complaints take: the share F(age) of those to come that have come by an age, by mailbox provider.

Learned from the complaints themselves. A delivery nobody ever complains about is not a delay that is still running, so
deliveries say nothing here; but of recent mail only the quick complaints have been seen. Their delays are truncated on
the right, and the product-limit estimate runs backwards in time (Lagakos, Barraj & De Gruttola 1988): among complaints
that could have been seen up to an age and came by it, how many came in its last step? Kaplan and Meier's estimate with
the clock reversed. Where little is known, each provider leans on all providers, and these on the curve of the start.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import expm1

from msgspec import Struct, field

from goodstanding.delivery.plan import provider_of

DAY = 86400
HORIZON = 7 * DAY
"""Age at which every complaint is taken to have come; of the start's curve 0.04 % are later."""
EDGES = (0.0, *(round(60.0 * 1.35**step, 3) for step in range(31)), float(HORIZON))
"""Ages between which a curve is straight: finer where complaints are many."""
START = ((0.6, 2 * 3600.0), (0.4, 24 * 3600.0))
"""Before anything is known: share and mean of two exponentials. Set by judgement (ARCHITECTURE.md)."""
LEAN = 100.0
"""So many complaints of one's own weigh as much as what one leans on. Set by judgement."""
REMEMBERED = 30
"""Days of mail that curves are learned from."""

ELSEWHERE = "elsewhere"
_EXCHANGERS = {
    "google": ("google.com", "googlemail.com"),
    "microsoft": ("outlook.com", "hotmail.com", "mx.microsoft"),
    "yahoo": ("yahoodns.net",),
    "apple": ("icloud.com",),
    "united-internet": ("gmx.net", "web.de"),
    "comcast": ("comcast.net",),
}
PROVIDERS: tuple[str, ...] = (ELSEWHERE, *_EXCHANGERS)
"""Whose mailboxes have a curve of their own. Positions are stored: new ones go at the end, 16 at most."""
_PROVIDER = {domain: PROVIDERS.index(provider) for provider, domains in _EXCHANGERS.items() for domain in domains}

Curve = tuple[float, ...]
"""F at `EDGES`."""


@lru_cache(maxsize=65536)
def curve_of(host: str) -> int:
    """Whose mailboxes an exchanger's are, as a position in `PROVIDERS`; what nobody knows is elsewhere.

    By the exchanger and not by the mailbox, as for lanes: whoever keeps a company's mail reports its complaints.
    """
    return _PROVIDER.get(provider_of(host), 0)


def start_curve() -> Curve:
    """The curve of the start, 1 at the horizon."""
    whole = sum(share * -expm1(-HORIZON / mean) for share, mean in START)
    return tuple(sum(share * -expm1(-age / mean) for share, mean in START) / whole for age in EDGES)


def share(curve: Curve, age: float) -> float:
    """F(age)."""
    if age <= 0.0:
        return 0.0
    if age >= HORIZON:
        return 1.0
    at = bisect_left(EDGES, age)
    below, above = EDGES[at - 1], EDGES[at]
    return curve[at - 1] + (curve[at] - curve[at - 1]) * (age - below) / (above - below)


class Delays(Struct, array_like=True):
    """Complaints by provider, day of delivery and delay."""

    seen: dict[int, dict[int, int]] = field(default_factory=dict)
    """Provider -> day of delivery x 64 + step of `EDGES` -> complaints."""

    def note(self, provider: int, delivered: float, at: float) -> None:
        """Count a complaint; one that came after the horizon has nothing to teach."""
        age = at - delivered
        if not 0.0 <= age < HORIZON:
            return
        code = int(delivered // DAY) * 64 + max(1, bisect_left(EDGES, age))
        counts = self.seen.setdefault(provider, {})
        counts[code] = counts.get(code, 0) + 1

    def forget(self, today: int) -> None:
        """Drop what is older than anything learned from."""
        oldest = (today - REMEMBERED) * 64
        for counts in self.seen.values():
            for code in [code for code in counts if code < oldest]:
                del counts[code]


def learned(delays: Delays, today: int) -> tuple[Curve, ...]:
    """The curves of all providers, by what had been seen when this day began."""
    together: dict[int, int] = {}
    for counts in delays.seen.values():
        for code, number in counts.items():
            together[code] = together.get(code, 0) + number
    usual = _leaning(together, today, start_curve())
    return tuple(_leaning(delays.seen.get(provider, {}), today, usual) for provider in range(len(PROVIDERS)))


def _leaning(counts: dict[int, int], today: int, on: Curve) -> Curve:
    own, number = product_limit(counts, today)
    if number == 0:
        return on
    weight = number / (number + LEAN)
    return tuple(weight * mine + (1.0 - weight) * theirs for mine, theirs in zip(own, on, strict=True))


def product_limit(counts: dict[int, int], today: int) -> tuple[Curve, int]:
    """The reversed Kaplan-Meier estimate, and of how many complaints."""
    by_step = [[0] * len(EDGES) for _ in range(len(EDGES))]  # [last step of which all was seen][step of the delay]
    number = 0
    for code, complaints in counts.items():
        day, step = divmod(code, 64)
        seen = bisect_left(EDGES, float((today - day - 1) * DAY) + 0.5) - 1  # as if delivered at the day's end
        if step <= seen:
            by_step[seen][step] += complaints
            number += complaints
    curve = [1.0] * len(EDGES)
    for step in range(len(EDGES) - 1, 0, -1):
        eligible = by_step[step:]
        died = sum(row[step] for row in eligible)
        at_risk = sum(sum(row[: step + 1]) for row in eligible)
        curve[step - 1] = curve[step] * (1.0 - died / at_risk) if at_risk else curve[step]
    curve[0] = 0.0
    return tuple(curve), number

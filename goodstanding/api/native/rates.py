"""How often a key may ask: a bucket that refills steadily, one a key, in each process."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

WINDOW = 60.0
"""Seconds in which an empty bucket is full again."""
KNOWN = 10_000
"""Keys remembered; the one that has been quiet for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a key, and how long it has to wait if that is nothing."""

    left: int
    wait: float
    """Seconds; 0: it may ask now."""


class Rates:
    """Requests by key."""

    def __init__(self, a_minute: int) -> None:
        """``a_minute``: requests of one key; 0: no limit."""
        self.a_minute = a_minute
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def ask(self, key: str, now: float) -> Allowance:
        """Count one request; ``wait`` says that there was none left for it."""
        if not self.a_minute:
            return Allowance(0, 0.0)
        a_second = self.a_minute / WINDOW
        used, since = self._used.get(key, (0.0, now))
        used = max(0.0, used - (now - since) * a_second)
        if used + 1 > self.a_minute:
            return Allowance(0, (used + 1 - self.a_minute) / a_second)
        self._used[key] = (used + 1, now)
        self._used.move_to_end(key)
        if len(self._used) > KNOWN:
            self._used.popitem(last=False)
        return Allowance(int(self.a_minute - used - 1), 0.0)

    def headers(self, allowance: Allowance) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers writes them."""
        if not self.a_minute:
            return {}
        reset = int((self.a_minute - allowance.left) / self.a_minute * WINDOW) + 1
        return {
            "RateLimit-Policy": f'"key";q={self.a_minute};w={int(WINDOW)}',
            "RateLimit": f'"key";r={allowance.left};t={reset}',
        }

"""The machine's own time and randomness."""

from __future__ import annotations

import asyncio
import random
import secrets
import time

LONGEST_NAP = 30.0
"""Seconds slept at a stretch: a clock that is set forward or back is noticed after this long."""


class RealClock:
    """The system clock, in seconds since 1970, UTC."""

    def now(self) -> float:
        """The present second."""
        return time.time()

    async def sleep_until(self, when: float) -> None:
        """Return at ``when``, at once if it has passed."""
        while (left := when - time.time()) > 0:
            await asyncio.sleep(min(left, LONGEST_NAP))


class SystemEntropy:
    """Randomness from the operating system; jitter from a generator seeded by it."""

    def token(self, size: int) -> bytes:
        """``size`` bytes nobody can guess."""
        return secrets.token_bytes(size)

    def jitter(self, spread: float) -> float:
        """A factor drawn evenly from [1 - spread, 1 + spread]."""
        return random.uniform(1 - spread, 1 + spread)

"""Paced admission: a token bucket as a value. What an account may do is shared out among the workers.

A bucket fills at the rate and holds ten seconds of it, at least one recipient. A message goes when the bucket has a
recipient for each of its own, or is full; a message larger than the bucket leaves it in debt, so that the rate holds
over time and no message is too large for ever.
"""

from __future__ import annotations

from msgspec import Struct

HOUR = 3_600.0
BURST = 10.0
"""Seconds of the rate that a bucket holds."""


class Bucket(Struct, frozen=True, gc=False):
    """What is left of a rate at a second; a new one is full."""

    level: float | None = None
    """Recipients; below zero: in debt. None: full."""
    at: float = 0.0


def share(rate: float, workers: int) -> float:
    """What one of so many workers may do of a rate."""
    return rate / max(1, workers)


def ask(bucket: Bucket, rate: float, recipients: int, now: float) -> tuple[Bucket, float]:
    """Ask for so many recipients at ``rate`` an hour: the bucket afterwards, and 0 for go, or the seconds to wait.

    A granted request has been taken already; a refused one has taken nothing.
    """
    full = max(1.0, rate * BURST / HOUR)
    level = full if bucket.level is None else min(full, bucket.level + max(0.0, now - bucket.at) * rate / HOUR)
    wanted = min(float(recipients), full)
    if level >= wanted - 1e-9:
        return Bucket(level - recipients, now), 0.0
    wait = (wanted - level) * HOUR / rate if rate > 0 else HOUR
    return Bucket(level, now), wait

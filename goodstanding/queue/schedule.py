"""When a recipient is tried again, when its sender is warned, and when we give up (RFC 5321 §4.5.4.1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we try; seconds."""

    first: float = 300.0
    factor: float = 1.8
    most: float = 14_400.0
    give_up_after: float = 432_000.0
    warn_after: float = 14_400.0
    """0: never."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try again at ``due``; with ``warn``, tell the sender now that it is late."""

    due: float
    warn: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The message is returned."""


def next_try(patience: Patience, attempts: int, age: float, now: float, jitter: float) -> Again | GiveUp:
    """What follows a failed attempt, the ``attempts``-th, of a recipient accepted ``age`` seconds ago.

    Waits grow by ``factor`` up to ``most``; each is multiplied by ``jitter`` (around 1). The last try is made at the
    very end of the patience, never after it.
    """
    left = patience.give_up_after - age
    if left <= 0:
        return GiveUp()
    steps = min(attempts - 1, 60)  # the power would overflow long after the wait has reached its most
    wait = min(patience.first * patience.factor**steps, patience.most) * jitter
    warn = 0 < patience.warn_after <= age
    return Again(now + min(wait, left), warn)

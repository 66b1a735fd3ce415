"""How fast the sandbox's days go by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Sandbox time runs ``speed`` times as fast as the clock, from ``begun`` on: people and reputations live in it.

    Sessions, rates per minute and greylisting keep to the clock: they are about connections, not about days.
    """

    begun: float
    speed: float = 1.0

    def sandbox_time(self, now: float) -> float:
        """The second it is in the sandbox."""
        return self.begun + (now - self.begun) * self.speed

    def due(self, now: float, after: float) -> float:
        """The second on the clock at which ``after`` seconds of the sandbox have gone by."""
        return now + after / self.speed

"""Who must be asked again what they have to answer for, so that a look costs little when nothing is new."""

from __future__ import annotations


class Asking:
    """When everybody must be asked again, and not only those against whom something new counts.

    Time alone and good mail make no charge: whoever had nothing against them stays clear until something new counts,
    as long as lines and curves stay the same and nobody asks about the past.
    """

    __slots__ = ("by", "latest", "round")

    def __init__(self) -> None:
        self.round = 0
        self.latest = 0.0
        self.by: object = None

    def everybody(self) -> None:
        """Ask everybody the next time."""
        self.round += 1

    def at(self, now: float, by: object) -> None:
        """Somebody is going to ask at this moment, by these lines."""
        if now < self.latest or by != self.by:
            self.everybody()
        self.latest, self.by = now, by

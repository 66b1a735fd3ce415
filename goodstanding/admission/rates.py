"""How much of its allowance per minute and hour a subscription has used, in sliding windows.

A window is a ring of slots; what is older than the window leaves slot by slot, so the count is exact to one slot
(5 seconds of the minute, a minute of the hour) and errs on the strict side.
"""

from __future__ import annotations

from msgspec import Struct, field

from goodstanding.admission.facts import Rates, Terms

MINUTE_SLOTS, MINUTE_SLOT = 13, 5.0
HOUR_SLOTS, HOUR_SLOT = 61, 60.0


class Window(Struct, gc=False, array_like=True):
    """Counts of the latest slots; ``slot`` is the number of the newest."""

    slot: int = 0
    counts: list[int] = field(default_factory=list)
    total: int = 0

    def advance(self, slot: int, slots: int) -> None:
        """Let pass what is older than the window."""
        passed = slot - self.slot
        if passed <= 0 and self.counts:
            return
        if not self.counts:
            self.counts = [0] * slots
        if passed >= slots:
            self.counts, self.total = [0] * slots, 0
        else:
            for gone in range(self.slot + 1, slot + 1):
                self.total -= self.counts[gone % slots]
                self.counts[gone % slots] = 0
        self.slot = slot

    def add(self, amount: int) -> None:
        """Count in the newest slot; `advance` comes first."""
        self.counts[self.slot % len(self.counts)] += amount
        self.total += amount

    def wait(self, surplus: int, now: float, width: float) -> float:
        """Seconds until so many of those counted have left the window."""
        slots = len(self.counts)
        for age in range(slots - 1, -1, -1):
            surplus -= self.counts[(self.slot - age) % slots]
            if surplus <= 0:
                return max(0.0, (self.slot - age + slots) * width - now)
        return slots * width


class Pace(Struct, gc=False, array_like=True):
    """Recipients accepted from one subscription in the last minute and the last hour."""

    minute: Window = field(default_factory=Window)
    hour: Window = field(default_factory=Window)

    def advance(self, now: float) -> None:
        """Bring both windows to this second."""
        self.minute.advance(int(now // MINUTE_SLOT), MINUTE_SLOTS)
        self.hour.advance(int(now // HOUR_SLOT), HOUR_SLOTS)

    def sent(self, recipients: int, now: float) -> None:
        """Count recipients that were accepted."""
        self.advance(now)
        self.minute.add(recipients)
        self.hour.add(recipients)


def rates(pace: Pace, terms: Terms, recipients: int, now: float) -> Rates:
    """What is used before this message; ``retry_after`` is 0 when it fits.

    A message with more recipients than the limit fits an empty window: it could never be sent otherwise.
    """
    pace.advance(now)
    minute, hour = pace.minute, pace.hour
    wait = 0.0
    if minute.total and minute.total + recipients > terms.minute_limit:
        wait = minute.wait(min(minute.total, minute.total + recipients - terms.minute_limit), now, MINUTE_SLOT)
    if hour.total and hour.total + recipients > terms.hour_limit:
        wait = max(wait, hour.wait(min(hour.total, hour.total + recipients - terms.hour_limit), now, HOUR_SLOT))
    return Rates(minute.total, terms.minute_limit, hour.total, terms.hour_limit, wait)

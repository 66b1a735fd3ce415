"""What a subscription usually does, and what is far from it: volume of a day, share of strangers, hour of day.

Nothing is unusual before seven days with mail have been seen. All three say only that something is new; they weigh in
the recognition of a campaign and are remarks by themselves.
"""

from __future__ import annotations

from msgspec import Struct, field

from goodstanding.admission.facts import Unusual
from goodstanding.admission.rates import Pace

DAY, HOUR = 86400.0, 3600.0
DAYS_BEFORE = 7
REMEMBERED_DAYS = 28
TIMES_USUAL = 4.0
"""A day is unusual above this many times the largest of the remembered ones: set by judgement."""
NOVELTY_RISE = 0.4
"""Share of strangers today above the usual share plus this is unusual: set by judgement."""
LEAST_TODAY = 30
"""Recipients of today below which nothing about today is said."""
QUIET_HOUR = 0.002
"""Share of all mail below which an hour of the day counts as one in which the subscription does not send."""
LEAST_HISTORY = 1000.0


class SubscriptionTally(Struct, gc=False, array_like=True):
    """Pace and habits of one subscription; about 700 octets; new fields go at the end."""

    pace: Pace = field(default_factory=Pace)
    day: int = 0
    today: int = 0
    strangers: int = 0
    """Unproven recipients of today."""
    volumes: list[int] = field(default_factory=list)
    """Recipients of earlier days with mail, the latest 28."""
    shares: list[float] = field(default_factory=list)
    """Share of strangers on those days."""
    hours: list[float] = field(default_factory=list)
    """Recipients by hour of day (UTC), halved when they pass 100,000."""
    history: float = 0.0

    def sent(self, recipients: int, strangers: int, now: float) -> None:
        """Count a message that was accepted."""
        self.pace.sent(recipients, now)
        if int(now // DAY) != self.day:
            self.turn(int(now // DAY))
        self.today += recipients
        self.strangers += strangers
        hour = int(now % DAY // HOUR)
        self.hours[hour] += recipients
        self.history += recipients

    def turn(self, day: int) -> None:
        """A new day: the last one becomes history."""
        if self.today:
            self.volumes = [*self.volumes, self.today][-REMEMBERED_DAYS:]
            self.shares = [*self.shares, round(self.strangers / self.today, 4)][-REMEMBERED_DAYS:]
        if not self.hours:
            self.hours = [0.0] * 24
        if self.history > 100_000:
            self.hours, self.history = [h / 2 for h in self.hours], self.history / 2
        self.day, self.today, self.strangers = day, 0, 0


def unusual(tally: SubscriptionTally, recipients: int, strangers: int, now: float) -> tuple[Unusual, ...]:
    """Everything about today, with this message, that the subscription has not done before."""
    if len(tally.volumes) < DAYS_BEFORE:
        return ()
    found = []
    fresh = tally.day != int(now // DAY)
    today = recipients + (0 if fresh else tally.today)
    new = strangers + (0 if fresh else tally.strangers)
    most = max(tally.volumes)
    if today >= LEAST_TODAY and today > TIMES_USUAL * most:
        found.append(Unusual("volume", f"{today} recipients today, where no day of the last weeks had above {most}"))
    usual = sum(tally.shares) / len(tally.shares)
    if today >= LEAST_TODAY and new / today > min(1.0, usual + NOVELTY_RISE):
        found.append(Unusual("novelty", f"{new / today:.0%} of today's recipients are strangers, usually {usual:.0%}"))
    hour = int(now % DAY // HOUR)
    if tally.history >= LEAST_HISTORY and tally.hours[hour] + recipients < QUIET_HOUR * tally.history:
        found.append(Unusual("hour", f"it hardly ever sends between {hour}:00 and {(hour + 1) % 24}:00 UTC"))
    return tuple(found)

"""The trust budget: how many unproven recipients a key may have outstanding at once.

Keys are what receivers and we hold to account: subscription, From domain, pool, tenant. For each key
    sum over its campaigns of outstanding x max(0, u - c)  <=  c V - k
where u is the 95 % bound of a campaign's complaint rate (`risk.bound`), c the ceiling, V the key's matured volume of
30 days and k its complaints. A key keeps the left side as one decaying number: each campaign adds its outstanding
weighted with the excess (u - c) it was last believed to have, and takes the same away when that belief changes.

Floors let new keys begin: so many unproven recipients outstanding on the first day, twice as many on every further day
with mail, half as many for every complaint above the ceiling, never more than the cap. Doubling follows real mail: the
floor is never more than twice a usual day of the key (or the first day's), so that an old key with little mail cannot
use it to exceed its budget. A campaign that looks like a list gets the floor of the first day and no more.
"""

from __future__ import annotations

from math import exp, inf, log

from msgspec import Struct, field

from goodstanding.admission.facts import Looks, Ration
from goodstanding.admission.risk import QUICK_MEAN, SLOW_MEAN, Unmatured, bound

DAY = 86400.0
WINDOW_DAYS = 30
"""Days of the representative window (GUARD.md; mailbox providers and ESPs look at about a month)."""
MATURED_AFTER = 200.0
"""Matured deliveries from which a campaign is no longer capped: the second column of GUARD.md's table."""

U0: dict[Looks, float] = {"triggered": 0.005, "unclear": 0.02, "list": 0.05}
"""95 % quantile of the complaint rate of a campaign that looks like this, before anything else is known (GUARD.md)."""


class Policy(Struct, frozen=True, gc=False):
    """What the operator has set (settings.toml, ``admission``), and the line that must not be crossed."""

    first_day: int = 50
    campaign_cap: int = 2000
    ceiling: float = 0.003
    """0.3 %: user-reported spam rate that Google and Yahoo name as the most a sender may have."""


class KeyTally(Struct, gc=False, array_like=True):
    """What a subscription, From domain, pool, tenant or incident has done; new fields go at the end."""

    first: float
    days: dict[int, float] = field(default_factory=dict)
    """Day (Unix days, UTC) -> recipients accepted, at most 31 days."""
    complaints: dict[int, int] = field(default_factory=dict)
    """Day of the complaint -> complaints."""
    volume: float = 0.0
    """Sum of `days`."""
    recent: Unmatured = field(default_factory=Unmatured)
    """Of that volume, what has not matured."""
    harm: Unmatured = field(default_factory=Unmatured)
    """Outstanding unproven recipients weighted with (u - c)."""
    unproven: Unmatured = field(default_factory=Unmatured)
    clean_since: int = 0
    """Day since which complaints stay below the ceiling; the floor's doubling counts from here."""

    def sent(self, recipients: int, now: float) -> None:
        """Count recipients, proven or not, that went out."""
        day = int(now // DAY)
        days = self.days
        if day in days:
            days[day] += recipients
        else:
            self._open(day)
            days[day] = float(recipients)
        self.volume += recipients
        self.recent.add(recipients, now)

    def _open(self, day: int) -> None:
        """A new day begins: what left the window is forgotten."""
        for old in [d for d in self.days if d <= day - WINDOW_DAYS]:
            self.volume -= self.days.pop(old)
        for old in [d for d in self.complaints if d <= day - WINDOW_DAYS]:
            del self.complaints[old]
        self.clean_since = self.clean_since or day

    def bounced(self, now: float) -> None:
        """One that was counted did not arrive, so nobody can complain about it."""
        day = int(now // DAY)
        if self.days.get(day, 0.0) >= 1.0:
            self.days[day] -= 1.0
            self.volume -= 1.0

    def complained(self, now: float, ceiling: float) -> None:
        """Somebody complained about mail of this key."""
        day = int(now // DAY)
        self.complaints[day] = self.complaints.get(day, 0) + 1
        if sum(self.complaints.values()) > ceiling * self.matured(now):
            self.clean_since = day

    def matured(self, now: float) -> float:
        """V: deliveries of the window whose complaints have come."""
        return max(0.0, self.volume - self.recent.left(now))


def budget(volume: float, complaints: float, u: float, ceiling: float) -> float:
    """Unproven recipients a key allows outstanding of one campaign, if it is the only one: (c V - k) / (u - c)."""
    return inf if u <= ceiling else max(0.0, ceiling * volume - complaints) / (u - ceiling)


def floor_of(tally: KeyTally, looks: Looks, policy: Policy, now: float) -> float:
    """Unproven recipients a key may have outstanding whatever its history."""
    complaints = sum(tally.complaints.values())
    excess = complaints - policy.ceiling * tally.matured(now) if complaints else 0.0
    days = sum(1 for day in tally.days if day > tally.clean_since) if looks != "list" else 0
    usual = 2.0 * tally.volume / len(tally.days) if tally.days else 0.0
    most = min(policy.first_day * 2.0 ** min(days, 16), max(float(policy.first_day), usual))
    return min(float(policy.campaign_cap), most) * exp(-log(2.0) * max(0.0, excess))


class Charge(Struct, gc=False, array_like=True):
    """What one campaign has outstanding on one key, and the excess it was charged with."""

    unproven: Unmatured = field(default_factory=Unmatured)
    excess: float = 0.0


def reprice(charge: Charge, tally: KeyTally, excess: float, now: float) -> None:
    """Believe another excess of everything the campaign has outstanding on this key."""
    change = excess - charge.excess
    if change == 0.0:
        return
    own, harm = charge.unproven, tally.harm
    own.settle(now)
    harm.settle(now)
    harm.quick = max(0.0, harm.quick + own.quick * change)
    harm.slow = max(0.0, harm.slow + own.slow * change)
    charge.excess = excess


def charged(charge: Charge, tally: KeyTally, recipients: int, now: float) -> None:
    """Count unproven recipients that went out."""
    charge.unproven.add(recipients, now)
    tally.unproven.add(recipients, now)
    if charge.excess:
        tally.harm.add(recipients * charge.excess, now)


def settled(charge: Charge, tally: KeyTally, sent: float, now: float) -> None:
    """The evidence about one recipient, written to then, has come."""
    charge.unproven.take(1.0, sent, now)
    tally.unproven.take(1.0, sent, now)
    if charge.excess:
        tally.harm.take(charge.excess, sent, now)


class Standing(Struct, frozen=True, gc=False):
    """What a campaign brings to the ration."""

    name: str
    looks: Looks
    complaints: int
    exposure: float
    """Matured unproven deliveries since it last began to look like a list."""
    outstanding: float

    @property
    def rate(self) -> float:
        """Upper bound of its complaint rate."""
        return bound(self.complaints, self.exposure, U0[self.looks])


def room(charge: Charge, tally: KeyTally, standing: Standing, policy: Policy, now: float) -> float:
    """How many more unproven recipients of this campaign the key allows now; `reprice` comes first."""
    excess = charge.excess
    by_floor = floor_of(tally, standing.looks, policy, now) - tally.unproven.left(now)
    if excess <= 0.0:
        return inf
    credit = policy.ceiling * tally.matured(now) - sum(tally.complaints.values())
    return max(by_floor, (credit - tally.harm.left(now)) / excess)


def ration(
    standing: Standing,
    wanted: int,
    charges: dict[str, Charge],
    tallies: dict[str, KeyTally],
    policy: Policy,
    now: float,
) -> Ration:
    """How many of the wanted unproven recipients may go now, and which key or cap says so."""
    key, least = "", inf
    excess = max(0.0, standing.rate - policy.ceiling)
    for name, charge in charges.items():
        reprice(charge, tallies[name], excess, now)
        space = room(charge, tallies[name], standing, policy, now)
        if space < least:
            key, least = name, space
    cap = policy.campaign_cap - standing.outstanding if standing.exposure < MATURED_AFTER else inf
    if cap < least:
        key, least = "campaign", cap
    allowed = wanted if least >= wanted else max(0, int(least + 1e-6))
    most = -1 if least == inf else max(0, round(least + standing.outstanding))
    because = _because(standing, key, most, tallies, policy, now)
    return Ration(wanted, allowed, round(standing.outstanding), most, key, because)


def _because(standing: Standing, key: str, most: int, tallies: dict[str, KeyTally], policy: Policy, now: float) -> str:
    """The figures behind the ration, as a sender reads them."""
    if most < 0:
        return f"its complaint rate is below {policy.ceiling:.1%} for all we know"
    held = f"{standing.outstanding:.0f} recipients nobody vouches for await evidence; {most} may at once"
    if most <= 0:
        held = "no more recipients may be written to that nobody vouches for"
    if key == "campaign":
        return f"{held}, the most for a campaign of which little is known"
    tally = tallies[key]
    complaints = sum(tally.complaints.values())
    return (
        f"{held}, because {key} has {tally.matured(now):.0f} settled deliveries and {complaints} complaints in "
        f"{WINDOW_DAYS} days, and a campaign that looks {LOOKS[standing.looks]} may draw up to {standing.rate:.1%}"
    )


LOOKS: dict[Looks, str] = {"triggered": "asked for", "unclear": "neither asked for nor cold", "list": "like a list"}


def seconds_until(standing: Standing, more: float) -> float:
    """Roughly when so many of the outstanding will have matured, if nothing else is sent; 0: at once."""
    if more <= 0.0 or standing.outstanding <= 0.0:
        return 0.0
    rest = max(0.0, standing.outstanding - more)
    low, high = 0.0, 30 * DAY
    for _ in range(40):
        middle = (low + high) / 2
        left = standing.outstanding * (0.6 * exp(-middle / QUICK_MEAN) + 0.4 * exp(-middle / SLOW_MEAN))
        low, high = (middle, high) if left > rest else (low, middle)
    return high

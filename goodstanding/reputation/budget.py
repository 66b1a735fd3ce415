"""The load line: how many recipients that nobody vouches for a key may have outstanding.

The largest n such that, if every one of them behaved at the upper confidence bound u of the key's complaint rate, the
key would still end below its ceiling c:  k + u n <= c (S + n), so n = (c S - k) / (u - c); no limit where u <= c.
A key that is new, or has kept below its ceiling, may always have a small number; a key above it may have none.
What people did with the mail moves n by a factor of two at most, either way.

Measured, and shown to operators; what holds mail back is the same line in `admission.ration`, for each campaign and
before its mail goes.
"""

from __future__ import annotations

from math import inf

from msgspec import Struct

from goodstanding.model import Key, Signal
from goodstanding.reputation.bounds import at_most
from goodstanding.reputation.cells import State, settled
from goodstanding.reputation.exposure import COLUMN, WANTED, in_order, series
from goodstanding.reputation.lines import USUAL, Policy, lines_of
from goodstanding.reputation.told import percent

FIRST = 50
"""What a key may have outstanding before anything is known of it: admission's first_day (GUARD.md)."""


class Load(Struct, frozen=True, gc=False):
    """The load line of a key on a stream."""

    most: float
    """Unproven recipients it may have outstanding; infinite: it is proven."""
    outstanding: float
    """Deliveries, proven or not, about which a complaint may still come."""
    words: str


def load_line(state: State, key: Key, stream: str, now: float, policy: Policy = USUAL) -> Load:
    """How much unproven mail a key can bear."""
    total = state.totals.get((key, stream))
    ceiling = lines_of(policy, Signal.COMPLAINTS, stream).ceiling
    if total is None:
        return Load(float(FIRST), 0.0, f"nothing is known of it: {FIRST} unproven recipients at once")
    look = state.curves.look(now)
    days = in_order(series(settled(state, total.tally, now), Signal.COMPLAINTS, look))
    events, exposure = sum(day[0] for day in days), sum(day[1] for day in days)
    upper = at_most(events, exposure)
    factor = welcome(*_answers(total.tally.days))
    most = bearable(events, exposure, upper, ceiling)
    if events <= ceiling * exposure or not events:
        most = max(most, float(FIRST))
    most *= factor
    outstanding = total.tally.outstanding(look)
    allowed = "no limit on unproven recipients" if most == inf else f"{most:,.0f} unproven recipients at once"
    words = f"{allowed}: {events:,} complaints in {exposure:,.0f} matured deliveries, a rate of up to {percent(upper)}"
    return Load(most, outstanding, f"{words} against a ceiling of {percent(ceiling)}")


def bearable(events: int, exposure: float, upper: float, ceiling: float) -> float:
    """n = (c S - k) / (u - c)."""
    return inf if upper <= ceiling else max(0.0, ceiling * exposure - events) / (upper - ceiling)


def welcome(glad: float, sorry: float) -> float:
    """Between 1/2 and 2: how people who did something with the mail took it; 1 when nobody did."""
    return float(2.0 ** ((glad - sorry) / (glad + sorry + 2.0)))


def _answers(days: dict[int, list[float]]) -> tuple[float, float]:
    glad = sum(columns[WANTED] for columns in days.values())
    sorry = sum(columns[COLUMN[Signal.COMPLAINTS]] + columns[COLUMN[Signal.UNSUBSCRIBES]] for columns in days.values())
    return glad, sorry

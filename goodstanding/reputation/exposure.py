"""What was sent and what came of it, by day, with deliveries by age until they have matured.

Matured exposure is S(t) = sum of F(t - delivered) over deliveries. Deliveries lie in slots by when they were delivered
and by provider: ten minutes wide, an hour after the first midnight, six hours after the second, gone after a week.
A slot is taken for as old as its first second, so exposure errs upwards and evidence downwards. At each midnight (UTC)
what a day has matured is written into that day and never changed, whatever is learned of F later: evidence may not
depend on what came after it. Its deliveries are counted into it then, too: until midnight the slots tell how many there
are, so that a delivery, of all events the most frequent, changes one number in each tally and no more.
"""

from __future__ import annotations

from msgspec import Struct, field

from goodstanding.model import Signal
from goodstanding.reputation.delay import DAY, HORIZON, Curve, share, start_curve

WINDOW = 30
"""Days that evidence looks back; mailbox providers and sending platforms look at about a month."""
KEPT = WINDOW + 8
"""Days of silence after which nothing is left of a tally: the window, and a week in which deliveries mature."""
SLOT = 600
"""Seconds of the narrowest slot."""
_HOUR, _QUARTER = 6, 36
"""Wider slots, in narrowest ones."""
_A_DAY = DAY // SLOT * 16
"""Codes of slots (slot x 16 + provider) in a day."""

ATTEMPTS, MATURED, MEASURED, WANTED = range(4)
"""Columns of a day: recipients delivered or given up; deliveries matured; messages a provider's figures speak of;
recipients who answered, clicked or said it was no spam. Then one column for each signal."""
COLUMN: dict[Signal, int] = {signal: 4 + place for place, signal in enumerate(Signal)}
HELD_AGAINST: dict[Signal, tuple[int, ...]] = {
    Signal.COMPLAINTS: (MATURED, MEASURED),
    Signal.HARD_BOUNCES: (ATTEMPTS,),
    Signal.FAILURES: (ATTEMPTS,),
    Signal.UNSUBSCRIBES: (MATURED,),
    Signal.TRAPS: (MEASURED,),
    Signal.JUNK: (MEASURED,),
}
"""The exposure of each signal: what people do takes its time, what servers do is known at once.

What a provider's figures count is held against the messages they are about as well, on the day they come: the mail was
delivered on an earlier day, perhaps by somebody else, and the day it matured on knew nothing of these complaints.
"""
_WIDTH = 4 + len(Signal)

_START = (start_curve(),) * 16


class Look(dict[int, float]):
    """One moment at which exposure is looked at: slot and provider -> the share of a delivery that has matured.

    A dictionary that fills itself: most tallies have the same slots, and F is asked once for each.
    """

    __slots__ = ("_in_use", "now")

    def __init__(self, now: float, in_use: tuple[Curve, ...]) -> None:
        super().__init__()
        self.now = now
        self._in_use = in_use

    def __missing__(self, code: int) -> float:
        found = self[code] = share(self._in_use[code & 15], self.now - (code >> 4) * SLOT)
        return found


class Curves:
    """The delay curves of all providers, from which day on each was in use."""

    __slots__ = ("_midnights", "since")

    def __init__(self, since: dict[int, tuple[Curve, ...]] | None = None) -> None:
        self.since = since or {}
        self._midnights: dict[int, Look] = {}

    def learn(self, day: int, curves: tuple[Curve, ...]) -> None:
        """Use these from a day on; those from before ``day - KEPT`` that nothing asks for any more are dropped."""
        self.since[day] = curves
        self._midnights.clear()
        for old in sorted(since for since in self.since if since < day - KEPT)[:-1]:
            del self.since[old]

    def look(self, now: float) -> Look:
        """The shares of this moment."""
        earlier = [since for since in self.since if since <= now // DAY]
        return Look(now, self.since[max(earlier)] if earlier else _START)

    def midnight(self, day: int) -> Look:
        """The shares of the end of a day, by the curves of that day."""
        found = self._midnights.get(day)
        if found is None:
            if len(self._midnights) > KEPT:
                self._midnights.clear()
            found = self._midnights[day] = self.look((day + 1) * DAY - 1e-3)
        return found


class Tally(Struct, gc=False, array_like=True):
    """The counts of one cell or one key; new fields go at the end."""

    settled: int
    """The day up to which (not included) everything is written into its day."""
    slots: dict[int, int] = field(default_factory=dict)
    """Slot x 16 + provider -> deliveries that have not wholly matured."""
    credited: dict[int, float] = field(default_factory=dict)
    """The same -> how much of it has been written into days."""
    days: dict[int, list[float]] = field(default_factory=dict)
    """Day -> columns."""

    def on(self, day: int) -> list[float]:
        """The columns of a day, to be counted up."""
        columns = self.days.get(day)
        if columns is None:
            columns = self.days[day] = [0.0] * _WIDTH
        return columns

    def deliver(self, code: int, day: int) -> None:
        """Count one delivery, in its slot; in its day as well, where that is over."""
        self.slots[code] = self.slots.get(code, 0) + 1
        if day < self.settled:
            self.on(day)[ATTEMPTS] += 1.0

    def settle(self, today: int, curves: Curves) -> None:
        """Write what past days have matured into them, and forget what has left the window."""
        if self.settled >= today:
            return
        while self.settled < today:
            if self.slots:
                self._close(self.settled, curves)
            else:
                self.settled = today - 1
            self.settled += 1
        for day in [day for day in self.days if day <= today - WINDOW]:
            del self.days[day]

    def _close(self, day: int, curves: Curves) -> None:
        shares, midnight = curves.midnight(day), (day + 1) * DAY
        slots, credited, matured, delivered = dict[int, int](), dict[int, float](), 0.0, self.delivered()
        for code, number in self.slots.items():
            slot, provider = code >> 4, code & 15
            age = midnight - slot * SLOT
            whole = number * shares[code]
            matured += whole - self.credited.get(code, 0.0)
            if age < HORIZON:
                width = _HOUR if age <= DAY else _QUARTER
                wider = (slot - slot % width) << 4 | provider
                slots[wider] = slots.get(wider, 0) + number
                credited[wider] = credited.get(wider, 0.0) + whole
        self.slots, self.credited = slots, credited
        if matured or delivered:
            columns = self.on(day)
            columns[MATURED] += matured
            columns[ATTEMPTS] += delivered

    def delivered(self) -> int:
        """Deliveries of the day that is not settled yet, which are in no column of it so far."""
        first = self.settled * _A_DAY
        return sum([number for code, number in self.slots.items() if code >= first])

    def attempts(self) -> float:
        """Everybody of the window who was written to."""
        return sum([columns[ATTEMPTS] for columns in self.days.values()]) + self.delivered()

    def attempts_since(self, first: int) -> float:
        """Everybody written to since a day; the same whether the tally is settled or not."""
        past = sum([columns[ATTEMPTS] for day, columns in self.days.items() if day >= first])
        return past + (self.delivered() if self.settled >= first else 0)

    def harm_since(self, first: int) -> float:
        """Everything that counts under any signal since a day."""
        return sum([sum(columns[-len(COLUMN) :]) for day, columns in self.days.items() if day >= first])

    def events(self, signal: Signal) -> float:
        """Everything of the window that counts under a signal."""
        column = COLUMN[signal]
        return sum([columns[column] for columns in self.days.values()])

    def maturing(self, look: Look) -> float:
        """What today has matured so far; `settle` comes first."""
        whole = sum([number * look[code] for code, number in self.slots.items()])
        return whole - sum(self.credited.values())

    def outstanding(self, look: Look) -> float:
        """Deliveries about which a complaint may still come."""
        return sum([number * (1.0 - look[code]) for code, number in self.slots.items()])


def copied(tally: Tally) -> Tally:
    """Another one with the same counts."""
    days = {day: columns.copy() for day, columns in tally.days.items()}
    return Tally(tally.settled, tally.slots.copy(), tally.credited.copy(), days)


def slot_code(delivered: float, provider: int) -> int:
    """Where a delivery is counted."""
    return int(delivered // SLOT) << 4 | provider


Series = dict[int, tuple[float, float]]
"""Day -> events and exposure under one signal."""


def series(tally: Tally, signal: Signal, look: Look) -> Series:
    """What a settled tally says under one signal, day by day, today's part included."""
    today = int(look.now // DAY)
    event, against = COLUMN[signal], HELD_AGAINST[signal]
    days = tally.days.items()
    found = {
        day: (columns[event], sum([columns[one] for one in against])) for day, columns in days if day > today - WINDOW
    }
    if MATURED in against:
        day, growing = today, tally.maturing(look)
    else:
        day, growing = tally.settled, tally.delivered() if ATTEMPTS in against else 0.0
    if growing and day > today - WINDOW:
        events, exposure = found.get(day, (0.0, 0.0))
        found[day] = (events, exposure + growing)
    return found


def minus(whole: Series, part: Series) -> Series:
    """What remains of a series when a part of it is taken away."""
    if not part:
        return whole
    rest = dict(whole)
    for day, (events, exposure) in part.items():
        held = rest.get(day, (0.0, 0.0))
        rest[day] = (held[0] - events, held[1] - exposure)
    return rest


def plus(first: Series, second: Series) -> Series:
    """Two series together."""
    return minus(first, {day: (-events, -exposure) for day, (events, exposure) in second.items()})


def in_order(found: Series) -> list[tuple[int, float]]:
    """Days with anything in them, oldest first; what rounding left below nothing is nothing."""
    return [
        (max(0, round(found[day][0])), max(0.0, found[day][1]))
        for day in sorted(found)
        if found[day][0] > 0.0 or found[day][1] > 0.0
    ]

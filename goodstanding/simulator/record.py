"""What is written down of a simulation: sums and moments by run, and a few curves over time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from goodstanding.simulator.assumptions import Numbers
from goodstanding.simulator.flows import Fate
from goodstanding.simulator.outcome import BOUNCE_LINES, LINES, StageName
from goodstanding.simulator.people import ACTS

DAY = 86_400.0
LEAST = 100
"""Recipients before a rate is looked at: of fewer, one complaint is already 1 %."""
FINE = 0.95
"""Share in the inbox below which a flow counts as harmed on a day."""
HARM_DAYS = 7
"""Days after the last message that count for a flow's junk and losses, as `outcome.FlowHarm` tells."""
COUNTS = ("sent", "bounced", "refused", "traps", "inbox", "junk", "unseen", *ACTS)


@dataclass(slots=True)
class Record:
    """Of one route, all runs; arrays are (runs,)."""

    runs: int
    flows: tuple[str, ...]
    sums: dict[str, Numbers] = field(init=False)
    unsent: Numbers = field(init=False)
    reached: dict[StageName, Numbers] = field(default_factory=dict)
    """Second at which a stage was reached; infinity: never."""
    crossed: dict[float, Numbers] = field(init=False)
    """Second at which the complaint rate crossed a line first."""
    crossed_after: dict[float, Numbers] = field(init=False)
    """Recipients written to by then."""
    bounce_crossed: dict[float, Numbers] = field(init=False)
    bounce_crossed_after: dict[float, Numbers] = field(init=False)
    sent_at: list[tuple[float, Numbers]] = field(default_factory=list)
    """Recipients written to at the end of each step."""
    rates: list[tuple[float, Numbers]] = field(default_factory=list)
    """The complaint rate then."""
    fates: list[tuple[float, float, list[Fate]]] = field(default_factory=list)
    """End and length of a step, and what became of each flow in it."""
    last_sent: Numbers = field(init=False)
    """Second of the last message."""

    def __post_init__(self) -> None:
        """Nothing has happened."""
        self.sums = {name: np.zeros(self.runs) for name in COUNTS}
        self.unsent, self.last_sent = np.zeros(self.runs), np.zeros(self.runs)
        for lines, names in (
            (LINES, ("crossed", "crossed_after")),
            (BOUNCE_LINES, ("bounce_crossed", "bounce_crossed_after")),
        ):
            for name in names:
                setattr(self, name, {line: np.full(self.runs, np.inf) for line in lines})

    def note(self, now: float, seconds: float, step: dict[str, Numbers], fates: list[Fate]) -> None:
        """Write a step down."""
        for name, counts in step.items():
            self.sums[name] = self.sums[name] + counts
        sent = self.sums["sent"]
        self.last_sent = np.where(step["sent"] > 0, now, self.last_sent)
        rate = self.complaint_rate
        self._cross(self.crossed, self.crossed_after, np.where(self.sums["inbox"] >= LEAST, rate, 0.0), now)
        bounced = self.sums["bounced"] / np.maximum(1.0, sent)
        self._cross(self.bounce_crossed, self.bounce_crossed_after, np.where(sent >= LEAST, bounced, 0.0), now)
        self.sent_at.append((now, sent))
        self.rates.append((now, rate))
        self.fates.append((now, seconds, fates))

    @property
    def complaint_rate(self) -> Numbers:
        """Complaints by messages in the inbox."""
        return self.sums["complained"] / np.maximum(1.0, self.sums["inbox"])

    def _cross(self, when: dict[float, Numbers], after: dict[float, Numbers], rate: Numbers, now: float) -> None:
        for line, seconds in when.items():
            new = (rate >= line) & np.isinf(seconds)
            if new.any():
                when[line] = np.where(new, now, seconds)
                after[line] = np.where(new, self.sums["sent"], after[line])

    def sent_by(self, second: Numbers) -> Numbers:
        """Recipients written to by a second of each run; infinity: whatever was written."""
        found = self.sums["sent"].copy()
        for now, sent in reversed(self.sent_at):
            found = np.where(now >= second, sent, found)
        return found

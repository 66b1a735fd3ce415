"""What comes out: for each route what would happen, as distributions over runs, and the verdict drawn from them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec import Struct

from goodstanding.simulator.assumptions import Assumption, Numbers
from goodstanding.simulator.campaign import Campaign

LINES = (0.001, 0.003, 0.01)
"""Complaint rates that are asked about: Google's and Amazon's line, Google's and Yahoo's ceiling, and the 1 % that is
commonly quoted for Azure."""
BOUNCE_LINES = (0.02, 0.05, 0.10)
"""Amazon SES: 2 % is best, 5 % is reviewed, at 10 % sending is paused."""
TOLD_PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)


class Spread(Struct, frozen=True):
    """A number over all runs: percentiles and mean."""

    p05: float
    p25: float
    p50: float
    p75: float
    p95: float
    mean: float


class Crossing(Struct, frozen=True):
    """A line that a rate may cross. A rate is looked at only from 100 recipients on, so that one of three is none."""

    line: float
    """As a fraction."""
    chance: float
    """Share of runs."""
    hours: Spread | None = None
    """From the first message to the crossing, of the runs that cross."""
    mails: Spread | None = None
    """Recipients written to until then, of the same runs."""


StageName = Literal["degraded", "throttled", "suspended"]
STAGES: tuple[StageName, ...] = ("degraded", "throttled", "suspended")
"""What a platform does to a sender: mail stops arriving without a word; less of it is taken; none is."""


class Stage(Struct, frozen=True):
    """How likely a platform goes so far."""

    name: StageName
    chance: float
    hours: Spread | None = None
    mails: Spread | None = None
    told: bool = False
    """The sender is told, with the reason, at once."""


class FlowHarm(Struct, frozen=True):
    """What becomes of another flow of the tenant because of the campaign."""

    flow: str
    junk: Spread
    """Share of its mail that lands in junk, over the days the campaign runs and the seven after it."""
    lost: Spread
    """Share that is refused, stopped by the platform, or accepted and never seen, over the same days."""
    days: Spread
    """Days on which less than 95 % of it reaches the inbox."""
    recovered: float
    """Share of runs in which it is back within the time that was looked at."""


class Series(Struct, frozen=True):
    """Something over time: the middle run and the band that holds nine runs of ten."""

    name: str
    hours: tuple[float, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]


class RouteOutcome(Struct, frozen=True):
    """What would happen over one route."""

    route: str
    title: str
    isolated: bool
    """The campaign shares no identity with the tenant's other mail."""
    sent: Spread
    """Recipients written to; some may be left when a platform stops the campaign."""
    unsent: Spread
    inbox: Spread
    """Share of recipients written to, as the next four."""
    junk: Spread
    unseen: Spread
    """Accepted with 250 and never shown to anybody."""
    refused: Spread
    bounced: Spread
    """Unknown recipients."""
    complaint_rate: Spread
    """Complaints by messages in the inbox, at the end."""
    complaints: Spread
    crossings: tuple[Crossing, ...]
    bounce_crossings: tuple[Crossing, ...]
    opened: Spread
    """Share of messages in the inbox that people open, as the next two."""
    deleted: Spread
    """Unread."""
    ignored: Spread
    """Neither opened nor deleted."""
    replies: Spread
    unsubscribes: Spread
    traps: Spread
    stages: tuple[Stage, ...]
    harms: tuple[FlowHarm, ...]
    days: Spread
    """From the first message to the last."""
    series: tuple[Series, ...] = ()
    """``complaint rate``; ``inbox: FLOW`` for each flow."""


class Influence(Struct, frozen=True):
    """How much an assumption moves what the verdict hangs on: Spearman's rank correlation over runs."""

    slug: str
    words: str
    of: str
    """What it moves: ``complaint rate``, ``harm``, ``suspension``."""
    correlation: float


class Reason(Struct, frozen=True):
    """Why a verdict is what it is."""

    slug: str
    because: str
    remedy: str


ChangeName = Literal["permission", "one-click", "ramp", "clean-list", "isolation"]
CHANGES: tuple[ChangeName, ...] = ("permission", "one-click", "ramp", "clean-list", "isolation")


class Change(Struct, frozen=True):
    """Something that could be done differently, simulated with the same luck."""

    slug: ChangeName
    words: str
    complaint_rate: float
    """The median with the change."""
    harm: float
    """The median share of the worst flow's mail that does not reach the inbox, with the change."""
    helps: bool
    """With it the verdict is milder."""


Answer = Literal["send", "send-differently", "do-not-send"]


class Verdict(Struct, frozen=True):
    """The answer to: should this mail be sent, and by which route?"""

    answer: Answer
    route: str
    """The route it is about: the best of those asked about; empty: none."""
    reasons: tuple[Reason, ...]
    changes: tuple[Change, ...] = ()


class Assessment(Struct, frozen=True):
    """Everything that was asked and found."""

    campaign: Campaign
    runs: int
    seed: int
    routes: tuple[RouteOutcome, ...]
    verdicts: tuple[Verdict, ...]
    """One for each route, in the same order."""
    verdict: Verdict
    influences: tuple[Influence, ...]
    assumptions: tuple[Assumption, ...]
    """All that were used."""


def spread(numbers: Numbers) -> Spread:
    """The percentiles and mean of a number of each run. ValueError for no runs."""
    if not numbers.size:
        raise ValueError("no runs")
    p05, p25, p50, p75, p95 = (float(one) for one in np.percentile(numbers, TOLD_PERCENTILES))
    return Spread(p05, p25, p50, p75, p95, float(np.mean(numbers)))

"""From what was written down of many runs to what is told of a route."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from goodstanding.simulator.assumptions import Numbers
from goodstanding.simulator.outcome import (
    BOUNCE_LINES,
    LINES,
    STAGES,
    Crossing,
    FlowHarm,
    RouteOutcome,
    Series,
    Stage,
    StageName,
    spread,
)
from goodstanding.simulator.platforms import Platform
from goodstanding.simulator.record import DAY, FINE, HARM_DAYS, Record

HOUR = 3600.0
POINTS = 60
"""Moments of a curve."""
BAND = (5.0, 50.0, 95.0)


class Flowed(Struct, frozen=True):
    """What became of one flow, by run."""

    junk: Numbers
    lost: Numbers
    days: Numbers
    recovered: Numbers
    """1: its mail is back in the inbox at the end of what was looked at."""


class Runs(Struct, frozen=True):
    """The numbers of some runs of one route: small enough to be handed between processes; (runs,) each."""

    sums: dict[str, Numbers]
    unsent: Numbers
    seconds: Numbers
    """From the first message to the last."""
    crossed: dict[float, tuple[Numbers, Numbers]]
    """By line: the second, infinity for never, and the recipients written to by then."""
    bounce_crossed: dict[float, tuple[Numbers, Numbers]]
    reached: dict[StageName, tuple[Numbers, Numbers]]
    flows: dict[str, Flowed]
    curves: dict[str, tuple[Numbers, Numbers]]
    """Hours (points,), and a value for each run and hour (runs, points)."""
    drawn: dict[str, Numbers]
    """Assumptions that were ranges, as each run drew them."""


def told_of(record: Record, drawn: dict[str, Numbers]) -> Runs:
    """What is kept of a simulation."""
    reached = {stage: (when, record.sent_by(when)) for stage, when in record.reached.items()}
    return Runs(
        record.sums,
        record.unsent,
        record.last_sent,
        {line: (record.crossed[line], record.crossed_after[line]) for line in LINES},
        {line: (record.bounce_crossed[line], record.bounce_crossed_after[line]) for line in BOUNCE_LINES},
        reached,
        {name: _flowed(record, place) for place, name in enumerate(record.flows)},
        _curves(record),
        drawn,
    )


def _flowed(record: Record, place: int) -> Flowed:
    ends = np.array([end for end, _, _ in record.fates])
    lengths = np.array([length for _, length, _ in record.fates])[:, None]
    junk = np.stack([fates[place].junk for _, _, fates in record.fates])
    lost = np.stack([fates[place].lost for _, _, fates in record.fates])
    near = (ends[:, None] <= record.last_sent[None, :] + HARM_DAYS * DAY) * lengths
    whole = np.maximum(near.sum(axis=0), 1.0)
    harmed = (1.0 - junk - lost) < FINE
    days = (harmed * lengths).sum(axis=0) / DAY
    return Flowed((junk * near).sum(axis=0) / whole, (lost * near).sum(axis=0) / whole, days, ~harmed[-1] * 1.0)


def _curves(record: Record) -> dict[str, tuple[Numbers, Numbers]]:
    last = len(record.rates) - 1
    places = np.unique(np.linspace(0, last, min(POINTS, last + 1)).astype(int))
    hours = np.array([record.rates[place][0] for place in places]) / HOUR
    found = {"complaint rate": (hours, np.stack([record.rates[place][1] for place in places], axis=1))}
    for number, name in enumerate(record.flows):
        fates = [record.fates[place][2][number] for place in places]
        found[f"inbox: {name}"] = hours, np.stack([1.0 - fate.junk - fate.lost for fate in fates], axis=1)
    return found


def joined(parts: Sequence[Runs]) -> Runs:
    """Several pieces of the same route as one."""
    first = parts[0]
    if len(parts) == 1:
        return first

    def both(pick: Sequence[tuple[Numbers, Numbers]]) -> tuple[Numbers, Numbers]:
        return np.concatenate([one for one, _ in pick]), np.concatenate([two for _, two in pick])

    return Runs(
        {name: np.concatenate([part.sums[name] for part in parts]) for name in first.sums},
        np.concatenate([part.unsent for part in parts]),
        np.concatenate([part.seconds for part in parts]),
        {line: both([part.crossed[line] for part in parts]) for line in first.crossed},
        {line: both([part.bounce_crossed[line] for part in parts]) for line in first.bounce_crossed},
        {stage: both([part.reached[stage] for part in parts]) for stage in first.reached},
        {name: _joined_flow([part.flows[name] for part in parts]) for name in first.flows},
        {name: _joined_curve([part.curves[name] for part in parts]) for name in first.curves},
        {slug: np.concatenate([part.drawn[slug] for part in parts]) for slug in first.drawn},
    )


def _joined_flow(parts: Sequence[Flowed]) -> Flowed:
    names = ("junk", "lost", "days", "recovered")
    return Flowed(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _joined_curve(parts: Sequence[tuple[Numbers, Numbers]]) -> tuple[Numbers, Numbers]:
    """Pieces may end at different hours: all are read at the hours of the longest."""
    hours = max((hours for hours, _ in parts), key=lambda one: float(one[-1]))
    rows = [np.stack([np.interp(hours, own, row) for row in values]) for own, values in parts]
    return hours, np.concatenate(rows)


def outcome_of(runs: Runs, platform: Platform) -> RouteOutcome:
    """A route in words of shares and chances."""
    sums = runs.sums
    sent = np.maximum(1.0, sums["sent"])
    inbox = np.maximum(1.0, sums["inbox"])
    return RouteOutcome(
        platform.slug,
        platform.title,
        platform.domain == "own",
        sent=spread(sums["sent"]),
        unsent=spread(runs.unsent),
        inbox=spread(sums["inbox"] / sent),
        junk=spread(sums["junk"] / sent),
        unseen=spread(sums["unseen"] / sent),
        refused=spread(sums["refused"] / sent),
        bounced=spread(sums["bounced"] / sent),
        complaint_rate=spread(sums["complained"] / inbox),
        complaints=spread(sums["complained"]),
        crossings=tuple(_crossing(line, *runs.crossed[line]) for line in LINES),
        bounce_crossings=tuple(_crossing(line, *runs.bounce_crossed[line]) for line in BOUNCE_LINES),
        opened=spread(sums["opened"] / inbox),
        deleted=spread(sums["deleted"] / inbox),
        ignored=spread(np.maximum(0.0, 1.0 - (sums["opened"] + sums["deleted"]) / inbox)),
        replies=spread(sums["replied"]),
        unsubscribes=spread(sums["left"]),
        traps=spread(sums["traps"]),
        stages=tuple(_stage(name, platform, *runs.reached[name]) for name in STAGES),
        harms=tuple(_harm(name, flow) for name, flow in runs.flows.items()),
        days=spread(runs.seconds / DAY),
        series=tuple(_series(name, *curve) for name, curve in runs.curves.items()),
    )


def _crossing(line: float, seconds: Numbers, mails: Numbers) -> Crossing:
    came = np.isfinite(seconds)
    if not came.any():
        return Crossing(line, 0.0)
    return Crossing(line, float(came.mean()), spread(seconds[came] / HOUR), spread(mails[came]))


def _stage(name: StageName, platform: Platform, seconds: Numbers, mails: Numbers) -> Stage:
    rules = [rule for rule in platform.rules if rule.stage == name]
    told = platform.guarded or (bool(rules) and all(rule.told for rule in rules))
    came = np.isfinite(seconds)
    if not came.any():
        return Stage(name, 0.0, told=told)
    return Stage(name, float(came.mean()), spread(seconds[came] / HOUR), spread(mails[came]), told)


def _harm(name: str, flow: Flowed) -> FlowHarm:
    return FlowHarm(name, spread(flow.junk), spread(flow.lost), spread(flow.days), float(flow.recovered.mean()))


def _series(name: str, hours: Numbers, values: Numbers) -> Series:
    low, middle, high = np.percentile(values, BAND, axis=0)
    return Series(name, *(tuple(map(float, one)) for one in (hours, low, middle, high)))

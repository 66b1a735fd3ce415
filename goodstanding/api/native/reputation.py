"""What the evidence says of senders, campaigns, domains and addresses."""

from __future__ import annotations

import math
import time
from typing import Annotated

from msgspec import Meta, Struct

from goodstanding.api.native.fields import Paging
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import absent
from goodstanding.api.native.routes import Call, Page, Routes
from goodstanding.api.native.standings import seen
from goodstanding.operate import reputation as verbs
from goodstanding.operate.reputation import Behind, Charge, Policy, Rebuilt, Shown, Standing

routes = Routes("reputation", "What the evidence says of senders, campaigns, domains and addresses.")
LARGEST = 1e300
"""Stands for evidence beyond all bounds: JSON knows no infinity."""


class ChargeShown(Struct, frozen=True, kw_only=True):
    """One key that has to answer for harm, after narrower keys have answered for theirs."""

    key: str
    tenant: str
    stream: str
    signal: str
    line: str
    level: str
    evidence: float
    """E-value against that line."""
    events: int
    exposure: float
    estimate: float
    low: float
    high: float
    words: str


class SignalShown(Struct, frozen=True, kw_only=True):
    """What the evidence says about one key, on one stream, under one signal."""

    stream: str
    signal: str
    events: int
    exposure: float
    estimate: float
    low: float
    high: float
    e_target: float
    e_ceiling: float
    e_limit: float
    lines: list[float]
    """Target, ceiling and limit, as fractions."""
    since: float
    words: str


class LoadShown(Struct, frozen=True, kw_only=True):
    """How many recipients nobody vouches for a key may have outstanding."""

    most: float | None
    """null: it is proven, and has no bound."""
    outstanding: float
    words: str


class ReputationShown(Struct, frozen=True, kw_only=True):
    """What the evidence says about a key."""

    key: str
    since: float
    """Second from which evidence counts: the last reinstatement, or 0."""
    followed: int
    """Number of the last journal entry that is in it."""
    waiting: int
    """Journal entries behind that."""
    rung: str
    charges: list[ChargeShown]
    signals: list[SignalShown]
    loads: dict[str, LoadShown]
    """By stream."""


class WhyShown(Struct, frozen=True, kw_only=True):
    """A key's evidence, narrower keys that explain some of its harm, and the messages behind all of it."""

    shown: ReputationShown
    narrower: list[ChargeShown]
    behind: list[Behind]


class WhyQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """How much to tell."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="Most messages behind it, the newest.")] = 20


@routes.get("/reputation", "reputation:read")
def list_(call: Call, query: Paging) -> Page[ChargeShown]:
    """List every key that has to answer for something."""
    known = verbs.known(call.place.database, *_terms(call))
    found = sorted((_charge(one) for one in known if call.sees(one.tenant)), key=_position)
    return page(call, found, query.limit, _position)


@routes.get("/reputation/{key:path}", "reputation:read")
def show(call: Call, key: str) -> ReputationShown:
    """Show the evidence about a key: counts and bounds for every signal, and its load line."""
    seen(call, key)
    with absent("evidence about", key):
        return _shown(verbs.show(call.place.database, key, *_terms(call), speed=_speed(call)))


@routes.get("/evidence/{key:path}", "reputation:read")
def why(call: Call, key: str, query: WhyQuery) -> WhyShown:
    """Tell why a key stands as it does: who answers for it, and the messages behind it."""
    seen(call, key)
    with absent("evidence about", key):
        found = verbs.why(call.place.database, key, *_terms(call), query.limit, _speed(call))
    narrower = [_charge(one) for one in found.narrower if call.sees(one.tenant)]
    return WhyShown(shown=_shown(found.shown), narrower=narrower, behind=found.behind)


@routes.post("/reputation/rebuild", "reputation:write", operator=True)
def rebuild(call: Call) -> Rebuilt:
    """Build everything anew from the journal; the answer comes when it is done, which may take minutes."""
    return verbs.rebuild(call.place.database, speed=_speed(call))


def _terms(call: Call) -> tuple[Policy, float]:
    """The lines that hold here, and the present second in the recipients' time."""
    settings = call.place.settings.reputation
    return verbs.policy_of(settings), verbs.stretched(time.time(), settings.speed)


def _speed(call: Call) -> float:
    return call.place.settings.reputation.speed


def _position(one: ChargeShown) -> tuple[str, ...]:
    return one.key, one.stream, one.signal, one.line


def _charge(one: Charge) -> ChargeShown:
    return ChargeShown(
        key=str(one.key),
        tenant=one.tenant,
        stream=one.stream,
        signal=one.signal.value,
        line=str(one.line),
        level=str(one.level),
        evidence=_finite(one.evidence),
        events=one.events,
        exposure=one.exposure,
        estimate=_finite(one.estimate),
        low=_finite(one.low),
        high=_finite(one.high),
        words=one.words,
    )


def _shown(found: Shown) -> ReputationShown:
    return ReputationShown(
        key=found.key,
        since=found.since,
        followed=found.followed,
        waiting=found.waiting,
        rung=found.rung,
        charges=[_charge(one) for one in found.charges],
        signals=[_signal(one) for one in found.standings],
        loads={
            stream: LoadShown(
                most=load.most if math.isfinite(load.most) else None, outstanding=load.outstanding, words=load.words
            )
            for stream, load in found.loads.items()
        },
    )


def _signal(one: Standing) -> SignalShown:
    return SignalShown(
        stream=one.stream,
        signal=one.signal.value,
        events=one.events,
        exposure=one.exposure,
        estimate=_finite(one.estimate),
        low=_finite(one.low),
        high=_finite(one.high),
        e_target=_finite(one.e_target),
        e_ceiling=_finite(one.e_ceiling),
        e_limit=_finite(one.e_limit),
        lines=[*one.lines],
        since=one.since,
        words=one.words,
    )


def _finite(value: float) -> float:
    return min(value, LARGEST) if value == value else 0.0

"""Suppression: who is not written to, how far that reaches, why, and until when.

One row a person and scope: (tenant, stream), the whole tenant (stream empty), or the whole platform (tenant empty too).
Where two causes meet in one scope the stronger stays. Hard causes are a wish or an order and do not end by themselves;
soft ones tell of a mailbox, and hold for a lease that grows with every strike. Nothing suppresses the platform by
itself: only an operator does. The causes, their scopes and the leases are `suppression.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Literal

from msgspec import Struct, convert, structs

from goodstanding.admission.facts import Suppressed
from goodstanding.model import Stream

Scope = Literal["stream", "tenant", "platform"]
HOUR, DAY = 3600.0, 86_400.0


class Suppression(Struct, frozen=True, gc=False):
    """One row: a person, a scope, and why."""

    tenant: str
    """Empty: the whole platform."""
    person: bytes
    """`admission.trust.person` of tenant (empty for the platform) and address."""
    stream: str
    """Empty: every stream."""
    cause: str
    source: str
    """Where it comes from: ``one-click``, ``mailto``, ``reply of mx.example.com``, ``operator anna``."""
    at: float
    expires: float = 0.0
    """0: it does not."""
    strikes: int = 1
    address: str = ""
    """Empty once erased."""
    evidence: str = ""

    @property
    def scope(self) -> Scope:
        """How far it reaches."""
        return "platform" if not self.tenant else "stream" if self.stream else "tenant"

    @property
    def scope_words(self) -> str:
        """``stream bulk``, ``tenant`` or ``platform``: as journal and lists write it."""
        return f"stream {self.stream}" if self.tenant and self.stream else self.scope

    def holds(self, now: float) -> bool:
        """Whether it has not run out."""
        return not self.expires or self.expires > now


@dataclass(frozen=True, slots=True)
class Cause:
    """What `suppression.toml` says of a cause."""

    name: str
    rank: int
    """0 is the strongest."""
    scope: Scope
    soft: bool
    because: str
    remedy: str


class _CauseTable(Struct, frozen=True, forbid_unknown_fields=True):
    scope: Scope
    soft: bool
    because: str
    remedy: str


class _Leases(Struct, frozen=True, forbid_unknown_fields=True):
    hours: tuple[float, ...]
    same_strike_hours: float
    remembered_days: float


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    leases: _Leases
    unsubscribes: dict[Stream, tuple[Stream, ...]]
    causes: dict[str, _CauseTable]


_TABLE = convert(
    tomllib.loads(resources.files("goodstanding.admission").joinpath("suppression.toml").read_text("utf-8")), _Table
)
CAUSES: Mapping[str, Cause] = {
    name: Cause(name, rank, each.scope, each.soft, each.because, each.remedy)
    for rank, (name, each) in enumerate(_TABLE.causes.items())
}
LEASES = tuple(hours * HOUR for hours in _TABLE.leases.hours)
"""Seconds a soft cause holds, by strike; the last one counts for all further strikes."""
SAME_STRIKE = _TABLE.leases.same_strike_hours * HOUR
REMEMBERED = _TABLE.leases.remembered_days * DAY
"""Seconds after its end that a lease still counts as a strike; then its row may be forgotten."""
UNSUBSCRIBES: Mapping[Stream, tuple[Stream, ...]] = _TABLE.unsubscribes
"""The streams somebody leaves who leaves one."""

_WIDTH: dict[Scope, int] = {"platform": 0, "tenant": 1, "stream": 2}


def strongest(rows: Iterable[Suppression], stream: Stream, now: float) -> Suppressed | None:
    """What stops mail of a stream to one recipient; None when nothing does.

    ``rows``: theirs, of the tenant and of the platform. What does not end goes before what does, then the wider scope,
    then the stronger cause: so the sender learns first what waiting would not cure.
    """
    holding = [row for row in rows if (not row.stream or row.stream == stream) and row.holds(now)]
    if not holding:
        return None
    row = min(holding, key=lambda row: (row.expires > 0, _WIDTH[row.scope], _rank(row.cause), row.at))
    return Suppressed(row.scope, row.cause, row.source, row.at, row.expires)


def suppress(before: Suppression | None, new: Suppression, now: float) -> Suppression:
    """The row of a scope after ``new`` was asked for; ``before`` itself when nothing changes.

    A soft cause without an end of its own gets the lease of its strike. ``at`` of a hard cause is when it was first
    asked for, so asking twice changes nothing.
    """
    if before is not None and not before.holds(now) and not _remembered(before, now):
        before = None
    fresh = structs.replace(new, expires=new.expires or _lease(1, new.cause, now), strikes=1)
    if before is None:
        return fresh
    if before.cause != new.cause:
        return before if before.holds(now) and _strength(before) < _strength(fresh) else fresh
    if not _soft(new.cause) or new.expires:
        lasting = _longer(before.expires, new.expires)
        return before if lasting == before.expires else structs.replace(before, expires=lasting)
    if now - before.at < SAME_STRIKE:
        return before
    strikes = before.strikes + 1
    return structs.replace(fresh, strikes=strikes, expires=_lease(strikes, new.cause, now))


def lift(rows: Iterable[Suppression], stream: str | None) -> list[Suppression]:
    """The rows that go when a suppression is lifted: of one stream (empty: of the scope of all), or all (None)."""
    return [row for row in rows if stream is None or row.stream == stream]


def streams_left(stream: Stream) -> tuple[Stream, ...]:
    """The streams that stop when somebody unsubscribes from one."""
    return UNSUBSCRIBES[stream]


def because(found: Suppressed) -> str:
    """Why, as a sentence about the recipient goes on: ``unsubscribed from bulk mail on 2026-11-23 (one-click)``."""
    cause = CAUSES.get(found.cause)
    words = cause.because if cause else f"is suppressed ({found.cause})"
    reach = {"stream": " from this stream", "tenant": "", "platform": ", for every sender on this platform"}[
        found.scope
    ]
    ends = f", until {_day(found.expires)}" if found.expires else ""
    source = f" ({found.source})" if found.source else ""
    return f"{words}{reach} on {_day(found.at)}{ends}{source}"


def remedy(found: Suppressed) -> str:
    """What the sender can do."""
    return CAUSES[found.cause].remedy if found.cause in CAUSES else "ask the operator of this relay"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _rank(cause: str) -> int:
    """Causes of a newer release are taken for hard and weakest, and stay what they are."""
    return CAUSES[cause].rank if cause in CAUSES else len(CAUSES)


def _strength(row: Suppression) -> tuple[bool, int]:
    """The less the stronger: what does not end is never given up for what does."""
    return row.expires > 0, _rank(row.cause)


def _soft(cause: str) -> bool:
    return cause in CAUSES and CAUSES[cause].soft


def _lease(strikes: int, cause: str, now: float) -> float:
    return now + _at_most(LEASES, strikes) if _soft(cause) else 0.0


def _at_most(leases: Sequence[float], strikes: int) -> float:
    return leases[min(strikes, len(leases)) - 1]


def _remembered(row: Suppression, now: float) -> bool:
    return _soft(row.cause) and now < row.expires + REMEMBERED


def _longer(one: float, other: float) -> float:
    """The later of two ends, of which 0 is never."""
    return 0.0 if not one or not other else max(one, other)

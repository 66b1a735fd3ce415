"""The ladder: who stands on which rung, and which cause leads from where to where. docs/ladder.md is drawn from here.

Two hands hold every account: the system's, moved by evidence and by time, and the operator's, moved by words. A cause
moves the hands that `HANDS` gives it, each by the same table; the stricter rung of the two is in effect. What a hand
has no edge for leaves it where it is. `reinstated` is allowed to send with open findings: more each day of its
probation, and back to `good` at its end.

Who may change a position: `trigger` (evidence, time), `providers` (replies) and `operate.enforcement` (words), all
through `step`. What can go wrong is an edge that tells nobody: a test walks the table and asks `notices` about each.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from msgspec import Struct, structs

from goodstanding.model import Key, Rung, Signal


class Cause(StrEnum):
    """Why a hand moves."""

    RISING = "evidence-rising"
    """Evidence that a rate is above its target begins to show."""
    OVER_TARGET = "over-target"
    """Evidence that a rate is above its target."""
    OVER_CEILING = "over-ceiling"
    """Evidence that a rate is above its ceiling."""
    OVER_LIMIT = "over-limit"
    """Evidence that a rate is above its limit."""
    PROVIDER_SLOWED = "provider-slowed"
    """A mailbox provider asks for less at a time."""
    PROVIDER_BLOCKED = "provider-blocked"
    """A mailbox provider refuses an address or a domain for its reputation."""
    CLEAN_PERIOD = "clean-period"
    """Long enough without evidence."""
    PROBATION_SERVED = "probation-served"
    """The ramp after a reinstatement is at its end."""
    TERM_ENDED = "term-ended"
    """What an operator had decided for a time is over."""
    SHADOW_ENDED = "shadow-ended"
    """What was only noted in shadow begins anew, now that moves are applied and told."""
    OPERATOR_SLOWED = "operator-slowed"
    OPERATOR_SUSPENDED = "operator-suspended"
    OPERATOR_CLOSED = "operator-closed"
    OPERATOR_LIFTED = "operator-lifted"
    """An operator takes back what an operator decided; evidence stands as it did."""
    OPERATOR_REINSTATED = "operator-reinstated"
    REVIEW_GRANTED = "review-granted"
    """A review came to: go on, on probation."""


Hand = Literal["system", "operator"]
BY_SYSTEM: tuple[Hand, ...] = ("system",)
BY_OPERATOR: tuple[Hand, ...] = ("operator",)
BY_BOTH: tuple[Hand, ...] = ("system", "operator")

HANDS: Mapping[Cause, tuple[Hand, ...]] = MappingProxyType(
    {
        Cause.RISING: BY_SYSTEM,
        Cause.OVER_TARGET: BY_SYSTEM,
        Cause.OVER_CEILING: BY_SYSTEM,
        Cause.OVER_LIMIT: BY_SYSTEM,
        Cause.PROVIDER_SLOWED: BY_SYSTEM,
        Cause.PROVIDER_BLOCKED: BY_SYSTEM,
        Cause.CLEAN_PERIOD: BY_SYSTEM,
        Cause.PROBATION_SERVED: BY_BOTH,
        Cause.TERM_ENDED: BY_OPERATOR,
        Cause.SHADOW_ENDED: BY_SYSTEM,
        Cause.OPERATOR_SLOWED: BY_OPERATOR,
        Cause.OPERATOR_SUSPENDED: BY_OPERATOR,
        Cause.OPERATOR_CLOSED: BY_OPERATOR,
        Cause.OPERATOR_LIFTED: BY_OPERATOR,
        Cause.OPERATOR_REINSTATED: BY_BOTH,
        Cause.REVIEW_GRANTED: BY_BOTH,
    }
)
"""Which hands a cause moves."""

_WORDS_OF_AN_OPERATOR = {
    Cause.OPERATOR_SLOWED: Rung.SLOWED,
    Cause.OPERATOR_SUSPENDED: Rung.SUSPENDED,
    Cause.OPERATOR_CLOSED: Rung.CLOSED,
}
_BACK = {Cause.OPERATOR_REINSTATED: Rung.REINSTATED, Cause.REVIEW_GRANTED: Rung.REINSTATED}

# However much comes in at once, what the mail feels begins with the announced rate: nobody is stopped unwarned.
_ENTERED = {Cause.OVER_TARGET: Rung.SLOWED, Cause.OVER_CEILING: Rung.SLOWED, Cause.OVER_LIMIT: Rung.SLOWED}

LADDER: Mapping[Rung, Mapping[Cause, Rung]] = MappingProxyType(
    {
        Rung.GOOD: {
            Cause.RISING: Rung.WATCHED,
            **_ENTERED,
            Cause.PROVIDER_SLOWED: Rung.WATCHED,
            Cause.PROVIDER_BLOCKED: Rung.WATCHED,
            **_WORDS_OF_AN_OPERATOR,
        },
        Rung.WATCHED: {
            **_ENTERED,
            Cause.CLEAN_PERIOD: Rung.GOOD,
            Cause.SHADOW_ENDED: Rung.GOOD,
        },
        Rung.SLOWED: {
            Cause.OVER_CEILING: Rung.PENALTY,
            Cause.OVER_LIMIT: Rung.SUSPENDED,
            Cause.CLEAN_PERIOD: Rung.WATCHED,
            Cause.TERM_ENDED: Rung.GOOD,
            Cause.SHADOW_ENDED: Rung.GOOD,
            Cause.OPERATOR_LIFTED: Rung.GOOD,
            Cause.OPERATOR_SUSPENDED: Rung.SUSPENDED,
            Cause.OPERATOR_CLOSED: Rung.CLOSED,
            **_BACK,
        },
        Rung.PENALTY: {
            Cause.OVER_LIMIT: Rung.SUSPENDED,
            Cause.CLEAN_PERIOD: Rung.SLOWED,
            Cause.SHADOW_ENDED: Rung.GOOD,
            **_BACK,
        },
        Rung.SUSPENDED: {
            Cause.TERM_ENDED: Rung.GOOD,
            Cause.SHADOW_ENDED: Rung.GOOD,
            Cause.OPERATOR_SLOWED: Rung.SLOWED,
            Cause.OPERATOR_LIFTED: Rung.GOOD,
            Cause.OPERATOR_CLOSED: Rung.CLOSED,
            **_BACK,
        },
        Rung.REINSTATED: {
            # Whoever falls back is judged a rung stricter: the benefit of the doubt was given once.
            Cause.OVER_TARGET: Rung.SLOWED,
            Cause.OVER_CEILING: Rung.SUSPENDED,
            Cause.OVER_LIMIT: Rung.SUSPENDED,
            Cause.PROBATION_SERVED: Rung.GOOD,
            Cause.SHADOW_ENDED: Rung.GOOD,
            **_WORDS_OF_AN_OPERATOR,
        },
        Rung.CLOSED: {Cause.OPERATOR_REINSTATED: Rung.REINSTATED},
    }
)
"""Where each cause leads. The system's hand is never closed, the operator's never watched and never in penalty."""

STRICTNESS: Mapping[Rung, int] = MappingProxyType(
    {
        Rung.GOOD: 0,
        Rung.WATCHED: 1,
        Rung.REINSTATED: 2,
        Rung.SLOWED: 3,
        Rung.PENALTY: 4,
        Rung.SUSPENDED: 5,
        Rung.CLOSED: 6,
    }
)
"""Of two rungs the one with the higher number is in effect."""
WARNED = frozenset({Rung.SLOWED, Rung.PENALTY})
"""Rungs that evidence leads up from only after the time of a warning (`policy.Policy.warning`)."""


class Account(Struct, frozen=True, gc=False, order=True):
    """Who stands on the ladder: a key of a tenant, on one stream or on all of them."""

    tenant: str
    """Empty for what tenants share: an egress address, a link domain."""
    key: Key
    stream: str = ""
    """Empty: every stream."""


class Impact(StrEnum):
    """What an open finding asks for, after Amazon SES: LOW is explained, HIGH needs an answer."""

    LOW = "low"
    HIGH = "high"


class OpenFinding(Struct, frozen=True, gc=False):
    """Something found against an account that is not settled yet."""

    signal: Signal
    impact: Impact
    words: str
    """The evidence in words and numbers."""
    at: float
    answered: bool = False
    """In a review, by the tenant."""


class Position(Struct, frozen=True):
    """Where an account stands, and since when."""

    account: Account
    system: Rung = Rung.GOOD
    operator: Rung = Rung.GOOD
    since: float = 0.0
    """Second since which the rung in effect is in effect."""
    provoked: float = 0.0
    """The latest second at which evidence spoke against a milder rung."""
    term: float = 0.0
    """Second at which the operator's decision ends; 0: when an operator ends it."""
    renew: float = 0.0
    """Second at which the orders are to be given anew; 0: they hold until the next move."""
    cause: str = ""
    """What moved it last."""
    because: str = ""
    """The same in words and numbers."""
    by: str = ""
    findings: tuple[OpenFinding, ...] = ()
    shadow: bool = False
    """Where it would stand: nothing of it is ordered, and nobody was told."""

    @property
    def effective(self) -> Rung:
        """The stricter of the two hands."""
        return max(self.system, self.operator, key=STRICTNESS.__getitem__)

    @property
    def unanswered(self) -> bool:
        """Whether a finding waits for the tenant's answer."""
        return any(one.impact is Impact.HIGH and not one.answered for one in self.findings)


def step(before: Position, cause: Cause, now: float) -> Position | None:
    """The position after a cause; None when it moves neither hand."""
    system = _moved(before.system, cause, "system")
    operator = _moved(before.operator, cause, "operator")
    if (system, operator) == (before.system, before.operator):
        return None
    after = structs.replace(before, system=system, operator=operator, cause=cause.value)
    if "operator" in HANDS[cause]:
        after = structs.replace(after, term=0.0)
    if after.effective is not before.effective:
        return structs.replace(after, since=now, provoked=now)
    # A hand that goes down behind the stricter one does not begin that one's clean time anew.
    return after if cause is Cause.CLEAN_PERIOD else structs.replace(after, provoked=now)


def _moved(rung: Rung, cause: Cause, hand: Hand) -> Rung:
    return LADDER[rung].get(cause, rung) if hand in HANDS[cause] else rung


def edges() -> list[tuple[Rung, Cause, Rung]]:
    """Every edge of the ladder, in the order of the table."""
    return [(rung, cause, to) for rung, row in LADDER.items() for cause, to in row.items()]

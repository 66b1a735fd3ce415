"""What a rung makes the rest of the program do. Orders are the only way in which a later room steers an earlier one.

A slowed account is paced. One in penalty is paced and leaves from the penalty pool of its stream, where one is
declared. A suspended or closed one is refused at the door, and what waits is held. An egress address is nobody's to
refuse: its mail waits. Orders of evidence end by themselves unless they are given anew, so a forgotten one harms
nobody for ever; a suspension holds until a review, because time alone answers no question.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from goodstanding.enforcement.ladder import Account, Position
from goodstanding.enforcement.policy import DAY, RAMP_STEPS, Policy
from goodstanding.enforcement.words import named, per_hour
from goodstanding.model import Key, KeyKind, Rung

LIFE = 2 * DAY
"""Seconds an order of evidence holds when nobody gives it anew."""
RENEWED = 1 * DAY
"""Seconds after which it is given anew."""


class What(StrEnum):
    """What is ordered, the strictest first."""

    REFUSE = "refuse"
    """Take nothing new."""
    HOLD = "hold"
    """Deliver nothing that waits."""
    REROUTE = "reroute"
    """Deliver from another pool."""
    PACE = "pace"
    """So many recipients an hour."""


STRICTNESS: Mapping[What, int] = MappingProxyType({what: rank for rank, what in enumerate(What)})


class Order(Struct, frozen=True, gc=False):
    """One thing the rest of the program is told to do about the mail of an account."""

    key: Key
    tenant: str
    stream: str
    what: What
    rate: float = 0.0
    """Recipients an hour, all workers together, for ``pace``."""
    pool: str = ""
    """For ``reroute``."""
    until: float = 0.0
    """Second at which it ends by itself; 0: when another order ends it."""
    words: str = ""
    """What is ordered and why, one sentence: the same in replies, notices, pages and the journal."""
    slug: str = ""
    """What it is called in reasons: ``slowed``, ``penalty``, ``suspended`` ..."""
    issued: float = 0.0
    provider: str = ""
    """Only for mail to this provider; empty: wherever it goes."""
    link: str = ""
    """The standing page, where there is one."""
    shadow: bool = False
    """It is only noted, and nobody obeys it."""

    @property
    def account(self) -> Account:
        """Whose mail it is about."""
        return Account(self.tenant, self.key, self.stream)

    def ended(self, now: float) -> bool:
        """Whether it has ended by itself."""
        return 0.0 < self.until <= now


_SENDER: Mapping[Rung, tuple[What, ...]] = MappingProxyType(
    {
        Rung.GOOD: (),
        Rung.WATCHED: (),
        Rung.SLOWED: (What.PACE,),
        Rung.PENALTY: (What.REROUTE, What.PACE),
        Rung.SUSPENDED: (What.REFUSE, What.HOLD),
        Rung.REINSTATED: (What.PACE,),
        Rung.CLOSED: (What.REFUSE, What.HOLD),
    }
)
_ADDRESS: Mapping[Rung, tuple[What, ...]] = MappingProxyType(
    {
        Rung.GOOD: (),
        Rung.WATCHED: (),
        Rung.SLOWED: (What.PACE,),
        Rung.PENALTY: (What.PACE,),
        Rung.SUSPENDED: (What.HOLD,),
        Rung.REINSTATED: (What.PACE,),
        Rung.CLOSED: (What.HOLD,),
    }
)


def ordered(kind: KeyKind, rung: Rung) -> tuple[What, ...]:
    """What a rung means for a kind of key."""
    return (_ADDRESS if kind is KeyKind.IP else _SENDER)[rung]


def orders_for(position: Position, policy: Policy, now: float) -> tuple[Order, ...]:
    """The orders of a position from now on; they take the place of those it had."""
    account, rung = position.account, position.effective
    pool = policy.penalty_pool(account) if rung is Rung.PENALTY else ""
    rate = rate_of(position, policy, now)
    said = sentence(position, rate, pool)
    return tuple(
        Order(
            *(account.key, account.tenant, account.stream, what),
            rate=rate if what is What.PACE else 0.0,
            pool=pool if what is What.REROUTE else "",
            until=_until(position, now),
            words=said,
            slug=rung.value,
            issued=now,
            link=policy.link(account),
            shadow=position.shadow,
        )
        for what in ordered(account.key.kind, rung)
        if what is not What.REROUTE or pool
    )


def sentence(position: Position, rate: float, pool: str = "") -> str:
    """What is ordered and why, without a full stop."""
    means = {
        Rung.GOOD: "is in good standing",
        Rung.WATCHED: "is watched, and nothing is changed for its mail",
        Rung.SLOWED: f"is slowed to {per_hour(rate)}",
        Rung.PENALTY: f"is slowed to {per_hour(rate)}" + (f" and sent from the penalty pool {pool}" if pool else ""),
        Rung.SUSPENDED: "is suspended",
        Rung.REINSTATED: f"is reinstated on probation, with {per_hour(rate)} for now",
        Rung.CLOSED: "is closed",
    }[position.effective]
    return f"{named(position.account)} {means}" + (f": {position.because}" if position.because else "")


def rate_of(position: Position, policy: Policy, now: float) -> float:
    """Recipients an hour that a position allows; 0 where no rate is set."""
    match position.effective:
        case Rung.SLOWED:
            rate = policy.slowed_rate
        case Rung.PENALTY:
            rate = policy.penalty_rate
        case Rung.REINSTATED:
            rate = policy.slowed_rate * 2.0 ** ramp_step(position, policy, now)
        case _:
            return 0.0
    return policy.rate(position.account.key.kind, rate)


def ramp_step(position: Position, policy: Policy, now: float) -> int:
    """How far a probation has come; evidence begins it anew."""
    return min(RAMP_STEPS - 1, int((now - position.provoked) / (policy.probation / RAMP_STEPS)))


def renewal(position: Position, policy: Policy, now: float) -> float:
    """Second at which the orders of a position have to be given anew; 0: they hold until the next move."""
    if not _by_evidence(position):
        return 0.0
    if position.effective is Rung.REINSTATED and (at := ramp_step(position, policy, now)) < RAMP_STEPS - 1:
        next_step = position.provoked + (at + 1) * policy.probation / RAMP_STEPS
        return min(now + RENEWED, next_step)
    return now + RENEWED


def _until(position: Position, now: float) -> float:
    return now + LIFE if _by_evidence(position) else position.term


def _by_evidence(position: Position) -> bool:
    """Whether time may end what is ordered: not a suspension, and not the word of an operator."""
    rung = position.effective
    return rung is Rung.REINSTATED or (rung is position.system and rung in (Rung.SLOWED, Rung.PENALTY))

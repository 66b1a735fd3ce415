"""What evidence and time make of a position: the moves they ask for, one at a time.

Up at once and in order, down slowly. A rung is entered when evidence passes its line (`reputation` says which), those
that follow `slowed` only after a warning: evidence comes in batches, and whoever would have been suspended by one has
been slowed, told, and given the time to stop first. A rung is left one step at a time, each after a clean period. Clean
means less than what leads in: a rung is not left while the next milder line is still passed, so nobody swings to and
fro around a line. Evidence that stays renews the orders; time without evidence is counted from the latest second at
which there was any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct, structs

from goodstanding.enforcement.ladder import HANDS, LADDER, WARNED, Account, Cause, Impact, OpenFinding, Position, step
from goodstanding.enforcement.orders import Order, orders_for, ramp_step, renewal
from goodstanding.enforcement.policy import Policy
from goodstanding.model import KeyKind, Rung
from goodstanding.reputation.standing import Charge

CAUSES: Mapping[str, Cause] = MappingProxyType(
    {
        "watched": Cause.RISING,
        "slowed": Cause.OVER_TARGET,
        "penalty": Cause.OVER_CEILING,
        "suspended": Cause.OVER_LIMIT,
    }
)
"""The cause behind each level of a charge."""
LEVELS: Mapping[str, int] = MappingProxyType({level: rank for rank, level in enumerate(CAUSES, 1)})
CALM: Mapping[Rung, int] = MappingProxyType({Rung.PENALTY: LEVELS["watched"]})
"""The highest level of evidence with which a rung is left; of every other rung: none at all."""
DESCENDING = frozenset(rung for rung, row in LADDER.items() if Cause.CLEAN_PERIOD in row)
"""Rungs that are left by themselves, in clean time."""
NOTED = 3_600.0
"""Seconds after which evidence that changes nothing is noted again."""
SYSTEM = "system"


class Move(Struct, frozen=True):
    """One change of a position with all that follows from it; `act` makes it so."""

    before: Position
    after: Position
    by: str = SYSTEM
    cause: str = ""
    """A `Cause`; empty: nothing is told, orders are renewed or evidence noted."""
    because: str = ""
    """The same in words and numbers."""
    orders: tuple[Order, ...] = ()
    """Those in force afterwards, in the place of all that the account had."""
    reorders: bool = True
    """Whether the orders change; without it only the position is written down."""
    adds: bool = False
    """The orders come beside those the account has: a pause of one lane."""

    @property
    def told(self) -> bool:
        """Whether it is a move on the ladder, which is journalled and told to the tenant."""
        hands = (self.before.system, self.before.operator)
        return hands != (self.after.system, self.after.operator)


def account_of(charge: Charge) -> Account:
    """Whom a charge is laid to."""
    return Account(charge.tenant, charge.key, charge.stream)


def laid(charge: Charge, policy: Policy) -> Charge:
    """The charge as it is acted on: an egress address is a tenant's only where its pool is, else it is watched only.

    Evidence knows who has used an address; who may use it tomorrow is declared.
    """
    if charge.key.kind is not KeyKind.IP or not charge.tenant or policy.owners.get(charge.key.name) == charge.tenant:
        return charge
    return structs.replace(charge, tenant="", level="watched")


def decide(position: Position, charges: Sequence[Charge], now: float, policy: Policy) -> list[Move]:
    """What follows from all present charges against one account, and from the time that has passed: at most one move.

    ``position``: where the account stands; a new one for an account that was never charged.
    """
    if position.term and position.term <= now:
        because = "the term that the operator had set is over"
        return [_stepped(position, Cause.TERM_ENDED, because, now, policy)]
    worst = max(charges, key=lambda one: (LEVELS[one.level], one.evidence), default=None)
    if worst is not None and not _being_warned(position, now, policy):
        after = step(position, CAUSES[worst.level], now)
        if after is not None:
            charged = structs.replace(after, because=worst.words, by=SYSTEM, findings=_found(after, charges, now))
            return [moved(position, charged, now, policy)]
    if worst is not None and LEVELS[worst.level] > CALM.get(position.system, 0):
        return _still(position, now, policy)
    return _calm(position, now, policy)


def turned(position: Position, now: float, policy: Policy, *, shadow: bool) -> Move | None:
    """What follows when shadow begins or ends for an account on a rung; None: neither did.

    When it ends the system judges anew, so that whatever it comes to is told and begins in order; what an operator
    decided meanwhile is told and applied.
    """
    if position.shadow is shadow:
        return None
    if shadow:
        return _renewed(structs.replace(position, shadow=True), position, now, policy)
    begun = structs.replace(position, shadow=False)
    after = step(begun, Cause.SHADOW_ENDED, now)
    if after is None:
        return moved(position, begun, now, policy)
    because = "shadow has ended" + (f"; {position.because}" if after.operator is not Rung.GOOD else "")
    after = structs.replace(after, findings=(), because=because, by=SYSTEM)
    return moved(position, after, now, policy)


def warned_until(position: Position, policy: Policy) -> float:
    """Second from which evidence may lead further up; 0: at once."""
    return position.since + policy.warning if position.system in WARNED else 0.0


def _being_warned(position: Position, now: float, policy: Policy) -> bool:
    return now < warned_until(position, policy)


def _still(position: Position, now: float, policy: Policy) -> list[Move]:
    """Evidence that moves nothing keeps the rung: orders are renewed, and the clean period begins anew."""
    if position.renew and position.renew <= now:
        return [_renewed(structs.replace(position, provoked=now), position, now, policy)]
    if now - position.provoked < NOTED:
        return []
    noted = structs.replace(position, provoked=now)
    if position.effective is Rung.REINSTATED and ramp_step(position, policy, now):  # the ramp begins anew
        return [_renewed(noted, position, now, policy)]
    if position.effective is Rung.REINSTATED or position.system in DESCENDING:
        return [Move(position, noted, reorders=False)]
    return []


def _calm(position: Position, now: float, policy: Policy) -> list[Move]:
    """Time without evidence leads down, a step at a time."""
    quiet = now - position.provoked
    if position.effective is Rung.REINSTATED and quiet >= policy.probation and not position.unanswered:
        return [_stepped(position, Cause.PROBATION_SERVED, "the probation was served without evidence", now, policy)]
    if position.system in DESCENDING and quiet >= policy.clean:
        days = f"{policy.clean / 86_400:g} days" if policy.clean != 86_400 else "a day"
        return [_stepped(position, Cause.CLEAN_PERIOD, f"no evidence in {days}", now, policy)]
    if position.renew and position.renew <= now:
        return [_renewed(position, position, now, policy)]
    return []


def _stepped(before: Position, cause: Cause, because: str, now: float, policy: Policy) -> Move:
    after = step(before, cause, now)
    if after is None:  # an operator's hand that a term cannot move: only the term goes
        return Move(before, structs.replace(before, term=0.0), reorders=False)
    after = structs.replace(after, because=because, by=SYSTEM)
    if after.effective is Rung.GOOD:
        after = structs.replace(after, findings=())
    return moved(before, after, now, policy)


def moved(before: Position, after: Position, now: float, policy: Policy, by: str = SYSTEM) -> Move:
    """The move between two positions, with the orders that follow."""
    cause, because = after.cause, after.because
    after = structs.replace(told_of(before, after), renew=renewal(after, policy, now))
    return Move(before, after, by, cause, because, orders_for(after, policy, now))


def told_of(before: Position, after: Position) -> Position:
    """The position with the reason of the hand in effect: what moved the milder one is journalled, and not its reason.

    Where an operator's hand goes and the system's comes to light, findings tell what that is about.
    """
    cause = Cause(after.cause) if after.cause else Cause.SHADOW_ENDED
    hands = {"system": after.system, "operator": after.operator}
    if cause is Cause.SHADOW_ENDED or after.effective in (hands[hand] for hand in HANDS[cause]):
        return after
    before_hands = {"system": before.system, "operator": before.operator}
    acted_in_effect = before.effective in (before_hands[hand] for hand in HANDS[cause])
    if after.effective is before.effective and not acted_in_effect:
        return structs.replace(after, cause=before.cause, because=before.because, by=before.by)
    if after.effective is after.system and after.findings:
        worst = max(after.findings, key=lambda one: one.impact is Impact.HIGH)
        return structs.replace(after, because=worst.words, by=SYSTEM)
    return after


def _renewed(after: Position, before: Position, now: float, policy: Policy) -> Move:
    return structs.replace(moved(before, after, now, policy), cause="", because="")


def _found(after: Position, charges: Sequence[Charge], now: float) -> tuple[OpenFinding, ...]:
    """Open findings with what is charged now: one for each kind of evidence, the graver of old and new."""
    found = {one.signal: one for one in after.findings}
    for charge in charges:
        impact = Impact.HIGH if LEVELS[charge.level] >= LEVELS["penalty"] else Impact.LOW
        known = found.get(charge.signal)
        if known is None or known.impact is not Impact.HIGH or impact is Impact.HIGH:
            found[charge.signal] = OpenFinding(charge.signal, impact, charge.words, now)
    return tuple(found[signal] for signal in sorted(found))

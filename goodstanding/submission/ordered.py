"""Orders of enforcement about mail that comes in: a finding among the others, in the words that every face uses.

A suspended sender is refused, a slowed one told to come again when its rate allows. What is accepted while an order is
about it waits to be claimed like any other mail, for there orders are obeyed once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import structs

from goodstanding.admission.decide import Verdict
from goodstanding.admission.facts import Action, Facts, Finding
from goodstanding.enforcement.in_force import InForce
from goodstanding.enforcement.orders import Order, What
from goodstanding.model import Touched
from goodstanding.store import pacing
from goodstanding.store.db import Tx
from goodstanding.wire.address import as_ascii


@dataclass(slots=True)
class Orders:
    """The orders in force, asked in the transaction of each message."""

    in_force: InForce = field(default_factory=InForce)
    """Replaced when orders change."""

    def about(self, facts: Facts, campaign: int) -> tuple[Order, ...]:
        """The orders about a message."""
        if not self.in_force.by_kind:
            return ()
        return self.in_force.of(touched_by(facts, campaign), facts.identity.tenant, "", facts.now)

    def finding(self, tx: Tx, orders: Sequence[Order], facts: Facts) -> Finding | None:
        """What they ask for; None: the message may come in, and has been taken from what its accounts may bring."""
        refused = next((one for one in orders if one.what is What.REFUSE), None)
        if refused is not None:
            return Finding(refused.slug, Action.REFUSE, refused.words, remedy(refused))
        for order in orders:
            if order.what is What.PACE and (wait := _ask(tx, order, facts)):
                return Finding(
                    order.slug,
                    Action.DEFER,
                    f"{order.words}; the next may come in {max(1, round(wait))} s",
                    remedy(order),
                )
        return None


def _ask(tx: Tx, order: Order, facts: Facts) -> float:
    return pacing.take(tx, (order.account, "in"), order.rate, len(facts.recipients), facts.now)


def remedy(order: Order) -> str:
    """Where the evidence is shown, and the review asked for."""
    return f"see {order.link}" if order.link else f"ask the operator for: goodstanding standing {order.key}"


def touched_by(facts: Facts, campaign: int) -> Touched:
    """What a message will be held to account by."""
    identity, domain = facts.identity, as_ascii(facts.sender.from_address.rpartition("@")[2])
    links = " ".join(facts.content.fingerprint.links)
    return Touched(identity.subscription, identity.stream.value, domain, campaign, links)


def ordered(verdict: Verdict, finding: Finding | None) -> Verdict:
    """The verdict with what an order asks for; where verdicts are not applied, it is only told."""
    if finding is None:
        return verdict
    findings = (*verdict.findings, finding)
    if verdict.shadow:
        return structs.replace(verdict, findings=findings, would_be=finding.action)
    return Verdict(finding.action, findings, would_be=finding.action)

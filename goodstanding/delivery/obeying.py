"""What orders of enforcement mean for mail that waits, in one worker.

Mail that may not go leaves the line when it is claimed: held mail until its order ends, paced mail until its second
comes; both show the order's words in the queue, and go at once when it ends. What was accepted in shadow goes whatever
is ordered. An order about an egress address is
about every lane from there: another address of the pool takes over, and where there is none, the lane waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from msgspec import Struct, structs

from goodstanding.delivery.plan import provider_of
from goodstanding.enforcement import pace
from goodstanding.enforcement.in_force import InForce, reply_for
from goodstanding.enforcement.orders import Order, What
from goodstanding.enforcement.pace import Bucket
from goodstanding.model import Reply
from goodstanding.outside import Clock
from goodstanding.store import pacing, stopping
from goodstanding.store.db import Tx
from goodstanding.store.queue import IN_SHADOW, NOTICE, Claimed
from goodstanding.store.writer import Places

LEAST_WAIT = 1.0
"""Seconds: what is paced is not claimed again before."""
Waits = tuple[str, str]
"""Whose an order is and what the queue says of the mail it keeps waiting."""
UNORDERED = IN_SHADOW | NOTICE
"""Traits of mail that no order about what it is concerns; those about addresses concern all mail."""
LANE_WAIT = 60.0
"""Seconds until a lane that an order holds is looked at again: the order may end early."""


class Pause(Struct, frozen=True, gc=False):
    """A lane may not be used now."""

    until: float
    because: Reply


@dataclass(slots=True)
class Obeying:
    """The orders in force, and what each paced lane has left of its rate here."""

    workers: int
    """How many share the rate of a lane: mail finds its way to each of them."""
    clock: Clock
    in_force: InForce = field(default_factory=InForce)
    """Replaced when orders change."""
    buckets: dict[object, Bucket] = field(default_factory=dict)
    """Of lanes."""

    def learn(self, found: InForce) -> list[Waits]:
        """Obey other orders from now on; what the former ones kept waiting and these do not."""
        kept = {_waits(one) for one in found}
        gone = dict.fromkeys(_waits(one) for one in self.in_force if one.what in (What.PACE, What.HOLD))
        self.in_force = found
        return [one for one in gone if one not in kept]

    def claimed(self, tx: Tx, claims: Sequence[Claimed]) -> list[Claimed]:
        """Claims that go on; the rest is stopped or postponed in the claiming transaction."""
        if not self.in_force.by_kind:
            return list(claims)
        now = self.clock.now()
        going: list[Claimed] = []
        stopped: list[tuple[Claimed, Order]] = []
        later: list[tuple[Claimed, Order, float]] = []
        for claim in claims:
            orders = self._about(claim, now)
            held = next((one for one in orders if one.what is What.HOLD), None)
            if held is not None:
                stopped.append((claim, held))
            elif paced := _slowest(tx, orders, len(claim.recipients), now):
                later.append((claim, paced[0], now + max(LEAST_WAIT, paced[1])))
            else:
                going.append(_rerouted(claim, orders))
        stopping.stop(tx, stopped, now)
        stopping.postpone(tx, later)
        return going

    def offered(self, claim: Claimed) -> Claimed:
        """Mail that goes at once, by the pool that an order names; how much of it may, the front door has counted."""
        return _rerouted(claim, self._about(claim, self.clock.now())) if self.in_force.by_kind else claim

    def stops(self, claim: Claimed) -> bool:
        """Whether mail that was claimed before an order came must not go after all."""
        return any(one.what is What.HOLD for one in self._about(claim, self.clock.now()))

    def _about(self, claim: Claimed, now: float) -> tuple[Order, ...]:
        """The orders about a claim; none about what goes back to its sender, tells of it, or came in shadow."""
        if claim.traits & UNORDERED or all(one.bounce is not None for one in claim.recipients):
            return ()
        return self.in_force.of(claim.touched, claim.identity.tenant, "", now)

    # Lanes.

    def held(self, source: str, tenant: str, host: str) -> bool:
        """Whether nothing of a tenant may leave from an address for a host now."""
        if not self.in_force.by_kind:
            return False
        orders = self.in_force.lane(source, tenant, provider_of(host), self.clock.now())
        return any(one.what is What.HOLD for one in orders)

    def pause(self, claim: Claimed, sources: Sequence[str], host: str, recipients: int) -> Pause | None:
        """Why so many recipients of a message must wait to leave from these addresses for a host; None: they need not.

        Orders about an address are about every address: where one is free, it takes over. Orders about what the
        message is, and this provider, stand wherever it leaves from.
        """
        if not self.in_force.by_kind:
            return None
        now, provider = self.clock.now(), provider_of(host)
        return self._of_message(claim, provider, recipients, now) or self._of_lanes(
            claim.identity.tenant, sources, provider, recipients, now
        )

    def _of_message(self, claim: Claimed, provider: str, recipients: int, now: float) -> Pause | None:
        if claim.traits & UNORDERED:
            return None
        orders = self.in_force.of(claim.touched, claim.identity.tenant, "", now, provider)
        for order in orders:
            if order.provider and order.what is What.HOLD:
                return Pause(now + LANE_WAIT, reply_for(order))
            if order.provider and order.what is What.PACE:
                key = (order.account, provider)
                if wait := self._wait(key, order.rate, recipients, now):
                    return Pause(now + wait, reply_for(order))
        return None

    def _of_lanes(
        self, tenant: str, sources: Sequence[str], provider: str, recipients: int, now: float
    ) -> Pause | None:
        lanes = [self.in_force.lane(source, tenant, provider, now) for source in sources]
        if not lanes or not all(lanes):
            return None
        paced = [one for orders in lanes for one in orders[:1] if one.what is What.PACE]
        if not paced:
            return Pause(now + LANE_WAIT, reply_for(lanes[0][0]))
        wait = self._wait((tuple(sources), provider), sum(one.rate for one in paced), recipients, now)
        return Pause(now + wait, reply_for(paced[0])) if wait else None

    def _wait(self, key: object, rate: float, recipients: int, now: float) -> float:
        """Seconds until so many may go; 0: now, and they have been taken."""
        bucket = self.buckets.get(key, Bucket())
        self.buckets[key], wait = pace.ask(bucket, pace.share(rate, self.workers), recipients, now)
        return max(LEAST_WAIT, wait) if wait else 0.0


def release(tx: Tx, batch: Sequence[tuple[tuple[Sequence[Waits], float], Places]]) -> None:
    """Unit of work: what orders kept waiting that are no more, goes from a second on."""
    for (gone, now), _ in batch:
        for tenant, reply in gone:
            stopping.quicken(tx, tenant, reply, now)


def _waits(order: Order) -> Waits:
    return order.tenant, stopping.said(order)


def _slowest(tx: Tx, orders: Sequence[Order], recipients: int, now: float) -> tuple[Order, float] | None:
    """The order that makes so many recipients wait longest, and how long; what may go now has been taken."""
    waits = [
        (order, wait)
        for order in orders
        if order.what is What.PACE and (wait := pacing.take(tx, (order.account, "out"), order.rate, recipients, now))
    ]
    return max(waits, key=itemgetter(1), default=None)


def _rerouted(claim: Claimed, orders: Sequence[Order]) -> Claimed:
    """The claim with the pool an order sends it by, if any does."""
    pool = next((one.pool for one in orders if one.what is What.REROUTE), "")
    return structs.replace(claim, pool=pool) if pool else claim

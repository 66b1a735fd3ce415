"""Which pool a subscription's mail leaves from, and by which route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from goodstanding.delivery.plan import Route
from goodstanding.model import Identity, Stream, SubscriptionName
from goodstanding.settings import Pool

Exit = tuple[Pool, Route]


@dataclass(frozen=True, slots=True)
class Pools:
    """The pool and route of every stream, and of subscriptions that have another."""

    by_stream: Mapping[Stream, Exit]
    by_subscription: Mapping[SubscriptionName, Exit] = field(default_factory=dict)
    by_name: Mapping[str, Exit] = field(default_factory=dict)
    """Pools that an order may send mail by."""

    def of(self, identity: Identity, ordered: str = "") -> Exit:
        """The pool and route for mail of an identity; one that an order names goes before the usual one."""
        if ordered in self.by_name:
            return self.by_name[ordered]
        return self.by_subscription.get(identity.subscription) or self.by_stream[identity.stream]

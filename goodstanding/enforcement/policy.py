"""How strict enforcement is, and where its pages are: settings and keys of an installation as one value."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from goodstanding.enforcement.ladder import Account
from goodstanding.model import KeyKind
from goodstanding.wire.standing_link import StandingLink, link, sign

DAY = 86_400.0
RAMP_STEPS = 7
"""Rates of a probation; each is twice the one before."""
SHARED = 10.0
"""An egress address carries the mail of many: whatever rate holds for a sender, it gets so many times as much."""


class Policy(Struct, frozen=True):
    """What moves and orders are made of besides the position itself."""

    slowed_rate: float = 100.0
    """Recipients an hour of a slowed account, and of a reinstated one in the beginning."""
    penalty_rate: float = 50.0
    """Recipients an hour of an account in penalty."""
    clean: float = 2 * DAY
    """Seconds without evidence after which a hand goes down one rung."""
    warning: float = 1_800.0
    """Seconds an account is slowed, or in penalty, before evidence leads any further."""
    probation: float = 14 * DAY
    """Seconds from a reinstatement to the usual rate."""
    url: str = ""
    """Address of the standing page; empty: there are none, and no links."""
    link_key: bytes = b""
    shadow: bool = False
    """Everything is only noted: the whole installation is in shadow."""
    shadowed: frozenset[str] = frozenset()
    """Subscriptions in shadow: of them and their campaigns everything is only noted."""
    owners: Mapping[str, str] = {}
    """Tenant of each egress address whose pool is reserved for one; every other is anybody's, whoever uses it now."""
    penalty_pools: Mapping[tuple[str, str], str] = {}
    """Pool of those in penalty by tenant (empty: all) and stream."""

    def link(self, account: Account) -> str:
        """The page of an account; empty where there are no pages."""
        return link(self.url, token(self, account)) if self.url else ""

    def rate(self, kind: KeyKind, rate: float) -> float:
        """What a rate comes to for a kind of key."""
        return rate * SHARED if kind is KeyKind.IP else rate

    def penalty_pool(self, account: Account) -> str:
        """The pool an account in penalty sends from: its tenant's own, or the shared one; empty: none is declared."""
        own = self.penalty_pools.get((account.tenant, account.stream), "")
        return own or self.penalty_pools.get(("", account.stream), "")


def token(policy: Policy, account: Account) -> str:
    """The signed name of an account, see `wire.standing_link`."""
    return sign(policy.link_key, StandingLink(account.tenant, str(account.key), account.stream))

"""The orders in force as workers hold them: read once a change, asked for every message, never written.

`InForce.of` costs a look-up in a dictionary for each kind of key, and nothing when there is no order at all.
`reply_for` is what a sender is told; the words are the order's own, the same as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import wrap
from types import MappingProxyType

from goodstanding.enforcement.orders import STRICTNESS, Order, What
from goodstanding.model import KeyKind, Reply, Touched

LINE_MOST = 400
"""Characters of a line of a reply; with code, enhanced code and CRLF it stays below 512 (RFC 5321 §4.5.3.1.5)."""

ByName = Mapping[str, tuple[Order, ...]]
_NOTHING: ByName = MappingProxyType({})

# Plain words: an enum's hash is computed in Python each time, and this is asked for every message.
_CAMPAIGN, _SUBSCRIPTION, _LINK = KeyKind.CAMPAIGN.value, KeyKind.SUBSCRIPTION.value, KeyKind.LINK.value
_DOMAIN, _IP, _TENANT = KeyKind.DOMAIN.value, KeyKind.IP.value, KeyKind.TENANT.value


@dataclass(frozen=True, slots=True)
class InForce:
    """All orders in force, by what they are about."""

    serial: int = -1
    """Which change of the orders this is; see `store.enforcement.revision`."""
    by_kind: Mapping[str, ByName] = field(default_factory=lambda: MappingProxyType({}))
    """By kind and name of their key; empty: there are no orders at all."""

    def __repr__(self) -> str:
        """How many accounts there are orders about."""
        return f"<InForce {sum(map(len, self.by_kind.values()))} of change {self.serial}>"

    def of(self, touched: Touched, tenant: str, source_ip: str, now: float, provider: str = "") -> tuple[Order, ...]:
        """The orders about a message, the strictest first; those of one provider only where it is named."""
        if not self.by_kind:
            return ()
        named = self.by_kind.get
        known = [
            *named(_CAMPAIGN, _NOTHING).get(str(touched.campaign), ()),
            *named(_SUBSCRIPTION, _NOTHING).get(touched.subscription, ()),
            *named(_DOMAIN, _NOTHING).get(touched.domain, ()),
            *named(_IP, _NOTHING).get(source_ip, ()),
            *named(_TENANT, _NOTHING).get(tenant, ()),
        ]
        if links := named(_LINK, _NOTHING):
            for name in touched.links.split():
                known += links.get(name, ())
        if not known:
            return ()
        return _strictest_first(one for one in known if _is_about(one, touched, tenant, provider, now))

    def lane(self, source_ip: str, tenant: str, provider: str, now: float) -> tuple[Order, ...]:
        """The orders about a tenant's mail that leaves from an address for a provider, the strictest first."""
        known = self.by_kind.get(_IP, _NOTHING).get(source_ip, ())
        return _strictest_first(
            one for one in known if one.tenant in ("", tenant) and one.provider in ("", provider) and not one.ended(now)
        )

    def __iter__(self) -> Iterator[Order]:
        """Every order."""
        return (order for names in self.by_kind.values() for orders in names.values() for order in orders)


def _strictest_first(orders: Iterable[Order]) -> tuple[Order, ...]:
    return tuple(sorted(orders, key=_rank))


def _is_about(order: Order, touched: Touched, tenant: str, provider: str, now: float) -> bool:
    return (
        order.tenant in ("", tenant)
        and order.stream in ("", touched.stream)
        and order.provider in ("", provider)
        and not order.ended(now)
    )


def _rank(order: Order) -> tuple[int, float]:
    return STRICTNESS[order.what], order.rate


def in_force(orders: Iterable[Order], serial: int = 0) -> InForce:
    """The look-up of these orders."""
    kinds: dict[str, dict[str, tuple[Order, ...]]] = {}
    for order in orders:
        names = kinds.setdefault(order.key.kind.value, {})
        names[order.key.name] = (*names.get(order.key.name, ()), order)
    return InForce(serial, MappingProxyType(kinds))


_CODES: Mapping[What, tuple[int, str]] = MappingProxyType(
    {
        What.REFUSE: (550, "5.7.1"),
        What.HOLD: (450, "4.7.1"),
        What.PACE: (450, "4.7.1"),
        What.REROUTE: (250, "2.7.0"),
    }
)


def reply_for(order: Order) -> Reply:
    """What a sender is told about a message that an order concerns: what is ordered, why, and where to read on."""
    code, enhanced = _CODES[order.what]
    ascii_words = " ".join(order.words.encode("ascii", "replace").decode().split())  # RFC 6531 §3.7.4.1
    lines = wrap(f"{ascii_words} [{order.slug}]", LINE_MOST, break_on_hyphens=False)
    if order.link:
        lines.append(f"See {order.link}")
    return Reply(code, enhanced, "\n".join(lines))

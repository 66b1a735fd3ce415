"""What receivers hold to account, and who uses it: the view of an installation on which isolation is proved.

A `View` lists pools, domains, senders and subscriptions as they stand. `uses` turns it into the identities that mail
really bears: an egress address, an EHLO name, a return path, a DKIM domain, a From domain, a link domain or a smart
host, each with its owner (tenant and stream) and where it was said.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Literal

from msgspec import Struct
from publicsuffixlist import PublicSuffixList

from goodstanding.admission.high_trust import Provider, provider_of
from goodstanding.model import RANK, Stream

IdentityKind = Literal["ip", "route", "from", "dkim", "return-path", "link", "hello"]
"""In the order of how much receivers hold against it."""
KERNELS_CHOICE = "whatever address the kernel chooses"
"""Stands for the egress address of a pool that names none."""


class Owner(Struct, frozen=True, gc=False):
    """Whose mail an identity belongs to."""

    tenant: str
    """Empty: shared by all tenants."""
    stream: str
    """Empty: not given to a stream yet."""

    def __str__(self) -> str:
        """``bulk mail of shop``."""
        return f"{self.stream or 'unassigned'} mail of {self.tenant or 'all tenants'}"

    @property
    def rank(self) -> int:
        """Order of what to save first: transactional, bulk, outreach."""
        return RANK.get(self.stream, len(RANK))


class RouteView(Struct, frozen=True, gc=False):
    """A smart host that a pool's mail leaves through."""

    name: str
    host: str
    port: int = 25
    trust: Literal["auto", "high", "own"] = "auto"

    @property
    def provider(self) -> str:
        """Name of the high-trust provider it belongs to, by its host or by declaration; empty: none known."""
        if self.trust == "own":
            return ""
        known = provider_of(self.host)
        return known.name if known else f"{self.host} (declared)" if self.trust == "high" else ""

    @property
    def known(self) -> Provider | None:
        """What the table says of that provider."""
        return provider_of(self.host)


class PoolView(Struct, frozen=True, gc=False):
    """A pool with everything that receivers see of it."""

    name: str
    stream: str
    tenant: str = ""
    addresses: tuple[str, ...] = ()
    hello: str = ""
    """Empty: the machine's host name."""
    bounce_domain: str = ""
    link_domain: str = ""
    route: RouteView | None = None
    origin: str = ""
    """Where it was said: ``pool otp in the settings``; empty: ``pool NAME``."""
    since: float = 0.0
    penalty: bool = False
    """For mail in penalty only: nobody's usual pool."""

    @property
    def said(self) -> str:
        """Where it was said, in words."""
        return self.origin or f"pool {self.name}"


class FlowView(Struct, frozen=True, gc=False):
    """A mail flow: one subscription."""

    subscription: str
    tenant: str
    stream: str
    flow: str = ""
    """What people call it: HR, support, invoices."""
    pool: str = ""
    """Pool it was set to; empty: its tenant's for the stream, else the shared one."""


class DomainView(Struct, frozen=True, gc=False):
    """A domain that a tenant has claimed."""

    name: str
    tenant: str
    stream: str = ""
    kind: Literal["sending", "link", "bounce"] = "sending"
    since: float = 0.0


class SenderView(Struct, frozen=True, gc=False):
    """A sender address of a subscription."""

    address: str
    subscription: str
    since: float = 0.0

    @property
    def domain(self) -> str:
        """Its domain in lower case."""
        return self.address.rpartition("@")[2].lower()


class Allowed(Struct, frozen=True, gc=False):
    """A recorded exception: two names may share their registrable domain."""

    first: str
    second: str
    by: str
    because: str
    at: float

    def covers(self, one: str, other: str) -> bool:
        """Whether it is about these two names, in either order.

        A subdomain stands for all below it; a registered domain for itself only, or it would excuse third streams.
        """
        return (_stands_for(self.first, one) and _stands_for(self.second, other)) or (
            _stands_for(self.second, one) and _stands_for(self.first, other)
        )


class View(Struct, frozen=True, gc=False):
    """Everything that decides which mail bears which identity, of all tenants."""

    hostname: str
    """Name the machine gives in EHLO where a pool has none."""
    pools: tuple[PoolView, ...] = ()
    """Those of the store come after, and win by name over, those of the settings."""
    flows: tuple[FlowView, ...] = ()
    domains: tuple[DomainView, ...] = ()
    senders: tuple[SenderView, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    lenient: frozenset[str] = frozenset()
    """Tenants whose streams may be kept apart by subdomains only; it is shown, not refused."""
    web: str = ""
    """Host in unsubscribe links of pools without a link domain of their own; empty: nothing to share."""


class Use(Struct, frozen=True, gc=False):
    """One identity as one owner's mail bears it."""

    kind: IdentityKind
    name: str
    owner: Owner
    origin: str
    """Where it was said: ``pool otp in the settings``, ``domain shop.example``, ``sender hr@shop.example``."""
    since: float = 0.0
    pool: str = ""
    """Name of the pool it comes with; empty: of a domain or sender."""


def uses(view: View) -> list[Use]:
    """Every identity in use with its owner, pools first, in the order of the view."""
    pools = [use for pool in pools_in_use(view) for use in _of_pool(pool, view)]
    streams: dict[str, list[str]] = {}
    for flow in view.flows:
        streams.setdefault(flow.tenant, []).append(flow.stream)
    domains = [use for domain in view.domains for use in _of_domain(domain, streams.get(domain.tenant, ()))]
    by_name = {flow.subscription: flow for flow in view.flows}
    senders = [use for one in view.senders for use in _of_sender(one, by_name.get(one.subscription))]
    return [*pools, *domains, *senders]


def pools_in_use(view: View) -> list[PoolView]:
    """The pools, with one for each stream whose mail has none and so leaves as the machine itself."""
    named = {pool.name: pool for pool in view.pools}
    bare = sorted({flow.stream for flow in view.flows if pool_of(view, flow) is None}, key=lambda one: RANK.get(one, 9))
    return [*named.values(), *(bare_pool(stream) for stream in bare)]


def bare_pool(stream: str) -> PoolView:
    """What mail leaves by when its stream has no pool: any address, the machine's own name."""
    return PoolView(f"(no pool for {stream})", stream, origin=f"no pool for {stream}: the machine itself")


def is_bare(pool: str) -> bool:
    """Whether this is the name of such a stand-in."""
    return pool.startswith("(")


def pool_of(view: View, flow: FlowView) -> PoolView | None:
    """The pool a subscription's mail leaves from: the one it was set to, its tenant's, the shared one; None: none."""
    named, by_owner = _pools(view.pools)
    if flow.pool:
        return named.get(flow.pool)
    return by_owner.get((flow.tenant, flow.stream)) or by_owner.get(("", flow.stream))


@lru_cache(maxsize=8)
def _pools(pools: tuple[PoolView, ...]) -> tuple[Mapping[str, PoolView], Mapping[tuple[str, str], PoolView]]:
    named = {pool.name: pool for pool in pools}
    by_owner: dict[tuple[str, str], PoolView] = {}
    for pool in named.values():
        if not pool.penalty:
            by_owner.setdefault((pool.tenant, pool.stream), pool)
    return named, by_owner


def domains_of(flow: FlowView, own: Sequence[DomainView], listed: Sequence[str]) -> list[DomainView]:
    """Claimed domains of its tenant that a subscription's mail may bear.

    Those of its sender addresses (their domains are ``listed``) if it has any, else all of its stream.
    """
    fitting = [domain for domain in own if domain.tenant == flow.tenant and domain.stream in ("", flow.stream)]
    claimed = {domain.name.lower(): domain for domain in own}
    meant = {found.name for name in listed if (found := nearest(claimed, name)) is not None}
    return [domain for domain in fitting if not listed or domain.kind != "sending" or domain.name in meant]


def _of_pool(pool: PoolView, view: View) -> Iterator[Use]:
    owner = Owner(pool.tenant, pool.stream)

    def use(kind: IdentityKind, name: str) -> Use:
        return Use(kind, name, owner, pool.said, pool.since, pool.name)

    if pool.route is not None:  # receivers see the smart host; our own address and name stay between us and it
        yield use("route", f"{pool.route.host.lower()}:{pool.route.port}")
    else:
        for address in pool.addresses or (KERNELS_CHOICE,):
            yield use("ip", plain_address(address))
        yield use("hello", (pool.hello or view.hostname).lower())
    if pool.bounce_domain:
        yield use("return-path", pool.bounce_domain.lower())
    if link := pool.link_domain or (view.web if pool.stream != Stream.TRANSACTIONAL else ""):
        yield use("link", link.lower())


_KINDS: dict[str, tuple[IdentityKind, ...]] = {
    "sending": ("from", "dkim", "return-path"),
    "bounce": ("return-path",),
    "link": ("link",),
}


def _of_domain(domain: DomainView, streams: Sequence[str]) -> Iterator[Use]:
    """A domain not given to a stream is used by every stream its tenant sends on."""
    wanted = [domain.stream] if domain.stream else [one.value for one in Stream if one.value in streams] or [""]
    for stream in wanted:
        for kind in _KINDS[domain.kind]:
            yield Use(kind, domain.name.lower(), Owner(domain.tenant, stream), f"domain {domain.name}", domain.since)


def _of_sender(sender: SenderView, flow: FlowView | None) -> Iterator[Use]:
    if flow is not None:
        origin = f"sender {sender.address} of {flow.subscription}"
        yield Use("from", sender.domain, Owner(flow.tenant, flow.stream), origin, sender.since)


def plain_address(text: str) -> str:
    """An IP address in its one spelling (RFC 5952 for IPv6); other text as it is."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).compressed


@lru_cache(maxsize=65_536)
def registrable(name: str) -> str:
    """The domain somebody registered: one label below a public suffix, private suffixes counted; empty: none."""
    return str(_suffixes().privatesuffix(name.rstrip(".").lower()) or "")


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=True, only_icann=False)


def _stands_for(said: str, name: str) -> bool:
    return name == said or (name.endswith(f".{said}") and said != registrable(said))


def nearest(claimed: Mapping[str, DomainView], name: str) -> DomainView | None:
    """The claimed domain a name is in: itself or its nearest claimed parent."""
    while name:
        if name in claimed:
            return claimed[name]
        name = name.partition(".")[2]
    return None

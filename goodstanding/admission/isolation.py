"""Proof that no two streams, and no two tenants, share what receivers hold to account.

Rules. Two streams share nothing: no address, EHLO name, return path, DKIM, From or link domain, no registrable domain
(public suffix list) and no smart host. Two tenants may share a pool of one stream, but never a domain. Streams kept
apart by subdomains only are refused unless an exception is recorded; then it is shown, always. Outreach never leaves
over a high-trust provider. Of two that share, the riskier one stops (outreach before bulk before transactional; among
equals the newer), so that a mistake with a newsletter cannot stop one-time codes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from goodstanding.admission.holdings import Holding, apart, clashes, common_kind, grouped, one_per_stream
from goodstanding.admission.identities import KERNELS_CHOICE as KERNELS_CHOICE
from goodstanding.admission.identities import Allowed as Allowed
from goodstanding.admission.identities import (
    DomainView,
    FlowView,
    Owner,
    PoolView,
    RouteView,
    SenderView,
    Use,
    View,
    bare_pool,
    is_bare,
    nearest,
    pool_of,
    pools_in_use,
    registrable,
    uses,
)

__all__ = [
    "KERNELS_CHOICE",
    "Allowed",
    "DomainView",
    "FlowView",
    "Isolation",
    "Overlap",
    "Owner",
    "PoolView",
    "RouteView",
    "SenderView",
    "Use",
    "View",
    "isolation_of",
    "overlaps",
    "refused",
    "uses",
]

Severity = Literal["refuse", "exception", "warning"]
"""``refuse``: mail stops; ``exception``: somebody recorded it, shown always; ``warning``: shown, cannot be proved."""
Kind = Literal["ip", "hello", "return-path", "dkim", "from", "link", "registrable", "route", "tenant"]


class Overlap(Struct, frozen=True, gc=False):
    """Something that two owners share, or that an owner uses and must not. ``second`` is the one that stops."""

    kind: Kind
    name: str
    """What is shared: an address, a host, a domain."""
    first: Owner
    second: Owner
    severity: Severity
    because: str
    """One sentence without a full stop."""
    remedy: str
    pool: str = ""
    """Pool of ``second`` whose mail stops; empty: mail from a domain or of a subscription."""
    domain: str = ""
    """Domain of ``second`` whose mail stops."""
    subscription: str = ""
    """Subscription of ``second`` that stops as a whole."""


class Isolation(Struct, frozen=True, gc=False):
    """Why mail may not be sent, for the send path: look-ups only."""

    subscriptions: Mapping[str, str] = {}
    """By subscription: its pool shares something."""
    domains: Mapping[tuple[str, str], str] = {}
    """By (stream, domain): what the domain shares; empty for one that shares nothing. Empty as a whole: none does."""
    routes: Mapping[str, str] = {}
    """By subscription: the high-trust provider its pool routes over."""

    def why(self, subscription: str, stream: str, *domains: str) -> str:
        """Why mail of a subscription that bears these domains (in small letters) is not isolated; empty: it is."""
        found = self.subscriptions.get(subscription, "")
        if found or not self.domains:
            return found
        return next((why for name in domains if (why := self._of_domain(stream, name))), "")

    def _of_domain(self, stream: str, name: str) -> str:
        """What is said of a name or of its nearest parent that anything is known of."""
        while name:
            found = self.domains.get((stream, name))
            if found is not None:
                return found
            name = name.partition(".")[2]
        return ""

    def route(self, subscription: str) -> str:
        """Name of the high-trust provider a subscription's mail leaves over; empty: none."""
        return self.routes.get(subscription, "")


def _told(one: Overlap, tenant: str) -> str:
    """What a sender of this tenant may know: why, but nothing of another tenant. Operators read all in ``check``."""
    if {one.first.tenant, one.second.tenant} <= {"", tenant}:
        return one.because
    stopped = one.pool or one.domain or one.subscription or one.name
    return f"{stopped} shares something with mail of another tenant ({one.kind}); the operator sees what (check)"


def isolation_of(view: View) -> Isolation:
    """What the send path asks for each message, computed once for each state of the estate."""
    pools: dict[str, Overlap] = {}
    domains: dict[tuple[str, str], str] = {}
    subscriptions: dict[str, str] = {}
    for one in refused(overlaps(view)):
        if one.kind == "route" and one.first == one.second:
            continue  # `Isolation.routes` says that, and a rule of its own refuses it
        if one.pool:
            pools.setdefault(one.pool, one)
        if one.domain:
            domains.setdefault((one.second.stream, one.domain), _told(one, one.second.tenant))
        if one.subscription:
            subscriptions.setdefault(one.subscription, _told(one, one.second.tenant))
    if domains:
        known = [use for use in uses(view) if not use.pool]
        domains = {(use.owner.stream, use.name): "" for use in known} | domains
    routes: dict[str, str] = {}
    for flow in view.flows:
        pool = pool_of(view, flow) or bare_pool(flow.stream)
        if shared := pools.get(pool.name):
            subscriptions.setdefault(flow.subscription, _told(shared, flow.tenant))
        if pool.route is not None and pool.route.provider:
            routes[flow.subscription] = pool.route.provider
    return Isolation(subscriptions, domains, routes)


def refused(found: Sequence[Overlap]) -> list[Overlap]:
    """Those that stop mail."""
    return [one for one in found if one.severity == "refuse"]


def overlaps(view: View) -> list[Overlap]:
    """Everything shared that must not be, refused ones first, across all tenants; empty: isolation is proved."""
    proof = _Proof(view)
    borrowed = list(_borrowed(view))
    said = {(one.second, one.domain) for one in borrowed if one.domain}
    shared = [one for one in proof.shared() if (one.second, one.domain) not in said]
    said |= {(one.second, one.domain) for one in shared if one.domain}
    shared.extend(one for one in proof.registrable() if (one.second, one.domain) not in said)
    found = [*borrowed, *shared, *proof.neighbours(), *_high_trust(view)]
    return sorted(found, key=lambda one: (_SEVERITIES.index(one.severity), _ORDER.index(one.kind), one.name))


_SEVERITIES = ("refuse", "exception", "warning")
_ORDER = ("tenant", "route", "ip", "from", "dkim", "return-path", "link", "hello", "registrable")
_SAID: dict[str, str] = {
    "ip": "the address",
    "hello": "the EHLO name",
    "return-path": "the return-path domain",
    "dkim": "the DKIM domain",
    "from": "the From domain",
    "link": "the link domain",
    "route": "the smart host",
}
_REMEDIES: dict[str, str] = {
    "ip": "give {pool} egress addresses of its own",
    "hello": "give {pool} an EHLO name of its own (hello)",
    "route": 'send {pool} over another smart host, or declare the route trust = "own" if it keeps streams apart itself',
    "return-path": "give the {stream} stream a return-path domain of its own",
    "dkim": "give the {stream} stream a domain of its own to sign with",
    "from": "send {stream} mail from a domain of its own",
    "link": "give the {stream} stream a link domain of its own",
}
_ONE_STREAM = "give the domain to one stream: goodstanding domain add {domain} --tenant {tenant} --stream ..."


class _Proof:
    """One run over a view: who uses what, and who uses which shared pool."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.tenants: dict[str, set[str]] = {}
        for flow in view.flows:
            self.tenants.setdefault((pool_of(view, flow) or bare_pool(flow.stream)).name, set()).add(flow.tenant)
        self.trust = {pool.name: pool.route.trust for pool in view.pools if pool.route is not None}
        gathered: dict[tuple[str, Owner], list[Use]] = {}
        for use in uses(view):
            gathered.setdefault((use.name, use.owner), []).append(use)
        units = [Holding(name, tuple(found)) for (name, _), found in gathered.items()]
        self.units = sorted(units, key=lambda unit: unit.order)

    def shared(self) -> Iterator[Overlap]:
        """Names and addresses that two owners use."""
        for _, units in grouped(self.units, lambda unit: unit.name):
            for first, second in clashes(units, self._sharing):
                if not (is_bare(first.pool) and is_bare(second.pool)):
                    yield self._overlap(first, second)
                elif first.name == KERNELS_CHOICE:  # the EHLO name is the same fault again
                    yield _without_pools(first, second)

    def neighbours(self) -> Iterator[Overlap]:
        """Streams in one IPv6 /64, and streams that may leave from any address: shown, for they cannot be proved."""
        six = [unit for unit in self.units if unit.uses[0].kind == "ip" and ":" in unit.name]
        for network, units in grouped(six, lambda unit: str(ipaddress.ip_network((unit.name, 64), strict=False))):
            for first, second in clashes(units, lambda a, b: apart(a, b) and a.owner.stream != b.owner.stream):
                yield Overlap(
                    "ip", network, first.owner, second.owner, "warning",
                    because=f"{first.name} ({first.owner}) and {second.name} ({second.owner}) are in one /64, "
                    "which many blocklists list as one",
                    remedy=f"give {second.origin} an address in another /64",
                )  # fmt: skip
        addressed = [unit for unit in self.units if unit.uses[0].kind == "ip"]
        bare = next((unit for unit in addressed if unit.name == KERNELS_CHOICE), None)
        for unit in one_per_stream(addressed) if bare else ():
            if bare is not None and unit.owner.stream != bare.owner.stream and unit.name != KERNELS_CHOICE:
                yield Overlap(
                    "ip", unit.name, unit.owner, bare.owner, "warning",
                    because=f"{bare.origin} leaves from {KERNELS_CHOICE}, which may be {unit.name} ({unit.origin})",
                    remedy=f"name the addresses that {bare.owner.stream} mail leaves from in a pool",
                )  # fmt: skip

    def registrable(self) -> Iterator[Overlap]:
        """Different names below one registrable domain."""
        named = [unit for unit in self.units if unit.uses[0].kind not in ("ip", "route")]
        for domain, units in grouped(named, lambda unit: registrable(unit.name)):
            if domain and len({unit.owner for unit in units}) > 1:
                yield from self._below(domain, units)

    def _below(self, domain: str, units: Sequence[Holding]) -> Iterator[Overlap]:
        """For each name the first one it may not stand beside; excused ones are kept, one for each other owner."""
        for at, second in enumerate(units):
            excused: dict[Owner, Overlap] = {}
            for first in units[:at]:
                if (
                    first.name == second.name
                    or not apart(first, second)
                    or not (severity := self._severity(first, second))
                ):
                    continue
                found = self._subdomains(domain, first, second, severity)
                if severity == "refuse":
                    yield found
                    break
                excused.setdefault(first.owner, found)
            else:
                yield from excused.values()

    def _subdomains(self, domain: str, first: Holding, second: Holding, severity: Severity) -> Overlap:
        why = f"{second.name} ({second.owner}) and {first.name} ({first.owner}) are both below {domain}"
        if severity == "warning":
            why = f"{why}, so that other tenants' mail in the shared pool bears it too"
        if excuse := self._excuse(first, second):
            why = f"{why}; {excuse}"
        remedy = f"use another registered domain for {second.owner.stream} mail, or record why it must be so: "
        remedy += f"goodstanding isolation allow {first.name} {second.name} --because ..."
        if severity == "exception":
            remedy = f"use another registered domain for {second.owner.stream} mail, in the long run"
        if severity == "warning":
            remedy = "reserve the pool for that tenant, or name the pool in a domain that is no tenant's"
        return Overlap(
            "registrable", domain, first.owner, second.owner, severity, why,
            remedy=remedy,
            pool=second.pool, domain=second.domain,
        )  # fmt: skip

    def _severity(self, first: Holding, second: Holding) -> Severity | None:
        """How bad it is that two names share a registrable domain; None: not at all."""
        if self._excuse(first, second):
            return "exception"
        if first.owner.stream != second.owner.stream or (first.owner.tenant and second.owner.tenant):
            return "refuse"
        return "warning" if self._strangers(first, second) else None

    def _excuse(self, first: Holding, second: Holding) -> str:
        """The recorded exception, in words; empty: none."""
        for one in self.view.allowed:
            if one.covers(first.name, second.name):
                return f"allowed by {one.by or 'an operator'}: {one.because}"
        tenants = {first.owner.tenant, second.owner.tenant}
        if len(tenants) == 1 and tenants <= self.view.lenient:
            return f"tenant {first.owner.tenant} is set to keep streams apart by subdomain only"
        return ""

    def _sharing(self, first: Holding, second: Holding) -> bool:
        """Whether two owners of the very same name may not both have it."""
        one, other = first.owner, second.owner
        if not apart(first, second):
            return False
        return one.stream != other.stream or bool(one.tenant and other.tenant) or self._strangers(first, second)

    def _strangers(self, first: Holding, second: Holding) -> bool:
        """Whether mail of other tenants bears what one tenant owns, by way of a shared pool of the same stream."""
        shared, owned = (first, second) if not first.owner.tenant else (second, first)
        return bool(self.tenants.get(shared.pool, set()) - {owned.owner.tenant})

    def _overlap(self, first: Holding, second: Holding) -> Overlap:
        kind = common_kind(first, second)
        pool = (
            f"pool {second.pool}" if second.pool and not second.pool.startswith("(") else f"{second.owner.stream} mail"
        )
        mine = kind == "route" and "own" in (self.trust.get(first.pool), self.trust.get(second.pool))
        return Overlap(
            kind, first.name, first.owner, second.owner,
            severity="warning" if mine else "refuse",
            because=f"{_SAID[kind]} {first.name} serves {first.owner} ({first.origin}) "
            f"and {second.owner} ({second.origin})",
            remedy=_ONE_STREAM.format(domain=first.name, tenant=first.owner.tenant)
            if first.origin == second.origin
            else _REMEDIES[kind].format(pool=pool, stream=second.owner.stream or "other"),
            pool=second.pool, domain=second.domain,
        )  # fmt: skip


def _without_pools(first: Holding, second: Holding) -> Overlap:
    one, other = first.owner.stream, second.owner.stream
    return Overlap(
        "ip", second.name, first.owner, second.owner, "refuse",
        because=f"{other} mail has no pool and {one} mail has none, so both leave from this machine's addresses",
        remedy=f"goodstanding pool add {other} --stream {other} --address IP --hello NAME, with an address of its own",
        pool=second.pool,
    )  # fmt: skip


def _high_trust(view: View) -> Iterator[Overlap]:
    for pool in pools_in_use(view):
        if pool.route is None or pool.stream != "outreach" or not (provider := pool.route.provider):
            continue
        owner, known = Owner(pool.tenant, pool.stream), pool.route.known
        yield Overlap(
            "route", pool.route.host, owner, owner, "refuse",
            because=f"{pool.said} sends outreach over {provider}"
            + (f", and {known.because}" if known else ", which is declared to tolerate none"),
            remedy="send outreach from addresses of your own, straight to the recipients' servers",
            pool=pool.name,
        )  # fmt: skip


def _borrowed(view: View) -> Iterator[Overlap]:
    """Subscriptions set to a pool, and senders in a domain, that belong to somebody else."""
    for flow in view.flows:
        pool, owner = pool_of(view, flow) if flow.pool else None, Owner(flow.tenant, flow.stream)
        if pool is None or (pool.tenant in ("", flow.tenant) and pool.stream == flow.stream):
            continue
        kind: Kind = "tenant" if pool.tenant not in ("", flow.tenant) else "ip" if pool.route is None else "route"
        whose = Owner(pool.tenant, pool.stream)
        yield Overlap(
            kind, pool.name, whose, owner, "refuse",
            because=f"{flow.subscription} ({owner}) is set to pool {pool.name}, which is for {whose}",
            remedy=f"goodstanding subscription set {flow.subscription} --pool with a pool of its own tenant and stream",
            subscription=flow.subscription,
        )  # fmt: skip
    tenants = {flow.subscription: Owner(flow.tenant, flow.stream) for flow in view.flows}
    claimed = {domain.name.lower(): domain for domain in view.domains}
    for sender in view.senders:
        user, domain = tenants.get(sender.subscription), nearest(claimed, sender.domain)
        if user is None or domain is None or domain.tenant == user.tenant:
            continue
        yield Overlap(
            "tenant", domain.name, Owner(domain.tenant, domain.stream), user, "refuse",
            because=f"sender {sender.address} of {sender.subscription} is in {domain.name}, "
            f"which belongs to tenant {domain.tenant}",
            remedy=f"goodstanding sender remove {sender.address}, or give the domain to tenant {user.tenant}",
            domain=sender.domain,
        )  # fmt: skip

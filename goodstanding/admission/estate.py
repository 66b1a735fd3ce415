"""The estate: who may send, as what and from where, as values; and which pool a subscription's mail leaves from.

What is declared (`Estate`) can be written down, compared and applied. What workers look up (`Register`) is the same,
by name, with what has been found out besides. Secrets are in neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from goodstanding import settings as machine
from goodstanding.admission.facts import DomainFacts, Terms
from goodstanding.model import Identity, Stream
from goodstanding.settings import setting

DomainStream = Literal["", "transactional", "bulk", "outreach"]
DomainKind = Literal["sending", "link", "bounce"]
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
"""What tenants, applications and pools are called."""
SUBSCRIPTION = re.compile(rf"{NAME.pattern}/{NAME.pattern}")
USERNAME = re.compile(r"[!-~]{1,256}")
"""What applications log in as: ``resource|application|tenant`` as in ACS, an address, or anything else of ASCII."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation; the outermost unit of responsibility."""

    name: str = setting("", "small letters, digits and hyphens")
    country: str = setting("", "where it sits, two letters (ISO 3166), for laws that ask")
    postal_address: str = setting(
        "", "where the sender can be written to, for findings to quote; mail has to carry it itself"
    )
    shared_domains: Literal["refuse", "exception"] = setting(
        "refuse", "streams on one registrable domain; exception: shown in every check, not refused"
    )
    contact: str = setting("", "e-mail address that is told when its mail is slowed, stopped or let go on")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One application of a tenant, on one stream for life. The limits are those of a new subscription of ACS."""

    name: str = setting("", "tenant/application")
    stream: Stream = setting(Stream.TRANSACTIONAL, "what it sends; fixed for life")
    flow: str = setting("", "what people call this mail: HR, support, invoices")
    pool: str = setting("", "pool it leaves from; empty: the tenant's for the stream, else the shared one")
    minute_limit: int = setting(30, "recipients a minute", least=0, most=10_000_000)
    hour_limit: int = setting(100, "recipients an hour", least=0, most=100_000_000)
    recipients_limit: int = setting(50, "recipients of one message", least=1, most=50_000)
    shadow: bool = setting(False, "judge and journal its mail, apply nothing but suppression")

    @property
    def tenant(self) -> str:
        """The tenant's name."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain claimed by a tenant for one stream."""

    name: str = setting("", "the domain, e.g. shop.example")
    tenant: str = setting("", "tenant that owns it")
    stream: DomainStream = setting("", "stream that uses it; empty: none yet, and nothing is sent from it")
    kind: DomainKind = setting("sending", "sending: From and DKIM; link: in links; bounce: return path")


@dataclass(frozen=True, slots=True)
class Sender:
    """An address in From that a subscription uses; a subscription without any may use all of its domains."""

    address: str = setting("", "the address in From")
    subscription: str = setting("", "tenant/application")
    display: str = setting("", "name shown with it")


@dataclass(frozen=True, slots=True)
class TokenCredential:
    """A credential without a secret: tokens of one application open one subscription."""

    username: str = setting("", "user name that goes with the token in SMTP")
    subscription: str = setting("", "tenant/application")
    issuer: str = setting("", "a [[tokens.issuers]] entry of the settings, by its issuer")
    application: str = setting("", "what the issuer calls the application: its client id")
    issuer_tenant: str = setting("", "what the issuer calls the application's tenant; empty: whichever the token names")


@dataclass(frozen=True, slots=True)
class Pool:
    """Egress addresses of one stream, with what receivers hold to account."""

    name: str = setting("", "small letters, digits and hyphens")
    stream: Stream = setting(Stream.TRANSACTIONAL, "the one stream that sends from it")
    tenant: str = setting("", "tenant it is reserved for; empty: shared by all")
    addresses: tuple[str, ...] = setting((), "egress IP addresses; empty: whatever the kernel chooses")
    hello: str = setting("", "name given in EHLO; empty: the hostname")
    bounce_domain: str = setting("", "domain of the return path; empty: the sender's own")
    link_domain: str = setting("", "domain of unsubscribe links; empty: that of web.url")
    route: str = setting("", "name of a [[routes]] entry of the settings; empty: direct to MX")
    penalty: bool = setting(False, "apart, for mail in penalty: used for nothing else")


@dataclass(frozen=True, slots=True)
class IsolationException:
    """Two names that share a registrable domain by somebody's decision; shown in every check."""

    first: str = setting("", "one of the two domains")
    second: str = setting("", "the other")
    because: str = setting("", "why it is accepted")


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything declarative; each list by its key, without duplicates."""

    tenants: tuple[Tenant, ...] = setting((), "organisations")
    pools: tuple[Pool, ...] = setting((), "egress addresses by stream, beside those of the settings")
    domains: tuple[Domain, ...] = setting((), "claimed domains")
    subscriptions: tuple[Subscription, ...] = setting((), "applications")
    senders: tuple[Sender, ...] = setting((), "addresses in From")
    token_credentials: tuple[TokenCredential, ...] = setting((), "applications that log in with tokens")
    isolation_exceptions: tuple[IsolationException, ...] = setting((), "overlaps accepted by decision")


Entry = Tenant | Subscription | Domain | Sender | TokenCredential | Pool | IsolationException


def key_of(entry: Entry) -> str:
    """What names an entry within its list."""
    match entry:
        case Sender():
            return entry.address
        case TokenCredential():
            return entry.username
        case IsolationException():
            return f"{entry.first} and {entry.second}"
        case _:
            return entry.name


@dataclass(frozen=True, slots=True)
class Member:
    """A subscription as workers need it."""

    identity: Identity
    terms: Terms
    flow: str = ""
    pool: str = ""
    """Pool it asks for; empty: see `pool_of`."""


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Register:
    """Everything that is looked up while mail comes in, by name; read at once, so that it fits together."""

    revision: tuple[int, ...] = ()
    tenants: Mapping[str, Tenant] = field(default_factory=_nothing)
    subscriptions: Mapping[str, Member] = field(default_factory=_nothing)
    domains: Mapping[str, DomainFacts] = field(default_factory=_nothing)
    senders: Mapping[str, frozenset[str]] = field(default_factory=_nothing)
    """Sender addresses in small letters by subscription; those without any are not in it."""
    pools: tuple[Pool, ...] = ()
    """By name; those of the settings are not among them."""
    exceptions: tuple[IsolationException, ...] = ()

    def domain_of(self, name: str) -> DomainFacts | None:
        """The claimed domain a name belongs to: itself or its nearest claimed parent; None: nobody's."""
        while name:
            if name in self.domains:
                return self.domains[name]
            name = name.partition(".")[2]
        return None


def pool_of(register: Register, shared: Sequence[machine.Pool], identity: Identity) -> machine.Pool | None:
    """The pool a subscription's mail leaves from; None: there is none, so the kernel chooses the address.

    The pool it asks for and no other, while that serves its stream and tenant; or its tenant's own for the stream; or
    the machine's own (``shared``: ``[[pools]]`` of the settings); or another shared one. Of several, the first by name.
    A pool of the store takes the place of one of the same name in the settings. A penalty pool is nobody's usual one.
    """
    tenant_of = {pool.name: pool.tenant for pool in register.pools}
    of_settings = {pool.name: pool for pool in shared}
    pools = of_settings | {pool.name: for_machine(pool) for pool in register.pools}
    usable = [pool for pool in pools.values() if pool.stream == identity.stream and not pool.penalty]
    usable = [pool for pool in usable if tenant_of.get(pool.name, "") in ("", identity.tenant)]
    member = register.subscriptions.get(identity.subscription)
    if member is not None and member.pool:
        return next((pool for pool in usable if pool.name == member.pool), None)

    def distance(pool: machine.Pool) -> tuple[bool, bool, str]:
        return not tenant_of.get(pool.name), pool.name not in of_settings, pool.name

    return min(usable, key=distance, default=None)


def penalty_pools(register: Register, shared: Sequence[machine.Pool]) -> dict[tuple[str, str], machine.Pool]:
    """The pools of mail in penalty by tenant (empty: all of them) and stream; of several, the first by name."""
    tenant_of = {pool.name: pool.tenant for pool in register.pools}
    pools = {pool.name: pool for pool in shared} | {pool.name: for_machine(pool) for pool in register.pools}
    found: dict[tuple[str, str], machine.Pool] = {}
    for name in sorted(pools):
        if pools[name].penalty:
            found.setdefault((tenant_of.get(name, ""), pools[name].stream.value), pools[name])
    return found


def for_machine(pool: Pool) -> machine.Pool:
    """A stored pool as delivery takes it."""
    return machine.Pool(
        name=pool.name,
        stream=pool.stream,
        addresses=pool.addresses,
        hello=pool.hello,
        bounce_domain=pool.bounce_domain,
        route=pool.route,
        penalty=pool.penalty,
    )

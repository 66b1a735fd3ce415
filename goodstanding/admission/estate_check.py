"""What each entry of an estate allows alone, but not together with the others or not on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from re import Pattern

from goodstanding import settings as machine
from goodstanding.admission.estate import (
    NAME,
    SUBSCRIPTION,
    USERNAME,
    Domain,
    Estate,
    IsolationException,
    Pool,
    Sender,
    Subscription,
    Tenant,
    TokenCredential,
)
from goodstanding.admission.onboarding import objection
from goodstanding.model import OUR_TENANT
from goodstanding.settings import Settings

NAMELESS = "without a name"


@dataclass(frozen=True, slots=True)
class Known:
    """Everything an entry may refer to, by name."""

    tenants: dict[str, Tenant]
    subscriptions: dict[str, Subscription]
    domains: dict[str, Domain]
    pools: dict[str, Pool]
    shared: dict[str, machine.Pool]
    """``[[pools]]`` of the settings; stored ones take their place."""
    routes: frozenset[str]
    issuers: frozenset[str]


def objections(estate: Estate, settings: Settings) -> list[str]:
    """Every contradiction, each with its remedy; an empty list: the estate holds on a machine with these settings."""
    known = Known(
        {one.name: one for one in estate.tenants},
        {one.name: one for one in estate.subscriptions},
        {one.name: one for one in estate.domains},
        {one.name: one for one in estate.pools},
        {one.name: one for one in settings.pools},
        frozenset(route.name for route in settings.routes),
        frozenset(issuer.issuer for issuer in settings.tokens.issuers),
    )
    return [
        *(
            f"tenant {one.name or NAMELESS}: {why}"
            for one in estate.tenants
            for why in (*_misnamed(one.name, NAME, "shop"), *_taken(one.name))
        ),
        *(f"pool {one.name or NAMELESS}: {why}" for one in estate.pools for why in _pool(one, known)),
        *(f"domain {one.name}: {why}" for one in estate.domains for why in _domain(one, known)),
        *(
            f"subscription {one.name or NAMELESS}: {why}"
            for one in estate.subscriptions
            for why in _subscription(one, known)
        ),
        *(f"sender {one.address}: {why}" for one in estate.senders for why in _sender(one, known)),
        *(
            f"token credential {one.username or NAMELESS}: {why}"
            for one in estate.token_credentials
            for why in _token_credential(one, known)
        ),
        *_doubled(estate.token_credentials),
        *(f"isolation_exceptions: {why}" for one in estate.isolation_exceptions for why in _exception(one)),
    ]


def _misnamed(name: str, shape: Pattern[str], example: str) -> Iterator[str]:
    if not shape.fullmatch(name):
        yield f"a name has small letters, digits and hyphens, e.g. {example}"


def _unknown(kind: str, name: str, names: Sequence[str], remedy: str) -> str:
    """``there is no tenant shpo; did you mean shop? Else ...``."""
    near = get_close_matches(name, names, 1)
    return f"there is no {kind} {name!r}; " + (f"did you mean {near[0]}? Else {remedy}" if near else remedy)


def _taken(tenant: str) -> Iterator[str]:
    if tenant == OUR_TENANT:
        yield "this is the name our own notices go out under; choose another"


def _tenant_of(name: str, known: Known) -> Iterator[str]:
    if name not in known.tenants:
        yield _unknown("tenant", name, list(known.tenants), f"add it: goodstanding tenant add {name or 'NAME'}")


def _pool(one: Pool, known: Known) -> Iterator[str]:
    yield from _misnamed(one.name, NAME, "shop-bulk")
    if one.tenant:
        yield from _tenant_of(one.tenant, known)
    if one.route and one.route not in known.routes:
        yield _unknown("route", one.route, sorted(known.routes), "add it to [[routes]] in the settings")
    if one.penalty and not (one.addresses or one.route):
        yield "a penalty pool without addresses of its own sets nothing apart; name them: --address IP"
    twin = known.shared.get(one.name)
    if twin is not None and twin.stream != one.stream:
        yield f"the settings have a pool of this name for stream {twin.stream}; choose another name"


def _domain(one: Domain, known: Known) -> Iterator[str]:
    yield from _tenant_of(one.tenant, known)
    above = [(name, known.domains[name].tenant) for name in _parents(one.name) if name in known.domains]
    if why := objection(one.name, one.tenant, above):
        yield why


def _parents(name: str) -> Iterator[str]:
    """``a.b.example`` -> ``b.example``, ``example``."""
    while name := name.partition(".")[2]:
        yield name


def _subscription(one: Subscription, known: Known) -> Iterator[str]:
    if not SUBSCRIPTION.fullmatch(one.name):
        yield "write it as tenant/application, in small letters, digits and hyphens"
        return
    yield from _tenant_of(one.tenant, known)
    if not one.pool:
        return
    pool = known.pools.get(one.pool) or known.shared.get(one.pool)
    tenant = getattr(pool, "tenant", "")
    if pool is None:
        names = [*known.pools, *known.shared]
        yield _unknown("pool", one.pool, names, f"add it: goodstanding pool add {one.pool} --stream {one.stream}")
    elif pool.penalty:
        yield f"pool {pool.name} is for mail in penalty only; choose another"
    elif pool.stream != one.stream:
        yield f"pool {pool.name} serves stream {pool.stream}, this is {one.stream}; choose a pool of its own stream"
    elif tenant not in ("", one.tenant):
        yield f"pool {pool.name} is reserved for tenant {tenant}; choose a shared one or one of {one.tenant}"


def _sender(one: Sender, known: Known) -> Iterator[str]:
    subscription = known.subscriptions.get(one.subscription)
    if subscription is None:
        names = list(known.subscriptions)
        yield _unknown("subscription", one.subscription, names, "add it: goodstanding subscription add")
        return
    name = one.address.rpartition("@")[2]
    claimed = (known.domains[above] for above in (name, *_parents(name)) if above in known.domains)
    yield from _foreign(name, next(claimed, None), subscription)


def _token_credential(one: TokenCredential, known: Known) -> Iterator[str]:
    if not USERNAME.fullmatch(one.username):
        yield "a user name has up to 256 ASCII characters and no spaces, e.g. shop-otp|APPLICATION|TENANT"
    if one.subscription not in known.subscriptions:
        names = list(known.subscriptions)
        yield _unknown("subscription", one.subscription, names, "add it: goodstanding subscription add")
    if one.issuer not in known.issuers:
        yield _unknown("issuer", one.issuer, sorted(known.issuers), "add it to [[tokens.issuers]] in the settings")
    for what, name in (("application", one.application), ("issuer_tenant", one.issuer_tenant)):
        if len(name) > 256 or not name.isprintable() or not (name or what == "issuer_tenant"):
            yield f"{what}: {name!r} is no name an issuer gives; write it as its tokens do"


def _doubled(entries: Sequence[TokenCredential]) -> Iterator[str]:
    """User names that are one in another spelling, and links that are there under another name already."""
    spelled: dict[str, str] = {}
    linked: dict[tuple[str, str, str, str], str] = {}
    for one in entries:
        first = spelled.setdefault(one.username.replace("|", "."), one.username)
        if first != one.username:
            yield f"token credential {one.username}: it means the same as {first}; choose another user name"
        link = (one.subscription, one.issuer, one.application, one.issuer_tenant)
        first = linked.setdefault(link, one.username)
        if first != one.username:
            yield f"token credential {one.username}: application {one.application} is linked already, as {first}"


def _foreign(name: str, domain: Domain | None, subscription: Subscription) -> Iterator[str]:
    """Why a subscription may not put this domain into From."""
    tenant, stream = subscription.tenant, subscription.stream
    claim = f"goodstanding domain add {name} --tenant {tenant} --stream {stream}"
    if domain is None:
        yield f"nobody has claimed {name}; claim it first: {claim}"
    elif domain.tenant != tenant:
        yield f"{domain.name} belongs to tenant {domain.tenant}; use a domain of {tenant}"
    elif domain.stream != stream:
        given = f"is for stream {domain.stream}" if domain.stream else "has no stream yet"
        yield f"{domain.name} {given} and {subscription.name} sends {stream}; use a domain of that stream"
    elif domain.kind != "sending":
        yield f"{domain.name} is a {domain.kind} domain; use a sending domain"


def _exception(one: IsolationException) -> Iterator[str]:
    if not (one.first and one.second and one.because):
        yield "an exception needs first, second and because"

"""Onboarding of domains: who may claim one, and which DNS records it takes for mail to be believed.

Records are told exactly, each with the reason. What we do not know (which address leaves when no pool names one, what a
smart host publishes) is told in a note and never guessed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from goodstanding import settings as machine
from goodstanding.admission import estate
from goodstanding.admission.estate import Pool, Register
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.report_records import Record, dmarc_text, report_place
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.sealed import derive
from goodstanding.settings import Settings

DAY = 86_400.0
LISTED_AFTER_RETIREMENT = 7 * DAY
"""Seconds a retired key stays in DNS: mail is tried for five days, and mailboxes check again what moves in late."""

Stage = Literal["signing", "waiting", "retired"]


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def objection(name: str, tenant: str, around: Iterable[tuple[str, str]]) -> str:
    """Why a tenant may not claim a domain, with what to do; empty: it may.

    ``around``: (domain, tenant) of every claim of this name, above it and below it.
    """
    if _suffixes().is_public(name):
        return f"{name} is a public suffix, under which strangers have names; claim a domain of your own below it"
    for other, owner in around:
        if owner != tenant and other == name:
            return f"{name} belongs to tenant {owner}; remove it there first"
        if owner != tenant:
            where = "above" if name.endswith(f".{other}") else "below"
            return (
                f"{other}, {where} {name}, belongs to tenant {owner}, and receivers judge the two as one; "
                f"remove {other} there first, or let {owner} claim {name} too"
            )
    return ""


def selector(now: float, suffix: str, taken: Iterable[str]) -> str:
    """A selector made of the month and a suffix, numbered when the month's was used: ``gs202611r``, ``gs202611r2``."""
    stem = f"gs{datetime.fromtimestamp(now, UTC):%Y%m}{suffix}"
    used = set(taken)
    numbered = (stem if n == 1 else f"{stem}{n}" for n in range(1, len(used) + 2))
    return next(name for name in numbered if name not in used)


def control_token(master: bytes, claim: DomainFacts) -> str:
    """What only this tenant is told to publish for a domain without DKIM keys in use, at ``_goodstanding.``."""
    of_whom = f"{claim.tenant}\0{claim.name}".encode()
    return f"goodstanding-domain={hmac.digest(derive(master, 'domain control'), of_whom, hashlib.sha256).hex()[:32]}"


@dataclass(frozen=True, slots=True)
class Key:
    """A DKIM key as the world sees it."""

    selector: str
    kind: str
    stage: Stage
    text: str
    """What its TXT record says."""
    retired: float = 0.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What this installation brings to a domain: where its mail leaves from, and where it can be reached."""

    hostname: str
    pools: tuple[Pool, ...] = ()
    """Those that mail of the domain may leave from; none: unknown."""
    web: str = ""
    """Host of the unsubscribe page; empty: there is none."""
    token: str = ""
    """See `control_token`."""
    reports: str = ""
    """Domain of the report mailboxes; empty: nobody reads reports here."""

    def return_path(self, pool: Pool, domain: str) -> str:
        """The domain of the return path of mail from a domain that leaves by a pool."""
        return pool.bounce_domain or domain

    @property
    def addresses(self) -> tuple[str, ...]:
        """Egress addresses that talk to the world themselves, in order, each once."""
        return tuple(dict.fromkeys(one for pool in self.pools if not pool.route for one in pool.addresses))


def ground(settings: Settings, register: Register, claim: DomainFacts, master: bytes) -> Ground:
    """What this installation brings to a claimed domain."""
    url = urlsplit(settings.web.url).hostname or ""
    return Ground(
        hostname=settings.hostname,
        pools=leaving(settings, register, claim),
        web=url or (settings.hostname if settings.web.port else ""),
        token=control_token(master, claim),
        reports=settings.feedback.domain.lower().rstrip("."),
    )


def leaving(settings: Settings, register: Register, claim: DomainFacts) -> tuple[Pool, ...]:
    """The pools that mail of a domain may leave from: those of its tenant's subscriptions on its stream.

    The penalty pool is among them, so that its records stand before it is needed.

    Without subscriptions yet: the one that the first would have. Without a stream: none.
    """
    if not claim.stream:
        return ()
    stored = {pool.name: pool for pool in register.pools}
    own = [
        member.identity
        for member in register.subscriptions.values()
        if member.identity.tenant == claim.tenant and member.identity.stream == claim.stream
    ]
    first = Identity(TenantName(claim.tenant), SubscriptionName(""), Stream(claim.stream))
    found = (estate.pool_of(register, settings.pools, identity) for identity in own or [first])
    apart = estate.penalty_pools(register, settings.pools)
    penalty = apart.get((claim.tenant, claim.stream)) or apart.get(("", claim.stream))
    by_name = {pool.name: stored.get(pool.name) or _of_settings(pool) for pool in (*found, penalty) if pool is not None}
    return tuple(by_name[name] for name in sorted(by_name))


def _of_settings(pool: machine.Pool) -> Pool:
    return Pool(
        name=pool.name,
        stream=pool.stream,
        addresses=pool.addresses,
        hello=pool.hello,
        bounce_domain=pool.bounce_domain,
        route=pool.route,
        penalty=pool.penalty,
    )


# --- what to publish -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything to publish for a domain, and what cannot be said."""

    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()


def wanted(claim: DomainFacts, keys: Sequence[Key], ground: Ground, tls_reports: float = 0.0) -> Wanted:
    """The records a domain needs. ``tls_reports``: the present second to add MTA-STS and TLS-RPT; 0: without."""
    if claim.kind == "link":
        found = [
            _control(claim, ground),
            *_link(claim.name, ground, "one-click unsubscribe (RFC 8058) reaches us here"),
        ]
    elif claim.kind == "bounce":
        pools = [pool for pool in ground.pools if pool.bounce_domain == claim.name] or ground.pools
        found = [_control(claim, ground), *_bounce(claim.name, pools, ground)]
    else:
        found = [*_keys(claim, keys), *_sending(claim, ground)]
    if tls_reports:
        found += _tls_reports(claim.name, tls_reports, ground)
    unique = {(record.name, record.type, record.value): record for record in reversed(found)}
    return Wanted(tuple(reversed(unique.values())), tuple(_notes(claim, ground)))


def _control(claim: DomainFacts, ground: Ground) -> Record:
    return Record(
        f"_goodstanding.{claim.name}",
        "TXT",
        ground.token,
        "proves that the domain is yours; not needed below a verified domain of the same tenant",
    )


def _keys(claim: DomainFacts, keys: Sequence[Key]) -> list[Record]:
    """RFC 6376 §3.6.2."""
    return [Record(f"{key.selector}._domainkey.{claim.name}", "TXT", key.text, _why_key(key)) for key in keys]


def _why_key(key: Key) -> str:
    algorithm = "RSA, which every receiver reads" if key.kind == "rsa-sha256" else "Ed25519, for those who read it"
    match key.stage:
        case "signing":
            return f"receivers check our signatures with it ({algorithm}); it also proves that the domain is yours"
        case "waiting":
            return f"the next key ({algorithm}); it signs as soon as it is seen here"
    until = datetime.fromtimestamp(key.retired + LISTED_AFTER_RETIREMENT, UTC)
    return f"signs no more; mail under way still needs it until {until:%Y-%m-%d}, then take it out"


def _sending(claim: DomainFacts, ground: Ground) -> Iterable[Record]:
    name = claim.name
    own = [pool for pool in ground.pools if not pool.bounce_domain]
    if own:
        why = "says which addresses may use this domain as return path; add the terms to a record you have"
        yield from _spf(name, own, ground, why)
    for domain in dict.fromkeys(pool.bounce_domain for pool in ground.pools if _within(pool.bounce_domain, name)):
        yield from _bounce(domain, [pool for pool in ground.pools if pool.bounce_domain == domain], ground)
    if ground.pools and not own and (spf := _spf(name, ground.pools, ground, "")):
        why = "the return path is another domain, so only reviewers look for it; add the terms to a record you have"
        yield from (replace(record, why=why, optional=True) for record in spf)
    yield from _hello(name, ground)
    yield Record(
        f"_dmarc.{name}",
        "TXT",
        dmarc_text(name, ground.reports),
        "Google, Yahoo and Microsoft ask bulk senders for it; go on to p=reject once the reports are clean",
        optional=claim.stream == Stream.TRANSACTIONAL,
    )
    yield from report_place(name, ground.reports, ground.hostname)
    yield Record(
        name, "MX", f"10 {ground.hostname}.", "answers to your mail need a place; your own MX is as good", True
    )
    for link in dict.fromkeys(pool.link_domain or f"links.{name}" for pool in ground.pools or (Pool(),)):
        if ground.web and _within(link, name):
            why = "one-click unsubscribe (RFC 8058); claim it with --kind link, and name it in the pool"
            yield from _link(link, ground, why, optional=claim.stream == Stream.TRANSACTIONAL)


def _hello(name: str, ground: Ground) -> Iterable[Record]:
    """Of names in EHLO below a domain: what has no return path is judged by them (RFC 7208 §2.4)."""
    why = "our bounces and notices have no return path: receivers check them by the name in EHLO"
    taken = {name, *(pool.bounce_domain for pool in ground.pools)}  # which have an SPF record for the same addresses
    greeting: dict[str, list[Pool]] = {}
    for pool in ground.pools:
        greeting.setdefault(pool.hello or ground.hostname, []).append(pool)
    for hello, pools in greeting.items():
        if _within(hello, name) and hello not in taken:
            yield from _spf(hello, pools, ground, why, exclusive=True)


def _bounce(name: str, pools: Sequence[Pool], ground: Ground) -> Iterable[Record]:
    yield Record(name, "MX", f"10 {ground.hostname}.", "bounces come back to the return path, and are read there")
    yield from _spf(name, pools, ground, "says which addresses may use this return path", exclusive=True)


def _link(name: str, ground: Ground, why: str, optional: bool = False) -> Iterable[Record]:
    if not ground.web or ground.web == name:
        return
    if (kind := _address_type(ground.web)) is not None:
        yield Record(name, kind, ground.web, why, optional)
    else:
        yield Record(name, "CNAME", f"{ground.web}.", why, optional)


def _spf(name: str, pools: Sequence[Pool], ground: Ground, why: str, exclusive: bool = False) -> list[Record]:
    """RFC 7208; addresses are written out, so they cost receivers no look-up (§4.6.4)."""
    addresses = replace(ground, pools=tuple(pools)).addresses
    if not addresses:
        return []
    terms = " ".join(f"ip{ip_address(address).version}:{address}" for address in addresses)
    ending = "-all" if exclusive else "~all"  # mail of others may bear a sending domain too, but not a bounce domain
    return [Record(name, "TXT", f"v=spf1 {terms} {ending}", why)]


def _tls_reports(name: str, now: float, ground: Ground) -> list[Record]:
    """RFC 8460 §3, RFC 8461 §3.1."""
    version = f"{datetime.fromtimestamp(now, UTC):%Y%m%d%H%M%S}"
    text = f"v=STSv1; id={version}"
    policy = f"mta-sts.{name} must serve https://mta-sts.{name}/.well-known/mta-sts.txt first; new id at every change"
    reader = f"tlsrpt@{ground.reports}" if ground.reports else f"tls-reports@{name}"
    report = "receivers of your answers tell you when TLS to your MX fails"
    return [
        Record(f"_smtp._tls.{name}", "TXT", f"v=TLSRPTv1; rua=mailto:{reader}", report, True),
        Record(f"_mta-sts.{name}", "TXT", text, f"asks those who write to you for TLS; {policy}", True),
    ]


def _notes(claim: DomainFacts, ground: Ground) -> Iterable[str]:
    if not claim.stream:
        yield f"{claim.name} has no stream yet, so its egress addresses are unknown and no SPF record can be told"
        return
    if claim.kind == "link":
        if not ground.web:
            yield "no page to unsubscribe is configured: set web.port and web.url, then ask again"
        return
    if not ground.pools:
        yield (
            f"no pool sends on stream {claim.stream}: mail leaves as the machine itself, with any of its addresses, so "
            f"no SPF record can be told; name them: goodstanding pool add NAME --stream {claim.stream} --address IP"
        )
    for pool in ground.pools:
        if pool.route:
            yield f"pool {pool.name} goes out through route {pool.route}: add the SPF include its provider names"
        elif not pool.addresses:
            yield f"pool {pool.name} names no addresses, so no SPF record can be told: give it some"
        bounce = pool.bounce_domain
        if bounce and claim.kind == "sending" and not _within(bounce, claim.name):
            records = "; ".join(f"{one.type} {one.value}" for one in _bounce(bounce, [pool], ground))
            yield f"mail of pool {pool.name} has its return path in {bounce}, which needs records of its own: {records}"
    if ground.hostname == "localhost":
        yield "hostname is localhost, which nobody can reach: set it, then ask again for the MX records"


def _within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _address_type(host: str) -> str | None:
    try:
        return "A" if ip_address(host).version == 4 else "AAAA"
    except ValueError:
        return None

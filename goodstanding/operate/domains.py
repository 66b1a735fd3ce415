"""Verbs on domains: which tenant signs for which, with which keys, and what to publish for that."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from goodstanding.admission import onboarding
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.report_records import Record as Record
from goodstanding.errors import GoodstandingError
from goodstanding.model import DkimKey
from goodstanding.operate.opening import database_of, master_key, secret_path
from goodstanding.operate.subscriptions import NAME, checked
from goodstanding.sealed import NONCE_SIZE, seal, unseal
from goodstanding.settings import Settings
from goodstanding.store import domains as claims
from goodstanding.store import onboarding as stages
from goodstanding.store.db import Database, Tx
from goodstanding.store.schema import HEAD, revision
from goodstanding.submission.signing import context_of
from goodstanding.wire.address import domain_to_ascii
from goodstanding.wire.dkim import KeyKind, dns_record, generate_key, load_key

KINDS: tuple[tuple[KeyKind, str], ...] = (("rsa-sha256", "r"), ("ed25519-sha256", "e"))
"""Both, because many receivers do not verify Ed25519 yet (RFC 8463 §6 advises the pair)."""
Draw = Callable[[KeyKind], bytes]
"""Makes a private key of a kind, or takes one made before."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that a tenant has claimed, and how it stands."""

    name: str
    tenant: str
    selectors: tuple[str, ...]
    """Of the keys that sign."""
    stream: str
    kind: str
    state: str
    because: str
    checked: float
    """Second of the last look at its records; 0: never."""
    failing: float
    """Second since which essential records are missing; 0: they are not."""
    waiting: tuple[str, ...] = ()
    """Selectors made by a rotation and not seen in DNS yet."""


def ensure_domain(tx: Tx, master: bytes, claim: DomainFacts, now: float, draw: Draw = generate_key) -> bool:
    """Whether the claim was new: then it is made, pending, and with two DKIM keys if it is to send.

    A known claim of the same tenant is left alone, but for a stream if it had none. GoodstandingError when the name is
    no domain, a public suffix, another tenant's, above or below another tenant's, or given to another stream or kind.
    ``claim.state`` is not looked at. Nothing is journalled: the caller knows who asked. ``draw`` hands out private
    keys, so that many can be made before the transaction: one of RSA takes some 70 ms.
    """
    name = checked_domain(claim.name)
    checked(claim.tenant, NAME, "a tenant's name has small letters, digits and hyphens, e.g. shop")
    if objection := onboarding.objection(name, claim.tenant, stages.claims_around(tx, name)):
        raise GoodstandingError(objection)
    known = claims.claimed(tx, name)
    if known:
        _widen(tx, known[0].facts, claim)
        return False
    claims.add_domain(tx, name, claim.tenant, now, claim.stream, claim.kind)
    stages.forget_waiting_keys(tx, name)  # of somebody who had it before
    for key in new_keys(master, name, stages.selectors(tx, name), now, draw) if claim.kind == "sending" else ():
        claims.add_dkim_key(tx, key)
    return True


def _widen(tx: Tx, known: DomainFacts, claim: DomainFacts) -> None:
    """Give a domain without a stream the claim's; anything else that differs is for an operator to change."""
    if claim.kind != known.kind or (known.stream and claim.stream not in ("", known.stream)):
        was, asked = f"{known.kind}, {known.stream or 'no stream'}", f"{claim.kind}, {claim.stream or 'no stream'}"
        raise GoodstandingError(
            f"{known.name} is claimed already ({was}) and not as {asked}; remove it first, "
            "or change it in the estate file and apply that with --allow-destructive"
        )
    if claim.stream and not known.stream:
        claims.set_domain(tx, known.name, claim.stream, claim.kind)


def drawn_before(draw: Draw = generate_key) -> Draw:
    """A key of each kind, made now: before a transaction that would keep everybody else waiting for it."""
    ready = {kind: draw(kind) for kind, _ in KINDS}
    return ready.__getitem__


def new_keys(master: bytes, domain: str, taken: set[str], now: float, draw: Draw = generate_key) -> list[DkimKey]:
    """A sealed key of each kind, under selectors that were never used before."""
    keys = []
    for kind, suffix in KINDS:
        selector = onboarding.selector(now, suffix, taken)
        sealed = seal(master, draw(kind), context_of(domain, selector), os.urandom(NONCE_SIZE))
        keys.append(DkimKey(domain, selector, kind, sealed, now))
    return keys


def add_domain(database: Database, master: bytes, name: str, tenant: str) -> list[Record]:
    """Give a domain to a tenant, with two DKIM keys unless it has keys; the key records to publish."""
    domain = checked_domain(name)
    with database.tx() as tx:
        ensure_domain(tx, master, DomainFacts(domain, tenant, ""), time.time())
    return records(database, master, domain)


def remove_domain(database: Database, name: str) -> None:
    """Forget a domain and its keys; GoodstandingError when there is none."""
    domain = checked_domain(name)
    with database.tx() as tx:
        stages.forget_waiting_keys(tx, domain)
        if not claims.remove_domain(tx, domain):
            raise GoodstandingError(f"there is no domain {name}; goodstanding domain list shows them")


def domains(database: Database) -> list[Domain]:
    """All domains with their state and the selectors of their keys, by name."""
    with database.read() as tx:
        signing, waiting = _by_domain(claims.dkim_keys(tx)), _by_domain(stages.waiting_keys(tx))
        found = claims.claimed(tx)
    return [
        Domain(
            name=facts.name,
            tenant=facts.tenant,
            selectors=signing.get(facts.name, ()),
            stream=facts.stream,
            kind=facts.kind,
            state=facts.state,
            because=facts.because,
            checked=claimed.checked,
            failing=claimed.failing,
            waiting=waiting.get(facts.name, ()),
        )
        for claimed in found
        for facts in (claimed.facts,)
    ]


def _by_domain(keys: list[DkimKey]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key in keys:
        found[key.domain] = (*found.get(key.domain, ()), key.selector)
    return found


def records(database: Database, master: bytes, name: str) -> list[Record]:
    """The TXT records that the keys a domain signs with are published in (RFC 6376 §3.6.2)."""
    domain = checked_domain(name)
    with database.read() as tx:
        keys, claimed = claims.dkim_keys(tx, domain), claims.claimed(tx, domain)
    if not claimed:
        raise no_such(domain)
    return [
        Record(f"{key.selector}._domainkey.{domain}", "TXT", dns_record(load_key(_opened(master, key)))) for key in keys
    ]


def no_such(domain: str) -> GoodstandingError:
    """Says that nobody has claimed it."""
    return GoodstandingError(f"there is no domain {domain}; add it with goodstanding domain add {domain} --tenant NAME")


def _opened(master: bytes, key: DkimKey) -> bytes:
    private = unseal(master, key.sealed, context_of(key.domain, key.selector))
    if private is None:
        raise GoodstandingError(
            f"the key {key.selector} of {key.domain} was sealed with another master key: "
            "restore that secret file, or remove the domain and add it again"
        )
    return private


def checked_domain(name: str) -> str:
    """The domain in A-labels; GoodstandingError when it is none."""
    domain = domain_to_ascii(name.rstrip("."))
    if domain is None or "." not in domain:
        raise GoodstandingError(f"{name!r} is not a domain; write it like example.com")
    return domain


def unreadable_keys(settings: Settings) -> list[str]:
    """DKIM keys that the master key does not open, in words; changes nothing, so a store not made yet has none."""
    database = database_of(settings)
    if not secret_path(settings).exists() or (database.engine == "sqlite" and not database.path.exists()):
        return []
    try:
        if revision(database) not in ("", HEAD):
            return []  # of an earlier release: its keys are looked at after the next start, which upgrades it
        master = master_key(secret_path(settings))
        for domain in domains(database):
            records(database, master, domain.name)
    except GoodstandingError as exc:
        return [str(exc)]
    finally:
        database.close()
    return []

"""Who may send: tenants, subscriptions (one application, one stream each) with their terms, credentials.

Domains are in `store.domains`, pools and senders in `store.pools`; `view` reads all of it at once. Whatever changes the
estate calls `touch`, or workers would not notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from goodstanding.admission.estate import (
    Domain,
    DomainStream,
    Estate,
    Member,
    Register,
    Subscription,
    Tenant,
    TokenCredential,
)
from goodstanding.admission.facts import DomainFacts, Terms
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.store import domains, pools, webhooks
from goodstanding.store.db import Tx
from goodstanding.store.serial import alone as alone
from goodstanding.store.serial import revision as revision
from goodstanding.store.serial import touch as touch


def put_tenant(tx: Tx, tenant: Tenant, now: float) -> None:
    """Add a tenant, or change the one of that name."""
    tx.run(
        "INSERT INTO tenant (name, country, postal_address, shared_domains, contact, created) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET country = excluded.country, "
        "postal_address = excluded.postal_address, shared_domains = excluded.shared_domains, "
        "contact = excluded.contact",
        (tenant.name, tenant.country, tenant.postal_address, tenant.shared_domains, tenant.contact, now),
    )
    touch(tx)


def tenants(tx: Tx) -> list[Tenant]:
    """All of them, by name."""
    rows = tx.rows("SELECT name, country, postal_address, shared_domains, contact FROM tenant ORDER BY name")
    return [Tenant(*row) for row in rows]


def remove_tenant(tx: Tx, name: str) -> bool:
    """Forget a tenant that has nothing any more; whether there was one."""
    removed = tx.run("DELETE FROM tenant WHERE name = ?", (name,)) > 0
    if removed:
        webhooks.remove_of_tenant(tx, name)
        touch(tx)
    return removed


def add_subscription(tx: Tx, name: str, stream: Stream, now: float) -> Identity:
    """The subscription ``tenant/application``, made if absent together with its tenant; its stream never changes."""
    tenant = name.partition("/")[0]
    tx.run("INSERT INTO tenant (name, created) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (tenant, now))
    tx.run(
        "INSERT INTO subscription (name, tenant, stream, created) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        (name, tenant, stream.value, now),
    )
    touch(tx)
    found = subscription(tx, name)
    assert found is not None
    return found


def subscription(tx: Tx, name: str) -> Identity | None:
    """The identity a subscription sends under."""
    row = tx.row("SELECT tenant, name, stream FROM subscription WHERE name = ?", (name,))
    return Identity(TenantName(row[0]), SubscriptionName(row[1]), Stream(row[2])) if row else None


def subscriptions(tx: Tx) -> list[Identity]:
    """All of them, by name."""
    rows = tx.rows("SELECT tenant, name, stream FROM subscription ORDER BY name")
    return [Identity(TenantName(tenant), SubscriptionName(name), Stream(stream)) for tenant, name, stream in rows]


def set_subscription(tx: Tx, wanted: Subscription) -> bool:
    """Change the terms of a subscription, never its stream; whether there is one of that name."""
    changed = tx.run(
        "UPDATE subscription SET flow = ?, pool = ?, minute_limit = ?, hour_limit = ?, recipients_limit = ?, "
        "shadow = ? WHERE name = ?",
        (
            *(wanted.flow, wanted.pool, wanted.minute_limit, wanted.hour_limit, wanted.recipients_limit),
            *(int(wanted.shadow), wanted.name),
        ),
    )
    if changed:
        touch(tx)
    return changed > 0


def declared_subscriptions(tx: Tx) -> list[Subscription]:
    """All subscriptions with their terms, by name."""
    rows = tx.rows(
        "SELECT name, stream, flow, pool, minute_limit, hour_limit, recipients_limit, shadow FROM subscription "
        "ORDER BY name"
    )
    return [
        Subscription(name, Stream(stream), flow, pool, minute, hour, recipients, bool(shadow))
        for name, stream, flow, pool, minute, hour, recipients, shadow in rows
    ]


def remove_subscription(tx: Tx, name: str) -> bool:
    """Forget a subscription with its credentials, access keys and sender addresses; whether there was one."""
    tx.run("DELETE FROM credential WHERE subscription = ?", (name,))
    tx.run("DELETE FROM access_key WHERE subscription = ?", (name,))
    tx.run("DELETE FROM sender WHERE subscription = ?", (name,))
    removed = tx.run("DELETE FROM subscription WHERE name = ?", (name,)) > 0
    if removed:
        webhooks.remove_of_subscription(tx, name)
        touch(tx)
    return removed


def has_mail(tx: Tx, subscription_name: str) -> bool:
    """Whether mail of a subscription waits in the queue."""
    return tx.row("SELECT 1 FROM message WHERE subscription = ? LIMIT 1", (subscription_name,)) is not None


@dataclass(frozen=True, slots=True)
class Credential:
    """One user name of a subscription; the secret itself is known to nobody, only its digest."""

    username: str
    identity: Identity
    digest: bytes
    """Empty where tokens open it."""
    created: float
    revoked: float | None
    link: TokenCredential | None = None
    """Whose tokens open it; None: a secret does."""


_CREDENTIALS = (
    "SELECT c.username, s.tenant, s.name, s.stream, c.digest, c.created, c.revoked, c.issuer, c.application, "
    "c.issuer_tenant FROM credential c JOIN subscription s ON s.name = c.subscription"
)


def add_credential(tx: Tx, username: str, subscription_name: str, digest: bytes, now: float) -> None:
    """A new user name for a subscription."""
    tx.run(
        "INSERT INTO credential (username, subscription, digest, created) VALUES (?, ?, ?, ?)",
        (username, subscription_name, digest, now),
    )
    touch(tx)


def link_credential(tx: Tx, link: TokenCredential, now: float) -> None:
    """A new user name for a subscription that tokens of an application open."""
    tx.run(
        "INSERT INTO credential (username, subscription, digest, created, issuer, application, issuer_tenant) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (link.username, link.subscription, b"", now, link.issuer, link.application, link.issuer_tenant),
    )
    touch(tx)


def revoke_credential(tx: Tx, username: str, now: float) -> bool:
    """Whether there was a live credential of that name; it opens nothing any more."""
    revoked = tx.run("UPDATE credential SET revoked = ? WHERE username = ? AND revoked IS NULL", (now, username)) > 0
    if revoked:
        touch(tx)
    return revoked


def forget_credential(tx: Tx, username: str) -> None:
    """Take a credential out of the list; for one that is revoked."""
    tx.run("DELETE FROM credential WHERE username = ? AND revoked IS NOT NULL", (username,))
    touch(tx)


def credentials(tx: Tx) -> list[Credential]:
    """All credentials, revoked ones too, by user name."""
    return [_credential(row) for row in tx.rows(f"{_CREDENTIALS} ORDER BY c.username")]


def credential_named(tx: Tx, username: str) -> Credential | None:
    """The credential of that name, revoked or not; ``a|b|c`` and ``a.b.c`` are one name."""
    row = tx.row(f"{_CREDENTIALS} WHERE replace(c.username, '|', '.') = ?", (username.replace("|", "."),))
    return _credential(row) if row is not None else None


def live_credential(tx: Tx, username: str) -> Credential | None:
    """The credential of that name if it has not been revoked."""
    found = credential_named(tx, username)
    return found if found is not None and found.revoked is None else None


def _credential(row: Sequence[Any]) -> Credential:
    username, tenant, name, stream, digest, created, revoked, issuer, application, issuer_tenant = row
    identity = Identity(TenantName(tenant), SubscriptionName(name), Stream(stream), username)
    link = TokenCredential(username, name, issuer, application, issuer_tenant) if issuer else None
    return Credential(username, identity, bytes(digest), created, revoked, link)


def declared(tx: Tx) -> Estate:
    """Everything declarative, as `goodstanding export` writes it."""
    return _declared(tx, [claim.facts for claim in domains.claimed(tx)])


def _declared(tx: Tx, claims: list[DomainFacts]) -> Estate:
    return Estate(
        tenants=tuple(tenants(tx)),
        pools=tuple(pools.pools(tx)),
        domains=tuple(Domain(one.name, one.tenant, cast(DomainStream, one.stream), one.kind) for one in claims),
        subscriptions=tuple(declared_subscriptions(tx)),
        senders=tuple(pools.senders(tx)),
        token_credentials=tuple(one.link for one in credentials(tx) if one.link and one.revoked is None),
        isolation_exceptions=tuple(pools.exceptions(tx)),
    )


def view(tx: Tx) -> Register:
    """Everything workers look up. Its revision is read first: what changes meanwhile is then noticed a second later."""
    newest = revision(tx)
    claims = [claim.facts for claim in domains.claimed(tx)]
    estate = _declared(tx, claims)
    known = {tenant.name: tenant for tenant in estate.tenants}
    senders: dict[str, set[str]] = {}
    for sender in estate.senders:
        senders.setdefault(sender.subscription, set()).add(sender.address)
    return Register(
        revision=newest,
        tenants=known,
        subscriptions={
            one.name: _member(one, known.get(one.tenant, Tenant(one.tenant))) for one in estate.subscriptions
        },
        domains={one.name: one for one in claims},
        senders={name: frozenset(addresses) for name, addresses in senders.items()},
        pools=estate.pools,
        exceptions=estate.isolation_exceptions,
    )


def _member(one: Subscription, tenant: Tenant) -> Member:
    """A subscription with what its tenant adds to its terms; one made between two statements has nothing yet."""
    return Member(
        Identity(TenantName(tenant.name), SubscriptionName(one.name), one.stream),
        Terms(
            recipients_limit=one.recipients_limit,
            minute_limit=one.minute_limit,
            hour_limit=one.hour_limit,
            shadow=one.shadow,
            country=tenant.country,
            postal_address=tenant.postal_address,
        ),
        one.flow,
        one.pool,
    )

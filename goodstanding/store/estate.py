"""Who may send: tenants, subscriptions (one application, one stream each), domains and their DKIM keys."""

from __future__ import annotations

from dataclasses import dataclass

from goodstanding.model import DkimKey, Identity, Stream, SubscriptionName, TenantName
from goodstanding.store.db import Tx


def add_subscription(tx: Tx, name: str, stream: Stream, now: float) -> Identity:
    """The subscription ``tenant/application``, made if absent together with its tenant; its stream never changes."""
    tenant = name.partition("/")[0]
    tx.run("INSERT INTO tenant (name, created) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (tenant, now))
    tx.run(
        "INSERT INTO subscription (name, tenant, stream, created) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        (name, tenant, stream.value, now),
    )
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


@dataclass(frozen=True, slots=True)
class Credential:
    """One user name of a subscription; the secret itself is known to nobody, only its digest."""

    username: str
    identity: Identity
    digest: bytes
    created: float
    revoked: float | None


_CREDENTIALS = (
    "SELECT c.username, s.tenant, s.name, s.stream, c.digest, c.created, c.revoked FROM credential c "
    "JOIN subscription s ON s.name = c.subscription"
)


def add_credential(tx: Tx, username: str, subscription_name: str, digest: bytes, now: float) -> None:
    """A new user name for a subscription."""
    tx.run(
        "INSERT INTO credential (username, subscription, digest, created) VALUES (?, ?, ?, ?)",
        (username, subscription_name, digest, now),
    )


def revoke_credential(tx: Tx, username: str, now: float) -> bool:
    """Whether there was a live credential of that name; it opens nothing any more."""
    return tx.run("UPDATE credential SET revoked = ? WHERE username = ? AND revoked IS NULL", (now, username)) > 0


def credentials(tx: Tx) -> list[Credential]:
    """All credentials, revoked ones too, by user name."""
    return [
        Credential(
            username, Identity(TenantName(t), SubscriptionName(s), Stream(stream), username), bytes(d), made, gone
        )
        for username, t, s, stream, d, made, gone in tx.rows(f"{_CREDENTIALS} ORDER BY c.username")
    ]


def live_credential(tx: Tx, username: str) -> Credential | None:
    """The credential of that name if it has not been revoked."""
    row = tx.row(f"{_CREDENTIALS} WHERE c.username = ? AND c.revoked IS NULL", (username,))
    if row is None:
        return None
    name, tenant, subscription_name, stream, digest, created, revoked = row
    identity = Identity(TenantName(tenant), SubscriptionName(subscription_name), Stream(stream), name)
    return Credential(name, identity, bytes(digest), created, revoked)


def add_domain(tx: Tx, name: str, tenant: str, now: float) -> str:
    """The tenant that owns the domain: the given one, unless another was first."""
    tx.run("INSERT INTO tenant (name, created) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (tenant, now))
    tx.run(
        "INSERT INTO domain (name, tenant, created) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
        (name, tenant, now),
    )
    row = tx.row("SELECT tenant FROM domain WHERE name = ?", (name,))
    assert row is not None
    return str(row[0])


def domains(tx: Tx) -> list[tuple[str, str]]:
    """Every (domain, tenant), by name."""
    return [(name, tenant) for name, tenant in tx.rows("SELECT name, tenant FROM domain ORDER BY name")]


def remove_domain(tx: Tx, name: str) -> bool:
    """Forget a domain and its keys; whether there was one."""
    tx.run("DELETE FROM dkim_key WHERE domain = ?", (name,))
    return tx.run("DELETE FROM domain WHERE name = ?", (name,)) > 0


def add_dkim_key(tx: Tx, key: DkimKey) -> None:
    """Store a sealed key under its selector."""
    tx.run(
        "INSERT INTO dkim_key (domain, selector, kind, sealed, created) VALUES (?, ?, ?, ?, ?)",
        (key.domain, key.selector, key.kind, key.sealed, key.created),
    )


def dkim_keys(tx: Tx, domain: str = "") -> list[DkimKey]:
    """Keys that sign, of one domain or of all, by domain and selector."""
    rows = tx.rows(
        "SELECT domain, selector, kind, sealed, created, retired FROM dkim_key "
        "WHERE retired IS NULL AND (domain = ? OR ? = '') ORDER BY domain, selector",
        (domain, domain),
    )
    return [
        DkimKey(name, selector, kind, bytes(sealed), created, retired)
        for name, selector, kind, sealed, created, retired in rows
    ]


def revision(tx: Tx) -> tuple[int, ...]:
    """Changes whenever tenants, credentials, domains or keys do: cheap to ask, so workers ask every second."""
    row = tx.row(
        "SELECT (SELECT COUNT(*) FROM subscription), (SELECT COUNT(*) FROM credential), "
        "(SELECT COUNT(*) FROM credential WHERE revoked IS NOT NULL), (SELECT COUNT(*) FROM domain), "
        "(SELECT COUNT(*) FROM dkim_key WHERE retired IS NULL), (SELECT COUNT(*) FROM dkim_key)"
    )
    return tuple(row or ())

"""Domains that tenants have claimed, what is known of their DNS records, and the DKIM keys they sign with."""

from __future__ import annotations

from dataclasses import dataclass

from goodstanding.admission.facts import DomainFacts
from goodstanding.model import DkimKey
from goodstanding.store.db import Tx
from goodstanding.store.serial import touch


def add_domain(tx: Tx, name: str, tenant: str, now: float, stream: str = "", kind: str = "sending") -> str:
    """The tenant that owns the domain: the given one, unless another was first. Stream and kind of a known one stay."""
    tx.run("INSERT INTO tenant (name, created) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (tenant, now))
    added = tx.run(
        "INSERT INTO domain (name, tenant, created, stream, kind) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        (name, tenant, now, stream, kind),
    )
    if added:
        touch(tx)
    row = tx.row("SELECT tenant FROM domain WHERE name = ?", (name,))
    assert row is not None
    return str(row[0])


def set_domain(tx: Tx, name: str, stream: str, kind: str) -> bool:
    """Give a domain to a stream and say what it is for; whether there is such a domain."""
    changed = tx.run("UPDATE domain SET stream = ?, kind = ? WHERE name = ?", (stream, kind, name)) > 0
    if changed:
        touch(tx)
    return changed


def give_domain(tx: Tx, name: str, tenant: str) -> bool:
    """Move a domain to another tenant, who has to prove control of it anew; whether there is such a domain."""
    moved = tx.run(
        "UPDATE domain SET tenant = ?, state = 'pending', because = ?, checked = 0, failing = 0 WHERE name = ?",
        (tenant, f"it was given to tenant {tenant} and not looked at since", name),
    )
    if moved:
        touch(tx)
    return moved > 0


def domains(tx: Tx) -> list[tuple[str, str]]:
    """Every (domain, tenant), by name."""
    return [(name, tenant) for name, tenant in tx.rows("SELECT name, tenant FROM domain ORDER BY name")]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A domain with what its last check found; times in Unix seconds, 0 for never."""

    facts: DomainFacts
    created: float
    checked: float
    failing: float
    """Since when essential records are missing."""


_CLAIMED = "SELECT name, tenant, stream, kind, state, because, created, checked, failing FROM domain"


def claimed(tx: Tx, name: str = "") -> list[Claimed]:
    """Domains with their state, one or all, by name."""
    rows = tx.rows(f"{_CLAIMED} WHERE name = ? OR ? = '' ORDER BY name", (name, name))
    return [Claimed(DomainFacts(*row[:6]), *row[6:]) for row in rows]


def claim_due(tx: Tx, before: float, now: float, limit: int = 20) -> list[Claimed]:
    """Domains not looked at since ``before``, marked as looked at now, so that no other worker takes them."""
    rows = tx.rows(
        "UPDATE domain SET checked = ? WHERE name IN "
        f"(SELECT name FROM domain WHERE checked <= ? ORDER BY checked LIMIT ?{tx.skip_locked}) "
        "RETURNING name, tenant, stream, kind, state, because, created, checked, failing",
        (now, before, limit),
    )
    return [Claimed(DomainFacts(*row[:6]), *row[6:]) for row in rows]


def conclude(tx: Tx, facts: DomainFacts, checked: float, failing: float) -> None:
    """Record what a check came to."""
    changed = tx.run(
        "UPDATE domain SET state = ?, because = ?, checked = ?, failing = ? WHERE name = ?",
        (facts.state, facts.because, checked, failing, facts.name),
    )
    if changed:
        touch(tx)


def remove_domain(tx: Tx, name: str) -> bool:
    """Forget a domain and its keys; whether there was one."""
    tx.run("DELETE FROM dkim_next WHERE domain = ?", (name,))
    tx.run("DELETE FROM dkim_key WHERE domain = ?", (name,))
    removed = tx.run("DELETE FROM domain WHERE name = ?", (name,)) > 0
    if removed:
        touch(tx)
    return removed


def add_dkim_key(tx: Tx, key: DkimKey) -> None:
    """Store a sealed key under its selector."""
    tx.run(
        "INSERT INTO dkim_key (domain, selector, kind, sealed, created) VALUES (?, ?, ?, ?, ?)",
        (key.domain, key.selector, key.kind, key.sealed, key.created),
    )
    touch(tx)


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

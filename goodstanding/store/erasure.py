"""Erasing a person: what names them goes from every table, what keeps them from being written to by mistake stays.

The journal is found by domain and sifted by the caller, because a mailbox has many spellings and only an index over
one of them. It is read in stretches, so that writers are never kept waiting for more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from goodstanding.admission.entries import Entry
from goodstanding.store import suppression, trust
from goodstanding.store.db import Tx
from goodstanding.store.trust import Recorded

ERASED = "erased"
"""Stands where an address was."""

Redact = Callable[[str, str], str]
"""A text without an address, which it may also have in the second, another spelling."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows an erasure has changed."""

    ledger: int = 0
    contacts: int = 0
    suppressions: int = 0
    """Kept, without address and evidence."""
    quarantine: int = 0
    journal: int = 0

    def __add__(self, other: Erased) -> Erased:
        """Both together."""
        return Erased(
            *(self.ledger + other.ledger, self.contacts + other.contacts),
            *(self.suppressions + other.suppressions, self.quarantine + other.quarantine),
            self.journal + other.journal,
        )


def erase(tx: Tx, tenant: str, person: bytes, redact: Redact, now: float) -> Erased:
    """Remove what a tenant (empty: the platform) knows of a person.

    What stays in the ledger is one row without a name, which says when: a list imported later cannot bring back what
    was erased.
    """
    who = (tenant, person)
    before = trust.of(tx, tenant, person, 1)
    nameless = bool(before) and before[0].what == "erasure" and not before[0].address
    held = tx.rows("SELECT message, n, recipient, findings FROM quarantine WHERE tenant = ? AND person = ?", who)
    tx.many(
        "UPDATE quarantine SET recipient = ?, findings = ? WHERE message = ? AND n = ?",
        [(ERASED, redact(findings, spelled), message, n) for message, n, spelled, findings in held],
    )
    gone = Erased(
        ledger=tx.run("DELETE FROM ledger WHERE tenant = ? AND person = ?", who) - nameless,
        contacts=tx.run("DELETE FROM contact WHERE tenant = ? AND person = ?", who),
        suppressions=suppression.erase(tx, tenant, person),
        quarantine=len(held),
    )
    if tenant and (nameless or gone != Erased()):
        trust.add(tx, [Recorded(tenant, person, Entry(at=now, kind="withdrawal", what="erasure"))])
    return gone


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the journal that may be about them."""

    seq: int
    recipient: str
    details: str
    kind: str


def newest(tx: Tx) -> int:
    """The number of the newest journal entry; 0 without one."""
    row = tx.row("SELECT MAX(seq) FROM journal")
    return int(row[0] or 0) if row else 0


def lines(tx: Tx, stretch: tuple[int, int], tenant: str, domains: Sequence[str]) -> list[Line]:
    """Journal entries numbered after the first and up to the second of ``stretch`` whose recipient is at these domains.

    ``tenant`` empty: of every tenant.
    """
    at_domain = " OR ".join(["lower(recipient) LIKE ?"] * len(domains))
    found = tx.rows(
        f"SELECT seq, recipient, details, kind FROM journal WHERE seq > ? AND seq <= ? "
        f"AND (tenant = ? OR ? = '') AND ({at_domain})",
        (*stretch, tenant, tenant, *(f"%@{domain}" for domain in domains)),
    )
    return [Line(*row) for row in found]


def rewrite(tx: Tx, changed: Sequence[Line]) -> None:
    """Put lines back without what named somebody."""
    tx.many(
        "UPDATE journal SET recipient = ?, details = ? WHERE seq = ?",
        [(line.recipient, line.details, line.seq) for line in changed],
    )


def waiting(tx: Tx, tenant: str, domains: Sequence[str]) -> list[tuple[str, str]]:
    """(tenant, address) of everybody at these domains who waits in the queue; ``tenant`` empty: of every tenant."""
    at_domain = " OR ".join(["lower(address) LIKE ?"] * len(domains))
    rows = tx.rows(
        f"SELECT tenant, address FROM recipient WHERE state IN ('waiting', 'claimed', 'held', 'stopped') "
        f"AND (tenant = ? OR ? = '') AND ({at_domain})",
        (tenant, tenant, *(f"%@{domain}" for domain in domains)),
    )
    return [(name, address) for name, address in rows]

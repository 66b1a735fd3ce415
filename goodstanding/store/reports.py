"""Reports that came in: kept until they were read, and which of them were heard before."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from goodstanding.feedback.engagement import BURST
from goodstanding.store.db import Row, Tx

TURN = 0x7265706F7274
"""Advisory lock (PostgreSQL): one machine at a time reads reports."""


class Report(Struct, frozen=True, gc=False):
    """One report as it arrived."""

    at: float
    way: str
    """``smtp``, the name of the hook it was posted to, or ``hit`` of one of our own pictures and links."""
    remote: str
    """Address of the client."""
    sender: str
    """Envelope sender; empty for ``<>`` and for hooks; of a hit, the copy (`feedback.hits.copy_name`)."""
    recipient: str
    """Envelope recipient; of a hook, the content type."""
    octets: bytes
    id: int = 0


def add(tx: Tx, reports: Sequence[Report]) -> None:
    """Keep reports until they are read."""
    tx.insert(
        "INSERT INTO report (at, way, remote, sender, recipient, octets) VALUES",
        [(one.at, one.way, one.remote, one.sender, one.recipient, one.octets) for one in reports],
    )


def waiting(tx: Tx, limit: int, now: float) -> list[Report]:
    """The oldest that nobody has read, at second ``now`` (Unix time).

    Hits wait `BURST` seconds: what follows one tells whose it was.
    """
    rows = tx.rows(
        "SELECT at, way, remote, sender, recipient, octets, id FROM report WHERE way <> 'hit' OR at < ? "
        "ORDER BY id LIMIT ?",
        (now - BURST, limit),
    )
    return [_report(row) for row in rows]


def hits_about(tx: Tx, copies: Sequence[str]) -> list[bytes]:
    """All hits of these copies that wait, those that are too young to be read as well."""
    return [bytes(row[0]) for row in tx.among_rows("SELECT octets FROM report WHERE way = 'hit' AND sender IN", copies)]


def _report(row: Row) -> Report:
    at, way, remote, sender, recipient, octets, number = row
    return Report(at, way, remote, sender, recipient, bytes(octets), number)


def take(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Those of the reports that this transaction is the one to act on; their octets go with it."""
    tx.alone(TURN)
    return {row[0] for row in tx.among("DELETE FROM report WHERE id IN", list(ids), "RETURNING id")}


def there(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Those of the reports that nobody has taken, and nobody else takes before this transaction ends."""
    tx.alone(TURN)
    return {row[0] for row in tx.among_rows("SELECT id FROM report WHERE id IN", list(ids))}


def count(tx: Tx) -> int:
    """How many wait to be read."""
    row = tx.row("SELECT COUNT(*) FROM report")
    return int(row[0]) if row else 0


def weight(tx: Tx) -> int:
    """Octets that wait to be read, without reading them."""
    length = "LENGTH" if tx.engine == "sqlite" else "OCTET_LENGTH"
    row = tx.row(f"SELECT COALESCE(SUM({length}(octets)), 0) FROM report")
    return int(row[0]) if row else 0


def first_heard(tx: Tx, digests: Sequence[bytes], now: float) -> set[bytes]:
    """Those that were never heard before; from now on they were."""
    fresh: set[bytes] = set()
    for digest in digests:
        if tx.run("INSERT INTO report_heard (digest, at) VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, now)) == 1:
            fresh.add(digest)
    return fresh


def forget_heard(tx: Tx, before: float) -> int:
    """A chore: drop what was heard so long ago that nobody sends it again; how many went."""
    return tx.run("DELETE FROM report_heard WHERE at < ?", (before,))

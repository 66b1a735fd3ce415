"""The trust ledger: why people may be written to, and what they did. Rows are added, never changed.

The key of a row ends with the number of its entry (`admission.entries.number`): the same words are the same row, and
read from the highest number down a person's consents and withdrawals come first. The index of the key holds all that a
send decision judges (`SAID`), so that it reads no row: rows hold texts and addresses, and lie as they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from goodstanding.admission.entries import NAMED, Entry, evidence_of, number
from goodstanding.store.db import Row, Tx, Value

COLUMNS = 'at, kind, what, stream, purpose, expires, country, "class", address, evidence'
SAID = 'at, kind, what, stream, purpose, expires, country, "class", source'
"""What is in the index; of what proves an entry only where it came from."""
_INSERT = f"INSERT INTO ledger (tenant, person, id, {COLUMNS}, source) VALUES"
_MARKS = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TOGETHER, _ASKED = 3, 16
"""Rows added and people asked about in a statement: psycopg prepares none of more than 50 values, and an unprepared one
costs milliseconds."""
_WEIGHTY = 3 << 61  # the lowest number of a consent or withdrawal
_ERASED = "SELECT person, at FROM ledger WHERE tenant = ? AND person = ? AND id >= ? AND what = 'erasure'"
# One by one, joined: for a list of people PostgreSQL makes up its mind while the table is empty, and reads all of it.

Person = tuple[str, bytes, str]
"""Tenant, `admission.trust.person` within it, and the address as it was given."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry and whom it is about."""

    tenant: str
    person: bytes
    entry: Entry


Key = tuple[str, bytes, int]
FIRST_KEY: Key = ("", b"", 0)


def read(row: Row) -> Entry:
    """A row of `COLUMNS` as a value."""
    return Entry(*row)


def add(tx: Tx, rows: Sequence[Recorded]) -> list[Recorded]:
    """Record what is not recorded yet; those that were new, each once, in the order given."""
    rounded = [Recorded(each.tenant, each.person, _in_milliseconds(each.entry)) for each in rows]
    keyed = {(each.tenant, each.person, number(each.entry)): each for each in rounded}
    keys, new = list(keyed), set[Key]()
    for start in range(0, len(keys), _TOGETHER):
        part = keys[start : start + _TOGETHER]
        values = [value for key in part for value in (*key, *_columns(keyed[key].entry))]
        added = tx.rows(
            f"{_INSERT} {', '.join([_MARKS] * len(part))} ON CONFLICT DO NOTHING RETURNING tenant, person, id",
            values,
        )
        new.update((tenant, bytes(person), id) for tenant, person, id in added)
    return [each for key, each in keyed.items() if key in new]


def _columns(entry: Entry) -> tuple[Value, ...]:
    return *structs.astuple(entry), evidence_of(entry).source[:NAMED]


def _in_milliseconds(entry: Entry) -> Entry:
    """As `admission.entries.read_entry` has it: what is exported and imported again must be the same row."""
    at = round(entry.at, 3)
    return entry if at == entry.at else structs.replace(entry, at=at)


def withdraw(tx: Tx, whom: Person, streams: Sequence[str], now: float, evidence: str, how: str = "unsubscribed") -> int:
    """Record that somebody withdrew from each of these streams (empty: from all); how many entries are new.

    ``how`` is a word of ``trust.toml``; ``evidence`` is JSON.
    """
    tenant, person, address = whom
    said = [
        Entry(at=now, kind="withdrawal", what=how, stream=stream, address=address, evidence=evidence)
        for stream in streams or ("",)
    ]
    return len(add(tx, [Recorded(tenant, person, entry) for entry in said]))


def of(tx: Tx, tenant: str, person: bytes, limit: int = 1000) -> list[Entry]:
    """What is recorded of one person, consents and withdrawals first, each from the newest."""
    rows = tx.rows(
        f"SELECT {COLUMNS} FROM ledger WHERE tenant = ? AND person = ? ORDER BY id DESC LIMIT ?",
        (tenant, person, limit),
    )
    return [read(row) for row in rows]


def page(tx: Tx, tenant: str, after: Key = FIRST_KEY, limit: int = 1000) -> tuple[list[Recorded], Key]:
    """Rows of a tenant behind a key, by person and number, and the key of the last of them."""
    rows = tx.rows(
        f"SELECT tenant, person, id, {COLUMNS} FROM ledger "
        "WHERE tenant = ? AND (tenant, person, id) > (?, ?, ?) ORDER BY tenant, person, id LIMIT ?",
        (tenant, *after, limit),
    )
    last = (str(rows[-1][0]), bytes(rows[-1][1]), int(rows[-1][2])) if rows else after
    return [Recorded(row[0], bytes(row[1]), read(row[3:])) for row in rows], last


def count(tx: Tx, tenant: str) -> int:
    """How many rows there are of a tenant; empty: of all. Reads them all."""
    row = tx.row("SELECT COUNT(*) FROM ledger WHERE tenant = ? OR ? = ''", (tenant, tenant))
    return int(row[0]) if row else 0


def erased(tx: Tx, tenant: str, people: Sequence[bytes]) -> dict[bytes, float]:
    """Who of these people had their data erased, and when last: what happened before must not come back."""
    found: dict[bytes, float] = {}
    for start in range(0, len(people), _ASKED):
        part = people[start : start + _ASKED]
        values: list[Value] = [value for person in part for value in (tenant, person, _WEIGHTY)]
        rows = tx.rows(" UNION ALL ".join([_ERASED] * len(part)), values)
        for person, at in rows:
            found[bytes(person)] = max(at, found.get(bytes(person), 0.0))
    return found


def tenants(tx: Tx) -> list[tuple[str, str]]:
    """Every (tenant, country), by name."""
    return [(name, country) for name, country in tx.rows("SELECT name, country FROM tenant ORDER BY name")]

"""Rows of the suppression list. Every function is one query or two; the rules are `admission.suppression`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from goodstanding.admission.suppression import Suppression
from goodstanding.events import KINDS, Event
from goodstanding.store.db import BATCH, Row, Tx, Value

COLUMNS = "tenant, person, stream, cause, source, at, expires, strikes, address, evidence"
_SELECT = f"SELECT {COLUMNS} FROM suppression"

Person = tuple[str, bytes, bytes]
"""Tenant, the person within that tenant, and the same person within the platform (tenant empty)."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are meant; what is empty does not matter. ``stream`` None: any; empty: those of all streams."""

    tenant: str | None = None
    stream: str | None = None
    cause: str = ""
    live_at: float = 0.0
    """Only what holds at this second; 0: also what has run out."""


Key = tuple[str, bytes, str]
FIRST_KEY: Key = ("", b"", "")


def read(row: Row) -> Suppression:
    """A row of `COLUMNS` as a value."""
    tenant, person, *rest = row
    return Suppression(tenant, bytes(person), *rest)


def among(tx: Tx, people: Sequence[Person]) -> list[tuple[Suppression, ...]]:
    """All rows about each of these people, of their tenant and of the platform, in the order asked.

    What has run out is among them; `admission.suppression.strongest` decides. One query for 64 people.
    """
    answers: list[tuple[Suppression, ...]] = []
    for start in range(0, len(people), BATCH):
        part = people[start : start + BATCH]
        condition, values = _about(part)
        found: dict[tuple[str, bytes], list[Suppression]] = {}
        for each in map(read, tx.rows(f"{_SELECT} WHERE {condition}", values)):
            found.setdefault((each.tenant, each.person), []).append(each)
        answers += [
            (*found.get((tenant, person), ()), *found.get(("", everywhere), ())) for tenant, person, everywhere in part
        ]
    return answers


def _about(people: Sequence[Person]) -> tuple[str, list[Value]]:
    """A condition that both engines answer from the primary key; for pairs IN (VALUES ...) SQLite would scan."""
    by_tenant: dict[str, dict[bytes, None]] = {}
    for tenant, person, everywhere in people:
        by_tenant.setdefault(tenant, {})[person] = None
        by_tenant.setdefault("", {})[everywhere] = None
    clauses = [f"(tenant = ? AND person IN ({', '.join('?' * len(persons))}))" for persons in by_tenant.values()]
    values: list[Value] = []
    for tenant, persons in by_tenant.items():
        values += [tenant, *persons]
    return " OR ".join(clauses), values


def row(tx: Tx, tenant: str, person: bytes, stream: str) -> Suppression | None:
    """The row of one scope."""
    found = tx.row(f"{_SELECT} WHERE tenant = ? AND person = ? AND stream = ?", (tenant, person, stream))
    return read(found) if found else None


def of(tx: Tx, tenant: str, person: bytes) -> list[Suppression]:
    """The rows of one person within a tenant (or, tenant empty, the platform), by stream."""
    rows = tx.rows(f"{_SELECT} WHERE tenant = ? AND person = ? ORDER BY stream", (tenant, person))
    return [read(found) for found in rows]


def put(tx: Tx, rows: Sequence[Suppression]) -> None:
    """Write rows whole, over those of the same scopes."""
    written = ("cause", "source", "at", "expires", "strikes", "address", "evidence")
    over = ", ".join(f"{column} = excluded.{column}" for column in written)
    tx.many(
        f"INSERT INTO suppression ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        f"ON CONFLICT (tenant, person, stream) DO UPDATE SET {over}",
        [_values(each) for each in rows],
    )


def _values(each: Suppression) -> tuple[Value, ...]:
    return (
        *(each.tenant, each.person, each.stream, each.cause, each.source, each.at),
        *(each.expires, each.strikes, each.address, each.evidence),
    )


def remove(tx: Tx, rows: Sequence[Suppression]) -> None:
    """Delete rows."""
    tx.many(
        "DELETE FROM suppression WHERE tenant = ? AND person = ? AND stream = ?",
        [(each.tenant, each.person, each.stream) for each in rows],
    )


def page(tx: Tx, wanted: Filter, after: Key = FIRST_KEY, limit: int = 500) -> list[Suppression]:
    """Rows behind a key (`key_of` the last one seen), by tenant, person and stream."""
    clauses: list[tuple[str, list[Value]]] = [("(tenant, person, stream) > (?, ?, ?)", list(after))]
    if wanted.tenant is not None:
        clauses.append(("tenant = ?", [wanted.tenant]))
    if wanted.stream is not None:
        clauses.append(("stream = ?", [wanted.stream]))
    if wanted.cause:
        clauses.append(("cause = ?", [wanted.cause]))
    if wanted.live_at:
        clauses.append(("(expires = 0 OR expires > ?)", [wanted.live_at]))
    where = " AND ".join(clause for clause, _ in clauses)
    values = [value for _, given in clauses for value in given]
    rows = tx.rows(f"{_SELECT} WHERE {where} ORDER BY tenant, person, stream LIMIT ?", [*values, limit])
    return [read(found) for found in rows]


def key_of(each: Suppression) -> Key:
    """Where a row stands in the order of `page`."""
    return each.tenant, each.person, each.stream


def counts(tx: Tx, now: float) -> list[tuple[str, str, str, int]]:
    """(tenant, stream, cause, people) of what holds now."""
    rows = tx.rows(
        "SELECT tenant, stream, cause, COUNT(*) FROM suppression WHERE expires = 0 OR expires > ? "
        "GROUP BY tenant, stream, cause ORDER BY tenant, stream, cause",
        (now,),
    )
    return [(tenant, stream, cause, int(count)) for tenant, stream, cause, count in rows]


def tenants(tx: Tx) -> list[str]:
    """Every tenant, the platform (empty) first: whose people somebody may be."""
    return ["", *(name for (name,) in tx.rows("SELECT name FROM tenant ORDER BY name"))]


def erase(tx: Tx, tenant: str, person: bytes) -> int:
    """Forget address and evidence of a person and keep the suppression, as a keyed hash; how many rows."""
    return tx.run(
        "UPDATE suppression SET address = '', evidence = '' WHERE tenant = ? AND person = ?", (tenant, person)
    )


def forget(tx: Tx, before: float) -> int:
    """Delete leases that ended before a second (`admission.suppression.REMEMBERED` ago); how many went."""
    return tx.run("DELETE FROM suppression WHERE expires > 0 AND expires < ?", (before,))


def told_without_message(tx: Tx, addresses: Sequence[str]) -> list[Event]:
    """Journal entries about suppressing these addresses that belong to no message; the others hang on theirs."""
    kinds = ("suppressed", "unsuppressed", "unsubscribed")
    rows = tx.rows(
        "SELECT kind, details FROM journal WHERE message = 0 AND kind IN (?, ?, ?) "
        f"AND recipient IN ({', '.join('?' * len(addresses))}) ORDER BY seq",
        (*kinds, *addresses),
    )
    return [msgspec.json.decode(details, type=KINDS[kind]) for kind, details in rows]

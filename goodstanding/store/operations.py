"""Operations: what a program began over HTTP, so that the same request never sends twice and can be asked about."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from goodstanding.store.db import Tx, Value
from goodstanding.submission.operation import Begun


class Operation(Struct, frozen=True, gc=False):
    """One that is known."""

    id: str
    created: float
    digest: bytes
    document: str
    """JSON: what became of it."""


def claim(tx: Tx, wanted: Sequence[Begun]) -> list[bool]:
    """Which of them are new, and known from now on; of two with one id, or one signature, the first is."""
    rows: list[tuple[Value, ...]] = [
        (one.subscription, one.id, one.at, one.digest, one.proof or None) for one in wanted
    ]
    found = tx.inserted(
        "INSERT INTO operation (subscription, id, created, digest, proof) VALUES",
        rows,
        "ON CONFLICT DO NOTHING RETURNING subscription, id",
    )
    new = {(subscription, name) for subscription, name in found}
    fresh: list[bool] = []
    for one in wanted:
        name = (one.subscription, one.id)
        fresh.append(name in new)
        new.discard(name)
    return fresh


def conclude(tx: Tx, concluded: Sequence[tuple[Begun, str]]) -> None:
    """Write down what became of them."""
    tx.insert(
        "UPDATE operation SET document = told.column3 FROM (VALUES",
        [(one.subscription, one.id, document) for one, document in concluded],
        ") AS told WHERE subscription = told.column1 AND id = told.column2",
    )


def forget(tx: Tx, ended: Sequence[Begun]) -> None:
    """Nothing came of them: the same may be asked for again."""
    tx.many("DELETE FROM operation WHERE subscription = ? AND id = ?", [(one.subscription, one.id) for one in ended])


def find(tx: Tx, subscription: str, name: str) -> Operation | None:
    """An operation of a subscription."""
    row = tx.row(
        "SELECT id, created, digest, document FROM operation WHERE subscription = ? AND id = ?", (subscription, name)
    )
    return Operation(row[0], row[1], bytes(row[2]), row[3]) if row else None


def find_like(tx: Tx, one: Begun) -> Operation | None:
    """The one that is known by this id, or by this signature."""
    found = find(tx, one.subscription, one.id)
    if found is not None or not one.proof:
        return found
    row = tx.row(
        "SELECT id, created, digest, document FROM operation WHERE subscription = ? AND proof = ?",
        (one.subscription, one.proof),
    )
    return Operation(row[0], row[1], bytes(row[2]), row[3]) if row else None


def prune(tx: Tx, before: float, limit: int = 5000) -> int:
    """Forget operations that began before; how many."""
    return tx.run(
        "DELETE FROM operation WHERE (subscription, id) IN "
        "(SELECT subscription, id FROM operation WHERE created < ? LIMIT ?)",
        (before, limit),
    )

"""Mail of our own that is to go out: written down with what it tells of, queued by a worker a moment later."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from goodstanding.enforcement.notices import Notice
from goodstanding.store.db import Tx


class Due(Struct, frozen=True, gc=False):
    """A notice that no worker has queued yet."""

    id: int
    notice: Notice


def add(tx: Tx, notices: Sequence[Notice]) -> None:
    """Write notices down, in the transaction of what they tell."""
    tx.insert(
        "INSERT INTO notice (recipient, subject, body) VALUES", [(one.to, one.subject, one.text) for one in notices]
    )


def due(tx: Tx, limit: int) -> list[Due]:
    """The oldest that wait."""
    rows = tx.rows("SELECT id, recipient, subject, body FROM notice ORDER BY id LIMIT ?", (limit,))
    return [Due(row[0], Notice(*row[1:])) for row in rows]


def take(tx: Tx, number: int) -> bool:
    """Whether this transaction is the one to queue it."""
    return tx.run("DELETE FROM notice WHERE id = ?", (number,)) == 1

"""The number that counts every change of the estate, so that workers notice one without looking at everything."""

from __future__ import annotations

from goodstanding.store.db import Tx


def touch(tx: Tx) -> None:
    """Say that the estate has changed: workers read it anew within a second of the commit."""
    tx.run("UPDATE estate_serial SET newest = newest + 1")


def alone(tx: Tx) -> None:
    """Wait until nobody else is changing the estate, and keep others from it until this transaction ends.

    For those who compare before they change: SQLite has one writer anyway, PostgreSQL many.
    """
    tx.run("UPDATE estate_serial SET newest = newest")


def revision(tx: Tx) -> tuple[int, ...]:
    """Changes whenever the estate does: cheap to ask, so workers ask every second."""
    row = tx.row(
        "SELECT newest, (SELECT COUNT(*) FROM credential), (SELECT COUNT(*) FROM credential WHERE revoked IS NOT NULL) "
        "FROM estate_serial"
    )
    return tuple(row or ())

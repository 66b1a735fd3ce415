"""Declared incidents: recorded exceptions for breach notices, mass resets and their like."""

from __future__ import annotations

from goodstanding.admission.books import Incident
from goodstanding.store.db import Tx

_COLUMNS = "name, tenant, subscription, at, until, recipients, because, pool"


def put(tx: Tx, incident: Incident, by: str) -> bool:
    """Record an incident; whether its name was free."""
    return (
        tx.run(
            'INSERT INTO incident (name, tenant, subscription, because, "by", at, until, recipients, pool) '
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
            (
                *(incident.name, incident.tenant, incident.subscription, incident.because, by),
                *(incident.at, incident.until, incident.recipients, incident.pool),
            ),
        )
        > 0
    )


def declared(tx: Tx) -> list[Incident]:
    """All of them, the newest first."""
    return [Incident(*row) for row in tx.rows(f"SELECT {_COLUMNS} FROM incident ORDER BY at DESC, name")]


def end(tx: Tx, name: str, now: float) -> Incident | None:
    """Let an incident be over now; None when there is none of that name under way."""
    row = tx.row(f"SELECT {_COLUMNS} FROM incident WHERE name = ? AND until > ?", (name, now))
    if row is None:
        return None
    tx.run("UPDATE incident SET until = ? WHERE name = ?", (now, name))
    return Incident(*row)

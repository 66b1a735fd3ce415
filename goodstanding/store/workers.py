"""Which workers live: what a worker has claimed is its own as long as its row stands here.

One lease per worker instead of one per recipient: a claim costs no extra write, and a dead worker's mail is freed at
once. A worker that was declared dead (paused for a minute, say) notices at its next commit, because the row is gone,
and must stop: its mail belongs to others now.
"""

from __future__ import annotations

from dataclasses import dataclass

from goodstanding.errors import StoreError
from goodstanding.model import WorkerId
from goodstanding.store.db import Tx

LEASE = 60.0
"""Seconds without a sign of life after which a worker of another machine counts as dead."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One life of one worker process."""

    id: WorkerId
    slot: int
    """0 to 1023, unlike every other living worker's: part of the message ids it gives out."""


def register(tx: Tx, host: str, pid: int, now: float) -> Worker:
    """A new worker; its id is greater than every one before it."""
    rows = tx.rows("SELECT id, slot FROM worker")
    taken = {slot for _, slot in rows}
    slot = next(slot for slot in range(1024) if slot not in taken)
    newest = max([int(now), *(worker for worker, _ in rows)])  # rows go, so time keeps the ids from coming back
    values = (newest + 1, host, pid, slot, now, now)
    tx.run("INSERT INTO worker (id, host, pid, slot, started, beat) VALUES (?, ?, ?, ?, ?, ?)", values)
    return Worker(WorkerId(newest + 1), slot)


def beat(tx: Tx, worker: WorkerId, now: float) -> None:
    """A sign of life. Raises StoreError when others have taken over this worker's mail."""
    if not tx.run("UPDATE worker SET beat = ? WHERE id = ?", (now, worker)):
        raise StoreError(f"worker {worker} was declared dead by another; its claims are gone")


def alive(tx: Tx, worker: WorkerId) -> bool:
    """Whether the worker's claims still stand."""
    return tx.row("SELECT 1 FROM worker WHERE id = ?", (worker,)) is not None


def bury(tx: Tx, worker: WorkerId, now: float) -> int:
    """Free everything a worker claimed: due at once, its spool segments closed. How many recipients that were."""
    freed = tx.run(
        "UPDATE recipient SET state = 'waiting', due = ?, owner = 0 WHERE owner = ? AND state = 'claimed'",
        (now, worker),
    )
    tx.run("UPDATE segment SET closed = 1 WHERE owner = ?", (worker,))
    tx.run("DELETE FROM worker WHERE id = ?", (worker,))
    return freed


def dead(tx: Tx, now: float, host: str, alone: bool) -> list[WorkerId]:
    """Workers whose lease ran out; with ``alone``, also all of this host (its supervisor has just started)."""
    rows = tx.rows("SELECT id FROM worker WHERE beat < ? OR (host = ? AND ? = 1)", (now - LEASE, host, int(alone)))
    return [WorkerId(row[0]) for row in rows]

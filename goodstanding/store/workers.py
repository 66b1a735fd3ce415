"""Which workers live: what a worker has claimed is its own as long as its row stands here.

One lease per worker instead of one per recipient: a claim costs no extra write, and a dead worker's mail is freed at
once. A worker that was declared dead (paused for a minute, say) notices at its next commit, because the row is gone,
and must stop: its mail belongs to others now.
"""

from __future__ import annotations

from dataclasses import dataclass

from goodstanding.errors import LeaseLost
from goodstanding.model import WorkerId
from goodstanding.store.db import Tx
from goodstanding.store.queue import LET_GO

LEASE = 60.0
"""Seconds without a sign of life after which a worker of another machine counts as dead."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One life of one worker process."""

    id: WorkerId
    slot: int
    """0 to 1023, unlike every other living worker's: part of the message ids it gives out."""


def register(tx: Tx, host: str, pid: int, now: float) -> Worker:
    """A new worker; its id is greater than every one before it, also of the dead: segments and claims carry it."""
    serial = tx.row("UPDATE worker_serial SET newest = newest + 1 RETURNING newest")
    assert serial is not None
    taken = {row[0] for row in tx.rows("SELECT slot FROM worker")}
    slot = next(slot for slot in range(1024) if slot not in taken)
    values = (serial[0], host, pid, slot, now, now)
    tx.run("INSERT INTO worker (id, host, pid, slot, started, beat) VALUES (?, ?, ?, ?, ?, ?)", values)
    return Worker(WorkerId(serial[0]), slot)


def beat(tx: Tx, worker: WorkerId, now: float) -> None:
    """A sign of life. Raises LeaseLost when others have taken over this worker's mail."""
    if not tx.run("UPDATE worker SET beat = ? WHERE id = ?", (now, worker)):
        raise LeaseLost(f"worker {worker} was declared dead by another; its claims are gone")


def alive(tx: Tx, worker: WorkerId) -> bool:
    """Whether the worker's claims still stand; they do until this transaction ends."""
    return tx.row(f"SELECT 1 FROM worker WHERE id = ?{tx.keep_row}", (worker,)) is not None


def bury(tx: Tx, worker: WorkerId, now: float) -> int:
    """Free everything a worker claimed: due at once, its spool segments closed. How many recipients that were.

    Its row goes first: that waits for a transaction the worker may have open, so that what this claims is freed too.
    Files of segments that nobody waits in any more are left to `goodstanding.store.spool.sweep`.
    """
    tx.run("DELETE FROM worker WHERE id = ?", (worker,))
    freed = tx.run(
        f"UPDATE recipient SET {LET_GO}, due = ? WHERE owner = ? AND state = 'claimed'",
        (now, worker),
    )
    tx.run("DELETE FROM segment WHERE owner = ? AND live <= 0", (worker,))
    tx.run("UPDATE segment SET closed = 1 WHERE owner = ?", (worker,))
    return freed


def dead(tx: Tx, now: float, host: str, alone: bool) -> list[WorkerId]:
    """Workers whose lease ran out; with ``alone``, also all of this host (its supervisor has just started)."""
    rows = tx.rows("SELECT id FROM worker WHERE beat < ? OR (host = ? AND ? = 1)", (now - LEASE, host, int(alone)))
    return [WorkerId(row[0]) for row in rows]


def eldest(tx: Tx) -> WorkerId | None:
    """The living worker that does the chores of all."""
    row = tx.row("SELECT MIN(id) FROM worker")
    return WorkerId(row[0]) if row and row[0] is not None else None

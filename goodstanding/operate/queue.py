"""Verbs on what waits: hold, release, retry, drop.

They work in batches of `BATCH`, each one transaction with its journal entries: a verb over a million recipients never
keeps the writers waiting, and what an interrupted one has done so far is done properly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from goodstanding.events import Dropped, Event, Held, Released, Retried
from goodstanding.store import journal, listing
from goodstanding.store.db import Database, Tx
from goodstanding.store.listing import FIRST_KEY, Changed, Filter, Key
from goodstanding.store.spool import Spool

BATCH = 500
"""Recipients a verb changes in one transaction: some ten milliseconds."""
ASK_EVERY = 0.25


@dataclass(frozen=True, slots=True)
class Order:
    """Whom a verb concerns, who gives it, and why."""

    filter: Filter
    by: str
    because: str = ""
    patience: float = 3.0
    """Seconds to wait for workers to hand over what they claimed and did not begin; they look twice a second."""
    told: Callable[[Sequence[Event]], None] = lambda events: None  # hears of the journal entries of every commit


@dataclass(frozen=True, slots=True)
class Effect:
    """What a verb came to, in recipients."""

    changed: int = 0
    under_way: int = 0
    """Being attempted just now: their worker knows the wish, and grants it unless the attempt ends the matter."""


Watch = Callable[[Effect], None]
"""Told the effect so far after each batch."""


def unwatched(effect: Effect) -> None:
    """Nobody looks."""


def hold(database: Database, order: Order, watch: Watch = unwatched) -> Effect:
    """Stop what waits, until it is released."""

    def tell(tx: Tx, held: list[Changed], now: float) -> None:
        journal.append(tx, [Held(r.tenant, r.message, r.n, now, r.recipient, order.by, order.because) for r in held])

    def batch(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        held, under_way = listing.hold(tx, keys)
        tell(tx, held, now)
        return len(held), under_way

    def again(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        granted = listing.granted(tx, keys)
        tell(tx, granted, now)
        held, under_way = batch(tx, keys, now)
        return len(granted) + held, under_way

    return _Run(database, order, watch).carry_out(batch, again)


def release(database: Database, order: Order, watch: Watch = unwatched) -> Effect:
    """Let what is held go on, at once; wishes to hold or drop what is under way are withdrawn."""

    def batch(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        released, withdrawn = listing.release(tx, keys, now)
        journal.append(tx, [Released(r.tenant, r.message, r.n, now, r.recipient, order.by) for r in released])
        return len(released), withdrawn

    return _Run(database, order, watch).carry_out(batch)


def retry(database: Database, order: Order, watch: Watch = unwatched) -> Effect:
    """Try what waits for later at once. What is held stays held: release it."""

    def batch(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        retried = listing.retry(tx, keys, now)
        journal.append(tx, [Retried(r.tenant, r.message, r.n, now, r.recipient, order.by) for r in retried])
        return len(retried), []

    return _Run(database, order, watch).carry_out(batch)


def drop(database: Database, spool: Spool, order: Order, watch: Watch = unwatched) -> Effect:
    """Take recipients out of the queue for good; nobody is told."""

    def batch(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        dropped, under_way, gone = listing.drop(tx, keys)
        events = [Dropped(r.tenant, r.message, r.n, now, r.recipient, order.by, order.because) for r in dropped]
        journal.append(tx, events)
        spool.forget(tx, gone)
        return len(dropped), under_way

    return _Run(database, order, watch, spool).carry_out(batch, batch)


Batch = Callable[[Tx, list[Key], float], tuple[int, list[Key]]]
"""Changes recipients in a transaction: how many were changed, and which are under way."""


class _Run:
    """One verb on its way through the queue, batch by batch."""

    def __init__(self, database: Database, order: Order, watch: Watch, spool: Spool | None = None) -> None:
        self._database = database
        self._order = order
        self._watch = watch
        self._spool = spool
        self._changed = 0
        self._under_way: list[Key] = []

    def carry_out(self, batch: Batch, again: Batch | None = None) -> Effect:
        """Change every recipient meant; ask ``again`` for a while about those that were under way."""
        last = FIRST_KEY
        while keys := self._next(last):
            last = keys[-1]
            self._under_way += self._commit(batch, keys)
        deadline = time.monotonic() + self._order.patience
        while again is not None and self._under_way and time.monotonic() < deadline:
            time.sleep(ASK_EVERY)
            waiting, self._under_way = self._under_way, []
            for at in range(0, len(waiting), BATCH):
                self._under_way += self._commit(again, waiting[at : at + BATCH])
        return Effect(self._changed, len(self._under_way))

    def _next(self, last: Key) -> list[Key]:
        """Looking needs no write lock, so it does not hold up those who write."""
        with self._database.read() as tx:
            return listing.select(tx, self._order.filter, last, BATCH)

    def _commit(self, batch: Batch, keys: list[Key]) -> list[Key]:
        """One batch, durably; those under way."""
        try:
            with self._database.tx() as tx:
                changed, under_way = batch(tx, keys, time.time())
        except BaseException:
            if self._spool is not None:
                self._spool.undone()
            raise
        if self._spool is not None:
            self._spool.committed()
        self._order.told(tx.appended)
        self._changed += changed
        self._watch(Effect(self._changed, len(self._under_way)))
        return under_way

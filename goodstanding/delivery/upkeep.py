"""Chores that keep the queue healthy: dead workers' mail freed, operators' drops obeyed, stragglers moved, old journal
entries forgotten. The eldest living worker does them, a little at a time, through the same writer as everything else.

A segment is deleted when nobody waits in it. One message that is retried for days would keep the bytes of ten thousand
delivered ones on disk; so when little of a closed segment is still needed, that little is copied to the newest one.
"""

from __future__ import annotations

import asyncio

import structlog

from goodstanding.admission.ration import Policy
from goodstanding.admission.suppression import REMEMBERED
from goodstanding.delivery.run import Means
from goodstanding.enforcement.act import forget_campaigns
from goodstanding.errors import StoreError
from goodstanding.model import MessageId
from goodstanding.store import conduct, journal, operations, quarantine, queue, suppression, workers
from goodstanding.store.content import fetch
from goodstanding.store.db import Tx
from goodstanding.store.spool import Content, Place, segment_path, sweep
from goodstanding.store.writer import Places

log = structlog.get_logger("upkeep")

EVERY = 20.0
"""Seconds between rounds."""
ROUNDS_TO_MOVE = 15
"""Stragglers are looked for every so many rounds: five minutes."""
WORTH_MOVING = 0.25
"""A closed segment of whose messages less than this share still waits is emptied."""
MOVES_A_ROUND = 2000
BATCH = 500
"""Quarantined recipients that flow or expire in one round."""
OPERATION_DAYS = 7
"""Days for which a program may ask what became of an operation, and does not begin it again."""
DAY = 86_400.0


class Upkeep:
    """The chores of one worker, should it be the eldest."""

    def __init__(self, means: Means, host: str, journal_days: float, policy: Policy) -> None:
        self._means = means
        self._policy = policy
        self._host = host
        self._journal_days = journal_days

    async def run(self) -> None:
        """Do a round every `EVERY` seconds, until cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(EVERY)
            rounds += 1
            try:
                await self._means.writer.submit(self._tidy, None)
                if rounds % ROUNDS_TO_MOVE == 0:
                    await self.move_stragglers()
            except (StoreError, OSError) as exc:
                log.error("upkeep put off", error=str(exc))

    def _tidy(self, tx: Tx, batch: list[tuple[None, Places]]) -> None:
        """Unit of work: everything that is only rows."""
        now = self._means.clock.now()
        if workers.eldest(tx) != self._means.worker:
            return
        for worker in workers.dead(tx, now, self._host, alone=False):
            freed = workers.bury(tx, worker, now)
            log.warning("worker buried after silence", worker=worker, recipients_freed=freed)
        gone, events = queue.drop_wished(tx, now)
        self._means.spool.forget(tx, gone)
        journal.append(tx, events)
        quarantine.expire(tx, now, BATCH)
        conduct.flow(tx, self._policy, now, BATCH)
        forget_campaigns(tx, now)
        suppression.forget(tx, now - REMEMBERED)
        journal.prune(tx, now - self._journal_days * DAY)
        operations.prune(tx, now - OPERATION_DAYS * DAY)
        if not self._means.spool.in_database:
            sweep(self._means.spool.folder, tx)

    async def move_stragglers(self) -> int:
        """Copy what little is needed out of almost empty segments; how many messages were moved."""
        means = self._means
        if means.spool.in_database or not await asyncio.to_thread(self._is_eldest):
            return 0
        moved = 0
        for message, place in await asyncio.to_thread(self._stragglers):
            prefix, *body = await asyncio.to_thread(self._read, message, place)
            content = Content(message, body, place.size, prefix)
            await means.writer.submit(self._move, (message, place.segment), content)
            moved += 1
        if moved:
            log.info("stragglers moved", messages=moved)
        return moved

    def _read(self, message: MessageId, place: Place) -> list[bytes]:
        return list(fetch(self._means.spool, self._means.database, message, place))

    def _is_eldest(self) -> bool:
        with self._means.database.read() as tx:
            return workers.eldest(tx) == self._means.worker

    def _stragglers(self) -> list[tuple[MessageId, Place]]:
        """Messages in almost empty segments that are on this machine."""
        means = self._means
        with means.database.read() as tx:
            found = queue.stragglers(tx, WORTH_MOVING, MOVES_A_ROUND)
        return [(m, place) for m, place in found if segment_path(means.spool.folder, place.segment).exists()]

    def _move(self, tx: Tx, batch: list[tuple[tuple[MessageId, int], Places]]) -> None:
        """Unit of work: rows that point at the copies."""
        moves = [(message, old, places[0]) for (message, old), places in batch]
        self._means.spool.forget(tx, queue.move(tx, moves))

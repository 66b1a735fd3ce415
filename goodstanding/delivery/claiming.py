"""Claims due mail for the delivery loop whenever it has room, and obeys what operators wish of mail it has claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from goodstanding.delivery.run import UNSETTLED_LIMIT, Delivery
from goodstanding.errors import StoreError
from goodstanding.store import queue
from goodstanding.store.db import Tx
from goodstanding.store.queue import FIRST_BULK_LANE, FIRST_LANE, Claimed, Lane, Want
from goodstanding.store.writer import Places

log = structlog.get_logger("delivery")

LOOK_AGAIN = 0.5
"""Seconds between looks at the store for due mail and operators' wishes."""
ROUNDS: tuple[tuple[Lane, int, int], ...] = ((FIRST_LANE, 0, 0), (FIRST_BULK_LANE, 1, 2))
"""Where each of the two goes round begins, its first and its last rank.

Transactional mail has a cursor of its own: on one for all it would wait until every bulk lane has been looked at.
"""


Again = Callable[[Tx, Sequence[Claimed]], list[Claimed]]
"""Looks at claims again, in their transaction: some may have to be returned meanwhile."""


def as_they_are(tx: Tx, claims: Sequence[Claimed]) -> list[Claimed]:
    """Nothing has changed."""
    return list(claims)


class Claiming:
    """One worker's way of getting at what waits in the store."""

    def __init__(self, delivery: Delivery, again: Again = as_they_are) -> None:
        self._delivery = delivery
        self._again = again
        self._cursors = [start for start, _, _ in ROUNDS]
        self._more = False
        """Mail was due when last looked."""

    async def run(self) -> None:
        """Claim and obey until the delivery loop stops."""
        delivery = self._delivery
        while not delivery.stopping:
            delivery.hungry.clear()
            delivery.look_round()
            try:
                await self._obey_wishes()
                await self._claim()
            except StoreError as exc:
                log.error("cannot claim", error=str(exc))
            await self._rest()

    async def _rest(self) -> None:
        """Until there is room for more of what is due, or for a moment when nothing is."""
        delivery = self._delivery
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await delivery.hungry.wait()
                if not self._more:
                    await asyncio.sleep(LOOK_AGAIN)
        except TimeoutError:
            pass

    async def _claim(self) -> None:
        delivery = self._delivery
        if not delivery.settings.enabled or delivery.record.unsettled > UNSETTLED_LIMIT:
            return
        now = delivery.clock.now()
        if all(cursor == start for cursor, (start, _, _) in zip(self._cursors, ROUNDS, strict=True)):
            due = await asyncio.to_thread(self._next_due)
            self._more = due is not None and due <= now
            if not self._more:
                return
        for i in range(len(ROUNDS)):
            await self._go_on(i, now)

    async def _go_on(self, i: int, now: float) -> None:
        """Claim some more on one of the two rounds, if there is room."""
        delivery, limit = self._delivery, self._delivery.settings.ready_limit
        start, first_rank, last_rank = ROUNDS[i]
        room = delivery.ready.room(first_rank)
        if room < limit // 8:
            return
        want = Want(
            *(delivery.worker, now, room, max(1, limit // 8), self._cursors[i], delivery.has_enough),
            a_tenant=max(1, limit // 4),
            last_rank=last_rank,
        )
        claims, cursor = await delivery.means.writer.submit(self._book, want)
        self._cursors[i] = start if cursor == FIRST_LANE else cursor
        for claimed in claims:
            delivery.intake(claimed, None)

    def _next_due(self) -> float | None:
        with self._delivery.means.database.read() as tx:
            return queue.next_due(tx)

    async def _obey_wishes(self) -> None:
        """Give back what an operator wants held or dropped and no courier has taken yet."""
        wished = set(await asyncio.to_thread(self._wishes))
        if wished:
            self._delivery.withdraw(lambda job: any((job.claimed.message, one.n) in wished for one in job.recipients))

    def _wishes(self) -> list[tuple[int, int]]:
        with self._delivery.means.database.read() as tx:
            return queue.wished(tx, self._delivery.worker)

    def _book(self, tx: Tx, batch: list[tuple[Want, Places]]) -> list[tuple[list[Claimed], Lane]]:
        """Unit of work: book attempts for due mail."""
        booked = [queue.claim(tx, want) for want, _ in batch]
        return [(self._again(tx, claims) if claims else claims, cursor) for claims, cursor in booked]

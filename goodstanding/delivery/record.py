"""Writes the ends of attempts: queue rows, journal, notices and freed spool places in one transaction per attempt.

An outcome is never given up: while the store cannot, it is kept and offered again. Until it is written the recipient
stays claimed by this worker, so nobody else attempts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from goodstanding.delivery.notices import Notice, Ours, notice
from goodstanding.delivery.settling import Ruling
from goodstanding.errors import LeaseLost, StoreError
from goodstanding.events import Event
from goodstanding.model import MessageId, WorkerId
from goodstanding.outside import Clock
from goodstanding.store import journal, queue
from goodstanding.store.db import Tx
from goodstanding.store.queue import Claimed, Settlement
from goodstanding.store.spool import Content, Spool
from goodstanding.store.writer import Apply, Places, Writer

log = structlog.get_logger("delivery")

AGAIN_AFTER = 1.0
"""Seconds until a store that could not is asked again."""


@dataclass(frozen=True, slots=True)
class _End:
    """What one attempt leaves to be written."""

    settlements: tuple[Settlement, ...]
    more: tuple[Event, ...]
    notice: Notice | None


def unheard(tx: Tx, events: Sequence[Event]) -> None:
    """Nobody listens."""


class Record:
    """Settles attempts for one worker."""

    def __init__(
        self, writer: Writer, spool: Spool, clock: Clock, ours: Ours, next_id: Callable[[float], MessageId]
    ) -> None:
        self._writer = writer
        self._spool = spool
        self._clock = clock
        self.ours = ours
        self._next_id = next_id
        self.heard: Callable[[Tx, Sequence[Event]], None] = unheard
        """Hears, in their transaction, how attempts ended."""
        self._tasks: set[asyncio.Future[Any]] = set()
        self.unsettled = 0

    def settle(self, claimed: Claimed, rulings: Sequence[Ruling], original: Callable[[], Iterable[bytes]]) -> None:
        """Have the rulings of one attempt written; returns at once. ``original`` reads the body as submitted."""
        notices = [ruling.notice for ruling in rulings if ruling.notice is not None]
        told = None
        if notices:
            now = self._clock.now()
            try:
                told = notice(claimed, notices, original(), self._next_id(now), self.ours, now)
            except (OSError, StoreError) as exc:
                log.error("notice without original", message=claimed.message, error=str(exc))
                told = notice(claimed, notices, (), self._next_id(now), self.ours, now)
        settlements = tuple(
            Settlement(
                *(claimed.message, ruling.n, claimed.sole, ruling.final, ruling.event),
                *(ruling.due, ruling.reply, ruling.warned, ruling.unbook),
            )
            for ruling in rulings
        )
        end = _End(settlements, tuple(event for ruling in rulings for event in ruling.more), told)
        self._write(self._apply, end, (told.content,) if told else ())

    def give_back(self, worker: WorkerId, recipients: Sequence[tuple[int, int]]) -> None:
        """Unbook claims that will not be attempted now; returns at once."""
        self._write(_give_back, (worker, recipients))

    async def settled(self) -> None:
        """Wait until everything handed over is written."""
        while self.unsettled:
            await asyncio.sleep(0.01)

    def _write(self, apply: Apply, value: object, contents: tuple[Content, ...] = ()) -> None:
        self.unsettled += 1
        future = self._writer.submit(apply, value, *contents)
        future.add_done_callback(lambda done: self._written(done, (apply, value, contents)))

    def _written(self, future: asyncio.Future[Any], work: tuple[Apply, object, tuple[Content, ...]]) -> None:
        self.unsettled -= 1
        if future.cancelled() or future.exception() is None:
            return
        exc = future.exception()
        if isinstance(exc, LeaseLost):
            return  # others attempt these recipients now, and what became of them here is not ours to say
        self.unsettled += 1
        asyncio.get_running_loop().call_later(AGAIN_AFTER, self._again, work)
        if not isinstance(exc, StoreError):
            log.error("settling failed", exc_info=exc)
        else:
            log.error("outcome kept until the store can take it", error=str(exc))

    def _again(self, work: tuple[Apply, object, tuple[Content, ...]]) -> None:
        self.unsettled -= 1
        self._write(*work)

    def _apply(self, tx: Tx, batch: list[tuple[_End, Places]]) -> None:
        """Unit of work: the ends of all attempts of one commit."""
        gone = queue.settle(tx, [settlement for end, _ in batch for settlement in end.settlements])
        self._spool.forget(tx, gone)
        journal.append(tx, [event for end, _ in batch for event in end.more])
        self.heard(tx, [s.event for end, _ in batch for s in end.settlements if s.event is not None])
        queue.add(tx, [(end.notice.entry, places[0]) for end, places in batch if end.notice])


def _give_back(tx: Tx, batch: list[tuple[tuple[WorkerId, Sequence[tuple[int, int]]], Places]]) -> None:
    """Unit of work: claims that were not used."""
    for (worker, recipients), _ in batch:
        queue.give_back(tx, worker, recipients)

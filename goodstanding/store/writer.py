"""Group commit: many units of work from the event loop, one thread, one spool write, one transaction, one fsync each.

While a commit runs, what arrives gathers; the next commit takes all of it. So the busier it is, the more messages
share an fsync, and nobody waits for a timer: a group is closed after some turns of the event loop, which take
microseconds while it is idle, and bring the more company the longer they take. A unit's future resolves only after
the commit that holds it is durable.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from goodstanding.errors import LeaseLost, StoreError
from goodstanding.events import Event
from goodstanding.model import WorkerId
from goodstanding.store import queue, workers
from goodstanding.store.db import Database, Tx
from goodstanding.store.spool import Content, Place, Spool

V = TypeVar("V")
R = TypeVar("R")

Places = tuple[Place, ...]
"""Where the contents of one unit are, in the order they were given."""

Apply = Callable[[Tx, list[tuple[Any, Places]]], Sequence[Any] | None]
"""What a kind of unit does: all its values of one commit, each with the places of its contents, in one call."""

TURNS = 10
"""Turns of the event loop that a group waits for company."""


@dataclass(slots=True)
class _Unit(Generic[V]):
    apply: Apply
    value: V
    contents: tuple[Content, ...]
    done: asyncio.Future[Any]


class Writer:
    """The one writer thread of a worker process."""

    def __init__(
        self,
        database: Database,
        spool: Spool,
        worker: WorkerId,
        limit: int,
        told: Callable[[Sequence[Event]], None] = lambda events: None,
    ) -> None:
        """``told`` hears, in the writer thread, of the journal entries of every commit."""
        self._database = database
        self.spool = spool
        self._worker = worker
        self._limit = limit
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Unit[Any]] = []
        self._busy = False
        """A group is being committed, or about to be handed over."""
        self._stopping = False
        self._groups: SimpleQueue[list[_Unit[Any]]] = SimpleQueue()
        self.commits = 0
        self.units = 0
        self.failures = 0
        self.last_failure = ""
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Writer {self.units} units in {self.commits} commits, {len(self._waiting)} waiting>"

    def submit(self, apply: Apply, value: Any, *contents: Content) -> asyncio.Future[Any]:
        """Ask for a durable unit of work; the future fails with StoreError when the store cannot."""
        unit = _Unit(apply, value, contents, self._loop.create_future())
        if self._stopping:
            unit.done.set_exception(StoreError("this worker is stopping"))
            return unit.done
        self._waiting.append(unit)
        if not self._busy:
            self._busy = True
            self._gather(TURNS)
        return unit.done

    @property
    def waiting(self) -> int:
        """Units not yet in a commit."""
        return len(self._waiting)

    async def close(self) -> None:
        """Commit what is waiting, then end the thread."""
        self._stopping = True
        while self._busy:
            await asyncio.sleep(0.002)
        self._groups.put([])
        await self._loop.run_in_executor(None, self._thread.join)

    def _gather(self, turns: int) -> None:
        """Hand over after so many more turns of the loop."""
        if turns:
            self._loop.call_soon(self._gather, turns - 1)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        """Give the thread everything that waits. Only one group is under way, so nothing else needs a lock."""
        group, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
        self._groups.put(group)

    def _handed_back(self, group: list[_Unit[Any]], outcomes: list[Any]) -> None:
        """In the event loop again: resolve every future, and begin the next group if there is one."""
        for unit, outcome in zip(group, outcomes, strict=True):
            if unit.done.done():
                continue
            if isinstance(outcome, BaseException):
                unit.done.set_exception(outcome)
            else:
                unit.done.set_result(outcome)
        self._busy = bool(self._waiting)
        if self._busy:
            self._gather(TURNS)

    def _run(self) -> None:
        """The thread: group in, outcomes out."""
        while group := self._groups.get():
            self._loop.call_soon_threadsafe(self._handed_back, group, self._commit_or_split(group))

    def _commit_or_split(self, group: list[_Unit[Any]]) -> list[Any]:
        """The result or exception of each unit. One unit's bug must not fail its neighbours: they go alone then."""
        try:
            return self._commit(group)
        except StoreError as exc:
            self.failures += 1
            self.last_failure = str(exc)
            return [exc] * len(group)
        except Exception as exc:  # noqa: BLE001 - whatever a unit raises belongs to its future, not to this thread
            if len(group) == 1:
                return [exc]
            return [outcome for unit in group for outcome in self._commit_or_split([unit])]

    def _commit(self, group: list[_Unit[Any]]) -> list[Any]:
        """Spool first, rows second, one fsync each; then the group exists. Nothing of it exists before."""
        contents = [content for unit in group for content in unit.contents]
        try:
            written = self.spool.write(contents)
            taken = iter(written)
            places = [tuple(islice(taken, len(unit.contents))) for unit in group]
            results: list[Any] = [None] * len(group)
            with self._database.tx() as tx:
                if not workers.alive(tx, self._worker):
                    raise LeaseLost(f"worker {self._worker} was declared dead by another; its claims are gone")
                doubts = list(self._database.doubts)
                for doubt in doubts:
                    queue.disown(tx, self._worker, doubt)
                self.spool.book(tx, contents, written)
                for apply, indexes in _by_kind(group).items():
                    answers = apply(tx, [(group[i].value, places[i]) for i in indexes])
                    for i, answer in zip(indexes, answers or [None] * len(indexes), strict=True):
                        results[i] = answer
        except BaseException:
            self.spool.undone()
            raise
        # It is durable: whatever goes wrong from here on must not look as if it were not.
        self.spool.committed()
        del self._database.doubts[: len(doubts)]
        try:
            self._told(tx.appended)
        except Exception as exc:  # noqa: BLE001 - a mail log on a full disk, say: the loop's handler tells of it
            trouble = {"message": "telling of a commit failed", "exception": exc}
            self._loop.call_soon_threadsafe(self._loop.call_exception_handler, trouble)
        self.commits += 1
        self.units += len(group)
        return results


def _by_kind(group: list[_Unit[Any]]) -> dict[Apply, list[int]]:
    kinds: dict[Apply, list[int]] = {}
    for i, unit in enumerate(group):
        kinds.setdefault(unit.apply, []).append(i)
    return kinds

"""Keeps what comes in durable, many reports to a commit; they are read later, by whoever has the time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from goodstanding.errors import StoreError
from goodstanding.store import reports
from goodstanding.store.db import Database
from goodstanding.store.reports import Report

MOST = 200
"""Reports of one commit: bounds how long others wait for the database."""

WEIGH_EVERY = 1.0
"""Seconds for which a weight of what waits is good."""

Waiting = tuple[Report, "asyncio.Future[None]"]


class Intake:
    """Group commit for reports: what arrives while a commit runs shares the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Intake {len(self._waiting)} waiting>"

    def keep(self, report: Report) -> asyncio.Future[None]:
        """Resolved once the report is durable; fails with StoreError when the store cannot."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((report, done))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._commit())
        return done

    async def _commit(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            failure: Exception | None = None
            try:
                await asyncio.to_thread(self._write, [report for report, _ in group])
            except StoreError as exc:
                failure = exc
            except Exception as exc:  # noqa: BLE001 - it belongs to those who wait for it
                failure = StoreError(str(exc))
            for _, done in group:
                if not done.done():
                    done.set_result(None) if failure is None else done.set_exception(failure)

    def _write(self, group: list[Report]) -> None:
        with self._database.tx() as tx:
            reports.add(tx, group)


class Backlog:
    """Whether so much waits to be read that no more is taken: weighed once in a while, with what was taken since."""

    def __init__(self, database: Database, limit: int, now: Callable[[], float]) -> None:
        self._database, self._limit, self._now = database, limit, now
        self._octets = 0
        self._stale = float("-inf")

    def __repr__(self) -> str:
        return f"<Backlog {self._octets} of {self._limit}>"

    async def full(self) -> bool:
        """Whether it is beyond its limit; StoreError when that cannot be known."""
        if self._now() >= self._stale:
            self._stale = self._now() + WEIGH_EVERY  # first, so that one of many askers weighs
            self._octets = await asyncio.to_thread(self._weigh)
        return self._octets > self._limit

    def took(self, octets: int) -> None:
        """So much more waits now."""
        self._octets += octets

    def _weigh(self) -> int:
        with self._database.read() as tx:
            return reports.weight(tx)

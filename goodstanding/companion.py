"""The supervisor's hand on a process beside the workers: the page, the follower. Started, started again when it dies,
renewed on SIGHUP, ended.

A new one is ready before the old one ends, so nobody who presses the button meets a closed door.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from goodstanding.metrics import Reports
from goodstanding.settings import Settings

log = structlog.get_logger("supervisor")

RESTART_AFTER = 1.0
"""Seconds before one that died is started again; doubled each time it dies young."""
LONGEST_WAIT = 60.0
YOUNG = 30.0
"""Seconds: who lives longer starts again at once."""
READY_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Orders:
    """What the supervisor tells a companion at birth."""

    settings: Settings
    database_url: str
    master: bytes
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Part:
    """What a companion is for."""

    name: str
    module: str
    """Run with ``python -m``; writes a line to standard output when it is ready, and reports after it if it has any: a
    line of JSON each, with ``figures`` (`metrics.Report`)."""
    wanted: Callable[[Settings], bool]
    certificate: Callable[[Settings], tuple[str, str]]
    """Certificate and key of its own; empty: the usual ones."""


PAGE = Part(
    "page", "goodstanding.api.server", lambda its: its.web.port > 0, lambda its: (its.web.certificate, its.web.key)
)
"""Where recipients unsubscribe and tenants read how they stand."""
FOLLOWER = Part(
    "follower",
    "goodstanding.follower",
    lambda its: bool(its.feedback.listeners) or its.admission.mode != "off",
    lambda its: ("", ""),
)
"""Takes reports in, reads the journal on, and moves the ladder."""
MESSENGER = Part("messenger", "goodstanding.messenger", lambda its: its.webhooks.enabled, lambda its: ("", ""))
"""Tells endpoints of tenants what happened; started when there is the first endpoint."""


T = TypeVar("T")


def handed_over(kind: type[T]) -> T:
    """What came on standard input, pickled, from the supervisor and from nobody else."""
    size = int.from_bytes(os.read(sys.stdin.fileno(), 8))
    octets = b""
    while len(octets) < size:
        octets += os.read(sys.stdin.fileno(), size - len(octets))
    orders = pickle.loads(octets)
    assert isinstance(orders, kind)
    return orders


class Companion:
    """Keeps one such process alive while there are orders for one."""

    def __init__(self, part: Part, database_url: str, master: bytes, reports: Reports) -> None:
        self._part = part
        self._database_url = database_url
        self._master = master
        self._reports = reports
        self._listening: dict[asyncio.subprocess.Process, asyncio.Task[None]] = {}
        self._orders: Orders | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Companion {self._part.name} {self._process.pid if self._process else 'none'}>"

    async def renew(self, settings: Settings, usual: tuple[str, str]) -> None:
        """Work by these settings from now on, or, where they want none of it, not at all.

        ``usual``: certificate and key where it has none of its own. The old process stays until the new one is ready,
        and for good when it cannot be.
        """
        own, wanted = self._part.certificate(settings), self._part.wanted(settings)
        orders = Orders(settings, self._database_url, self._master, *(own if own[0] else usual))
        fresh = await self._start(orders) if wanted else None
        if wanted and fresh is None and self._process is not None:
            log.error(f"the new {self._part.name} could not start, see the lines above; going on with the old one")
            return
        await self.stop(settings.drain)
        if wanted:
            self._orders, self._process = orders, fresh
            self._keeper = asyncio.create_task(self._keep())

    async def stop(self, patience: float) -> None:
        """End it, within so many seconds."""
        keeper, process = self._keeper, self._process
        self._orders = self._keeper = self._process = None
        if keeper is not None:
            keeper.cancel()
        if process is not None:
            await self._end(process, patience)

    async def _keep(self) -> None:
        """Start it again whenever it ends, for as long as there are orders."""
        wait, loop = RESTART_AFTER, asyncio.get_running_loop()
        while self._orders is not None:
            born = loop.time()
            if self._process is not None:
                status = await self._process.wait()
                await self._listening.pop(self._process)
                log.error(f"{self._part.name} died", status=status)
            wait = wait if loop.time() - born < YOUNG else RESTART_AFTER
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
            self._process = await self._start(self._orders)

    async def _start(self, orders: Orders) -> asyncio.subprocess.Process | None:
        """A process that is ready; None when it ended or was silent instead."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._part.module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        octets = pickle.dumps(orders)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(len(octets).to_bytes(8) + octets)
        listens = False
        try:
            with contextlib.suppress(TimeoutError):
                listens = bool(await asyncio.wait_for(process.stdout.readline(), READY_WITHIN))
        finally:
            if not listens:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        if not listens:
            await process.wait()
            return None
        log.info(self._part.name, pid=process.pid)
        self._listening[process] = asyncio.create_task(self._listen_to(process))
        return process

    async def _listen_to(self, process: asyncio.subprocess.Process) -> None:
        """Take its reports until it ends; what it had counted stays."""
        assert process.stdout is not None
        name = f"{self._part.name} {process.pid}"
        while line := await process.stdout.readline():
            self._reports.by_process[name] = json.loads(line)["figures"]
        self._reports.bury(name)

    async def _end(self, process: asyncio.subprocess.Process, patience: float) -> None:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), patience + 5.0)
        except TimeoutError:
            process.kill()
            await process.wait()
        if listening := self._listening.pop(process, None):
            await listening

"""The supervisor: prepares the store, starts the workers, restarts those that die, serves their figures.

SIGTERM or SIGINT: every worker drains, then the supervisor ends. SIGHUP: the settings are read again; new workers
start with them (and with new certificates and keys), then the old ones drain. Nobody stops listening in between,
because workers share their ports (SO_REUSEPORT).
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from goodstanding import preflight
from goodstanding.companion import FOLLOWER, MESSENGER, PAGE, Companion
from goodstanding.diagnostics import configure_log
from goodstanding.errors import GoodstandingError, SettingsError, StoreError
from goodstanding.fitting import place_of_work
from goodstanding.metrics import Reports
from goodstanding.model import WorkerId
from goodstanding.net.tls import expired, self_signed
from goodstanding.occupancy import occupy
from goodstanding.operate.opening import open_estate
from goodstanding.operate.readiness import refusals
from goodstanding.ports import Ports, hold
from goodstanding.settings import Settings
from goodstanding.store import enforcement, queue, spool, webhooks, workers
from goodstanding.store import reports as stored_reports
from goodstanding.store.db import Database
from goodstanding.worker import Orders

log = structlog.get_logger("supervisor")

RESTART_AFTER = 1.0
"""Seconds before a worker that died is started again."""
COUNT_EVERY = 15.0
"""Seconds between counts of the queue for the metrics page."""
LOOK_EVERY = 5.0
"""Seconds between looks whether anybody wants to be told anything."""


@dataclass(eq=False, slots=True)
class Child:
    """One running worker process."""

    process: asyncio.subprocess.Process
    generation: int
    worker: WorkerId | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it works, and when it ends."""
    worked: bool = False
    expected_to_end: bool = False


def serve(settings: Settings, reload: Callable[[], Settings] | None = None) -> int:
    """Run until told to stop; the exit status. ``reload`` reads the settings again on SIGHUP."""
    configure_log(settings)
    if problems := preflight.problems(settings):
        raise SettingsError(problems)
    database, master = open_estate(settings)
    with occupy(Path(settings.data_dir), 2 * settings.drain + 10) as lock:
        return asyncio.run(Supervisor(settings, database, master, reload, lock.fileno()).run())


class Supervisor:
    """Keeps as many workers alive as the settings say."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        master: bytes,
        reload: Callable[[], Settings] | None,
        occupied: int,
    ) -> None:
        """``occupied``: the open lock of the data folder, which every worker inherits."""
        self.settings = settings
        self.database = database
        self.master = master
        self.reports = Reports()
        self.companions = [Companion(part, database.url, master, self.reports) for part in (PAGE, FOLLOWER)]
        self._reload = reload
        self._occupied = occupied
        self._children: set[Child] = set()
        self._generation = 0
        self._proven = 0
        """The newest generation that works: its workers are replaced when they die."""
        self._stopping = False
        self._ports = Ports()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """Workers wanted."""
        return self.settings.workers or len(os.sched_getaffinity(0))

    async def run(self) -> int:
        """Serve; 0 after an orderly stop, 1 when the workers cannot start."""
        stop, again = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, again.set)
        self._clear_up()
        self.settings, self._ports = hold(self.settings, self._ports)
        if not await self._start_generation():
            log.error("no worker could start; see the lines above")
            return 1
        self._serve_metrics()
        await self._renew_companions()
        self._announce()
        self._spawn(self._count_queue())
        self._spawn(self._begin_telling())
        while not stop.is_set():
            waits = [asyncio.create_task(event.wait()) for event in (stop, again)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            if again.is_set() and not stop.is_set():
                again.clear()
                await self._renew()
        await self._stop()
        return 0

    # Workers.

    def _clear_up(self) -> None:
        """Free what dead workers had claimed. We are the only supervisor here, so all workers of this host are dead."""
        now = time.time()
        with self.database.tx() as tx:
            for worker in workers.dead(tx, now, place_of_work(self.settings), alone=True):
                freed = workers.bury(tx, worker, now)
                log.info("worker buried", worker=worker, recipients_freed=freed)
        if self.database.engine == "sqlite":
            with self.database.tx() as tx:
                swept = spool.sweep(Path(self.settings.data_dir) / "spool", tx)
            if swept:
                log.info("spool swept", files=swept)

    async def _start_generation(self) -> bool:
        """Start the wanted number of workers and wait until they are ready, or have died of it; whether any works."""
        self._generation += 1
        for doubt in (*preflight.doubts(self.settings, time.time()), *refusals(self.settings, self.database)):
            log.warning("settings", problem=doubt)
        fresh = [await self._start_child() for _ in range(self.count)]
        await asyncio.gather(*(child.ready.wait() for child in fresh))
        stillborn = [child for child in fresh if not child.worked]
        if len(stillborn) == len(fresh):
            return False
        self._proven = self._generation
        for _ in stillborn:
            self._spawn(self._replace())
        return True

    async def _replace(self) -> None:
        await asyncio.sleep(RESTART_AFTER)
        if not self._stopping:
            await self._start_child()

    async def _start_child(self) -> Child:
        certificate, key = self._certificate()
        orders = Orders(self.settings, self.database.url, self.master, self.count, certificate, key)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "goodstanding.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(self._occupied,),
            limit=1 << 20,
        )
        child = Child(process, self._generation)
        octets = pickle.dumps(orders)
        assert process.stdin is not None
        process.stdin.write(len(octets).to_bytes(8) + octets)
        self._children.add(child)
        self._spawn(self._listen_to(child))
        return child

    async def _listen_to(self, child: Child) -> None:
        """Take a worker's reports until it ends; bury it, and replace it unless it was meant to end."""
        assert child.process.stdout is not None
        while line := await child.process.stdout.readline():
            report = json.loads(line)
            child.worker = WorkerId(report["worker"])
            self.reports.by_process[report["worker"]] = report["figures"]
            if report["ready"]:
                child.worked = True
                child.ready.set()
        status = await child.process.wait()
        self._children.discard(child)
        child.ready.set()
        if child.worker is not None:
            self.reports.bury(child.worker)
            await asyncio.to_thread(self._bury, child.worker)
        if self._stopping or child.expected_to_end:
            return
        log.error("worker died", status=status, worker=child.worker)
        if child.generation > self._proven:
            return  # whoever started this generation sees what becomes of all of it
        self.reports.own["goodstanding_worker_restarts_total"] = 1 + self._restarts()
        await self._replace()

    def _restarts(self) -> float:
        count = self.reports.own.get("goodstanding_worker_restarts_total", 0)
        assert isinstance(count, (int, float))
        return count

    def _bury(self, worker: WorkerId) -> None:
        try:
            with self.database.tx() as tx:
                freed = workers.bury(tx, worker, time.time())
            if freed:
                log.info("worker buried", worker=worker, recipients_freed=freed)
        except StoreError as exc:
            log.error("cannot bury; its lease will run out", worker=worker, error=str(exc))

    async def _renew(self) -> None:
        """SIGHUP: new settings, new workers; when these work the old ones go, else they stay."""
        before = self.settings, self._ports
        if self._reload is not None:
            try:
                self.settings, self._ports = hold(self._reloadable(self._reload()), self._ports)
            except GoodstandingError as exc:
                log.error("settings not reloaded; going on with the old ones", problems=str(exc))
                return
        old = set(self._children)
        if not await self._start_generation():
            self._generation = self._proven
            self._ports.release(keep=before[1])
            self.settings, self._ports = before
            for _ in range(self.count - len(self._children)):
                self._spawn(self._replace())
            log.error("no new worker could start, see the lines above; going on with the old ones")
            return
        before[1].release(keep=self._ports)
        for child in old:
            self._end(child)
        await self._renew_companions()
        self._announce()
        log.info("reloaded", generation=self._generation)

    async def _renew_companions(self) -> None:
        await asyncio.gather(*(one.renew(self.settings, self._certificate()) for one in self.companions))

    async def _begin_telling(self) -> None:
        """Start the messenger when there is the first endpoint: without one, it costs nothing."""
        while True:
            try:
                if await asyncio.to_thread(self._somebody_listens):
                    break
            except StoreError as exc:
                log.error("cannot look for webhooks", error=str(exc))
            await asyncio.sleep(LOOK_EVERY)
        messenger = Companion(MESSENGER, self.database.url, self.master, self.reports)
        self.companions.append(messenger)
        await messenger.renew(self.settings, self._certificate())

    def _somebody_listens(self) -> bool:
        with self.database.read() as tx:
            return webhooks.there_are_any(tx)

    def _reloadable(self, settings: Settings) -> Settings:
        """The settings, if a running relay can take them. Raises SettingsError."""
        now = self.settings
        problems = [
            f"{name}: cannot change while running; restart instead"
            for name, old, new in (
                ("data_dir", now.data_dir, settings.data_dir),
                ("secret_file", now.secret_file, settings.secret_file),
                ("store.url", now.store.url, settings.store.url),
                ("metrics", now.metrics, settings.metrics),
            )
            if old != new
        ]
        problems.extend(preflight.problems(settings))
        if problems:
            raise SettingsError(problems)
        return settings

    def _end(self, child: Child) -> None:
        child.expected_to_end = True
        if child.process.returncode is None:
            child.process.send_signal(signal.SIGTERM)

    async def _stop(self) -> None:
        """Drain every worker; one that does not end in time is killed, its mail stays queued."""
        self._stopping = True
        children = list(self._children)
        for child in children:
            self._end(child)
        await asyncio.gather(*(one.stop(self.settings.drain) for one in self.companions))
        waits = [asyncio.create_task(child.process.wait()) for child in children]
        if waits:
            _, late = await asyncio.wait(waits, timeout=2 * self.settings.drain + 10)
            for child in children:
                if late and child.process.returncode is None:
                    child.process.kill()
        await asyncio.sleep(0.05)  # the last reports and burials
        for task in list(self._tasks):
            if not task.done():
                task.cancel()
        (Path(self.settings.data_dir) / "ready.json").unlink(missing_ok=True)
        log.info("stopped")

    # Ports, certificates, figures.

    def _certificate(self) -> tuple[str, str]:
        """The configured certificate, or a self-signed one for loopback, made once a data folder."""
        submission = self.settings.submission
        if submission.certificate:
            return submission.certificate, submission.key
        folder = Path(self.settings.data_dir)
        certificate, key = folder / "self-signed.pem", folder / "self-signed.key"
        if not (certificate.exists() and key.exists()) or expired(certificate, time.time()):
            names = list(dict.fromkeys((self.settings.hostname, "localhost", "127.0.0.1", "::1")))
            pem, private = self_signed(names, time.time())
            _write_durably(key, private)
            _write_durably(certificate, pem)  # last: where it is, both are
        return str(certificate), str(key)

    def _serve_metrics(self) -> None:
        settings = self.settings.metrics
        if not settings.port:
            return
        from prometheus_client import CollectorRegistry, start_http_server

        registry = CollectorRegistry()
        registry.register(self.reports)
        try:
            start_http_server(settings.port, settings.address, registry)
        except OSError as exc:
            log.error("no metrics page", address=settings.address, port=settings.port, error=str(exc))

    def _announce(self) -> None:
        """Say where we listen, in the log and, for programs, in ``ready.json``."""
        listeners, feedback, api = (
            [{"address": one.address, "port": one.port, "tls": one.tls} for one in room.listeners]
            for room in (self.settings.submission, self.settings.feedback, self.settings.api)
        )
        pids = [child.process.pid for child in self._children if not child.expected_to_end]
        (Path(self.settings.data_dir) / "ready.json").write_text(
            json.dumps({"pid": os.getpid(), "workers": pids, "listeners": listeners, "feedback": feedback, "api": api})
        )
        where, mode = [f"{one['address']}:{one['port']}" for one in listeners], self.settings.admission.mode
        log.info("ready", listeners=where, workers=len(pids), admission=mode)

    async def _count_queue(self) -> None:
        while True:
            try:
                self.reports.own.update(await asyncio.to_thread(self._counts))
            except StoreError as exc:
                log.error("cannot count the queue", error=str(exc))
            self.reports.own["goodstanding_workers"] = float(len(self._children))
            await asyncio.sleep(COUNT_EVERY)

    def _counts(self) -> dict[str, float | dict[str, float]]:
        with self.database.read() as tx:
            rungs = Counter(one.effective.value for one in enforcement.positions(tx))
            return {
                "goodstanding_queue_recipients": {state: float(n) for state, n in queue.states(tx).items()},
                "goodstanding_feedback_waiting": float(stored_reports.count(tx)),
                "goodstanding_enforcement_accounts": {rung: float(n) for rung, n in rungs.items()},
                **webhooks.totals(tx, time.time()),
            }

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _write_durably(path: Path, octets: bytes) -> None:
    """Write a private file that is whole or absent after a power cut, never empty."""
    draft = path.with_suffix(".draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)

"""The supervisor: prepares the store, starts the workers, restarts those that die, serves their figures.

SIGTERM or SIGINT: every worker drains, then the supervisor ends. SIGHUP: the settings are read again; new workers
start with them (and with new certificates and keys), then the old ones drain. Nobody stops listening in between,
because workers share their ports (SO_REUSEPORT).
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import pickle
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from goodstanding import preflight
from goodstanding.errors import GoodstandingError, SettingsError, StoreError
from goodstanding.metrics import Reports
from goodstanding.model import WorkerId
from goodstanding.net.tls import expired, self_signed
from goodstanding.occupancy import occupy
from goodstanding.operate import open_estate
from goodstanding.settings import Listener, Settings, SubmissionSettings
from goodstanding.store import queue, spool, workers
from goodstanding.store.db import Database
from goodstanding.worker import Orders, configure_log, place_of_work

log = structlog.get_logger("supervisor")

RESTART_AFTER = 1.0
"""Seconds before a worker that died is started again."""
COUNT_EVERY = 15.0
"""Seconds between counts of the queue for the metrics page."""
PORT_REMEDIES = {
    errno.EADDRINUSE: "stop the program that has it (ss -ltnp shows it), or take another port",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE (docs/operations.md)",
    errno.EADDRNOTAVAIL: "name an address of this machine",
}


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
        self._reload = reload
        self._occupied = occupied
        self._children: set[Child] = set()
        self._generation = 0
        self._proven = 0
        """The newest generation that works: its workers are replaced when they die."""
        self._stopping = False
        self._asked: tuple[Listener, ...] = ()
        """The listeners as the settings name them, with ports that may be left to chance."""
        self._placeholders: list[socket.socket] = []
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
        self.settings = self._with_ports(self.settings)
        if not await self._start_generation():
            log.error("no worker could start; see the lines above")
            return 1
        self._serve_metrics()
        self._announce()
        self._spawn(self._count_queue())
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
        for doubt in preflight.doubts(self.settings, time.time()):
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
            self.reports.by_worker[report["worker"]] = report["figures"]
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
        before = self.settings, self._asked, self._placeholders
        if self._reload is not None:
            try:
                self.settings = self._with_ports(self._reloadable(self._reload()))
            except GoodstandingError as exc:
                log.error("settings not reloaded; going on with the old ones", problems=str(exc))
                return
        old = set(self._children)
        if not await self._start_generation():
            self._generation = self._proven
            self._release(self._placeholders, keep=before[2])
            self.settings, self._asked, self._placeholders = before
            for _ in range(self.count - len(self._children)):
                self._spawn(self._replace())
            log.error("no new worker could start, see the lines above; going on with the old ones")
            return
        self._release(before[2], keep=self._placeholders)
        for child in old:
            self._end(child)
        self._announce()
        log.info("reloaded", generation=self._generation)

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

    def _with_ports(self, settings: Settings) -> Settings:
        """Settle every port that was left to chance, and hold all of them, so that workers can share them.

        Raises SettingsError, and holds what it held before, when one cannot be had.
        """
        asked = settings.submission.listeners
        same = asked == self._asked  # then a port that was left to chance stays what it became
        held: list[socket.socket] = []
        fixed: list[Listener] = []
        problems: list[str] = []
        for listener in self.settings.submission.listeners if same else asked:
            holder = socket.socket(socket.AF_INET6 if ":" in listener.address else socket.AF_INET, socket.SOCK_STREAM)
            held.append(holder)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                holder.bind((listener.address, listener.port))
            except OSError as exc:
                why = f"{exc.strerror}; {PORT_REMEDIES.get(exc.errno or 0, 'take another')}"
                problems.append(f"submission.listeners: {listener.address}:{listener.port} cannot be used: {why}")
            else:
                fixed.append(replace(listener, port=holder.getsockname()[1]))
        if problems:
            self._release(held, keep=())
            raise SettingsError(problems)
        self._asked, self._placeholders = asked, held
        submission: SubmissionSettings = replace(settings.submission, listeners=tuple(fixed))
        return replace(settings, submission=submission)

    @staticmethod
    def _release(holders: Sequence[socket.socket], keep: Sequence[socket.socket]) -> None:
        for holder in holders:
            if holder not in keep:
                holder.close()

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
        listeners = [
            {"address": one.address, "port": one.port, "tls": one.tls} for one in self.settings.submission.listeners
        ]
        pids = [child.process.pid for child in self._children if not child.expected_to_end]
        (Path(self.settings.data_dir) / "ready.json").write_text(
            json.dumps({"pid": os.getpid(), "workers": pids, "listeners": listeners})
        )
        log.info("ready", listeners=[f"{one['address']}:{one['port']}" for one in listeners], workers=len(pids))

    async def _count_queue(self) -> None:
        while True:
            try:
                counts = await asyncio.to_thread(self._states)
                self.reports.own["goodstanding_queue_recipients"] = counts
            except StoreError as exc:
                log.error("cannot count the queue", error=str(exc))
            self.reports.own["goodstanding_workers"] = float(len(self._children))
            await asyncio.sleep(COUNT_EVERY)

    def _states(self) -> dict[str, float]:
        with self.database.read() as tx:
            return {state: float(count) for state, count in queue.states(tx).items()}

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

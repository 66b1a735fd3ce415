"""One worker process: a whole pipeline from its own listeners to its own deliveries, built by hand and run on one loop.

Workers share the store and nothing else. The supervisor (`app`) starts this module, hands the settings in on standard
input and keeps that pipe open: when it closes, the supervisor is gone and the worker drains by itself. Reports go the
other way, a JSON line a second on standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import pickle
import resource
import signal
import socket
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, cast

import structlog
import uvloop

from goodstanding.delivery.claiming import Claiming
from goodstanding.delivery.connection import Timeouts
from goodstanding.delivery.courier import Courier
from goodstanding.delivery.plan import HERE, Route
from goodstanding.delivery.record import Record
from goodstanding.delivery.routing import Routing
from goodstanding.delivery.run import Delivery, Means
from goodstanding.delivery.upkeep import Upkeep
from goodstanding.errors import GoodstandingError, LeaseLost, StoreError
from goodstanding.events import KIND_OF, Event
from goodstanding.maillog import MailLog
from goodstanding.model import Identity, Stream
from goodstanding.net.clock import RealClock, SystemEntropy
from goodstanding.net.dns import DnsResolver, ResolverSettings
from goodstanding.net.tcp import LoopbackOnlyDialer, TcpDialer, opportunistic_context, verifying_context
from goodstanding.net.tls import server_context
from goodstanding.sealed import derive
from goodstanding.settings import DeliverySettings, Pool, Settings
from goodstanding.store import estate, workers
from goodstanding.store.db import Database
from goodstanding.store.spool import Spool
from goodstanding.store.writer import Writer
from goodstanding.submission.accept import FrontDoor
from goodstanding.submission.authentication import Credentials, TrustedNetworks
from goodstanding.submission.identifiers import Identifiers
from goodstanding.submission.reception import Reception
from goodstanding.submission.signing import Signers
from goodstanding.submission.smtp_listener import listen

log = structlog.get_logger("worker")

REPORT_EVERY = 1.0
BEAT_EVERY = 10.0
SIGNING_THREADS = 2
SWITCH_INTERVAL = 0.002
"""Seconds a thread waits for the interpreter lock before it asks for it: the writer thread needs it a few times per
commit. Between Python's 5 ms and 0.5 ms no difference could be told from the noise (docs/performance.md).
"""
COLLECT = (20_000, 20, 50)
"""Garbage collection thresholds: nearly all our garbage dies by reference count, so look for cycles rarely."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the supervisor tells a worker at birth."""

    settings: Settings
    database_url: str
    master: bytes
    workers: int
    certificate: str
    key: str


@dataclass(slots=True)
class Told:
    """What the writer tells of every commit: the mail log, and counts by kind."""

    maillog: MailLog
    counts: Counter[str] = field(default_factory=Counter)

    def __call__(self, events: Sequence[Event]) -> None:
        """Called in the writer's thread."""
        self.maillog.tell(events)
        for event in events:
            self.counts[KIND_OF[type(event)]] += 1


class Worker:
    """Every object of one worker, and their order of starting and stopping."""

    def __init__(self, orders: Orders) -> None:
        settings = orders.settings
        self.settings = settings
        self.master = orders.master
        self.clock, self.entropy = RealClock(), SystemEntropy()
        self.database = Database(orders.database_url)
        with self.database.tx() as tx:
            self.me = workers.register(tx, place_of_work(settings), os.getpid(), self.clock.now())
        self.told = Told(MailLog(settings.log.mail))
        self.spool = Spool(Path(settings.data_dir) / "spool", self.database, self.me.id, settings.store.segment_size)
        self.writer = Writer(self.database, self.spool, self.me.id, settings.store.commit_limit, self.told)
        self.identifiers = Identifiers(self.me.slot)
        self.delivery = self._delivery(orders)
        self.upkeep = Upkeep(self.delivery.means, place_of_work(settings), settings.store.journal_days)
        self.revision: tuple[int, ...] = ()
        self.door = FrontDoor(
            hostname=settings.hostname,
            worker=self.me.id,
            clock=self.clock,
            writer=self.writer,
            identifiers=self.identifiers,
            signers=Signers(b"", {}, ()),
            threads=ThreadPoolExecutor(SIGNING_THREADS, "sign"),
            room_for=self.delivery.room_for,
            offer=self.delivery.offer,
        )
        tls = server_context(Path(orders.certificate), Path(orders.key)) if orders.certificate else None
        self.reception = Reception(
            settings=settings.submission,
            hostname=settings.hostname,
            clock=self.clock,
            door=self.door,
            spool=self.spool,
            credentials=Credentials(b"", {}),
            trusted=TrustedNetworks(()),
            tls=tls,
        )

    def _delivery(self, orders: Orders) -> Delivery:
        settings = orders.settings
        resolver = DnsResolver(
            ResolverSettings(settings.dns.nameservers, settings.dns.port, settings.dns.timeout),
            clock=self.clock,
            entropy=self.entropy,
        )
        ours = frozenset(address for pool in settings.pools for address in pool.addresses)
        own = frozenset() if settings.delivery.loopback_only else HERE | ours
        routing = Routing(pools(settings), resolver, self.clock, settings.delivery.port, own, settings.delivery.ipv6)
        record = Record(self.writer, self.spool, self.clock, settings.hostname, self.identifiers.next)
        dialer = TcpDialer()
        courier = Courier(
            routing=routing,
            dialer=LoopbackOnlyDialer(dialer) if settings.delivery.loopback_only else dialer,
            timeouts=timeouts(settings.delivery),
            tls=opportunistic_context(),
            verifying_tls=verifying_context(),
            hostname=settings.hostname,
            return_path_key=derive(orders.master, "return path"),
        )
        means = Means(
            settings=settings.delivery,
            worker=self.me.id,
            workers=orders.workers,
            database=self.database,
            writer=self.writer,
            spool=self.spool,
            routing=routing,
            record=record,
            clock=self.clock,
            entropy=self.entropy,
        )
        return Delivery(means, courier.carry)

    async def run(self) -> None:
        """Serve until told to stop; then finish what is under way, give back the rest, and say goodbye."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_reader(sys.stdin.fileno(), self._supervisor_gone, stop)
        await asyncio.to_thread(self.refresh)
        servers = await listen(self.reception)
        self.report(ready=True)
        chores = [
            asyncio.create_task(chore)
            for chore in (
                Claiming(self.delivery).run(),
                self.upkeep.run(),
                self.reception.sweep(),
                self._report(),
                self._beat(stop),
            )
        ]
        await stop.wait()
        for server in servers:
            server.close()
        await self.reception.close(self.settings.drain)
        await self.delivery.drain(self.settings.drain)
        for task in chores:
            task.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await self.writer.close()
        self.report()
        with self.database.tx() as tx:
            workers.bury(tx, self.me.id, self.clock.now())

    def _supervisor_gone(self, stop: asyncio.Event) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            stop.set()

    async def _beat(self, stop: asyncio.Event) -> None:
        """Signs of life, and a look whether tenants, credentials or keys have changed."""
        beats = 0.0
        while True:
            await asyncio.sleep(REPORT_EVERY)
            try:
                await asyncio.to_thread(self.refresh)
                if self.clock.now() - beats >= BEAT_EVERY:
                    beats = self.clock.now()
                    await asyncio.to_thread(self._sign_of_life)
            except StoreError as exc:
                log.error("store", error=str(exc))
                if isinstance(exc, LeaseLost):
                    stop.set()

    def _sign_of_life(self) -> None:
        with self.database.tx() as tx:
            workers.beat(tx, self.me.id, self.clock.now())

    def refresh(self) -> None:
        """Read tenants, credentials and keys anew if they have changed."""
        with self.database.read() as tx:
            revision = estate.revision(tx)
            if revision == self.revision:
                return
            live = {c.username: (c.digest, c.identity) for c in estate.credentials(tx) if c.revoked is None}
            known = {str(identity.subscription): identity for identity in estate.subscriptions(tx)}
            domains, keys = dict(estate.domains(tx)), estate.dkim_keys(tx)
        self.reception.credentials = Credentials(derive(self.master, "credentials"), live)
        self.reception.trusted = TrustedNetworks(self._trusted(known))
        self.door.signers = Signers(self.master, domains, keys)
        self.revision = revision

    def _trusted(self, known: dict[str, Identity]) -> list[tuple[str, Identity]]:
        found: list[tuple[str, Identity]] = []
        for entry in self.settings.submission.trusted:
            identity = known.get(entry.subscription)
            if identity is None:
                log.error("trusted network without subscription", subscription=entry.subscription)
                continue
            found.extend((network, identity) for network in entry.networks)
        return found

    async def _report(self) -> None:
        failures = 0
        while True:
            await asyncio.sleep(REPORT_EVERY)
            self.report()
            if self.writer.failures > failures:
                log.error("commits failed", count=self.writer.failures - failures, newest=self.writer.last_failure)
                failures = self.writer.failures

    def report(self, ready: bool = False) -> None:
        """One line to the supervisor."""
        delivery, reception, writer = self.delivery, self.reception, self.writer
        now = self.clock.now()
        figures = {
            "goodstanding_journal_events_total": dict(self.told.counts),
            "goodstanding_submission_sessions_total": reception.sessions,
            "goodstanding_submission_refusals_total": dict(reception.refused),
            "goodstanding_submission_connections": len(reception.open),
            "goodstanding_submission_memory_bytes": reception.memory.used,
            "goodstanding_delivery_connections": delivery.connections,
            "goodstanding_delivery_ready": delivery.ready.weight,
            "goodstanding_delivery_unsettled": delivery.record.unsettled,
            "goodstanding_delivery_closed_lanes": sum(
                window.closed_until > now for window in delivery.lanes.windows.values()
            ),
            "goodstanding_store_commits_total": writer.commits,
            "goodstanding_store_units_total": writer.units,
            "goodstanding_store_failures_total": writer.failures,
            "goodstanding_store_waiting": writer.waiting,
        }
        line = json.dumps({"worker": self.me.id, "ready": ready, "figures": figures})
        try:
            print(line, flush=True)
        except OSError:
            return  # the supervisor is gone; standard input will tell


def pools(settings: Settings) -> dict[Stream, tuple[Pool, Route]]:
    """The pool and route of every stream; a stream without a pool leaves as the machine itself."""
    routes = {"": Route("direct")}
    for route in settings.routes:
        auth = (route.user, Path(route.password_file).read_text("utf-8").strip()) if route.user else None
        routes[route.name] = Route(route.name, route.host, route.port, route.tls, auth, route.verify)
    found = {stream: (Pool(name=stream.value, stream=stream), routes[""]) for stream in Stream}
    for pool in settings.pools:
        found[pool.stream] = (pool, routes[pool.route])
    return found


def place_of_work(settings: Settings) -> str:
    """Names this machine and data folder: two relays of one machine may share a database."""
    return f"{socket.gethostname()}:{Path(settings.data_dir).resolve()}"


def timeouts(settings: DeliverySettings) -> Timeouts:
    """RFC 5321's, as far as the settings do not shorten them."""
    standard = Timeouts()
    patience = settings.reply_timeout
    return Timeouts(
        connect=settings.connect_timeout,
        greeting=min(standard.greeting, patience),
        hello=min(standard.hello, patience),
        tls=min(standard.tls, patience),
        auth=min(standard.auth, patience),
        mail=min(standard.mail, patience),
        rcpt=min(standard.rcpt, patience),
        data=min(standard.data, patience),
        body=min(standard.body, patience),
        final=min(standard.final, 2 * patience),
        quit=min(standard.quit, patience),
    )


async def _main(orders: Orders) -> None:
    worker = Worker(orders)
    await worker.run()


class Forgiving:
    """A stream that loses what it cannot write: a log on a full disk must never stop the mail it tells of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or not."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def configure_log(settings: Settings) -> None:
    """The diagnostic log goes to standard error, a line an event."""
    levels = {"debug": 10, "info": 20, "warning": 30, "error": 40}
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer() if settings.log.json else structlog.processors.KeyValueRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(levels[settings.log.level]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, Forgiving(sys.stderr))),
        cache_logger_on_first_use=True,
    )


def main() -> None:
    """Entry of the process: orders come pickled on standard input from the supervisor, and from nobody else."""
    size = int.from_bytes(os.read(sys.stdin.fileno(), 8))
    octets = b""
    while len(octets) < size:
        octets += os.read(sys.stdin.fileno(), size - len(octets))
    orders: Orders = pickle.loads(octets)
    configure_log(orders.settings)
    sys.setswitchinterval(SWITCH_INTERVAL)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the customary 1,024 would be our connection limit
    gc.set_threshold(*COLLECT)
    try:
        uvloop.run(_main(orders))
    except (GoodstandingError, OSError) as exc:
        log.error("worker cannot go on", error=str(exc))
        sys.exit(1)


if __name__ == "__main__":
    from goodstanding.worker import main as run_main  # the pickled class lives in this module, not in __main__

    run_main()

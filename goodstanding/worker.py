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
import resource
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvloop

from goodstanding import fitting
from goodstanding.admission.estate import Register
from goodstanding.admission.isolation import isolation_of
from goodstanding.admission.ration import Policy
from goodstanding.api.acs.face import Face
from goodstanding.api.acs.keys import AccessKeys
from goodstanding.api.native.sending import Sending
from goodstanding.api.programs import end, serve
from goodstanding.companion import handed_over
from goodstanding.delivery.claiming import Claiming, as_they_are
from goodstanding.delivery.courier import Courier
from goodstanding.delivery.notices import Ours
from goodstanding.delivery.obeying import Obeying
from goodstanding.delivery.plan import HERE
from goodstanding.delivery.posting import Posting
from goodstanding.delivery.record import Record
from goodstanding.delivery.routing import Routing
from goodstanding.delivery.run import Delivery, Means
from goodstanding.delivery.upkeep import Upkeep
from goodstanding.diagnostics import configure_log
from goodstanding.enforcement.in_force import InForce
from goodstanding.enforcement.watching import watch
from goodstanding.errors import GoodstandingError, LeaseLost, StoreError
from goodstanding.maillog import MailLog, Told
from goodstanding.net.clock import RealClock, SystemEntropy
from goodstanding.net.dns import DnsResolver, ResolverSettings
from goodstanding.net.tcp import LoopbackOnlyDialer, TcpDialer, opportunistic_context, verifying_context
from goodstanding.net.tls import server_context
from goodstanding.operate.api_keys import Keyring
from goodstanding.operate.engagement import tracking_key
from goodstanding.operate.isolation import view_in
from goodstanding.operate.suppression import PERSON_PURPOSE, token_key
from goodstanding.sealed import derive
from goodstanding.settings import Settings
from goodstanding.store import access_keys, estate, workers
from goodstanding.store import domains as claims
from goodstanding.store.db import Database, Tx
from goodstanding.store.queue import Claimed
from goodstanding.store.spool import Spool
from goodstanding.store.writer import Writer
from goodstanding.submission.accept import FrontDoor
from goodstanding.submission.afterthoughts import Afterthoughts
from goodstanding.submission.authentication import Credentials, TrustedNetworks
from goodstanding.submission.doorkeeper import Doorkeeper
from goodstanding.submission.handing_in import HandingIn
from goodstanding.submission.identifiers import Identifiers
from goodstanding.submission.judging import Judge
from goodstanding.submission.listening import listen
from goodstanding.submission.ordered import Orders as OrdersAtTheDoor
from goodstanding.submission.reception import Reception
from goodstanding.submission.reverify import Reverify
from goodstanding.submission.signing import Signers
from goodstanding.submission.site_policy import SitePolicy
from goodstanding.wire.return_path import PURPOSE as RETURN_PATH_PURPOSE

log = structlog.get_logger("worker")

REPORT_EVERY = 1.0
BEAT_EVERY = 10.0
SIGNING_THREADS = 2
READING_THREADS = 4
"""For a store that is a server: people are read while others are."""
SWITCH_INTERVAL = 0.002
"""Seconds a thread waits for the interpreter lock before it asks for it: the writer thread needs it a few times per
commit. Between Python's 5 ms and 0.5 ms no difference could be told from the noise (docs/performance.md).
"""
BATCH = getattr(os, "SCHED_BATCH", None)
"""Linux's scheduling policy for work that nobody waits for to the millisecond (sched(7)): a worker that has something
to do does not interrupt whoever is running, so it finds more to do at once when its turn comes, in warmer caches.
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


class Worker:
    """Every object of one worker, and their order of starting and stopping."""

    def __init__(self, orders: Orders) -> None:
        settings = orders.settings
        self.settings = settings
        self.master = orders.master
        self.clock, self.entropy = RealClock(), SystemEntropy()
        self.database = Database(orders.database_url)
        self.database.lay_out()
        with self.database.tx() as tx:
            self.me = workers.register(tx, fitting.place_of_work(settings), os.getpid(), self.clock.now())
        self.told = Told(MailLog(settings.log.mail))
        self.spool = Spool(Path(settings.data_dir) / "spool", self.database, self.me.id, settings.store.segment_size)
        self.writer = Writer(self.database, self.spool, self.me.id, settings.store.commit_limit, self.told)
        self.identifiers = Identifiers(self.me.slot)
        self.resolver = DnsResolver(
            ResolverSettings(settings.dns.nameservers, settings.dns.port, settings.dns.timeout),
            clock=self.clock,
            entropy=self.entropy,
        )
        self.delivery = self._delivery(orders)
        rules, means = settings.admission, self.delivery.means
        self.obeying = means.obeying
        self.policy = Policy(first_day=rules.first_day, campaign_cap=rules.campaign_cap)
        self.upkeep = Upkeep(means, fitting.place_of_work(settings), settings.store.journal_days, self.policy)
        self.afterthoughts = Afterthoughts(derive(self.master, PERSON_PURPOSE), self.clock)
        self.second_look = as_they_are if rules.mode == "off" else self._looked_at_again
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
        if rules.mode != "off":
            self._put_guards_up(orders)
        if rules.mode != "off" or settings.feedback.listeners:
            self.door.report_key = derive(self.master, RETURN_PATH_PURPOSE)
            self.door.reports_domain = settings.feedback.domain
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
            tokens=settings.tokens,
        )
        self.reception.login.bearer = fitting.bearer(settings.tokens, self.clock)
        desk = HandingIn(self.reception)
        self.face = Face(settings.api, settings.hostname, desk, self.database, AccessKeys(b"", (), {}))
        keyring = Keyring(self.database, self.master)
        self.sending = Sending(settings.api, settings.hostname, desk, self.database, keyring)
        self.api_tls = fitting.certificate_of(settings.api, tls)

    def _put_guards_up(self, orders: Orders) -> None:
        """Admission at the front door, and what it wants to hear of delivery."""
        rules, door = orders.settings.admission, self.door
        door.keeper = Doorkeeper(
            database=Database(orders.database_url),
            person_key=self.afterthoughts.person_key,
            token_key=token_key(self.master),
            tracking_key=tracking_key(self.master),
            resolver=self.resolver,
            clock=self.clock,
            threads=ThreadPoolExecutor(READING_THREADS, "read"),
            site=SitePolicy(rules) if rules.site_policy_url else None,
            reasons_url=rules.reasons_url,
        )
        door.judge = Judge(self.policy, rules.quarantine_days, self.spool)
        door.judge.orders = OrdersAtTheDoor()
        self.delivery.record.heard = self.afterthoughts.settled

    def _delivery(self, orders: Orders) -> Delivery:
        settings, out = orders.settings, orders.settings.delivery
        resolver = self.resolver
        ours = frozenset(address for pool in settings.pools for address in pool.addresses)
        own = frozenset() if out.loopback_only else HERE | ours
        routing = Routing(fitting.pools(settings, Register()), resolver, self.clock, out.port, own, out.ipv6)
        record = Record(self.writer, self.spool, self.clock, Ours(settings.hostname), self.identifiers.next)
        dialer = TcpDialer()
        courier = Courier(
            routing=routing,
            dialer=LoopbackOnlyDialer(dialer) if out.loopback_only else dialer,
            timeouts=fitting.timeouts(out),
            tls=opportunistic_context(),
            verifying_tls=verifying_context(),
            hostname=settings.hostname,
            return_path_key=derive(orders.master, RETURN_PATH_PURPOSE),
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
            obeying=Obeying(orders.workers, self.clock),
        )
        return Delivery(means, courier.carry)

    def _looked_at_again(self, tx: Tx, claims: Sequence[Claimed]) -> list[Claimed]:
        """Claims that go on: who was suppressed meanwhile is returned, what an order is about obeys it."""
        return self.obeying.claimed(tx, self.afterthoughts.claimed(tx, claims))

    async def run(self) -> None:
        """Serve until told to stop; then finish what is under way, give back the rest, and say goodbye."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_reader(sys.stdin.fileno(), self._supervisor_gone, stop)
        await asyncio.to_thread(self.refresh)
        servers = await listen(self.reception)
        programs = await serve(
            fitting.faces(self.face, self.sending), self.settings.api, self.api_tls, self.settings.drain
        )
        self.report(ready=True)
        chores = [
            asyncio.create_task(chore)
            for chore in (
                Claiming(self.delivery, self.second_look).run(),
                self.upkeep.run(),
                Posting(self.delivery.means, self.identifiers.next).run(),
                self.reception.sweep(),
                self._report(),
                self._beat(stop),
                *([watch(self.database, self._ordered)] if self.settings.admission.mode == "enforce" else []),
                self._reverify().run(),
            )
        ]
        for chore_under_way in chores:
            chore_under_way.add_done_callback(_mourn)
        await stop.wait()
        for server in servers:
            server.close()
        await end(programs)
        await self.reception.close(self.settings.drain)
        await self.delivery.drain(self.settings.drain)
        for task in chores:
            task.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await self.writer.close()
        self.report()
        with self.database.tx() as tx:
            workers.bury(tx, self.me.id, self.clock.now())

    def _reverify(self) -> Reverify:
        chore = Reverify(self.database, self.settings, self.master, resolver=self.resolver, clock=self.clock)
        chore.told = self.told
        return chore

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

    def _ordered(self, found: InForce) -> None:
        """Other orders are in force, at both doors."""
        if self.door.judge is not None:
            self.door.judge.orders.in_force = found
        self.delivery.obey(found)

    def _sign_of_life(self) -> None:
        with self.database.tx() as tx:
            workers.beat(tx, self.me.id, self.clock.now())

    def refresh(self) -> None:
        """Read the estate anew if it has changed: who may send, as what, with which keys, by which pools."""
        with self.database.read() as tx:
            revision = estate.revision(tx)
            if revision == self.revision:
                return
            self.reception.credentials = fitting.credentials(tx, self.master)
            register = estate.view(tx)
            domains, keys = dict(claims.domains(tx)), claims.dkim_keys(tx)
            signing = access_keys.all_of(tx)
            isolation = isolation_of(view_in(tx, self.settings))
        known = {name: member.identity for name, member in register.subscriptions.items()}
        self.reception.trusted = TrustedNetworks(fitting.trusted_networks(self.settings, known))
        self.face.keys, self.sending.identities = AccessKeys(self.master, signing, known), known
        self.door.signers = Signers(self.master, domains, keys)
        self.delivery.record.ours.seal = fitting.seal(self.settings.hostname, register, self.door.signers)
        self.delivery.means.routing.pools = fitting.pools(self.settings, register)
        if self.door.keeper is not None:
            self.door.keeper.premises = fitting.premises(self.settings, register, isolation)
        self.revision = revision

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
            "goodstanding_admission_findings_total": dict(self.told.reasons),
            "goodstanding_api_requests_total": dict(self.face.requests),
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


def _mourn(chore: asyncio.Task[None]) -> None:
    """A chore that ends by a bug of ours is missed: say so, and say which."""
    if not chore.cancelled() and chore.exception() is not None:
        log.error("a chore has ended; restart this worker", chore=chore.get_name(), exc_info=chore.exception())


async def _main(orders: Orders) -> None:
    worker = Worker(orders)
    await worker.run()


def main() -> None:
    """Entry of the process: orders come pickled on standard input from the supervisor, and from nobody else."""
    orders = handed_over(Orders)
    configure_log(orders.settings)
    sys.setswitchinterval(SWITCH_INTERVAL)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the customary 1,024 would be our connection limit
    gc.set_threshold(*COLLECT)
    if BATCH is not None:
        with contextlib.suppress(OSError):  # a container may forbid it: slower, and nothing else
            os.sched_setscheduler(0, BATCH, os.sched_param(0))
    try:
        uvloop.run(_main(orders))
    except (GoodstandingError, OSError) as exc:
        log.error("worker cannot go on", error=str(exc))
        sys.exit(1)


if __name__ == "__main__":
    from goodstanding.worker import main as run_main  # the pickled class lives in this module, not in __main__

    run_main()

"""The follower: takes reports in, reads them, and reads the journal on, so that what came back has consequences.

One process beside the workers, at a lower priority, so that a flood of reports slows nobody's mail. What it does, it
does in transactions of its own that also move its place in the journal: a crash repeats nothing and forgets nothing.
Several machines may follow the same store; a lock lets one at a time do a step.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
import uvloop

from goodstanding.companion import Orders, handed_over
from goodstanding.diagnostics import configure_log
from goodstanding.enforcement.in_force import InForce
from goodstanding.enforcement.orders import Order, What
from goodstanding.enforcement.policy import Policy
from goodstanding.enforcement.tribunal import Tribunal
from goodstanding.errors import GoodstandingError, StoreError
from goodstanding.events import Event
from goodstanding.feedback import hearing
from goodstanding.feedback.intake import Intake
from goodstanding.feedback.listener import Mailroom
from goodstanding.feedback.mailboxes import Mailboxes
from goodstanding.maillog import MailLog, Told
from goodstanding.net.clock import RealClock
from goodstanding.net.tls import server_context
from goodstanding.operate import suppression
from goodstanding.operate.enforcement import policy_of
from goodstanding.operate.suppression import PERSON_PURPOSE, TOKEN_PURPOSE
from goodstanding.reputation.blame import charges
from goodstanding.reputation.lines import policy_of as lines_of_settings
from goodstanding.reputation.tempo import stretched
from goodstanding.sealed import derive
from goodstanding.store import enforcement, estate, reports, standing, stopping
from goodstanding.store.db import Database
from goodstanding.store.standing import Followed
from goodstanding.wire.return_path import PURPOSE as RETURN_PATH_PURPOSE

log = structlog.get_logger("follower")

COLLECT = (20_000, 20, 50)
"""Garbage collection thresholds: what is known of senders is many objects and no garbage, so look through it rarely."""
STEP = 0.25
"""Seconds between looks for what is new; a look that found something is followed by the next at once."""
AFTER_TROUBLE = 2.0
BATCH = 20
"""Reports of one transaction: others wait for the database meanwhile."""
NICE = 5
"""Lower than the workers: mail goes before what is said of it."""
WEIGH_EVERY = 1.0
REPORT_EVERY = 1.0
SIT_EVERY = 15.0
"""Seconds after which time alone is a reason to look: evidence matures, clean time goes by."""
RESUMED = 500
"""Stopped recipients that one transaction lets go on."""
REMEMBERED = 90 * 86_400.0
"""Seconds for which a report that comes again is known."""
GIVEN_UP = "550 5.7.1 it was stopped for longer than mail is kept: see the standing of its sender"


class Follower:
    """Every object of the process, and their order of starting and stopping."""

    def __init__(self, orders: Orders) -> None:
        settings = orders.settings
        self.settings = settings
        self.master = orders.master
        self.clock = RealClock()
        self.database = Database(orders.database_url)
        self.told = Told(MailLog(settings.log.mail))
        keys = hearing.Keys(*(derive(orders.master, p) for p in (RETURN_PATH_PURPOSE, TOKEN_PURPOSE, PERSON_PURPOSE)))
        self.hearing = hearing.Hearing(keys, lambda text: suppression.opened(orders.master, text))
        self.mailboxes = Mailboxes(keys.report, settings.feedback.domain, settings.web.mail_domain)
        tls = server_context(Path(orders.certificate), Path(orders.key)) if orders.certificate else None
        self.mailroom = Mailroom(
            settings.feedback,
            settings.hostname,
            self.clock,
            Intake(Database(orders.database_url)).keep,
            self.mailboxes.objection,
            tls,
        )
        self.tribunal = Tribunal(Policy())
        self.lines = lines_of_settings(settings.reputation)
        self.followed: Followed | None = None
        self.unheard = True
        """Something was read of the journal and has not been acted on."""
        self.unread = 0
        """Journal entries that were passed over."""
        self.sat = 0.0
        """Second of the last look at what follows from the evidence."""
        self.revision: tuple[int, ...] = ()

    async def run(self) -> None:
        """Follow until told to stop, or until the supervisor is gone."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_reader(sys.stdin.fileno(), self._supervisor_gone, stop)
        await asyncio.to_thread(self.refresh)
        servers = await self.mailroom.listen()
        print("ready", flush=True)
        chores = [
            asyncio.create_task(chore)
            for chore in (self.mailroom.sweep(), self._follow(), self._weigh(), self._report())
        ]
        try:
            await attended(stop, chores)
        finally:
            for server in servers:
                server.close()
            await self.mailroom.close(self.settings.drain)
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    def _supervisor_gone(self, stop: asyncio.Event) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            stop.set()

    async def _follow(self) -> None:
        while True:
            try:
                more = await asyncio.to_thread(self.step)
                await asyncio.sleep(0 if more else STEP)
            except StoreError as exc:
                log.error("cannot follow", error=str(exc))
                await asyncio.sleep(AFTER_TROUBLE)
            except Exception as exc:  # our bug: said, and tried again, for nothing is heard while nobody follows
                log.error("cannot follow", exc_info=exc)
                await asyncio.sleep(AFTER_TROUBLE)

    async def _weigh(self) -> None:
        """Take no more reports in while too much waits to be read."""
        while True:
            try:
                self.mailroom.full = await asyncio.to_thread(self._waiting) > self.settings.feedback.backlog
            except StoreError as exc:
                log.error("reports not weighed", error=str(exc))
            await asyncio.sleep(WEIGH_EVERY)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY)
            self.report()

    def report(self) -> None:
        """One line to the supervisor."""
        counts = dict(self.told.counts)  # a copy, for the thread that steps goes on counting
        figures = {"goodstanding_journal_events_total": counts, "goodstanding_reputation_unread_total": self.unread}
        with contextlib.suppress(OSError):  # the supervisor is gone; standard input will tell
            print(json.dumps({"figures": figures}), flush=True)

    def _waiting(self) -> int:
        with self.database.read() as tx:
            return reports.weight(tx)

    def step(self) -> bool:
        """Do what there is to do; whether there is more at once."""
        self.database.ease()
        self.refresh()
        more = self._hear()
        if self.settings.admission.mode == "off":
            return self._let_go(self.clock.now()) or more
        return self._measure() or more

    def refresh(self) -> None:
        """Learn which bounce domains and which penalty pools there are, if the estate has changed."""
        with self.database.read() as tx:
            revision = estate.revision(tx)
            if revision == self.revision:
                return
            register = estate.view(tx)
        domains = [pool.bounce_domain for pool in register.pools]
        domains += [pool.bounce_domain for pool in self.settings.pools]
        self.mailboxes.bounce_domains = frozenset(domain.lower() for domain in domains if domain)
        self.tribunal.policy = policy_of(self.settings, self.master, register)
        self.revision = revision

    def _hear(self) -> bool:
        """Read reports, then act on them in transactions of bounded size."""
        with self.database.read() as tx:
            batch = reports.waiting(tx, BATCH, self.clock.now())
        if not batch:
            return False
        read = [hearing.read(report) for report in batch]
        for portion in hearing.portions(read):
            self._act_together(portion)
        return len(batch) == BATCH

    def _act_together(self, read: Sequence[hearing.ReadReport]) -> None:
        try:
            self._act_on(read)
        except StoreError:
            raise
        except Exception as exc:  # our bug, met by what a stranger wrote: it must not keep others from being heard
            log.error("reports not heard together", exc_info=exc)
            for one in read:
                self._act_alone(one)

    def _act_on(self, read: Sequence[hearing.ReadReport]) -> None:
        with self.database.tx() as tx:
            self.hearing.hear(tx, read, self.clock.now())
        self.told(tx.appended)

    def _act_alone(self, one: hearing.ReadReport) -> None:
        try:
            self._act_on([one])
        except StoreError:
            raise
        except Exception as exc:
            log.error("report set aside", report=one.report.id, way=one.report.way, exc_info=exc)
            with self.database.tx() as tx:
                self.hearing.set_aside(tx, one.report, self.clock.now())
            self.told(tx.appended)

    def _measure(self) -> bool:
        """Read the journal on and, when something came of it or time has passed, see what follows."""
        events = self._read_on()
        self.tribunal.hear(events)
        self.unheard = self.unheard or bool(events)
        more, now = self.followed is not None and self.followed.more, self.clock.now()
        if not more and (self.unheard or now - self.sat >= SIT_EVERY or now >= self.tribunal.due):
            self._sit(now)
            self.unheard = False
        return more

    def _read_on(self) -> list[Event]:
        """What the journal has gained. Read and folded while others write; they wait only while it is saved."""
        followed = self.followed
        with self.database.read() as tx:
            if not standing.pending(tx, followed):
                return []
            current = standing.is_current(tx, followed)
        if followed is None or not current:
            with self.database.view() as tx:
                followed = self.followed = standing.anew(tx, followed)
        with self.database.read() as tx:
            standing.read_on(tx, followed, speed=self.settings.reputation.speed)
        with self.database.tx() as tx:
            if not standing.save(tx, followed):
                return []  # another machine has gone on
        self.unread += len(followed.unread)
        for one in followed.unread:
            log.error("journal entry passed over", seq=one.seq, kind=one.kind, why=one.why)
        return followed.events

    def _sit(self, now: float) -> None:
        """Move who is to be moved, and let mail go on that nothing stops any more."""
        if self.followed is None:
            return
        lived = stretched(now, self.settings.reputation.speed)
        found = charges(self.followed.state, lived, self.lines, self.followed.kin)
        with self.database.tx() as tx:
            self.tribunal.sit(tx, found, now)
            reports.forget_heard(tx, now - REMEMBERED)
        self.told(tx.appended)
        if not self._resume(now):
            self.sat = now

    def _let_go(self, now: float) -> bool:
        """Where admission is off nobody obeys orders: what they had stopped goes on; whether there is more."""
        if now - self.sat < SIT_EVERY:
            return False
        resumed = self._resume(now)
        if not resumed:
            self.sat = now
        return resumed > 0

    def _resume(self, now: float) -> int:
        """Stopped mail whose orders have ended waits its turn again; what was stopped too long goes back.

        As workers have it: with admission off no order is obeyed, and what is only noted in shadow is none. What is
        stopped is looked for while others write: there may be much of it, and most of it stays. Mail that an order of
        this very moment is about is stopped again when it is claimed.
        """
        with self.database.read() as tx:
            stopped = stopping.groups(tx)
            obeyed = stopped and self.settings.admission.mode != "off"  # seldom is anything stopped
            in_force = enforcement.view(tx) if obeyed else InForce()
        if not stopped:
            return 0
        free = [one for one in stopped if not _is_held(in_force.of(one.touched, one.tenant, "", now))]
        resumed = 0
        with self.database.tx() as tx:
            for group in free:
                if resumed < RESUMED:
                    resumed += stopping.resume(tx, group, now, RESUMED - resumed)
            stopping.give_up(tx, now - self.settings.delivery.give_up_after, GIVEN_UP, RESUMED)
        self.told(tx.appended)
        return resumed


def _is_held(orders: Sequence[Order]) -> bool:
    return any(one.what is What.HOLD for one in orders)


async def attended(stop: asyncio.Event, chores: Sequence[asyncio.Task[None]]) -> None:
    """Wait until told to stop. GoodstandingError when a chore ends first: the supervisor starts a process with all."""
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopped, *chores], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
    for chore in chores:
        if chore.done() and not stop.is_set():
            raise GoodstandingError(f"a chore ended: {chore.exception()!r}")


def main() -> None:
    """Entry of the process."""
    orders = handed_over(Orders)
    configure_log(orders.settings)
    os.nice(NICE)
    gc.set_threshold(*COLLECT)
    try:
        uvloop.run(_run(orders))
    except (GoodstandingError, OSError) as exc:
        log.error("follower cannot run", error=str(exc))
        sys.exit(1)


async def _run(orders: Orders) -> None:
    await Follower(orders).run()


if __name__ == "__main__":
    main()

"""The messenger: tells endpoints of tenants what happened, as far as the journal says so and in its order.

One process beside the workers, at a lower priority; the supervisor starts it when there is the first endpoint. On many
machines one at a time tells, by a lease. It lines up what is new (`store.outbox.follow`), posts what is due, and writes
down what came of it, many to a transaction. After a crash whatever was not written down is posted again, under its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

import structlog
import uvloop

from goodstanding.companion import Orders, handed_over
from goodstanding.diagnostics import configure_log
from goodstanding.enforcement.policy import DAY, Policy
from goodstanding.errors import GoodstandingError, StoreError
from goodstanding.fitting import place_of_work
from goodstanding.follower import attended
from goodstanding.maillog import MailLog, Told
from goodstanding.net.clock import RealClock, SystemEntropy
from goodstanding.operate.enforcement import link_key
from goodstanding.operate.webhook_trial import means_of
from goodstanding.settings import Settings, WebhookSettings
from goodstanding.store import journal, outbox, webhooks
from goodstanding.store.db import Database, Tx
from goodstanding.webhooks.endpoint import Endpoint
from goodstanding.webhooks.outgoing import Outgoing, Patience
from goodstanding.webhooks.pacing import Schedule
from goodstanding.webhooks.paperwork import Paperwork
from goodstanding.webhooks.posting import Poster

log = structlog.get_logger("messenger")

STEP = 0.25
"""Seconds between looks for what is new."""
AFTER_TROUBLE = 2.0
NICE = 5
EVENTS = 1000
"""Journal entries of one transaction."""
LEASE = 20.0
"""Seconds one messenger may tell without saying again that it is there."""
UPKEEP_EVERY = 10.0
REPORT_EVERY = 1.0
NEVER_ANSWERED = "given up: the endpoint did not answer in all that time"


class Messenger:
    """Every object of the process, and their order of starting and stopping."""

    def __init__(self, orders: Orders) -> None:
        settings = orders.settings
        self.settings = settings.webhooks
        self.drain = settings.drain
        self.clock = RealClock()
        self.database = Database(orders.database_url)
        self.told = Told(MailLog(settings.log.mail))
        self.owner = f"{place_of_work(settings)}#{os.getpid()}"
        self.gap = journal.Gap()
        self.serial = -1
        self.swept = -2
        """The serial at which no endpoint that is no more had rows."""
        self.anew = False
        """We begin to tell: another one may have told meanwhile, so nothing we know holds."""
        self.endpoints: list[Endpoint] = []
        self.until = 0.0
        """Second at which our lease ends; 0: we have none."""
        self.poster = Poster(means_of(settings, self.clock))
        paperwork = Paperwork(Database(orders.database_url), orders.master, pages_of(settings, orders.master))
        self.outgoing = Outgoing(paperwork, self.poster, (self.clock, SystemEntropy()), patience_of(settings.webhooks))
        self.outgoing.tell = self.told

    async def run(self) -> None:
        """Tell until told to stop, or until the supervisor is gone."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_reader(sys.stdin.fileno(), self._supervisor_gone, stop)
        await asyncio.to_thread(self._look)
        print("ready", flush=True)
        work = (self._lead, self._follow, self.outgoing.settle_on, self._keep_up, self._report)
        chores = [asyncio.create_task(chore()) for chore in work]
        try:
            await attended(stop, chores)
        finally:
            await self.outgoing.stop(self.drain)
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            self.poster.close()
            self.report()
            if self.until:
                await asyncio.to_thread(self._in_tx, partial(webhooks.release, owner=self.owner))

    def _supervisor_gone(self, stop: asyncio.Event) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            stop.set()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY)
            self.report()

    def report(self) -> None:
        """One line to the supervisor."""
        figures = {
            "goodstanding_journal_events_total": dict(self.told.counts),
            "goodstanding_webhook_posts_total": dict(self.outgoing.counts),
        }
        with contextlib.suppress(OSError):  # the supervisor is gone; standard input will tell
            print(json.dumps({"figures": figures}), flush=True)

    # Who tells

    async def _lead(self) -> None:
        """Be the one who tells, as long as there is something to tell and nobody else does."""
        while True:
            try:
                await asyncio.to_thread(self._take_lease)
            except StoreError as exc:
                log.error("no lease", error=str(exc))
            self.outgoing.allowed_until = self.until
            await asyncio.sleep(LEASE / 4 if self.until else STEP * 4)

    def _take_lease(self) -> None:
        now = self.clock.now()
        with self.database.read() as tx:
            present = webhooks.place(tx)
            wanted = webhooks.there_are_any(tx)
        gone = present.owner if self._is_dead(present.owner) else webhooks.NOBODY
        free = present.owner in (self.owner, gone) or present.until <= now
        if not wanted or not free:
            self.until = 0.0
            return
        until = now + LEASE
        with self.database.tx() as tx:
            held = webhooks.lease(tx, self.owner, until, now, gone)
        if held and not self.until:
            self.anew = True
        self.until = until if held else 0.0

    def _is_dead(self, owner: str) -> bool:
        """Whether an owner was a process of this very installation that is no more."""
        where, _, pid = owner.rpartition("#")
        if where != self.owner.rpartition("#")[0] or not pid.isdigit():
            return False
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    # What is new

    async def _follow(self) -> None:
        while True:
            try:
                more = await self._step() if self.until > self.clock.now() else False
                await asyncio.sleep(0 if more else STEP)
            except StoreError as exc:
                log.error("cannot follow", error=str(exc))
                await asyncio.sleep(AFTER_TROUBLE)
            except Exception as exc:  # our bug: said, and tried again
                log.error("cannot follow", exc_info=exc)
                await asyncio.sleep(AFTER_TROUBLE)

    async def _step(self) -> bool:
        """Line up what is new; whether there is more at once."""
        if self.anew:
            self.outgoing.renew([])
            self.anew, self.serial, self.gap = False, -1, journal.Gap()
        if await asyncio.to_thread(self._look):
            self.outgoing.renew(self.endpoints)
        heard, more = await asyncio.to_thread(self._line_up)
        self.outgoing.wake(heard)
        return more

    def _look(self) -> bool:
        """Learn which endpoints there are, if anything has changed."""
        with self.database.read() as tx:
            serial = webhooks.place(tx).serial
            if serial == self.serial:
                return False
            self.endpoints = [one for one in webhooks.every(tx) if one.state == "active"]
        self.serial = serial
        return True

    def _line_up(self) -> tuple[set[int], bool]:
        if not self.endpoints:
            return set(), False
        with self.database.read() as tx:
            if webhooks.newest(tx) <= webhooks.place(tx).cursor:
                return set(), False
        with self.database.tx() as tx:
            return outbox.follow(tx, self.endpoints, self.gap, EVENTS, self.clock.now())

    # What is old

    async def _keep_up(self) -> None:
        """Give up and forget what is too old, a little at a time."""
        while True:
            await asyncio.sleep(UPKEEP_EVERY)
            self.poster.sweep()
            try:
                while self.until > self.clock.now() and await asyncio.to_thread(self._sweep):
                    await asyncio.sleep(STEP)  # others write, too
            except StoreError as exc:
                log.error("cannot tidy up", error=str(exc))

    def _sweep(self) -> bool:
        """One piece of it; whether there may be more."""
        now = self.clock.now()
        waiting_before = now - self.settings.give_up_after - LEASE  # what is tried for the last time is decided first
        with self.database.read() as tx:
            orphan = outbox.orphan(tx) if self.swept != self.serial else 0
            old = {
                one.number: outbox.too_old(tx, one.number, waiting_before, now - DAY * self.settings.keep_days)
                for one in webhooks.every(tx)
            }
        if not orphan:
            self.swept = self.serial
        done = self._in_tx(partial(outbox.clear, endpoint=orphan)) if orphan else 0
        for number, (waiting, dead) in old.items():
            if waiting:
                give_up = partial(outbox.give_up, endpoint=number, before=waiting, reply=NEVER_ANSWERED, now=now)
                done += self._in_tx(give_up)
            if dead:
                done += self._in_tx(partial(outbox.forget, endpoint=number, before=dead))
        return done >= outbox.PIECE

    def _in_tx(self, work: Callable[[Tx], int | None]) -> int:
        with self.database.tx() as tx:
            return work(tx) or 0


def patience_of(its: WebhookSettings) -> Patience:
    """How patient the settings are."""
    probe = min(its.retry_most, Schedule().probe)
    schedule = Schedule(its.retry_first, most=its.retry_most, probe=probe, give_up=its.give_up_after)
    return Patience(schedule, its.connections, its.connections_per_endpoint)


def pages_of(settings: Settings, master: bytes) -> Policy:
    """Where the standing pages are, as far as links are made of it."""
    return Policy(url=settings.web.base, link_key=link_key(master))


def main() -> None:
    """Entry of the process."""
    orders = handed_over(Orders)
    configure_log(orders.settings)
    os.nice(NICE)
    try:
        uvloop.run(_run(orders))
    except (GoodstandingError, OSError) as exc:
        log.error("messenger cannot run", error=str(exc))
        sys.exit(1)


async def _run(orders: Orders) -> None:
    await Messenger(orders).run()


if __name__ == "__main__":
    main()

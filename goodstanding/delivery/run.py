"""The delivery loop of one worker: claim, find the way, line up, hand to couriers.

What is accepted here is offered straight from the front door, its attempt already booked; the rest is claimed from
the store, lane by lane, whenever there is room. Everything claimed ends in exactly one of three ways: settled after
an attempt, given back unattempted, or freed by others when this worker dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass

import structlog
from msgspec import Struct, structs

from goodstanding.delivery import shaping
from goodstanding.delivery.obeying import Obeying, Waits, release
from goodstanding.delivery.outcome import Bounced, Deferred, Outcome
from goodstanding.delivery.plan import Unroutable
from goodstanding.delivery.record import Record
from goodstanding.delivery.routing import Routing, Way
from goodstanding.delivery.settling import Attempted, Circumstances, postpone, rule
from goodstanding.delivery.shaping import Go, Limits, Window
from goodstanding.enforcement.in_force import InForce
from goodstanding.errors import StoreError
from goodstanding.model import RANK, Identity, Reply, WorkerId
from goodstanding.outside import Clock, Entropy
from goodstanding.queue.choose import Ready
from goodstanding.queue.schedule import Patience
from goodstanding.settings import DeliverySettings
from goodstanding.store.content import fetch
from goodstanding.store.db import Database
from goodstanding.store.queue import Claimed, ClaimedRecipient, Lane
from goodstanding.store.spool import Spool
from goodstanding.store.writer import Writer

log = structlog.get_logger("delivery")

UNSETTLED_LIMIT = 4000
"""Outcomes waiting to be written at which no more mail is sent: the store is behind."""


class Job(Struct, frozen=True, gc=False):
    """One message for those of its recipients that share a lane."""

    site: str
    """The lane: pool and site."""
    rank: int
    tenant: str
    weight: int
    way: Way
    claimed: Claimed
    recipients: tuple[ClaimedRecipient, ...]
    chunks: Sequence[bytes] | None
    """Prefix and body, when they are still in memory."""


class Lanes:
    """The shaping windows of every lane this worker knows, and couriers that wait for work there."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.windows: dict[str, Window] = {}
        self.idle: dict[str, list[asyncio.Future[None]]] = {}
        self.opening: dict[str, int] = {}

    def window(self, lane: str) -> Window:
        """What is known of a lane."""
        found = self.windows.get(lane)
        return found if found is not None else Window(float(min(self.limits.start, self.limits.most)))


@dataclass(frozen=True, slots=True)
class Means:
    """What delivering needs of the rest of the worker."""

    settings: DeliverySettings
    worker: WorkerId
    workers: int
    """How many share the limits of a site."""
    database: Database
    writer: Writer
    spool: Spool
    routing: Routing
    record: Record
    clock: Clock
    entropy: Entropy
    obeying: Obeying


class Delivery:
    """Everything one worker does to get mail out."""

    def __init__(self, means: Means, courier: Callable[[Delivery, Job], Coroutine[None, None, None]]) -> None:
        """``courier``: starts carrying jobs of a lane, beginning with the given one (`courier.Courier.carry`)."""
        settings = means.settings
        self.means = means
        self.settings = settings
        self.worker = means.worker
        self.clock = means.clock
        self.record = means.record
        start, most = (max(1, -(-n // means.workers)) for n in (settings.site_start, settings.site_connections))
        self.lanes = Lanes(Limits(start, most))
        self.ready: Ready[Job] = Ready(settings.ready_limit)
        self.patience = Patience(
            *(settings.retry_first, settings.retry_factor, settings.retry_most),
            *(settings.give_up_after, settings.warn_after),
        )
        self.connections = 0
        self.kept_bytes = 0
        self.stopping = False
        self.hungry = asyncio.Event()
        """Set when there is room again, or something to look for in the store."""
        self._courier = courier
        self._tasks: set[asyncio.Task[None]] = set()
        self._lane_weight: dict[Lane, int] = {}

    def __repr__(self) -> str:
        return f"<Delivery {self.connections} connections, {self.ready!r}, {self.record.unsettled} unsettled>"

    # What the front door asks and gives.

    def room_for(self, identity: Identity, recipients: int) -> bool:
        """Whether a message may be attempted at once, without a detour through the store."""
        if not self.settings.enabled or self.stopping or recipients > self.settings.ready_limit // 4:
            return False
        if self.record.unsettled > UNSETTLED_LIMIT:
            return False
        return self.ready.room_for(identity.tenant, RANK[identity.stream])

    def offer(self, claimed: Claimed, chunks: Sequence[bytes] | None) -> None:
        """Take over a message whose attempt is booked; its bytes are kept while memory allows."""
        size = claimed.place.size + claimed.place.prefix
        if chunks is not None and self.kept_bytes + size > self.settings.ready_memory:
            chunks = None
        self.intake(self.means.obeying.offered(claimed), chunks)

    def has_enough(self, lane: Lane) -> bool:
        """Whether so much of a queue lane, or of its tenant, is lined up that others should be claimed first.

        Called in the writer's thread; a number that is a moment old does no harm.
        """
        rank, tenant, _ = lane
        crowded = self._lane_weight.get(lane, 0) > self.settings.ready_limit // 8
        return crowded or not self.ready.room_for(tenant, rank)

    def withdraw(self, unwanted: Callable[[Job], bool]) -> None:
        """Give back every job named by a predicate that no courier has taken yet."""
        for job in self.ready.sift(unwanted):
            self._gone(job)
            self.record.give_back(self.worker, [(job.claimed.message, one.n) for one in job.recipients])

    def obey(self, found: InForce) -> None:
        """Other orders are in force: what they stop and nobody carries yet is given back, what they free goes on."""
        obeying = self.means.obeying
        freed = obeying.learn(found)
        self.withdraw(lambda job: obeying.stops(job.claimed))
        self.hungry.set()
        if freed:
            self._spawn(self._free(freed))

    async def _free(self, freed: Sequence[Waits]) -> None:
        try:
            await self.means.writer.submit(release, (freed, self.clock.now()))
        except StoreError as exc:
            log.error("what an order kept waiting waits its time", error=str(exc))
        self.hungry.set()

    # From a claim to a courier.

    def intake(self, claimed: Claimed, chunks: Sequence[bytes] | None) -> None:
        """Find the way for every recipient and line the jobs up."""
        claimed = self._without_bounced(claimed)
        ways: dict[str, Way | Unroutable] = {}
        for one in claimed.recipients:
            domain = one.recipient.domain
            if domain not in ways:
                way = self.means.routing.at_once(claimed.identity, domain, claimed.pool)
                if way is None:
                    self._spawn(self._look_up(claimed, chunks))
                    return
                ways[domain] = way
        self._line_up(claimed, chunks, ways)

    def _without_bounced(self, claimed: Claimed) -> Claimed:
        """What is left when those are returned that must not be written to any more."""
        bounced = [one for one in claimed.recipients if one.bounce is not None]
        if not bounced:
            return claimed
        self.settle(claimed, [(one, Bounced(one.bounce, "recipient")) for one in bounced if one.bounce is not None])
        return structs.replace(claimed, recipients=tuple(one for one in claimed.recipients if one.bounce is None))

    async def _look_up(self, claimed: Claimed, chunks: Sequence[bytes] | None) -> None:
        identity = claimed.identity
        domains = list({one.recipient.domain for one in claimed.recipients})
        try:
            found = await asyncio.gather(*(self.means.routing.find(identity, one, claimed.pool) for one in domains))
        except BaseException:  # we are stopping, or there is a bug: either way nobody carries it
            self.record.give_back(self.worker, [(claimed.message, one.n) for one in claimed.recipients])
            raise
        self._line_up(claimed, chunks, dict(zip(domains, found, strict=True)))

    def _line_up(self, claimed: Claimed, chunks: Sequence[bytes] | None, ways: dict[str, Way | Unroutable]) -> None:
        """Jobs by lane; with a token in the return path every recipient is a job of its own."""
        groups: dict[tuple[str, int], list[ClaimedRecipient]] = {}
        lane_way: dict[str, Way] = {}
        for i, one in enumerate(claimed.recipients):
            way = ways[one.recipient.domain]
            if isinstance(way, Unroutable):
                outcome = Bounced if way.permanent else Deferred
                self.settle(claimed, [(one, outcome(way.reply, way.reach))])
                continue
            lane_way.setdefault(way.lane, way)
            alone = bool(way.pool.bounce_domain and claimed.sender)
            groups.setdefault((way.lane, i if alone else i // self.settings.recipients_per_message), []).append(one)
        identity = claimed.identity
        for (lane, _), recipients in groups.items():
            way = lane_way[lane]
            job = Job(
                *(
                    lane,
                    RANK[identity.stream],
                    identity.tenant,
                    len(recipients),
                    way,
                    claimed,
                    tuple(recipients),
                    chunks,
                )
            )
            self._add(job)

    def _add(self, job: Job) -> None:
        window = self.lanes.window(job.site)
        if self.clock.now() < window.closed_until and window.because is not None:
            self.defer(job, window.because)
            return
        pause = self.means.obeying.pause(job.claimed, job.way.pool.addresses, job.way.hosts[0], job.weight)
        if pause is not None:
            self.put_off(job, pause.because, pause.until)
            return
        self.ready.add(job)
        if job.chunks is not None:
            self.kept_bytes += sum(map(len, job.chunks))
        lane = self._queue_lane(job)
        self._lane_weight[lane] = self._lane_weight.get(lane, 0) + job.weight
        self._dispatch(job.site)

    def _queue_lane(self, job: Job) -> Lane:
        return (job.rank, job.tenant, job.recipients[0].recipient.domain)

    def _dispatch(self, lane: str) -> None:
        """Wake a courier that waits at the lane, or send a new one out if the window allows."""
        idle = self.lanes.idle.get(lane)
        while idle:
            waiter = idle.pop()
            if not waiter.done():
                waiter.set_result(None)
                return
        if self.stopping or self.connections >= self.settings.connections:
            return
        if self.ready.waiting_at(lane) <= self.lanes.opening.get(lane, 0):
            return  # couriers are on their way already
        grant = shaping.ask(self.lanes.window(lane), self.clock.now())
        if isinstance(grant, Go):
            job = self.take(lane)
            if job is not None:
                self.lanes.windows[lane] = grant.window
                self.connections += 1
                self._spawn(self._courier(self, job))

    def take(self, lane: str) -> Job | None:
        """The next job of a lane, for a courier that is there."""
        if self.record.unsettled > UNSETTLED_LIMIT:
            return None
        job = self.ready.take(lane)
        if job is not None:
            self._gone(job)
        return job

    def _gone(self, job: Job) -> None:
        """The job has left the line."""
        if job.chunks is not None:
            self.kept_bytes -= sum(map(len, job.chunks))
        lane = self._queue_lane(job)
        left = self._lane_weight.get(lane, 0) - job.weight
        if left > 0:
            self._lane_weight[lane] = left
        else:
            self._lane_weight.pop(lane, None)
        if self.ready.weight < self.settings.ready_limit // 2:
            self.hungry.set()

    def courier_left(self, lane: str) -> None:
        """A courier's connection is no more: its place goes to whoever's turn it is."""
        self.connections -= 1
        window = shaping.ended(self.lanes.window(lane))
        fresh = window.in_use == 0 and window.failures == 0 and window.size <= self.lanes.limits.start
        if fresh:
            self.lanes.windows.pop(lane, None)
        else:
            self.lanes.windows[lane] = window
        turn = self.ready.site_in_turn(self._open)
        if turn is not None:
            self._dispatch(turn)

    def look_round(self) -> None:
        """Send couriers wherever jobs wait and nothing forbids it any more; what else wakes them is only quicker."""
        for lane in self.ready.sites():
            self._dispatch(lane)

    def _open(self, lane: str) -> bool:
        return isinstance(shaping.ask(self.lanes.window(lane), self.clock.now()), Go)

    # Outcomes.

    def settle(
        self,
        claimed: Claimed,
        outcomes: Sequence[tuple[ClaimedRecipient, Outcome]],
        host: str = "",
        tls: str = "",
        source: str = "",
        passed_on: bool = False,
    ) -> None:
        """Record what became of recipients."""
        attempted = [Attempted(one.n, one.recipient, one.attempts, one.warned, outcome) for one, outcome in outcomes]
        about = self._about(claimed, host, tls, source, passed_on)
        rulings = rule(attempted, about, self.patience, self.means.entropy.jitter(self.settings.retry_jitter))
        self.record.settle(claimed, rulings, lambda: self.body(claimed))

    def _about(
        self, claimed: Claimed, host: str = "", tls: str = "", source: str = "", passed_on: bool = False
    ) -> Circumstances:
        now, tenant = self.clock.now(), claimed.identity.tenant
        how = (host, tls, source, passed_on, now, claimed.touched)
        return Circumstances(claimed.message, tenant, claimed.sender, *how)

    def defer(self, job: Job, reply: Reply) -> None:
        """The lane is closed: what waits for it is tried when it opens again, with the words that closed it."""
        said = Reply(reply.code, reply.enhanced, f"delivery there is paused for now: {reply.text}")
        self.put_off(job, said, self.lanes.window(job.site).closed_until)

    def put_off(self, job: Job, reply: Reply, until: float) -> None:
        """The job waits until a second, with the words that made it wait."""
        said = Deferred(reply, "host")
        waiting = [Attempted(one.n, one.recipient, one.attempts, one.warned, said) for one in job.recipients]
        rulings = postpone(waiting, self._about(job.claimed), self.patience, until)
        self.record.settle(job.claimed, rulings, lambda: self.body(job.claimed))

    def close_lane(self, lane: str, reply: Reply) -> None:
        """Defer everything that waits for a closed lane."""
        while (job := self.ready.take(lane)) is not None:
            self._gone(job)
            self.defer(job, reply)

    def body(self, claimed: Claimed) -> Iterable[bytes]:
        """The body as submitted, from the spool."""
        parts = iter(self.read(claimed))
        next(parts, None)
        return parts

    def read(self, claimed: Claimed) -> Iterable[bytes]:
        """Prefix and body from the spool. Raises OSError when they cannot be read."""
        return fetch(self.means.spool, self.means.database, claimed.message, claimed.place)

    async def drain(self, patience: float) -> None:
        """Stop claiming, let conversations finish within ``patience`` seconds, give the rest back."""
        self.stopping = True
        self.hungry.set()
        self.withdraw(lambda _: True)
        for idle in self.lanes.idle.values():
            for waiter in idle:
                if not waiter.done():
                    waiter.set_result(None)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        await self.record.settled()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a delivery task failed", exc_info=task.exception())

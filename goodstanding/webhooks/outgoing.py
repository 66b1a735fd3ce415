"""The loop that posts: a runner for each endpoint, so that none waits for another, and one hand that writes down.

A runner loads what is due (`paperwork`), posts as much at a time as the endpoint bears (`pacing`), and hands over what
came of it. What is loaded is held until that is written down, so nothing is posted twice in one life.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

import structlog
from msgspec import Struct

from goodstanding.errors import StoreError
from goodstanding.events import Event
from goodstanding.outside import Clock, Entropy
from goodstanding.store.outbox import Ended
from goodstanding.webhooks import pacing
from goodstanding.webhooks.answers import Answer, Meaning, meaning, wait_asked
from goodstanding.webhooks.endpoint import Endpoint, Kind
from goodstanding.webhooks.pacing import Dead, Health, Schedule
from goodstanding.webhooks.paperwork import Gone, Paperwork, Ready
from goodstanding.webhooks.posting import Poster
from goodstanding.webhooks.shapes import posting
from goodstanding.webhooks.signature import Locked, signed

log = structlog.get_logger("messenger")

SETTLE_EVERY = 0.1
"""Seconds that outcomes gather before they are written down together."""
AFTER_TROUBLE = 2.0
IN_MEMORY = 10_000
"""Events loaded at the same time, of all endpoints together."""
AT_MOST = 500
"""Of one endpoint."""
JITTER = 0.2
LONGEST_NAP = 30.0
MARGIN = 2.0
"""Seconds before the end of the lease at which nothing more is begun."""


class Patience(Struct, frozen=True):
    """How much is asked of endpoints, and for how long."""

    schedule: Schedule
    connections: int = 256
    per_endpoint: int = 8


class Outgoing:
    """All runners, and what they have in common; for one event loop."""

    def __init__(self, paperwork: Paperwork, poster: Poster, world: tuple[Clock, Entropy], patience: Patience) -> None:
        self.paperwork = paperwork
        self.poster = poster
        self.clock, self.entropy = world
        self.patience = patience
        self.slots = asyncio.Semaphore(patience.connections)
        self.allowed_until = 0.0
        """Second until which we are the one who tells."""
        self.tell: Callable[[Sequence[Event]], None] = lambda events: None
        """Hears what was journalled."""
        self.stopping = False
        self.counts = Counter[str]()
        """Events posted in this life, by outcome."""
        self._runners: dict[int, Runner] = {}
        self._ended: list[Ended] = []
        self._gone: list[Gone] = []
        self._something = asyncio.Event()
        self._settling = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Outgoing {len(self._runners)} endpoints, {len(self._ended)} to write down>"

    @property
    def share(self) -> int:
        """Events one endpoint may have in memory."""
        return max(2 * self.patience.per_endpoint, min(AT_MOST, IN_MEMORY // (len(self._runners) or 1)))

    def may_post(self) -> bool:
        """Whether something may be begun."""
        return not self.stopping and self.clock.now() < self.allowed_until - MARGIN

    def renew(self, endpoints: Iterable[Endpoint]) -> None:
        """Tell these endpoints from now on, and no others; what has not changed goes on."""
        wanted = {one.number: one for one in endpoints}
        for number in self._runners.keys() - wanted.keys():
            self._runners.pop(number).end()
        for number, endpoint in wanted.items():
            runner = self._runners.get(number)
            if runner is not None and runner.endpoint == endpoint:
                continue
            if (locked := self.paperwork.locked(endpoint)) is None:
                continue
            if runner is None:
                self._runners[number] = Runner(self, endpoint, locked)
            else:
                runner.become(endpoint, locked)
        self.wake(self._runners)

    def wake(self, numbers: Iterable[int]) -> None:
        """There may be something for these endpoints."""
        for number in list(numbers):
            if number in self._runners:
                self._runners[number].look()

    def ended(self, those: Sequence[Ended], gone: Gone | None = None) -> None:
        """Have it written down, soon."""
        self._ended.extend(those)
        if gone is not None:
            self._gone.append(gone)
        self._something.set()

    async def settle_on(self) -> None:
        """Write down what comes in, for as long as it runs."""
        while True:
            await self._something.wait()
            await asyncio.sleep(SETTLE_EVERY)
            await self.settle()

    async def settle(self) -> None:
        """Write down what there is; tries again until the store takes it."""
        async with self._settling:
            ended, self._ended = self._ended, []
            gone, self._gone = self._gone, []
            self._something.clear()
            while ended or gone:
                try:
                    self.tell(await asyncio.to_thread(self.paperwork.settle, ended, gone))
                    break
                except StoreError as exc:
                    log.error("outcomes not written down yet", events=len(ended), error=str(exc))
                    await asyncio.sleep(AFTER_TROUBLE)
        for one in ended:
            if one.endpoint in self._runners:
                self._runners[one.endpoint].settled(one)

    async def stop(self, patience: float) -> None:
        """Begin nothing more, let what is under way end within so many seconds, and write it down."""
        self.stopping = True
        posts = [post for runner in self._runners.values() for post in runner.under_way]
        if posts:
            await asyncio.wait(posts, timeout=patience)
        for runner in self._runners.values():
            runner.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.settle()


class Runner:
    """Tells one endpoint."""

    def __init__(self, outgoing: Outgoing, endpoint: Endpoint, locked: Locked) -> None:
        self.endpoint = endpoint
        self.under_way: set[asyncio.Task[None]] = set()
        self._all = outgoing
        self._locked = locked
        self._ready: deque[Ready] = deque()
        self._held: set[tuple[int, Kind]] = set()
        """Loaded, and what came of it is not written down yet."""
        self._health = Health()
        self._more = True
        """There may be something that has not been loaded."""
        self._next_due = 0.0
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def __repr__(self) -> str:
        return f"<Runner {self.endpoint.url}: {len(self._ready)} ready, {len(self.under_way)} under way>"

    def look(self) -> None:
        """There may be something new."""
        self._more = True
        self._news.set()

    def settled(self, one: Ended) -> None:
        """What came of one event is written down: what follows it may be told."""
        self._held.discard((one.seq, one.kind))
        self.look()

    def become(self, endpoint: Endpoint, locked: Locked) -> None:
        """The same with another secret, say: what is under way ends as it began."""
        self.endpoint, self._locked = endpoint, locked

    def end(self) -> None:
        """Tell nothing more; what is under way is posted again by whoever comes next."""
        for task in (self._task, *self.under_way):
            task.cancel()

    async def _run(self) -> None:
        while True:
            self._news.clear()
            if 0 < self._next_due <= self._all.clock.now():
                self._more, self._next_due = True, 0.0
            try:
                if self._all.may_post():
                    await self._load()
                    self._begin()
            except StoreError as exc:
                log.error("nothing loaded", endpoint=self.endpoint.number, error=str(exc))
                await asyncio.sleep(AFTER_TROUBLE)
            except Exception as exc:  # our bug: it must not silence this endpoint for good
                log.error("nothing loaded", endpoint=self.endpoint.number, exc_info=exc)
                await asyncio.sleep(AFTER_TROUBLE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._nap()):
                    await self._news.wait()

    def _nap(self) -> float:
        """Seconds after which there may be something to do though nobody says so."""
        now = self._all.clock.now()
        moments = [now + LONGEST_NAP if self._all.may_post() else now + 1.0]
        if self._next_due:
            moments.append(self._next_due)
        if (self._ready or self._more) and self._health.until > now:
            moments.append(self._health.until)
        return max(0.01, min(moments) - now)

    async def _load(self) -> None:
        now, share = self._all.clock.now(), self._all.share
        if not self._more or now < self._health.until:
            return
        if len(self._ready) > share // 4 or len(self._held) >= 2 * share:
            return
        self._more = False
        try:
            ready, ended, self._next_due = await asyncio.to_thread(
                self._all.paperwork.load, self.endpoint, now, share, frozenset(self._held)
            )
        except StoreError:
            self._more = True
            raise
        self._ready.extend(ready)
        self._held.update(one.row.key for one in ready)
        self._held.update((one.seq, one.kind) for one in ended)
        self._more = self._more or len(ready) + len(ended) >= share
        if ended:
            self._all.ended(ended)

    def _begin(self) -> None:
        while self._ready and self._all.may_post():
            if not pacing.room(self._health, len(self.under_way), self._all.clock.now()):
                return
            task = asyncio.create_task(self._post(self._next()))
            self.under_way.add(task)
            task.add_done_callback(self._posted)

    def _posted(self, task: asyncio.Task[None]) -> None:
        self.under_way.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            log.error("not posted", endpoint=self.endpoint.number, exc_info=exc)
        self._news.set()

    def _next(self) -> list[Ready]:
        """What the next POST carries: what has failed before goes alone, so that it harms no others."""
        batch = [self._ready.popleft()]
        while (
            len(batch) < self.endpoint.batch
            and self._ready
            and not batch[0].row.attempts
            and not self._ready[0].row.attempts
        ):
            batch.append(self._ready.popleft())
        return batch

    async def _post(self, batch: Sequence[Ready]) -> None:
        its = self.endpoint
        written = posting([one.named for one in batch], its.shape, batch[0].row.attempts, alone=its.batch == 1)
        async with self._all.slots:
            now = self._all.clock.now()
            if not self._all.may_post():
                self._ready.extendleft(reversed(batch))
                return
            marks = signed(self._locked.live(now), written.id, int(now), written.body)
            answer = await self._all.poster.post(
                its.url, {**written.headers, **self._locked.headers, **marks}, written.body
            )
        self._judge(batch, answer, self._all.clock.now())

    def _judge(self, batch: Sequence[Ready], answer: Answer, now: float) -> None:
        """What the answer means for the endpoint and for every event of the POST."""
        said, schedule = meaning(answer), self._all.patience.schedule
        self._all.counts["delivered" if said == "delivered" else "failed"] += len(batch)
        if said == "delivered":
            self._health = pacing.succeeded(self._health, self._all.patience.per_endpoint)
            self._all.ended([self._ended(one, "delivered", now) for one in batch])
            return
        asked, jitter = wait_asked(answer, now), self._all.entropy.jitter(JITTER)
        if said == "event":
            self._health = pacing.succeeded(self._health, self._all.patience.per_endpoint)
        else:
            self._health = pacing.failed(self._health, schedule, now, jitter, asked)
        log.info("webhook failed", endpoint=self.endpoint.number, answer=answer.words, events=len(batch))
        gone = Gone(self.endpoint, now, answer.words) if said == "gone" else None
        self._all.ended([self._again(one, said, now, jitter, answer) for one in batch], gone)

    def _again(self, one: Ready, said: Meaning, now: float, jitter: float, answer: Answer) -> Ended:
        schedule, attempts = self._all.patience.schedule, one.row.attempts + 1
        earliest = self._health.until
        if said == "event":
            own = pacing.wait(schedule, attempts, jitter, schedule.most)
            earliest = now + max(own, wait_asked(answer, now))
        fate = pacing.next_try(schedule, one.row.created, now, earliest)
        if isinstance(fate, Dead):
            return self._ended(one, "dead", now, answer.words)
        return Ended(self.endpoint.number, one.row.seq, one.row.kind, "waiting", now, fate.due, answer.words)

    def _ended(self, one: Ready, state: str, now: float, reply: str = "") -> Ended:
        return Ended(self.endpoint.number, one.row.seq, one.row.kind, state, now, reply=reply)

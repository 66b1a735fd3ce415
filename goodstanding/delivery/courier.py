"""One connection's life: open it, carry job after job of its lane over it, wait a moment for more, leave.

Whatever happens to the connection, the job in hand is settled or given back, and the lane's window gets its slot back.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import structlog

from goodstanding.delivery import shaping
from goodstanding.delivery.connection import Egress, OpenSession, Refusal, Timeouts, open_session
from goodstanding.delivery.outcome import Bounced, Deferred, Delivered, Outcome, failure_reply, judge
from goodstanding.delivery.plan import Plan, Unroutable
from goodstanding.delivery.routing import Routing
from goodstanding.delivery.run import Delivery, Job
from goodstanding.errors import StoreError
from goodstanding.model import NetworkFailure, Reply
from goodstanding.outside import Dialer, Entropy
from goodstanding.settings import Pool
from goodstanding.store.queue import EIGHT_BIT, SMTPUTF8, Claimed
from goodstanding.wire import return_path
from goodstanding.wire.smtp_client import Transaction, TransactionResult

log = structlog.get_logger("delivery")


class Errand(NamedTuple):
    """A job in a courier's hands, as it will be said to the server."""

    job: Job
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Courier:
    """What every connection of a worker has in common; `carry` is one connection."""

    routing: Routing
    dialer: Dialer
    timeouts: Timeouts
    tls: ssl.SSLContext
    verifying_tls: ssl.SSLContext
    hostname: str
    return_path_key: bytes

    async def carry(self, delivery: Delivery, job: Job) -> None:
        """Deliver this job and whatever else waits for its lane, until there is no more or the lane gives trouble."""
        lane = job.site
        errands: deque[Errand] = deque([self._errand(job)])
        session: OpenSession | None = None
        try:
            while errands:
                held = session is not None and _held(delivery, errands[0].job, session)
                if session is None or not session.fresh_enough(delivery.settings.messages_per_connection, held=held):
                    if session is not None:
                        await session.quit()
                        session = None
                    opened = await self._open(delivery, errands[0].job)
                    if not isinstance(opened, OpenSession):
                        self._refused(delivery, errands.popleft().job, opened)
                        return
                    session, held = opened, False
                if len(errands) == 1 and not held and (following := delivery.take(lane)) is not None:
                    errands.append(self._errand(following))
                if await self._hand_over(delivery, errands, session):
                    continue  # the kept connection had ended meanwhile: once more on a new one
                errands.popleft()
                if not errands:
                    more = delivery.take(lane) or await self._wait_for_work(delivery, lane)
                    errands.extend([self._errand(more)] if more else [])
        except Exception:
            log.exception("delivery failed", lane=lane, messages=[errand.job.claimed.message for errand in errands])
            if session is not None:
                session.abort()
            self._fault(delivery, errands)
        finally:
            for errand in errands:
                claimed = errand.job.claimed
                delivery.record.give_back(delivery.worker, [(claimed.message, r.n) for r in errand.job.recipients])
            delivery.courier_left(lane)
            if session is not None:
                await session.quit()

    def _fault(self, delivery: Delivery, errands: deque[Errand]) -> None:
        """The errand in hand may have set off a bug of ours: given back it would be claimed at once again, for ever.

        So it pays with this attempt. There is none in hand when it was settled before.
        """
        if errands:
            job = errands.popleft().job
            fault: Outcome = Deferred(Reply(451, "4.3.0", "an internal fault kept it from being delivered"), "message")
            delivery.settle(job.claimed, [(one, fault) for one in job.recipients])

    def _errand(self, job: Job) -> Errand:
        return Errand(job, self._transaction(job))

    async def _open(self, delivery: Delivery, job: Job) -> OpenSession | Outcome:
        """A session with the first host that will have one, or what that makes of the attempt."""
        lanes = delivery.lanes
        lanes.opening[job.site] = lanes.opening.get(job.site, 0) + 1
        try:
            plan = await self.routing.plan(job.way)
            if isinstance(plan, Unroutable):
                return judge_unroutable(plan)
            return await self._try_hosts(delivery, plan, job)
        finally:
            lanes.opening[job.site] -= 1
            if not lanes.opening[job.site]:
                del lanes.opening[job.site]

    async def _try_hosts(self, delivery: Delivery, plan: Plan, job: Job) -> OpenSession | Outcome:
        """RFC 5321 §5.1: the next address is tried when one does not answer or will not talk."""
        outcome: Outcome | None = None
        pool, tenant = job.way.pool, job.claimed.identity.tenant
        for target in plan.targets:
            held = partial(delivery.means.obeying.held, tenant=tenant, host=target.host)
            source = source_for(pool, target.address, delivery.means.entropy, held)
            egress = Egress(pool.hello or self.hostname, source)
            context = self.verifying_tls if plan.verify else self.tls
            opened = await open_session(
                target, plan, dialer=self.dialer, egress=egress, tls_context=context, timeouts=self.timeouts
            )
            if isinstance(opened, OpenSession):
                return opened
            outcome = _named(opened, f"{target.host} [{target.address}]")
        assert outcome is not None
        return outcome

    def _refused(self, delivery: Delivery, job: Job, outcome: Outcome) -> None:
        """No session: the job pays with this attempt, the lane with a pause, and whatever waits there waits longer."""
        delivery.settle(job.claimed, [(one, outcome) for one in job.recipients])
        if isinstance(outcome, Deferred):
            self._blame(delivery, job.site, outcome)

    async def _hand_over(self, delivery: Delivery, errands: deque[Errand], session: OpenSession) -> bool:
        """The first errand over an open session; True when it must be repeated on a new one, nobody being to blame."""
        job, transaction = errands[0].job, errands[0].transaction
        following = errands[1].transaction if len(errands) > 1 else None
        claimed = job.claimed
        try:
            chunks = job.chunks if job.chunks is not None else await self._fetch(delivery, claimed)
            result = await session.deliver(transaction, chunks, following)
        except (OSError, StoreError) as exc:
            log.error("message cannot be read", message=claimed.message, error=str(exc))
            session.abort()  # the server may be waiting for the rest of it
            trouble: Outcome = Deferred(Reply(451, "4.3.0", f"the message cannot be read here: {exc}"), "message")
            delivery.settle(claimed, [(one, trouble) for one in job.recipients])
            return False
        if session.stale:
            return True
        outcomes = _outcomes(result, len(job.recipients))
        delivery.settle(
            claimed,
            list(zip(job.recipients, outcomes, strict=True)),
            *(session.host, session.tls, session.source, session.passes_on_dsn),
        )
        self._learn(delivery, job.site, outcomes, lost=isinstance(result, NetworkFailure))
        return False

    async def _fetch(self, delivery: Delivery, claimed: Claimed) -> Iterable[bytes]:
        """The bytes from the spool: a look into the page cache, or a query that must not hold the loop up."""
        if delivery.means.spool.in_database:
            return await asyncio.to_thread(delivery.read, claimed)
        return delivery.read(claimed)

    def _learn(self, delivery: Delivery, lane: str, outcomes: list[Outcome], *, lost: bool) -> None:
        """What the answers say about the lane."""
        if any(isinstance(outcome, Delivered) for outcome in outcomes):
            window = delivery.lanes.window(lane)
            delivery.lanes.windows[lane] = shaping.succeeded(window, delivery.lanes.limits)
            return
        for outcome in outcomes:
            if isinstance(outcome, Delivered):
                continue
            if lost or outcome.reach in ("host", "lane"):
                # One conversation that breaks off says little about the lane; several in a row say that it is ill.
                self._blame(delivery, lane, Deferred(outcome.reply, "lane") if lost else outcome)
                return

    def _blame(self, delivery: Delivery, lane: str, outcome: Outcome) -> None:
        assert not isinstance(outcome, Delivered)
        window = shaping.failed(delivery.lanes.window(lane), outcome.reach, outcome.reply, delivery.clock.now())
        delivery.lanes.windows[lane] = window
        if window.closed_until > delivery.clock.now():
            delivery.close_lane(lane, outcome.reply)

    def _transaction(self, job: Job) -> Transaction:
        claimed = job.claimed
        sender, domain = claimed.sender, job.way.pool.bounce_domain
        if sender and domain:
            sender = f"{return_path.encode(self.return_path_key, claimed.message, job.recipients[0].n)}@{domain}"
        return Transaction(
            sender,
            tuple(one.recipient for one in job.recipients),
            claimed.place.size + claimed.place.prefix,
            bool(claimed.traits & EIGHT_BIT),
            bool(claimed.traits & SMTPUTF8),
            claimed.ret,
            claimed.envid,
        )

    async def _wait_for_work(self, delivery: Delivery, lane: str) -> Job | None:
        """The next job that turns up within a moment; then the connection has been idle long enough."""
        if delivery.stopping or delivery.settings.idle <= 0:
            return None
        loop = asyncio.get_running_loop()
        until = loop.time() + delivery.settings.idle
        while (left := until - loop.time()) > 0 and not delivery.stopping:
            waiter: asyncio.Future[None] = loop.create_future()
            delivery.lanes.idle.setdefault(lane, []).append(waiter)
            timer = loop.call_later(left, _give_up, waiter)
            await waiter
            timer.cancel()
            job = delivery.take(lane)
            if job is not None:
                return job
        waiting = delivery.lanes.idle.get(lane)
        if waiting is not None:
            waiting[:] = [waiter for waiter in waiting if not waiter.done()]
            if not waiting:
                del delivery.lanes.idle[lane]
        return None


def _held(delivery: Delivery, job: Job, session: OpenSession) -> bool:
    """Whether an order that came meanwhile lets nothing more leave from the address of a session."""
    host = session.host.partition(" ")[0]
    return delivery.means.obeying.held(session.source, job.claimed.identity.tenant, host)


def _give_up(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def source_for(pool: Pool, address: str, entropy: Entropy, held: Callable[[str], bool] = lambda source: False) -> str:
    """One of the pool's addresses of the target's family, by chance; empty when the pool leaves it to the kernel.

    Addresses that an order holds are left out as long as there are others.
    """
    fitting = [one for one in pool.addresses if (":" in one) == (":" in address)]
    fitting = [one for one in fitting if not held(one)] or fitting
    if len(fitting) < 2:
        return fitting[0] if fitting else ""
    return fitting[int.from_bytes(entropy.token(4)) % len(fitting)]


def judge_unroutable(plan: Unroutable) -> Outcome:
    """What it means for the attempt that there is nowhere to go."""
    return Bounced(plan.reply, plan.reach) if plan.permanent else Deferred(plan.reply, plan.reach)


def _named(refusal: Refusal, host: str) -> Outcome:
    """The outcome of a host that would not talk, its name in the text when it said nothing itself."""
    answer = refusal.reply_or_failure
    if isinstance(answer, NetworkFailure):
        answer = NetworkFailure(answer.stage, f"{host}: {answer.text}")
    return judge(answer, refusal.stage)


def _outcomes(result: TransactionResult | NetworkFailure, count: int) -> list[Outcome]:
    if isinstance(result, NetworkFailure):
        return [Deferred(failure_reply(result), "host")] * count
    return [judge(answer, stage) for answer, stage in zip(result.recipients, result.stages, strict=True)]

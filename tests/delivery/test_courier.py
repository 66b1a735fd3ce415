"""A courier that meets a bug of ours lets the message wait, and does not run into the same bug for ever."""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from goodstanding.delivery.connection import OpenSession, Timeouts
from goodstanding.delivery.courier import Courier, source_for
from goodstanding.delivery.outcome import Deferred, Outcome
from goodstanding.delivery.plan import Route
from goodstanding.delivery.routing import Routing, Way
from goodstanding.delivery.run import Delivery, Job, Lanes
from goodstanding.delivery.shaping import Limits
from goodstanding.model import Identity, MessageId, NetworkFailure, Recipient, Stream, SubscriptionName, TenantName
from goodstanding.settings import DeliverySettings, Pool
from goodstanding.store.queue import Claimed, ClaimedRecipient
from goodstanding.store.spool import Place
from tests.fakes import ScriptedDialer


class Session(OpenSession):
    """A session that takes everything, and begins what follows at once."""

    def __init__(self, source: str) -> None:
        self.source, self.host, self.stale = source, "mx.example.org [192.0.2.1]", False
        self._begun = None

    usable = True
    transactions = 0
    tls = ""
    passes_on_dsn = False

    async def deliver(self, transaction: Any, chunks: Any, following: Any = None) -> Any:
        self._begun = following
        return NetworkFailure("final", "whatever comes of it")

    async def quit(self) -> None:
        pass


class Connected(Courier):
    """A courier that gets a session at once, and thinks nothing of what is answered."""

    async def _open(self, delivery: Delivery, job: Job) -> OpenSession | Outcome:
        held = delivery.means.obeying.held
        entropy = delivery.means.entropy
        return Session(source_for(job.way.pool, "192.0.2.1", entropy, lambda one: held(one, "acme", "mx.example.org")))

    def _learn(self, delivery: Delivery, lane: str, outcomes: list[Outcome], *, lost: bool) -> None:
        pass


class BrokenRouting:
    async def plan(self, stream: Stream, way: Way) -> None:
        raise KeyError("a bug")


BULK = Pool(name="bulk", stream=Stream.BULK)


def job(pool: Pool = BULK) -> Job:
    identity = Identity(TenantName("acme"), SubscriptionName("acme/app"), Stream.BULK)
    recipient = ClaimedRecipient(0, Recipient("ann@example.org"), 1)
    place = Place(segment=1, offset=0, size=4, prefix=2)
    claimed = Claimed(MessageId(1), identity, "", place, 0, None, "", sole=True, recipients=(recipient,))
    way = Way("bulk>mx.example.org", ("mx.example.org",), pool, Route("direct"))
    return Job(way.lane, 1, "acme", 1, way, claimed, (recipient,), None)


def test_a_message_that_sets_off_a_bug_pays_with_its_attempt() -> None:
    settled: list[Outcome] = []
    given_back: list[object] = []

    def settle(claimed: Claimed, outcomes: Sequence[tuple[ClaimedRecipient, Outcome]]) -> None:
        settled.extend(outcome for _, outcome in outcomes)

    delivery = SimpleNamespace(
        lanes=Lanes(Limits(1, 1)),
        settings=DeliverySettings(),
        worker=1,
        settle=settle,
        record=SimpleNamespace(give_back=lambda *gone: given_back.append(gone)),
        courier_left=lambda lane: None,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    routing = cast(Routing, BrokenRouting())
    courier = Courier(routing, ScriptedDialer({}), Timeouts(), context, context, "relay.test", bytes(32))
    asyncio.run(courier.carry(cast(Delivery, delivery), job()))
    [outcome] = settled
    assert isinstance(outcome, Deferred)
    assert str(outcome.reply) == "451 4.3.0 an internal fault kept it from being delivered"
    assert not given_back


def test_a_busy_session_ends_when_its_address_may_not_be_used_any_more() -> None:
    pool = Pool(name="bulk", stream=Stream.BULK, addresses=("203.0.113.7", "203.0.113.8"))
    waiting, left, held = deque(job(pool) for _ in range(5)), list[str](), set[str]()

    def settle(claimed: Claimed, outcomes: object, host: str, tls: str, source: str, passed_on: bool) -> None:
        left.append(source)
        if len(left) == 2:
            held.add("203.0.113.7")

    obeying = SimpleNamespace(held=lambda source, tenant, host: source in held)
    spool = SimpleNamespace(in_database=False)
    delivery = SimpleNamespace(
        lanes=Lanes(Limits(1, 1)),
        settings=DeliverySettings(idle=0),
        stopping=False,
        worker=1,
        settle=settle,
        take=lambda lane: waiting.popleft() if waiting else None,
        means=SimpleNamespace(obeying=obeying, entropy=SimpleNamespace(token=bytes), spool=spool),
        read=lambda claimed: [b"x"],
        record=SimpleNamespace(give_back=lambda *gone: None),
        courier_left=lambda lane: None,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    routing = cast(Routing, BrokenRouting())
    courier = Connected(routing, ScriptedDialer({}), Timeouts(), context, context, "relay.test", bytes(32))
    asyncio.run(courier.carry(cast(Delivery, delivery), job(pool)))
    assert left == ["203.0.113.7"] * 3 + ["203.0.113.8"] * 3  # the third was begun before the order came

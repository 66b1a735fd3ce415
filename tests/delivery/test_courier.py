"""A courier that meets a bug of ours lets the message wait, and does not run into the same bug for ever."""

import asyncio
import ssl
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from goodstanding.delivery.connection import Timeouts
from goodstanding.delivery.courier import Courier
from goodstanding.delivery.outcome import Deferred, Outcome
from goodstanding.delivery.plan import Route
from goodstanding.delivery.routing import Routing, Way
from goodstanding.delivery.run import Delivery, Job, Lanes
from goodstanding.delivery.shaping import Limits
from goodstanding.model import Identity, MessageId, Recipient, Stream, SubscriptionName, TenantName
from goodstanding.settings import DeliverySettings, Pool
from goodstanding.store.queue import Claimed, ClaimedRecipient
from goodstanding.store.spool import Place
from tests.fakes import ScriptedDialer


class BrokenRouting:
    async def plan(self, stream: Stream, way: Way) -> None:
        raise KeyError("a bug")


def job() -> Job:
    identity = Identity(TenantName("acme"), SubscriptionName("acme/app"), Stream.BULK)
    recipient = ClaimedRecipient(0, Recipient("ann@example.org"), 1)
    place = Place(segment=1, offset=0, size=4, prefix=2)
    claimed = Claimed(MessageId(1), identity, "", place, 0, None, "", sole=True, recipients=(recipient,))
    way = Way("bulk>mx.example.org", ("mx.example.org",), Pool(name="bulk", stream=Stream.BULK), Route("direct"))
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

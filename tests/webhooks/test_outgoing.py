"""Telling, from the journal to a real receiver: in order, at a bearable pace, none waiting for another."""

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from goodstanding.admission.estate import Tenant
from goodstanding.enforcement.policy import Policy
from goodstanding.events import Accepted, Delivered, EstateChanged, Event, Held
from goodstanding.evidence import Complained
from goodstanding.model import MessageId, Stream, Touched
from goodstanding.net.clock import RealClock, SystemEntropy
from goodstanding.operate.opening import open_estate
from goodstanding.operate.webhook_trial import means_of
from goodstanding.operate.webhooks import Made, Site, Wanted, add, rotate
from goodstanding.settings import Settings, StoreSettings, WebhookSettings
from goodstanding.store import estate, journal, notices, outbox, webhooks
from goodstanding.store.db import Database
from goodstanding.webhooks.endpoint import Figures
from goodstanding.webhooks.outgoing import Outgoing, Patience
from goodstanding.webhooks.pacing import Schedule
from goodstanding.webhooks.paperwork import Paperwork
from goodstanding.webhooks.posting import Poster
from goodstanding.webhooks.signature import key_of
from tests.webhooks.receiver import Post, Receiver, Reply, obliging

QUICK = Schedule(first=0.05, factor=1.0, most=0.2, probe=0.1, give_up=60.0)


class Telling:
    """A store with tenant shop, and everything that tells of it."""

    def __init__(self, folder: Path, receivers: list[Receiver], url: str = "") -> None:
        its = WebhookSettings(
            allow_networks=("127.0.0.0/8",), allow_http=True, ports=tuple(one.port for one in receivers), timeout=1.0
        )
        self.settings = Settings(data_dir=str(folder / "data"), webhooks=its, store=StoreSettings(url=url))
        self.database, self.master = open_estate(self.settings)
        self.site = Site(self.database, self.master, self.settings, "tester")
        with self.database.tx() as tx:
            estate.put_tenant(tx, Tenant("shop", contact="ops@shop.example"), 0.0)
            estate.add_subscription(tx, "shop/news", Stream.BULK, 0.0)

    def endpoint(self, receiver: Receiver, **wanted: Any) -> Made:
        made = add(self.site, Wanted("shop", receiver.url(), **{"shape": "eventgrid"} | wanted))
        with self.database.tx() as tx:
            webhooks.put_state(tx, made.endpoint.number, "active", "")
        return made

    def happened(self, *events: Event) -> None:
        with self.database.tx() as tx:
            journal.append(tx, events)
            outbox.follow(tx, webhooks.every(tx), journal.Gap(), 10_000, RealClock().now())

    def figures(self, made: Made) -> Figures:
        with self.database.read() as tx:
            return webhooks.figures(tx)[made.endpoint.number]

    def tell(self, until: Callable[[], bool], schedule: Schedule = QUICK, seconds: float = 10.0) -> None:
        """Tell until this is so."""
        asyncio.run(self._tell(until, schedule, seconds))

    async def _tell(self, until: Callable[[], bool], schedule: Schedule, seconds: float) -> None:
        clock = RealClock()
        paperwork = Paperwork(Database(self.database.url), self.master, Policy())
        poster = Poster(means_of(self.settings, clock))
        outgoing = Outgoing(paperwork, poster, (clock, SystemEntropy()), Patience(schedule, 64, 4))
        outgoing.allowed_until = clock.now() + 1000
        settling = asyncio.create_task(outgoing.settle_on())
        with self.database.read() as tx:
            outgoing.renew([one for one in webhooks.every(tx) if one.state == "active"])
        try:
            async with asyncio.timeout(seconds):
                while not until():
                    await asyncio.sleep(0.02)
        finally:
            await outgoing.stop(2.0)
            settling.cancel()
            poster.close()


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    made = [Receiver(), Receiver()]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def receiver(receivers: list[Receiver]) -> Receiver:
    return receivers[0]


@pytest.fixture
def telling(tmp_path: Path, receivers: list[Receiver]) -> Iterator[Telling]:
    made = Telling(tmp_path, receivers)
    yield made
    made.database.close()


def delivered(message: int) -> Delivered:
    return Delivered(
        *("shop", MessageId(message), 0, 1.0, "ann@example.net", "mx.example.net", "250 ok"),
        touched=Touched("shop/news"),
    )


def complained(message: int) -> Complained:
    return Complained("shop", MessageId(message), 0, 2.0, "ann@example.net", "abuse", "y", touched=Touched("shop/news"))


def about(message: int) -> bytes:
    return b'"messageId":"%013d"' % message


def messages(receiver: Receiver) -> list[tuple[str, str]]:
    return [(event["eventType"].rpartition(".")[2], event["data"]["messageId"]) for event in receiver.events()]


def failing_first(times: int, status: int, **headers: str) -> Callable[[Post], Reply]:
    """Fails so often, then takes everything."""
    left = iter(range(times))
    return lambda post: Reply(status, b"not now", headers) if next(left, None) is not None else Reply(204)


def test_everything_is_told_and_nothing_is_left(telling: Telling, receiver: Receiver) -> None:
    made = telling.endpoint(receiver)
    telling.happened(*(delivered(n) for n in range(1, 301)))
    telling.tell(lambda: telling.figures(made).delivered == 300)
    assert len({event["id"] for event in receiver.events()}) == len(receiver.events()) == 300
    assert telling.figures(made) == structs.replace(telling.figures(made), waiting=0, dead=0, failed=0)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_same_from_postgresql(database_url: str, tmp_path: Path, receivers: list[Receiver]) -> None:
    telling = Telling(tmp_path, receivers, database_url)
    made = telling.endpoint(receivers[0])
    telling.happened(*(delivered(n) for n in range(1, 101)), complained(1))
    telling.tell(lambda: telling.figures(made).delivered == 101, seconds=20.0)
    assert len({event["id"] for event in receivers[0].events()}) == 101
    telling.database.close()


def test_what_a_receiver_verifies_is_what_was_sent(telling: Telling, receiver: Receiver) -> None:
    made = telling.endpoint(receiver, headers={"X-Token": "mine"})
    fresh = rotate(telling.site, made.endpoint.number, 3600.0)
    telling.happened(delivered(1))
    telling.tell(lambda: bool(receiver.posts))
    (post,) = receiver.posts
    said = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
    marks = [
        "v1," + base64.b64encode(hmac.digest(key_of(one.secret), said, "sha256")).decode() for one in (fresh, made)
    ]
    assert post.headers["webhook-signature"].split() == marks
    assert post.headers["webhook-id"] == post.events[0]["id"]
    assert post.headers["x-token"] == "mine"


def test_sender_and_message_id_come_from_the_acceptance(telling: Telling, receiver: Receiver) -> None:
    telling.endpoint(receiver)
    who = ("shop", MessageId(1), 0, 1.0, "ann@example.net", "shop/news", "bulk", "b@shop.example", 9)
    telling.happened(Accepted(*who, "news@shop.example", "<1@shop.example>"), delivered(1))
    telling.tell(lambda: bool(receiver.posts))
    data = receiver.events()[0]["data"]
    assert (data["sender"], data["internetMessageId"]) == ("news@shop.example", "<1@shop.example>")


def test_a_later_event_of_a_message_is_not_told_before_an_earlier_one_has_arrived(
    telling: Telling, receiver: Receiver
) -> None:
    made = telling.endpoint(receiver)
    first = iter([Reply(422)])
    receiver.answer = lambda post: next(first, Reply(204)) if about(1) in post.body else Reply(204)
    telling.happened(delivered(1), complained(1), *(delivered(n) for n in range(2, 20)))
    telling.tell(lambda: telling.figures(made).delivered == 20)
    of_one = [kind for kind, message in messages(receiver) if message == "0000000000001"]
    assert of_one == ["EmailDeliveryReportReceived", "EmailDeliveryReportReceived", "complaint"]
    assert telling.figures(made).failed == 1


def test_an_endpoint_that_hangs_keeps_no_other_waiting(telling: Telling, receivers: list[Receiver]) -> None:
    hanging, other = receivers
    hanging.answer = lambda post: Reply(delay=30.0)
    stuck, quick = telling.endpoint(hanging), telling.endpoint(other)
    telling.happened(*(delivered(n) for n in range(1, 201)))
    telling.tell(lambda: telling.figures(quick).delivered == 200, seconds=5.0)
    assert telling.figures(stuck).delivered == 0
    assert len(hanging.posts) <= 4 + 5  # a first window, then one that asks at a time


def test_posts_to_one_endpoint_at_the_same_time_are_bounded(telling: Telling, receiver: Receiver) -> None:
    made = telling.endpoint(receiver)
    receiver.answer = lambda post: Reply(204, delay=0.02)
    telling.happened(*(delivered(n) for n in range(1, 61)))
    telling.tell(lambda: telling.figures(made).delivered == 60)
    assert receiver.most == 4


def test_after_an_outage_everything_goes_on_at_once(telling: Telling, receiver: Receiver) -> None:
    made = telling.endpoint(receiver)
    receiver.answer = failing_first(6, 503)
    telling.happened(*(delivered(n) for n in range(1, 101)))
    telling.tell(lambda: telling.figures(made).delivered == 100)
    assert 3 <= telling.figures(made).failed <= 6
    assert len({event["id"] for event in receiver.events()}) == 100


def test_retry_after_is_honoured(telling: Telling, receiver: Receiver) -> None:
    made = telling.endpoint(receiver)
    receiver.answer = failing_first(1, 429, **{"Retry-After": "1"})
    telling.happened(delivered(1))
    telling.tell(lambda: telling.figures(made).delivered == 1)
    first, second = receiver.posts
    assert 1.0 <= second.at - first.at < 3.0
    assert first.events[0]["id"] == second.events[0]["id"]
    assert (first.headers["aeg-delivery-count"], second.headers["aeg-delivery-count"]) == ("0", "1")


def test_an_event_that_is_never_taken_is_given_up_and_others_are_told(telling: Telling, receiver: Receiver) -> None:
    made = telling.endpoint(receiver)
    receiver.answer = lambda post: Reply(400, b"what is this") if about(2) in post.body else Reply(204)
    telling.happened(delivered(1), delivered(2), delivered(3))
    brief = structs.replace(QUICK, give_up=0.5)
    telling.tell(lambda: telling.figures(made).dead == 1, brief)
    assert telling.figures(made).delivered == 2
    with telling.database.read() as tx:
        (row,) = outbox.rows(tx, made.endpoint.number, "dead", 10)
    assert row.reply == "400 what is this"
    assert row.attempts > 2


def test_gone_switches_the_endpoint_off_and_its_tenant_is_told(telling: Telling, receiver: Receiver) -> None:
    made = telling.endpoint(receiver)
    receiver.answer = lambda post: Reply(410)
    telling.happened(delivered(1), delivered(2))

    def state() -> str:
        with telling.database.read() as tx:
            found = webhooks.one(tx, made.endpoint.number)
            assert found is not None
            return found.state

    telling.tell(lambda: state() == "gone")
    with telling.database.read() as tx:
        events, _ = journal.after(tx, 0)
        (notice,) = [one.notice for one in notices.due(tx, 10)]
    changes = [
        event
        for event in events
        if isinstance(event, EstateChanged) and "told no more: it answered 410" in event.change
    ]
    assert len(changes) == 1
    assert notice.to == "ops@shop.example"
    assert f"goodstanding webhook enable {made.endpoint.number}" in notice.text


def test_events_go_in_batches_and_alone_after_a_failure(telling: Telling, receiver: Receiver) -> None:
    made = telling.endpoint(receiver, batch=10)
    receiver.answer = lambda post: Reply(413) if len(post.events) > 1 and about(3) in post.body else Reply(204)
    telling.happened(*(delivered(n) for n in range(1, 31)))
    telling.tell(lambda: telling.figures(made).delivered == 30)
    sizes = [len(post.events) for post in receiver.posts]
    assert sizes.count(10) == 3
    assert sizes.count(1) == 10
    assert len(receiver.events()) == 40


def test_a_cloud_events_endpoint_gets_one_object(telling: Telling, receiver: Receiver) -> None:
    telling.endpoint(receiver, shape="cloudevents")
    telling.happened(delivered(1))
    telling.tell(lambda: bool(receiver.posts))
    assert json.loads(receiver.posts[0].body)["type"].endswith("EmailDeliveryReportReceived")


def test_an_endpoint_of_one_application_does_not_hear_of_another_though_the_event_does_not_say(
    telling: Telling, receiver: Receiver
) -> None:
    made = telling.endpoint(receiver, subscription="shop/news")
    held = [Held("shop", MessageId(n), 0, 3.0, "ann@example.net", "op") for n in (1, 2)]
    accepted = [
        Accepted("shop", MessageId(n), 0, 1.0, "ann@example.net", name, "bulk", "b@shop.example", 9)
        for n, name in ((1, "shop/otp"), (2, "shop/news"))
    ]
    telling.happened(*accepted, *held)
    telling.tell(lambda: telling.figures(made).delivered == 1)
    telling.tell(lambda: telling.figures(made).waiting == 0)
    assert messages(receiver) == [("verdict", "0000000000002")]


def test_what_was_posted_and_not_written_down_is_posted_again_under_its_id(
    telling: Telling, receiver: Receiver
) -> None:
    made = telling.endpoint(receiver)
    telling.happened(delivered(1))

    async def cut_short() -> None:
        """Dies between the answer and the commit."""
        clock = RealClock()
        paperwork = Paperwork(Database(telling.database.url), telling.master, Policy())
        outgoing = Outgoing(
            paperwork, Poster(means_of(telling.settings, clock)), (clock, SystemEntropy()), Patience(QUICK)
        )
        outgoing.allowed_until = clock.now() + 1000
        outgoing.renew(_active(telling))
        while not receiver.posts:
            await asyncio.sleep(0.01)

    asyncio.run(cut_short())
    telling.tell(lambda: telling.figures(made).delivered == 1)
    assert len(receiver.posts) == 2
    assert len({event["id"] for event in receiver.events()}) == 1


def _active(telling: Telling) -> list[Any]:
    with telling.database.read() as tx:
        return webhooks.every(tx)


def test_an_obliging_receiver_answers_the_handshake() -> None:
    body = json.dumps([{"data": {"validationCode": "c"}}]).encode()
    assert (
        obliging(Post("/", {"aeg-event-type": "SubscriptionValidation"}, body, 0.0)).body
        == b'{"validationResponse": "c"}'
    )

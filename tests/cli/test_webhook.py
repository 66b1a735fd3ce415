"""``goodstanding webhook`` as an operator uses it, with a real receiver on loopback."""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodstanding.events import Delivered, EstateChanged
from goodstanding.model import MessageId
from goodstanding.operate.opening import open_estate
from goodstanding.settings import Settings
from goodstanding.store import journal, outbox, webhooks
from goodstanding.store.db import Database
from goodstanding.store.outbox import Ended
from goodstanding.webhooks.endpoint import Kind
from tests.cli.conftest import Command
from tests.webhooks.receiver import Receiver, Reply


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def shop(goodstanding: Command, data_dir: Path, receiver: Receiver) -> Command:
    """An installation with a tenant, whose receiver is on its premises."""
    config = data_dir.parent / "goodstanding.toml"
    its = f'[webhooks]\nallow_networks = ["127.0.0.0/8"]\nallow_http = true\nports = [443, {receiver.port}]\n'
    config.write_text(config.read_text() + its)
    assert goodstanding("tenant", "add", "shop", "--country", "DE").code == 0
    return goodstanding


@pytest.fixture
def database(shop: Command, data_dir: Path) -> Iterator[Database]:
    found, _ = open_estate(Settings(data_dir=str(data_dir)))
    yield found
    found.close()


def changes(database: Database) -> list[str]:
    with database.read() as tx:
        events, _ = journal.after(tx, 0)
    return [event.change for event in events if isinstance(event, EstateChanged) and event.what == "webhook 1"]


def told(database: Database, *messages: int) -> list[int]:
    """Events that were lined up and delivered; their numbers."""
    events = [Delivered("shop", MessageId(n), 0, float(n), "ann@example.net", "mx", "250 ok") for n in messages]
    with database.tx() as tx:
        journal.append(tx, events)
        active = [one for one in webhooks.every(tx) if one.state == "active"]
        outbox.follow(tx, active, journal.Gap(), 1000, 1.0)
        found = [row.seq for row in outbox.due(tx, 1, 1.0, 1000)]
        outbox.settle(tx, [Ended(1, seq, Kind.DELIVERY, "delivered", 2.0) for seq in found])
    return found


def test_an_endpoint_is_added_tested_and_told_from_then_on(
    shop: Command, receiver: Receiver, database: Database
) -> None:
    said = shop("webhook", "add", "shop", receiver.url("/hook?code=s"), "--shape", "eventgrid", "--json")
    assert said.code == 0
    assert said.json["state"] == "active"
    assert said.json["secret"].startswith("whsec_")
    assert receiver.posts[0].headers["aeg-event-type"] == "SubscriptionValidation"
    assert receiver.posts[0].headers["webhook-signature"].startswith("v1,")
    listed = shop("webhook", "list", "--json")
    assert said.json["secret"] not in listed.out
    assert [one["state"] for one in listed.json] == ["active"]
    assert changes(database) == [
        f"added: everything of shop to {receiver.url()}",
        "passed its test: told from now on",
    ]


def test_cloud_events_are_tried_with_an_event_that_tells_of_nothing(shop: Command, receiver: Receiver) -> None:
    assert shop("webhook", "add", "shop", receiver.url()).code == 0
    assert [event["type"] for event in receiver.posts[0].events] == ["goodstanding.test"]


def test_an_endpoint_that_does_not_answer_the_handshake_is_told_nothing_until_it_does(
    shop: Command, receiver: Receiver
) -> None:
    obliging, receiver.answer = receiver.answer, lambda post: Reply(200, b"hello")
    said = shop("webhook", "add", "shop", receiver.url(), "--shape", "eventgrid", "--json")
    assert (said.code, said.json["state"], said.json["test"]["passed"]) == (1, "unproven", False)
    assert "validationResponse" in said.json["test"]["answer"]
    assert shop("webhook", "enable", "1").code == 1
    receiver.answer = obliging
    assert shop("webhook", "test", "1").code == 0
    assert shop("webhook", "list", "--json").json[0]["state"] == "active"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nobody", "https://hooks.example.com/"], "no tenant nobody"),
        (["shop", "https://10.0.0.1/"], "not a public address"),
        (["shop", "https://hooks.example.com:22/"], "port 22"),
        (["shop", "https://hooks.example.com/", "--shape", "xml"], "shape xml"),
        (["shop", "https://hooks.example.com/", "--kind", "gossip"], "kind gossip"),
        (["shop", "https://hooks.example.com/", "--kind", "test"], "kind test"),
        (["shop", "https://hooks.example.com/", "--subscription", "bank/alerts"], "no subscription bank/alerts"),
        (["shop", "https://hooks.example.com/", "--header", "Host: other"], "header Host"),
        (["shop", "https://hooks.example.com/", "--header", "Webhook-Id: 1"], "header Webhook-Id"),
        (["shop", "https://hooks.example.com/", "--header", "X-A"], "header X-A"),
        (["shop", "https://hooks.example.com/", "--header", "X-A: a\r\nb: c"], "header X-A"),
        (["shop", "https://hooks.example.com/", "--batch", "0"], "not 0"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason_and_leaves_nothing(
    shop: Command, arguments: list[str], word: str
) -> None:
    said = shop("webhook", "add", *arguments)
    assert said.code == 1
    assert word in said.err
    assert shop("webhook", "list", "--json").json == []


@pytest.fixture
def hooked(shop: Command, receiver: Receiver) -> Command:
    """The same with an endpoint, which is webhook 1."""
    assert shop("webhook", "add", "shop", receiver.url(), "--kind", "delivery").code == 0
    return shop


def test_what_was_told_is_listed_and_told_again_under_its_id(hooked: Command, database: Database) -> None:
    told(database, 1, 2)
    listed = hooked("webhook", "deliveries", "1", "--json").json
    assert [(one["state"], one["recipient"]) for one in listed] == 2 * [("delivered", "ann@example.net")]
    assert uuid.UUID(listed[0]["id"]).version == 8
    assert hooked("webhook", "replay", "1", "--event", listed[0]["id"], "--json").json["events"] == 1
    waiting = hooked("webhook", "deliveries", "1", "--state", "waiting", "--json").json
    assert [one["id"] for one in waiting] == [listed[0]["id"]]


def test_a_time_is_told_again(hooked: Command, database: Database) -> None:
    now = int(time.time())
    told(database, now + 10, now + 20, now + 30)
    moments = [datetime.fromtimestamp(now + seconds, UTC).isoformat() for seconds in (15, 25)]
    said = hooked("webhook", "replay", "1", "--since", moments[0], "--until", moments[1], "--json")
    assert said.json["events"] == 1


def test_what_was_given_up_is_told_again(hooked: Command, database: Database) -> None:
    seqs = told(database, 1, 2)
    with database.tx() as tx:
        outbox.settle(tx, [Ended(1, seq, Kind.DELIVERY, "dead", 2.0, reply="404") for seq in seqs])
    assert hooked("webhook", "list", "--json").json[0]["dead"] == 2
    assert hooked("webhook", "replay", "1", "--dead", "--json").json["events"] == 2
    assert hooked("webhook", "list", "--json").json[0]["waiting"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--dead", "--event", "x"],
        ["--until", "2026-01-01"],
        ["--since", "yesterday"],
        ["--event", "2d2d6c9d-5c7e-4a55-9f0e-6a3a6e3c9d1b"],
        ["--event", "01a21656-a3f7-8000-be62-ac000000002a"],
    ],
)
def test_a_replay_of_nothing_in_particular_is_refused(hooked: Command, arguments: list[str]) -> None:
    assert hooked("webhook", "replay", "1", *arguments).code == 1


def test_the_id_of_another_installation_is_not_taken(hooked: Command, database: Database) -> None:
    told(database, 1)
    name = hooked("webhook", "deliveries", "1", "--json").json[0]["id"]
    other = name[:24] + f"{int(name[24], 16) ^ 1:x}" + name[25:]
    assert hooked("webhook", "replay", "1", "--event", other).code == 1


def test_a_secret_is_changed_and_shown_once(hooked: Command, database: Database) -> None:
    said = hooked("webhook", "rotate", "1", "--overlap-hours", "1", "--json")
    assert said.json["secret"].startswith("whsec_")
    assert changes(database)[-1] == "new secret"


def test_an_endpoint_is_switched_off_and_on(hooked: Command, database: Database) -> None:
    hooked("webhook", "disable", "1")
    assert hooked("webhook", "list", "--json").json[0]["state"] == "disabled"
    assert told(database, 1) == []
    hooked("webhook", "enable", "1")
    assert len(told(database, 2)) == 1


def test_a_removed_endpoint_is_gone(hooked: Command) -> None:
    assert hooked("webhook", "remove", "1").code == 0
    for verb in ("test", "remove", "disable", "enable", "rotate", "deliveries"):
        assert "there is no webhook 1" in hooked("webhook", verb, "1").err


def test_tables_are_drawn(hooked: Command, database: Database) -> None:
    told(database, 1)
    assert "shop: delivery" in hooked("webhook", "list").out
    assert "delivered" in hooked("webhook", "deliveries", "1").out

"""Hooks: who knows the address may post, what is posted is durable, and nothing else gets in."""

import json
import time
from pathlib import Path

import pytest
from litestar.testing import TestClient

from goodstanding.api import hooks as hook_page
from goodstanding.api.site import application
from goodstanding.model import NetworkFailure
from goodstanding.operate import hooks
from goodstanding.operate.hooks import Source
from goodstanding.settings import FeedbackSettings, Settings
from goodstanding.store import reports
from goodstanding.store.db import Database
from goodstanding.store.reports import Report
from tests.store.letters import opened

MASTER = bytes(range(32))
CHALLENGE = json.dumps(
    [
        {
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "data": {"validationCode": "512d38b6-c7b8"},
        }
    ]
).encode()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return opened(f"sqlite:///{tmp_path / 'goodstanding.db'}")


def address(source: str = "azure") -> str:
    return f"/hooks/{source}/{hooks.secret(MASTER, source)}"


def kept(database: Database) -> list[Report]:
    with database.read() as tx:
        return reports.waiting(tx, 10, time.time())


READABLE = b'{"eventType": "Delivery", "mail": {"messageId": "m", "destination": ["a@x.example"]}, "delivery": {}}'


def test_what_is_posted_is_kept_with_its_source(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        answer = client.post(address("ses"), content=READABLE, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {"kept": True})
    [report] = kept(database)
    assert (report.way, report.recipient, report.octets) == ("ses", "application/json", READABLE)


@pytest.mark.parametrize("octets", [b'{"x": 1}', b'{"notificationType": ', b"", b"\xff\xfe", b"<a"])
def test_what_cannot_be_read_is_kept_and_who_posted_it_is_told(database: Database, octets: bytes) -> None:
    with TestClient(application(database, MASTER)) as client:
        answer = client.post(address("ses"), content=octets, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["kept"], answer.json()["understood"]) == (200, True, False)
    assert len(kept(database)) == 1


def test_who_posts_much_does_not_wait_until_it_is_read(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        answer = client.post(address("ses"), content=bytes(hooks.AT_ONCE + 1))
    assert answer.json() == {"kept": True}


@pytest.mark.parametrize("path", ["/hooks/azure/0", address()[:-1] + "x", "/hooks/nobody/" + address()[13:]])
def test_a_wrong_address_takes_nothing(database: Database, path: str) -> None:
    with TestClient(application(database, MASTER)) as client:
        assert client.post(path, content=b"{}").status_code == 404
    assert kept(database) == []


def test_the_address_of_one_source_opens_no_other(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        assert client.post(address("azure").replace("azure", "ses"), content=b"{}").status_code == 404


def test_event_grid_is_answered_its_challenge_and_nothing_is_kept(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        answer = client.post(address(), content=CHALLENGE)
    assert answer.json() == {"validationResponse": "512d38b6-c7b8"}
    assert kept(database) == []


def test_who_guesses_addresses_has_to_wait(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        answers = [client.post(f"/hooks/azure/{n:032x}", content=b"{}").status_code for n in range(40)]
    assert 429 in answers


def test_while_too_much_waits_to_be_read_nothing_more_is_taken(database: Database) -> None:
    with TestClient(application(database, MASTER, Settings(feedback=FeedbackSettings(backlog=1000)))) as client:
        answers = [client.post(address(), content=bytes(600)) for _ in range(4)]
        challenged = client.post(address(), content=CHALLENGE)
    assert [answer.status_code for answer in answers] == [200, 200, 503, 503]
    assert answers[-1].headers["retry-after"] == "60"
    assert "too many reports wait" in answers[-1].json()["error"]
    assert len(kept(database)) == 2
    assert challenged.json() == {"validationResponse": "512d38b6-c7b8"}


def test_what_came_otherwise_weighs_as_well(database: Database) -> None:
    with database.tx() as tx:
        reports.add(tx, [Report(1.0, "smtp", "192.0.2.1", "", "fbl@x.example", bytes(1001))])
    with TestClient(application(database, MASTER, Settings(feedback=FeedbackSettings(backlog=1000)))) as client:
        assert client.post(address(), content=b"{}").status_code == 503


def test_only_post_posts(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        assert client.get(address()).status_code == 405


def test_every_source_has_an_address_of_its_own() -> None:
    found = hooks.addresses(MASTER, "https://mail.example")
    assert [source for source, _ in found] == list(Source)
    assert len({url for _, url in found}) == len(found)
    assert all(url.startswith("https://mail.example/hooks/") for _, url in found)


class Amazon:
    """A `Fetcher` that notes what is asked for."""

    def __init__(self, answer: bytes | NetworkFailure = b"<ConfirmSubscriptionResponse/>") -> None:
        self.answer, self.asked = answer, list[str]()

    async def get(self, url: str, timeout: float) -> bytes | NetworkFailure:
        self.asked.append(url)
        return self.answer


def confirmation(url: str) -> bytes:
    """What SNS posts to a new endpoint before anything else."""
    said = {"Type": "SubscriptionConfirmation", "MessageId": "1", "TopicArn": "arn:aws:sns:x", "Message": "You chose"}
    return json.dumps(said | {"Token": "t", "SubscribeURL": url}).encode()


SUBSCRIBE = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:x&Token=t"


def test_a_subscription_of_sns_is_confirmed_and_nothing_is_kept(database: Database) -> None:
    amazon = Amazon()
    with TestClient(application(database, MASTER, fetcher=amazon)) as client:
        answer = client.post(address("ses"), content=confirmation(SUBSCRIBE), headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()) == (200, {"confirmed": True})
    assert amazon.asked == [SUBSCRIBE]
    assert kept(database) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/?Action=ConfirmSubscription",
        "http://169.254.169.254/?Action=ConfirmSubscription",
        "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        "",
    ],
)
def test_nobody_is_visited_but_sns(database: Database, url: str) -> None:
    amazon = Amazon()
    with TestClient(application(database, MASTER, fetcher=amazon)) as client:
        assert client.post(address("ses"), content=confirmation(url)).status_code == 400
        assert client.post("/hooks/ses/0", content=confirmation(SUBSCRIBE)).status_code == 404
    assert amazon.asked == []


def test_sns_asks_again_when_its_subscription_could_not_be_confirmed(database: Database) -> None:
    with TestClient(application(database, MASTER, fetcher=Amazon(NetworkFailure("fetch", "no route")))) as client:
        answer = client.post(address("ses"), content=confirmation(SUBSCRIBE))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_a_sender_of_cloud_events_may_post_where_it_asked(database: Database) -> None:
    origin = {"webhook-request-origin": "eventgrid.azure.net"}
    with TestClient(application(database, MASTER)) as client:
        answer, wrong = (client.options(at, headers=origin) for at in (address(), "/hooks/azure/0"))
    assert (answer.status_code, answer.headers["webhook-allowed-origin"]) == (200, "eventgrid.azure.net")
    assert (wrong.status_code, wrong.headers.get("webhook-allowed-origin")) == (404, None)


def test_what_is_refused_is_said_to_a_program(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        asked, large = client.get(address()), client.post(address(), content=bytes(hook_page.BODY_LIMIT + 1))
    assert (asked.status_code, asked.headers["allow"]) == (405, "POST, OPTIONS")
    assert (large.status_code, "4 MiB at most" in large.json()["error"]) == (413, True)

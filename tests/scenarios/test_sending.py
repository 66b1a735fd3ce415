"""Mail from programs by the native API: one message or a thousand, each with an outcome, on disk before the answer."""

import json
import time
from typing import Any

import httpx
import pytest

from goodstanding.events import Accepted
from goodstanding.model import Stream
from goodstanding.operate.api_keys import Wish, add, revoke
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.estate import CODES, NEWS, Estate
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink

TRIGGER = {"X-Goodstanding-Trigger": "what=login; from=203.0.113.9"}
JSON = {"content-type": "application/json"}


def letter(to: str = "reader@isp.example", **changes: Any) -> dict[str, Any]:
    return {
        "subscription": CODES,
        "sender": {"address": "login@acme.example", "name": "Acme"},
        "to": [{"address": to}],
        "subject": "Your code",
        "text": "Your code is 4711.",
        "headers": TRIGGER,
    } | changes


class Api:
    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.token = self.key("acme", "messages:write")
        relay.start()
        (where,) = json.loads((relay.data / "ready.json").read_text())["api"]
        self.base = f"http://127.0.0.1:{where['port']}/v1"

    def key(self, tenant: str, *scopes: str, expires: float = 0.0) -> str:
        return add(self.relay.database, self.relay.master, Wish(tenant, "test", scopes, expires)).token

    def post(self, document: Any, path: str = "/messages", token: str = "", **headers: str) -> httpx.Response:
        said = JSON | {"authorization": f"Bearer {token or self.token}"} | headers
        octets = document if isinstance(document, bytes) else json.dumps(document).encode()
        return httpx.post(self.base + path, content=octets, headers=said, timeout=60)


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    return make_relay('api.listeners=[{port = 0, tls = "none"}]', admission="enforce")


@pytest.fixture
def estate(relay: Relay) -> Estate:
    return Estate(relay)


@pytest.fixture
def api(relay: Relay, estate: Estate) -> Api:
    return Api(relay)


def test_a_message_is_sent_once_by_its_id(api: Api, sink: Sink) -> None:
    first, second = (api.post(letter(id="order-17")) for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    (message,) = first.json()["messages"]
    assert api.post(letter("other@isp.example", id="order-17")).status_code == 409
    eventually(lambda: sink.mails and not api.relay.queued(), "delivered")
    assert len(sink.mails) == 1
    assert message in api.relay.command("trace", message)


def test_each_message_of_a_batch_has_its_own_outcome(api: Api, estate: Estate, sink: Sink) -> None:
    estate.suppress("gone@isp.example")
    messages = [
        *(letter(f"reader{n}@isp.example") for n in range(300)),
        letter("gone@isp.example"),
        letter(subscription="other/app"),
        letter(sender={"address": "x@stranger.example"}),
        letter(subject="x", text=""),
    ]
    answer = api.post({"messages": messages}, "/messages:batch")
    assert answer.status_code == 200
    outcomes = answer.json()["outcomes"]
    assert all(one["taken"]["recipients"][0]["status"] == "queued" for one in outcomes[:300])
    gone, other, stranger, empty = outcomes[300:]
    assert gone["taken"]["recipients"][0]["status"] == "suppressed"
    assert not gone["taken"]["messages"]
    assert other["problem"]["status"] == 404
    assert stranger["problem"]["status"] == 422
    assert "unclaimed-sender" in [finding["slug"] for finding in stranger["problem"]["findings"]]
    assert empty["problem"]["status"] == 400
    eventually(lambda: len(sink.mails) == 300, "delivered", 60)


def test_who_may_send_is_asked_of_the_key(api: Api) -> None:
    for token, status in (
        (api.key("acme", "messages:read"), 403),
        (api.key("acme", "messages:write", expires=time.time() + 1), 401),
        ("gs_unknown_secret", 401),
    ):
        if status == 401:
            time.sleep(1.2)
        assert api.post(letter(), token=token).status_code == status
    api.relay.subscribe("other/app", Stream.TRANSACTIONAL)
    theirs = api.key("other", "messages:write")
    answer = api.post(letter(), token=theirs)  # another tenant's subscription is not there
    assert (answer.status_code, answer.json()["detail"]) == (404, f"there is no subscription {CODES}")
    own = api.key("acme", "messages:write")
    assert api.post(letter(), token=own).status_code == 202
    revoke(api.relay.database, own.split("_")[1])
    eventually(lambda: api.post(letter(), token=own).status_code == 401, "revoked", 10)


HOSTILE = "x\r\nBcc: victim@isp.example"


def test_what_cannot_be_read_is_a_problem_and_nothing_else(api: Api) -> None:
    deep = b'{"messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    for document, status in (
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (deep, 400),
        (b'{"subscription":' + b'{"a":' * 50_000, 400),
        (letter(unknown=1), 400),
        (letter(to=[]), 400),
        (letter(subject=HOSTILE), 400),
        (letter(sender={"address": "login@acme.example", "name": HOSTILE}), 400),
        (letter(to=[{"address": HOSTILE}]), 400),
        (letter(headers={"X-A": HOSTILE}), 400),
        (letter(headers={HOSTILE: "x"}), 400),
        (letter(attachments=[{"name": HOSTILE, "media_type": "text/plain", "content": ""}]), 400),
        (letter(attachments=[{"name": "a", "media_type": HOSTILE, "content": ""}]), 400),
        (letter(attachments=[{"name": "a", "media_type": "text/plain", "content": "", "content_id": HOSTILE}]), 400),
        (letter(id=HOSTILE), 400),
        (letter(subscription=HOSTILE), 400),
        (b" " * (10 * 1024 * 1024 + 1), 413),
    ):
        answer = api.post(document)
        assert answer.status_code == status, (document if len(str(document)) < 200 else "...", answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert api.post(letter(), **{"content-type": "text/plain"}).status_code == 415
    assert httpx.get(f"{api.base}/messages").status_code == 405
    assert not [event for event in api.relay.events() if isinstance(event, Accepted)]


def test_news_get_their_way_out(api: Api, estate: Estate, sink: Sink) -> None:
    estate.permitted(["reader@isp.example"])
    foot = "\n\nAcme Ltd, 1 Main Street, 20121 Milano"
    way_out = {
        "List-Unsubscribe": "<https://acme-letters.example/leave?who=1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    news = letter(
        subscription=NEWS, sender={"address": "hello@acme-letters.example"}, text="Mugs." + foot, headers=way_out
    )
    answer = api.post(news)
    assert answer.status_code == 202, answer.text
    eventually(lambda: sink.mails, "delivered")
    assert b"List-Unsubscribe: <https://acme-letters.example/leave?who=1>" in sink.mails[0].octets

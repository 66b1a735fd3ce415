"""A program written for Azure Communication Services Email moves here by changing its endpoint: the official SDKs,
unmodified, over TLS; verdicts, retries, polling and failures as ACS has them, with the reasons it does not give.
"""

import asyncio
import base64
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.communication.email import EmailClient
from azure.communication.email.aio import EmailClient as AsyncEmailClient
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from goodstanding.api.acs.signature import Request, sign
from goodstanding.events import Accepted, Refused
from goodstanding.operate.access_keys import regenerate
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.estate import CODES, DOMAINS, NEWS, Estate
from tests.scenarios.issuer import AUDIENCE, Issuer
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay, free_port
from tests.scenarios.sink import Sink

NODE = Path(__file__).parent / "node"
TRIGGER = {"X-Goodstanding-Trigger": "what=login; from=203.0.113.9"}
VERSION = "2025-09-01"
OUTCOMES = 20


def letter(to: str = "reader@isp.example", sender: str = "login@acme.example", **changes: Any) -> dict[str, Any]:
    return {
        "senderAddress": sender,
        "content": {"subject": "Your code", "plainText": "Your code is 4711.", "html": "<p>Your code is 4711.</p>"},
        "recipients": {"to": [{"address": to, "displayName": "Reader"}]},
        "headers": TRIGGER,
    } | changes


class Service:
    """The API of a relay, as its programs see it."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        made = {name: regenerate(relay.database, relay.master, name, "primary") for name in (CODES, NEWS)}
        self.keys = {name: key.key for name, key in made.items()}
        relay.start()
        tls, plain = json.loads((relay.data / "ready.json").read_text())["api"]
        self.tls, self.plain = f"https://127.0.0.1:{tls['port']}", f"http://127.0.0.1:{plain['port']}"
        self.authority = str(relay.data / "self-signed.pem")

    def regenerate(self, name: str, slot: str = "primary") -> str:
        return str(json.loads(self.relay.command("access-key", "regenerate", name, "--slot", slot, "--json"))["key"])

    def connection_string(self, name: str = CODES) -> str:
        return f"endpoint={self.tls};accesskey={self.keys[name]}"

    def client(self, name: str = CODES, **options: Any) -> EmailClient:
        return EmailClient.from_connection_string(
            self.connection_string(name), connection_verify=self.authority, **options
        )

    def request(self, verb: str, path: str, body: bytes = b"", key: str = "", **headers: str) -> httpx.Response:
        """A request signed by hand; ``headers`` replace what is signed."""
        target = f"/{CODES}{path}"
        host = self.plain.removeprefix("http://")
        signed = sign(
            Request(verb, target, {"host": host}, body),
            base64.b64decode(key or self.keys[CODES]),
            formatdate(time.time(), usegmt=True),
        )
        return httpx.request(verb, f"{self.plain}{target}", content=body, headers=signed | headers, timeout=30)

    def post(self, message: dict[str, Any], **headers: str) -> httpx.Response:
        return self.request("POST", f"/emails:send?api-version={VERSION}", json.dumps(message).encode(), **headers)


class Noted(SansIOHTTPPolicy[Any, Any]):
    """Every answer an official client gets, before it decides what to do about it."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        self.statuses.append(response.http_response.status_code)


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    listeners = 'api.listeners=[{port = 0}, {port = 0, tls = "none"}]'
    return make_relay(listeners, admission="enforce")


@pytest.fixture
def estate(relay: Relay) -> Estate:
    return Estate(relay)


@pytest.fixture
def service(relay: Relay, estate: Estate) -> Service:
    return Service(relay)


def test_the_official_client_sends_and_polls(service: Service, sink: Sink) -> None:
    poller = service.client().begin_send(letter())
    result = poller.result()
    assert result["status"] == "Succeeded"
    assert result["id"]
    assert [(one["address"], one["status"]) for one in result["recipients"]] == [("reader@isp.example", "queued")]
    eventually(lambda: sink.mails, "delivered")
    octets = sink.mails[0].octets
    assert b"\r\nSubject: Your code\r\n" in octets
    assert b"DKIM-Signature:" in octets
    assert b"X-Goodstanding-Trigger" not in octets


def test_the_asynchronous_client_does(service: Service, sink: Sink) -> None:
    async def send() -> dict[str, Any]:
        async with AsyncEmailClient.from_connection_string(
            service.connection_string(), connection_verify=service.authority
        ) as client:
            poller = await client.begin_send(letter())
            return dict(await poller.result())

    assert asyncio.run(send())["status"] == "Succeeded"
    eventually(lambda: sink.mails, "delivered")


def test_the_javascript_client_does(service: Service, sink: Sink) -> None:
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules").exists():
        if os.environ.get("CI") and node:
            pytest.fail("make node has to be run first")
        pytest.skip("no Node.js, or its client is not installed: make node")
    done = subprocess.run(
        [node, "send.mjs", service.connection_string(), "login@acme.example", "reader@isp.example", "Your code"],
        cwd=NODE,
        env=os.environ | {"NODE_EXTRA_CA_CERTS": service.authority},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert json.loads(done.stdout or "{}").get("status") == "Succeeded", done.stdout + done.stderr
    eventually(lambda: sink.mails, "delivered")


def test_everything_a_sample_sends_arrives(service: Service, sink: Sink) -> None:
    octets = bytes(range(256)) * 40
    content = base64.b64encode(octets).decode()
    message = letter(
        recipients={
            "to": [{"address": "a@isp.example", "displayName": "Ä"}, {"address": "b@isp.example"}],
            "cc": [{"address": "c@isp.example"}],
            "bcc": [{"address": "d@isp.example"}],
        },
        replyTo=[{"address": "help@acme.example", "displayName": "Help"}],
        attachments=[
            {"name": "logo.png", "contentType": "image/png", "contentInBase64": content,
             "contentId": "logo"},
            {"name": "größe.pdf", "contentType": "application/pdf", "contentInBase64": content},
        ],
        userEngagementTrackingDisabled=True,
    )  # fmt: skip
    result = service.client().begin_send(message).result()
    assert {one["status"] for one in result["recipients"]} == {"queued"}
    eventually(lambda: len({to for mail in sink.mails for to in mail.recipients}) == 4, "four recipients")
    text = sink.mails[0].octets
    assert b"d@isp.example" not in text.partition(b"\r\n\r\n")[0].replace(b"for <d@isp.example>", b"")
    assert b"Reply-To: Help <help@acme.example>" in text
    assert text.count(content[:70].encode()) == 2


def test_a_thread_with_priority_is_followed_by_hand_and_taken_up_again(service: Service, sink: Sink) -> None:
    """The samples for threads, priority, manual polling and a poller that another process goes on with."""
    headers = TRIGGER | {
        "Message-ID": "<second@acme.example>",
        "In-Reply-To": "<first@acme.example>",
        "References": "<first@acme.example>",
        "x-priority": "1",
    }
    client, message, name = service.client(), letter(headers=headers), str(uuid.uuid4())
    poller = client.begin_send(message, operation_id=name, polling_interval=1)
    token = poller.continuation_token()
    while not poller.done():
        poller.wait(5)
    assert (poller.status(), poller.result()["id"]) == ("Succeeded", name)
    assert client.begin_send(message, continuation_token=token).result()["id"] == name
    eventually(lambda: sink.mails, "delivered")
    assert len(sink.mails) == 1
    text = sink.mails[0].octets.partition(b"\r\n\r\n")[0].decode().lower()
    for line in ("message-id: <second@", "in-reply-to: <first@", "references: <first@", "x-priority: 1"):
        assert line in text


@pytest.mark.parametrize("disabled", [False, True])
def test_a_message_may_go_untracked(make_relay: MakeRelay, sink: Sink, disabled: bool) -> None:
    listeners = 'api.listeners=[{port = 0}, {port = 0, tls = "none"}]'
    relay = make_relay(listeners, f"web.port={free_port()}", 'feedback.track=["bulk"]', admission="enforce")
    Estate(relay).permitted(["reader@isp.example"])
    page = '<p>Mugs. <a href="https://acme-letters.example/mugs">Look</a> Acme Ltd, 1 Main Street, 20121 Milano</p>'
    content = {"subject": "Mugs", "html": page}
    sender = f"hello@{DOMAINS[NEWS]}"
    message = letter(sender=sender, content=content, headers={}, userEngagementTrackingDisabled=disabled)
    Service(relay).client(NEWS).begin_send(message).result()
    eventually(lambda: sink.mails, "delivered")
    assert (b"https://acme-letters.example/mugs" in sink.mails[0].octets) is disabled


def test_every_version_is_spoken(service: Service) -> None:
    for version in ("2023-03-31", "2024-07-01-preview", "2025-09-01"):
        assert service.client(api_version=version).begin_send(letter()).result()["status"] == "Succeeded"
        time.sleep(1)  # the same octets within a second are the same request


def test_a_version_that_nobody_knows_is_named(service: Service) -> None:
    answer = service.request("POST", "/emails:send?api-version=2019-01-01", b"{}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UnsupportedApiVersionValue")
    assert VERSION in answer.json()["error"]["message"]


class TestFailures:
    def test_a_wrong_key(self, service: Service) -> None:
        key = base64.b64encode(b"x" * 64).decode()
        client = EmailClient(f"{service.plain}/{CODES}", AzureKeyCredential(key))
        with pytest.raises(ClientAuthenticationError, match="Denied"):
            client.begin_send(letter())

    def test_a_key_of_another_subscription(self, service: Service) -> None:
        client = EmailClient(f"{service.plain}/{CODES}", AzureKeyCredential(service.keys[NEWS]))
        with pytest.raises(ClientAuthenticationError):
            client.begin_send(letter())

    def test_guessing_is_slowed_down(self, service: Service) -> None:
        key = base64.b64encode(b"x" * 64).decode()
        answers = [service.request("GET", "/emails/operations/x", key=key).status_code for _ in range(40)]
        assert answers[0] == 401
        assert answers[-1] == 429

    def test_a_domain_that_is_not_linked(self, service: Service) -> None:
        with pytest.raises(ResourceNotFoundError, match="DomainNotLinked") as caught:
            service.client().begin_send(letter(sender="x@stranger.example"))
        assert caught.value.error is not None
        assert "unclaimed-sender" in [detail.code for detail in caught.value.error.details]

    def test_all_recipients_suppressed(self, service: Service, estate: Estate) -> None:
        estate.suppress("gone@isp.example")
        poller = service.client().begin_send(letter("gone@isp.example"))
        with pytest.raises(HttpResponseError, match="EmailDroppedAllRecipientsSuppressed"):
            poller.result()
        assert [event.recipient for event in service.relay.events() if isinstance(event, Refused)] == [
            "gone@isp.example"
        ]

    def test_one_of_two_suppressed(self, service: Service, estate: Estate, sink: Sink) -> None:
        estate.suppress("gone@isp.example")
        both = {"to": [{"address": "gone@isp.example"}, {"address": "reader@isp.example"}]}
        result = service.client().begin_send(letter(recipients=both)).result()
        assert {one["address"]: one["status"] for one in result["recipients"]} == {
            "gone@isp.example": "suppressed",
            "reader@isp.example": "queued",
        }
        (gone,) = [one for one in result["recipients"] if one["status"] == "suppressed"]
        assert gone["reasons"][0]["code"] == "suppressed"
        eventually(lambda: sink.mails, "delivered")

    def test_too_fast(self, service: Service, estate: Estate) -> None:
        estate.agree(CODES, minute_limit=3)
        time.sleep(2.5)
        answers = [service.post(letter(f"reader{n}@isp.example")) for n in range(5)]
        late = answers[-1]
        assert (late.status_code, late.json()["error"]["code"]) == (429, "TooManyRequests")
        assert 0 < int(late.headers["retry-after"]) <= 65  # a minute, exact to one slot of 5 s
        assert late.json()["error"]["details"][0]["code"] == "rate-limit"

    def test_a_store_in_trouble_is_waited_for_by_the_client(self, service: Service, sink: Sink) -> None:
        """503 with Retry-After: the official client comes again by itself, and one message goes out."""
        noted = Noted()
        other = sqlite3.connect(service.relay.database.path, isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        client = service.client(per_retry_policies=[noted])
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(lambda: client.begin_send(letter()).result())
            eventually(lambda: noted.statuses, "refused")
            other.execute("ROLLBACK")
            assert sending.result(60)["status"] == "Succeeded"
        assert noted.statuses[:2] == [503, 202]
        eventually(lambda: sink.mails, "delivered")
        assert len(sink.mails) == 1

    def test_a_bad_message(self, service: Service) -> None:
        crowd = [{"address": f"r{n}@isp.example"} for n in range(51)]
        for changes, status, code in (
            ({"recipients": {"to": [{"address": "nobody"}]}}, 400, "InvalidEmailAddress"),
            ({"recipients": {"to": []}}, 400, "BadRequest"),
            ({"content": {"subject": "x"}}, 400, "BadRequest"),
            ({"senderAddress": "nobody"}, 400, "InvalidSenderUserName"),
            ({"headers": {"X-A": "a\r\nBcc: victim@isp.example"}}, 400, "BadRequest"),
            ({"recipients": {"to": crowd}}, 400, "TooManyRecipients"),
        ):
            answer = service.post(letter(**changes))
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
            assert answer.headers["x-ms-error-code"] == code
        assert not [event for event in service.relay.events() if isinstance(event, Accepted)]

    def test_a_request_that_is_too_large(self, service: Service) -> None:
        answer = service.request("POST", f"/emails:send?api-version={VERSION}", b" " * (10 * 1024 * 1024 + 1))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "RequestEntityTooLarge")

    def test_other_places_and_verbs(self, service: Service) -> None:
        assert service.request("GET", "/emails:nothing").status_code == 404
        assert service.request("DELETE", "/emails/operations/x").status_code == 405


class TestOnce:
    """The same request never sends twice."""

    def test_the_same_operation(self, service: Service, sink: Sink) -> None:
        name = str(uuid.uuid4())
        first, second = (service.client().begin_send(letter(), operation_id=name).result() for _ in range(2))
        assert first["id"] == second["id"] == name
        eventually(lambda: sink.mails and not service.relay.queued(), "delivered")
        assert len(sink.mails) == 1

    def test_another_message_by_the_same_name(self, service: Service) -> None:
        name = str(uuid.uuid4())
        service.client().begin_send(letter(), operation_id=name).result()
        with pytest.raises(ResourceExistsError, match="Conflict"):
            service.client().begin_send(letter("other@isp.example"), operation_id=name)

    def test_many_at_once(self, service: Service, sink: Sink) -> None:
        name = str(uuid.uuid4())
        body = json.dumps(letter()).encode()

        def post(n: int) -> int:
            headers = {"operation-id": name}
            return service.request("POST", f"/emails:send?api-version={VERSION}", body, **headers).status_code

        with ThreadPoolExecutor(16) as threads:
            assert set(threads.map(post, range(64))) == {202}
        eventually(lambda: sink.mails and not service.relay.queued(), "delivered")
        assert len(sink.mails) == 1

    def test_a_retry_without_a_name(self, service: Service, sink: Sink) -> None:
        """The SDK repeats its request id when it tries again."""
        headers = {"x-ms-client-request-id": str(uuid.uuid4())}
        answers = []
        for _ in range(2):
            answers.append(service.post(letter(), **headers))
            time.sleep(1.1)  # signed anew
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert answers[0].headers["x-ms-client-request-id"] == headers["x-ms-client-request-id"]
        eventually(lambda: sink.mails and not service.relay.queued(), "delivered")
        assert len(sink.mails) == 1

    def test_a_replayed_signature(self, service: Service, sink: Sink) -> None:
        body = json.dumps(letter()).encode()
        target = f"/{CODES}/emails:send?api-version={VERSION}"
        host = service.plain.removeprefix("http://")
        date = formatdate(time.time(), usegmt=True)
        signed = sign(Request("POST", target, {"host": host}, body), base64.b64decode(service.keys[CODES]), date)
        for _ in range(3):  # each pretends to be another operation: names are not signed
            headers = signed | {"operation-id": str(uuid.uuid4())}
            assert httpx.post(f"{service.plain}{target}", content=body, headers=headers).status_code == 202
        eventually(lambda: sink.mails and not service.relay.queued(), "delivered")
        assert len(sink.mails) == 1


def test_an_operation_is_seen_by_its_own_subscription_only(service: Service) -> None:
    result = service.client().begin_send(letter()).result()
    path = f"/emails/operations/{result['id']}?api-version={VERSION}"
    assert service.request("GET", path).status_code == 200
    target, host = f"/{NEWS}{path}", service.plain.removeprefix("http://")
    key = base64.b64decode(service.keys[NEWS])
    signed = sign(Request("GET", target, {"host": host}, b""), key, formatdate(time.time(), usegmt=True))
    assert httpx.get(f"{service.plain}{target}", headers=signed).status_code == 404


def test_a_key_is_changed_while_the_other_is_in_use(service: Service) -> None:
    def status(key: str) -> int:
        time.sleep(0.4)  # who shows wrong keys faster is not listened to
        return service.request("GET", "/emails/operations/x", key=key).status_code

    second = service.regenerate(CODES, "secondary")
    eventually(lambda: status(second) not in (401, 429), "learnt", 10)
    old = service.keys[CODES]
    service.keys[CODES] = service.regenerate(CODES)
    eventually(lambda: status(old) == 401, "forgotten", 10)
    path = f"/emails/operations/x?api-version={VERSION}"
    assert service.request("GET", path, key=second).status_code == 404
    assert service.request("GET", path).status_code == 404


def test_a_202_survives_kill_9(service: Service, sink: Sink) -> None:
    """What was answered 202 is delivered, and its operation is known; asked again, nothing is sent again."""
    sink.manners.hang = True
    names: list[str] = []
    body = json.dumps(letter()).encode()

    def post(n: int) -> None:
        name = str(uuid.uuid4())
        octets = body.replace(b"reader@", f"reader{n}@".encode())
        try:
            answer = service.request("POST", f"/emails:send?api-version={VERSION}", octets, **{"operation-id": name})
        except httpx.HTTPError:
            return
        if answer.status_code == 202:
            names.append(name)

    with ThreadPoolExecutor(8) as threads:
        work = [threads.submit(post, n) for n in range(400)]
        eventually(lambda: len(names) > OUTCOMES, "some are accepted")
        os.killpg(service.relay.pid, signal.SIGKILL)
        for one in work:
            one.result()
    service.relay.wait()
    sink.manners.hang = False
    service.relay.start()
    _, plain = json.loads((service.relay.data / "ready.json").read_text())["api"]
    service.plain = f"http://127.0.0.1:{plain['port']}"
    for name in names:
        answer = service.request("GET", f"/emails/operations/{name}?api-version={VERSION}")
        assert answer.json()["status"] == "Succeeded"
    service.relay.wait_until_empty()
    accepted = {event.recipient for event in service.relay.events() if isinstance(event, Accepted)}
    assert len(accepted) >= len(names)
    arrived = {to.decode() for mail in sink.mails for to in mail.recipients}
    assert accepted <= arrived


class TestTokens:
    """Programs that sign in with Entra, or any issuer of OIDC tokens."""

    @pytest.fixture
    def issuer(self) -> Iterator[Issuer]:
        found = Issuer()
        yield found
        found.close()

    @pytest.fixture
    def relay(self, make_relay: MakeRelay, issuer: Issuer) -> Relay:
        made = make_relay('api.listeners=[{port = 0}, {port = 0, tls = "none"}]', admission="enforce")
        with made.file.open("a") as config:
            config.write(f'[[tokens.issuers]]\nissuer = "{issuer.name}"\naudiences = ["{AUDIENCE}"]\n')
        return made

    def test_a_token_of_a_linked_application_opens_it_until_it_is_revoked(
        self, service: Service, issuer: Issuer, sink: Sink
    ) -> None:
        link = ("--issuer", issuer.name, "--application", "robot", "--username", "robot-of-codes")
        service.relay.command("credential", "link", CODES, *link)

        class Robot:
            def get_token(self, *scopes: str, **_: Any) -> AccessToken:
                return AccessToken(issuer.token(time.time()), int(time.time()) + 3600)

        client = EmailClient(service.tls, Robot(), connection_verify=service.authority)
        eventually(lambda: _sends(client, letter()), "the link is known", 15)
        eventually(lambda: sink.mails, "delivered")
        service.relay.command("credential", "revoke", "robot-of-codes")
        eventually(lambda: not _sends(client, letter()), "the link is revoked", 15)

    def test_another_applications_token_opens_nothing(self, service: Service, issuer: Issuer) -> None:
        headers = {"authorization": f"Bearer {issuer.token(time.time(), azp='stranger')}"}
        answer = service.post(letter(), **headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Denied")


def _sends(client: EmailClient, message: dict[str, Any]) -> bool:
    try:
        return bool(client.begin_send(message).result()["status"] == "Succeeded")
    except HttpResponseError as exc:  # asked or polled, and one worker may know what another does not yet
        assert exc.status_code == 401, exc
        time.sleep(0.5)  # who is turned away faster is not listened to
        return False

"""What strangers and clients with odd endpoints get of the face of ACS: nothing is read for the one, and the other's
mail is answered for as anybody's.
"""

import asyncio
import hmac
import json
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, cast

import pytest

from goodstanding.api.acs.face import Face
from goodstanding.api.acs.keys import AccessKeys
from goodstanding.api.acs.signature import Request, begun, sign
from goodstanding.model import Identity, MessageId, Stream, SubscriptionName, TenantName
from goodstanding.settings import ApiSettings
from goodstanding.store.db import Database
from goodstanding.submission.accept import Accepted
from goodstanding.submission.handing_in import Handed, HandingIn
from tests.api.test_acs_shapes import MESSAGE

KEY = b"k" * 64
WHO = Identity(TenantName("shop"), SubscriptionName("shop/receipts"), Stream.TRANSACTIONAL)
BODY = json.dumps(MESSAGE).encode()
QUERY = "api-version=2025-09-01"


@dataclass
class Door:
    """Takes everything."""

    taken: list[Handed] = field(default_factory=list)
    distrusted: list[str] = field(default_factory=list)

    def now(self) -> float:
        return time.time()

    def closed_to(self, remote: str) -> bool:
        return False

    def distrust(self, remote: str) -> None:
        self.distrusted.append(remote)

    async def take(self, handed: Handed) -> Accepted:
        self.taken.append(handed)
        return Accepted(MessageId(1))


class Keys:
    """One key."""

    def of(self, path: str, host: str, remote: str) -> list[tuple[Identity, hmac.HMAC]]:
        return [(WHO, begun(KEY))]

    def fitted(self, remote: str, identity: Identity) -> None:
        """Nothing to remember."""


@dataclass
class Exchange:
    """One request and its answer."""

    door: Door = field(default_factory=Door)
    asked: int = 0
    """How often the application wanted more of the body."""
    sent: list[Any] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


def asked(
    path: str = "/emails:send",
    raw: str = "",
    host: str = "mail.example",
    key: bytes = KEY,
    verb: str = "POST",
    **more: Any,
) -> Exchange:
    body = more.get("body", BODY if verb == "POST" else b"")
    exchange = Exchange()
    keys, door, store = (cast(AccessKeys, Keys()), cast(HandingIn, exchange.door), cast(Database, None))
    face = Face(ApiSettings(size_limit=4096), "mx.mail.example", door, store, keys)
    signed = Request(verb, f"{raw or path}?{QUERY}", {"host": host}, more.get("signed", body))
    headers = {"host": host} | sign(signed, key, formatdate(time.time(), usegmt=True))
    scope = {
        "type": "http",
        "method": verb,
        "scheme": "https",
        "path": path,
        "raw_path": (raw or path).encode(),
        "query_string": QUERY.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.7", 4711),
    }

    async def receive() -> dict[str, Any]:
        exchange.asked += 1
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Any) -> None:
        exchange.sent.append(event)

    asyncio.run(face(scope, receive, send))
    return exchange


def test_nothing_is_read_of_who_has_no_key() -> None:
    stranger = asked(key=b"x" * 64)
    assert (stranger.status, stranger.asked) == (401, 0)
    assert stranger.door.distrusted


def test_who_has_a_key_signs_the_body_too() -> None:
    other = asked(signed=b"{}")
    assert (other.status, other.door.taken) == (401, [])
    assert other.door.distrusted
    assert asked(body=b" " * 5000).status == 413


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/{x}/emails:send", ""),
        ("/{0.__class__}/emails:send", ""),
        ("/{:>99999999}/emails:send", ""),
        ("/\u20ac/emails:send", "/%E2%82%AC/emails:send"),
        ("/a\rb/emails:send", "/a%0Db/emails:send"),
        ("/<id>/emails:send", ""),
    ],
    ids=ascii,
)
def test_an_odd_path_is_answered_as_any(path: str, raw: str) -> None:
    exchange = asked(path, raw)
    assert (exchange.status, len(exchange.door.taken)) == (202, 1)
    name = json.loads(exchange.sent[1]["body"])["id"]
    where = exchange.headers[b"operation-location"].decode("ascii")
    assert where.endswith(f"/emails/operations/{name}?{QUERY}")
    assert where.isprintable()
    assert where.count(name) == 1


@pytest.mark.parametrize("host", ["{x}", "{:>99999999}", "{0.__class__.__mro__}"])
def test_an_odd_host_is_answered_as_any(host: str) -> None:
    exchange = asked(host=host)
    assert exchange.status == 202
    assert exchange.headers[b"operation-location"].startswith(f"https://{host}/emails/operations/".encode())


@pytest.mark.parametrize("name", ["a\0b", "x" * 65, "a b", ""])
def test_the_store_is_not_asked_for_what_names_no_operation(name: str) -> None:
    assert asked(f"/emails/operations/{name}", verb="GET").status == 404

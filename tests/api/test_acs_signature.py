"""A request is believed when it is signed as the SDKs sign, by a key of its endpoint, within five minutes; else not."""

import base64
from collections.abc import Iterable
from email.utils import formatdate
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from goodstanding.api.acs.keys import FEW, AccessKeys
from goodstanding.api.acs.signature import FOREIGN_BODY, MARGIN, Denied, Known, Request, begun, fits, sign, signer
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.operate.access_keys import context_of
from goodstanding.sealed import seal
from goodstanding.store.access_keys import AccessKey

NOW = 1_796_000_000.0
KEY, OTHER = b"k" * 64, b"o" * 64
WHO = Identity(TenantName("shop"), SubscriptionName("shop/receipts"), Stream.TRANSACTIONAL)
PLAIN = Request("POST", "/emails:send?api-version=2025-09-01", {"host": "mail.example:8443"}, b'{"a":1}')


def signed(request: Request = PLAIN, key: bytes = KEY, at: float = NOW) -> Request:
    return structs.replace(request, headers={**request.headers, **sign(request, key, formatdate(at, usegmt=True))})


def check(request: Request, keys: Iterable[tuple[Identity, bytes]], now: float) -> Known | Denied:
    known = signer(request, [(who, begun(key)) for who, key in keys], now)
    fitting = fits(request.headers, sha256(request.body).digest())
    return known if isinstance(known, Denied) or fitting else FOREIGN_BODY


def test_what_the_sdk_signs_is_believed() -> None:
    assert isinstance(check(signed(), [(WHO, KEY)], NOW), Known)


def test_the_signature_of_the_sdk_itself_is_ours() -> None:
    from azure.communication.email._shared import policy
    from azure.core.pipeline import PipelineContext, PipelineRequest
    from azure.core.rest import HttpRequest

    sent = HttpRequest("POST", "https://mail.example:8443/emails:send?api-version=2025-09-01", content='{"a":1}')
    sent_by = policy.HMACCredentialsPolicy("https://mail.example:8443", base64.b64encode(KEY).decode())
    sent_by._sign_request(PipelineRequest(sent, PipelineContext(None)))
    headers = {name.lower(): value for name, value in sent.headers.items()} | {"host": "mail.example:8443"}
    request = structs.replace(PLAIN, headers=headers)
    now = check_time(headers["x-ms-date"])
    assert isinstance(check(request, [(WHO, KEY)], now), Known)


def check_time(date: str) -> float:
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(date).timestamp()


@pytest.mark.parametrize("late", [-MARGIN - 1, MARGIN + 1])
def test_another_time_is_not(late: float) -> None:
    refusal = check(signed(at=NOW + late), [(WHO, KEY)], NOW)
    assert isinstance(refusal, Denied)
    assert "5 minutes" in refusal.words


@pytest.mark.parametrize("late", [-MARGIN + 1, MARGIN - 1])
def test_a_clock_that_is_a_little_wrong_is_borne(late: float) -> None:
    assert isinstance(check(signed(at=NOW + late), [(WHO, KEY)], NOW), Known)


CHANGES = [
    ("another key", signed(key=OTHER)),
    ("another body", structs.replace(signed(), body=b'{"a":2}')),
    ("another path", structs.replace(signed(), target="/emails:send?api-version=2023-03-31")),
    ("another verb", structs.replace(signed(), verb="PUT")),
    ("another host", structs.replace(signed(), headers={**signed().headers, "host": "evil.example"})),
    ("no date", structs.replace(signed(), headers={**signed().headers, "x-ms-date": ""})),
    ("a date of no kind", structs.replace(signed(), headers={**signed().headers, "x-ms-date": "yesterday GMT"})),
    ("no digest", structs.replace(signed(), headers={**signed().headers, "x-ms-content-sha256": ""})),
    ("no signature", structs.replace(signed(), headers={**signed().headers, "authorization": ""})),
    (
        "truncated",
        structs.replace(
            signed(), headers={**signed().headers, "authorization": signed().headers["authorization"][:-5]}
        ),
    ),
    (
        "fewer headers signed",
        structs.replace(
            signed(),
            headers={**signed().headers, "authorization": signed().headers["authorization"].replace("host;", "")},
        ),
    ),
]


@pytest.mark.parametrize("request_", [one for _, one in CHANGES], ids=[name for name, _ in CHANGES])
def test_whatever_was_changed_is_not(request_: Request) -> None:
    assert isinstance(check(request_, [(WHO, KEY)], NOW), Denied)


@given(st.text(max_size=300), st.text(max_size=60), st.binary(max_size=60))
def test_garbage_is_refused_and_nothing_else(authorization: str, date: str, body: bytes) -> None:
    request = Request("POST", "/", {"authorization": authorization, "x-ms-date": date, "host": "x"}, body)
    assert isinstance(check(request, [(WHO, KEY)], NOW), Denied)


def test_who_signed_is_known_before_the_body_is_there() -> None:
    headers = signed().headers
    early = structs.replace(PLAIN, headers=headers, body=b"")
    assert isinstance(signer(early, [(WHO, begun(KEY))], NOW), Known)
    assert fits(headers, sha256(PLAIN.body).digest())
    assert not fits(headers, sha256(b"another").digest())


def test_an_endpoint_with_a_path_may_be_signed_as_part_of_the_host() -> None:
    before = "/shop/receipts"
    target = f"{before}/emails:send?api-version=2025-09-01"
    as_host = Request("POST", target, {"host": f"mail.example{before}"}, b"{}")
    headers = signed(as_host).headers | {"host": "mail.example"}
    came = Request("POST", target, headers, b"{}", before)
    assert isinstance(check(came, [(WHO, KEY)], NOW), Known)
    assert isinstance(check(structs.replace(came, before="/shop/other"), [(WHO, KEY)], NOW), Denied)


class TestKeys:
    master = b"m" * 32

    def keys(self, *names: str) -> AccessKeys:
        sealed = [
            AccessKey(name, "primary", seal(self.master, name.encode(), context_of(name, "primary"), b"n" * 12), 0.0)
            for name in names
        ]
        identities = {
            name: Identity(TenantName(name.partition("/")[0]), SubscriptionName(name), Stream.BULK) for name in names
        }
        return AccessKeys(self.master, sealed, identities)

    def test_a_path_and_a_host_say_whose_they_are(self) -> None:
        keys = self.keys("shop/receipts", "shop/news")
        for path, host in (("/shop/news/emails:send", "mail.example"), ("/emails:send", "news.shop.mail.example")):
            assert [who.subscription for who, _ in keys.of(path, host, "::1")] == ["shop/news"]
        assert not keys.of("/shop/nothing/emails:send", "mail.example", "::1")

    def test_a_few_are_all_tried_and_many_are_not(self) -> None:
        assert len(self.keys("shop/receipts", "shop/news").of("/emails:send", "mail.example", "::1")) == 2
        many = self.keys(*(f"shop/app{n}" for n in range(FEW + 1)))
        assert not many.of("/emails:send", "mail.example", "::1")

    def test_the_key_that_fitted_last_is_tried_first(self) -> None:
        keys = self.keys("shop/receipts", "shop/news")
        [(news, _)] = keys.of("/shop/news/emails:send", "mail.example", "::1")
        keys.fitted("192.0.2.1", news)
        assert keys.of("/emails:send", "mail.example", "192.0.2.1")[0][0] == news

    def test_a_key_sealed_for_another_subscription_opens_nothing(self) -> None:
        moved = AccessKey("shop/a", "primary", seal(self.master, b"k", context_of("shop/b", "primary"), b"n" * 12), 0.0)
        assert not AccessKeys(self.master, [moved], {"shop/a": WHO}).of("/shop/a/emails:send", "x", "::1")

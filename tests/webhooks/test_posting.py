"""Posting over real sockets: only to addresses that were checked, to nobody else on anybody's word, and bounded."""

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from goodstanding.net.tcp import TcpDialer, verifying_context
from goodstanding.net.tls import self_signed
from goodstanding.outside import Resolver
from goodstanding.webhooks.answers import Answer
from goodstanding.webhooks.guard import Rules, networks_of
from goodstanding.webhooks.posting import Means, Poster
from tests.fakes import ChangingResolver, FakeResolver, RecordingDialer
from tests.webhooks.receiver import Receiver, Reply

Run = Callable[[Coroutine[Any, Any, Answer]], Answer]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def means(receiver: Receiver, resolver: Resolver | None = None, **changed: Any) -> Means:
    rules = Rules(networks_of(changed.pop("networks", ["127.0.0.0/8"])), http=True, ports=(receiver.port, 443))
    resolver = resolver or FakeResolver({"127.0.0.1": {"A": ["127.0.0.1"]}})
    return Means(rules, resolver, changed.pop("dialer", TcpDialer()), verifying_context(), **changed)


def post(its: Means, url: str, times: int = 1) -> list[Answer]:
    async def posts() -> list[Answer]:
        poster = Poster(its)
        try:
            return [await poster.post(url, {"x-n": str(n)}, b"{}") for n in range(times)]
        finally:
            poster.close()

    return asyncio.run(posts())


def test_a_post_arrives_and_its_answer_comes_back(receiver: Receiver) -> None:
    assert post(means(receiver), receiver.url("/hook?code=1")) == [Answer(204)]
    assert receiver.posts[0].target == "/hook?code=1"
    assert receiver.posts[0].headers["host"] == f"127.0.0.1:{receiver.port}"


def test_one_connection_serves_many_posts(receiver: Receiver) -> None:
    assert post(means(receiver), receiver.url(), 5) == [Answer(204)] * 5
    assert receiver.connections == 1


def test_a_connection_that_was_closed_while_idle_costs_no_event(receiver: Receiver) -> None:
    receiver.answer = lambda post: Reply(204, close=True)
    assert post(means(receiver), receiver.url(), 3) == [Answer(204)] * 3


def test_a_private_address_behind_a_public_name_is_not_connected(receiver: Receiver) -> None:
    resolver = FakeResolver({"hooks.example.com": {"A": ["127.0.0.1", "10.0.0.1"], "AAAA": ["::1"]}})
    (answer,) = post(means(receiver, resolver, networks=[]), f"https://hooks.example.com:{receiver.port}/")
    assert "not a public address" in answer.failure
    assert receiver.connections == 0


def test_a_name_that_changes_its_address_is_checked_each_time(receiver: Receiver) -> None:
    dialer = RecordingDialer()
    resolver = ChangingResolver(("93.184.216.34",), ("127.0.0.1",))
    answers = post(means(receiver, resolver, networks=[], dialer=dialer), "https://hooks.example.com/", 2)
    assert dialer.asked == ["93.184.216.34"]
    assert [answer.status for answer in answers] == [0, 0]


def test_only_the_checked_ones_of_many_addresses_are_tried(receiver: Receiver) -> None:
    dialer = RecordingDialer()
    resolver = ChangingResolver(("10.0.0.1", "93.184.216.34", "169.254.169.254", "2606:4700::1111"))
    post(means(receiver, resolver, networks=[], dialer=dialer), "https://hooks.example.com/")
    assert dialer.asked == ["93.184.216.34", "2606:4700::1111"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_nothing_more(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda post: Reply(status, headers={"Location": receiver.url("/elsewhere")})
    assert post(means(receiver), receiver.url())[0].status == status
    assert [one.target for one in receiver.posts] == ["/hook"]


def test_a_silent_endpoint_costs_no_more_than_the_timeout(receiver: Receiver) -> None:
    receiver.answer = lambda post: Reply(delay=5.0)
    began = time.monotonic()
    (answer,) = post(means(receiver, timeout=0.3), receiver.url())
    assert "0.3 s" in answer.failure
    assert time.monotonic() - began < 2.0


def test_an_endpoint_that_answers_by_drops_costs_no_more_either(receiver: Receiver) -> None:
    receiver.answer = lambda post: Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234", delay=0.0)
    (answer,) = post(means(receiver, timeout=0.3), receiver.url())
    assert "did not answer within" in answer.failure


def test_an_endless_body_is_not_read(receiver: Receiver) -> None:
    receiver.answer = lambda post: Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 500_000)
    (answer,) = post(means(receiver), receiver.url())
    assert (answer.status, len(answer.body)) == (200, 65_536)


def test_nonsense_is_a_failure_in_words(receiver: Receiver) -> None:
    receiver.answer = lambda post: Reply(raw=b"220 mail.example.com ESMTP\r\n")
    assert "not an HTTP answer" in post(means(receiver), receiver.url())[0].failure


def test_a_url_that_is_no_longer_allowed_is_not_posted_to(receiver: Receiver) -> None:
    assert post(means(receiver, networks=[]), receiver.url())[0].failure
    assert receiver.connections == 0


def test_a_host_that_is_not_in_dns_is_a_failure_in_words(receiver: Receiver) -> None:
    assert "cannot be found" in post(means(receiver), "https://nowhere.example.com/")[0].failure


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[Receiver, Path]]:
    pem, key = self_signed(["hooks.example.com"], time.time())
    for name, octets in (("cert.pem", pem), ("key.pem", key)):
        (tmp_path / name).write_bytes(octets)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    made = Receiver(tls=context)
    yield made, tmp_path / "cert.pem"
    made.close()


def over_tls(receiver: Receiver, name: str, authorities: str | None) -> Answer:
    rules = Rules(networks_of(["127.0.0.0/8"]), ports=(receiver.port,))
    resolver = FakeResolver({name: {"A": ["127.0.0.1"]}})
    its = Means(rules, resolver, TcpDialer(), verifying_context(authorities))
    return post(its, f"https://{name}:{receiver.port}/")[0]


def test_tls_proves_the_name_in_the_url_and_not_the_address(certified: tuple[Receiver, Path]) -> None:
    receiver, authority = certified
    assert over_tls(receiver, "hooks.example.com", str(authority)) == Answer(204)


def test_another_name_or_an_unknown_authority_is_not_posted_to(certified: tuple[Receiver, Path]) -> None:
    receiver, authority = certified
    assert "TLS handshake" in over_tls(receiver, "other.example.com", str(authority)).failure
    assert "TLS handshake" in over_tls(receiver, "hooks.example.com", None).failure
    assert receiver.posts == []

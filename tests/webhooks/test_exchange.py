"""HTTP/1.1 towards an endpoint: one answer, however it is cut, and nonsense is a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.errors import LocalProtocolError, RemoteProtocolError
from goodstanding.webhooks.answers import Answer
from goodstanding.webhooks.exchange import BODY_LIMIT, HEADERS_LIMIT, Exchange
from goodstanding.webhooks.guard import Target

HOOK = Target(True, "hooks.example.com", 443, "/hook?x=1")
FULL = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 503 Later\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
)


def asked() -> Exchange:
    exchange = Exchange()
    exchange.post(HOOK, {}, b"{}")
    return exchange


def heard(*parts: bytes) -> Answer | None:
    exchange = asked()
    answer = None
    for part in parts:
        answer = answer or exchange.receive(part)
    return answer


def test_a_post_is_one_request_with_its_length() -> None:
    assert Exchange().post(HOOK, {"content-type": "application/json"}, b'{"a":1}') == (
        b"POST /hook?x=1 HTTP/1.1\r\nhost: hooks.example.com\r\nuser-agent: goodstanding\r\ncontent-length: 7\r\n"
        b'content-type: application/json\r\n\r\n{"a":1}'
    )


@pytest.mark.parametrize("value", ["a\r\nX: 1", "a\nb", "a\rb", "ä"])
def test_a_header_cannot_break_out_of_its_line(value: str) -> None:
    with pytest.raises(LocalProtocolError):
        Exchange().post(HOOK, {"x-token": value}, b"")


@given(st.integers(0, len(FULL)), st.integers(0, len(FULL)))
def test_any_split_reads_the_same(one: int, two: int) -> None:
    first, second = sorted((one, two))
    parts = [part for part in (FULL[:first], FULL[first:second], FULL[second:]) if part]
    assert heard(*parts) == Answer(503, b"abcde", "7")


@given(st.binary(min_size=1, max_size=400))
def test_garbage_is_an_answer_or_a_protocol_error(octets: bytes) -> None:
    try:
        heard(octets, b"")
    except RemoteProtocolError:
        pass


def test_no_content_is_an_answer() -> None:
    exchange = asked()
    assert exchange.receive(b"HTTP/1.1 204 No Content\r\n\r\n") == Answer(204)
    assert exchange.reusable()


def test_an_answer_may_end_with_the_connection() -> None:
    exchange = asked()
    assert exchange.receive(b"HTTP/1.0 200 OK\r\n\r\nab") is None
    assert exchange.receive(b"") == Answer(200, b"ab")
    assert not exchange.reusable()


@pytest.mark.parametrize(
    "begun", [b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b""]
)
def test_a_connection_closed_within_an_answer_is_no_answer(begun: bytes) -> None:
    exchange = asked()
    if begun:
        assert exchange.receive(begun) is None
    with pytest.raises(RemoteProtocolError):
        exchange.receive(b"")


def test_a_body_without_end_is_cut_off() -> None:
    exchange = asked()
    assert exchange.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n") is None
    answer = exchange.receive(b"x" * (BODY_LIMIT + 1))
    assert answer is not None and len(answer.body) == BODY_LIMIT
    assert not exchange.reusable()


def test_headers_without_end_are_cut_off() -> None:
    exchange = asked()
    exchange.receive(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(RemoteProtocolError):
        for _ in range(HEADERS_LIMIT // 10 + 2):
            exchange.receive(b"X-A: 123\r\n")


def test_endless_interim_answers_are_cut_off() -> None:
    exchange = asked()
    with pytest.raises(RemoteProtocolError):
        for _ in range(HEADERS_LIMIT // 20 + 2):
            exchange.receive(b"HTTP/1.1 100 Wait\r\n\r\n")


def test_a_connection_the_peer_wants_closed_is_not_used_again() -> None:
    exchange = asked()
    assert exchange.receive(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") == Answer(200)
    assert not exchange.reusable()


@pytest.mark.parametrize(
    "behind", [b"HTTP/1.1 500 No\r\nRetry-After: 5\r\nContent-Length: 1\r\n\r\nb", b"HTTP/1", b"!"]
)
def test_an_answer_nobody_asked_for_changes_nothing_and_spoils_the_connection(behind: bytes) -> None:
    exchange = asked()
    assert exchange.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na" + behind) == Answer(200, b"a")
    assert not exchange.reusable()

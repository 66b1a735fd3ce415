"""Bodies: what DATA and BDAT carry, in whatever pieces it comes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.model import Reply
from goodstanding.wire.smtp_server import BodyPart, BodyStart, MessageAborted, Reset, Session
from tests.wire.conversation import ANSWERED, ENVELOPE, OPEN, Conversation, accept_all, greeted, in_transaction

# Bodies


TOKENS = st.lists(
    st.sampled_from([b"\r\n", b"\r\n", b"\r\n.", b"\r", b"\n", b".", b"a", b"\0", b"BDAT 3\r\n"]), max_size=30
).map(b"".join)
CLEAN = st.lists(st.sampled_from([b"\r\n", b"\r\n.", b".", b"a", b"\xff", b"\r\n.."]), max_size=30).map(b"".join)


def receive_body(wire: bytes, size: int) -> Conversation:
    server = in_transaction()
    server.send(b"DATA\r\n")
    server.send(wire, size)
    return server


@given(CLEAN, st.integers(1, 5))
def test_any_body_comes_out_as_it_was_before_stuffing(body: bytes, size: int) -> None:
    body += b"\r\n"
    stuffed = (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:]
    server = receive_body(stuffed + b".\r\nNOOP\r\n", size)
    assert server.messages == [body]
    assert server.said.endswith(b"250 2.0.0 OK\r\n")


def end_of_data(wire: bytes) -> tuple[bytes, bytes] | None:
    """The specification: what DATA carries, and what comes behind it."""
    whole = b"\r\n" + wire
    end = whole.find(b"\r\n.\r\n")
    if end < 0:
        return None
    return whole[: end + 2].replace(b"\r\n.", b"\r\n")[2:], whole[end + 5 :]


@given(TOKENS, st.integers(0, 5))
def test_nothing_but_crlf_dot_crlf_ends_a_body_and_nothing_but_crlf_a_line(wire: bytes, size: int) -> None:
    specified = end_of_data(wire)
    server = receive_body(wire, size)
    if specified is None:
        assert server.session.phase == "data"
        return
    body, _ = specified
    flawed = body.count(b"\r\n") * 2 != body.count(b"\r") + body.count(b"\n") or b"\0" in body
    assert server.messages[:1] == ([] if flawed else [body])
    assert any(isinstance(event, MessageAborted) for event in server.events) == flawed


@given(TOKENS, st.integers(1, 5), st.integers(0, 5))
def test_chunks_say_the_same_as_the_whole(body: bytes, chunk: int, size: int) -> None:
    wire = b"".join(b"BDAT %d\r\n" % len(part) + part for part in cut(body, chunk)) + b"BDAT 0 LAST\r\nNOOP\r\n"
    server = in_transaction()
    server.send(wire, size)
    flawed = body.count(b"\r\n") * 2 != body.count(b"\r") + body.count(b"\n") or b"\0" in body
    assert server.messages == ([] if flawed else [body])
    assert server.said.endswith(b"250 2.0.0 OK\r\n")


def cut(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]


FLAWS = [
    (b"bare\nlf\r\n.\r\n", "5.6.11"),
    (b"bare\rcr\r\n.\r\n", "5.6.11"),
    (b"cr\r\r\n.\r\n", "5.6.11"),
    (b"\n\r\n.\r\n", "5.6.11"),
    (b"nul\0\r\n.\r\n", "5.6.0"),
    (b"x" * 999 + b"\r\n.\r\n", "5.3.4"),
    (b"x" * 999 + b"\n\r\n.\r\n", "5.6.11"),
]


@pytest.mark.parametrize(("wire", "enhanced"), FLAWS)
@pytest.mark.parametrize("size", [0, 1])
def test_a_flawed_body_is_read_to_its_end_and_refused(wire: bytes, enhanced: str, size: int) -> None:
    server = in_transaction(replace(OPEN, size_limit=1000))
    server.send(b"DATA\r\n")
    (refusal, noop) = server.send(wire + b"NOOP\r\n", size)
    assert (refusal.enhanced, noop.code) == (enhanced, 250)
    assert server.events[-1] == MessageAborted(server.events[-1].reply)  # type: ignore[union-attr]
    assert server.codes(ENVELOPE) == [250, 250]


@pytest.mark.parametrize(
    "wire", [b"DATA\r\n" + b"xxxxxxxx\r\n" * 101 + b".\r\n", b"BDAT 1001 LAST\r\n" + b"x" * 999 + b"\r\n"]
)
def test_the_refusal_of_a_large_message_ends_with_the_listeners_advice(wire: bytes) -> None:
    server = in_transaction(replace(OPEN, size_limit=1000, size_advice="Send a link [too-large]"))
    said = server.send(wire)[-1]
    assert (said.code, said.enhanced) == (552, "5.3.4")
    assert "1000 octets" in said.text and said.text.endswith(". Send a link [too-large]")
    announced = server.send(b"MAIL FROM:<> SIZE=1001\r\n")[-1]
    assert (announced.code, announced.text.endswith(". Send a link [too-large]")) == (552, True)


def test_a_message_of_just_the_limit_is_taken() -> None:
    server = in_transaction(replace(OPEN, size_limit=1000))
    server.send(b"DATA\r\n")
    assert server.codes(b"." + b"." * 998 + b"\r\n.\r\n") == [250]
    assert len(server.messages[0]) == 1000


def test_a_large_chunk_is_passed_on_as_it_came() -> None:
    session = Session(OPEN)
    session.receive(b"EHLO c\r\nMAIL FROM:<>\r\n")
    session.answer(Reply(250))
    session.receive(b"RCPT TO:<a@b.c>\r\n")
    session.answer(Reply(250))
    session.receive(b"DATA\r\n")
    session.answer(Reply(354))
    chunk = b"x" * 65_536
    (part,) = session.receive(chunk)
    assert isinstance(part, BodyPart) and part.octets is chunk


# BDAT out of order


CHUNKS_OUT_OF_ORDER = [
    (b"BDAT 6 LAST\r\nQUIT\r\n", [503]),
    (b"MAIL FROM:<a@x.test>\r\nBDAT 6 LAST\r\nQUIT\r\n", [250, 503]),
    (ENVELOPE + b"BDAT 1\r\nxDATA\r\n", [250, 250, 250, 503]),
    (ENVELOPE + b"BDAT 1\r\nxRCPT TO:<c@y.test>\r\n", [250, 250, 250, 503]),
    (ENVELOPE + b"BDAT 1\r\nxMAIL FROM:<c@y.test>\r\n", [250, 250, 250, 503]),
    (ENVELOPE + b"BDAT 1\r\nxNOOP\r\nBDAT 0 LAST\r\n", [250, 250, 250, 250, 250]),
    (ENVELOPE + b"BDAT 1\r\nxRSET\r\nBDAT 1 LAST\r\nx", [250, 250, 250, 250, 503]),
    (ENVELOPE + b"BDAT 2\r\n\nxBDAT 1 LAST\r\nx", [250, 250, 550, 503]),
    (ENVELOPE + b"BDAT 1 LAST\r\n\r", [250, 250, 550]),
    (ENVELOPE + b"BDAT 1 LAST\r\nxBDAT 1 LAST\r\nx", [250, 250, 250, 503]),
]


@pytest.mark.parametrize(("octets", "codes"), CHUNKS_OUT_OF_ORDER)
@pytest.mark.parametrize("size", [0, 1])
def test_chunks_out_of_order_are_refused_and_never_obeyed(octets: bytes, codes: list[int], size: int) -> None:
    server = greeted()
    assert [reply.code for reply in server.send(octets, size)] == codes
    assert not server.session.closing


@pytest.mark.parametrize("line", [b"BDAT", b"BDAT x", b"BDAT -1", b"BDAT 1 FIRST", b"BDAT 1 2", b"BDAT " + b"9" * 21])
def test_a_chunk_of_unknown_size_ends_the_session(line: bytes) -> None:
    server = in_transaction()
    assert server.codes(line + b"\r\nQUIT\r\n") == [501]
    assert server.session.closing and server.events[-1] == Reset()


def test_a_chunk_refused_with_a_421_is_not_waited_for() -> None:
    def shutting_down(event: ANSWERED) -> Reply:
        return Reply(421, "4.3.2", "Shutting down") if isinstance(event, BodyStart) else accept_all(event)

    server = greeted(decide=shutting_down)
    assert server.codes(ENVELOPE + b"BDAT 1000\r\nx") == [250, 250, 421]
    assert server.session.closing

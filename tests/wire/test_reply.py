"""Replies as bytes and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.errors import RemoteProtocolError
from goodstanding.model import Reply
from goodstanding.wire.reply import LINES_LIMIT, OCTETS_LIMIT, ReplyReader, encode_reply

WRITTEN = [
    (Reply(250, "2.1.0", "OK"), b"250 2.1.0 OK\r\n"),
    (Reply(220, "", "mx.test ESMTP"), b"220 mx.test ESMTP\r\n"),
    (Reply(334), b"334 \r\n"),
    (Reply(214, "2.0.0", "one\ntwo"), b"214-2.0.0 one\r\n214 2.0.0 two\r\n"),
    (Reply(250, "", "mx.test\nSIZE 1\nHELP"), b"250-mx.test\r\n250-SIZE 1\r\n250 HELP\r\n"),
    (Reply(550, "5.1.1", "no\r\n250 2.0.0 yes"), b"550-5.1.1 no\r\n550 5.1.1 250 2.0.0 yes\r\n"),
    (Reply(550, "5.1.1", "a\0b\x1bc\td"), b"550 5.1.1 a?b?c d\r\n"),
    (Reply(550, "5.1.1", "für Jürgen"), "550 5.1.1 für Jürgen\r\n".encode()),
]


@pytest.mark.parametrize(("reply", "octets"), WRITTEN)
def test_a_reply_is_written(reply: Reply, octets: bytes) -> None:
    assert encode_reply(reply) == octets


def test_a_long_text_is_broken_between_words() -> None:
    words = " ".join(["remedy"] * 200)
    lines = encode_reply(Reply(550, "5.7.1", words)).split(b"\r\n")[:-1]
    assert len(lines) > 1
    assert " ".join(line.decode()[10:] for line in lines) == words


REPLIES = st.builds(
    Reply,
    st.integers(200, 599),
    st.sampled_from(["", "2.0.0", "4.7.1", "5.1.10"]),
    st.text(max_size=2000),
)


@given(REPLIES)
def test_every_line_written_is_short_whole_and_harmless(reply: Reply) -> None:
    octets = encode_reply(reply)
    assert octets.endswith(b"\r\n")
    lines = octets[:-2].split(b"\r\n")
    for number, line in enumerate(lines, 1):
        assert len(line) + 2 <= 512
        assert line[:4] == f"{reply.code}{'-' if number < len(lines) else ' '}".encode()
        assert line.decode().isprintable()


READ = [
    (b"250 2.1.0 OK\r\n", Reply(250, "2.1.0", "OK")),
    (b"250 OK\n", Reply(250, "", "OK")),
    (b"250\r\n", Reply(250)),
    (b"354 \r\n", Reply(354)),
    (b"250-mx\r\n250-SIZE 1\r\n250 DSN\r\n", Reply(250, "", "mx\nSIZE 1\nDSN")),
    (b"550-5.1.1 no such\r\n550 5.1.1 user\r\n", Reply(550, "5.1.1", "no such\nuser")),
    (b"550-5.7.1 first\r\n550 second\r\n", Reply(550, "5.7.1", "first\nsecond")),
    (b"550 #5.7.1 rejected\r\n", Reply(550, "5.7.1", "rejected")),
    (b"550 5.1.1: rejected\r\n", Reply(550, "5.1.1", "rejected")),
    (b"421 4.7.28 Our system\r\n", Reply(421, "4.7.28", "Our system")),
    (b"500 2.0.0 contradicts itself\r\n", Reply(500, "", "2.0.0 contradicts itself")),
    (b"550 1.2.3.4 is listed\r\n", Reply(550, "", "1.2.3.4 is listed")),
    (b"250 5.1 km\r\n", Reply(250, "", "5.1 km")),
    (b"250-one\r\n451 4.3.0 changed its mind\r\n", Reply(451, "4.3.0", "one\nchanged its mind")),
    (b"250 \xff\0\x1b[2J\r\n", Reply(250, "", "\ufffd??[2J")),
]


@pytest.mark.parametrize(("octets", "reply"), READ)
def test_a_reply_is_read(octets: bytes, reply: Reply) -> None:
    assert ReplyReader().receive(octets) == [reply]


@pytest.mark.parametrize(("octets", "reply"), READ)
def test_a_reply_is_read_octet_by_octet(octets: bytes, reply: Reply) -> None:
    reader = ReplyReader()
    assert [read for octet in octets for read in reader.receive(bytes([octet]))] == [reply]


def test_replies_in_one_packet_are_told_apart() -> None:
    assert ReplyReader().receive(b"250 a\r\n250-b\r\n250 c\r\n354 d\r\n25") == [
        Reply(250, "", "a"),
        Reply(250, "", "b\nc"),
        Reply(354, "", "d"),
    ]


@pytest.mark.parametrize(
    "octets", [b"\r\n", b"25 x\r\n", b"199 x\r\n", b"600 x\r\n", b"2500 x\r\n", b"abc\r\n", b"250_x\r\n"]
)
def test_what_is_no_reply_is_refused(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ReplyReader().receive(octets)


def test_an_endless_reply_is_refused() -> None:
    reader = ReplyReader()
    for _ in range(LINES_LIMIT):
        reader.receive(b"250-x\r\n")
    with pytest.raises(RemoteProtocolError, match="lines"):
        reader.receive(b"250-x\r\n")


@pytest.mark.parametrize("piece", [b"250-" + b"x" * 1000 + b"\r\n", b"x" * 1000])
def test_a_huge_reply_is_refused(piece: bytes) -> None:
    reader = ReplyReader()
    with pytest.raises(RemoteProtocolError, match="octets"):
        for _ in range(OCTETS_LIMIT // 1000 + 1):
            reader.receive(piece)


def test_limits_count_one_reply_and_not_the_packet() -> None:
    assert len(ReplyReader().receive(b"250 ok\r\n" * 10_000)) == 10_000


def read_in_pieces(pieces: list[bytes]) -> list[Reply] | str:
    reader = ReplyReader()
    try:
        return [reply for piece in pieces for reply in reader.receive(piece)]
    except RemoteProtocolError as why:
        return str(why)


LINES = st.sampled_from([b"250 ok", b"250-ok", b"550 5.1.1 no", b"250", b"\r\n", b"\n", b"5", b"-", b" ", b"\xff\0"])


@given(st.lists(LINES).map(b"".join) | st.binary(), st.integers(1, 7))
def test_every_split_of_anything_reads_the_same(octets: bytes, size: int) -> None:
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    whole, split = read_in_pieces([octets]), read_in_pieces(pieces)
    assert whole == split


@given(REPLIES)
def test_what_is_written_can_be_read(reply: Reply) -> None:
    (read,) = ReplyReader().receive(encode_reply(reply))
    assert read.code == reply.code

"""Dot-stuffing: every message survives the wire, however it is cut."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.wire.stuffing import stuffed


@pytest.mark.parametrize(
    ("message", "on_the_wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\n", b"a\r\n..\r\n.\r\n"),
        (b"a\r\n.b\r\n..c\r\nd.\r\n", b"a\r\n..b\r\n...c\r\nd.\r\n.\r\n"),
    ],
)
def test_leading_dots_are_doubled_and_the_end_marked(message: bytes, on_the_wire: bytes) -> None:
    assert b"".join(stuffed([message])) == on_the_wire


LINES = st.lists(st.sampled_from([b"", b".", b"..", b"a", b".a", b"a."]), max_size=8)


@given(LINES, st.integers())
def test_stuffing_does_not_depend_on_the_pieces(lines: list[bytes], seed: int) -> None:
    message = b"\r\n".join(lines)
    chance = random.Random(seed)
    places = sorted(chance.randrange(len(message) + 1) for _ in range(6))
    pieces = [message[start:end] for start, end in zip([0, *places], [*places, len(message)], strict=True)]
    assert b"".join(stuffed(pieces)) == b"".join(stuffed([message]))

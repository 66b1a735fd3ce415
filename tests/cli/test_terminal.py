"""Figures as people read them."""

import pytest

from goodstanding.cli.terminal import foreign, octets, span, until

SPANS = [
    (0, "0 ms"),
    (-1, "0 ms"),
    (0.0404, "40 ms"),
    (0.9999, "1.0 s"),
    (12.34, "12.3 s"),
    (59.96, "1 min"),
    (60, "1 min"),
    (250, "4 min 10 s"),
    (3600, "1 h"),
    (5000, "1 h 23 min"),
    (86400 * 2 + 3 * 3600, "2 d 3 h"),
]


@pytest.mark.parametrize(("seconds", "words"), SPANS)
def test_a_span_of_time_is_told_in_two_units(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(("size", "words"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB")])
def test_a_size_is_told_in_the_unit_that_fits(size: int, words: str) -> None:
    assert octets(size) == words


def test_what_is_overdue_is_due_now() -> None:
    assert (until(5, 10), until(20, 10)) == ("now", "in 10.0 s")


def test_words_of_strangers_lose_their_control_characters() -> None:
    assert foreign("a\x1b]0;b\x07\r\n\u202ec 田").plain == "a\ufffd]0;b\ufffd\ufffd\ufffd\ufffdc 田"

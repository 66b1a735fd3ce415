"""The link of a standing page opens what it was made for, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.wire.standing_link import LONGEST, StandingLink, link, read, sign

KEY, OTHER = b"k" * 32, b"o" * 32
ABOUT = StandingLink("shop", "campaign:17", "outreach")


@given(st.builds(StandingLink, st.text(max_size=20), st.text(max_size=40), st.text(max_size=10)))
def test_what_is_signed_is_read(about: StandingLink) -> None:
    assert read(KEY, sign(KEY, about)) == about


def test_a_link_is_the_same_each_time() -> None:
    assert link("https://relay.example/", sign(KEY, ABOUT)) == f"https://relay.example/standing/{sign(KEY, ABOUT)}"


def test_another_key_opens_nothing() -> None:
    assert read(OTHER, sign(KEY, ABOUT)) is None


@given(st.integers(0, 10_000), st.sampled_from("AZaz09-_"))
def test_no_character_can_be_changed(place: int, char: str) -> None:
    token = sign(KEY, ABOUT)
    place %= len(token)
    changed = token[:place] + char + token[place + 1 :]
    assert (read(KEY, changed) is None) == (changed != token)


@pytest.mark.parametrize("token", ["", "-", "=", "a" * (LONGEST + 1), "ab c", "é", sign(KEY, ABOUT) + "A", "A" * 22])
def test_garbage_opens_nothing(token: str) -> None:
    assert read(KEY, token) is None


@given(st.text(max_size=600))
def test_no_text_raises(token: str) -> None:
    assert read(KEY, token) is None

"""Tokens of pictures and links: ours or nobody's, and never an open redirect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.model import MessageId
from goodstanding.wire import engagement_links as links
from goodstanding.wire.engagement_links import Clicked, Opened

KEY, OLDER, OTHER = b"k" * 32, b"o" * 32, b"x" * 32
OPENED = Opened(MessageId(7_123_456_789_012_345_678), 3)
CLICKED = Clicked(OPENED.message, 3, 1, "https://shop.example/mugs?a=1&b=2#blue")


def test_what_is_sealed_opens_again() -> None:
    assert links.open_open(KEY, links.seal_open(KEY, OPENED)) == OPENED
    assert links.open_click(KEY, links.seal_click(KEY, CLICKED)) == CLICKED


def test_the_same_link_is_the_same_each_time_and_short() -> None:
    assert links.seal_click(KEY, CLICKED) == links.seal_click(KEY, CLICKED)
    assert len(links.seal_open(KEY, OPENED)) < 50


def test_an_older_key_still_opens() -> None:
    token = links.seal_click(OLDER, CLICKED)
    assert links.open_click(KEY, token) is None
    assert links.open_click(KEY, token, OTHER, OLDER) == CLICKED


def test_a_token_for_a_picture_is_none_for_a_link() -> None:
    assert links.open_click(KEY, links.seal_open(KEY, OPENED)) is None
    assert links.open_open(KEY, links.seal_click(KEY, CLICKED)) is None


@pytest.mark.parametrize(
    "target",
    [
        "", "javascript:alert(1)", "data:text/html,x", "//evil.example/", "/mugs", "https:///x", "https://", "ftp://a.example/",
        "https://shop.example/\r\nSet-Cookie: a=b", "https://shop.example/ x", "https://user@evil.example/",
        "https://a\\@evil.example/", "https://[::1", "https://shop.example/" + "x" * 2_000,
    ],
)  # fmt: skip
def test_a_link_leads_only_to_http_addresses(target: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        links.seal_click(KEY, Clicked(OPENED.message, 0, 0, target))


def test_the_longest_target_fits() -> None:
    target = "https://shop.example/" + "x" * 1_979
    token = links.seal_click(KEY, Clicked(OPENED.message, 0, 0, target))
    assert len(token) <= links.LONGEST_TOKEN
    found = links.open_click(KEY, token)
    assert found is not None
    assert found.target == target


def test_links_stand_below_the_link_domain() -> None:
    assert links.picture("https://go.shop.example/", "t") == "https://go.shop.example/o/t.gif"
    assert links.link("https://go.shop.example", "t") == "https://go.shop.example/c/t"


@pytest.mark.fuzz
@given(st.integers(0, 200), st.characters())
def test_a_changed_token_opens_nothing(at: int, char: str) -> None:
    token = links.seal_click(KEY, CLICKED)
    at %= len(token)
    changed = token[:at] + char + token[at + 1 :]
    assert links.open_click(KEY, changed) == (CLICKED if changed == token else None)


@pytest.mark.fuzz
@given(st.text(max_size=300))
def test_garbage_opens_nothing(text: str) -> None:
    assert links.open_open(KEY, text) is None
    assert links.open_click(KEY, text) is None


@pytest.mark.fuzz
@given(st.text(max_size=300))
def test_any_target_is_judged(text: str) -> None:
    links.is_target(text)
    links.is_target("https://" + text)

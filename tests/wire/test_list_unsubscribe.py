"""List-Unsubscribe: what we write is valid, what others wrote is understood, and a token is nobody's but ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.model import MessageId, Stream, SubscriptionName, TenantName
from goodstanding.wire import list_unsubscribe
from goodstanding.wire.list_unsubscribe import LONGEST_TOKEN, Token, fields, link, mailto, open_token, parse, seal_token
from goodstanding.wire.message import parse_header

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
TOKEN = Token(
    *(TenantName("shop"), Stream.BULK, SubscriptionName("shop/news"), "anna@example.com"),
    *(MessageId(1 << 60), 3, 1_795_000_000),
)
URL = link("https://mail.shop.example", seal_token(KEY, TOKEN))
MAIL = mailto("bounce.shop.example", seal_token(KEY, TOKEN))


def header(text: str) -> list_unsubscribe.Offered:
    return parse(parse_header(text.replace("\n", "\r\n").encode() + b"\r\n\r\n"))


def test_a_token_comes_back_as_it_was() -> None:
    assert open_token(KEY, seal_token(KEY, TOKEN)) == TOKEN


@given(st.builds(Token, st.text(max_size=40), st.sampled_from(Stream), st.text(max_size=80), st.text(max_size=120),
                 st.integers(0, (1 << 63) - 1), st.integers(0, 10**6), st.integers(0, 10**11)))  # fmt: skip
def test_every_token_comes_back(token: Token) -> None:
    text = seal_token(KEY, token)
    assert open_token(KEY, text) == token
    assert not text.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_the_longest_names_fit() -> None:
    name = "n" * 64
    token = Token(
        TenantName(name), Stream.TRANSACTIONAL, SubscriptionName(f"{name}/{name}"), "a" * 254, TOKEN.message, 9, 1
    )
    text = seal_token(KEY, token)
    assert len(text) < LONGEST_TOKEN
    assert fields(link("https://" + "h" * 200 + ".example", text), "")


def test_the_same_link_is_made_twice() -> None:
    assert seal_token(KEY, TOKEN) == seal_token(KEY, TOKEN)


def test_a_token_betrays_nothing() -> None:
    assert "anna" not in seal_token(KEY, TOKEN)


def test_an_older_key_still_opens() -> None:
    text = seal_token(KEY, TOKEN)
    assert open_token(OTHER, text) is None
    assert open_token(OTHER, text, KEY) == TOKEN


@given(st.integers(0, 200), st.sampled_from("ABCxyz019-_"))
def test_one_changed_character_and_it_is_no_token(at: int, char: str) -> None:
    text = seal_token(KEY, TOKEN)
    at %= len(text)
    changed = text[:at] + char + text[at + 1 :]
    assert open_token(KEY, changed) == (TOKEN if changed == text else None)


@given(st.text(max_size=2000))
def test_garbage_is_no_token(text: str) -> None:
    assert open_token(KEY, text) is None


def test_the_fields_are_valid_one_click() -> None:
    found = parse(parse_header(fields(URL, MAIL) + b"\r\n"))
    assert (found.one_click, found.https, found.mailto, found.flaws) == (True, URL, MAIL, ())


def test_the_fields_are_folded_between_the_uris_only() -> None:
    lines = fields(URL, MAIL).split(b"\r\n")
    assert lines[0] == b"List-Unsubscribe:"
    assert lines[1] == f" <{URL}>,".encode()
    assert lines[2] == f" <{MAIL}>".encode()
    assert lines[3] == b"List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def test_without_a_page_there_is_no_one_click() -> None:
    found = parse(parse_header(fields("", MAIL) + b"\r\n"))
    assert (found.any, found.one_click, found.mailto) == (True, False, MAIL)
    assert fields("", "") == b""


@pytest.mark.parametrize(
    "uri", ["https://a\r\nBcc: x", "https://a b", "https://a>b", "ftp://a", "https://ü", "https://a,b"]
)
def test_what_would_break_the_field_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        fields(uri, "")


POST = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (f"List-Unsubscribe: <mailto:a@b.example>\n{POST}", "needs an https URI"),
        (f"List-Unsubscribe: <http://a.example/u>\n{POST}", "needs an https URI"),
        ("List-Unsubscribe: <https://a.example/u>", "no List-Unsubscribe-Post"),
        ("List-Unsubscribe: <https://a.example/u>\nList-Unsubscribe-Post: yes", "is not List-Unsubscribe=One-Click"),
        (f"List-Unsubscribe: https://a.example/u\n{POST}", "no URI in angle brackets"),
        (f"List-Unsubscribe: <https://a.example/1>, <https://a.example/2>\n{POST}", "one https URI only"),
        (f"List-Unsubscribe: <https://a.example>\nList-Unsubscribe: <https://b.example>\n{POST}", "more than once"),
        (f"List-Unsubscribe: <https://a.example/u>\n{POST}\n{POST}", "more than once"),
        (f"Subject: x\n{POST}", "needs an https URI"),
    ],
)
def test_a_sender_learns_why_it_is_not_one_click(text: str, flaw: str) -> None:
    found = header(text)
    assert not found.one_click
    assert any(flaw in each for each in found.flaws)


@pytest.mark.parametrize(
    "text",
    [
        f"List-Unsubscribe: <https://a.example/u>\n{POST}",
        f"list-unsubscribe: (comment) <mailto:x@a.example?subject=u>,\n <https://a.exa\n mple/u> (more)\n{POST}",
        "List-Unsubscribe: <HTTPS://a.example/u>\nList-Unsubscribe-Post:\n  list-unsubscribe=one-click",
    ],
)
def test_other_spellings_are_one_click_too(text: str) -> None:
    assert header(text).one_click


def test_a_message_without_the_fields_has_no_flaws() -> None:
    assert header("Subject: x") == list_unsubscribe.Offered()


@given(st.binary(max_size=400))
def test_whatever_stands_there_is_read(value: bytes) -> None:
    parse(parse_header(b"List-Unsubscribe: " + value + b"\r\nList-Unsubscribe-Post: " + value + b"\r\n\r\n"))

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.variations import Filled, fill, octets, page
from goodstanding.admission.reading import owner, read
from goodstanding.wire.message import parse_header
from tests.admission.campaigns import OWN, content, dice, letter


def test_links_are_counted_and_named_by_who_registered_them() -> None:
    seen = content(letter("see https://www.shop.co.uk/a and http://u:p@img.shop.co.uk:8080/b?x, www.other.example/c"))
    assert (seen.urls, seen.fingerprint.links) == (3, ("other.example", "shop.co.uk"))


def test_links_of_a_page_are_its_targets() -> None:
    seen = content(
        Filled(
            "x", "", "<p>Read <a href='https://click.esp.example/x'>www.shop.example</a> <a href='mailto:a@b.c'>x</a>"
        )
    )
    assert seen.fingerprint.links == ("esp.example", "shop.example")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.shop.com", "shop.com"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]:80", "[2001:db8::1]"),
        ("com", "com"),
        ("", ""),
        ("x.github.io", "x.github.io"),
    ],
)
def test_the_domain_somebody_registered(host: str, domain: str) -> None:
    assert owner(host) == domain


def test_one_click_needs_both_fields() -> None:
    https, post = (
        "List-Unsubscribe: <mailto:a@b.c>, <https://u.example/1>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    )
    both, one = content(letter("x", https, post)), content(letter("x", https))
    assert (both.unsubscribe, both.one_click) == (True, True)
    assert (one.unsubscribe, one.one_click) == (True, False)
    assert not content(letter("x", "List-Unsubscribe: <mailto:a@b.c>", post)).one_click


def test_a_way_out_is_seen_in_words_or_in_links() -> None:
    assert content(letter("You can unsubscribe at any time.")).unsubscribe_text
    assert content(Filled("x", "", "<p>Too much? <a href='https://x.example/unsubscribe?1'>Click</a>")).unsubscribe_text
    assert not content(letter("Your code is 1")).unsubscribe_text


def test_what_the_sender_declares_is_read() -> None:
    seen = content(
        letter(
            "x",
            "X-Goodstanding-Campaign: spring sale",
            "X-Goodstanding-Incident: breach 7",
            "Auto-Submitted: auto-generated",
        )
    )
    assert (seen.declared, seen.incident, seen.auto_submitted) == ("spring sale", "breach 7", True)
    assert not content(letter("x", "Auto-Submitted: no")).auto_submitted


def test_the_subject_is_decoded_and_the_size_is_of_the_whole() -> None:
    raw = letter("x", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    seen = read(parse_header(raw), raw, 123_456)
    assert (seen.subject, seen.size) == ("Grüße", 123_456)


def test_hidden_and_invisible_text_is_counted() -> None:
    hidden = "<p>Hello</p><p style='display:none'>" + "x" * 300 + "</p>"
    assert content(Filled("x", "", hidden)).invisible == 300
    assert content(letter("he\u200bllo y\u200bou")).invisible == 2
    assert content(letter("pl\u0435ase c\u043enfirm y\u043eur")).invisible == 3, "look-alikes are for machines, too"


def test_a_page_that_is_one_picture_is_read_with_its_plain_text() -> None:
    first = content(Filled("News", "The first text says one thing about shoes and boots", "<img src=a>"))
    second = content(Filled("News", "Another one tells of bread, butter, cheese, ham", "<img src=a>"))
    assert first.fingerprint.sketch != second.fingerprint.sketch


def test_the_name_in_to_is_personal() -> None:
    first = content(letter("It is for anna rossi to see", "To: Anna Rossi <a@b.example>", "Subject: anna"))
    second = content(letter("It is for ben weber to see", "To: Ben Weber <b@b.example>", "Subject: ben"))
    assert first.fingerprint == second.fingerprint


def test_page_and_plain_text_of_one_template_are_one_campaign() -> None:
    one = fill(OWN[4], dice())
    assert content(dataclasses.replace(one, html=page(one.text))).fingerprint.bands != ()


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_reading_takes_bounded_time(size: int) -> None:
    raw = octets(Filled("x", "word " * (size // 5)))
    began = time.process_time()
    content(raw)
    assert time.process_time() - began < 0.5


@given(st.binary(max_size=500))
def test_any_octets_are_read(raw: bytes) -> None:
    assert content(raw) == content(raw)


PIECES = [
    *(b"From: ", b"To: ", b"Subject: Re: ", b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: text/html"),
    *(b"--b", b"\r\n", b"\r\n\r\n", b"<p style=display:none>", b"a@b.example", b"https://", b"\xe2\x80\x8b", b"xn--a"),
    *(
        b"=?utf-8?q?=F3=A0=81=A7?=",
        b"12 Street",
        b"Content-Transfer-Encoding: base64",
        b"List-Unsubscribe: <https://x>",
    ),
    *(b"[", b"]", b"\xff", b"&#xD800;", b"Hi Anna,\n"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_message_is_read(pieces: list[bytes]) -> None:
    content(b"".join(pieces))

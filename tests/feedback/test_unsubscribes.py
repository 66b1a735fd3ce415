"""Requests by mail: a person's are understood however their mail program writes them, an automaton's are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback.unsubscribes import Asked, NotAsked, read

TOKEN = "AaqvjLBN4gdD4uwSx32QMl1X6j3SX_VLBo-" * 3
QUOTED = TOKEN.replace("_", "=5F")


def mail(*lines: str) -> bytes:
    return "\n".join([*lines, "", "hello"]).encode()


@pytest.mark.parametrize(
    "lines",
    [
        (f"Subject: unsubscribe {TOKEN}",),
        (f"Subject: Unsubscribe: {TOKEN}",),
        (f"Subject: Fwd: unsubscribe\n {TOKEN}",),
        (f"Subject: =?utf-8?q?unsubscribe_{QUOTED}?=",),
        (f"To: unsubscribe+{TOKEN}@bounce.example", "Subject: "),
        (f"Delivered-To: <unsubscribe+{TOKEN}@bounce.example>",),
        (f"Subject: unsubscribe {TOKEN}", "Auto-Submitted: no"),
        (f"Subject: unsubscribe {TOKEN}", "Auto-Submitted: auto-generated"),
    ],
)
def test_a_request_is_understood(lines: tuple[str, ...]) -> None:
    assert read(mail("From: Anna <anna@example.com>", *lines)) == Asked((TOKEN,), "anna@example.com")


def test_a_token_that_was_folded_is_read_both_ways() -> None:
    asked = read(mail(f"Subject: unsubscribe {TOKEN[:60]}\n {TOKEN[60:]}"))
    assert isinstance(asked, Asked)
    assert asked.tokens == (TOKEN[:60], TOKEN)


def test_the_line_of_a_mailbox_file_is_no_header() -> None:
    asked = read(b"From anna@example.com Mon Nov 23\r\n" + mail(f"Subject: unsubscribe {TOKEN}"))
    assert isinstance(asked, Asked)


@pytest.mark.parametrize(
    "line",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-replied; owner-email=x",
        "Return-Path: <>",
        "Return-Path: < >",
        "Content-Type: multipart/report; report-type=delivery-status",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
    ],
)
def test_an_automaton_asks_for_nothing(line: str) -> None:
    found = read(mail(f"Subject: unsubscribe {TOKEN}", line))
    assert isinstance(found, NotAsked)
    assert found.kind == "automatic"


@pytest.mark.parametrize("subject", ["stop", "unsubscribe", "unsubscribe me", f"re: {TOKEN}", ""])
def test_a_person_without_a_token_is_told(subject: str) -> None:
    found = read(mail(f"Subject: {subject}"))
    assert isinstance(found, NotAsked)
    assert found.kind == "unclear"


def test_a_token_that_is_only_quoted_is_no_request() -> None:
    assert isinstance(read(mail("Subject: Re: Sale", "") + f"\nunsubscribe {TOKEN}".encode()), NotAsked)


@given(st.binary(max_size=600))
def test_whatever_comes_is_read(octets: bytes) -> None:
    read(octets)
    read(b"Subject: unsubscribe " + octets)

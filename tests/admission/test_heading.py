from __future__ import annotations

import pytest

from goodstanding.admission.heading import mixed_alphabets
from tests.admission.campaigns import content, letter


@pytest.mark.parametrize(
    "prefix",
    ["Re:", "RE :", "Fwd:", "FW:", "AW:", "WG:", "SV:", "TR:", "RIF:", "R:", "RV:", "Re[2]:", "回复：", "Antw:"],
)
def test_an_answer_to_nothing_is_forged(prefix: str) -> None:
    assert content(letter("hello", f"Subject: {prefix} our talk")).forged_thread
    assert not content(letter("hello", f"Subject: {prefix} our talk", "References: <1@b.example>")).forged_thread


@pytest.mark.parametrize(
    "subject", ["Reminder: tomorrow", "Invoice: 12", "Report", "Trip: your booking", "", "Note re: you"]
)
def test_other_subjects_are_no_answers(subject: str) -> None:
    assert not content(letter("hello", f"Subject: {subject}")).forged_thread


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (("From: b@c.example",), "2 From fields"),
        (("Subject: a", "Subject: b"), "2 Subject fields"),
        (("no field",), "a line is no field"),
        (("Subject: a\x07b",), "it holds control characters"),
        (("X: " + "x" * 1_000,), "a line is longer than 998 octets"),
        (("Subject: a@b.example, c@d.example",), "the subject is a bare list of addresses"),
    ],
)
def test_what_is_malformed_is_said(fields: tuple[str, ...], wrong: str) -> None:
    assert content(letter("hello", *fields)).malformed == (wrong,)


def test_a_usual_header_is_well_formed() -> None:
    assert (
        content(
            letter("hello", "To: A <a@b.example>", "Subject: Hi a@b.example", "Received: x", "Received: y")
        ).malformed
        == ()
    )


def test_a_message_from_nobody_is_malformed() -> None:
    assert content(b"Subject: x\r\n\r\nhello").malformed == ("there is no From field",)


@pytest.mark.parametrize(
    ("sender", "count"),
    [
        ('"security@bank.example" <x@other.example>', 1),
        ('"news@shop.example" <bounce@mail.shop.example>', 0),
        ("Shop <news@shop.example>", 0),
        ("Shop <news@p\u0430ypal.example>", 1),
        ("Shop <news@пример.example>", 0),
        ("Shop \u202eelpmaxe <news@shop.example>", 1),
        ("=?utf-8?B?4oCuaGVsbG8=?= <news@shop.example>", 1),
        ("\u2067متجر\u2069 <news@shop.example>", 0),
    ],
)
def test_a_misleading_sender_is_seen(sender: str, count: int) -> None:
    raw = f"From: {sender}\r\nSubject: x\r\n\r\nhello".encode()
    assert len(content(raw).deceptive) == count


def test_alphabets_are_compared_in_their_encoded_form_too() -> None:
    assert mixed_alphabets("p\u0430ypal.example".encode("idna").decode())
    assert not mixed_alphabets("xn--mnchen-3ya.example")
    assert not mixed_alphabets("xn--\x00.example")

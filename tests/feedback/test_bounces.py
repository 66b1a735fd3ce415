"""Bounces of many mailers, in our own words: pairs of files in golden_bounces/; and what holds of every bounce."""

import json
from pathlib import Path
from time import process_time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback.files import classified, readings_of
from goodstanding.feedback.mail import parse
from goodstanding.feedback.sources import SOURCES, read

GOLDEN = sorted((Path(__file__).parent / "golden_bounces").glob("*.eml"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_bounce_is_read_as_its_golden_pair_says(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    lines = [msgspec.to_builtins(line) for line in classified(path.read_bytes(), path.name)]
    shown = [{key: line[key] for key in wanted} for line, wanted in zip(lines, expected, strict=True)]
    assert shown == [{**wanted, "recipients": tuple(wanted["recipients"])} | _tupled(wanted) for wanted in expected]


def _tupled(wanted: dict[str, object]) -> dict[str, object]:
    return {key: tuple(value) for key, value in wanted.items() if isinstance(value, list)}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_line_ends_and_mbox_lines_change_nothing(path: Path) -> None:
    octets = path.read_bytes()
    usual = read(parse(octets))
    assert read(parse(octets.replace(b"\n", b"\r\n"))) == usual
    assert read(parse(b"From MAILER-DAEMON Tue Mar  3 10:15:00 2026\n" + octets)) == usual


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_bounce_cut_off_anywhere_is_still_a_value_and_never_hard_of_somebody_else(path: Path) -> None:
    octets = path.read_bytes()
    named = {address for one in read(parse(octets)) for address in (*one.recipients, one.final_recipient)}
    for end in range(0, len(octets), 97):
        hard = {address for one in read(parse(octets[:end])) if one.hard for address in one.recipients}
        assert hard <= named


def test_the_envelope_recipient_gives_its_token() -> None:
    mail = parse(b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n<a@x.example>:\nno such user\n")
    seen = read(parse(b"", ("b+0h7kq2x9m4n8p-3-5f0c9a61d2e4@bounces.shop.example",)))
    assert seen[0].kind == "ordinary"
    assert read(mail)[0].tokens == ()
    mail = parse(
        b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n<a@x.example>:\nno such user\n",
        ("B+0H7KQ2X9M4N8P-3-5F0C9A61D2E4@bounces.shop.example",),
    )
    assert read(mail)[0].tokens == ("b+0h7kq2x9m4n8p-3-5f0c9a61d2e4",)


LONG = 60_000
NASTY = {
    "one line": b"a@" + b"b.c." * LONG,
    "ats": b"a@" * LONG,
    "angles": b"<a@b.example>: " * LONG,
    "codes": b"550 5.1.1 " * LONG,
    "opened": b"<style>" * LONG,
    "comments": b"<!--" * LONG,
    "spaces": b" " * 4 * LONG + b"x",
    "folds": b"Diagnostic-Code: smtp\n" + b" x\n" * LONG,
    "blank lines": b"\n" * 4 * LONG,
    "boundaries": b"--b\n" * LONG,
    "quotes": b"> " * LONG,
    "users": b"user " * LONG,
    "stars": b"quota " * 30 + b"x " * LONG,
}


@pytest.mark.parametrize("filling", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("kind", ["text/plain", "text/html", "message/delivery-status"])
def test_a_report_made_to_be_slow_is_not(filling: bytes, kind: str) -> None:
    head = b'From: MAILER-DAEMON@x.example\nSubject: failure notice\nContent-Type: multipart/report; boundary="b"\n\n'
    body = b"--b\nContent-Type: " + kind.encode() + b"\n\nReporting-MTA: x\n\nFinal-Recipient: rfc822; "
    begun = process_time()
    read(parse(head + body + filling))
    read(parse(head + b"--b\n\n" + filling))
    assert process_time() - begun < 3


@pytest.mark.fuzz
@given(st.binary(max_size=3_000))
def test_garbage_gives_a_value(octets: bytes) -> None:
    assert read(parse(octets))
    assert all(readings for readings in readings_of(octets))


PIECES = st.sampled_from(
    [
        "From: MAILER-DAEMON@x.example\n", "Subject: Undeliverable\n", 'Content-Type: multipart/report; boundary="b"\n',
        "Content-Type: message/rfc822\n", "\n", "--b\n", "--b--\n", "Final-Recipient: rfc822; a@x.example\n",
        "Action: failed\n", "Status: 5.1.1\n", "Diagnostic-Code: smtp; 550 5.1.1 no\n", " folded\n", "<a@x.example>:\n",
        "550-5.1.1 no\n550 such user\n", "Reporting-MTA: dns; x\n", "X-Failed-Recipients: a@x.example, b\n",
        "\0\ufffd\n", "Content-Transfer-Encoding: base64\n", "Original-Recipient: utf-8; \\x{110FFFF}@x\n",
        "expanded from: <c@x.example>",
    ]
)  # fmt: skip


@pytest.mark.fuzz
@given(st.lists(PIECES, max_size=40))
def test_pieces_of_bounces_in_any_order_give_values(pieces: list[str]) -> None:
    octets = "".join(pieces).encode()
    for source in SOURCES:
        mail = parse(octets)
        source.matches(mail)
        source.read(mail)
    assert all(len(one.recipients) < 1_001 for one in read(parse(octets)))

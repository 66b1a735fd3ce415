"""Feedback reports: every one of the shared data set, and what garbage makes of them."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback import arf, sources
from goodstanding.feedback.mail import parse
from tests.conftest import shared_data

GOLDEN = Path(__file__).parent / "reports"
ABUSE = (GOLDEN / "arf-abuse.eml").read_bytes()


def test_every_feedback_report_of_the_data_set_is_right() -> None:
    labels = shared_data("arf.dev.jsonl")
    wrong = []
    for row in map(json.loads, labels.read_text().splitlines()):
        found = sources.read(parse(labels.parent.joinpath(row["file"]).read_bytes()))[0]
        fields = row["fields"] or {}
        named = {value.strip("<>") for value in row["original_rcpt_to"] or ()} | set(
            fields.get("removal-recipient", ())
        )
        expected = {
            recipient for recipient in (row["expected"] or {"recipients": []})["recipients"] if recipient
        } | named
        good = (
            found.kind in ("complaint", "unsubscribe", "auth-failure")
            and (set(found.recipients) == expected or row["expected"] is None)
            and found.feedback_type == (row["feedback_type"] or found.feedback_type)
            and found.source_ip == (row["source_ip"] or found.source_ip)
            and found.user_agent == (row["user_agent"] or found.user_agent)
            and found.reported_domain in (row["reported_domain"] or [found.reported_domain])
        )
        wrong += [] if good else [(row["file"], found)]
    assert not wrong


@pytest.mark.parametrize("word", ["abuse", "fraud", "virus", "other", "something-new"])
def test_every_type_but_a_few_is_a_complaint(word: str) -> None:
    octets = ABUSE.replace(b"Feedback-Type: abuse", f"Feedback-Type: {word}".encode())
    assert arf.read(parse(octets))[0].kind == "complaint"


def test_praise_is_no_complaint() -> None:
    octets = ABUSE.replace(b"Feedback-Type: abuse", b"Feedback-Type: not-spam")
    assert arf.read(parse(octets))[0].kind == "not-spam"


def test_what_a_list_wrote_on_the_way_names_no_mailbox() -> None:
    octets = ABUSE.replace(b"Original-Rcpt-To: <kim@Provider.Example>\n", b"").replace(
        b"From: Shop", b"Delivered-To: list@hoster.example\nFrom: Shop"
    )
    assert arf.read(parse(octets))[0].recipients == ("kim@provider.example",)


def test_a_return_path_in_the_envelope_is_a_token_too() -> None:
    token = "b+0h7kq2x9m4n8p-7-5f0c9a61d2e4"
    mail = parse(b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n", (f"{token.upper()}@b.example",))
    assert arf.read(mail)[0].tokens == (token,)


def test_a_report_that_claims_a_million_incidents_counts_a_thousand() -> None:
    assert arf.read(parse(ABUSE.replace(b"Incidents: 3", b"Incidents: 999999")))[0].count == 1_000


def test_ordinary_mail_with_a_forwarded_message_is_no_report() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=b\nFrom: kim@a.example\n\n--b\n\nlook\n"
        b"--b\nContent-Type: message/rfc822\n\nFrom: a@b.example\n\nhi\n--b--\n"
    )
    assert not arf.matches(parse(octets))


@pytest.mark.parametrize(
    "seed", [b"a@b.example, ", b"<", b"> ", b"X-Goodstanding-Token:\n ", b"--b\n", b"To: (", b"\n"]
)
@pytest.mark.parametrize(
    "head", [b"Subject: Re: x\n\n", ABUSE.partition(b"To: kim")[0] + b"To: "], ids=["answer", "arf"]
)
def test_a_long_mail_takes_time_in_proportion(head: bytes, seed: bytes) -> None:
    mail = parse(head + seed * (1_000_000 // len(seed)))
    started = time.process_time()
    assert sources.read(mail)
    assert time.process_time() - started < 2.0


@pytest.mark.fuzz
@given(st.binary(max_size=2_000), st.integers(0, len(ABUSE)), st.integers(0, 200))
def test_garbage_in_a_report_gives_readings(garbage: bytes, at: int, cut: int) -> None:
    for octets in (garbage, ABUSE[:at] + garbage + ABUSE[at + cut :]):
        mail = parse(octets)
        assert all(source.read(mail) is not None for source in sources.SOURCES)
        assert sources.read(mail)

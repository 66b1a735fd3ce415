"""What is written back, read with the standard library: every shape has its parts, and strangers' words stay inside."""

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.sandbox import reports
from goodstanding.sandbox.reports import About, Shape

ORIGINAL = (
    b"Return-Path: <b+0h7kq-0-abc@bounces.shop.example>\r\nReceived: from mta\r\n"
    b"To: Ann <ANN@Yahoo.example>\r\nFrom: Dana <dana@shop.example>\r\nSubject: Hi\r\nMessage-ID: <1@shop.example>\r\n"
    b"\r\nHello ann@yahoo.example\r\n"
)
ABOUT = About(
    provider="yahoo",
    domain="yahoo.example",
    host="mta5.am0.yahoodns.example",
    recipient="ann@yahoo.example",
    sender="b+0h7kq-0-abc@bounces.shop.example",
    client="127.0.1.3",
    organisation="shop.example",
    subject="Hi",
    message_id="<1@shop.example>",
    octets=ORIGINAL,
    arrived=1_700_000_000.0,
    now=1_700_003_600.0,
)
SHAPES: list[Shape] = ["yahoo", "jmrp", "redacted"]


def parsed(octets: bytes) -> EmailMessage:
    found = message_from_bytes(octets, policy=policy.default)
    assert isinstance(found, EmailMessage) and not found.defects
    return found


def fields_of(part: EmailMessage) -> dict[str, str]:
    """The fields of a machine-readable part."""
    text = part.as_bytes().partition(b"\n\n")[2].decode()
    pairs = (line.partition(": ") for line in text.splitlines() if line.strip())
    return {name.lower(): value for name, _, value in pairs}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_complaint_is_a_feedback_report_with_three_parts(shape: Shape) -> None:
    sender, octets = reports.complaint(shape, ABOUT, "fbl@shop.example")
    mail = parsed(octets)
    assert sender.endswith("yahoo.example") and mail["To"] == "fbl@shop.example"
    assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "feedback-report"
    words, machine, original = mail.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert machine.get_content_type() == "message/feedback-report"
    told = fields_of(machine)
    assert told["feedback-type"] == "abuse" and told["user-agent"] and told["version"]
    assert b"b+0h7kq-0-abc@bounces.shop.example" in octets  # the token survives in every shape
    assert original.get_content_type() == ("text/rfc822-headers" if shape == "redacted" else "message/rfc822")


def test_each_shape_names_the_recipient_in_its_own_way() -> None:
    yahoo, jmrp, redacted = (reports.complaint(shape, ABOUT, "fbl@shop.example")[1] for shape in SHAPES)
    assert b"Original-Rcpt-To: ann@yahoo.example\r\n" in yahoo
    assert b"X-HmXmrOriginalRecipient: ann@yahoo.example\r\n" in jmrp and b"Original-Rcpt-To" not in jmrp
    assert b"Source-IP: 127.0.1.3\r\n" in jmrp
    assert b"ann@yahoo.example" not in redacted.lower() and b"@yahoo.example" in redacted
    assert b"Hello" not in redacted


def test_a_late_bounce_is_a_delivery_status_notification() -> None:
    sender, octets = reports.late_bounce(replace(ABOUT, recipient="gone@corp-late.example", domain="corp-late.example"))
    mail = parsed(octets)
    assert sender == "" and mail["To"] == ABOUT.sender and mail["Auto-Submitted"] == "auto-replied"
    assert mail.get_param("report-type") == "delivery-status"
    _, machine, original = mail.iter_parts()
    host, recipient = machine.iter_parts()
    assert host["Reporting-MTA"] == "dns; mta5.am0.yahoodns.example"
    assert (recipient["Status"], recipient["Action"]) == ("5.1.1", "failed")
    assert recipient["Final-Recipient"] == "rfc822; gone@corp-late.example"
    assert original.get_content_type() == "message/rfc822"


def test_an_answer_refers_to_what_it_answers() -> None:
    sender, octets = reports.answer(ABOUT, "sales@shop.example", "remove-me")
    mail = parsed(octets)
    assert (sender, mail["From"], mail["To"]) == ("ann@yahoo.example", "ann@yahoo.example", "sales@shop.example")
    assert (mail["Subject"], mail["In-Reply-To"]) == ("Re: Hi", "<1@shop.example>")
    assert "remove me" in mail.get_content()
    again = parsed(reports.answer(replace(ABOUT, subject="Re: Hi"), "a@b.example", "thanks")[1])
    assert again["Subject"] == "Re: Hi"


def test_a_long_message_is_reported_by_its_header() -> None:
    long = replace(ABOUT, octets=ORIGINAL + b"x" * reports.ATTACHED_MOST)
    _, octets = reports.complaint("yahoo", long, "fbl@shop.example")
    assert len(octets) < 4096 and b"text/rfc822-headers" in octets


def test_the_same_copy_is_reported_in_the_same_words() -> None:
    assert reports.complaint("yahoo", ABOUT, "f@x.example") == reports.complaint("yahoo", ABOUT, "f@x.example")
    other = replace(ABOUT, recipient="bob@yahoo.example")
    assert other.mark != ABOUT.mark


hostile = st.text(alphabet=st.sampled_from("a\r\n\0:<> ü\u202e"), max_size=60)


@pytest.mark.fuzz
@given(hostile, hostile, st.sampled_from(SHAPES))
def test_what_strangers_wrote_stays_in_its_line(subject: str, organisation: str, shape: Shape) -> None:
    hostile_about = replace(ABOUT, subject=subject, organisation=organisation, message_id=subject)
    for octets in (
        reports.complaint(shape, hostile_about, "fbl@shop.example")[1],
        reports.late_bounce(hostile_about)[1],
        reports.answer(hostile_about, "a@b.example", "thanks")[1],
    ):
        head = octets.partition(b"\r\n\r\n")[0]
        names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
        assert len(names) == len(set(names)) and b"" not in names
        assert b"\r" not in head.replace(b"\r\n", b"") and b"\0" not in head

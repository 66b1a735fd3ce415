"""XARF: the version with categories, and what is not about mail."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback.mail import parse
from goodstanding.feedback.sources import read
from goodstanding.feedback.xarf import matches, read_json

TOKEN = "b+0h7kq2x9m4n8p-0-5f0c9a61d2e4"
SAMPLE = f"To: kim@mailbox.example\nMessage-ID: <m1@shop.example>\nX-Goodstanding-Token: {TOKEN}\n\nMugs".encode()
REPORT = {
    "xarf_version": "4.0.0",
    "report_id": "x-1",
    "timestamp": "2026-11-23T09:00:02Z",
    "reporter": {"org": "Mailbox", "contact": "abuse@mailbox.example", "domain": "mailbox.example"},
    "source_identifier": "198.51.100.7",
    "category": "messaging",
    "type": "spam",
    "protocol": "smtp",
    "smtp_from": "news@Shop.example",
    "evidence_source": "spamtrap",
    "evidence": [{"content_type": "message/rfc822", "payload": b64encode(SAMPLE).decode()}],
}


def test_a_report_of_version_four_is_a_complaint_with_its_token() -> None:
    (found,) = read_json(json.dumps(REPORT).encode())
    assert (found.kind, found.recipients, found.tokens) == ("complaint", ("kim@mailbox.example",), (TOKEN,))
    assert (found.detail, found.source_ip, found.reported_domain) == ("spam (spamtrap)", "198.51.100.7", "shop.example")
    assert (found.report_id, found.message_id, found.arrived) == ("x-1", "m1@shop.example", 1795424402.0)


@pytest.mark.parametrize(
    "change",
    [
        {"category": "connection", "type": "port_scan"},
        {"category": "content", "type": "phishing"},
        {"protocol": "sms"},
        {"source_identifier": None, "xarf_version": None, "category": None},
    ],
    ids=["ports", "web", "sms", "no xarf"],
)
def test_what_is_not_about_mail_is_not_read(change: dict[str, object]) -> None:
    document = {name: value for name, value in (REPORT | change).items() if value is not None}
    assert read_json(json.dumps(document).encode()) == []


def test_mail_with_a_json_attachment_is_ordinary() -> None:
    octets = (
        b"From: kim@a.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nlook\n"
        b'--b\nContent-Type: application/json\n\n{"type": "spam"}\n--b--\n'
    )
    assert matches(parse(octets))
    assert read(parse(octets))[0].kind == "ordinary"


NAMES = [
    "xarf_version",
    "source_identifier",
    "category",
    "type",
    "evidence",
    "payload",
    "ReportType",
    "Report",
    "Source",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.sampled_from(["messaging", "spam"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.fuzz
@given(JSON)
def test_any_document_reads(document: object) -> None:
    assert len(read_json(json.dumps(document).encode())) <= 1

"""TLS reports, mailed and posted."""

import gzip
import json
from base64 import encodebytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback.mail import parse
from goodstanding.feedback.sources import read
from goodstanding.feedback.tlsrpt import Failure, read_json

REPORT = json.dumps(
    {
        "organization-name": "Sender",
        "date-range": {"start-datetime": "2026-11-23T00:00:00Z", "end-datetime": "2026-11-23T23:59:59Z"},
        "contact-info": "tls@sender.example",
        "report-id": "t-1",
        "policies": [
            {
                "policy": {"policy-type": "sts", "policy-domain": "Bounces.shop.example", "mx-host": "mx.shop.example"},
                "summary": {"total-successful-session-count": 90, "total-failure-session-count": 10},
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "sending-mta-ip": "192.0.2.1",
                        "receiving-mx-hostname": "mx.shop.example",
                        "receiving-ip": "198.51.100.9",
                        "failed-session-count": "10",
                    }
                ],
            }
        ],
    }
).encode()


def test_a_report_tells_sessions_and_failures() -> None:
    report = read_json(gzip.compress(REPORT))
    assert report is not None
    policy = report.policies[0]
    assert (report.report_id, report.begin, report.failed) == ("t-1", 1795392000.0, 10)
    assert (policy.kind, policy.domain, policy.hosts, policy.succeeded) == (
        "sts", "bounces.shop.example", ("mx.shop.example",), 90,
    )  # fmt: skip
    assert policy.failures == (
        Failure(
            kind="certificate-expired",
            sessions=10,
            sending_ip="192.0.2.1",
            receiving_host="mx.shop.example",
            receiving_ip="198.51.100.9",
        ),
    )


@pytest.mark.parametrize("kind", ["application/tlsrpt+gzip", "application/octet-stream"])
def test_a_mailed_report_is_a_reading_in_one_line(kind: str) -> None:
    octets = (
        (
            "From: tls@sender.example\nTLS-Report-Domain: bounces.shop.example\n"
            "Subject: Report Domain: bounces.shop.example\n"
            f"Content-Type: multipart/report; report-type=tlsrpt; boundary=b\n\n--b\n\nA report.\n"
            f"--b\nContent-Type: {kind}\n"
            "Content-Transfer-Encoding: base64\n\n"
        ).encode()
        + encodebytes(gzip.compress(REPORT))
        + b"--b--\n"
    )
    (reading,) = read(parse(octets))
    assert (reading.kind, reading.count, reading.detail) == ("tls-report", 100, "100 sessions, 10 failed")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"policies": []}', "[" * 100_000, '{"policies": {"a": 1}, "report-id": 1}']
)
def test_what_is_no_report_tells_nothing(text: str) -> None:
    report = read_json(text.encode())
    assert report is None or not report.failed


@pytest.mark.fuzz
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["policies", "policy", "summary", "report-id", "date-range", "failure-details", "mx-host"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_reads(document: object) -> None:
    read_json(json.dumps(document).encode())

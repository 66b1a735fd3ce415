"""Bodies of requests: what is in them decides who reads them."""

import gzip
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback.bodies import read_body
from goodstanding.feedback.dmarc import AggregateReport
from goodstanding.feedback.measures import Block, Measure
from goodstanding.feedback.reading import Reading
from goodstanding.feedback.tlsrpt import TlsReport
from tests.feedback import test_dmarc, test_event_grid, test_postmaster, test_ses, test_snds, test_tlsrpt, test_xarf

BODIES = [
    (test_dmarc.REPORT.encode(), "text/xml", AggregateReport),
    (gzip.compress(test_dmarc.REPORT.encode()), "application/gzip", AggregateReport),
    (test_tlsrpt.REPORT, "application/tlsrpt+json", TlsReport),
    (gzip.compress(test_tlsrpt.REPORT), "application/tlsrpt+gzip", TlsReport),
    (json.dumps(test_postmaster.ANSWER).encode(), "application/json", Measure),
    (b"Date,Spam rate\n2026-11-23,1%\n", "text/csv", Measure),
    (test_snds.LINE.format(filter="GREEN", rate="0.3%").encode(), "text/csv", Measure),
    (b"198.51.100.0,198.51.100.255,Yes,Blocked\n", "text/plain; charset=utf-8", Block),
    (json.dumps([test_event_grid.delivery("Delivered")]).encode(), "application/json", Reading),
    (json.dumps(test_ses.enveloped(test_ses.bounced("Permanent", "NoEmail"))).encode(), "text/plain", Reading),
    (test_ses.event("Send") + b"\n" + test_ses.event("Open", open={}) + b"\n", "application/x-ndjson", Reading),
    (json.dumps(test_xarf.REPORT).encode(), "application/json", Reading),
]


@pytest.mark.parametrize(("octets", "content_type", "kind"), BODIES)
def test_a_body_finds_its_reader(octets: bytes, content_type: str, kind: type) -> None:
    found = read_body(octets, content_type)
    assert found
    assert {type(one) for one in found} == {kind}
    assert read_body(octets, "") == found
    assert read_body(b"\xef\xbb\xbf" + octets, "") == found or octets[:2] == b"\x1f\x8b"


def test_lines_of_documents_are_read_each() -> None:
    assert [one.kind for one in read_body(BODIES[10][0]) if isinstance(one, Reading)] == ["ordinary", "open"]


@pytest.mark.parametrize("octets", [b"", b"{", b"<html></html>", b"GIF89a", b"{}" * 1000, b"[" * 1_000_000])
def test_what_is_none_of_ours_says_nothing(octets: bytes) -> None:
    assert read_body(octets) == []


@pytest.mark.parametrize("seed", [b"{", b"[{", b"<a", b'"', b",", b"1.2.3.4,", b"\n", b'{"a":'])
def test_a_long_body_takes_time_in_proportion(seed: bytes) -> None:
    started = time.perf_counter()
    read_body(seed * (2_000_000 // len(seed)))
    assert time.perf_counter() - started < 5.0


@pytest.mark.fuzz
@given(st.binary(max_size=800), st.sampled_from(BODIES), st.integers(0, 400))
def test_garbage_in_a_body_raises_nothing(garbage: bytes, body: tuple[bytes, str, type], at: int) -> None:
    read_body(garbage)
    read_body(body[0][:at] + garbage + body[0][at:], body[1])

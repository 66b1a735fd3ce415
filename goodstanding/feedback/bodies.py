"""Reports that come as the body of an HTTP request, or lie in a file: the right reader for each, by what is in them."""

from __future__ import annotations

from goodstanding.feedback import dmarc, event_grid, postmaster, ses, snds, tlsrpt, xarf
from goodstanding.feedback.dmarc import AggregateReport
from goodstanding.feedback.json_tree import LARGEST, Node, parse
from goodstanding.feedback.mail import Mail
from goodstanding.feedback.measures import Block, Compliance, Measure
from goodstanding.feedback.packed import unpacked
from goodstanding.feedback.reading import Reading
from goodstanding.feedback.tlsrpt import TlsReport

Report = Reading | AggregateReport | TlsReport | Measure | Block | Compliance
"""What comes in: a reading is about one message, the others are about many."""

_START = 4_096
"""Octets in which a body shows what it is."""


def read_body(octets: bytes, content_type: str = "") -> list[Report]:
    """What a body says; empty when it is none of ours. Its type is a hint, what is in it decides; nothing raises."""
    head = unpacked(octets, _START).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"<"):
        report = dmarc.read_xml(octets)
        return [report] if report else []
    if head.startswith((b"{", b"[")):
        return _of_json(unpacked(octets, LARGEST))
    kind = content_type.partition(";")[0].strip().lower()
    if kind in (
        "",
        "text/csv",
        "text/plain",
        "application/csv",
        "application/octet-stream",
        "application/vnd.ms-excel",
    ):
        text = unpacked(octets).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        return [*snds.read_csv(text)] or [*postmaster.read_csv(text)]
    return []


def within(mail: Mail) -> list[Report]:
    """The reports attached to a mail that are about many messages, with all their rows."""
    return [*dmarc.reports(mail), *tlsrpt.reports(mail)]


def in_short(report: Report) -> Reading:
    """Any report in one line; a reading is one already."""
    match report:
        case AggregateReport():
            return dmarc.reading(report)
        case TlsReport():
            return tlsrpt.reading(report)
        case Measure():
            return Reading(
                "measure",
                source=report.provider,
                detail=f"{report.of} {report.key}: {report.told}",
                arrived=report.end,
                source_ip=report.key if report.of == "ip" else "",
                reported_domain=report.key if report.of == "domain" else "",
                count=report.messages or 0,
            )
        case Block():
            state = "blocked" if report.blocked else "not blocked"
            words = f"{report.first} to {report.last}: {state}, {report.because}"
            return Reading("measure", source=report.provider, detail=words, source_ip=report.first)
        case Compliance():
            words = f"{report.requirement}: {'met' if report.met else 'not met'} {report.because}".rstrip()
            return Reading("measure", source=report.provider, detail=words, reported_domain=report.domain)
        case _:
            return report


def _of_json(octets: bytes) -> list[Report]:
    """Parsed once, and shown to each reader until one knows it."""
    document = parse(octets)
    if tls := tlsrpt.read_document(document):
        return [tls]
    if measures := postmaster.read_document(document):
        return [*measures]
    for read in (event_grid.read_document, ses.read_document, xarf.read_document):
        if readings := read(document):
            return [*readings]
    return _of_lines(document, octets)


def _of_lines(document: Node, octets: bytes) -> list[Report]:
    """Firehose and many archives write one document a line."""
    if document.value is not None or b"\n" not in octets:
        return []
    lines = [parse(line) for line in octets.split(b"\n", 10_000)[:10_000] if line.strip()]
    return [reading for line in lines for reading in (ses.read_document(line) or event_grid.read_document(line))]

"""Reports as they lie in files: a message, a mailbox of them, the body of a request, lines of JSON, or SMTP replies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from goodstanding.feedback.bodies import Report, in_short, read_body, within
from goodstanding.feedback.diagnosis import diagnose_reply
from goodstanding.feedback.dmarc import AggregateReport
from goodstanding.feedback.mail import Mail, parse
from goodstanding.feedback.measures import Block, Compliance, Measure
from goodstanding.feedback.reading import Kind, Reading
from goodstanding.feedback.sources import read
from goodstanding.feedback.tlsrpt import TlsReport

Shape = Literal["message", "reply", "json", "xml", "archive", "csv"]

_MBOX = re.compile(rb"(?:\A|\n\n)(?=From \S+ [^\n]*\d{4}\n)")
_SMTP_REPLY = re.compile(rb"\A[245]\d\d[ -]")
_HEADER = re.compile(rb"\A(?:From [^\n]*\n)?[!-9;-~]{1,100}:")
_ADDRESS_FIRST = re.compile(rb"\A[\"]?[0-9a-fA-F.:]{3,45}[\"]?,")
"""How the files of SNDS begin, which have no header."""


class Classified(Struct, frozen=True, gc=False, rename={"klass": "class"}):
    """One line of ``goodstanding feedback classify``."""

    file: str
    item: int
    """Number of the report within its file, from 1."""
    kind: Kind
    source: str
    recipients: tuple[str, ...]
    status: str
    code: int
    """Basic SMTP reply code; 0 when none is quoted."""
    klass: str
    """Empty for what is neither bounce nor delay."""
    hard: bool
    reach: str
    tokens: tuple[str, ...]
    reply: str
    final_recipient: str = ""
    message_id: str = ""
    detail: str = ""
    reporter: str = ""
    feedback_type: str = ""
    report_id: str = ""
    source_ip: str = ""
    reported_domain: str = ""
    feedback_id: str = ""
    arrived: float | None = None
    count: int = 1
    report: AggregateReport | TlsReport | Measure | Block | Compliance | UnsetType = UNSET
    """The whole of a report that is about many messages."""


def classified(octets: bytes, name: str) -> Iterator[Classified]:
    """Everything that the reports of a file say, in their order; nothing raises."""
    for number, reports in enumerate(reports_of(octets, name), 1):
        for report in reports:
            yield _line(report, name, number)


def readings_of(octets: bytes, name: str = "") -> Iterator[list[Reading]]:
    """What each report in a file says, in short."""
    for reports in reports_of(octets, name):
        yield [in_short(report) for report in reports]


def reports_of(octets: bytes, name: str = "") -> Iterator[list[Report]]:
    """What each report in a file says."""
    shape = shape_of(octets, name)
    if shape in ("archive", "xml", "csv"):
        yield read_body(octets) or [Reading("unreadable")]
        return
    octets = octets.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    if shape == "reply":
        for line in _replies(octets.decode("utf-8", "replace")):
            yield [read_reply(line)]
    elif shape == "json":
        for text, body in _documents(octets):
            yield [read_reply(text)] if text else read_body(body) or [Reading("unreadable")]
    else:
        yield from (_of_mail(parse(message)) for message in _messages(octets))


def _of_mail(mail: Mail) -> list[Report]:
    """Its readings; of reports about many messages the whole."""
    readings = read(mail)
    if readings[0].kind in ("aggregate", "tls-report"):
        return within(mail)
    return [*readings]


def shape_of(octets: bytes, name: str = "") -> Shape:
    """What a file holds, by how it begins; its name only where that does not tell."""
    start = octets[:2_000].removeprefix(b"\xef\xbb\xbf").lstrip().replace(b"\r\n", b"\n")
    if start[:1] in (b"{", b"["):
        return "json"
    if start[:2] in (b"\x1f\x8b", b"PK"):
        return "archive"
    if start.startswith((b"<?xml", b"<feedback")):
        return "xml"
    if _SMTP_REPLY.match(start):
        return "reply"
    tabular = name.lower().endswith(".csv") and not _HEADER.match(start)
    return "csv" if tabular or _ADDRESS_FIRST.match(start) else "message"


def read_reply(text: str) -> Reading:
    """An SMTP reply by itself, as a reading."""
    said = diagnose_reply(text)
    kind: Kind = "delay" if str(said.code or said.status).startswith("4") else "bounce"
    if text.startswith("2"):
        return Reading("success", "smtp-reply", reply=said.reply)
    return Reading(kind, "smtp-reply", (), said.status, said.code, said.reply, said.klass, said.hard, said.reach)


def _replies(text: str) -> Iterator[str]:
    """Replies of several lines (``550-`` ... ``550``) as one."""
    lines: list[str] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        lines.append(line)
        if line[3:4] != "-":
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


class _Said(Struct):
    """A line of a collection of SMTP replies."""

    text: str


def _documents(octets: bytes) -> Iterator[tuple[str, bytes]]:
    """One JSON document, or one a line; those with a ``text`` are SMTP replies."""
    lines = [line for line in octets.split(b"\n") if line.strip()]
    whole = len(lines) < 2 or not all(line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines)
    for document in [octets] if whole else lines:
        try:
            yield msgspec.json.decode(document, type=_Said).text, document
        except (msgspec.MsgspecError, UnicodeDecodeError):
            yield "", document


def _messages(octets: bytes) -> list[bytes]:
    if not octets.startswith(b"From "):
        return [octets]
    return [message for message in _MBOX.split(octets) if message.strip()]


def _line(report: Report, name: str, number: int) -> Classified:
    reading = in_short(report)
    return Classified(
        name,
        number,
        reading.kind,
        reading.source,
        reading.recipients,
        reading.status,
        reading.code,
        reading.klass.value if reading.klass is not None else "",
        reading.hard,
        reading.reach,
        reading.tokens,
        reading.reply,
        reading.final_recipient,
        reading.message_id,
        reading.detail,
        reading.reporter,
        reading.feedback_type,
        reading.report_id,
        reading.source_ip,
        reading.reported_domain,
        reading.feedback_id,
        reading.arrived,
        reading.count,
        UNSET if isinstance(report, Reading) else report,
    )

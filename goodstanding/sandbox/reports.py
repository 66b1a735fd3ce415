"""What providers and people write back, as octets: complaint reports, late bounces and answers.

Shapes differ as they do outside: a report in the manner of Yahoo names return path and recipient and attaches the
message; one in the manner of Microsoft's JMRP puts the recipient into a header field of what it attaches; a redacted
one gives the header only, and nobody's address in it (RFC 6590). They are written from the RFCs and from what such
reports look like, not with the code that reads them.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from hashlib import blake2b
from typing import Literal

from goodstanding.sandbox.behaviour import Tone
from goodstanding.wire.message import date_time, header_end

Shape = Literal["none", "yahoo", "jmrp", "redacted"]
"""How a provider reports complaints; none: it does not."""

ATTACHED_MOST = 256 * 1024
"""Octets of a message that a report carries along; of a longer one only the header."""


@dataclass(frozen=True, slots=True)
class About:
    """One recipient's copy that something is written about."""

    provider: str
    domain: str
    """Of the provider: who writes."""
    host: str
    recipient: str
    sender: str
    """Return path."""
    client: str
    organisation: str
    """Whose mail it is: the registrable domain of From."""
    subject: str
    message_id: str
    octets: bytes
    """As the provider kept it, trace fields on top."""
    arrived: float
    now: float

    @property
    def mark(self) -> str:
        """Letters and digits that are the same for the same copy only: boundaries and message ids are made of it."""
        told = f"{self.provider}\0{self.recipient}\0{self.message_id}\0{self.arrived}".encode("utf-8", "replace")
        return blake2b(told, digest_size=12).hexdigest()


def complaint(shape: Shape, about: About, to: str) -> tuple[str, bytes]:
    """A complaint report (RFC 5965) for an address: its return path and the message."""
    match shape:
        case "yahoo":
            return _yahoo(about, to)
        case "jmrp":
            return _jmrp(about, to)
        case _:
            return _redacted(about, to)


def _yahoo(about: About, to: str) -> tuple[str, bytes]:
    sender = f"feedback@arf.mail.{about.domain}"
    fields = [
        ("Feedback-Type", "abuse"),
        ("User-Agent", "Yahoo!-Mail-Feedback/2.0"),
        ("Version", "0.1"),
        ("Original-Mail-From", f"<{about.sender}>"),
        ("Original-Rcpt-To", about.recipient),
        ("Received-Date", date_time(about.arrived)),
        ("Reported-Domain", about.organisation),
    ]
    head = [("From", f"Yahoo-like Mail AntiSpam Feedback <{sender}>"), ("Subject", f"FW:{about.subject}")]
    words = (
        f"This is an email abuse report for an email message from {about.organisation} on {date_time(about.arrived)}\n"
    )
    return sender, _report(about, [*head, ("To", to)], words, (fields, _whole(about)))


def _jmrp(about: About, to: str) -> tuple[str, bytes]:
    sender = f"staff@{about.domain}"
    fields = [
        ("Feedback-Type", "abuse"),
        ("User-Agent", "Outlook-like Junk Mail Reporting"),
        ("Version", "1"),
        ("Original-Mail-From", about.sender),
        ("Source-IP", about.client),
        ("Arrival-Date", date_time(about.arrived)),
    ]
    kept = f"X-HmXmrOriginalRecipient: {about.recipient}\r\n".encode("utf-8", "replace")
    head = [("From", sender), ("To", to), ("Subject", f"complaint about message from {about.client}")]
    words = f"A user of {about.domain} marked the attached message from {about.client} as junk.\n"
    kind, attached = _whole(about)
    return sender, _report(about, head, words, (fields, (kind, kept + attached)))


def _redacted(about: About, to: str) -> tuple[str, bytes]:
    sender = f"fbl@{about.domain}"
    fields = [
        ("Feedback-Type", "abuse"),
        ("User-Agent", "SandboxFBL/1.0"),
        ("Version", "1"),
        ("Source-IP", about.client),
        ("Arrival-Date", date_time(about.arrived)),
        ("Reported-Domain", about.organisation),
    ]
    head = [("From", f"Feedback loop <{sender}>"), ("To", to), ("Subject", "Email feedback report")]
    words = "This is an abuse report. Whatever names our user has been removed (RFC 6590).\n"
    header = redacted(about.octets[: header_end(about.octets)], about.recipient)
    return sender, _report(about, head, words, (fields, ("text/rfc822-headers", header)))


def redacted(octets: bytes, recipient: str) -> bytes:
    """Octets without an address and its local part: a hash stands in their place (RFC 6590 §2)."""
    local, _, domain = recipient.partition("@")
    digest = urlsafe_b64encode(blake2b(recipient.lower().encode("utf-8", "replace"), digest_size=9).digest())
    address = f"{local}@{domain}".encode("utf-8", "replace")
    return re.sub(re.escape(address), digest + b"@" + domain.encode(), octets, flags=re.IGNORECASE)


def late_bounce(about: About) -> tuple[str, bytes]:
    """What a server writes that said 250 first and found nobody of that name afterwards (RFC 3464)."""
    diagnosis = f"550 5.1.1 <{about.recipient}>: no such mailbox here"
    fields = [
        ("Reporting-MTA", f"dns; {about.host}"),
        ("Arrival-Date", date_time(about.arrived)),
        ("", ""),
        ("Final-Recipient", f"rfc822; {about.recipient}"),
        ("Action", "failed"),
        ("Status", "5.1.1"),
        ("Diagnostic-Code", f"smtp; {diagnosis}"),
    ]
    head = [
        ("From", f"Mail Delivery Subsystem <postmaster@{about.domain}>"),
        ("To", about.sender),
        ("Subject", f"Undeliverable: {about.subject}"),
        ("Auto-Submitted", "auto-replied"),  # RFC 3834 §5
    ]
    words = f"Your message could not be delivered to {about.recipient}:\n\n  {diagnosis}\n"
    return "", _report(about, head, words, (fields, _whole(about)), "delivery-status")


_ANSWERS: dict[Tone, str] = {
    "thanks": "Thank you, that is all I needed.",
    "interested": "Sounds interesting. Could you send me more information? Next week suits me.",
    "declined": "Thanks, but we are not interested.",
    "remove-me": "Please remove me from your list and do not write to me again.",
}


def answer(about: About, to: str, tone: Tone) -> tuple[str, bytes]:
    """What a person writes back."""
    subject = about.subject if about.subject[:3].lower() == "re:" else f"Re: {about.subject}"
    head = [("From", about.recipient), ("To", to), ("Subject", subject)]
    if about.message_id:
        head += [("In-Reply-To", about.message_id), ("References", about.message_id)]
    lines = [*_head(about, head), _field("Content-Type", "text/plain; charset=utf-8"), b"", _ANSWERS[tone].encode()]
    return about.recipient, b"\r\n".join([*lines, b""])


Fields = Sequence[tuple[str, str]]
Attached = tuple[str, bytes]


def _whole(about: About) -> Attached:
    if len(about.octets) <= ATTACHED_MOST:
        return "message/rfc822", about.octets
    return "text/rfc822-headers", about.octets[: header_end(about.octets)]


def _report(
    about: About, head: Fields, words: str, parts: tuple[Fields, Attached], kind: str = "feedback-report"
) -> bytes:
    """A multipart/report (RFC 6522): words for people, fields for programs, and what it is about."""
    fields, (attached_kind, attached) = parts
    boundary = f"=_{about.mark}"
    machine = b"\r\n".join(_field(name, value) if name else b"" for name, value in fields) + b"\r\n"
    encoding = "7bit" if attached.isascii() else "8bit"
    lines = [
        *_head(about, head),
        _field("Content-Type", f'multipart/report; report-type={kind}; boundary="{boundary}"'),
        b"",
        *_part(boundary, "text/plain; charset=utf-8", words.replace("\n", "\r\n").encode("utf-8", "replace")),
        *_part(boundary, f"message/{kind}", machine),
        *_part(boundary, attached_kind, attached, encoding),
        f"--{boundary}--".encode(),
        b"",
    ]
    return b"\r\n".join(lines)


def _part(boundary: str, kind: str, octets: bytes, encoding: str = "") -> list[bytes]:
    fields = [_field("Content-Type", kind)] + [_field("Content-Transfer-Encoding", encoding)] * bool(encoding)
    return [f"--{boundary}".encode(), *fields, b"", octets]


def _head(about: About, fields: Fields) -> list[bytes]:
    given = [_field(name, value) for name, value in fields]
    date, id = date_time(about.now), f"<{about.mark}@{about.host}>"
    return [*given, _field("Date", date), _field("Message-ID", id), _field("MIME-Version", "1.0")]


def _field(name: str, value: str) -> bytes:
    """One field on one line; what strangers wrote cannot leave it."""
    clean = "".join(char if char.isprintable() else "?" for char in value)[:900]
    if name == "Subject" and not clean.isascii():
        clean = Header(clean, "utf-8", header_name=name).encode(linesep="\r\n")  # RFC 2047
    return f"{name}: {clean}".encode("utf-8", "replace")

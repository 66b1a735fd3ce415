"""Complaints in the Abuse Reporting Format (RFC 5965, RFC 6650), and the shapes that mailbox providers send instead.

A feedback loop sends one such mail each time somebody presses "junk". What it says of the recipient may be taken out
or hashed (RFC 6590), so tokens are looked for everywhere. Yahoo and Validity write ARF; AOL and Comcast take the
address out; Outlook.com (JMRP) only wraps the message and names the mailbox in a field of its own; a complaint address
in the message itself (CFBL, RFC 9477) gets the same. `not-spam` (RFC 6430) is praise, `auth-failure` (RFC 6591,
RFC 9991) says that nobody complained but a check failed, and `opt-out` of early drafts asks to be left alone.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from goodstanding.feedback.mail import Fields, Mail, Part, parse, split_header
from goodstanding.feedback.reading import Kind, Reading, Source
from goodstanding.feedback.returned import MOST, Returned, clean
from goodstanding.feedback.times import second
from goodstanding.feedback.tokens import tokens

NAME = "arf"
TYPE = "message/feedback-report"

_KINDS: dict[str, Kind] = {
    "not-spam": "not-spam",
    "auth-failure": "auth-failure",
    "dmarc": "auth-failure",
    "dkim": "auth-failure",
    "opt-out": "unsubscribe",
    "opt-out-list": "unsubscribe",
    "unsubscribe": "unsubscribe",
}
"""By Feedback-Type. All others are complaints: `abuse`, `fraud`, `virus`, `other`, and types that are new to us."""

_WRAPPERS = ("staff@hotmail.com", "@email-abuse.amazonses.com")
"""Who wraps the message and writes no report: Outlook.com's JMRP, and SES passing that on."""
_WRAPPED = re.compile(r"complaint about message from\s+(?:ip\s+)?([0-9a-f.:]{3,45})", re.IGNORECASE)


def matches(mail: Mail) -> bool:
    """It says that it is a feedback report, holds one, or is the wrapped message of JMRP."""
    return (
        mail.root.parameters.get("report-type", "").lower() == "feedback-report"
        or mail.root.find(TYPE) is not None
        or _is_wrapped(mail)
    )


def read(mail: Mail) -> list[Reading]:
    """The complaint. One that names several recipients keeps them all, and says that it is not known who complained."""
    part = mail.root.find(TYPE) or _mistyped(mail)
    fields = _fields(part) if part else ()
    if not fields and not _is_wrapped(mail):
        return [Reading("unreadable", source=NAME, detail="no feedback report in it", reporter=_reporter(mail))]
    message = mail.returned or _loose(mail)
    return [_complaint(mail, fields, Returned.of(message) if message else Returned())]


def _complaint(mail: Mail, fields: Fields, inside: Returned) -> Reading:
    kind = _first(fields, "feedback-type").partition(";")[0].strip().lower() or ("" if fields else "abuse")
    recipients = _recipients(fields) or inside.recipients
    return Reading(
        _KINDS.get(kind, "complaint"),
        source=NAME if fields else "jmrp",
        recipients=recipients,
        tokens=tokens(mail),
        message_id=inside.message_id or _first(fields, "original-message-id", "message-id").strip("<> "),
        detail=_detail(kind, fields, len(recipients)),
        reporter=_reporter(mail),
        arrived=second(_first(fields, "arrival-date", "received-date")),
        source_ip=_ip(_first(fields, "source-ip")) or _ip_of_subject(mail) or inside.source_ip,
        reported_domain=_first(fields, "reported-domain").strip("<> ").lower(),
        feedback_id=inside.feedback_id,
        user_agent=_first(fields, "user-agent"),
        count=_incidents(_first(fields, "incidents")),
        feedback_type=kind,
        report_id=mail.root.first("message-id").strip("<> ")[:300],
    )


def _detail(kind: str, fields: Fields, recipients: int) -> str:
    """The type in words that people read, and what an authentication report found."""
    failed = _first(fields, "auth-failure")
    words = [f"{kind} ({failed})" if failed else kind or "no feedback type"]
    if recipients > 1:
        words.append(f"names {recipients} recipients: who of them complained is not known")
    return "; ".join(words)


def _recipients(fields: Fields) -> tuple[str, ...]:
    """Whom the report names (RFC 5965 §3.2), each once; Removal-Recipient is of its drafts."""
    for name in ("original-rcpt-to", "removal-recipient"):
        found = [clean(value) for known, value in fields if known == name]
        if any(found):
            return tuple(dict.fromkeys([address for address in found if address]))[:MOST]
    return ()


def _is_wrapped(mail: Mail) -> bool:
    """JMRP: a wrapped message, from those who wrap, or with the field that only they write."""
    inside = mail.returned
    if inside is None:
        return False
    if inside.first("x-hmxmroriginalrecipient"):
        return True
    return mail.root.address("from").lower().endswith(_WRAPPERS) and bool(_WRAPPED.search(mail.root.first("subject")))


def _mistyped(mail: Mail) -> Part | None:
    """A report that was sent as text: found by the field that it must have (RFC 5965 §3.1)."""
    leaves = (part for part in mail.root.walk() if not part.parts)
    return next((part for part in leaves if _MUST.search(part.payload[:2000])), None)


def _loose(mail: Mail) -> Part | None:
    """A message that came back as text: a leaf that begins as a header does."""
    leaves = [part for part in mail.root.walk() if not part.parts and part.content_type == "text/plain"]
    text = next((part.payload for part in leaves if _HEADER.match(part.payload[:2000])), None)
    return parse(text).root if text is not None else None


_HEADER = re.compile(rb"\s{0,20}(?:Received|Return-Path|From|Message-ID|DKIM-Signature|Delivered-To):", re.IGNORECASE)
_MUST = re.compile(rb"^Feedback-Type:[ \t]*[a-z]", re.IGNORECASE | re.MULTILINE)


def _fields(part: Part) -> Fields:
    """The fields of a report; blank lines among them end nothing, and prose before them is passed over."""
    text = re.sub(rb"\n[ \t]*(?=\n)", b"", part.payload[:64_000].replace(b"\r\n", b"\n")).lstrip(b"\n ")
    return split_header(text)[0]


def _first(fields: Fields, *names: str) -> str:
    return next((value.strip()[:500] for wanted in names for name, value in fields if name == wanted and value), "")


def _reporter(mail: Mail) -> str:
    return mail.root.address("from").lower()


def _ip_of_subject(mail: Mail) -> str:
    found = _WRAPPED.search(mail.root.first("subject"))
    return _ip(found[1]) if found else ""


def _ip(text: str) -> str:
    """An address, out of brackets and such; empty for none."""
    try:
        return str(ip_address(text.strip("[]() ").removeprefix("IPv6:").partition(" ")[0]))
    except ValueError:
        return ""


def _incidents(text: str) -> int:
    """How many complaints one report stands for (RFC 5965 §3.2); believed up to a thousand."""
    return min(max(int(text), 1), 1_000) if re.fullmatch(r"[0-9]{1,6}", text) else 1


SOURCE = Source(NAME, matches, read)

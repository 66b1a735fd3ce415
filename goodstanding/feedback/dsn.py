"""Delivery status notifications (RFC 3464; RFC 6533 for addresses outside ASCII), and what passes for them.

The fields are read wherever they stand: in a part of the right type, of a wrong one, or in plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from goodstanding.feedback import tokens
from goodstanding.feedback.addresses import tidy
from goodstanding.feedback.diagnosis import Diagnosis, diagnose, refined, specific
from goodstanding.feedback.mail import Mail, Part
from goodstanding.feedback.quoted import stage_of
from goodstanding.feedback.reading import Kind, Reading, Source
from goodstanding.feedback.report_text import from_a_daemon, is_answer, is_waiting, report_lines, telling
from goodstanding.wire.address import xtext_decode

MOST_RECIPIENTS = 1_000
"""Recipients read from one notification."""

LONGEST_VALUE = 4_000
"""Characters of a field after which no further line is joined to it."""

Group = dict[str, str]

_BEGINS = re.compile(
    r"^[ \t]*(?:Final-Recipient|Original-Recipient|Reporting-MTA|X-Actual-Recipient)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_RECIPIENT = re.compile(r"^[ \t]*(?:Final|Original)-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9-]{1,40})[ \t]*:[ \t]*(.*)")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ACTIONS: dict[str, Kind] = {
    "failed": "bounce", "failure": "bounce", "delayed": "delay", "delay": "delay",
    "delivered": "success", "relayed": "success", "expanded": "success", "deliverable": "success",
}  # fmt: skip
"""RFC 3464 §2.3.3, and two spellings that are met."""


def matches(mail: Mail) -> bool:
    """It has a part for status fields, or recipient fields in its text."""
    if any("delivery-status" in part.content_type for part in _parts(mail)):
        return True
    return any(_RECIPIENT.search(text) for text in _texts(mail)) and (from_a_daemon(mail) or not is_answer(mail))


def read(mail: Mail) -> list[Reading]:
    """One reading per recipient."""
    message, groups = _groups(mail)
    lines = report_lines(mail)
    seen = tokens.tokens(mail)
    original = tokens.original_message_id(mail)
    readings: dict[str, Reading] = {}
    for group in groups[:MOST_RECIPIENTS]:
        reading = _reading(group, message, lines, len(groups) == 1)
        known = readings.get(reading.recipients[0])
        if known is None or (known.kind != "bounce" and reading.kind == "bounce"):
            readings[reading.recipients[0]] = reading
    if any(recipient[:1] in "@/|" for recipient in readings):  # a lost mailbox, a file or a pipe: ask the prose
        return []
    return [_signed(reading, seen, original) for reading in readings.values()]


def _signed(reading: Reading, seen: tuple[str, ...], original: str) -> Reading:
    return replace(reading, tokens=seen, message_id=original)


def _texts(mail: Mail) -> Iterator[str]:
    """Parts in which fields may stand: those that are meant for them first, the returned message never."""
    marked = [part for part in _parts(mail) if "delivery-status" in part.content_type]
    yield from (part.text for part in marked)
    if not any(_RECIPIENT.search(part.text) for part in marked):
        yield from (part.text for part in mail.texts)


def _parts(mail: Mail) -> tuple[Part, ...]:
    """Its own parts; where a scanner wrapped a whole notification into a message, those of the notification."""
    inner = mail.returned
    if inner is None or inner.parameters.get("report-type", "").lower() != "delivery-status":
        return mail.parts
    if any("delivery-status" in part.content_type for part in mail.parts):
        return mail.parts
    return mail.parts + Mail(inner).parts


def _groups(mail: Mail) -> tuple[Group, list[Group]]:
    """The fields about the message, and those of each recipient."""
    message: Group = {}
    recipients: list[Group] = []
    for text in _texts(mail):
        begin = _BEGINS.search(text)
        for group in _field_groups(text[begin.start() :] if begin is not None else ""):
            if _addressee(group):
                recipients.append(group)
            elif "reporting-mta" in group and not message:
                message = group
            elif recipients and "final-recipient" not in group:  # a blank line too many within a recipient
                recipients[-1] = {**group, **recipients[-1]}
            else:
                message = {**group, **message}
    return message, recipients


def _field_groups(text: str) -> Iterator[Group]:
    group: Group = {}
    name = ""
    for line in text.split("\n")[:20_000]:
        field = _FIELD.fullmatch(line) if line[:1] not in " \t" or not group else None
        if not line.strip():
            if group:
                yield group
            group, name = {}, ""
        elif field is not None:
            name = field[1].lower()
            if name == "final-recipient" and name in group:  # no blank line between two recipients
                yield group
                group = {}
            group.setdefault(name, field[2].strip()[:LONGEST_VALUE])
        elif group and name and line[:1] in " \t" and len(group[name]) < LONGEST_VALUE:
            group[name] += " " + line.strip()
    if group:
        yield group


def _addressee(group: Group) -> str:
    """The recipient as we addressed it: the original address where it is one, else the final one."""
    original, final = _address(group.get("original-recipient", "")), _address(group.get("final-recipient", ""))
    actual = _address(group.get("x-actual-recipient", ""))
    return next((one for one in (original, final, actual) if one.rfind("@") > 0), original or final or actual)


_UNICODE = re.compile(r"\\x\{([0-9A-F]{2,6})\}", re.IGNORECASE)


def _address(value: str) -> str:
    """The address of ``rfc822; user@example`` (RFC 3464 §2.3.2, RFC 6533 §3), tidied."""
    kind, address = "rfc822", value
    if ";" in value:
        kind, _, address = value.partition(";")
    if kind.strip().lower() == "utf-8":
        address = _UNICODE.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), address)
    elif "+" in address and kind.strip().lower() == "rfc822":
        address = (xtext_decode(address) if _XTEXT.search(address) else None) or address
    address = address.strip()
    angle = re.search(r"<([^<>\s]{1,320})>", address)
    return tidy(angle[1] if angle is not None else address.split(" (")[0])


_XTEXT = re.compile(r"\+(?:40|2B|3D)", re.IGNORECASE)


def _reading(group: Group, message: Group, lines: list[str], alone: bool) -> Reading:
    recipient = _addressee(group)
    final = _address(group.get("final-recipient", ""))
    found = _STATUS.search(group.get("status", ""))
    status = found[1] if found is not None else ""
    kind = _kind(group.get("action", ""), status, lines)
    diagnostic = _diagnostic(group)
    if kind == "success":
        return Reading(kind, "dsn", (recipient,), status, detail=diagnostic, reporter=_host(message))
    words = "\n".join(lines if alone else _lines_about(lines, recipient, final))
    diagnosis = refined(diagnose(diagnostic, status, kind == "bounce", stage_of(words)), telling(words.split("\n")))
    return Reading(
        kind,
        "dsn",
        (recipient,),
        _best(status, diagnosis),
        diagnosis.code,
        diagnosis.reply,
        diagnosis.klass,
        diagnosis.hard and kind == "bounce",
        diagnosis.reach,
        detail=diagnostic or diagnosis.reply,
        reporter=_host(message),
        final_recipient=final if final != recipient else "",
    )


def _best(status: str, diagnosis: Diagnosis) -> str:
    return diagnosis.status if specific(diagnosis.status) or not status else status


def _kind(action: str, status: str, lines: list[str]) -> Kind:
    said = _ACTIONS.get(action.split("(")[0].strip().lower())
    if said is not None:
        return said
    if status.startswith("2"):
        return "success"
    return "delay" if status.startswith("4") and is_waiting("\n".join(lines)) else "bounce"


def _diagnostic(group: Group) -> str:
    """Diagnostic-Code without its type (RFC 3464 §2.3.6), and fields of mailers that say it elsewhere."""
    value = group.get("diagnostic-code", "")
    kind, semicolon, words = value.partition(";")
    if semicolon and re.fullmatch(r"[A-Za-z0-9_-]{1,30}", kind.strip()):
        value = words.strip()
    return value or next((group[name] for name in _ELSEWHERE if group.get(name)), "")


_ELSEWHERE = ("x-display-name-diagnostic", "x-supplementary-info", "x-notes-diagnostic", "x-diagnostic", "x-reason")


def _host(message: Group) -> str:
    return message.get("reporting-mta", "").rpartition(";")[2].strip()


def _lines_about(lines: list[str], *names: str) -> list[str]:
    """Lines from the first that names a recipient up to a blank one."""
    for n, line in enumerate(lines):
        if any(name and name.lower() in line.lower() for name in names):
            block: list[str] = []
            for further in lines[n : n + 12]:
                if not further.strip() and block:
                    break
                block.append(further)
            return block
    return []


SOURCE = Source("dsn", matches, read)

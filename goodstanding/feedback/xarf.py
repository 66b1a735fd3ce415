"""Abuse reports in XARF: versions 0.2 (YAML), 2 and 3 (JSON) and 4 (JSON), as a body, or attached to mail.

The same format reports ports scanned and sites phished; only what is about mail is read. RFC 9477 §3.1 lets whoever
publishes an address for complaints ask for it with ``report=xarf``. The versions name the same things differently,
so names are compared without case, hyphens and underscores, and levels are laid together.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error

from msgspec.structs import replace

from goodstanding.feedback.json_tree import EMPTY, Node, parse
from goodstanding.feedback.mail import Mail, Part
from goodstanding.feedback.reading import Kind, Reading, Source
from goodstanding.feedback.returned import Returned, returned
from goodstanding.feedback.times import second
from goodstanding.feedback.tokens import tokens, tokens_in

NAME = "xarf"
_LONGEST = 512 * 1024
"""Octets of an attachment that are read."""
_MOST = 200
"""Names of one level that are looked at."""


def matches(mail: Mail) -> bool:
    """Mail that says it is XARF, or that has a JSON or YAML part beside its text."""
    return _says_so(mail) or any(_is_document(part) for part in mail.root.walk())


def read(mail: Mail) -> list[Reading]:
    """The complaint in it; empty when nothing in it is XARF about mail."""
    for part in mail.root.walk():
        if not part.parts and (_is_document(part) or (_says_so(mail) and part.content_type == "text/plain")):
            document = parse(part.payload[:_LONGEST])
            found = read_document(document) or (_says_so(mail) and read_document(_yaml(part.text[:_LONGEST]))) or []
            if found:
                return [_completed(reading, mail) for reading in found]
    return []


def read_json(octets: bytes) -> list[Reading]:
    """What a JSON document says; empty when it is no XARF about mail."""
    return read_document(parse(octets))


def read_document(document: Node) -> list[Reading]:
    """The same of a document that has been parsed."""
    names = _laid_together(document)
    kind = (names.get("type") or names.get("reporttype") or EMPTY).text.lower()
    if not _is_xarf(names) or not _is_about_mail(names, kind):
        return []
    inside = returned_of(names)
    recipients = [names.get(name, EMPTY).text.strip("<> ") for name in _RECIPIENT]
    named = tuple(dict.fromkeys([address for address in recipients if "@" in address]))
    evidence = names.get("evidencesource", EMPTY).text
    return [
        Reading(
            _KINDS.get(kind, "complaint"),
            source=NAME,
            recipients=named or inside.recipients,
            tokens=tokens_in(*_texts(names), inside.text),
            message_id=names.get("messageid", EMPTY).text.strip("<> ") or inside.message_id,
            feedback_type=kind,
            detail=f"{kind} ({evidence})" if evidence else kind,
            reporter=_first(names, "reporterorgdomain", "reporterorg", "org", "reportedfrom", "contact"),
            arrived=second(_first(names, "timestamp", "date")),
            source_ip=_first(names, "sourceidentifier", "sourceip", "source"),
            reported_domain=_first(names, "smtpfrom", "smtpmailfromaddress").rpartition("@")[2].strip("> ").lower(),
            feedback_id=inside.feedback_id,
            user_agent=names.get("useragent", EMPTY).text,
            report_id=_first(names, "reportid"),
        )
    ]


_RECIPIENT = ("smtpto", "smtprcpttoaddress", "smtprecipient", "originalrcptto", "recipient")
_KINDS: dict[str, Kind] = {"not-spam": "not-spam", "unsubscribe": "unsubscribe", "opt-out": "unsubscribe"}
_MAIL_TYPES = frozenset(("spam", "complaint", "bulkmessaging", "email", "unsolicitedemail", "mail", "abuse"))


def _is_xarf(names: dict[str, Node]) -> bool:
    """By the fields that each version demands."""
    return ("xarfversion" in names and "sourceidentifier" in names) or (
        "reporttype" in names and bool({"sourceip", "source", "reporterinfo", "reportedfrom"} & names.keys())
    )


def _is_about_mail(names: dict[str, Node], kind: str) -> bool:
    """Version 4 has a category for messages; before, the type tells, and any field of SMTP does."""
    category = _first(names, "category", "class", "reportclass").lower()
    protocol = names.get("protocol", EMPTY).text.lower()
    if "xarfversion" in names or category == "messaging":
        return category == "messaging" and protocol in ("", "smtp")  # and not sms, nor chat
    return kind.replace("-", "").replace("_", "") in _MAIL_TYPES or any(name.startswith("smtp") for name in names)


def _laid_together(document: Node) -> dict[str, Node]:
    """Names of the document and of the objects in it, plain; of two that are alike the outer one counts."""
    found: dict[str, Node] = {}
    if not isinstance(document.value, dict):
        return found
    level = [document]
    for _ in range(2):
        below: list[Node] = []
        for node in level:
            for name in list(node.value)[:_MOST] if isinstance(node.value, dict) else ():
                found.setdefault(re.sub(r"[-_\s]", "", str(name)[:60]).lower(), node.get(name))
                below += [node.get(name)] if node.get(name).is_object else []
        level = below[:8]
    return found


def returned_of(names: dict[str, Node]) -> Returned:
    """The message among the evidence, as far as it is there."""
    for sample in (names.get("evidence") or names.get("samples") or EMPTY).each[:4]:
        payload = sample.get("payload", "Payload").value
        if isinstance(payload, str) and payload:
            plain = sample.get("Base64Encoded", "base64_encoded").value is False
            return returned(payload[:_LONGEST].encode() if plain else _decoded(payload[:_LONGEST]))
    return Returned()


def _decoded(payload: str) -> bytes:
    """Base64 (version 4 always), or as it stands where it is none."""
    try:
        return b64decode("".join(payload.split()), validate=True)
    except (Error, ValueError):
        return payload.encode("utf-8", "replace")


def _texts(names: dict[str, Node]) -> list[str]:
    return [f"{name}: {node.text}" for name, node in names.items() if node.text]


def _first(names: dict[str, Node], *wanted: str) -> str:
    return next((text for name in wanted if (text := names.get(name, EMPTY).text)), "")


def _completed(reading: Reading, mail: Mail) -> Reading:
    """With what only the mail around it says."""
    message = mail.returned
    inside = Returned.of(message) if message else Returned()
    return replace(
        reading,
        recipients=reading.recipients or inside.recipients,
        tokens=tuple(dict.fromkeys((*reading.tokens, *tokens(mail)))),
        message_id=reading.message_id or inside.message_id,
        feedback_id=reading.feedback_id or inside.feedback_id,
        reporter=reading.reporter or mail.root.address("from"),
        report_id=reading.report_id or mail.root.first("message-id").strip("<> "),
    )


def _says_so(mail: Mail) -> bool:
    """X-XARF (since 0.2, RFC 9477 §4.2) or X-ARF (0.1) in its header."""
    return bool(mail.root.first("x-xarf") or mail.root.first("x-arf"))


def _is_document(part: Part) -> bool:
    return part.content_type in _DOCUMENTS or (
        part.content_type in ("application/octet-stream", "text/plain")
        and "xarf" in (part.parameters.get("name", "") + part.first("content-disposition")).lower()
    )


_DOCUMENTS = frozenset(
    (
        "application/json",
        "application/xarf+json",
        "application/x-xarf+json",
        "text/json",
        "text/yaml",
        "application/yaml",
    )
)


def _yaml(text: str) -> Node:
    """Version 0.2 is flat: a name, a colon and a value on each line."""
    pairs = [line.partition(":") for line in text.split("\n", _MOST)[:_MOST]]
    found = {name.strip(): value.strip().strip("\"'") for name, colon, value in pairs if colon and name.strip()}
    return Node(found)


SOURCE = Source(NAME, matches, read)

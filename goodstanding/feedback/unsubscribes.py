"""Requests to unsubscribe that came by mail: a person's, or their mail program's, and never an automaton's answer.

The token stands in the subject, as our mailto link puts it (RFC 2369 §3.2), or behind a plus in the address, for mail
programs that drop the subject. It is never looked for in the text: an answer that quotes our mail is no request.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from goodstanding.feedback.mail import Mail
from goodstanding.feedback.reading import Reading, Source
from goodstanding.wire.list_unsubscribe import LONGEST_TOKEN, MAILBOX
from goodstanding.wire.message import HeaderBlock, first_address, parse_header, readable

HEADER_LIMIT = 64 * 1024
"""Octets that are read; a token stands further up."""


class Asked(Struct, frozen=True, gc=False):
    """Somebody asks to be left alone; the token is still sealed."""

    tokens: tuple[str, ...]
    """Where it is not plain how long the token is, each reading; one of them opens, or none."""
    sender: str
    """Address it came from, for the record; the token and not this says who leaves."""


class NotAsked(Struct, frozen=True, gc=False):
    """No request, and why."""

    kind: Literal["automatic", "unclear"]
    """``automatic``: nobody is to be answered (RFC 3834 §2). ``unclear``: a person's, who should be told."""
    because: str


def read(octets: bytes) -> Asked | NotAsked:
    """What a message to the unsubscribe address asks; anything may be in it, and nothing raises."""
    return _asked(parse_header(_canonical(octets[:HEADER_LIMIT])))


def matches(mail: Mail) -> bool:
    """It came to the address of our mailto links, or has a token of theirs in its subject."""
    header = _header_of(mail)
    to = [*mail.recipients, *[readable(header.first(name) or b"") for name in ("delivered-to", "x-original-to", "to")]]
    return any(_MAILBOX.search(address) for address in to) or bool(_tokens(header))


def readings(mail: Mail) -> list[Reading]:
    """The request; empty for what is none, as other sources may know what it is. The tokens are those of the link."""
    asked = _asked(_header_of(mail))
    if isinstance(asked, NotAsked):
        return []
    return [
        Reading(
            "unsubscribe",
            source="mailto",
            recipients=(asked.sender,) if asked.sender else (),
            tokens=asked.tokens,
            reporter=asked.sender,
            detail="a request by mail (RFC 2369)",
            report_id=mail.root.first("message-id").strip("<> ")[:300],
        )
    ]


def _header_of(mail: Mail) -> HeaderBlock:
    fields = [(name, f"{name}: {value}\r\n".encode()) for name, value in mail.root.fields]
    recipients = [("delivered-to", f"delivered-to: {address}\r\n".encode()) for address in mail.recipients[:1]]
    return HeaderBlock((*recipients, *fields))


def _asked(header: HeaderBlock) -> Asked | NotAsked:
    if automatic := _automatic(header):
        return NotAsked("automatic", automatic)
    tokens = _tokens(header)
    if not tokens:
        return NotAsked("unclear", "no token stands in its subject or address; answer the mail's own unsubscribe link")
    return Asked(tokens, first_address(header.first("from") or b""))


def _canonical(octets: bytes) -> bytes:
    """With CRLF, and without the mbox line that delivery pipes put in front."""
    if octets.startswith(b"From "):
        octets = octets.partition(b"\n")[2]
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _automatic(header: HeaderBlock) -> str:
    """Why it is an automaton's answer or a bounce; empty: it is not.

    ``auto-generated`` passes: that is how a mailbox provider may mark the request it sends for its user.
    """
    word = (header.first("auto-submitted") or b"no").partition(b";")[0].strip().lower()
    if word not in (b"no", b"auto-generated"):
        return f"it is an automatic answer (Auto-Submitted: {readable(word)}, RFC 3834)"
    if (header.first("return-path") or b"?").replace(b" ", b"") == b"<>":
        return "it is a bounce (empty return path, RFC 3464)"
    kind = (header.first("content-type") or b"").partition(b";")[0].strip().lower()
    if kind == b"multipart/report":
        return "it is a report (multipart/report, RFC 6522)"
    if (header.first("precedence") or b"").strip().lower() in (b"auto_reply", b"junk"):
        return "it is an automatic answer (Precedence)"
    return next((f"it is an automatic answer ({name})" for name in _RESPONDERS if header.first(name) is not None), "")


_RESPONDERS = ("x-autoreply", "x-autorespond", "x-auto-reply")
"""Fields that only vacation programs write."""

_SUBJECT = re.compile(rf"(?:^|\s){MAILBOX}[\s:+]+([A-Za-z0-9_-]{{20,{LONGEST_TOKEN}}})", re.I | re.A)
_MAILBOX = re.compile(rf"(?:^|[\s<,]){MAILBOX}(?:\+[^\s@]{{0,{LONGEST_TOKEN}}})?@", re.I | re.A)
_ADDRESS = re.compile(rf"\b{MAILBOX}\+([A-Za-z0-9_-]{{20,{LONGEST_TOKEN}}})@", re.I | re.A)


def _tokens(header: HeaderBlock) -> tuple[str, ...]:
    subject = readable(header.first("subject") or b"")
    if found := _SUBJECT.search(subject):
        rest = "".join(subject[found.end() :].split())  # a mail program that knows no better folds long words
        return (found[1], found[1] + rest) if rest else (found[1],)
    for name in ("delivered-to", "x-original-to", "to"):
        if found := _ADDRESS.search(readable(header.first(name) or b"")):
            return (found[1],)
    return ()


SOURCE = Source("mailto", matches, readings)

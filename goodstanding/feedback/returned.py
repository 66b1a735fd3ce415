"""What a message that came back with a report says of itself: whom it was for, its name, its Feedback-ID.

It is what the reporter has put in, so it proves nothing; and providers take out addresses (RFC 6590).
"""

from __future__ import annotations

import re

from msgspec import Struct

from goodstanding.feedback.mail import Part, parse
from goodstanding.wire.message import first_address

MOST = 50
"""Recipients of one message that are kept."""


class Returned(Struct, frozen=True, gc=False):
    """A message that came back, or its header."""

    recipients: tuple[str, ...] = ()
    message_id: str = ""
    """Without angle brackets."""
    feedback_id: str = ""
    source_ip: str = ""
    text: str = ""
    """Its header as text, to look for tokens in."""

    @classmethod
    def of(cls, part: Part) -> Returned:
        """From a part that has been parsed."""
        fields = "\n".join([f"{name}: {value}" for name, value in part.fields])
        return cls(recipients_of(part), _message_id(part), part.first("feedback-id")[:300], source_ip_of(part), fields)


def returned(octets: bytes) -> Returned:
    """From the octets of a message."""
    return Returned.of(parse(octets).root)


_OUTLOOK = "x-hmxmroriginalrecipient"
"""Outlook.com's feedback loop (JMRP): the mailbox it lay in."""
_NAMING = frozenset(
    ("x-apparently-to", "x-original-to", "delivered-to", "x-delivered-to", "envelope-to", "x-rcpt-to")
)  # fmt: skip
"""Fields in which a receiving system names the mailbox, where To may say something else."""


def recipients_of(part: Part) -> tuple[str, ...]:
    """Whom it was for: the mailbox that the receiving system named, else all of To and Cc."""
    address = clean(part.first(_OUTLOOK)) or _mailbox(part)
    if address:
        return (address,)
    text = ", ".join([*part.every("to"), *part.every("cc")])[:20_000]
    found = [clean(one) for one in _addresses(text)]
    return tuple(dict.fromkeys([address for address in found if address]))[:MOST]


def _mailbox(part: Part) -> str:
    """Above the topmost Received only: what stands below was written on the way, by a list or a forwarder."""
    for name, value in part.fields:
        if name == "received":
            break
        if name in _NAMING and (address := clean(value.partition(" via ")[0].partition(";")[0])):
            return address
    return ""


_SEPARATOR = re.compile(r'((?:"(?:[^"\\]|\\.){0,300}"|[^",])+)')


def _addresses(text: str) -> list[str]:
    return [match[1] for match in _SEPARATOR.finditer(text)][: MOST * 2]


def clean(text: str) -> str:
    """An address as we keep it: bare, its domain in lower case; empty when there is none."""
    address = first_address(text.strip().encode("utf-8", "surrogateescape"))
    local, at, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}" if at and local and "." in domain else ""


def _message_id(part: Part) -> str:
    return part.first("message-id").strip().strip("<>")[:300]


_FROM_IP = re.compile(r"\[(?:IPv6:)?([0-9a-f.:]{3,45})\]|\(([0-9]{1,3}(?:\.[0-9]{1,3}){3})\)", re.IGNORECASE)


def source_ip_of(part: Part) -> str:
    """The host that handed it to the receiving system, by the topmost Received field that names one."""
    for value in part.every("received")[:2]:
        if found := _FROM_IP.search(value[:1000].partition(" by ")[0]):
            return found[1] or found[2]
    return ""

"""Delivery status notifications (RFC 3461, 3464, 6522; RFC 6533 for addresses outside ASCII) that people can read.

Three parts: what happened in plain words, the same for programs, and what came back of the original. Replies, addresses
and the original come from strangers: whatever is in them, they stay inside their line and their part.
"""

from __future__ import annotations

import binascii
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from goodstanding.model import Reply
from goodstanding.wire.address import xtext_decode
from goodstanding.wire.message import date_time, facts, folded, parse_header, visible

Action = Literal["failed", "delayed", "relayed"]

LINE_LIMIT = 998
"""Octets of a line without its CRLF (RFC 5322 §2.1.1)."""


@dataclass(frozen=True, slots=True)
class DsnRecipient:
    """What became of one recipient."""

    address: str
    orcpt: str
    """``rfc822;user@example`` as submitted (xtext), or empty."""
    action: Action
    reply: Reply | None
    """The last answer: the remote server's when ``remote_host`` is given, else our own words for what went wrong."""
    status: str
    """Enhanced status code (RFC 3463) of the final judgement, which may differ from the reply's: ``5.4.7``."""
    remote_host: str = ""
    """``mx1.example.net [203.0.113.7]``."""
    last_attempt: float = 0.0
    """Second of the last attempt; 0 when there was none."""
    will_retry_until: float | None = None
    """Second after which a delayed message is given up."""


@dataclass(frozen=True, slots=True)
class DsnFacts:
    """Everything a notification says."""

    reporting_mta: str
    """Our host name."""
    envid: str
    """As submitted (xtext), or empty."""
    arrival: float
    return_path: str
    """Whom it goes to; never empty."""
    recipients: tuple[DsnRecipient, ...]
    """At least one."""
    message_name: str
    """Of the message it is about."""
    original_header: bytes
    original_body_chunks: Sequence[bytes] | None
    """Given to return the whole message (RET=FULL); it goes back as far as the notification can carry it."""
    now: float
    boundary: str
    """1 to 60 letters and digits nobody can guess; also makes the Message-ID."""
    from_address: str
    """``MAILER-DAEMON@mx.example``."""
    smtputf8: bool = False
    """It will travel by SMTPUTF8, so UTF-8 may stand in headers; without it every octet is ASCII."""


def build(report: DsnFacts) -> bytes:
    """The notification as a message: CRLF line ends, no line over 998 octets."""
    lines = [*_head(report), b""]
    for part in (_words_for_people(report), _words_for_programs(report), _original(report)):
        lines += [
            f"--{report.boundary}".encode(),
            _field("Content-Type", part.kind),
            _field("Content-Transfer-Encoding", part.encoding),
            b"",
            part.body,
        ]
    return b"\r\n".join([*lines, f"--{report.boundary}--".encode(), b""])


@dataclass(frozen=True, slots=True)
class _Part:
    kind: str
    encoding: str
    body: bytes


def _part(kind: str, octets: bytes, utf8: bool) -> _Part:
    """Octets as they are where they can be carried so, else in an ASCII disguise."""
    if _fits(octets, utf8):
        return _Part(kind, "7bit" if octets.isascii() else "8bit", octets)
    return _Part(kind, "quoted-printable", binascii.b2a_qp(octets))


def _fits(octets: bytes, utf8: bool) -> bool:
    longest = max(map(len, octets.split(b"\r\n")))
    return (utf8 or octets.isascii()) and b"\0" not in octets and longest <= LINE_LIMIT


def _head(report: DsnFacts) -> list[bytes]:
    original = facts(parse_header(report.original_header))
    actions = {recipient.action for recipient in report.recipients}
    verdict = next(words for action, words in _VERDICTS.items() if action in actions)
    fields = [
        _field("From", f"Mail delivery system <{report.from_address}>", report.smtputf8),
        _field("To", f"<{_bare(report.return_path)}>", report.smtputf8),
        b"Subject: " + _subject(f"{verdict}: {original.subject or 'your message'}", report.smtputf8),
        _field("Date", date_time(report.now)),
        _field("Message-ID", f"<{report.boundary}@{report.reporting_mta}>"),
        _field("Auto-Submitted", "auto-replied"),  # RFC 3834 §5: nothing answers an answer
        _field("MIME-Version", "1.0"),
        _field("Content-Type", f'multipart/report; report-type=delivery-status; boundary="{report.boundary}"'),
    ]
    if original.message_id:
        fields += [_field(name, original.message_id) for name in ("In-Reply-To", "References")]
    return fields


_VERDICTS: dict[Action, str] = {
    "failed": "Not delivered",
    "delayed": "Delivery is late",
    "relayed": "Passed on",
}
"""How a subject begins; where a message met several fates, the worst is named."""


# --- for people ------------------------------------------------------------------------------------------------------


def _words_for_people(report: DsnFacts) -> _Part:
    paragraphs = [f"This is the mail system at {report.reporting_mta}."]
    for action, opening in _OPENINGS.items():
        mentioned = [recipient for recipient in report.recipients if recipient.action == action]
        if mentioned:
            paragraphs.append(_wrapped(opening.format("this address" if len(mentioned) == 1 else "these addresses")))
            paragraphs += [_story(recipient) for recipient in mentioned]
    subject = facts(parse_header(report.original_header)).subject or "(none)"
    paragraphs.append(
        f"The message:\n{_wrapped(f'Subject: {subject}', 2)}\n  Taken in: {date_time(report.arrival)}"
        f"\n  Our name for it: {report.message_name} (quote it when you ask for help)\n"
    )
    text = "\n\n".join(paragraphs).replace("\n", "\r\n")
    return _part("text/plain; charset=utf-8", text.encode("utf-8", "replace"), report.smtputf8)


_OPENINGS: dict[Action, str] = {
    "failed": "Your message was not delivered to {}, and will not be tried again:",
    "delayed": "Your message has not been delivered to {} yet. We keep trying; there is no need to send it again:",
    "relayed": "Your message was passed on towards {}, to a server that does not tell us of delivery. Unless you hear "
    "of a failure, it has arrived:",
}


def _story(recipient: DsnRecipient) -> str:
    """One recipient: the address, why, what to do, and what was really said."""
    lines = [_wrapped(_bare(recipient.address), 2)]
    because, remedy = _advice(recipient.status)
    if recipient.action == "failed":
        lines += [_wrapped(because, 4), _wrapped(f"What to do: {remedy}", 4)]
    elif recipient.action == "delayed":
        until = f" We give up after {date_time(recipient.will_retry_until)}." if recipient.will_retry_until else ""
        lines.append(_wrapped(because + until, 4))
    if recipient.reply is not None:
        lines.append(_wrapped(f"{recipient.remote_host} said:" if recipient.remote_host else "What happened:", 4))
        lines.append(_wrapped(str(recipient.reply)[:1_000], 6))
    return "\n".join(lines)


def _advice(status: str) -> tuple[str, str]:
    """Why, and what to do, by the most exact entry for a status code."""
    _, _, detail = status.partition(".")
    subject = detail.partition(".")[0]
    return _ADVICE.get(detail) or _ADVICE.get(subject) or _ADVICE[""]


_ADVICE: dict[str, tuple[str, str]] = {
    "": (
        "The receiving server did not take the message.",
        "Read its answer below; if it means nothing to you, show this notice to whoever runs your mail.",
    ),
    "1": (
        "The receiving server does not accept this address.",
        "Check the address for a typing error; if it is right, ask the recipient for another one.",
    ),
    "1.1": (
        "The address does not exist.",
        "Correct it if it has a typing error; otherwise remove it from your list and do not write to it again.",
    ),
    "1.2": (
        "The domain (the part after the @) does not exist or cannot receive mail.",
        "Correct it if it has a typing error; otherwise remove the address from your list.",
    ),
    "1.3": ("This is not a valid mail address.", "Correct it, then send the message again."),
    "1.6": ("The recipient has moved and left no new address.", "Remove the address from your list."),
    "1.7": (
        "The receiving server does not accept the address you send from.",
        "Check your sender address, then send the message again.",
    ),
    "1.8": (
        "The receiving server cannot find the domain you send from.",
        "Ask whoever runs your mail to check the DNS records of your domain.",
    ),
    "1.10": ("The domain has declared that it receives no mail.", "Remove the address from your list."),
    "2": (
        "The mailbox cannot take the message.",
        "Ask the recipient in another way; the server's answer below may say more.",
    ),
    "2.1": (
        "The mailbox is switched off.",
        "Remove the address from your list, or ask the recipient in another way whether it is still used.",
    ),
    "2.2": (
        "The mailbox is full.",
        "Send the message again in some days, or ask the recipient in another way to make room.",
    ),
    "2.3": ("The message is too large for this mailbox.", "Send it smaller, or send a link instead of attachments."),
    "3": (
        "The receiving system could not take the message.",
        "Send it again later; if that fails too, ask the recipient in another way.",
    ),
    "3.4": ("The message is too large for the receiving system.", "Send it smaller, or a link instead of attachments."),
    "4": (
        "The receiving server could not be reached.",
        "Check the part after the @ for a typing error; if it is right, send the message again later.",
    ),
    "4.6": (
        "The message went in a circle between servers.",
        "Nothing you can do; whoever runs the recipient's mail has to correct its routing.",
    ),
    "4.7": (
        "It could not be delivered in the time we keep trying.",
        "Check the address; if it is right, send the message again later.",
    ),
    "5": ("The two mail servers did not understand each other.", "Show this notice to whoever runs your mail."),
    "5.3": ("The message had too many recipients for this server.", "Send it to fewer recipients at a time."),
    "6": (
        "The receiving server cannot take messages of this form.",
        "Send the message in another form, for instance as plain text without attachments.",
    ),
    "6.7": (
        "An address has letters outside ASCII, and the receiving server does not support that (SMTPUTF8).",
        "Use an address in plain ASCII for this recipient, as sender too; many people have both.",
    ),
    "7": (
        "The receiving server refused the message as a matter of its policy.",
        "Do not send it again unchanged. The server's answer below says what it objects to; if it gives a web "
        "address, whoever runs your mail should follow it.",
    ),
    **dict.fromkeys(  # RFC 7372
        ("7.20", "7.21", "7.22", "7.23", "7.24", "7.26"),
        (
            "The receiving server found no proof that the message is really from your domain.",
            "Show this notice to whoever runs your mail: SPF, DKIM or DMARC of your domain have to be corrected.",
        ),
    ),
    "7.25": (
        "The receiving server objects to the DNS name of our sending address.",
        "Show this notice to whoever runs your mail: the reverse DNS (PTR) record has to be corrected.",
    ),
    "7.28": ("The receiving server finds that too much mail comes at once.", "Send later, and less at a time."),
}
"""By what follows the class in a status code (RFC 3463, and the IANA registry of enhanced status codes)."""


# --- for programs ----------------------------------------------------------------------------------------------------


def _words_for_programs(report: DsnFacts) -> _Part:
    groups = [_about_the_message(report), *(_about(recipient, report.smtputf8) for recipient in report.recipients)]
    kind = "message/global-delivery-status" if report.smtputf8 else "message/delivery-status"  # RFC 6533 §4
    return _part(kind, b"\r\n\r\n".join(groups) + b"\r\n", report.smtputf8)


def _about_the_message(report: DsnFacts) -> bytes:
    """RFC 3464 §2.2."""
    fields = [_field("Reporting-MTA", f"dns; {report.reporting_mta}")]
    if report.envid:
        envelope = xtext_decode(report.envid) or report.envid
        fields.insert(0, _field("Original-Envelope-Id", envelope, report.smtputf8))
    fields.append(_field("X-Goodstanding-Message", report.message_name))
    fields.append(_field("Arrival-Date", date_time(report.arrival)))
    return b"\r\n".join(fields)


def _about(recipient: DsnRecipient, utf8: bool) -> bytes:
    """RFC 3464 §2.3."""
    fields = []
    if original := _original_recipient(recipient.orcpt, utf8):
        fields.append(_field("Original-Recipient", original, utf8))
    fields.append(_field("Final-Recipient", _typed_address(recipient.address, utf8), utf8))
    fields.append(_field("Action", recipient.action))
    fields.append(_field("Status", recipient.status))
    if recipient.remote_host:
        fields.append(_field("Remote-MTA", "dns; " + recipient.remote_host.partition(" ")[0]))
    if recipient.reply is not None:
        kind = "smtp" if recipient.remote_host else "X-Goodstanding"  # RFC 3464 §2.3.6: nobody said this by SMTP
        fields.append(_field("Diagnostic-Code", f"{kind}; {recipient.reply}"[:4_000], utf8))
    if recipient.last_attempt:
        fields.append(_field("Last-Attempt-Date", date_time(recipient.last_attempt)))
    if recipient.will_retry_until is not None:
        fields.append(_field("Will-Retry-Until", date_time(recipient.will_retry_until)))
    return b"\r\n".join(fields)


def _original_recipient(orcpt: str, utf8: bool) -> str:
    kind, _, xtext = orcpt.partition(";")
    address = xtext_decode(xtext)
    if not address or not kind.isascii() or not kind.replace("-", "").isalnum():
        return ""
    return f"{kind};{address if utf8 or address.isascii() else _escaped(address)}"


def _typed_address(address: str, utf8: bool) -> str:
    if address.isascii():
        return f"rfc822; {address}"
    return f"utf-8; {address if utf8 else _escaped(address)}"


def _escaped(address: str) -> str:
    """RFC 6533 §3: utf-8-addr-xtext, an address outside ASCII in a place that is ASCII."""
    return "".join(
        char if "!" <= char <= "~" and char not in "+=\\" else f"\\x{{{ord(char):02X}}}" for char in visible(address)
    )


# --- what comes back of the original ---------------------------------------------------------------------------------


def _original(report: DsnFacts) -> _Part:
    """The whole message where that was asked for and it can be carried as it is; else its header."""
    header = _lines(report.original_header.rstrip(b"\r\n"))
    if report.original_body_chunks is not None:
        message = header + b"\r\n" + _lines(b"".join(report.original_body_chunks))
        if _fits(message, report.smtputf8):  # RFC 2046 §5.2.1: a message within a message is not to be encoded
            return _part("message/global" if report.smtputf8 else "message/rfc822", message, report.smtputf8)
    return _part("message/global-headers" if report.smtputf8 else "text/rfc822-headers", header, report.smtputf8)


def _lines(octets: bytes) -> bytes:
    return b"".join([line + b"\r\n" for line in octets.splitlines()])


# --- lines -----------------------------------------------------------------------------------------------------------


def _field(name: str, value: str, utf8: bool = False) -> bytes:
    """A header field that is one field whatever the value holds, folded, without its CRLF."""
    text = folded([f"{name}:", *_words(value)])
    return text.encode("utf-8", "replace") if utf8 else text.encode("ascii", "replace")


def _words(text: str) -> list[str]:
    """Words without control characters, none so long that it would overfill a line."""
    words = []
    for word in visible(" ".join(text.split())).split():
        longest = LINE_LIMIT - 98 if word.isascii() else LINE_LIMIT // 4 - 9
        words += [word[at : at + longest] for at in range(0, len(word), longest)]
    return words


def _bare(address: str) -> str:
    """An address that cannot leave its angle brackets."""
    return visible(address).replace("<", "").replace(">", "")


def _wrapped(text: str, indent: int = 0) -> str:
    """A paragraph of the human part."""
    margin = " " * indent
    return margin + folded(_words(text), 73 - indent).replace("\r\n ", f"\n{margin}")


def _subject(text: str, utf8: bool) -> bytes:
    """A subject in plain words, or in encoded words (RFC 2047) where it has to be ASCII and is not."""
    if utf8 or text.isascii():
        return folded(_words(text), 67).encode("utf-8", "replace")
    words: list[bytes] = []
    word = b""
    for char in text:
        octets = char.encode("utf-8", "replace")
        if len(word) + len(octets) > 39:  # RFC 2047 §2: 75 columns, and never half a character
            words.append(word)
            word = b""
        word += octets
    return b"\r\n ".join([b"=?utf-8?b?%b?=" % b64encode(octets) for octets in [*words, word]])

"""What programs send and get, as ACS writes it (api-versions 2023-03-31, 2024-07-01-preview, 2025-09-01)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from goodstanding.wire.compose import Attachment, Draft, Mailbox, Wrong, wrong_attachment

VERSIONS = ("2023-03-31", "2024-07-01-preview", "2025-09-01")

IGNORE_DUPLICATE = "x-ms-acsemail-ignore-duplicate-content-id"
SUPPRESS_INVALID = "x-ms-acsemail-suppress-invalid-attachment"
VALIDATE_MESSAGE_ID = "x-ms-acsemail-validate-message-id"
RESERVED = "x-ms-acsemail-"
"""Custom headers that speak to the service and go no further."""


class Address(Struct, frozen=True, gc=False):
    """``EmailAddress``."""

    address: str
    displayName: str | None = ""


class Content(Struct, frozen=True, gc=False):
    """``EmailContent``."""

    subject: str
    plainText: str | None = ""
    html: str | None = ""


class Recipients(Struct, frozen=True, gc=False):
    """``EmailRecipients``."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...] | None = ()
    bcc: tuple[Address, ...] | None = ()


class File(Struct, frozen=True, gc=False):
    """``EmailAttachment``."""

    name: str
    contentType: str
    contentInBase64: bytes
    contentId: str | None = ""


class Message(Struct, frozen=True, gc=False):
    """``EmailMessage``; fields that are not known are passed over, as ACS does."""

    senderAddress: str
    content: Content
    recipients: Recipients
    headers: dict[str, str] | None = None
    attachments: tuple[File, ...] | None = ()
    replyTo: tuple[Address, ...] | None = ()
    userEngagementTrackingDisabled: bool | None = False


class Detail(Struct, frozen=True, gc=False, omit_defaults=True):
    """One reason, or what was done to a recipient."""

    code: str
    message: str
    target: str = ""


class Trouble(Struct, frozen=True, gc=False, omit_defaults=True):
    """``ErrorDetail``."""

    code: str
    message: str
    target: str = ""
    details: tuple[Detail, ...] = ()


class Fate(Struct, frozen=True, gc=False, omit_defaults=True):
    """What became of one recipient: ``queued``, ``held``, ``suppressed`` or ``refused``. ACS has no such list."""

    address: str
    status: str
    reasons: tuple[Detail, ...] = ()


class Result(Struct, frozen=True, gc=False, omit_defaults=True):
    """``EmailSendResult``."""

    id: str
    status: str
    error: Trouble | None = None
    recipients: tuple[Fate, ...] = ()
    remarks: tuple[Detail, ...] = ()


class Envelope(Struct, frozen=True, gc=False):
    """``ErrorResponse``."""

    error: Trouble


_decode = msgspec.json.Decoder(Message).decode
encode = msgspec.json.Encoder().encode


def read_message(octets: bytes) -> Message | Wrong:
    """A message as it came, or what is wrong with its form."""
    try:
        return _decode(octets)
    except msgspec.ValidationError as exc:
        words, _, path = str(exc).partition(" - at `$.")
        return Wrong(path.rstrip("`"), words)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        return Wrong("", f"the body is no JSON: {exc}")
    except RecursionError:
        return Wrong("", "the body is nested too deeply")


def draft_of(message: Message) -> Draft | Wrong:
    """A message as it is to be composed, its reserved headers obeyed; or what is wrong with it."""
    headers = dict(message.headers or {})
    said = {name.lower(): value.strip().lower() == "true" for name, value in headers.items()}
    files = _files(message.attachments or (), said.get(SUPPRESS_INVALID, False), said.get(IGNORE_DUPLICATE, False))
    if isinstance(files, Wrong):
        return files
    fields: list[tuple[str, str]] = []
    for name, value in headers.items():
        if name.lower().startswith(RESERVED):
            continue
        if name.lower() == "message-id" and not _MESSAGE_ID.fullmatch(value.strip()):
            if said.get(VALIDATE_MESSAGE_ID, False):
                return Wrong("headers.Message-ID", "is not of the form <guid@domain.com>")
            continue
        fields.append((name, value))
    recipients = message.recipients
    return Draft(
        Mailbox(message.senderAddress),
        _mailboxes(recipients.to),
        _mailboxes(recipients.cc or ()),
        _mailboxes(recipients.bcc or ()),
        _mailboxes(message.replyTo or ()),
        message.content.subject,
        message.content.plainText or "",
        message.content.html or "",
        files,
        tuple(fields),
    )


_MESSAGE_ID = re.compile(r"<[^<>@\s\x00-\x1f\x7f]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+>")


def _mailboxes(addresses: Iterable[Address]) -> tuple[Mailbox, ...]:
    return tuple([Mailbox(one.address, one.displayName or "") for one in addresses])


def _files(files: Sequence[File], suppress: bool, ignore_duplicates: bool) -> tuple[Attachment, ...] | Wrong:
    kept: list[Attachment] = []
    seen: set[str] = set()
    for i, file in enumerate(files):
        one = Attachment(
            file.name, file.contentType.partition(";")[0].strip(), file.contentInBase64, file.contentId or ""
        )
        wrong = next(wrong_attachment(f"attachments[{i}]", one), None)
        if wrong is None and one.media_type.lower() not in MEDIA_TYPES:
            wrong = Wrong(f"attachments[{i}].contentType", f"{one.media_type} is not among the types ACS lets in")
        if wrong is not None:
            if suppress:
                continue
            return wrong
        if one.content_id and one.content_id in seen:
            if not ignore_duplicates:
                return Wrong(f"attachments[{i}].contentId", f"{one.content_id} is taken by another attachment")
            continue
        seen.add(one.content_id)
        kept.append(one)
    return tuple(kept)


MEDIA_TYPES = frozenset((Path(__file__).parent / "media_types.txt").read_text().split())
"""Those that Microsoft lists (email-attachment-allowed-mime-types)."""

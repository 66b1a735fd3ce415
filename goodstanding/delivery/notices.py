"""Delivery status notifications as queue entries of their own, from the null return path, so none answers another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from goodstanding.events import Accepted
from goodstanding.model import Envelope, MessageId, Recipient, Stream, WorkerId, accepted_at, message_name
from goodstanding.store.queue import EIGHT_BIT, NOTICE, SMTPUTF8, Claimed, Entry
from goodstanding.store.spool import Content
from goodstanding.wire.dsn import DsnFacts, DsnRecipient, build
from goodstanding.wire.message import header_end

RETURN_LIMIT = 64 * 1024
"""Bytes of a message that are sent back at most, even with RET=FULL: a notice is no way to multiply attachments."""

Seal = Callable[[bytes, Stream, float], bytes]
"""The DKIM-Signature fields for octets of ours that leave on a stream, at a second."""


def unsealed(octets: bytes, stream: Stream, now: float) -> bytes:
    """No fields: nobody here has keys for our host name."""
    return b""


@dataclass(slots=True)
class Ours:
    """Who we are in mail of our own."""

    hostname: str
    seal: Seal = unsealed
    """Replaced when keys change."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification ready to be queued."""

    entry: Entry
    content: Content


def notice(
    about: Claimed,
    recipients: Sequence[DsnRecipient],
    original: Iterable[bytes],
    message: MessageId,
    ours: Ours,
    now: float,
) -> Notice:
    """What the sender of a message is told about some of its recipients; ``original`` is the body as submitted."""
    octets = b"".join(islice(original, RETURN_LIMIT // (256 * 1024) + 1))
    end = header_end(octets)
    whole = about.ret == "FULL" and about.place.size <= RETURN_LIMIT
    utf8 = bool(about.traits & SMTPUTF8)
    facts = DsnFacts(
        reporting_mta=ours.hostname,
        envid=about.envid,
        arrival=accepted_at(about.message),
        return_path=about.sender,
        recipients=tuple(recipients),
        message_name=message_name(about.message),
        original_header=octets[:end],
        original_body_chunks=[octets[end:]] if whole else None,
        now=now,
        boundary=f"gs{message_name(message)}",
        from_address=f"MAILER-DAEMON@{ours.hostname}",
        smtputf8=utf8,
    )
    body = build(facts)
    identity = about.identity
    event = Accepted(
        *(identity.tenant, message, 0, now, about.sender, identity.subscription, identity.stream.value, "", len(body)),
        header_from=facts.from_address,
        notice_for=message_name(about.message),
    )
    envelope = Envelope("", (Recipient(about.sender, ("NEVER",)),), "7BIT" if body.isascii() else "8BITMIME", utf8)
    traits = NOTICE | (SMTPUTF8 if utf8 else 0) | (0 if body.isascii() else EIGHT_BIT)
    entry = Entry(message, identity, envelope, traits, WorkerId(0), now, [event])
    return Notice(entry, Content(message, [body], len(body), ours.seal(body, identity.stream, now)))

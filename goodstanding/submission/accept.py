"""The front door: what every face calls to hand mail in. A verdict of Accepted means it is on disk, fsynced.

Order: read the header, name the message, build the prefix of headers we add, sign, then one commit that holds bytes,
queue rows and journal entries. Only then does the delivery loop hear of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from msgspec import Struct

from goodstanding.errors import StoreError
from goodstanding.events import Accepted as AcceptedEvent
from goodstanding.events import Refused as RefusedEvent
from goodstanding.model import Envelope, Identity, MessageId, Reply, WorkerId, message_name
from goodstanding.outside import Clock
from goodstanding.store import journal, queue
from goodstanding.store.db import Tx
from goodstanding.store.queue import EIGHT_BIT, SMTPUTF8, Claimed, ClaimedRecipient, Entry
from goodstanding.store.spool import Content, Place
from goodstanding.store.writer import Writer
from goodstanding.submission.identifiers import Identifiers
from goodstanding.submission.incoming import Incoming
from goodstanding.submission.signing import Signers
from goodstanding.wire.dkim import BodyHash, Signer, sign
from goodstanding.wire.message import Arrival, HeaderFacts, additions, facts, parse_header, received_line

HOPS_LIMIT = 100
"""Received fields after which a message is taken for one that runs in a circle (RFC 5321 §6.3)."""


class Accepted(Struct, frozen=True, gc=False):
    """It is ours now."""

    message: MessageId


class Refused(Struct, frozen=True, gc=False):
    """It is not; the reply says why and what to do."""

    reply: Reply


Verdict = Accepted | Refused


class Submission(Struct, frozen=True, gc=False):
    """One message as a face hands it in."""

    identity: Identity
    envelope: Envelope
    incoming: Incoming
    arrival: Arrival


class _Prepared(Struct, frozen=True, gc=False):
    """A message ready to be written."""

    entry: Entry
    content: Content


@dataclass(slots=True)
class FrontDoor:
    """Accepts mail for one worker."""

    hostname: str
    worker: WorkerId
    clock: Clock
    writer: Writer
    identifiers: Identifiers
    signers: Signers
    """Replaced when keys change."""
    threads: Executor
    """RSA releases the interpreter lock: signing goes on beside the event loop."""
    room_for: Callable[[Identity, int], bool]
    """Whether the delivery loop will take so many more recipients of an identity at once."""
    offer: Callable[[Claimed, Sequence[bytes] | None], None]
    """Hands a committed message, and its bytes if they are in memory, to the delivery loop."""

    async def accept(self, submission: Submission) -> Verdict:
        """Take responsibility for a message, or say why not. Its bytes are released either way."""
        incoming = submission.incoming
        try:
            prepared = await self._prepare(submission)
            if isinstance(prepared, Refused):
                incoming.discard()
                return prepared
            place = await self.writer.submit(_add, prepared.entry, prepared.content)
        except (StoreError, OSError) as exc:
            incoming.discard()
            return Refused(store_reply(exc))
        except BaseException:
            incoming.discard()
            raise
        incoming.release()
        entry, content = prepared.entry, prepared.content
        if entry.owner:
            self.offer(claimed_at_once(entry, place), None if content.large else [content.prefix, *content.body])
        return Accepted(entry.message)

    async def refuse(self, identity: Identity, remote: str, sender: str, recipient: str, reply: Reply) -> None:
        """Journal that a submission was turned away; best effort, the client has its answer anyway."""
        event = RefusedEvent(
            identity.tenant, self.clock.now(), identity.subscription, remote, sender, recipient, str(reply)
        )
        try:
            await self.writer.submit(_append, event)
        except StoreError:
            return  # the store is in trouble; that is being said elsewhere

    async def _prepare(self, submission: Submission) -> _Prepared | Refused:
        incoming, envelope = submission.incoming, submission.envelope
        incoming.complete()
        header = incoming.header()
        if header is None:
            return Refused(Reply(552, "5.3.4", "the header is larger than 256 KiB; shorten it"))
        now = self.clock.now()
        block = parse_header(header)
        found = facts(block)
        if found.received > HOPS_LIMIT:
            return Refused(
                Reply(554, "5.4.6", f"{found.received} Received fields: this message runs in a circle; find the loop")
            )
        message = self.identifiers.next(now)
        name = message_name(message)
        added = additions(block, message_id=f"<{name}@{self.hostname}>", now=now)
        signers = self.signers.for_sender(submission.identity.tenant, found.from_domain)
        signature = b""
        if signers:
            loop = asyncio.get_running_loop()
            signature = await loop.run_in_executor(self.threads, _sign, signers, added + header, incoming, now)
        sole = envelope.recipients[0].address if len(envelope.recipients) == 1 else ""
        received = received_line(submission.arrival, message_name=name, recipient=sole, now=now)
        blank = b"" if header or self._starts_blank(incoming) else b"\r\n"
        content = Content(message, incoming.chunks, incoming.size, signature + received + added + blank, incoming.large)
        if incoming.large is not None:
            # The fsync of a large file would hold every other message of the commit up.
            await asyncio.get_running_loop().run_in_executor(self.threads, incoming.large.finish, content.prefix)
        return _Prepared(self._entry(submission, message, found, now, _traits(submission, header)), content)

    @staticmethod
    def _starts_blank(incoming: Incoming) -> bool:
        first = incoming.head or b"".join(incoming.chunks[:2])
        return first.startswith(b"\r\n")

    def _entry(self, submission: Submission, message: MessageId, found: HeaderFacts, now: float, traits: int) -> Entry:
        identity, envelope = submission.identity, submission.envelope
        at_once = self.room_for(identity, len(envelope.recipients))
        events = [
            AcceptedEvent(
                *(identity.tenant, message, n, now, recipient.address, identity.subscription, identity.stream.value),
                *(envelope.sender, submission.incoming.size),
                *(found.from_address, found.message_id, found.subject, submission.arrival.remote),
            )
            for n, recipient in enumerate(envelope.recipients)
        ]
        owner = self.worker if at_once else WorkerId(0)
        return Entry(message, identity, envelope, traits, owner, now, events)


def _traits(submission: Submission, header: bytes) -> int:
    """What the next hop must offer for this message: found by looking, since clients declare too much or too little."""
    envelope, incoming = submission.envelope, submission.incoming
    if incoming.large is not None:
        eight_bit = envelope.body == "8BITMIME" or incoming.eight_bit
    else:
        eight_bit = not all(chunk.isascii() for chunk in incoming.chunks)
    # RFC 6531 §3.4: only a message that needs it is sent with SMTPUTF8
    needs_utf8 = envelope.smtputf8 and not (
        header.isascii() and envelope.sender.isascii() and all(one.address.isascii() for one in envelope.recipients)
    )
    return (EIGHT_BIT if eight_bit else 0) | (SMTPUTF8 if needs_utf8 else 0)


def _sign(signers: Sequence[Signer], header: bytes, incoming: Incoming, now: float) -> bytes:
    """The DKIM-Signature fields (runs in a thread)."""
    body = BodyHash()
    skip = len(incoming.header() or b"")
    for chunk in incoming.large.read() if incoming.large else incoming.chunks:
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        body.update(chunk[skip:] if skip else chunk)
        skip = 0
    return sign(signers, parse_header(header), body.digest(), now)


def _add(tx: Tx, batch: list[tuple[Entry, Place | None]]) -> list[Place | None]:
    """Unit of work: queue rows and journal of every message of a commit."""
    queue.add(tx, [(entry, place) for entry, place in batch if place is not None])
    return [place for _, place in batch]


def _append(tx: Tx, batch: list[tuple[RefusedEvent, Place | None]]) -> None:
    """Unit of work: journal entries without a message."""
    journal.append(tx, [event for event, _ in batch])


def claimed_at_once(entry: Entry, place: Place) -> Claimed:
    """The claim that was booked in the transaction that accepted the message."""
    envelope = entry.envelope
    recipients = tuple(ClaimedRecipient(n, recipient, 1) for n, recipient in enumerate(envelope.recipients))
    return Claimed(
        *(entry.message, entry.identity, envelope.sender, place, entry.traits, envelope.ret, envelope.envid),
        sole=len(recipients) == 1,
        recipients=recipients,
    )


def store_reply(exc: StoreError | OSError) -> Reply:
    """What a client is told when the store cannot: always temporary, nothing is lost on its side."""
    text = str(exc).lower()
    if "no space" in text or "full" in text or "quota" in text:
        return Reply(452, "4.3.1", "no room to store mail at present; try again later, the operator must make room")
    return Reply(451, "4.3.0", "mail cannot be stored at present; try again later")

"""The front door: what every face calls to hand mail in. A verdict of Accepted means it is on disk, fsynced.

Order: read the header, find the facts, judge what needs no books; then build the prefix of headers we add, sign, and
one commit that judges the rest and holds bytes, queue rows and journal entries. Only then does delivery hear of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from msgspec import Struct, structs

from goodstanding.admission.decide import Verdict as Ruling
from goodstanding.admission.decide import reply as reply_of
from goodstanding.admission.facts import Action, Finding
from goodstanding.errors import StoreError
from goodstanding.events import Accepted as AcceptedEvent
from goodstanding.events import Event
from goodstanding.events import Refused as RefusedEvent
from goodstanding.model import Envelope, Identity, MessageId, Reply, Stream, Touched, WorkerId, message_name
from goodstanding.outside import Clock
from goodstanding.store import journal, queue
from goodstanding.store.db import Tx
from goodstanding.store.people import Known
from goodstanding.store.queue import EIGHT_BIT, SMTPUTF8, Claimed, ClaimedRecipient, Entry
from goodstanding.store.spool import Content, Place
from goodstanding.store.writer import Places, Writer
from goodstanding.submission.doorkeeper import Doorkeeper, Examined
from goodstanding.submission.identifiers import Identifiers
from goodstanding.submission.incoming import Incoming
from goodstanding.submission.judging import (
    Bundle,
    Judge,
    Outcome,
    conclude,
    messages_of,
    new_operations,
    refused_events,
)
from goodstanding.submission.letter import Letter, letter_of, signatures, without_control
from goodstanding.submission.operation import Asked, Document, described
from goodstanding.submission.signing import Signers
from goodstanding.wire import return_path
from goodstanding.wire.address import as_ascii
from goodstanding.wire.dkim import Signer
from goodstanding.wire.message import Arrival, HeaderFacts, additions, facts, received_line

HOPS_LIMIT = 100
"""Received fields after which a message is taken for one that runs in a circle (RFC 5321 §6.3)."""
ONE_BY_ONE = Reply(
    554, "5.5.3", "a message of this size goes to one recipient at a time on this stream; send it to each of them"
)


class Accepted(Struct, frozen=True, gc=False):
    """It is ours now."""

    message: MessageId
    """The first of them, where each recipient got a message of its own."""
    remark: Reply | None = None
    """What the sender should know all the same: recipients that are held, say."""
    known: bool = False
    """Its operation was begun before, and nothing was accepted now."""
    told: Document | None = None
    """What a program that asked is told."""


class Refused(Struct, frozen=True, gc=False):
    """It is not; the reply says why and what to do."""

    reply: Reply
    journalled: bool = False
    findings: tuple[Finding, ...] = ()
    """Every reason, where admission refused."""


Verdict = Accepted | Refused


class Submission(Struct, frozen=True, gc=False):
    """One message as a face hands it in."""

    identity: Identity
    envelope: Envelope
    incoming: Incoming
    arrival: Arrival
    known: tuple[Known, ...] = ()
    """What was found out about the recipients as they were named; empty: nothing yet."""
    asked: Asked | None = None
    """The operation it answers, where a program asked by HTTP."""
    untracked: bool = False
    """Opens and clicks are not to be tracked, whatever the stream's custom."""


class _Plain(Struct, frozen=True, gc=False):
    """A message that nobody judges."""

    entry: Entry
    asked: Asked | None
    forget: Callable[[Tx, Iterable[tuple[int, int]]], None]
    """Gives its octets up again."""


_UNJUDGED = Ruling(Action.ACCEPT)


class _Named(Struct, frozen=True, gc=False):
    """A message that has a number."""

    message: MessageId
    name: str
    envelope: Envelope
    added: bytes
    """Fields in front of it that are signed with it."""
    now: float


class _Prepared(Struct, frozen=True, gc=False):
    """A submission ready to be written: a message, or one for each recipient."""

    entries: tuple[Entry, ...]
    contents: tuple[Content, ...]
    examined: Examined | None


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
    keeper: Doorkeeper | None = None
    """None: admission is off, and whoever has a credential may send."""
    judge: Judge | None = None
    report_key: bytes = b""
    """Seals the token by which reports find their message; empty: messages carry none."""
    reports_domain: str = ""
    """Domain of the mailbox that takes complaints (RFC 9477); empty: there is none."""

    async def accept(self, submission: Submission) -> Verdict:
        """Take responsibility for a message, or say why not. Its bytes are released either way."""
        incoming = submission.incoming
        try:
            prepared = await self._prepare(submission)
            if isinstance(prepared, Refused):
                incoming.discard()
                return prepared
            outcome = await self._write(prepared, submission)
        except (StoreError, OSError) as exc:
            incoming.discard()
            return Refused(store_reply(exc))
        except BaseException:
            incoming.discard()
            raise
        if outcome.known:
            incoming.discard()
            return Accepted(MessageId(0), known=True)
        if not outcome.entries:
            incoming.discard()
            return Refused(self._reply(outcome), journalled=True, findings=outcome.verdict.findings)
        incoming.release()
        for entry, place, content in zip(outcome.entries, outcome.places, prepared.contents, strict=True):
            claimed = claimed_at_once(entry, place)
            if claimed.recipients:
                self.offer(claimed, None if content.large else [content.prefix, *content.body])
        remark = self._reply(outcome) if outcome.verdict.action is not Action.ACCEPT else None
        asked, entries = submission.asked, outcome.entries
        document = described(asked, messages_of(entries), outcome.verdict) if asked is not None else None
        return Accepted(entries[0].message, remark, told=document)

    async def _write(self, prepared: _Prepared, submission: Submission) -> Outcome:
        """Commit it, judged by the books if admission is on."""
        if prepared.examined is None or self.judge is None:
            plain = _Plain(prepared.entries[0], submission.asked, self.writer.spool.forget)
            place: Place | None = await self.writer.submit(_add, plain, *prepared.contents)
            return Outcome(_UNJUDGED, prepared.entries, (place,)) if place else Outcome(_UNJUDGED, known=True)
        bundle = Bundle(prepared.examined, prepared.entries, submission.arrival.remote, submission.asked)
        outcome: Outcome = await self.writer.submit(self.judge.admit, bundle, *prepared.contents)
        return outcome

    def _reply(self, outcome: Outcome) -> Reply:
        return reply_of(outcome.verdict, self.keeper.reasons_url if self.keeper else "")

    async def refuse(
        self, identity: Identity, remote: str, sender: str, recipient: str, reply: Reply, operation: str = ""
    ) -> None:
        """Journal that a submission was turned away; best effort, the client has its answer anyway."""
        now = self.clock.now()
        names = (identity.tenant, now, identity.subscription, remote, sender, recipient, str(reply))
        event = RefusedEvent(*names, operation=operation)
        await self._journal([event])

    async def _journal(self, events: Sequence[Event]) -> None:
        try:
            await self.writer.submit(_append, events)
        except StoreError:
            return  # the store is in trouble; that is being said elsewhere

    async def _prepare(self, submission: Submission) -> _Prepared | Refused:
        submission.incoming.complete()
        letter = letter_of(submission.incoming)
        if letter is None:
            return Refused(Reply(552, "5.3.4", "the header is larger than 256 KiB; shorten it"))
        found = facts(letter.block)
        if found.received > HOPS_LIMIT:
            return Refused(
                Reply(554, "5.4.6", f"{found.received} Received fields: this message runs in a circle; find the loop")
            )
        signers = self.signers.for_sender(submission.identity.tenant, as_ascii(found.from_domain))
        examined: Examined | None = None
        if self.keeper is not None:
            known = await self._examine(self.keeper, submission, letter, found, signers)
            if isinstance(known, Refused):
                return known
            examined, letter = known, without_control(letter)
        shares = self._shares(submission)
        if len(shares) > 1 and letter.large is not None:
            return Refused(ONE_BY_ONE)
        named = [self._named(submission, share, letter, signers) for share in shares]
        letters = [letter] * len(named)
        if self._tracks(submission, letter):
            assert self.keeper is not None
            with_marks = partial(self.keeper.tracked, submission.identity, letter)
            copies = [(one.envelope, one.message) for one in named]
            letters = await asyncio.get_running_loop().run_in_executor(self.threads, with_marks, copies)
        signed = [b""] * len(named)
        if signers:
            work = partial(signatures, signers, [one.added for one in named], letters, named[0].now)
            signed = await asyncio.get_running_loop().run_in_executor(self.threads, work)
        contents = tuple(map(partial(self._content, submission), letters, named, signed))
        if letter.large is not None:
            # The fsync of a large file would hold every other message of the commit up.
            await asyncio.get_running_loop().run_in_executor(self.threads, letter.large.finish, contents[0].prefix)
        said = iter(examined.reasons() if examined is not None else ())
        entries = tuple(self._entry(submission, one, own, found, said) for one, own in zip(named, letters, strict=True))
        return _Prepared(entries, contents, examined)

    def _tracks(self, submission: Submission, letter: Letter) -> bool:
        if self.keeper is None or letter.large is not None or submission.untracked:
            return False
        return self.keeper.tracks(submission.identity)

    async def _examine(
        self, keeper: Doorkeeper, submission: Submission, letter: Letter, found: HeaderFacts, signers: Sequence[Signer]
    ) -> Examined | Refused:
        """What admission finds before the books are asked; a refusal is journalled here."""
        signed_by = signers[0].domain if signers else ""
        known, envelope = submission.known, submission.envelope
        examined = await keeper.examine(submission.identity, envelope, letter, found, signed_by, known)
        if examined.verdict.action in (Action.REFUSE, Action.DEFER):
            await self._journal(refused_events(examined.facts, examined.verdict, submission.arrival.remote))
            found_out = examined.verdict.findings
            return Refused(reply_of(examined.verdict, keeper.reasons_url), journalled=True, findings=found_out)
        return examined

    def _shares(self, submission: Submission) -> list[Envelope]:
        """One message, or one a recipient where each needs a way out of its own (RFC 8058)."""
        envelope, identity = submission.envelope, submission.identity
        if self.keeper is None or identity.stream is Stream.TRANSACTIONAL or len(envelope.recipients) == 1:
            return [envelope]
        return [structs.replace(envelope, recipients=(one,)) for one in envelope.recipients]

    def _reports_to(self, signers: Sequence[Signer]) -> str:
        """Where providers may send complaints about what these sign; empty: nowhere."""
        vouched = any(return_path.covers(signer.domain, self.reports_domain) for signer in signers)
        return f"fbl@{self.reports_domain}" if vouched else ""

    def _named(self, submission: Submission, envelope: Envelope, letter: Letter, signers: Sequence[Signer]) -> _Named:
        """A message with its number and the fields that are put in front of it and signed."""
        now = self.clock.now()
        message = self.identifiers.next(now)
        name = message_name(message)
        added = additions(letter.block, message_id=f"<{name}@{self.hostname}>", now=now)
        if self.keeper is not None:
            added += self.keeper.way_out(submission.identity, letter, envelope.recipients[0].address, message, now)
        if self.report_key:
            added += return_path.fields(self.report_key, message, len(envelope.recipients), self._reports_to(signers))
        return _Named(message, name, envelope, added, now)

    def _content(self, submission: Submission, letter: Letter, named: _Named, signed: bytes) -> Content:
        recipients = named.envelope.recipients
        sole = recipients[0].address if len(recipients) == 1 else ""
        received = received_line(submission.arrival, message_name=named.name, recipient=sole, now=named.now)
        blank = b"" if letter.starts_blank else b"\r\n"
        prefix = signed + received + named.added + blank + letter.moved
        return Content(named.message, letter.chunks, letter.size - len(letter.moved), prefix, letter.large)

    def _entry(
        self, submission: Submission, named: _Named, letter: Letter, found: HeaderFacts, said: Iterator[str]
    ) -> Entry:
        """What is queued and journalled; ``said``: why each recipient may be written to, as far as it is known."""
        identity, envelope = submission.identity, named.envelope
        at_once = self.room_for(identity, len(envelope.recipients))
        events = [
            AcceptedEvent(
                *(identity.tenant, named.message, n, named.now, recipient.address),
                *(identity.subscription, identity.stream.value, envelope.sender, letter.size),
                *(found.from_address, found.message_id or f"<{named.name}@{self.hostname}>"),  # as `additions` has it
                *(found.subject, submission.arrival.remote),
                because=next(said, ""),
                operation=submission.asked.begun.id if submission.asked is not None else "",
            )
            for n, recipient in enumerate(envelope.recipients)
        ]
        owner = self.worker if at_once else WorkerId(0)
        touched = Touched(identity.subscription, identity.stream.value, as_ascii(found.from_domain))
        what = (named.message, identity, envelope, _traits(submission, letter), owner, named.now, events)
        return Entry(*what, touched=touched)


def _traits(submission: Submission, letter: Letter) -> int:
    """What the next hop must offer for this message: found by looking, since clients declare too much or too little."""
    envelope = submission.envelope
    if letter.large is not None:
        eight_bit = envelope.body == "8BITMIME" or submission.incoming.eight_bit
    else:
        eight_bit = not all(chunk.isascii() for chunk in letter.chunks)
    # RFC 6531 §3.4: only a message that needs it is sent with SMTPUTF8
    needs_utf8 = envelope.smtputf8 and not (
        letter.header.isascii()
        and envelope.sender.isascii()
        and all(one.address.isascii() for one in envelope.recipients)
    )
    return (EIGHT_BIT if eight_bit else 0) | (SMTPUTF8 if needs_utf8 else 0)


def accepted_reply(verdict: Accepted) -> Reply:
    """What a client is told that handed its message in: its name, and what should be known of it."""
    named = f"accepted as {message_name(verdict.message)}"
    if verdict.remark is None:
        return Reply(250, "2.0.0", named)
    return Reply(250, verdict.remark.enhanced, f"{named}\n{verdict.remark.text}")


def _add(tx: Tx, batch: list[tuple[_Plain, Places]]) -> list[Place | None]:
    """Unit of work: queue rows and journal of every message of a commit; None for one that was asked for before."""
    fresh = new_operations(tx, [plain.asked for plain, _ in batch])
    added = [one for one, is_new in zip(batch, fresh, strict=True) if is_new]
    queue.add(tx, [(plain.entry, places[0]) for plain, places in added])
    conclude(tx, [(plain.asked, (plain.entry,), _UNJUDGED) for plain, _ in added])
    for (plain, places), is_new in zip(batch, fresh, strict=True):
        if not is_new:
            plain.forget(tx, [(plain.entry.message, places[0].segment)])
    return [places[0] if is_new else None for (_, places), is_new in zip(batch, fresh, strict=True)]


def _append(tx: Tx, batch: list[tuple[Sequence[Event], Places]]) -> None:
    """Unit of work: journal entries without a message."""
    journal.append(tx, [event for events, _ in batch for event in events])


def claimed_at_once(entry: Entry, place: Place) -> Claimed:
    """The claim that was booked in the transaction that accepted the message; nobody in it if nothing was claimed."""
    envelope = entry.envelope
    stopped = entry.held | {n for n, _ in entry.returned} if entry.held or entry.returned else _NOBODY
    recipients = tuple(
        [ClaimedRecipient(n, one, 1) for n, one in enumerate(envelope.recipients) if n not in stopped]
        if entry.owner
        else ()
    )
    return Claimed(
        *(entry.message, entry.identity, envelope.sender, place, entry.traits, envelope.ret, envelope.envid),
        sole=len(envelope.recipients) == 1,
        recipients=recipients,
        touched=entry.touched,
    )


_NOBODY: frozenset[int] = frozenset()


def store_reply(exc: StoreError | OSError) -> Reply:
    """What a client is told when the store cannot: always temporary, nothing is lost on its side."""
    text = str(exc).lower()
    if "no space" in text or "full" in text or "quota" in text:
        return Reply(452, "4.3.1", "no room to store mail at present; try again later, the operator must make room")
    return Reply(451, "4.3.0", "mail cannot be stored at present; try again later")

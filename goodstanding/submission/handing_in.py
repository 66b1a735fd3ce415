"""Mail from programs: a whole message at once, with everybody it goes to, through the same door as SMTP's.

As at RCPT, who must not be written to is turned away one by one; the message goes to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct, structs

from goodstanding.admission.decide import reply_to_recipient
from goodstanding.admission.facts import Finding
from goodstanding.errors import StoreError
from goodstanding.model import Envelope, Identity, Recipient, Reply
from goodstanding.store import operations
from goodstanding.store.db import Tx
from goodstanding.store.people import Known
from goodstanding.store.writer import Places
from goodstanding.submission.accept import Accepted, FrontDoor, Refused, Submission, store_reply
from goodstanding.submission.authentication import TokenRefused, household
from goodstanding.submission.doorkeeper import Doorkeeper
from goodstanding.submission.incoming import Incoming
from goodstanding.submission.judging import new_operations
from goodstanding.submission.operation import Asked, Document, all_turned_away, nobody, turned_away
from goodstanding.submission.reception import GOING, Reception
from goodstanding.wire.message import Arrival


class Handed(Struct, frozen=True, gc=False):
    """What a program hands in."""

    identity: Identity
    envelope: Envelope
    octets: bytes
    """The message; lines end in CRLF."""
    arrival: Arrival
    asked: Asked
    untracked: bool = False


class Nobody(Struct, frozen=True, gc=False):
    """All recipients were turned away: the operation is known, and has failed."""

    known: bool = False
    told: Document | None = None


@dataclass(frozen=True, slots=True)
class HandingIn:
    """The place of one worker where programs hand mail in."""

    reception: Reception

    def now(self) -> float:
        """The present second."""
        return self.reception.clock.now()

    def closed_to(self, remote: str) -> bool:
        """Whether this address has guessed too often to be heard before the minute ends."""
        return self.reception.brake.closed_to(household(remote), self.now())

    def distrust(self, remote: str) -> None:
        """It guessed wrong."""
        self.reception.brake.failed(household(remote), self.now())

    async def bearer(self, authorization: str, user: str) -> Identity | TokenRefused:
        """Whom the token of an Authorization header opens; ``user`` chooses among several subscriptions."""
        login = self.reception.login
        if login.bearer is None:
            return TokenRefused("no-issuer", "no issuer of tokens is known here; sign the request with an access key")
        return await login.bearer.authorize(authorization, self.reception.credentials, user)

    async def take(self, handed: Handed) -> Accepted | Refused | Nobody:
        """Take a message in, durably, or say why not; what was turned away stands in the operation's document."""
        reception = self.reception
        door = reception.door
        if reception.closing:
            return Refused(GOING)
        envelope, asked = handed.envelope, handed.asked
        known: tuple[Known, ...] = ()
        if door.keeper is not None:
            terms = door.keeper.premises.terms(handed.identity)
            if len(envelope.recipients) > terms.recipients_limit and not terms.shadow:
                return Refused(_too_many(terms.recipients_limit))
            try:
                known, turned = await _welcome(door.keeper, handed.identity, envelope)
            except StoreError as exc:
                return Refused(store_reply(exc))
            if turned:
                await _journal(door, handed, turned)
                left = {one.address for one in known}
                recipients = tuple([one for one in envelope.recipients if one.address in left])
                envelope = structs.replace(envelope, recipients=recipients)
                asked = Asked(asked.begun, tuple([turned_away(address, found) for address, found in turned]))
        if not envelope.recipients:
            return await _note(door, asked)
        incoming = Incoming(reception.spool, reception.memory, reception.settings.spill_size)
        try:
            incoming.add(handed.octets)
        except (StoreError, OSError) as exc:
            incoming.discard()
            return Refused(store_reply(exc))
        whole = Submission(handed.identity, envelope, incoming, handed.arrival, known, asked, handed.untracked)
        return await door.accept(whole)


async def _welcome(
    keeper: Doorkeeper, identity: Identity, envelope: Envelope
) -> tuple[tuple[Known, ...], list[tuple[str, Sequence[Finding]]]]:
    """Who may be written to, as they are known; and who may not, with the reasons."""
    everybody = await keeper.ask(identity, [one.address for one in envelope.recipients])
    null_mx = await keeper.null_mx(identity, sorted({one.domain for one in envelope.recipients}))
    judged = [(one, keeper.objections(identity, one, null_mx)) for one in everybody]
    return tuple([one for one, found in judged if not found]), [(one.address, found) for one, found in judged if found]


async def _journal(door: FrontDoor, handed: Handed, turned: Sequence[tuple[str, Sequence[Finding]]]) -> None:
    keeper = door.keeper
    assert keeper is not None
    for address, found in turned:
        reply = reply_to_recipient(found, keeper.reasons_url)
        names = (handed.identity, handed.arrival.remote, handed.envelope.sender, address, reply)
        await door.refuse(*names, operation=handed.asked.begun.id)


async def _note(door: FrontDoor, asked: Asked) -> Nobody | Refused:
    try:
        fresh: bool = await door.writer.submit(_add, asked)
    except StoreError as exc:
        return Refused(store_reply(exc))
    return Nobody(known=not fresh, told=all_turned_away(asked))


def _add(tx: Tx, batch: list[tuple[Asked, Places]]) -> list[bool]:
    """Unit of work: operations that came to nothing."""
    fresh = new_operations(tx, [asked for asked, _ in batch])
    operations.conclude(
        tx, [(asked.begun, nobody(asked)) for (asked, _), is_new in zip(batch, fresh, strict=True) if is_new]
    )
    return fresh


def _too_many(limit: int) -> Reply:
    return Reply(552, "5.5.3", f"{limit} recipients a message is the limit here; send the others separately")


def envelope_of(sender: str, recipients: Sequence[str], *, smtputf8: bool, size: int) -> Envelope:
    """The envelope of a message that names its recipients itself; its octets are ASCII but for ``smtputf8``."""
    return Envelope(sender, tuple([Recipient(one) for one in recipients]), smtputf8=smtputf8, size=size)

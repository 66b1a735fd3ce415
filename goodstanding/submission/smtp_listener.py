"""Sockets around `wire.smtp_server`: TLS, limits, timeouts, and the way from a finished message to the front door.

One `Conversation` per connection. It feeds what it reads to the protocol core, answers the events the core asks
about, and writes what the core puts out. While an answer is in the making (a login being checked, a message being
committed) the core stands still; the socket is not read beyond what came with it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, cast

import structlog

from goodstanding.errors import StoreError
from goodstanding.model import Envelope, Identity, Reply
from goodstanding.submission.accept import Accepted, Submission, accepted_reply, store_reply
from goodstanding.submission.addressees import Addressees
from goodstanding.submission.arrival import arrival
from goodstanding.submission.authentication import household
from goodstanding.submission.incoming import Incoming
from goodstanding.submission.login import Admitted
from goodstanding.submission.reception import GOING, Reception
from goodstanding.submission.replies import (
    CROWDED,
    EXPIRED,
    FAULT,
    FULL,
    GO_AHEAD,
    OK,
    OK_RCPT,
    REVOKED,
    WELCOME,
)
from goodstanding.wire.message import Arrival
from goodstanding.wire.smtp_events import (
    AuthGiven,
    BodyPart,
    BodyStart,
    Event,
    MailFrom,
    MessageAborted,
    MessageReceived,
    Quit,
    RcptTo,
    Reset,
    ServerPolicy,
    StartTls,
)
from goodstanding.wire.smtp_server import Session

log = structlog.get_logger("submission")

HANDSHAKE_LIMIT = 10.0
"""Seconds a TLS handshake may take."""
LINGER = 10.0
"""Seconds a client has to take our last words, before the connection is cut."""
REFUSALS_KEPT = 50
"""Recipients of one refused message that the journal names."""


class Conversation(asyncio.Protocol):
    """One connection of one client."""

    __slots__ = (
        *("_addressees", "_answering", "_arrival", "_envelope", "_failure", "_household", "_identity"),
        *(
            "_implicit_tls",
            "_incoming",
            "_loop",
            "_paused",
            "_reception",
            "_session",
            "_strict",
            "_transport",
            "_trusting",
            "_unheard",
            "_until",
        ),
        *("address", "deadline", "message_deadline"),
    )

    def __init__(self, reception: Reception, strict: ServerPolicy, trusting: ServerPolicy, implicit_tls: bool) -> None:
        """``trusting`` is the policy for hosts of a trusted network, ``strict`` for all others."""
        self._reception = reception
        self._strict = strict
        self._trusting = trusting
        self._implicit_tls = implicit_tls
        self._session: Session
        """There once we know who is there."""
        self._transport: asyncio.Transport | None = None
        self._identity: Identity | None = None
        self._until = float("inf")
        """Second from which the token they came with proves nothing."""
        self._arrival: Arrival | None = None
        self._incoming: Incoming | None = None
        self._envelope: Envelope | None = None
        self._addressees: Addressees | None = None
        self._failure: Reply | None = None
        self._answering = False
        self._paused = False
        """Reading stands still until the answer is given."""
        self._unheard = False
        """Reading stands still until the client takes what we wrote."""
        self._loop = asyncio.get_running_loop()
        self.address = self._household = ""
        self.deadline = float("inf")
        self.message_deadline = float("inf")

    def __repr__(self) -> str:
        return f"<Conversation with {self.address} as {self._identity and self._identity.subscription}>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there: greet it, or turn it away if there are too many."""
        reception = self._reception
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is none of asyncio's
        peer = transport.get_extra_info("peername")
        self.address = peer[0].partition("%")[0] if peer else ""
        self._household = household(self.address)
        self._identity = reception.trusted.identity_of(self.address) if peer else None
        policy = self._strict if self._identity is None else self._trusting
        self._session = Session(policy, tls=self._implicit_tls)
        reception.sessions += 1
        reception.open.add(self)
        reception.by_address[self._household] += 1
        if not peer:  # gone already; nobody can say who it was, so it is trusted by nobody
            self._transport.abort()
            return
        limits = reception.settings
        if reception.closing or len(reception.open) > limits.connections:
            self.end(GOING if reception.closing else FULL)
        elif reception.by_address[self._household] > limits.connections_per_address:
            self.end(CROWDED)
        else:
            self._session.greet()
            self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: what had not fully arrived is nobody's."""
        reception = self._reception
        reception.open.discard(self)
        reception.by_address[self._household] -= 1
        if not reception.by_address[self._household]:
            del reception.by_address[self._household]
        self.deadline = self.message_deadline = float("inf")
        self._transport = None
        if not self._answering:
            self._forget()

    def data_received(self, data: bytes) -> None:
        """Bytes: let the core read them, then act on what it says."""
        if self._answering and not self._paused and self._transport is not None:
            self._transport.pause_reading()  # impatient: the rest waits in the kernel, and then with the client
            self._paused = True
        self._run(self._session.receive(data))

    def pause_writing(self) -> None:
        """The client does not read its answers: do not read its questions."""
        self._unheard = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self._unheard = False
        if self._transport is not None and not self._paused:
            self._transport.resume_reading()

    def end(self, reply: Reply) -> None:
        """Say a last word and close."""
        self.deadline = self.message_deadline = float("inf")
        self._session.end(reply)
        self._flush()

    def leave_when_done(self) -> None:
        """Shut down: at once between messages, after the message otherwise."""
        if self._incoming is None and not self._answering:
            self.end(GOING)

    def _run(self, events: list[Event]) -> None:
        """Act on events; answering one brings the next ones."""
        session, acts = self._session, self._ACTS
        while events:
            answer = None
            for event in events:
                answer = acts[type(event)](self, event)
            # Only the last event of a list can ask for an answer; answering it brings the next list.
            events = session.answer(answer) if answer is not None else []
        self._flush()

    def _flush(self) -> None:
        transport, session = self._transport, self._session
        if transport is None:
            return
        octets = session.output()
        if octets:
            transport.write(octets)
        if session.closing:
            if not transport.is_closing() and transport.get_write_buffer_size():
                self._loop.call_later(LINGER, transport.abort)  # else close() waits for ever for a client to read
            transport.close()
        elif not self._answering:
            in_body = session.phase == "data"
            if octets or in_body:  # a command that drips in byte by byte gets no more time for it
                settings = self._reception.settings
                quiet = settings.data_timeout if in_body else settings.command_timeout
                self.deadline = self._loop.time() + quiet

    def _forget(self) -> None:
        """No message is arriving any more."""
        if self._incoming is not None:
            self._incoming.discard()
            self._incoming = None
        self.message_deadline = float("inf")

    # What each event of the core asks for: an answer now, or None and the answer follows later.

    def _mail(self, event: MailFrom) -> Reply | None:
        door, identity = self._reception.door, self._identity
        if identity is not None and not self._reception.credentials.holds(identity):
            return REVOKED
        if self._until <= self._reception.clock.now():
            return EXPIRED
        if door.keeper is not None and identity is not None:
            self._addressees = Addressees(door, door.keeper, identity, self.address, event.sender)
            if (refusal := self._addressees.objection()) is not None:
                return refusal
        return GOING if self._reception.closing else OK

    def _rcpt(self, event: RcptTo) -> Reply | None:
        if self._addressees is None:
            return OK_RCPT
        answer = self._addressees.add(event.recipient.address)
        if isinstance(answer, Reply):
            return answer
        self._begin_answering()
        self._loop.create_task(answer).add_done_callback(self._looked_up)
        return None

    def _looked_up(self, task: asyncio.Future[Reply]) -> None:
        """What is known of a recipient, or of a claim to be somebody, has been found out."""
        if task.exception() is not None:
            log.error("not looked up", exc_info=task.exception())
        self._finish_answering(FAULT if task.exception() is not None else task.result())

    def _body_start(self, event: BodyStart) -> Reply | None:
        reception = self._reception
        self._envelope = event.envelope
        self._incoming = Incoming(reception.spool, reception.memory, reception.settings.spill_size)
        self.message_deadline = self._loop.time() + reception.settings.session_limit
        return GO_AHEAD

    def _body_part(self, event: BodyPart) -> Reply | None:
        if self._incoming is not None:
            try:
                self._incoming.add(event.octets)
            except (StoreError, OSError) as exc:  # the disk is full: read on to the end of the message, then say so
                log.error("spool", error=str(exc))
                self._failure = store_reply(exc)
                self._forget()
        return None

    def _aborted(self, event: MessageAborted) -> Reply | None:
        self._reception.refused[event.reply.enhanced] += 1
        self._journal_refusal(event.reply)
        self._forget()
        return None

    def _reset(self, event: Reset | Quit) -> Reply | None:
        self._forget()
        return None

    def _received(self, event: MessageReceived) -> Reply | None:
        if self._incoming is None:
            failure, self._failure = self._failure, None
            return failure or store_reply(OSError())
        assert self._envelope is not None and self._identity is not None
        if not self._reception.credentials.holds(self._identity):
            self._forget()
            return REVOKED
        known = self._addressees.recently_known() if self._addressees is not None else ()
        submission = Submission(self._identity, self._envelope, self._incoming, self._arrived(), known)
        self._begin_answering()
        task = self._loop.create_task(self._reception.door.accept(submission))
        task.add_done_callback(self._accepted)
        return None

    def _accepted(self, task: asyncio.Future[Any]) -> None:
        """The front door has spoken."""
        self._incoming = None
        self.message_deadline = float("inf")
        if task.exception() is not None:
            log.error("accept failed", exc_info=task.exception())
            verdict_reply = FAULT
        elif isinstance(verdict := task.result(), Accepted):
            verdict_reply = accepted_reply(verdict)
        else:
            verdict_reply = verdict.reply
            self._reception.refused[verdict_reply.enhanced] += 1
            if not verdict.journalled:
                self._journal_refusal(verdict_reply)
        self._finish_answering(verdict_reply)
        if self._reception.closing:
            self.end(GOING)

    def _journal_refusal(self, reply: Reply) -> None:
        identity, envelope = self._identity, self._envelope
        if identity is None or envelope is None or not reply.permanent:
            return
        for recipient in envelope.recipients[:REFUSALS_KEPT]:
            refusal = self._reception.door.refuse(identity, self.address, envelope.sender, recipient.address, reply)
            asyncio.ensure_future(refusal)  # noqa: RUF006 - the unit itself lives in the writer's list

    def _auth(self, event: AuthGiven) -> Reply | None:
        answer = self._reception.login.check(self._reception.credentials, self._household, event)
        if isinstance(answer, Admitted | Reply):
            return self._known(answer)
        self._begin_answering()
        self._loop.create_task(self._admit(answer)).add_done_callback(self._looked_up)
        return None

    async def _admit(self, answer: Coroutine[Any, Any, Admitted | Reply]) -> Reply:
        return self._known(await answer)

    def _known(self, answer: Admitted | Reply) -> Reply:
        if isinstance(answer, Reply):
            return answer
        self._identity, self._until = answer.identity, answer.until
        return WELCOME

    def _start_tls(self, event: StartTls) -> Reply | None:
        self._flush()
        self._begin_answering()
        asyncio.ensure_future(self._upgrade())  # noqa: RUF006 - the loop's handshake holds it
        return None

    async def _upgrade(self) -> None:
        context, transport = self._reception.tls, self._transport
        if context is None or transport is None:
            return
        try:
            self._transport = await asyncio.get_running_loop().start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_LIMIT
            )
        except (OSError, ssl.SSLError) as exc:
            log.info("handshake failed", client=self.address, error=str(exc))
            transport.abort()
            return
        self._answering = self._paused = self._unheard = False
        self._arrival = None
        if self._transport is None:
            transport.abort()
            return
        self._session.tls_started()
        self._flush()

    def _begin_answering(self) -> None:
        self._answering = True
        self.deadline = float("inf")

    def _finish_answering(self, reply: Reply) -> None:
        """The answer is there: give it, and go on with what the client had sent meanwhile."""
        self._answering = False
        if self._transport is None:
            self._forget()
            return
        self._run(self._session.answer(reply))
        if self._answering or not self._paused:
            return  # what had come meanwhile asks for another answer first
        self._paused = False
        if self._transport is not None and not self._unheard:
            self._transport.resume_reading()

    def _arrived(self) -> Arrival:
        """What all messages of this session have in common."""
        if self._arrival is None or self._arrival.helo != self._session.helo:
            tls = ""
            tls_object = self._transport.get_extra_info("ssl_object") if self._transport else None
            if tls_object is not None:
                cipher = tls_object.cipher()
                tls = f"{tls_object.version()} {cipher[0] if cipher else ''}"
            known = bool(self._identity and self._identity.credential)
            self._arrival = arrival(self._session, self.address, self._reception.hostname, tls, known)
        return self._arrival

    _ACTS: ClassVar[Mapping[type[Event], Callable[[Any, Any], Reply | None]]] = {
        MailFrom: _mail,
        RcptTo: _rcpt,
        BodyStart: _body_start,
        BodyPart: _body_part,
        MessageReceived: _received,
        MessageAborted: _aborted,
        Reset: _reset,
        Quit: _reset,
        AuthGiven: _auth,
        StartTls: _start_tls,
    }

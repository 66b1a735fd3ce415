"""Sockets around `wire.smtp_server`: TLS, limits, timeouts, and the way from a finished message to the front door.

One `Conversation` per connection. It feeds what it reads to the protocol core, answers the events the core asks
about, and writes what the core puts out. While an answer is in the making (a login being checked, a message being
committed) the core stands still; the socket is not read beyond what came with it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, cast

import structlog

from goodstanding.errors import StoreError
from goodstanding.model import Envelope, Identity, Reply, message_name
from goodstanding.submission.accept import Accepted, Submission, store_reply
from goodstanding.submission.incoming import Incoming
from goodstanding.submission.reception import GOING, Reception, household
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

OK = Reply(250, "2.1.0", "sender noted")
OK_RCPT = Reply(250, "2.1.5", "recipient noted")
GO_AHEAD = Reply(354, "", "send the message; end with a dot on a line of its own")
WELCOME = Reply(235, "2.7.0", "welcome")
WRONG = Reply(535, "5.7.8", "user name or password is wrong")
SLOW_DOWN = Reply(454, "4.7.0", "too many failed logins from your address; wait a minute")
NOT_YOU = Reply(535, "5.7.8", "this credential may only act as itself; leave the authorization identity empty")
CROWDED = Reply(421, "4.7.0", "too many connections from your address; close some first")
FULL = Reply(421, "4.3.2", "too many connections; try again in a moment")

HANDSHAKE_LIMIT = 10.0
"""Seconds a TLS handshake may take."""
LINGER = 10.0
"""Seconds a client has to take our last words, before the connection is cut."""
REFUSALS_KEPT = 50
"""Recipients of one refused message that the journal names."""
FAILED_LOGIN_PAUSE = 1.0
"""Seconds until a wrong password is answered."""


class Conversation(asyncio.Protocol):
    """One connection of one client."""

    __slots__ = (
        *(
            "_answering",
            "_arrival",
            "_envelope",
            "_failure",
            "_household",
            "_identity",
            "_implicit_tls",
            "_incoming",
            "_loop",
        ),
        *("_paused", "_reception", "_session", "_transport", "_trusting", "_unheard"),
        *("address", "deadline", "message_deadline"),
    )

    def __init__(self, reception: Reception, policy: ServerPolicy, trusting: ServerPolicy, implicit_tls: bool) -> None:
        """``trusting`` is the policy for hosts of a trusted network."""
        self._reception = reception
        self._trusting = trusting
        self._implicit_tls = implicit_tls
        self._session = Session(policy, tls=implicit_tls)
        self._transport: asyncio.Transport | None = None
        self._identity: Identity | None = None
        self._arrival: Arrival | None = None
        self._incoming: Incoming | None = None
        self._envelope: Envelope | None = None
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
        reception.sessions += 1
        reception.open.add(self)
        reception.by_address[self._household] += 1
        if not peer:  # gone already; nobody can say who it was, so it is trusted by nobody
            self._transport.abort()
            return
        self._identity = reception.trusted.identity_of(self.address)
        if self._identity is not None:
            self._session = Session(self._trusting, tls=self._implicit_tls)
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
        return GOING if self._reception.closing else OK

    def _rcpt(self, event: RcptTo) -> Reply | None:
        return OK_RCPT

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
        submission = Submission(self._identity, self._envelope, self._incoming, self._arrived())
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
            verdict_reply = Reply(
                451, "4.3.0", "an internal fault kept your message from being stored; try again later"
            )
        elif isinstance(verdict := task.result(), Accepted):
            verdict_reply = Reply(250, "2.0.0", f"accepted as {message_name(verdict.message)}")
        else:
            verdict_reply = verdict.reply
            self._reception.refused[verdict_reply.enhanced] += 1
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
        reception = self._reception
        now = reception.clock.now()
        if reception.brake.closed_to(self._household, now):
            return SLOW_DOWN
        identity = reception.credentials.check(event.user, event.password)
        if identity is not None:
            if event.authzid not in ("", event.user):
                return NOT_YOU
            self._identity = identity
            return WELCOME
        reception.brake.failed(self._household, now)
        log.info("login failed", client=self.address)
        self._begin_answering()
        self._loop.call_later(FAILED_LOGIN_PAUSE, self._finish_answering, WRONG)
        return None

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
        if self._paused and not self._unheard:
            self._transport.resume_reading()
        self._paused = False
        self._run(self._session.answer(reply))

    def _arrived(self) -> Arrival:
        """What all messages of this session have in common."""
        if self._arrival is None or self._arrival.helo != self._session.helo:
            tls = ""
            tls_object = self._transport.get_extra_info("ssl_object") if self._transport else None
            if tls_object is not None:
                cipher = tls_object.cipher()
                tls = f"{tls_object.version()} {cipher[0] if cipher else ''}"
            words = "ESMTP" if self._session.esmtp else "SMTP"
            if self._session.esmtp:
                words += ("S" if tls else "") + ("A" if self._identity and self._identity.credential else "")
            self._arrival = Arrival(self._session.helo, self.address, self._reception.hostname, words, tls)
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


async def listen(reception: Reception) -> list[asyncio.Server]:
    """Open every listener of the settings; several workers may share a port. Raises OSError when one is taken."""
    loop = asyncio.get_running_loop()
    servers = []
    for listener in reception.settings.listeners:
        implicit = listener.tls == "implicit"
        strict = reception.policy(listener.tls)
        trusting = replace(strict, auth_required=False)
        servers.append(
            await loop.create_server(
                partial(Conversation, reception, strict, trusting, implicit),
                listener.address,
                listener.port,
                reuse_port=True,
                backlog=1024,
                ssl=reception.tls if implicit else None,
                ssl_handshake_timeout=HANDSHAKE_LIMIT if implicit else None,
            )
        )
    return servers

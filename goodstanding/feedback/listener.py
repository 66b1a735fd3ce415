"""Sockets for what comes back: return paths and report mailboxes, by SMTP.

The same protocol core as submission has, with nobody logging in: a recipient here is one of our return paths or report
mailboxes, anything else is refused. A report is kept whole and read later, so the 250 follows a commit that many share,
and a flood of reports holds nobody up but those who send them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import structlog

from goodstanding.errors import StoreError
from goodstanding.model import Reply
from goodstanding.outside import Clock
from goodstanding.settings import FeedbackSettings, Listener
from goodstanding.store.reports import Report
from goodstanding.submission.authentication import household
from goodstanding.wire import return_path
from goodstanding.wire.smtp_events import (
    EXTENSIONS,
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

log = structlog.get_logger("feedback")

OK = Reply(250, "2.1.0", "go on")
GO_AHEAD = Reply(354, "", "end with <CRLF>.<CRLF>")
KEPT = Reply(250, "2.0.0", "kept; thank you")
BUSY = Reply(451, "4.3.0", "reports cannot be stored at present; try again later")
FULL = Reply(421, "4.3.2", "too many connections at present; try again in a moment")
GOING = Reply(421, "4.3.2", "the server is shutting down; try again in a moment")
BACKLOG = Reply(452, "4.3.1", "too many reports wait to be read at present; try again later")
TOO_SLOW = Reply(421, "4.4.2", "the report took too long to arrive; connect again")
IDLE = Reply(421, "4.4.2", "you were silent for too long; connect again when you are ready")
RECIPIENTS = 20
"""Of one message: nobody reports to more mailboxes of ours."""
PATIENCE = 120.0
"""Seconds of silence that are endured."""
MESSAGE_LIMIT = 600.0
"""Seconds that one report may take to arrive."""
LINGER = 10.0
"""Seconds a reporter has to take our last words, before the connection is cut."""
HANDSHAKE_LIMIT = 10.0


@dataclass(slots=True)
class Mailroom:
    """What all connections share."""

    settings: FeedbackSettings
    hostname: str
    clock: Clock
    keep: Callable[[Report], asyncio.Future[None]]
    """Resolved once the report is durable."""
    objection: Callable[[str], Reply | None]
    """Why mail for an address is not taken; None: it is."""
    tls: ssl.SSLContext | None
    open: set[Conversation] = field(default_factory=set)
    by_address: Counter[str] = field(default_factory=Counter)
    closing: bool = False
    full: bool = False
    """So much waits to be read that no more is taken."""
    linger: float = LINGER

    def policy(self, tls: str) -> ServerPolicy:
        """What a listener of this kind offers."""
        return ServerPolicy(
            hostname=self.hostname,
            size_limit=self.settings.size_limit,
            recipients_limit=RECIPIENTS,
            auth=False,
            auth_required=False,
            tls=tls == "starttls" and self.tls is not None,
            extensions=EXTENSIONS - {"DSN"},
        )

    async def listen(self) -> list[asyncio.Server]:
        """Open every listener. Raises OSError when one is taken."""
        loop, servers = asyncio.get_running_loop(), []
        for one in self.settings.listeners:
            servers.append(await self._listen(loop, one))
        return servers

    async def _listen(self, loop: asyncio.AbstractEventLoop, one: Listener) -> asyncio.Server:
        implicit = one.tls == "implicit"
        return await loop.create_server(
            lambda: Conversation(self, self.policy(one.tls), implicit),
            one.address,
            one.port,
            reuse_port=True,
            backlog=1024,
            ssl=self.tls if implicit else None,
            ssl_handshake_timeout=HANDSHAKE_LIMIT if implicit else None,
        )

    async def sweep(self) -> None:
        """End conversations that fell silent; runs until cancelled."""
        while True:
            await self.clock.sleep_until(self.clock.now() + 1.0)
            now = asyncio.get_running_loop().time()
            for one in [one for one in self.open if now > min(one.deadline, one.message_deadline)]:
                one.end(IDLE if now > one.deadline else TOO_SLOW)

    async def close(self, patience: float) -> None:
        """Say goodbye; reports that are being stored are answered first, within ``patience`` seconds."""
        self.closing = True
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while any(one.answering for one in self.open) and loop.time() < until:
            await asyncio.sleep(0.02)
        for conversation in list(self.open):
            conversation.end(GOING)


class Conversation(asyncio.Protocol):
    """One connection of one reporter."""

    def __init__(self, room: Mailroom, policy: ServerPolicy, implicit_tls: bool) -> None:
        self._room = room
        self._session = Session(policy, tls=implicit_tls)
        self._transport: asyncio.Transport | None = None
        self._address = self._household = ""
        self._sender = ""
        self._recipients: list[str] = []
        self._parts: list[bytes] = []
        self._paused = False
        """Reading stands still until everything that was read has been answered."""
        self._unheard = False
        """Reading stands still until they take what we wrote."""
        self.answering = False
        self.deadline = self.message_deadline = float("inf")

    def __repr__(self) -> str:
        return f"<Conversation with {self._address}>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there: greet them, or turn them away if there are too many."""
        room = self._room
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._address = peer[0].partition("%")[0] if peer else ""
        self._household = household(self._address)
        room.open.add(self)
        room.by_address[self._household] += 1
        crowded = room.by_address[self._household] > room.settings.connections_per_address
        if room.closing or crowded or len(room.open) > room.settings.connections:
            self.end(GOING if room.closing else FULL)
            return
        self._session.greet()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone; a report that is being stored is stored all the same."""
        room = self._room
        room.open.discard(self)
        room.by_address[self._household] -= 1
        if not room.by_address[self._household]:
            del room.by_address[self._household]
        self._transport = None
        self.deadline = self.message_deadline = float("inf")
        self._parts = []

    def data_received(self, data: bytes) -> None:
        """Octets: let the core read them, then act on what it says."""
        if self.answering and not self._paused and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
        self._run(self._session.receive(data))

    def pause_writing(self) -> None:
        """They do not read our answers: do not read their questions."""
        self._unheard = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """They read again."""
        self._unheard = False
        if self._transport is not None and not self._paused:
            self._transport.resume_reading()

    def end(self, reply: Reply) -> None:
        """Say a last word and close."""
        self.deadline = self.message_deadline = float("inf")
        self._session.end(reply)
        self._flush()

    def _run(self, events: list[Event]) -> None:
        while events:
            answer: Reply | None = None
            for event in events:
                answer = self._act(event)
            events = self._session.answer(answer) if answer is not None else []
        self._flush()

    def _act(self, event: Event) -> Reply | None:
        match event:
            case MailFrom():
                self._sender, self._recipients, self._parts = event.sender, [], []
                return GOING if self._room.closing else BACKLOG if self._room.full else OK
            case RcptTo():
                address = event.recipient.address
                objection = self._room.objection(address)
                if objection is None:
                    self._recipients.append(address)
                return objection or OK
            case BodyStart():
                self.message_deadline = asyncio.get_running_loop().time() + MESSAGE_LIMIT
                return GO_AHEAD
            case BodyPart():
                self._parts.append(event.octets)
            case MessageReceived():
                self._store()
            case MessageAborted() | Reset() | Quit():
                self._parts = []
                self.message_deadline = float("inf")
            case StartTls():
                self._flush()
                self.answering = True
                asyncio.ensure_future(self._upgrade())  # noqa: RUF006 - the loop's handshake holds it
            case _:  # AUTH is not offered
                return Reply(503, "5.5.1", "nobody logs in here")
        return None

    def _store(self) -> None:
        """Keep the report; the answer follows the commit.

        It is one report, for however many mailboxes of ours: read for the return path among them, if there is one.
        """
        octets, room = b"".join(self._parts), self._room
        self._parts = []
        self.answering = True
        self.deadline = self.message_deadline = float("inf")
        paths = [one for one in self._recipients if one.lower().startswith(return_path.MARK)]
        recipient = (paths or self._recipients)[0]
        kept = room.keep(Report(room.clock.now(), "smtp", self._address, self._sender, recipient, octets))
        kept.add_done_callback(self._stored)

    def _stored(self, done: asyncio.Future[None]) -> None:
        failure = done.exception()
        if failure is not None and not isinstance(failure, StoreError):
            log.error("report not kept", exc_info=failure)
        self.answering = False
        if self._transport is not None:
            self._run(self._session.answer(KEPT if failure is None else BUSY))
            self._read_on()

    def _read_on(self) -> None:
        """Read again, once nothing that was read waits: else what they send would pile up here, and not with them."""
        if self._paused and not self.answering:
            self._paused = False
            if self._transport is not None and not self._unheard:
                self._transport.resume_reading()

    def _flush(self) -> None:
        transport = self._transport
        if transport is None:
            return
        octets, loop = self._session.output(), asyncio.get_running_loop()
        if octets:
            transport.write(octets)
        if self._session.closing:
            if not transport.is_closing() and transport.get_write_buffer_size():
                loop.call_later(self._room.linger, transport.abort)  # else close() waits for ever for them to read
            transport.close()
        elif not self.answering and (octets or self._session.phase == "data"):
            self.deadline = loop.time() + PATIENCE  # a command that drips in byte by byte gets no more time for it

    async def _upgrade(self) -> None:
        context, transport = self._room.tls, self._transport
        if context is None or transport is None:
            return
        try:
            upgraded = await asyncio.get_running_loop().start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_LIMIT
            )
        except (OSError, ssl.SSLError) as exc:
            log.info("handshake failed", client=self._address, error=str(exc))
            transport.abort()
            return
        self.answering = self._paused = self._unheard = False
        if self._transport is None:
            transport.abort()
            return
        self._transport = upgraded
        self._session.tls_started()
        self._flush()

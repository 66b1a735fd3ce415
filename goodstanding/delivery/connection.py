"""One SMTP session with one host: feeds `wire.smtp_client` from a stream, and what it wants said to the stream.

A session is opened once and used for many messages. Nothing here raises for what the network or the server may do.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, replace

from msgspec import structs

from goodstanding.delivery.outcome import wants_another_transaction
from goodstanding.delivery.plan import Plan, Target
from goodstanding.errors import LocalProtocolError, RemoteProtocolError
from goodstanding.model import NetworkFailure, Reply
from goodstanding.outside import Dialer, Stream
from goodstanding.wire.smtp_client import (
    BodyWanted,
    Client,
    ClientEvent,
    Finished,
    Ready,
    Refused,
    TlsWanted,
    Transaction,
    TransactionResult,
)
from goodstanding.wire.stuffing import stuffed

ONE_WRITE = 65_536
"""A message of at most so many bytes is written at once; a larger one in pieces, as the peer takes them."""

LAST_WORDS = 1.0
"""Seconds to wait for what the server said before it cut a message off."""
OTHERS_LATER = Reply(452, "4.5.3", "more recipients than this connection takes; the others follow on the next")
ALREADY_CLOSED = NetworkFailure("mail", "the connection had ended before this message")

IN_WORDS = {
    "greeting": "the greeting", "hello": "the answer to EHLO", "tls": "the answer to STARTTLS",
    "auth": "the answer to AUTH", "mail": "the answer to MAIL FROM", "rcpt": "the answer to RCPT TO",
    "data": "the answer to DATA", "body": "the message to be taken", "final": "the answer to the message",
    "quit": "the answer to QUIT",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of silence borne at each stage (RFC 5321 §4.5.3.2)."""

    connect: float = 30.0
    greeting: float = 300.0
    hello: float = 300.0
    tls: float = 120.0
    auth: float = 300.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    body: float = 180.0
    """For each piece of the message."""
    final: float = 600.0
    quit: float = 10.0


@dataclass(frozen=True, slots=True)
class Egress:
    """How we leave: the name we give and the address we come from."""

    hello: str
    source: str = ""
    """Local IP address; empty: the system chooses."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """No session: what was answered, or what happened instead, and at which stage."""

    reply_or_failure: Reply | NetworkFailure
    stage: str


DEFAULT_TIMEOUTS = Timeouts()


async def open_session(
    target: Target,
    plan: Plan,
    *,
    dialer: Dialer,
    egress: Egress,
    tls_context: ssl.SSLContext | None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> OpenSession | Refusal:
    """A session ready for messages, or why there is none.

    Opportunistic TLS that breaks in the handshake is given up on a second connection (RFC 7435 §3), unless there is a
    password to protect.
    """
    if tls_context is None and plan.tls != "never":
        if plan.tls == "required" or plan.auth:
            raise LocalProtocolError(f"{plan.site} needs TLS, but there is no TLS context")
        plan = replace(plan, tls="never")
    opened = await _open(target, plan, dialer, egress, tls_context, timeouts)
    if isinstance(opened, OpenSession) or not isinstance(opened.reply_or_failure, NetworkFailure):
        return opened
    if opened.stage != "tls" or plan.tls != "opportunistic" or plan.auth:
        return opened
    again = await _open(target, replace(plan, tls="never"), dialer, egress, None, timeouts)
    if isinstance(again, OpenSession):
        again.tls_failure = opened.reply_or_failure.text
    return again


async def _open(
    target: Target, plan: Plan, dialer: Dialer, egress: Egress, tls_context: ssl.SSLContext | None, timeouts: Timeouts
) -> OpenSession | Refusal:
    """One connection and its opening."""
    stream = await dialer.connect(target.address, target.port, egress.source, timeouts.connect)
    if isinstance(stream, NetworkFailure):
        return Refusal(stream, "connect")
    session = OpenSession(stream, Client(egress.hello, tls=plan.tls, auth=plan.auth), target, timeouts)
    session.source = egress.source
    try:
        return await session._be_welcomed(tls_context) or session
    except BaseException:
        session.abort()
        raise


class OpenSession:
    """A connection that takes messages until it is closed; one message at a time."""

    def __init__(self, stream: Stream, client: Client, target: Target, timeouts: Timeouts) -> None:
        """Made by `open_session`."""
        self.host = target.host if target.host.startswith("[") else f"{target.host} [{target.address}]"
        self.source = ""
        """The local address it comes from, when one was chosen."""
        self.tls_failure = ""
        """Why the session is in the clear although the server offered TLS."""
        self.stale = False
        """The last message only found a reused connection ended: repeat it on a new one; nobody is to blame."""
        self._reused = False
        self._replies_before = 0
        self._name = target.address if target.host.startswith("[") else target.host
        self._begun: Transaction | None = None
        """The transaction already on the wire behind the last one."""
        self._left_over: list[ClientEvent] = []
        """What was heard about it so far."""
        self._stream = stream
        self._client = client
        self._timeouts = timeouts

    def __repr__(self) -> str:
        return f"<OpenSession {self.host} {self.tls or 'in the clear'}: {self._client!r}>"

    @property
    def tls(self) -> str:
        """``TLSv1.3 TLS_AES_256_GCM_SHA384``, or empty."""
        return self._stream.tls

    @property
    def transactions(self) -> int:
        """Transactions begun so far."""
        return self._client.transactions

    @property
    def usable(self) -> bool:
        """Another message may be delivered."""
        return self._client.ready and not self._client.exhausted

    def fresh_enough(self, limit: int, *, held: bool = False) -> bool:
        """Whether the next message should go over this session: what was begun on it does in any case.

        ``held``: nothing more may leave from its address.
        """
        return self._begun is not None or (self.usable and not held and self.transactions < limit)

    @property
    def passes_on_dsn(self) -> bool:
        """The server takes over the duty to notify (RFC 3461); else a success notice is ours to send."""
        return "DSN" in self._client.capabilities.extensions

    async def deliver(
        self, transaction: Transaction, chunks: Iterable[bytes], following: Transaction | None = None
    ) -> TransactionResult | NetworkFailure:
        """Send one message: what became of each recipient, or the failure when nothing was learned about any.

        More recipients than the server takes at a time go in several transactions. ``following`` is what will be
        delivered next, if that is known: it is begun in the same breath where the server allows it.
        """
        begun, self._begun = self._begun is transaction, None
        self.stale = self._client.over if begun else not self.usable
        if self.stale:
            return ALREADY_CLOSED
        self._reused = begun or self.transactions > 0
        self._replies_before = self._client.replies
        if len(transaction.recipients) > 1:
            return await self._deliver_in_portions(transaction, chunks)
        events = self._left_over if begun else self._client.transact(transaction)
        return await self._transact(transaction, chunks, events, following)

    async def quit(self) -> None:
        """Say goodbye, wait a little for the answer (RFC 5321 §4.1.1.10), and close."""
        if self._client.ready:  # in the middle of a message QUIT would be taken for a part of it
            self._client.quit()
            await self._hear(self._timeouts.quit)
        self._stream.close()

    def abort(self) -> None:
        """Close without a word."""
        self._stream.close()

    async def _be_welcomed(self, tls_context: ssl.SSLContext | None) -> Refusal | None:
        """Everything before the first message."""
        while not self._client.over:
            stage = self._client.waiting
            events = await self._hear(getattr(self._timeouts, stage))
            for event in [events] if isinstance(events, NetworkFailure) else events:
                match event:
                    case Ready() if not self._client.over:
                        return None
                    case Refused(reply, refused_at):
                        return self._refused(reply, refused_at)
                    case NetworkFailure():
                        return self._refused(event, stage)
                    case TlsWanted():
                        if failure := await self._start_tls(tls_context):
                            return self._refused(failure, "tls")
        return self._refused(NetworkFailure(stage, f"{self.host} answered what was not asked"), stage)

    def _refused(self, answer: Reply | NetworkFailure, stage: str) -> Refusal:
        if isinstance(answer, Reply):
            self._client.quit()  # RFC 5321 §3.1: also after a refusal; the answer is not worth waiting for
            self._stream.send(self._client.output())
        self._stream.close()
        return Refusal(answer, stage)

    async def _start_tls(self, context: ssl.SSLContext | None) -> NetworkFailure | None:
        if context is None:
            raise LocalProtocolError(f"{self!r} asked for TLS without a TLS context")
        failure = await self._stream.start_tls(context, self._name, self._timeouts.tls)
        if failure is None:
            self._client.tls_started()
        return failure

    async def _deliver_in_portions(
        self, transaction: Transaction, chunks: Iterable[bytes]
    ) -> TransactionResult | NetworkFailure:
        """One transaction after the other, each with as many recipients as the server takes."""
        recipients = transaction.recipients
        settled: dict[int, tuple[Reply | NetworkFailure, str]] = {}
        accepted = False
        todo = list(range(len(recipients)))
        while todo:
            if not self.usable:
                settled |= dict.fromkeys(todo, (OTHERS_LATER, "rcpt"))
                break
            portion = todo[: self._client.capabilities.portion([recipients[n] for n in todo])]
            part = structs.replace(transaction, recipients=tuple(recipients[n] for n in portion))
            result = await self._transact(part, chunks, self._client.transact(part))
            if isinstance(result, NetworkFailure):
                if len(todo) == len(recipients):
                    return result
                settled |= dict.fromkeys(todo, (result, result.stage))
                break
            accepted = accepted or result.accepted
            settled |= zip(portion, zip(result.recipients, result.stages, strict=True), strict=True)
            again = [n for n in portion if result.accepted and wants_another_transaction(settled[n][0])]
            todo = again + todo[len(portion) :]
        ordered = [settled[n] for n in range(len(recipients))]
        return TransactionResult(tuple(answer for answer, _ in ordered), tuple(stage for _, stage in ordered), accepted)

    async def _transact(
        self,
        transaction: Transaction,
        chunks: Iterable[bytes],
        events: list[ClientEvent] | NetworkFailure,
        following: Transaction | None = None,
    ) -> TransactionResult | NetworkFailure:
        """One transaction, begun already, to its final reply."""
        client = self._client
        while not isinstance(events, NetworkFailure):
            for n, event in enumerate(events):
                if isinstance(event, Finished):
                    self._left_over = events[n + 1 :]
                    return self._settled(event.result)
                if isinstance(event, BodyWanted) and not client.over:  # over: refused in the same breath
                    failure = await self._send_body(chunks, transaction.size, following)
                    if failure is not None:
                        return await self._cut_off(failure)
            events = await self._hear(getattr(self._timeouts, client.waiting))
        return self._lost(events)

    async def _send_body(
        self, chunks: Iterable[bytes], size: int, following: Transaction | None
    ) -> NetworkFailure | None:
        """The message with its closing dot; a failure when the server stops taking it."""
        small = 0 < size <= ONE_WRITE
        octets = b"".join(stuffed(chunks)) if small else b""
        for chunk in () if small else stuffed(chunks):
            for start in range(0, len(chunk), ONE_WRITE):
                self._stream.send(chunk[start : start + ONE_WRITE])
                if failure := await self._stream.drain(self._timeouts.body):
                    return NetworkFailure("body", failure.text)
        self._client.body_sent()
        if following is not None and len(following.recipients) == 1 and self._client.follow(following):
            self._begun = following
            octets += self._client.output()
        self._stream.send(octets)
        return None

    async def _cut_off(self, failure: NetworkFailure) -> TransactionResult | NetworkFailure:
        """The server hung up in the middle of the message; perhaps it said why (a size limit, often)."""
        events = await self._hear(LAST_WORDS)
        for event in [] if isinstance(events, NetworkFailure) else events:
            if isinstance(event, Finished):
                return self._settled(event.result)
        return self._lost(failure)

    def _settled(self, result: TransactionResult) -> TransactionResult:
        if self._client.over:
            self._stream.close()
            self.stale = self._reused and self._client.replies == self._replies_before + 1  # 421, and nothing else
        return result

    def _lost(self, failure: NetworkFailure) -> TransactionResult | NetworkFailure:
        """The conversation is over; replies already heard about single recipients are kept."""
        self._stream.close()
        self.stale = self._reused and self._client.replies == self._replies_before
        result = self._client.broken(failure)
        if result is None or all(answer is failure for answer in result.recipients):
            return failure
        return result

    async def _hear(self, timeout: float) -> list[ClientEvent] | NetworkFailure:
        """Say what is to be said and wait for a whole reply; one that drips in byte by byte gets no extra time."""
        client, stream = self._client, self._stream
        stage, heard = client.waiting, client.replies
        if output := client.output():
            stream.send(output)
        left, deadline = timeout, asyncio.get_running_loop().time() + timeout
        while left > 0:
            octets = await stream.receive(left)
            if isinstance(octets, NetworkFailure):
                return NetworkFailure(stage, f"{octets.text} while waiting for {IN_WORDS[stage]}")
            if not octets:
                return NetworkFailure(stage, f"{self.host} closed the connection instead of {IN_WORDS[stage]}")
            try:
                events = client.receive(octets)
            except RemoteProtocolError as exc:
                return NetworkFailure(stage, f"{self.host} broke the protocol: {exc}")
            if client.replies != heard:
                return events
            left = deadline - asyncio.get_running_loop().time()
        return NetworkFailure(stage, f"{self.host} did not finish {IN_WORDS[stage]} in {timeout:g} seconds")

"""(shell) One SMTP connection to a provider: moves events between `wire.smtp_server` and `provider`."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import cast

from goodstanding.model import Reply
from goodstanding.sandbox.aftermath import Aftermath
from goodstanding.sandbox.authentication import Authentication, examine
from goodstanding.sandbox.catalogue import Provider
from goodstanding.sandbox.placement import Key
from goodstanding.sandbox.provider import Reception, Response
from goodstanding.sandbox.relations import Traits, traits_of
from goodstanding.sandbox.residents import Accepted, keys_of
from goodstanding.sandbox.shelf import Mail, Shelf
from goodstanding.sandbox.zones import Lookup
from goodstanding.wire.message import date_time, header_end, parse_header
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

HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"
"""A fatal TLS alert (RFC 8446 §6.2): what a server with broken TLS answers to every hello."""


@dataclass(slots=True)
class Office:
    """All that the connections of one provider share."""

    provider: Provider
    reception: Reception
    shelf: Shelf
    lookup: Lookup | None
    """For SPF, DKIM and DMARC; None: they are not checked."""
    context: ssl.SSLContext
    now: Callable[[], float]
    aftermath: Aftermath
    counts: Counter[str] = field(default_factory=Counter)
    """How often each reply was given, by its name in ``providers.toml``; and ``connections``, ``tls``, ``octets``."""
    open: set[Connection] = field(default_factory=set)

    def cut_connections(self) -> None:
        """Reset every open connection."""
        for connection in list(self.open):
            connection.cut()


def policy_of(provider: Provider, host: str) -> ServerPolicy:
    """What the protocol core needs to know of a provider."""
    own_words = 100_000  # the provider refuses earlier, in words of its own
    return ServerPolicy(
        hostname=host,
        banner=provider.banner,
        size_limit=provider.size,
        recipients_limit=provider.recipients if "LIMITS" in provider.extensions else own_words,
        auth=False,
        auth_required=False,
        tls=provider.tls != "none",
        error_budget=1_000,
        idle_commands_limit=10_000,
        extensions=frozenset(provider.extensions),
    )


class Connection(asyncio.Protocol):
    """A client's connection to one host of a provider."""

    def __init__(self, office: Office, host: str, policy: ServerPolicy) -> None:
        self._office = office
        self._host = host
        self._session = Session(policy)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parts: list[bytes] = []
        self._heard = self._loop.time()
        self._pause: asyncio.TimerHandle | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._is_mute = office.provider.greeting == "silent"
        self._fails_tls = False
        """The next octets are a TLS hello, and will be answered with an alert."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or not."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop has transports of its own
        client = transport.get_extra_info("peername") or ("gone",)  # a client may leave faster than we look
        self._visit, response = self._office.reception.arrive(client[0], self._host)
        self._office.counts["connections"] += 1
        self._office.open.add(self)
        self._silence = self._loop.call_later(self._office.provider.idle, self._check_silence)
        self._act(response, greeting=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._silence.cancel()
        if self._pause is not None:
            self._pause.cancel()
        self._office.reception.leave(self._visit)
        self._office.open.discard(self)

    def cut(self) -> None:
        """Reset the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        self._heard = self._loop.time()
        if self._is_mute:
            return
        if self._fails_tls:
            self._office.counts["tls_broken"] += 1
            self._transport.write(HANDSHAKE_FAILURE)
            self._transport.close()
            return
        too_new = not self._office.provider.esmtp and data[:4].upper() == b"EHLO"
        if too_new and self._session.phase == "command":  # a server older than RFC 1869
            self._transport.write(b"500 Command unrecognized\r\n")
            return
        self._follow(self._session.receive(data))

    def _follow(self, events: list[Event]) -> None:
        """Take note of events and answer the one that wants an answer, as long as there are any."""
        while events:
            response = None
            for event in events:
                response = self._respond(event)
            events = []
            if response is not None:
                events = self._act(response)
        self._flush()

    def _respond(self, event: Event) -> Response | None:
        """What the provider says to an event; None where nothing is asked."""
        reception, visit = self._office.reception, self._visit
        match event:
            case BodyPart():
                self._parts.append(event.octets)
            case RcptTo():
                return reception.recipient(visit, event.recipient.address, self._office.now())
            case MailFrom():
                visit.helo, visit.tls = self._session.helo, self._session.tls
                return reception.sender(visit, event.sender, self._office.now())
            case BodyStart():
                self._parts.clear()
                return Response("data", Reply(250, "2.0.0", "Ok"), self._office.provider.latency)
            case MessageReceived():
                return self._receive_message()
            case MessageAborted():
                self._parts.clear()
                self._office.counts["aborted"] += 1
            case StartTls():
                self._start_tls()
            case AuthGiven():
                return Response("auth", Reply(503, "5.5.1", "No authentication here"))
            case Reset() | Quit():
                pass
        return None

    def _act(self, response: Response, *, greeting: bool = False) -> list[Event]:
        """Carry out a response now, or later when it takes its time; the events that were waiting behind it."""
        if response.delay:
            self._transport.pause_reading()
            self._pause = self._loop.call_later(response.delay, self._act_late, response, greeting)
            return []
        self._office.counts[response.why] += 1
        if response.reply is None:
            if response.closes:
                self.cut()
        elif response.closes:
            self._session.end(response.reply)
        elif greeting:
            self._session.greet(response.reply)
        else:
            return self._session.answer(response.reply)
        self._flush()
        return []

    def _act_late(self, response: Response, greeting: bool) -> None:
        self._pause = None
        self._transport.resume_reading()
        self._follow(self._act(replace(response, delay=0.0), greeting=greeting))

    def _flush(self) -> None:
        if octets := self._session.output():
            self._transport.write(octets)
        if self._session.closing:
            self._transport.close()

    def _receive_message(self) -> Response:
        """Let the provider judge a whole message, and keep it when it is accepted."""
        octets = b"".join(self._parts)
        self._parts.clear()
        office, visit = self._office, self._visit
        checked = self._examine(octets)
        traits = traits_of(parse_header(octets[: header_end(octets)]))
        recipients, late = tuple(visit.recipients), tuple(visit.late)
        keys = keys_of(visit.client, checked, traits.from_domain)
        response = office.reception.message(visit, octets, checked, keys, office.now())
        if response.why == "accepted":
            office.counts["recipients_accepted"] += len(recipients) + len(late)
            office.counts["octets"] += len(octets)
            mail = self._mail(octets, recipients, checked)
            if recipients:
                office.shelf.keep(mail)
            office.aftermath.accepted(office.provider.name, mail, self._accepted(mail, traits, keys, octets), late)
        return response

    def _accepted(self, mail: Mail, traits: Traits, keys: tuple[Key, ...], octets: bytes) -> Accepted:
        """The message for those it is for; what machines write, and what the sandbox writes itself, moves nobody."""
        quiet = traits.is_automatic or not mail.sender or mail.client in self._office.aftermath.own_addresses
        body = blake2b(octets, digest_size=8).hexdigest()
        return Accepted(mail.id, mail.client, mail.sender, mail.recipients, traits, keys, body, quiet)

    def _examine(self, octets: bytes) -> Authentication | None:
        office, visit = self._office, self._visit
        if office.lookup is None or office.provider.authentication == "ignore":
            return None
        return examine(
            octets, client=visit.client, sender=visit.sender, helo=visit.helo, lookup=office.lookup, now=office.now()
        )

    def _mail(self, octets: bytes, recipients: tuple[str, ...], checked: Authentication | None) -> Mail:
        """The message with what a provider writes above it: return path, verdict, trace (RFC 5321 §4.4)."""
        visit, now = self._visit, self._office.now()
        protocol = ("ESMTP" if self._session.esmtp else "SMTP") + ("S" if self._session.tls else "")
        trace = (
            f"Return-Path: <{visit.sender}>\r\n"
            f"{checked.line(self._host) if checked else ''}"
            f"Received: from {visit.helo} ([{visit.client}])\r\n\tby {self._host} with {protocol} id {visit.id};\r\n"
            f"\t{date_time(now)}\r\n"
        )
        cipher = self._transport.get_extra_info("cipher")
        return Mail(
            id=visit.id,
            provider=self._office.provider.name,
            host=self._host,
            at=now,
            client=visit.client,
            tls=f"{cipher[1]} {cipher[0]}" if cipher else "",
            sender=visit.sender,
            recipients=recipients,
            authentication=f"spf={checked.spf} dkim={checked.dkim} dmarc={checked.dmarc}" if checked else "",
            octets=trace.encode() + octets,
        )

    def _start_tls(self) -> None:
        """Go on in TLS after the 220, or fail at it like the provider does."""
        self._flush()
        if self._office.provider.tls == "broken":
            self._fails_tls = True
            return
        self._transport.pause_reading()  # the client's hello is for the TLS layer
        self._handshake = self._loop.create_task(self._shake_hands())

    async def _shake_hands(self) -> None:
        try:
            transport = await self._loop.start_tls(self._transport, self, self._office.context, server_side=True)
        except OSError:  # ssl.SSLError is one too
            self._office.counts["tls_failed"] += 1
            self._transport.abort()
            return
        if transport is None:  # gone in the meantime
            return
        self._transport = transport
        self._office.counts["tls"] += 1
        self._session.tls_started()
        self._flush()

    def _check_silence(self) -> None:
        """Close after too long a silence; otherwise look again when it could have become too long."""
        left = self._heard + self._office.provider.idle - self._loop.time()
        if left > 0:
            self._silence = self._loop.call_later(left, self._check_silence)
        else:
            self._act(self._office.reception.idle(self._visit))

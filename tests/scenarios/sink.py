"""A receiving server that remembers every byte, in a thread of the test, and behaves as it is told.

It shares no line of code with the relay, so that a mistake cannot be made twice: end of data is CRLF.CRLF and nothing
else, and what came between DATA and that is kept exactly, but for the dots RFC 5321 §4.5.2 has the client add.
"""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

END = b"\r\n.\r\n"


@dataclass(frozen=True)
class Mail:
    """One message as it arrived."""

    sender: bytes
    recipients: tuple[bytes, ...]
    octets: bytes
    at: float
    """time.monotonic() of the moment before the 250."""

    def token(self) -> str:
        """Value of the X-Token header, by which the tests know their messages."""
        start = self.octets.find(b"X-Token: ")
        return self.octets[start + 9 : self.octets.find(b"\r\n", start)].decode() if start >= 0 else ""

    def header(self) -> bytes:
        return self.octets.partition(b"\r\n\r\n")[0] + b"\r\n"


@dataclass
class Manners:
    """How the sink behaves; tests change it while it runs."""

    reply: bytes = b"250 2.0.0 kept"
    """To a whole message."""
    refused: dict[bytes, bytes] = field(default_factory=dict)
    """Reply to RCPT by recipient domain."""
    delay: float = 0.0
    """Seconds from the end of a message to the reply."""
    delay_of: dict[bytes, float] = field(default_factory=dict)
    """The same, for messages to a recipient domain."""
    hang: bool = False
    """Never reply to a message."""


class Sink:
    """Listens on loopback as long as it is open."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[Mail] = []
        self.manners = Manners()
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="sink")
        self._thread.start()
        self.appear()

    def appear(self) -> None:
        """Listen."""

        async def listen() -> None:
            self._server = await self._loop.create_server(
                lambda: _Connection(self), "127.0.0.1", self.port, backlog=1000, reuse_address=True
            )

        asyncio.run_coroutine_threadsafe(listen(), self._loop).result(10)

    def disappear(self) -> None:
        """Stop listening and break every connection."""

        async def vanish() -> None:
            if self._server is not None:
                self._server.close()
                self._server = None
            for transport in list(self._open):
                transport.abort()

        asyncio.run_coroutine_threadsafe(vanish(), self._loop).result(10)

    def close(self) -> None:
        """Gone for good."""
        self.disappear()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def tokens(self) -> list[str]:
        """Of every mail, in order of arrival."""
        return [mail.token() for mail in list(self.mails)]

    def arrivals(self) -> dict[str, list[float]]:
        """When each token arrived."""
        found: dict[str, list[float]] = defaultdict(list)
        for mail in list(self.mails):
            found[mail.token()].append(mail.at)
        return found


class _Connection(asyncio.Protocol):
    """One client: commands line by line, then data to its end."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = bytearray()
        self._in_data = False
        self._sender = b""
        self._recipients: list[bytes] = []
        self._transport: asyncio.Transport
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._sink._open.add(transport)
        self._sink.connections += 1
        self._say(b"220 sink.example ESMTP")

    def connection_lost(self, exc: Exception | None) -> None:
        self._sink._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._waiting and (self._read_message() if self._in_data else self._read_command()):
            pass

    def _say(self, reply: bytes) -> None:
        self._transport.write(reply + b"\r\n")

    def _read_command(self) -> bool:
        line, found, rest = self._buffer.partition(b"\r\n")
        if not found:
            return False
        self._buffer = rest
        verb = bytes(line[:4].upper())
        self._COMMANDS.get(verb, _Connection._unknown)(self, bytes(line))
        return True

    def _read_message(self) -> bool:
        end = (b"\r\n" + self._buffer).find(END)
        if end < 0:
            return False
        octets = bytes((b"\r\n" + self._buffer)[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]
        self._buffer = self._buffer[end + 3 :]
        self._in_data = False
        manners = self._sink.manners
        domains = {recipient.rpartition(b"@")[2] for recipient in self._recipients}
        delay = max([manners.delay, *(manners.delay_of.get(domain, 0.0) for domain in domains)])
        mail = Mail(self._sender, tuple(self._recipients), octets, 0.0)
        self._waiting = True
        if not manners.hang:
            asyncio.get_running_loop().call_later(delay, self._take, mail) if delay else self._take(mail)
        return True

    def _take(self, mail: Mail) -> None:
        self._waiting = False
        if self._transport.is_closing():
            return
        reply = self._sink.manners.reply
        if reply.startswith(b"2"):
            self._sink.mails.append(Mail(mail.sender, mail.recipients, mail.octets, time.monotonic()))
        self._say(reply)
        asyncio.get_running_loop().call_soon(self._go_on)

    def _hello(self, line: bytes) -> None:
        self._say(b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES")

    def _mail(self, line: bytes) -> None:
        self._sender, self._recipients = line[line.find(b"<") + 1 : line.rfind(b">")], []
        self._say(b"250 2.1.0 fine")

    def _rcpt(self, line: bytes) -> None:
        recipient = line[line.find(b"<") + 1 : line.rfind(b">")]
        refusal = self._sink.manners.refused.get(recipient.rpartition(b"@")[2])
        if refusal is None:
            self._recipients.append(recipient)
        self._say(refusal or b"250 2.1.5 fine")

    def _data(self, line: bytes) -> None:
        self._in_data = bool(self._recipients)
        self._say(b"354 go ahead" if self._recipients else b"503 5.5.1 no recipients")

    def _reset(self, line: bytes) -> None:
        self._recipients = []
        self._say(b"250 2.0.0 fine")

    def _quit(self, line: bytes) -> None:
        self._say(b"221 2.0.0 bye")
        self._transport.close()

    def _unknown(self, line: bytes) -> None:
        self._say(b"502 5.5.2 not here")

    _COMMANDS: ClassVar[dict[bytes, Callable[["_Connection", bytes], None]]] = {
        b"EHLO": _hello,
        b"HELO": _hello,
        b"MAIL": _mail,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"RSET": _reset,
        b"NOOP": _reset,
        b"QUIT": _quit,
    }

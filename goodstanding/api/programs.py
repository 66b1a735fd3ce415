"""The sockets on which a worker serves programs: uvicorn in the worker's own loop, so that what comes in goes the same
way as mail from SMTP, without leaving the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from goodstanding.api.patience import network
from goodstanding.settings import ApiListener, ApiSettings

BACKLOG = 1024
_NEVER = float("inf")
KEEP_ALIVE = 75
"""Seconds a connection may rest between two requests."""
CROWDED = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nretry-after: 5\r\nconnection: close\r\n"
    b"content-length: 62\r\n\r\ntoo many connections from your address; close some, then again"
)
"""What a client is told that has as many connections as one address may have."""


class Connection(HttpToolsProtocol):
    """One connection: a request has to begin soon, its header to end soon and not to be endless, its body to end soon.

    uvicorn waits for all of them as long as the client likes, and keeps all of a header.
    """

    header_within: ClassVar[float] = 30.0
    """Seconds from the connection, or from the last answer but for the rest between two requests, to a whole header.
    What takes too long is ended so many seconds late at most: one timer looks that often, whatever the traffic."""
    body_within: ClassVar[float] = 60.0
    """Seconds from a header to the end of its body."""
    header_limit: ClassVar[int] = 32 * 1024
    """Octets of a request line with its header, and of anything else that is no body."""
    per_address: ClassVar[int] = ApiSettings().connections_per_address
    held: ClassVar[Counter[str]] = Counter()
    """Open connections by client."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._due = _NEVER
        """When what is waited for has to be here, by the loop's clock."""
        self._watch: asyncio.TimerHandle | None = None
        self._unheard = 0
        """Octets that came since the parser told of the end of a header, or of a part of a body."""
        self._holder = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, and wait for a request; close it when its client has too many."""
        peer = transport.get_extra_info("peername")
        self._holder = network(str(peer[0])) if peer else "?"
        self.held[self._holder] += 1
        super().connection_made(transport)
        self._due = self.loop.time() + self.header_within
        self._watch = self.loop.call_at(self._due, self._look)
        if self.held[self._holder] > self.per_address:
            transport.write(CROWDED)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more, and forget it."""
        if self._watch is not None:
            self._watch.cancel()
        self.held[self._holder] -= 1
        if self.held[self._holder] <= 0:
            del self.held[self._holder]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on. The parser tells of a field when the next begins: one without an end is seen here only."""
        self._unheard += len(data)
        super().data_received(data)
        if self._unheard > self.header_limit:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """The header is whole."""
        if (
            self._unheard > self.header_limit and self._header_size() > self.header_limit
        ):  # the former has all that came
            self.transport.abort()
        self._unheard = 0
        self._due = self.loop.time() + self.body_within
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._unheard = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: now we are waited for, or are done with it if it was answered before its end."""
        self._unheard = 0
        self._due = self._rested() if self.cycle.response_complete else _NEVER
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The next request may begin."""
        super().on_response_complete()
        if self._due == _NEVER:
            self._due = self._rested()

    def _rested(self) -> float:
        return self.loop.time() + KEEP_ALIVE + self.header_within

    def _header_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)

    def _look(self) -> None:
        now = self.loop.time()
        if now >= self._due:
            self.transport.abort()
        else:
            self._watch = self.loop.call_at(min(self._due, now + self.header_within), self._look)


class Programs(uvicorn.Server):
    """A server that leaves signals to its worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the worker says when to stop."""
        yield


async def serve(
    application: Any,
    settings: ApiSettings,
    tls: ssl.SSLContext | None,
    patience: float,
    connection: type[Connection] = Connection,
) -> list[tuple[Programs, asyncio.Task[None]]]:
    """Serve on every listener; OSError when one is taken. ``patience``: seconds the last requests have at the end."""
    found: list[tuple[Programs, asyncio.Task[None]]] = []
    ours = {"per_address": settings.connections_per_address, "held": Counter()}
    connection = type(connection.__name__, (connection,), ours)
    for listener in settings.listeners:
        place = _socket(listener)
        server = Programs(_configuration(application, connection, settings, listener, tls, patience))
        found.append((server, asyncio.create_task(server.serve([place]))))
    for server, task in found:
        while not (server.started or task.done()):
            await asyncio.sleep(0.005)
        if task.done():
            task.result()  # why it could not start
    return found


async def end(servers: Sequence[tuple[Programs, asyncio.Task[None]]]) -> None:
    """Finish what is under way, and close."""
    for server, _ in servers:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in servers), return_exceptions=True)


def _configuration(
    application: Any,
    connection: type[Connection],
    settings: ApiSettings,
    listener: ApiListener,
    tls: ssl.SSLContext | None,
    patience: float,
) -> uvicorn.Config:
    def context(_: uvicorn.Config, __: object) -> ssl.SSLContext:
        assert tls is not None
        return tls

    return uvicorn.Config(
        application,
        http=connection,
        ws="none",
        lifespan="off",
        loop="none",
        proxy_headers=False,
        server_header=False,
        date_header=True,
        access_log=False,
        log_config=None,
        log_level="error",
        limit_concurrency=settings.connections,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, int(patience)),
        ssl_context_factory=context if listener.tls == "implicit" else None,
    )


def _socket(listener: ApiListener) -> socket.socket:
    found = socket.socket(socket.AF_INET6 if ":" in listener.address else socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind((listener.address, listener.port))
    found.listen(BACKLOG)
    found.setblocking(False)
    return found

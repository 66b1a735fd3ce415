"""Posts: finds the host, connects to an address that may be connected, and sends. Nothing is followed anywhere else.

Connections are kept open between POSTs, each bound to the address that was checked when it was opened.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from msgspec import Struct

from goodstanding.errors import RemoteProtocolError
from goodstanding.model import NetworkFailure
from goodstanding.outside import Dialer, Resolver, Stream
from goodstanding.webhooks.answers import Answer
from goodstanding.webhooks.exchange import Exchange
from goodstanding.webhooks.guard import Rules, Target, safe, target_of

IDLE = 20.0
"""Seconds an open connection is kept without work."""
ADDRESSES = 3
"""Addresses of a host that are tried before it counts as out of reach."""


class Means(Struct, frozen=True):
    """What posting needs."""

    rules: Rules
    resolver: Resolver
    dialer: Dialer
    tls: ssl.SSLContext
    timeout: float = 15.0
    """Seconds for everything: name, connection, TLS, answer."""
    kept: int = 8
    """Idle connections kept to one host."""


class _Line:
    """One open connection."""

    __slots__ = ("exchange", "since", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.exchange = Exchange()
        self.since = 0.0


class Poster:
    """Posts to any endpoint; for one event loop."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._idle: dict[tuple[bool, str, int], list[_Line]] = {}

    def __repr__(self) -> str:
        return f"<Poster {sum(map(len, self._idle.values()))} idle>"

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What came of it; never raises for anything the world may do, and takes no longer than it may."""
        target = target_of(url, self._means.rules)
        if isinstance(target, str):
            return Answer(failure=target)
        try:
            async with asyncio.timeout(self._means.timeout):
                return await self._post(target, headers, body)
        except TimeoutError:
            return Answer(failure=f"{target.authority} did not answer within {self._means.timeout:g} s")

    def sweep(self) -> None:
        """Close connections that nobody has used for a while; to be called now and then."""
        now = asyncio.get_running_loop().time()
        for key, lines in list(self._idle.items()):
            fresh = [line for line in lines if now - line.since < IDLE]
            for line in lines:
                if line not in fresh:
                    line.stream.close()
            if fresh:
                self._idle[key] = fresh
            else:
                del self._idle[key]

    def close(self) -> None:
        """Close every idle connection."""
        for lines in self._idle.values():
            for line in lines:
                line.stream.close()
        self._idle.clear()

    async def _post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        key = target.tls, target.host, target.port
        while lines := self._idle.get(key):
            line = lines.pop()
            answer = await self._over(line, target, headers, body)
            if answer is not None:  # else it had been closed while idle: nobody has seen the POST, or will see it twice
                return answer
        opened = await self._open(target)
        if isinstance(opened, NetworkFailure):
            return Answer(failure=str(opened.text))
        return await self._over(opened, target, headers, body) or Answer(
            failure=f"{target.authority} closed the connection without an answer"
        )

    async def _over(self, line: _Line, target: Target, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """The answer over an open connection; None when it was closed before one began."""
        kept = heard = False
        try:
            line.stream.send(line.exchange.post(target, headers, body))
            if isinstance(await line.stream.drain(self._means.timeout), NetworkFailure):
                return None
            answer: Answer | None = None
            while answer is None:
                octets = await line.stream.receive(self._means.timeout)
                if isinstance(octets, NetworkFailure):
                    return Answer(failure=octets.text) if heard else None
                if not octets and not heard:
                    return None
                heard, answer = True, line.exchange.receive(octets)
            kept = line.exchange.reusable() and self._keep(line, target)
            return answer
        except RemoteProtocolError as exc:
            return Answer(failure=f"{target.authority}: {exc}")
        finally:
            if not kept:
                line.stream.close()

    def _keep(self, line: _Line, target: Target) -> bool:
        lines = self._idle.setdefault((target.tls, target.host, target.port), [])
        if len(lines) >= self._means.kept:
            return False
        line.since = asyncio.get_running_loop().time()
        lines.append(line)
        return True

    async def _open(self, target: Target) -> _Line | NetworkFailure:
        """A connection to one of the host's addresses that passed the guard."""
        found = await self._means.resolver.addresses(target.host)
        if found.status != "found":
            return NetworkFailure("dns", f"{target.host} cannot be found in DNS: {found.text or found.status}")
        addresses, why = safe(found.records, target, self._means.rules)
        failure = NetworkFailure("guard", why)
        for address in addresses[:ADDRESSES]:
            opened = await self._means.dialer.connect(address, target.port, "", self._means.timeout)
            if isinstance(opened, NetworkFailure):
                failure = opened
                continue
            if not target.tls:
                return _Line(opened)
            failed = await opened.start_tls(self._means.tls, target.host, self._means.timeout)
            if failed is None:
                return _Line(opened)
            opened.close()
            failure = failed
        return failure

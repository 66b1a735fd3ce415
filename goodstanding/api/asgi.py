"""ASGI without a framework, for the routes that every message of a program takes; and who of them answers what."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGE = 128 * 1024
"""Octets of a request from which it is read, and of a message from which it is composed, in a thread."""
_PIECE = 2000
"""hashlib lets the interpreter lock go for more, and whoever wants it back waits for the writer's thread: in pieces a
small body is hashed sooner (docs/performance.md)."""


class Gone(Exception):
    """The client has left, or was left because it took too long."""


@dataclass(frozen=True, slots=True)
class Faces:
    """One application: the paths of some, and whoever answers all others."""

    by_path: Mapping[str, Application]
    others: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            await self.by_path.get(scope["path"], self.others)(scope, receive, send)


async def body_of(receive: Receive, most: int) -> bytes | None:
    """The whole body; None when it is too large. Raises Gone, also when it takes too long: `programs.Connection`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def say(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """One answer."""
    octets = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    octets.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": octets})
    await send({"type": "http.response.body", "body": body})


def digest_of(body: bytes) -> bytes:
    """SHA-256 of a body."""
    if len(body) > LARGE:
        return sha256(body).digest()
    found = sha256()
    for start in range(0, len(body), _PIECE):
        found.update(body[start : start + _PIECE])
    return found.digest()


def numbering() -> Callable[[], str]:
    """Names that nobody else gives, in the form of a UUID: a random beginning, then a number. They are no secrets."""
    beginning, numbers = str(uuid.uuid4())[:24], count()
    return lambda: f"{beginning}{next(numbers):012x}"


def remote_of(scope: Scope) -> str:
    """The client's address: that of its connection, no field can claim another."""
    return str(scope["client"][0]).partition("%")[0] if scope.get("client") else "0.0.0.0"

"""The whole outside world, as five Protocols: the only things a test replaces (see ``tests/fakes.py``)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Literal, Protocol

from goodstanding.model import NetworkFailure


class Clock(Protocol):
    """Real time in seconds since 1970, UTC."""

    def now(self) -> float:
        """The present second."""

    async def sleep_until(self, when: float) -> None:
        """Return at ``when``, at once if it has passed."""


class Entropy(Protocol):
    """Randomness; a seeded one makes a run repeatable."""

    def token(self, size: int) -> bytes:
        """``size`` bytes nobody can guess."""

    def jitter(self, spread: float) -> float:
        """A factor drawn evenly from [1 - spread, 1 + spread]."""


LookupStatus = Literal["found", "nodata", "nxdomain", "failed"]
"""``failed``: a timeout, SERVFAIL or refusal, try later. ``nodata``: the name exists, records of this type do not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What DNS said: records of one type, how long they hold, and whether DNSSEC proved them."""

    status: LookupStatus
    records: tuple[str, ...] = ()
    """MX: host names by preference, equal ones shuffled by the resolver; A/AAAA: addresses; TXT: joined strings."""
    preferences: tuple[int, ...] = ()
    """MX only: one per record."""
    expires: float = 0.0
    """Second at which the answer is too old to use."""
    authentic: bool = False
    text: str = ""
    """Why it failed, in words, when it did."""


class Resolver(Protocol):
    """DNS. Every method answers; none raises for anything the world may do."""

    async def mx(self, domain: str) -> Answer:
        """Mail exchangers of a domain (A-label form); a null MX (RFC 7505) comes as the single record ``.``."""

    def cached_mx(self, domain: str, now: float) -> Answer | None:
        """The answer `mx` would give without asking anybody; None when it would have to."""

    async def addresses(self, host: str) -> Answer:
        """IPv6 and IPv4 addresses of a host, in the order they should be tried."""

    async def txt(self, name: str) -> Answer:
        """TXT records, each with its strings joined."""

    async def pointer(self, address: str) -> Answer:
        """PTR names of an address."""


class Stream(Protocol):
    """One open TCP connection, with or without TLS."""

    peer: str
    """``203.0.113.7:25`` of the other side."""
    tls: str
    """``TLSv1.3 TLS_AES_256_GCM_SHA384`` once TLS is on, else empty."""

    def send(self, octets: bytes) -> None:
        """Queue bytes for the peer; never blocks."""

    async def drain(self, timeout: float) -> NetworkFailure | None:
        """Wait until the send buffer is low again."""

    async def receive(self, timeout: float) -> bytes | NetworkFailure:
        """The next bytes; ``b""`` when the peer closed; a failure after ``timeout`` seconds of silence or a reset."""

    async def start_tls(self, context: ssl.SSLContext, hostname: str, timeout: float) -> NetworkFailure | None:
        """Turn the connection into TLS."""

    def close(self) -> None:
        """Close now; what was sent and flushed is not lost. Safe to call twice."""


class Dialer(Protocol):
    """Opens connections."""

    async def connect(self, address: str, port: int, source: str, timeout: float) -> Stream | NetworkFailure:
        """Connect to an IP address from a local one (``""``: any)."""


class Fetcher(Protocol):
    """HTTPS GET of small documents."""

    async def get(self, url: str, timeout: float) -> bytes | NetworkFailure:
        """The body of a 200 answer."""

"""Who is it: credentials checked in constant time, and a brake on guessing.

A secret is 32 random bytes made by us, so a keyed hash is enough: there is no dictionary to try, and a slow hash
would only let strangers spend our CPU (docs/decisions/0004-credentials.md).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from goodstanding.model import Identity

MINUTE = 60.0


def digest(key: bytes, secret: str) -> bytes:
    """What is stored of a secret."""
    return hmac.new(key, secret.encode(), sha256).digest()


class Credentials:
    """Every live credential: user name -> digest and identity."""

    def __init__(self, key: bytes, known: Mapping[str, tuple[bytes, Identity]]) -> None:
        self._key = key
        self._known = known
        self._nobody = bytes(32)

    def check(self, username: str, secret: str) -> Identity | None:
        """The identity behind a user name and secret; as long in coming for an unknown name as for a wrong secret."""
        stored, identity = self._known.get(username, (self._nobody, None))
        return identity if hmac.compare_digest(digest(self._key, secret), stored) else None


class GuessBrake:
    """Failed attempts by client address, counted per minute."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._minute = 0
        self._failures: dict[str, int] = {}

    def closed_to(self, address: str, now: float) -> bool:
        """Whether this address has failed too often to be heard before the minute ends."""
        self._turn(now)
        return self._failures.get(address, 0) >= self._limit

    def failed(self, address: str, now: float) -> None:
        """Count one failure."""
        self._turn(now)
        self._failures[address] = self._failures.get(address, 0) + 1

    def _turn(self, now: float) -> None:
        minute = int(now // MINUTE)
        if minute != self._minute:
            self._minute, self._failures = minute, {}


class TrustedNetworks:
    """Networks whose hosts need no password, and as which subscription they send."""

    def __init__(self, entries: Iterable[tuple[str, Identity]]) -> None:
        self._networks: list[tuple[IPv4Network | IPv6Network, Identity]] = [
            (ip_network(network), identity) for network, identity in entries
        ]
        self._seen: dict[str, Identity | None] = {}

    def identity_of(self, address: str) -> Identity | None:
        """The subscription a client address sends as, if any; the first network that holds it decides."""
        if not self._networks:
            return None
        if address not in self._seen:
            if len(self._seen) > 10_000:
                self._seen.clear()
            here = ip_address(address)
            self._seen[address] = next((who for network, who in self._networks if here in network), None)
        return self._seen[address]

"""Bearer tokens at the door, by SMTP and by HTTP: fetches the keys of issuers, proves tokens, finds whom they open.

Nothing about a token is remembered. Each is proven anew, and the credential it opens is looked up anew among those that
are live, so what is revoked is shut as soon as the process knows.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from goodstanding.model import Identity, NetworkFailure
from goodstanding.outside import Clock, Fetcher
from goodstanding.settings import TokenIssuer, TokenSettings
from goodstanding.submission.authentication import Credentials, TokenRefused
from goodstanding.submission.tokens import (
    Glance,
    Keys,
    Ring,
    glance,
    keys_address,
    lacking,
    prove,
    read_keys,
)

log = structlog.get_logger("tokens")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token opened."""

    identity: Identity
    until: float
    """Second from which the token proves nothing any more."""


@dataclass(slots=True)
class Bearer:
    """The door for tokens, as one process has it."""

    settings: TokenSettings
    fetcher: Fetcher
    clock: Clock
    _rings: dict[str, Ring] = field(default_factory=dict)
    _fetches: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def authorize(self, authorization: str, credentials: Credentials, user: str = "") -> Identity | TokenRefused:
        """The identity behind the value of an HTTP Authorization header (RFC 6750 §2.1); for the rest see `open`."""
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return TokenRefused("no-token", "no bearer token was given: Authorization: Bearer TOKEN")
        found = await self.open(token.strip(), credentials, user)
        return found.identity if isinstance(found, Opened) else found

    async def open(self, token: str, credentials: Credentials, user: str = "") -> Opened | TokenRefused:
        """Whom a token opens among these credentials, which are those of this moment.

        ``user`` (a user name or subscription) has to be the application's, and chooses where it sends as several.
        """
        seen = glance(token)
        if isinstance(seen, TokenRefused):
            return seen
        issuer = next((one for one in self.settings.issuers if one.issuer == seen.issuer), None)
        if issuer is None:
            return TokenRefused("unknown-issuer", "its issuer is not known here: [[tokens.issuers]]")
        if seen.algorithm not in issuer.algorithms:
            return TokenRefused("algorithm", f"signed in a way that is not believed; use {issuer.algorithms[0]}")
        fresh = self._begin(issuer, seen)
        if issuer.issuer in self._fetches and (fresh or self._ring(issuer).keys.find(seen) is None):
            await asyncio.shield(self._fetches[issuer.issuer])
        ring = self._ring(issuer)
        key = ring.keys.find(seen)
        if key is None:
            return lacking(ring, fresh)
        proven = prove(token, key, issuer, self.clock.now())
        if isinstance(proven, TokenRefused):
            return proven
        identity = credentials.linked(proven, user)
        return identity if isinstance(identity, TokenRefused) else Opened(identity, proven.expires)

    def _ring(self, issuer: TokenIssuer) -> Ring:
        return self._rings.get(issuer.issuer) or Ring()

    def _begin(self, issuer: TokenIssuer, seen: Glance) -> bool:
        """Begin to fetch the keys of an issuer if this token asks for that; whether it did."""
        name, now = issuer.issuer, self.clock.now()
        if name in self._fetches or not self._ring(issuer).wants(seen, now):
            return False
        self._rings[name] = self._ring(issuer).fetching(now)
        self._fetches[name] = asyncio.create_task(self._fetch(issuer))
        return True

    async def _fetch(self, issuer: TokenIssuer) -> None:
        """Put the keys of an issuer on its ring, or the failure."""
        name = issuer.issuer
        try:
            answer = await self._keys(issuer)
        finally:
            del self._fetches[name]
        self._rings[name] = self._ring(issuer).fetched(answer, self.clock.now(), issuer.keys_hold)
        if isinstance(answer, str):
            log.error("keys of an issuer", issuer=name, error=answer, known=len(self._rings[name].keys))

    async def _keys(self, issuer: TokenIssuer) -> Keys | str:
        address, timeout = issuer.keys_url, self.settings.timeout
        if issuer.discovery:
            told = await self.fetcher.get(issuer.discovery, timeout)
            if isinstance(told, NetworkFailure):
                return str(told)
            found = keys_address(told, issuer.issuer)
            if isinstance(found, TokenRefused):
                return found.because
            address = found
        octets = await self.fetcher.get(address, timeout)
        return str(octets) if isinstance(octets, NetworkFailure) else read_keys(octets)

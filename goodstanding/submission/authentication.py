"""Who is it: credentials checked in constant time, whom a proven token speaks for, and a brake on guessing.

A secret is 32 random bytes made by us, so a keyed hash is enough: there is no dictionary to try, and a slow hash
would only let strangers spend our CPU (docs/decisions/0004-credentials.md).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from msgspec import Struct

from goodstanding.model import Identity

MINUTE = 60.0
CREDENTIAL_PURPOSE = "credentials"
"""What the key under which secrets are hashed is derived for."""


def household(address: str) -> str:
    """Whom a limit by address counts: one IPv4 address, or the /64 that a single IPv6 host has to itself."""
    return str(IPv6Network(f"{address}/64", strict=False)) if ":" in address else address


def digest(key: bytes, secret: str) -> bytes:
    """What is stored of a secret."""
    return hmac.new(key, secret.encode(), sha256).digest()


def folded(username: str) -> str:
    """The one form of a user name: ACS writes ``resource|application|tenant`` with dots, too."""
    return username.replace("|", ".")


class Claimant(Struct, frozen=True, gc=False):
    """For whom a proven token speaks."""

    issuer: str
    application: str
    tenant: str = ""
    """Of the issuer; empty: the token names none."""
    expires: float = 0.0
    """Second from which it proves nothing any more."""


class TokenRefused(Struct, frozen=True, gc=False):
    """Why a token opens nothing."""

    slug: str
    because: str
    """For its bearer and the log, without anything of the token."""
    passing: bool = False
    """The same token may open something in a moment."""


class Link(Struct, frozen=True, gc=False):
    """A credential without a secret: the tokens of one application open one subscription."""

    claimant: Claimant
    """Without a tenant: whichever the token names."""
    identity: Identity


class Credentials:
    """Every live credential: user name -> digest and identity; and the links, by application."""

    def __init__(self, key: bytes, known: Mapping[str, tuple[bytes, Identity]], links: Iterable[Link] = ()) -> None:
        """``known``: those with a secret."""
        self._key = key
        self._nobody = bytes(32)
        self._secret = {folded(name): entry for name, entry in known.items()}
        self._links: dict[tuple[str, str], list[Link]] = {}
        self._live = {name: identity for name, (_, identity) in known.items()}
        for link in links:
            self._links.setdefault((link.claimant.issuer, link.claimant.application), []).append(link)
            self._live[link.identity.credential] = link.identity

    def check(self, username: str, secret: str) -> Identity | None:
        """The identity behind a user name and secret; as long in coming for an unknown name as for a wrong secret."""
        stored, identity = self._secret.get(folded(username), (self._nobody, None))
        return identity if hmac.compare_digest(digest(self._key, secret), stored) else None

    def linked(self, claimant: Claimant, user: str = "") -> Identity | TokenRefused:
        """The identity an application's token opens. ``user`` chooses among several: a user name or subscription."""
        links = self._links.get((claimant.issuer, claimant.application), ())
        fit = [link.identity for link in links if link.claimant.tenant in ("", claimant.tenant)]
        who = f"application {claimant.application}" + (f" of tenant {claimant.tenant}" if claimant.tenant else "")
        if not fit:
            return TokenRefused("not-linked", f"no credential is linked to {who}: goodstanding credential link")
        if user:
            fit = [identity for identity in fit if self._means(user, identity)]
        if not fit:
            return TokenRefused("other-user", f"the user name is none that {who} is linked to")
        if len({identity.subscription for identity in fit}) > 1:
            return TokenRefused("several-links", f"{who} is linked to several subscriptions; give a user name of one")
        return fit[0]

    def _means(self, user: str, identity: Identity) -> bool:
        """Whether a user name, of a secret or a link, or a subscription's own name is of this identity."""
        name = folded(user)
        with_secret = self._secret.get(name, (b"", None))[1]
        return (
            name == folded(identity.credential)
            or user == identity.subscription
            or (with_secret is not None and with_secret.subscription == identity.subscription)
        )

    def holds(self, identity: Identity) -> bool:
        """Whether the credential that somebody logged in with is still there, and theirs."""
        return not identity.credential or self._live.get(identity.credential) == identity


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

"""Standard Webhooks signatures (1.0): HMAC-SHA256 over id, time and body, under ``whsec_`` secrets.

Two secrets can be live at once, so that a receiver can change over without losing an event.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

import msgspec
from msgspec import Struct

PREFIX = "whsec_"
SIZE = 32
"""Bytes of a secret; the standard wants 24 to 64."""


class Secret(Struct, frozen=True, array_like=True):
    """One secret, and until when it signs."""

    text: str
    """``whsec_`` and base64."""
    until: float = 0.0
    """Second after which it signs no more; 0: for good."""


class Locked(Struct, frozen=True):
    """What is kept sealed of an endpoint."""

    secrets: tuple[Secret, ...] = ()
    """The newest first."""
    headers: dict[str, str] = {}
    """Sent with every POST, for receivers that ask for a token of their own."""

    def live(self, now: float) -> list[str]:
        """The secrets that sign now, the newest first."""
        return [one.text for one in self.secrets if not one.until or one.until > now]


_LOCKED = msgspec.json.Decoder(Locked)


def context(number: int) -> bytes:
    """What the secrets of an endpoint are sealed for."""
    return f"webhook {number}".encode()


def packed(locked: Locked) -> bytes:
    """For `goodstanding.sealed.seal`."""
    return msgspec.json.encode(locked)


def unpacked(octets: bytes) -> Locked:
    """What `packed` made."""
    return _LOCKED.decode(octets)


def written(key: bytes) -> str:
    """A secret as people copy it."""
    return PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign. ValueError when it is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as exc:
        raise ValueError(f"not base64: {exc}") from exc
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("a secret is whsec_ and the base64 of 24 to 64 bytes")
    return key


def rotated(locked: Locked, fresh: str, overlap_until: float) -> Locked:
    """With a new secret; the newest of the old ones signs beside it until then, older ones no more."""
    old = [Secret(one.text, min(one.until or overlap_until, overlap_until)) for one in locked.secrets[:1]]
    return Locked((Secret(fresh), *old), locked.headers)


def signed(secrets: Sequence[str], name: str, now: int, body: bytes) -> dict[str, str]:
    """The three headers of a POST: its id, its time, and a signature by each secret."""
    said = b"%s.%d." % (name.encode(), now) + body
    marks = ["v1," + base64.b64encode(hmac.digest(key_of(secret), said, "sha256")).decode() for secret in secrets]
    return {"webhook-id": name, "webhook-timestamp": str(now), "webhook-signature": " ".join(marks)}

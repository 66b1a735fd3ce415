"""The signed link of a standing page: which account it shows, and a MAC that only this installation can make.

What is signed is no secret, so it is not sealed: ``tenant``, key and stream as MessagePack, then 16 bytes of keyed
BLAKE2s over them, all in base64url. Whoever holds the link may read the page and answer a review, and nothing else. It
is the same each time it is made, and holds for as long as the key does.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, urlsafe_b64encode
from hashlib import blake2s
from hmac import compare_digest

import msgspec
from msgspec import Struct

PATH = "/standing/"
"""Where the pages live below the address of the site."""
LONGEST = 512
"""Characters of a token; one for the longest names has some 300."""
_MAC_SIZE = 16


class StandingLink(Struct, frozen=True, gc=False, array_like=True):
    """Which account a page shows."""

    tenant: str
    key: str
    """As `model.Key` writes it: ``campaign:17``."""
    stream: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(StandingLink).decode


def sign(key: bytes, about: StandingLink) -> str:
    """The token as a URL may carry it: letters, digits, ``-`` and ``_``. ``key`` has 16 to 32 secret bytes."""
    octets = _encode(about)
    return urlsafe_b64encode(octets + _mac(key, octets)).rstrip(b"=").decode("ascii")


def read(key: bytes, token: str) -> StandingLink | None:
    """What was signed with this key; None for anything else, whatever it is."""
    if len(token) > LONGEST or not re.fullmatch(r"[A-Za-z0-9_-]+", token, re.ASCII):
        return None
    try:
        octets = b64decode(token + "=" * (-len(token) % 4), altchars=b"-_")
    except (binascii.Error, ValueError):
        return None
    about, mac = octets[:-_MAC_SIZE], octets[-_MAC_SIZE:]
    if not about or not compare_digest(mac, _mac(key, about)):
        return None
    try:
        found = _decode(about)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if sign(key, found) == token else None  # one spelling only


def link(base_url: str, token: str) -> str:
    """The https URI of a token, below the address of the site."""
    return base_url.rstrip("/") + PATH + token


def _mac(key: bytes, octets: bytes) -> bytes:
    return blake2s(octets, key=key, digest_size=_MAC_SIZE, person=b"standing").digest()

"""Tokens in the addresses of open pictures and of links that count clicks: what they say, and that we said it.

Sealed with AES-SIV (RFC 5297) like the token of an unsubscribe link: opaque, unforgeable, and the same each time it is
made. Where a click leads is inside the seal, so a link of ours can never be bent to lead elsewhere (CWE-601), and
nothing but an http or https address is ever sealed or opened.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, urlsafe_b64encode
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Struct

from goodstanding.model import MessageId

OPEN_PATH, CLICK_PATH = "/o/", "/c/"
"""Where tokens live below the address of a link domain."""
LONGEST_TARGET = 2_000
"""Octets of an address that a click leads to; browsers and proxies take about as many."""
LONGEST_TOKEN = 3_000
"""Characters; one for the longest target has some 2,800."""

_VERSION = b"\x01"
_OPEN, _CLICK = b"goodstanding open", b"goodstanding click"
"""What a token is for is sealed with it: one for a picture is none for a link."""


class Opened(Struct, frozen=True, gc=False, array_like=True):
    """One copy of one message."""

    message: MessageId
    n: int


class Clicked(Struct, frozen=True, gc=False, array_like=True):
    """A link of one copy of one message."""

    message: MessageId
    n: int
    link: int
    """Its place in the message, from 0; negative for one that no reader can see."""
    target: str


_encode = msgspec.msgpack.Encoder().encode
_decode_open = msgspec.msgpack.Decoder(Opened).decode
_decode_click = msgspec.msgpack.Decoder(Clicked).decode


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESSIV:
    return AESSIV(key)


def seal_open(key: bytes, opened: Opened) -> str:
    """The token of the picture in one copy. ``key`` has 32 secret bytes."""
    return _sealed(key, _encode(opened), _OPEN)


def seal_click(key: bytes, clicked: Clicked) -> str:
    """The token of one link of one copy; ValueError for a target that is no http or https address."""
    if not is_target(clicked.target):
        raise ValueError(f"{clicked.target[:100]!r} is no address that a link may lead to")
    return _sealed(key, _encode(clicked), _CLICK)


def open_open(key: bytes, text: str, *older: bytes) -> Opened | None:
    """What was sealed with this key or an older one; None for anything else, whatever it is."""
    for plain in _unsealed((key, *older), text, _OPEN):
        try:
            return _decode_open(plain)
        except msgspec.DecodeError:
            return None
    return None


def open_click(key: bytes, text: str, *older: bytes) -> Clicked | None:
    """The same of a link; its target is good to redirect to."""
    for plain in _unsealed((key, *older), text, _CLICK):
        try:
            clicked = _decode_click(plain)
        except msgspec.DecodeError:
            return None
        return clicked if is_target(clicked.target) else None
    return None


def picture(base_url: str, token: str) -> str:
    """The address of the picture, below that of the link domain."""
    return f"{base_url.rstrip('/')}{OPEN_PATH}{token}.gif"


def link(base_url: str, token: str) -> str:
    """The address of a link."""
    return base_url.rstrip("/") + CLICK_PATH + token


def is_target(url: str) -> bool:
    """An absolute http or https address that can stand in Location as it is (RFC 9110 §10.2.2)."""
    if len(url.encode("utf-8", "replace")) > LONGEST_TARGET or not re.fullmatch(
        r"https?://[!-~\u00a1-\U0010ffff]+", url, re.I
    ):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.username is None and "\\" not in parts.netloc
    except ValueError:
        return False


def _sealed(key: bytes, plain: bytes, purpose: bytes) -> str:
    return urlsafe_b64encode(_VERSION + _cipher(key).encrypt(plain, [purpose, _VERSION])).rstrip(b"=").decode("ascii")


def _unsealed(keys: tuple[bytes, ...], text: str, purpose: bytes) -> list[bytes]:
    """What is in a token: one string of octets, or none."""
    if len(text) > LONGEST_TOKEN or not re.fullmatch(r"[A-Za-z0-9_-]+", text, re.ASCII):
        return []
    try:
        octets = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_")
    except (binascii.Error, ValueError):
        return []
    if octets[:1] != _VERSION or len(octets) <= 17 or urlsafe_b64encode(octets).rstrip(b"=").decode() != text:
        return []
    for key in keys:
        try:
            return [_cipher(key).decrypt(octets[1:], [purpose, _VERSION])]
        except InvalidTag:
            continue
    return []

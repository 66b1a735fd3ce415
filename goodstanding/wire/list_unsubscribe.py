"""List-Unsubscribe and one-click (RFC 2369, RFC 8058): the fields we write, those that senders wrote, and the token.

The token says who leaves what. It is sealed with AES-SIV (RFC 5297), so that it is opaque, cannot be forged or
changed, and needs no random number: sealing the same twice gives the same link. It holds all that is needed to act, so
it works for as long as the key is kept, after the message, the queue and the journal have been forgotten. Law asks for
30 days (CAN-SPAM) and 60 (CASL).
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, urlsafe_b64encode
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Struct

from goodstanding.model import MessageId, Stream, SubscriptionName, TenantName
from goodstanding.wire.message import HeaderBlock

ONE_CLICK = "List-Unsubscribe=One-Click"
"""The only value of List-Unsubscribe-Post, and what the POST carries (RFC 8058 §3.1, §3.2)."""
FIELDS = ("list-unsubscribe", "list-unsubscribe-post")
"""Both are to be covered by the DKIM signature (RFC 8058 §4)."""
PATH = "/u/"
"""Where tokens live below the address of the page."""
MAILBOX = "unsubscribe"
"""Local part that takes requests by mail."""
LONGEST_TOKEN = 1024
"""Characters; one for the longest address and names has some 800."""
LONGEST_LINE = 998
"""Octets of a line without its CRLF (RFC 5322 §2.1.1); a URI cannot be folded."""

_VERSION = b"\x01"
_CONTEXT = [b"goodstanding unsubscribe"]
_TEXT_LIMIT = 8_000
"""Octets of a field that are read."""


class Token(Struct, frozen=True, gc=False, array_like=True):
    """Who leaves what: one recipient of one message."""

    tenant: TenantName
    stream: Stream
    subscription: SubscriptionName
    address: str
    message: MessageId
    n: int
    issued: int
    """Second it was made."""


class Offered(Struct, frozen=True, gc=False):
    """What a message offers in its List-Unsubscribe fields."""

    https: str = ""
    """The first https URI."""
    mailto: str = ""
    """The first mailto URI."""
    one_click: bool = False
    """Valid by RFC 8058: one https URI, and List-Unsubscribe-Post as it must be."""
    flaws: tuple[str, ...] = ()
    """Why it is not one-click, or what else is wrong, each a sentence without a full stop."""

    @property
    def any(self) -> bool:
        """Whether there is a way out at all."""
        return bool(self.https or self.mailto)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Token).decode


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESSIV:
    return AESSIV(key)


def seal_token(key: bytes, token: Token) -> str:
    """The token as a URL may carry it: letters, digits, ``-`` and ``_``. ``key`` has 32 secret bytes."""
    sealed = _cipher(key).encrypt(_encode(token), [*_CONTEXT, _VERSION])
    return urlsafe_b64encode(_VERSION + sealed).rstrip(b"=").decode("ascii")


def open_token(key: bytes, text: str, *older: bytes) -> Token | None:
    """What was sealed with this key or one of the older ones; None for anything else, whatever it is."""
    if len(text) > LONGEST_TOKEN or not re.fullmatch(r"[A-Za-z0-9_-]+", text, re.ASCII):
        return None
    try:
        octets = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_")
    except (binascii.Error, ValueError):
        return None
    if octets[:1] != _VERSION or len(octets) <= 17 or urlsafe_b64encode(octets).rstrip(b"=").decode() != text:
        return None
    for candidate in (key, *older):
        try:
            return _decode(_cipher(candidate).decrypt(octets[1:], [*_CONTEXT, _VERSION]))
        except (InvalidTag, msgspec.DecodeError):
            continue
    return None


def link(base_url: str, token: str) -> str:
    """The https URI of a token, below the address of the page."""
    return base_url.rstrip("/") + PATH + token


def mailto(domain: str, token: str) -> str:
    """The mailto URI of a token. It stands in the subject: a local part has at most 64 octets (RFC 5321 §4.5.3.1.1)."""
    return f"mailto:{MAILBOX}@{domain}?subject={MAILBOX}%20{token}"


def fields(https_url: str, mailto_url: str) -> bytes:
    """The fields to put in front of a message, with CRLF: one-click first, then mail (RFC 8058 §3.1, RFC 2369 §2).

    Either may be empty; without https there is no one-click, and without both nothing. ValueError for what cannot
    stand in a field.
    """
    uris = [uri for uri in (https_url, mailto_url) if uri]
    for uri in uris:
        if not re.fullmatch(r"(https|mailto):[!-;=?-~]+", uri) or len(uri) > LONGEST_LINE - 4 or "," in uri:
            raise ValueError(f"{uri!r} cannot stand in List-Unsubscribe")
    if not uris:
        return b""
    line = ",\r\n ".join(f"<{uri}>" for uri in uris)
    first = "List-Unsubscribe:" + ("\r\n " if len(uris[0]) > 58 else " ")  # RFC 5322 §2.1.1: 78 where it can be
    post = f"List-Unsubscribe-Post: {ONE_CLICK}\r\n" if https_url else ""
    return f"{first}{line}\r\n{post}".encode("ascii")


_URI = re.compile(rb"<([^<>]*)>")


def parse(header: HeaderBlock) -> Offered:
    """What a sender has put in; anything may be in it, and nothing raises."""
    values = [raw for name, raw in header.fields if name == FIELDS[0]]
    posts = [raw for name, raw in header.fields if name == FIELDS[1]]
    uris = _uris(values[0]) if values else []
    https = next((uri for uri in uris if uri.lower().startswith("https://")), "")
    mail = next((uri for uri in uris if uri.lower().startswith("mailto:")), "")
    flaws = (*_flaws(values, uris), *_one_click_flaws(uris, posts))
    one_click = bool(https and posts) and not flaws
    return Offered(https, mail, one_click, flaws if values or posts else ())


def _uris(raw: bytes) -> list[str]:
    """The URIs in angle brackets; white space in them is folding and goes (RFC 2369 §2)."""
    value = raw[raw.find(b":") + 1 :][:_TEXT_LIMIT]
    return [b"".join(uri.split()).decode("ascii", "replace") for uri in _URI.findall(value)]


def _flaws(values: list[bytes], uris: list[str]) -> list[str]:
    found: list[str] = []
    if len(values) > 1:
        found.append("List-Unsubscribe stands there more than once (RFC 2369 §2)")
    if values and not uris:
        found.append("List-Unsubscribe has no URI in angle brackets (RFC 2369 §2)")
    return found


def _one_click_flaws(uris: list[str], posts: list[bytes]) -> list[str]:
    """What RFC 8058 §3.1 misses; without the Post field: that it is missing."""
    if not posts:
        return ["there is no List-Unsubscribe-Post: One-Click"]
    found: list[str] = []
    schemes = [uri.partition(":")[0].lower() for uri in uris]
    if len(posts) > 1:
        found.append("List-Unsubscribe-Post stands there more than once")
    if b"".join(posts[0][posts[0].find(b":") + 1 :].split()).lower() != ONE_CLICK.lower().encode():
        found.append(f"List-Unsubscribe-Post is not {ONE_CLICK}")
    if "https" not in schemes:
        found.append("one-click needs an https URI, mailto or http is not enough")
    elif schemes.count("https") > 1:
        found.append("one-click allows one https URI only")
    return found

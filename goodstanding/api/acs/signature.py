"""Signed requests: HMAC-SHA256 over verb, path, date, host and body, as the SDKs of ACS write it.

Source: the SDKs' ``HMACCredentialsPolicy``; https://learn.microsoft.com/rest/api/communication/authentication.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256

from msgspec import Struct

from goodstanding.model import Identity

MARGIN = 300.0
"""Seconds by which the clocks may differ."""
_AUTHORIZATION = re.compile(
    r"HMAC-SHA256 SignedHeaders=(?P<names>[a-z0-9;-]+)&Signature=(?P<signature>[A-Za-z0-9+/]{43}=)"
)
_SIGNED = "x-ms-date;host;x-ms-content-sha256"
_DATE_MOST = 40
"""Characters of a date that is worth reading: RFC 9110 §5.6.7 writes 29."""


class Request(Struct, frozen=True, gc=False):
    """What is signed of a request."""

    verb: str
    target: str
    """Path and query as they came."""
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes = b""
    before: str = ""
    """What of the path belongs to the endpoint: ``/tenant/application``. Some SDKs sign it as part of the host."""


class Denied(Struct, frozen=True, gc=False):
    """Why a request is not believed."""

    words: str


class Known(Struct, frozen=True, gc=False):
    """Who signed, and the proof of it, which opens one operation."""

    identity: Identity
    proof: bytes
    """The second that was signed, then the signature: in the order they come in, as an index likes them."""


def begun(key: bytes) -> hmac.HMAC:
    """A key as `signer` takes it: keyed once, and copied for each request."""
    return hmac.new(key, None, "sha256")


def signer(request: Request, keys: Iterable[tuple[Identity, hmac.HMAC]], now: float) -> Known | Denied:
    """Whose key a request is signed with; ``keys``: those it may be signed with (`begun`), the likeliest first.

    The body need not be there yet: what is signed is the digest it is said to have. Whether it has it, `fits` says.
    """
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        return Denied(f"the Authorization header is not 'HMAC-SHA256 SignedHeaders={_SIGNED}&Signature=...'")
    if found["names"] != _SIGNED:
        return Denied(f"SignedHeaders must be {_SIGNED}")
    headers = request.headers
    date = headers.get("x-ms-date") or headers.get("date", "")
    when = _second(date)
    if when is None:
        return Denied("x-ms-date is missing, or not of the form 'Mon, 23 Nov 2026 09:41:51 GMT'")
    if abs(now - when) > MARGIN:
        return Denied(
            "The time difference between the originating client and the server is greater than the allowed margin of "
            "5 minutes."
        )
    host, digest = headers.get("host", ""), headers.get("x-ms-content-sha256", "")
    hosts = (host, f"{host}{request.before}") if request.before else (host,)
    texts = [f"{request.verb}\n{request.target}\n{date};{one};{digest}".encode() for one in hosts]
    given = b64decode(found["signature"])
    for identity, key in keys:
        for text in texts:
            state = key.copy()
            state.update(text)
            if hmac.compare_digest(state.digest(), given):
                return Known(identity, int(when).to_bytes(5, "big") + given)
    return Denied("Denied by the resource provider. The signature fits no access key of this endpoint.")


def fits(headers: Mapping[str, str], digest: bytes) -> bool:
    """Whether the digest of a body (SHA-256) is the one that was signed."""
    return hmac.compare_digest(b64encode(digest), headers.get("x-ms-content-sha256", "").encode())


FOREIGN_BODY = Denied("x-ms-content-sha256 is not the digest of this body")


def sign(request: Request, key: bytes, date: str) -> dict[str, str]:
    """The header fields that make `signer` believe a request."""
    digest = b64encode(sha256(request.body).digest()).decode()
    text = f"{request.verb}\n{request.target}\n{date};{request.headers.get('host', '')};{digest}".encode()
    signature = b64encode(hmac.digest(key, text, "sha256")).decode()
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": digest,
        "authorization": f"HMAC-SHA256 SignedHeaders={_SIGNED}&Signature={signature}",
    }


def _second(date: str) -> float | None:
    return _parsed(date) if len(date) <= _DATE_MOST else None


@lru_cache(maxsize=64)
def _parsed(date: str) -> float | None:
    """Kept, because many requests are signed within one second."""
    try:
        return parsedate_to_datetime(date).timestamp() if date.endswith("GMT") else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

"""Verifies DKIM signatures (RFC 6376, RFC 8463) as a receiver does.

The canonical forms are written out here a second time on purpose: a verifier that shares them with the signer would
agree with every mistake of the signer.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from goodstanding.sandbox.zones import Lookup
from goodstanding.wire.message import HeaderBlock

SIGNATURES_CHECKED = 5
"""Of one message; more are not looked at."""
SHORTEST_RSA = 1024  # bits, RFC 8301 §3.2

ALGORITHMS = ("rsa-sha256", "ed25519-sha256")  # RFC 8301 §3.1 forbids rsa-sha1

_B_VALUE = re.compile(rb"((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of one signature, in the words of RFC 8601 §2.7.1."""

    result: str
    """``pass``, ``fail`` (does not match), ``permerror`` (cannot match), ``temperror`` (key not reachable now)."""
    domain: str = ""
    selector: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a signature does not pass."""

    result: str
    reason: str


Tags = dict[str, str]
Key = RSAPublicKey | Ed25519PublicKey


def verify(header: HeaderBlock, body: bytes, lookup: Lookup, now: float) -> tuple[Verified, ...]:
    """The result of every signature of a message, from the top; empty when it has none."""
    signatures = [raw for name, raw in header.fields if name == "dkim-signature"]
    return tuple(_verify(raw, header, body, lookup, now) for raw in signatures[:SIGNATURES_CHECKED])


def _verify(raw: bytes, header: HeaderBlock, body: bytes, lookup: Lookup, now: float) -> Verified:
    tags = _tags(raw.partition(b":")[2])
    if tags is None:
        return Verified("permerror", reason="tag list cannot be read")
    domain, selector = tags.get("d", ""), tags.get("s", "")
    objection = _unsound(tags, now)
    if objection is None and _body_hash(tags, body) != _base64(tags["bh"]):
        objection = Objection("fail", "body hash does not match")
    if objection is None:
        key = _key(tags, lookup)
        if isinstance(key, Objection):
            objection = key
        elif not _is_signed(tags, raw, header, key):
            objection = Objection("fail", "signature does not match")
    if objection is not None:
        return Verified(objection.result, domain, selector, objection.reason)
    return Verified("pass", domain, selector)


def _tags(value: bytes) -> Tags | None:
    """A tag list (RFC 6376 §3.2) without the white space around the values and inside those of base64; None: broken."""
    tags: Tags = {}
    for part in value.decode("utf-8", "replace").split(";"):
        name, equals, content = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not equals or name in tags:
            return None
        tags[name] = "".join(content.split()) if name in ("b", "bh", "p", "h") else content
    for name in ("d", "s", "h"):
        if name in tags:
            tags[name] = tags[name].lower()
    return tags


def _unsound(tags: Tags, now: float) -> Objection | None:
    """The first thing wrong with the signature in itself (RFC 6376 §6.1.1)."""
    missing = [name for name in ("v", "a", "b", "bh", "d", "h", "s") if name not in tags]
    if missing:
        return Objection("permerror", f"tag {missing[0]}= is missing")
    identity, expires = _identity(tags), tags.get("x", "")
    checks = [
        (tags["v"] == "1", "unknown version"),
        (tags["a"] in ALGORITHMS, "algorithm is not accepted"),
        (set(_forms(tags)) <= {"simple", "relaxed"}, "unknown canonical form"),
        (identity == tags["d"] or identity.endswith("." + tags["d"]), "i= is not within d="),
        ("from" in tags["h"].split(":"), "From is not signed"),
        (tags.get("l", "0").isdecimal(), "l= is not a number"),
    ]
    if expires.isdecimal() and int(expires) < now:
        return Objection("fail", "signature expired")
    return next((Objection("permerror", reason) for sound, reason in checks if not sound), None)


def _identity(tags: Tags) -> str:
    """The domain of i=, which is d= by default."""
    return tags.get("i", tags["d"]).rpartition("@")[2].lower()


def _forms(tags: Tags) -> tuple[str, str]:
    """Canonical forms of header and body (RFC 6376 §3.5 c=)."""
    header, _, body = tags.get("c", "simple/simple").partition("/")
    return header, body or "simple"


def _body_hash(tags: Tags, body: bytes) -> bytes:
    """SHA-256 of the body in its canonical form; every CR and LF of it is part of a CRLF, or SMTP had refused it."""
    if _forms(tags)[1] == "relaxed":  # RFC 6376 §3.4.4
        body = _single_spaced(body).replace(b" \r\n", b"\r\n").rstrip(b" ").rstrip(b"\r\n")
        body = body + b"\r\n" if body else b""
    else:  # RFC 6376 §3.4.3
        body = body.rstrip(b"\r\n") + b"\r\n"
    return sha256(body[: int(tags["l"])] if "l" in tags else body).digest()


def _single_spaced(octets: bytes) -> bytes:
    octets = octets.replace(b"\t", b" ")
    while b"  " in octets:
        octets = octets.replace(b"  ", b" ")
    return octets


def _key(tags: Tags, lookup: Lookup) -> Key | Objection:
    """The public key that goes with a signature (RFC 6376 §6.1.2 and §3.6.1)."""
    answer = lookup(f"{tags['s']}._domainkey.{tags['d']}", "TXT")
    if answer.status == "failed":
        return Objection("temperror", "key cannot be looked up now")
    if not answer.records:
        return Objection("permerror", "no key published")
    record = _tags(answer.records[0].encode())
    if record is None or "p" not in record or record.get("v", "DKIM1") != "DKIM1":
        return Objection("permerror", "key record cannot be read")
    kind = record.get("k", "rsa")
    key = _public_key(kind, _base64(record["p"]) or b"")
    checks = [
        (record["p"] != "", "key revoked"),
        (kind == tags["a"].partition("-")[0], "key is of another kind"),
        ("s" not in record.get("t", "").split(":") or _identity(tags) == tags["d"], "key does not allow this i="),
        (not isinstance(key, RSAPublicKey) or key.key_size >= SHORTEST_RSA, "key is too short"),
    ]
    objections = (Objection("permerror", reason) for sound, reason in checks if not sound)
    return next(objections, key or Objection("permerror", "key cannot be read"))


def _public_key(kind: str, octets: bytes) -> Key | None:
    try:
        key = Ed25519PublicKey.from_public_bytes(octets) if kind == "ed25519" else load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey | Ed25519PublicKey) else None


def _is_signed(tags: Tags, raw: bytes, header: HeaderBlock, key: Key) -> bool:
    """Whether the signature is one of the signed fields, then of itself without its b= (RFC 6376 §3.7)."""
    form = _relaxed if _forms(tags)[0] == "relaxed" else bytes
    names = tags["h"].split(":")
    left = {name: [field for known, field in header.fields if known == name] for name in names}
    signed = [form(left[name].pop()) for name in names if left[name]]  # RFC 6376 §5.4.2: from below
    name, colon, value = raw.partition(b":")
    own = form(name + colon + _B_VALUE.sub(rb"\1", value, count=1))
    octets = b"".join(signed) + own.removesuffix(b"\r\n")
    signature = _base64(tags["b"]) or b""
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, octets, PKCS1v15(), SHA256())
        else:
            key.verify(signature, sha256(octets).digest())  # RFC 8463 §3
    except InvalidSignature:
        return False
    return True


def _relaxed(field: bytes) -> bytes:
    """RFC 6376 §3.4.2."""
    name, _, value = field.partition(b":")
    return name.strip(b" \t").lower() + b":" + _single_spaced(value.replace(b"\r\n", b"")).strip(b" ") + b"\r\n"


def _base64(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return None

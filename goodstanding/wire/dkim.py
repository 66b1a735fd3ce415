"""DKIM signatures (RFC 6376, RFC 8463), relaxed/relaxed: keys, the hash of a body as it streams by, the header fields.

Every signed field is named in ``h=`` once more than it occurs, so that no second one can be slipped in above it; the
fields that tell a reader who wrote what to whom are named even when they are absent. (rspamd signs by the same rule.)
Fields that gateways add to a message that lacks them, such as Sender or MIME-Version, are left alone when absent.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, utils

from goodstanding.wire.message import HeaderBlock

KeyKind = Literal["rsa-sha256", "ed25519-sha256"]

RSA_BITS = 2048  # RFC 8301 §3.2; a longer key does not fit one UDP answer, and no receiver asks for it

SEALED = ("from", "reply-to", "to", "cc", "subject", "date")
"""Named in every signature, present or not."""

SIGNED = frozenset(
    f"""{" ".join(SEALED)} sender message-id in-reply-to references
    mime-version content-type content-transfer-encoding
    list-id list-help list-unsubscribe list-subscribe list-post list-owner list-archive
    list-unsubscribe-post feedback-id
    x-goodstanding-token cfbl-address cfbl-feedback-id""".split()
)
"""Signed where present (RFC 6376 §5.4.1, without the trace fields, which change on the way). One-click unsubscribes,
Feedback-ID and complaint addresses are heeded only when they are signed (RFC 8058 §4, Gmail, RFC 9477 §3.1).
"""


class SigningKey:
    """A private key and how it signs."""

    __slots__ = ("_private", "kind")

    kind: KeyKind

    def __init__(self, private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> None:
        self._private = private
        self.kind = "rsa-sha256" if isinstance(private, rsa.RSAPrivateKey) else "ed25519-sha256"

    def __repr__(self) -> str:
        return f"SigningKey({self.kind})"

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest."""
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(digest, _PADDING, _PREHASHED)  # RFC 6376 §3.3.2
        return self._private.sign(digest)  # RFC 8463 §3: the digest is what PureEdDSA signs

    def public(self) -> bytes:
        """The public key in the form its DNS record carries it."""
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )  # RFC 6376 §3.6.1 says RSAPublicKey, but everybody publishes, and reads, this
        return self._private.public_key().public_bytes_raw()  # RFC 8463 §4.2


_PADDING = padding.PKCS1v15()
_PREHASHED = utils.Prehashed(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Signer:
    """Who takes responsibility: the domain (A-labels), the name its key is published under, the key."""

    domain: str
    selector: str
    key: SigningKey


def generate_key(kind: KeyKind) -> bytes:
    """A new private key, PKCS #8 DER without a password: seal it before it is stored."""
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if kind == "rsa-sha256":
        private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    return private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_key(octets: bytes, *, ours: bool = False) -> SigningKey:
    """A key from DER, or from PEM as other programs export it; ValueError when it cannot sign for us.

    ``ours``: we made it and it was sealed since, so it is not checked again; that takes 40 ms for RSA.
    """
    is_pem = octets.lstrip().startswith(b"-----BEGIN")
    try:
        load = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
        private = load(octets, None, unsafe_skip_rsa_key_validation=ours)
    except TypeError as exc:
        raise ValueError("the key is protected by a password: store it without, it is sealed here") from exc
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size < 1024:
        raise ValueError(f"an RSA key of {private.key_size} bits is ignored by receivers: use {RSA_BITS} (RFC 8301)")
    if not isinstance(private, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError(f"DKIM knows RSA and Ed25519 keys, not {type(private).__name__}")
    return SigningKey(private)


def dns_record(key: SigningKey) -> str:
    """The text of the TXT record at ``selector._domainkey.domain`` (RFC 6376 §3.6.1)."""
    algorithm = "rsa" if key.kind == "rsa-sha256" else "ed25519"
    return f"v=DKIM1; k={algorithm}; p={b64encode(key.public()).decode()}"


# --- canonical forms -------------------------------------------------------------------------------------------------


_SPACE = b" \t\r\n"


class BodyHash:
    """SHA-256 of a body in relaxed form (RFC 6376 §3.4.4), taken in any portions; lines end in CRLF."""

    __slots__ = ("_empty", "_gap", "_line_ends", "_sha")

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._empty = True
        self._line_ends = 0  # not hashed yet: they do not count when the body ends with them
        self._gap = b""  # white space behind them, or half a line end; the last two octets tell all there is to know

    def update(self, octets: bytes) -> None:
        """Take the next octets of the body."""
        rest = octets.lstrip(_SPACE)
        text = rest.rstrip(_SPACE)
        if len(rest) < len(octets):
            self._wait(octets[: len(octets) - len(rest)])
        if text:
            self._hash_what_waits()
            self._sha.update(_relaxed(text))
            self._wait(rest[len(text) :])

    def digest(self) -> bytes:
        """The hash, should the body end here."""
        if self._empty:
            return self._sha.digest()
        end = self._sha.copy()
        end.update(b"\r\n")  # blank lines at the end are ignored, a missing line end is added
        return end.digest()

    def _wait(self, space: bytes) -> None:
        gap = self._gap + space
        line = gap.rfind(b"\n") + 1
        self._line_ends += gap.count(b"\n", 0, line)
        self._gap = gap[line:][-2:]

    def _hash_what_waits(self) -> None:
        while self._line_ends:
            portion = min(self._line_ends, 4096)
            self._sha.update(b"\r\n" * portion)
            self._line_ends -= portion
        if self._gap:
            self._sha.update(b" ")
        self._empty, self._gap = False, b""


def _relaxed(text: bytes) -> bytes:
    """Text in relaxed form; next to nothing when there is nothing to do."""
    text = _single_spaced(text)
    return text.replace(b" \r\n", b"\r\n") if text.rfind(b" \r\n") >= 0 else text


def _single_spaced(text: bytes) -> bytes:
    """Every run of white space as one space. (To look for two spaces, rfind is twice as fast as find.)"""
    text = text.replace(b"\t", b" ")
    return _RUNS.sub(b" ", text) if text.rfind(b"  ") >= 0 else text


_RUNS = re.compile(rb"  +")


def relaxed_field(name: str, raw: bytes) -> bytes:
    """A header field in relaxed form (RFC 6376 §3.4.2), without its CRLF."""
    value = raw[raw.find(b":") + 1 :].replace(b"\r\n", b"")
    return b"%b:%b" % (name.encode("ascii"), _single_spaced(value).strip(b" "))


# --- signatures ------------------------------------------------------------------------------------------------------


def sign(signers: Sequence[Signer], block: HeaderBlock, body_digest: bytes, now: float) -> bytes:
    """One DKIM-Signature field per signer, folded, to be put in front of the message."""
    # Where a name occurs twice the lowest field is meant first (RFC 6376 §5.4.2): all are taken from the bottom up.
    present = [field for field in reversed(block.fields) if field[0] in SIGNED]
    names = [name for name, _ in present]
    covered = hashlib.sha256(b"".join([b"%b\r\n" % relaxed_field(name, raw) for name, raw in present]))
    listed = _listed((*names, *dict.fromkeys((*names, *SEALED))))
    facts = f"t={int(now)};\r\n h={listed};\r\n bh={b64encode(body_digest).decode()};\r\n b="
    return b"".join([_signature(signer, facts, covered.copy()) for signer in signers])


def _signature(signer: Signer, facts: str, covered: hashlib._Hash) -> bytes:
    unsigned = (
        f"DKIM-Signature: v=1; a={signer.key.kind}; c=relaxed/relaxed;\r\n"
        f" d={signer.domain}; s={signer.selector};\r\n {facts}"
    ).encode("ascii")
    covered.update(relaxed_field("dkim-signature", unsigned))  # RFC 6376 §3.7: itself, with b= empty, without CRLF
    signature = b64encode(signer.key.sign(covered.digest()))
    return b"%b%b\r\n" % (unsigned, b"\r\n ".join([signature[at : at + 72] for at in range(0, len(signature), 72)]))


def _listed(names: Sequence[str]) -> str:
    """The names with colons between them, folded."""
    lines: list[str] = []
    line = ""
    for name in names:
        if len(line) + len(name) > 72:
            lines.append(line)
            line = ""
        line += f"{name}:"
    lines.append(line)
    return "\r\n ".join(lines)[:-1]

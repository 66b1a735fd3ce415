"""Secrets at rest: sealed with AES-256-GCM under keys that are derived, one per purpose, from one master key."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MASTER_SIZE = 32
"""Bytes of a master key; they must be random, not a password."""

NONCE_SIZE = 12
"""Bytes (NIST SP 800-38D §5.2.1.1); never the same twice under one master key: draw them at random."""

_FORMAT = b"\x01"
_TAG_SIZE = 16


def derive(master: bytes, purpose: str) -> bytes:
    """The 32-byte key for one purpose (HKDF-SHA256, RFC 5869): to know it says nothing of the master or of others."""
    if len(master) < MASTER_SIZE:
        raise ValueError(f"a master key has at least {MASTER_SIZE} bytes, this one has {len(master)}")
    info = b"goodstanding " + purpose.encode()
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(master)


def seal(master: bytes, plain: bytes, context: bytes, nonce: bytes) -> bytes:
    """The secret, readable only with the master key and in the same context (say, the name of the row it is in)."""
    if len(nonce) != NONCE_SIZE:
        raise ValueError(f"a nonce has {NONCE_SIZE} bytes, this one has {len(nonce)}")
    return _FORMAT + nonce + AESGCM(derive(master, "seal")).encrypt(nonce, plain, context)


def unseal(master: bytes, sealed: bytes, context: bytes) -> bytes | None:
    """What was sealed; None when the key or the context is another one, or the octets have been changed."""
    if not sealed.startswith(_FORMAT) or len(sealed) < len(_FORMAT) + NONCE_SIZE + _TAG_SIZE:
        return None
    nonce, secret = sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :]
    try:
        return AESGCM(derive(master, "seal")).decrypt(nonce, secret, context)
    except InvalidTag:
        return None

"""The return path of one recipient (VERP): a local part that names the delivery a bounce is about. Unforgeable.

``b+0h7kq2x9m4n8p-0-5f0c9a61d2e4``: the name of the message as people read it, the ordinal of the recipient, and a MAC
over both. Case does not matter: some mailers change it on the way back.
"""

from __future__ import annotations

from hashlib import blake2s
from hmac import compare_digest

from goodstanding.model import MessageId, message_name, parse_message_name

MARK = "b+"
"""How every such local part begins."""

_MAC_SIZE = 6
"""Bytes: a forger has one chance in 2^48, and no way to learn from a wrong guess."""

_LONGEST = 64  # RFC 5321 §4.5.3.1.1


def encode(key: bytes, message: MessageId, n: int) -> str:
    """The local part for recipient ``n`` of a message; ``key`` has 16 to 32 secret bytes."""
    token = f"{message_name(message)}-{n}"
    return f"{MARK}{token}-{blake2s(token.encode(), key=key, digest_size=_MAC_SIZE).hexdigest()}"


def decode(key: bytes, local: str) -> tuple[MessageId, int] | None:
    """The message and the ordinal of its recipient; None for a local part that we did not make with this key."""
    if len(local) > _LONGEST or not local.isascii():
        return None
    name, _, rest = local[len(MARK) :].partition("-")
    ordinal = rest.partition("-")[0]
    message = parse_message_name(name)
    if message is None or not ordinal.isdecimal():
        return None
    # Made again and compared as a whole, so that there is one spelling only.
    return (message, int(ordinal)) if compare_digest(encode(key, message, int(ordinal)), local.lower()) else None

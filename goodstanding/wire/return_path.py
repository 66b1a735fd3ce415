"""The token of one recipient, in the return path (VERP) and in a field: it names the delivery a report is about.

Unforgeable, and in two places because reports are redacted in different ways (RFC 6590), and bounces quote little.

``b+0h7kq2x9m4n8p-0-5f0c9a61d2e4``: the name of the message as people read it, the ordinal of the recipient, and a MAC
over both. Case does not matter: some mailers change it on the way back.
"""

from __future__ import annotations

from hashlib import blake2s
from hmac import compare_digest

from goodstanding.model import MessageId, message_name, parse_message_name

PURPOSE = "return path"
"""What the key is derived from the master key for."""

MARK = "b+"
"""How every such local part begins."""

EVERYBODY = 65_535
"""Stands for the ordinal in the field of a message that went to several: it cannot name one of them."""

FIELD = "X-Goodstanding-Token"
"""Field that carries the token; signed, and taken out of what is submitted."""

_MAC_SIZE = 6
"""Bytes: a forger has one chance in 2^48, and no way to learn from a wrong guess."""

_LONGEST = 64  # RFC 5321 §4.5.3.1.1


def encode(key: bytes, message: MessageId, n: int) -> str:
    """The local part for recipient ``n`` of a message; ``key`` has 16 to 32 secret bytes."""
    token = f"{message_name(message)}-{n}"
    return f"{MARK}{token}-{blake2s(token.encode(), key=key, digest_size=_MAC_SIZE).hexdigest()}"


def fields(key: bytes, message: MessageId, recipients: int, reports_to: str = "") -> bytes:
    """The token's field for a message with so many recipients, and where complaints may be sent, if anywhere.

    ``reports_to`` is the address of RFC 9477's CFBL-Address; the domain in From must cover it, see `covers`.
    """
    token = encode(key, message, 0 if recipients == 1 else EVERYBODY)
    lines = f"{FIELD}: {token}\r\n"
    if reports_to:  # RFC 9477 §3: both are signed
        lines += f"CFBL-Address: {reports_to}; report=arf\r\nCFBL-Feedback-ID: {token}\r\n"
    return lines.encode("ascii")


def covers(signing_domain: str, reports_domain: str) -> bool:
    """Whether a signature of one domain vouches for report addresses in another (RFC 9477 §3.1: same or below)."""
    return bool(reports_domain) and f".{reports_domain}".endswith(f".{signing_domain}")


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

"""The envelope of Amazon SNS around a notification, and what its signature covers.

Anybody may POST to an address that they have learned: only the signature says that Amazon did. It is made over a
string built from the fields (SNS developer guide, "Verifying the signatures of Amazon SNS messages"). Here that string
is built, the address of the certificate is judged and the signature is verified; to fetch it is for a shell.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from msgspec import Struct

from goodstanding.feedback.json_tree import Node, parse, seconds

_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""Fields under the signature, in its order; one that is not there is left out."""

_AMAZON = re.compile(r"https://sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?/[A-Za-z0-9._~/?&=:%-]{1,1000}")


class Envelope(Struct, frozen=True, kw_only=True, gc=False):
    """One message of SNS, believed in nothing before its signature is verified."""

    kind: Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
    message: str
    message_id: str
    """The same when it is sent again: SNS delivers at least once."""
    topic: str
    """ARN. That the signature is good says that Amazon sent it, not that the topic is ours: compare it."""
    sent: float | None
    string_to_sign: bytes
    signature: bytes
    hash_name: Literal["sha1", "sha256", ""]
    """By SignatureVersion 1 and 2; empty for one that we do not know. RSA with PKCS #1 v1.5 padding."""
    certificate_url: str
    """Empty unless it leads to SNS itself, over https."""
    subscribe_url: str
    """Of a SubscriptionConfirmation: to be fetched to confirm; empty unless it leads to SNS itself."""


def envelope(document: Node) -> Envelope | None:
    """The envelope of a document; None when it has none."""
    kind = _exact(document, "Type")
    if kind not in _SIGNED or "Message" not in document or "TopicArn" not in document:
        return None
    return Envelope(
        kind=kind,  # type: ignore[arg-type]  # one of the keys
        message=_exact(document, "Message"),
        message_id=document.get("MessageId").text,
        topic=document.get("TopicArn").text,
        sent=seconds(document.get("Timestamp").text),
        string_to_sign=string_to_sign(document),
        signature=_base64(_exact(document, "Signature")),
        hash_name={"1": "sha1", "2": "sha256"}.get(document.get("SignatureVersion").text, ""),  # type: ignore[arg-type]
        certificate_url=_of_amazon(document.get("SigningCertURL", "SigningCertUrl").text, ".pem"),
        subscribe_url=_of_amazon(document.get("SubscribeURL", "SubscribeUrl").text, ""),
    )


def asked(octets: bytes) -> str | None:
    """The address at which a SubscriptionConfirmation is confirmed, empty if not SNS's own; None: a body is none."""
    found = envelope(parse(octets)) if b"SubscriptionConfirmation" in octets else None
    if found is None or found.kind != "SubscriptionConfirmation":
        return None
    return found.subscribe_url if "Action=ConfirmSubscription" in found.subscribe_url else ""


def string_to_sign(document: Node) -> bytes:
    """What the signature is made over: name and value of each field, each with a line feed; empty for no envelope."""
    lines = [
        f"{name}\n{_exact(document, name)}\n" for name in _SIGNED.get(_exact(document, "Type"), ()) if name in document
    ]
    return "".join(lines).encode("utf-8", "surrogatepass")


def signed_by(envelope: Envelope, certificate: bytes) -> bool:
    """Whether the key of a certificate (PEM) signed it. That it is Amazon's is for whoever fetched it to see to."""
    hashed = _HASHES.get(envelope.hash_name)
    try:
        key = x509.load_pem_x509_certificate(certificate).public_key()
        if hashed is None or not isinstance(key, rsa.RSAPublicKey):
            return False
        key.verify(envelope.signature, envelope.string_to_sign, padding.PKCS1v15(), hashed)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


_HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}


def _exact(document: Node, name: str) -> str:
    """A value as it came: not a character may be lost under a signature."""
    value = document.get(name).value
    return value if isinstance(value, str) else ""


def _of_amazon(url: str, ending: str) -> str:
    return url if _AMAZON.fullmatch(url) and url.endswith(ending) else ""


def _base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""

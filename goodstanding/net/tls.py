"""Server certificates: made here where nobody has to trust them, and the settings every TLS server shares."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=397)
"""The longest that browsers and mail programs accept without a frown."""


def self_signed(hostnames: Sequence[str], now: float) -> tuple[bytes, bytes]:
    """A certificate for these names and addresses, good from an hour before ``now``, and its EC P-256 key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostnames[0][:64])])
    begin = datetime.fromtimestamp(now, UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hostnames]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)  # may be put in a trust store
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def expired(certificate: Path, now: float) -> datetime | None:
    """When the first certificate of a PEM file expired; None when it has not. OSError or ValueError: unreadable."""
    until = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return until if until <= datetime.fromtimestamp(now, UTC) else None


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS for a server as RFC 9325 asks: 1.2 at least (RFC 8996), forward secrecy, authenticated ciphers only.

    ``certificate`` holds the chain. ssl.SSLError or OSError when the files cannot be used together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")  # RFC 9325 §4.2; those of TLS 1.3 are all fine
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(certificate, key)
    return context


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

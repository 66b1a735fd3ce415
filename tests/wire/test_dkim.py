import hashlib
import json
import re
import shutil
import subprocess
from base64 import b64decode
from functools import cache
from itertools import pairwise
from pathlib import Path

import dkim as dkimpy
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.wire.dkim import (
    SEALED,
    SIGNED,
    BodyHash,
    KeyKind,
    Signer,
    SigningKey,
    dns_record,
    generate_key,
    load_key,
    relaxed_field,
    sign,
)
from goodstanding.wire.message import header_end, parse_header
from tests.conftest import shared_data

NOW = 1_795_443_507.9
KINDS: tuple[KeyKind, ...] = ("rsa-sha256", "ed25519-sha256")

HEADER = b"""\
Received: from app.example.com ([10.1.2.3])\r
 by mx.example.com with ESMTPSA; Mon, 23 Nov 2026 14:18:27 +0000\r
From: "Alice,  of\tExample"\r
\t <alice@example.com>\r
To: Bob <bob@example.net>  \r
SUBJECT:Your \t receipt =?utf-8?q?=C3=A9?=\r
Date: Mon, 23 Nov 2026 14:18:27 +0000\r
Message-ID: <1@example.com>\r
Content-Type: text/plain; charset=utf-8\r
List-Unsubscribe: <https://example.com/u/1>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
X-Mailer: unsigned\r
"""
BODIES = {
    "text": b"Dear Bob,\r\n\r\nthank you.\r\n",
    "nothing": b"",
    "only blank lines": b"\r\n\r\n\r\n",
    "only white space": b" \t\r\n \r\n",
    "white space everywhere": b"\t a \t b  \r\n\r\n  \r\nc\t\r\n \r\n\r\n",
    "no line end": b"last words",
    "indented": b"\r\n  <td>\r\n\t\t<b>x</b>   \r\n  </td>\r\n",
    "eight bit": "Grüße\u00a0\r\n".encode(),
}


@cache
def key(kind: KeyKind) -> SigningKey:
    return load_key(generate_key(kind))


def both_signers() -> list[Signer]:
    return [Signer("example.com", kind.partition("-")[0], key(kind)) for kind in KINDS]


def records(signers: list[Signer]) -> dict[str, str]:
    return {f"{signer.selector}._domainkey.{signer.domain}": dns_record(signer.key) for signer in signers}


def body_hash(*portions: bytes) -> bytes:
    body = BodyHash()
    for portion in portions:
        body.update(portion)
    return body.digest()


def signed(header: bytes, body: bytes, signers: list[Signer]) -> bytes:
    return sign(signers, parse_header(header), body_hash(body), NOW) + header + b"\r\n" + body


def dkimpy_verdicts(message: bytes, signers: list[Signer]) -> list[bool]:
    published = records(signers)
    verifier = dkimpy.DKIM(message)

    def lookup(name: bytes, timeout: int = 5) -> bytes | None:
        record = published.get(name.decode().rstrip("."))
        return record.encode() if record else None

    def verdict(index: int) -> bool:
        try:
            return bool(verifier.verify(idx=index, dnsfunc=lookup))
        except dkimpy.ValidationError:
            return False

    return [verdict(index) for index in range(len(signers))]


# --- a verifier of our own, straight from RFC 6376 §6.1, for vectors made by others ----------------------------------


def tags(value: bytes) -> dict[str, str]:
    text = re.sub(rb"\s", b"", value).decode()
    return {name: content for name, _, content in (tag.partition("=") for tag in text.split(";") if tag)}


def own_verdict(message: bytes, index: int, published: dict[str, str]) -> bool:
    block = parse_header(message)
    raw = [raw for name, raw in block.fields if name == "dkim-signature"][index]
    signature = tags(raw.partition(b":")[2])
    if b64decode(signature["bh"]) != body_hash(message[header_end(message) :]):
        return False
    covered, left = b"", list(block.fields)
    for name in signature["h"].lower().split(":"):
        at = max((at for at, field in enumerate(left) if field[0] == name), default=None)
        covered += relaxed_field(*left.pop(at)) + b"\r\n" if at is not None else b""
    covered += relaxed_field("dkim-signature", re.sub(rb"(\sb=)[^;]*", rb"\1", raw))
    record = tags(published[f"{signature['s']}._domainkey.{signature['d']}"].encode())
    return is_signed(hashlib.sha256(covered).digest(), b64decode(signature["b"]), record)


def is_signed(digest: bytes, signature: bytes, record: dict[str, str]) -> bool:
    try:
        if record["k"] == "ed25519":
            ed25519.Ed25519PublicKey.from_public_bytes(b64decode(record["p"])).verify(signature, digest)
        else:
            public = serialization.load_der_public_key(b64decode(record["p"]))
            assert isinstance(public, rsa.RSAPublicKey)
            public.verify(signature, digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def test_vectors_made_by_others_verify() -> None:
    for vector in json.loads(shared_data("conformance", "dkim_vectors.dev.json").read_bytes()):
        message = b"\r\n".join(shared_data(vector["msg"]).read_bytes().splitlines()) + b"\r\n"
        published = {name: texts[0] for name, texts in vector["dns"].items() if texts != ["TEMPERROR"]}
        for index, result in enumerate(vector["result"]["Results"]):
            if result["State"] == "SUCCESS":
                assert own_verdict(message, index, published), vector["msg"]
                assert not own_verdict(message.replace(b"hungry", b"angry"), index, published)
                assert not own_verdict(message.replace(b"dinner", b"supper"), index, published)


# --- signatures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_dkimpy_accepts_both_kinds_of_signature(body: bytes) -> None:
    message = signed(HEADER, body, both_signers())
    assert dkimpy_verdicts(message, both_signers()) == [True, True]
    assert own_verdict(message, 0, records(both_signers())) and own_verdict(message, 1, records(both_signers()))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_opendkim_accepts_both_kinds_of_signature(body: bytes, tmp_path: Path) -> None:
    opendkim = shutil.which("opendkim") or shutil.which("opendkim", path="/usr/sbin")
    if opendkim is None:
        pytest.skip("opendkim is not installed: our signatures were not tried on it (Debian: apt install opendkim)")
    message, keys, config = tmp_path / "message", tmp_path / "keys", tmp_path / "opendkim.conf"
    line_end = b"" if body.endswith(b"\r\n") else b"\r\n"  # no message is without one once SMTP has carried it
    message.write_bytes(signed(HEADER, body, both_signers()) + line_end)
    keys.write_text("".join(f"{name} {record}\n" for name, record in records(both_signers()).items()))
    config.write_text(f"TestPublicKeys {keys}\nMode v\n")
    run = subprocess.run(
        [opendkim, "-x", config, "-f", "-vvv", "-t", message], capture_output=True, text=True, timeout=60
    )
    verdicts = re.findall(r"dkim=(\w+) .*header\.s=(\w+)", run.stdout + run.stderr)
    assert verdicts == [("pass", "rsa"), ("pass", "ed25519")], run.stdout + run.stderr


def test_torture_mails_are_signed_so_that_dkimpy_accepts_them() -> None:
    signers = both_signers()[1:]
    for line in shared_data("conformance", "mime_index.dev.jsonl").read_text().splitlines():
        octets = b"\r\n".join(shared_data(json.loads(line)["file"]).read_bytes().splitlines()) + b"\r\n"
        header, body = octets[: header_end(octets)], octets[header_end(octets) :]
        block = parse_header(header)
        if block.count("from") and all(name for name, _ in block.fields):
            message = sign(signers, block, body_hash(body), NOW) + header + body
            assert dkimpy_verdicts(message, signers) == [True], line


def test_a_signature_names_its_domain_selector_time_and_methods() -> None:
    block = parse_header(sign([Signer("example.com", "s1", key("rsa-sha256"))], parse_header(HEADER), b"0" * 32, NOW))
    ((name, raw),) = block.fields
    found = tags(raw.partition(b":")[2])
    assert name == "dkim-signature"
    assert {tag: found[tag] for tag in "vacdst"} == {
        "v": "1",
        "a": "rsa-sha256",
        "c": "relaxed/relaxed",
        "d": "example.com",
        "s": "s1",
        "t": str(int(NOW)),
    }
    assert found.keys() == set("vacdst") | {"h", "bh", "b"}


def test_every_signed_field_is_named_once_more_than_it_occurs() -> None:
    header = HEADER + b"List-Id: <a>\r\nReferences: <1>\r\nReferences: <2>\r\n"
    ((_, raw),) = parse_header(sign(both_signers()[:1], parse_header(header), b"0" * 32, NOW)).fields
    named = tags(raw.partition(b":")[2])["h"].split(":")
    block = parse_header(header)
    expected = {name: block.count(name) + 1 for name in SIGNED if block.count(name) or name in SEALED}
    assert {name: named.count(name) for name in named} == expected


@pytest.mark.parametrize("extra", [f"{name}: x\r\n".encode() for name in (*SEALED, "Content-Type", "Message-ID")])
def test_a_field_slipped_in_breaks_the_signature(extra: bytes) -> None:
    message = signed(HEADER, BODIES["text"], both_signers())
    assert dkimpy_verdicts(extra + message, both_signers()) == [False, False]


def test_fields_that_hosts_add_on_the_way_do_no_harm() -> None:
    message = signed(HEADER, BODIES["text"], both_signers())
    trace = b"Received: from a by b\r\nAuthentication-Results: b; none\r\nSender: list@example.org\r\n"
    assert dkimpy_verdicts(trace + message, both_signers()) == [True, True]


def test_a_changed_body_breaks_the_signature_and_changed_white_space_does_not() -> None:
    message = signed(HEADER, BODIES["text"], both_signers())
    assert dkimpy_verdicts(message.replace(b"thank", b"blame"), both_signers()) == [False, False]
    assert dkimpy_verdicts(message.replace(b"you.", b"you. \t") + b"\r\n \r\n", both_signers()) == [True, True]


def test_of_a_field_that_occurs_twice_both_are_signed() -> None:
    message = signed(b"References: <1>\r\n" + HEADER + b"References: <2>\r\n", b"", both_signers())
    assert dkimpy_verdicts(message, both_signers()) == [True, True]
    for old, new in ((b"<1>", b"<3>"), (b"<2>", b"<3>"), (b"References: <1>\r\n", b"")):
        assert dkimpy_verdicts(message.replace(old, new), both_signers()) == [False, False]


def test_signature_lines_are_short_however_long_the_names() -> None:
    every = b"".join(name.title().encode() + b": x\r\n" for name in sorted(SIGNED))
    fields = sign(both_signers(), parse_header(every), b"0" * 32, NOW)
    assert max(len(line) for line in fields.split(b"\r\n")) < 78
    assert parse_header(fields).count("dkim-signature") == 2
    assert fields.count(b"\r\n ") == fields.count(b"\r\n") - 2


# --- canonical forms -------------------------------------------------------------------------------------------------


def plain_canonical_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.4, word by word."""
    lines = [re.sub(rb"[ \t]+", b" ", re.sub(rb"[ \t]+$", b"", line)) for line in body.split(b"\r\n")]
    while lines and lines[-1] == b"":
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


BODY = st.lists(
    st.sampled_from([b"a", b"word", b" ", b"  ", b"\t", b"\r\n", b"\r\n\r\n", b"\x0b", b"\xa0", b"\0", b"=20"])
).map(b"".join)


@given(BODY, st.lists(st.integers(0, 60)))
def test_a_body_hashes_the_same_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    portions = [body[start:end] for start, end in pairwise(edges)]
    assert body_hash(*portions) == body_hash(body) == hashlib.sha256(plain_canonical_body(body)).digest()


@given(BODY)
def test_a_body_hashes_the_same_octet_by_octet(body: bytes) -> None:
    assert body_hash(*(body[at : at + 1] for at in range(len(body)))) == body_hash(body)


@given(BODY)
def test_dkimpy_has_the_same_canonical_body(body: bytes) -> None:
    ended = body if body.endswith(b"\r\n") else body + b"\r\n"
    assert dkimpy.canonicalization.Relaxed.canonicalize_body(ended) == plain_canonical_body(body)


def test_the_hash_may_be_asked_for_at_any_time() -> None:
    body = BodyHash()
    body.update(b"one\r\n")
    assert body.digest() == body.digest() == body_hash(b"one\r\n")
    body.update(b"two\r\n")
    assert body.digest() == body_hash(b"one\r\ntwo\r\n")


def test_the_empty_body_hashes_to_what_the_rfc_gives() -> None:
    assert body_hash(b"\r\n") == b64decode("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")  # RFC 6376 §3.4.4


def test_endless_blank_lines_and_white_space_cost_no_memory_and_little_time() -> None:
    body = BodyHash()
    for _ in range(200):
        body.update(b"\r\n" * 32_768)
        body.update(b" \t" * 32_768)
    body.update(b"\r\nend")
    lines = b"\r\n" * (200 * 32_768 + 1)
    assert body.digest() == hashlib.sha256(lines + b"end\r\n").digest()


FIELD = st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n ", b"\r\n\t", b":", b"\0", b"\xc3\xa9"])).map(b"".join)


@given(FIELD, st.sampled_from([b"Subject:", b"SUBJECT :", b"subject\t:"]))
def test_a_field_is_relaxed_as_dkimpy_does_it(value: bytes, name: bytes) -> None:
    ((parsed, raw),) = parse_header(name + value + b"\r\n").fields
    ((_, expected),) = dkimpy.canonicalization.Relaxed.canonicalize_headers([(b"Subject", value + b"\r\n")])
    assert relaxed_field(parsed, raw) + b"\r\n" == b"subject:" + expected


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_read_back_from_der_and_from_pem(kind: KeyKind) -> None:
    der = generate_key(kind)
    private = serialization.load_der_private_key(der, None)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert load_key(der).kind == load_key(b"\n" + pem).kind == kind
    assert dns_record(load_key(der)) == dns_record(load_key(pem))


def test_records_hold_what_receivers_expect() -> None:
    assert re.fullmatch(r"v=DKIM1; k=rsa; p=MIIBIjANBgkq[A-Za-z0-9+/=]+", dns_record(key("rsa-sha256")))
    assert re.fullmatch(r"v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=", dns_record(key("ed25519-sha256")))


def short_rsa_key() -> rsa.RSAPrivateKey:
    p, q, e = 2**521 - 1, 2**127 - 1, 65_537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()


def test_keys_that_cannot_sign_for_us_are_refused_with_the_reason() -> None:
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    open_, closed = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"password")
    curve = ec.generate_private_key(ec.SECP256R1())
    for octets, reason in (
        (short_rsa_key().private_bytes(pem, pkcs8, open_), "an RSA key of 648 bits is ignored by receivers: use 2048"),
        (curve.private_bytes(pem, pkcs8, open_), "DKIM knows RSA and Ed25519 keys"),
        (curve.private_bytes(pem, pkcs8, closed), "protected by a password"),
        (b"no key", "Could not deserialize"),
        (b"-----BEGIN PRIVATE KEY-----", "Unable to load"),
    ):
        with pytest.raises(ValueError, match=reason):
            load_key(octets)


def test_a_key_does_not_show_itself() -> None:
    assert repr(Signer("example.com", "s1", key("rsa-sha256"))) == (
        "Signer(domain='example.com', selector='s1', key=SigningKey(rsa-sha256))"
    )

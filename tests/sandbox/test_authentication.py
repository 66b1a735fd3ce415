"""DKIM verified against two signers that share no code with it, SPF and DMARC as tables and against pyspf."""

import base64

import dkim
import pytest
import spf
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.outside import Answer
from goodstanding.sandbox import dkim_check, spf_check
from goodstanding.sandbox.authentication import Authentication, examine
from goodstanding.sandbox.zones import Zones, zone
from goodstanding.wire.dkim import BodyHash, Signer, dns_record, generate_key, load_key, sign
from goodstanding.wire.message import header_end, parse_header

NOW = 1_800_000_000.0

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PEM = RSA_KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
RSA_PUBLIC = base64.b64encode(
    RSA_KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
ED_SEED = bytes(range(32))
ED_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(ED_SEED)
ED_PUBLIC = base64.b64encode(ED_KEY.public_key().public_bytes_raw()).decode()

ZONES = Zones()
ZONES.add(
    zone(
        "acme.example",
        [
            ("@", "TXT", "v=spf1 ip4:127.0.0.0/8 -all"),
            ("_dmarc", "TXT", "v=DMARC1; p=reject; sp=quarantine"),
            ("rsa._domainkey", "TXT", f"v=DKIM1; k=rsa; p={RSA_PUBLIC}"),
            ("bare._domainkey", "TXT", f"p={RSA_PUBLIC}"),
            ("ed._domainkey", "TXT", f"v=DKIM1; k=ed25519; p={ED_PUBLIC}"),
            ("revoked._domainkey", "TXT", "v=DKIM1; p="),
            ("other._domainkey", "TXT", f"v=DKIM1; k=ed25519; p={base64.b64encode(b'x' * 32).decode()}"),
            ("broken._domainkey", "TXT", "v=DKIM1; p=!!!"),
            ("strict._domainkey", "TXT", f"v=DKIM1; t=s; p={RSA_PUBLIC}"),
        ],
    )
)
ZONES.add(zone("servfail.example", [], broken=True))

MESSAGE = (
    b"From: Ann <ann@acme.example>\r\nTo: bob@gmail.example\r\nSubject:  A  long \r\n\tsubject \r\n"
    b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n\r\n"
)
BODIES = {
    "empty": b"",
    "one line": b"Hello\r\n",
    "blank lines at the end": b"Hello\r\n\r\n\r\n",
    "only blank lines": b"\r\n\r\n",
    "white space": b" a \t b  \r\n \r\nc\t\r\n \t\r\n",
    "no line end": b"Hello",
}


def signed(
    octets: bytes,
    *,
    selector: bytes = b"rsa",
    form: str = "relaxed/relaxed",
    domain: bytes = b"acme.example",
    **more: bytes,
) -> bytes:
    """A message with a signature of dkimpy's."""
    kind = b"ed25519-sha256" if selector in (b"ed", b"other") else b"rsa-sha256"
    key = base64.b64encode(ED_SEED) if kind.startswith(b"ed") else RSA_PEM
    header, _, body = form.partition("/")
    signer = dkim.DKIM(octets, signature_algorithm=kind)
    signature: bytes = signer.sign(
        selector,
        domain,
        key,
        canonicalize=(header.encode(), body.encode()),
        include_headers=[b"from", b"to", b"subject"],
        **more,
    )
    return signature + octets


def results(octets: bytes, now: float = NOW) -> list[tuple[str, str]]:
    end = header_end(octets)
    found = dkim_check.verify(parse_header(octets[:end]), octets[end:], ZONES.lookup, now)
    return [(one.result, one.reason) for one in found]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("form", ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"])
@pytest.mark.parametrize("selector", [b"rsa", b"ed", b"bare"])
def test_what_dkimpy_signs_passes(selector: bytes, form: str, body: bytes) -> None:
    assert results(signed(MESSAGE + body, selector=selector, form=form)) == [("pass", "")]


def test_what_we_sign_passes_twice() -> None:
    keys = [load_key(generate_key(kind)) for kind in ("rsa-sha256", "ed25519-sha256")]
    ZONES.add(zone("ours.example", [(f"s{n}._domainkey", "TXT", dns_record(key)) for n, key in enumerate(keys)]))
    body = BODIES["white space"]
    hashed = BodyHash()
    hashed.update(body)
    signers = [Signer("ours.example", f"s{n}", key) for n, key in enumerate(keys)]
    lines = sign(signers, parse_header(MESSAGE), hashed.digest(), NOW)
    assert results(lines + MESSAGE + body) == [("pass", "")] * 2


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (MESSAGE, []),
        (signed(MESSAGE + b"Hello\r\n") + b"more\r\n", ("fail", "body hash does not match")),
        (signed(MESSAGE).replace(b"bob@", b"eve@"), ("fail", "signature does not match")),
        (signed(MESSAGE).replace(b"A  long", b"a long"), ("fail", "signature does not match")),
        (signed(MESSAGE).replace(b"A  long", b"A long"), ("pass", "")),
        (signed(MESSAGE, form="simple/simple").replace(b"A  long", b"A long"), ("fail", "signature does not match")),
        (signed(MESSAGE, selector=b"revoked"), ("permerror", "key revoked")),
        (signed(MESSAGE, selector=b"nokey"), ("permerror", "no key published")),
        (signed(MESSAGE, selector=b"broken"), ("permerror", "key cannot be read")),
        (signed(MESSAGE, selector=b"other"), ("fail", "signature does not match")),
        (signed(MESSAGE).replace(b"s=rsa", b"s=ed"), ("permerror", "key is of another kind")),
        (signed(MESSAGE, identity=b"@mail.acme.example"), ("pass", "")),
        (signed(MESSAGE, selector=b"strict"), ("pass", "")),
        (
            signed(MESSAGE, selector=b"strict", identity=b"@mail.acme.example"),
            ("permerror", "key does not allow this i="),
        ),
        (signed(MESSAGE).replace(b"i=@acme", b"i=@evil"), ("permerror", "i= is not within d=")),
        (signed(MESSAGE, domain=b"servfail.example"), ("temperror", "key cannot be looked up now")),
        (signed(MESSAGE).replace(b"rsa-sha256", b"rsa-sha1"), ("permerror", "algorithm is not accepted")),
        (signed(MESSAGE).replace(b"v=1", b"v=2"), ("permerror", "unknown version")),
        (signed(MESSAGE).replace(b"relaxed/relaxed", b"relaxed/strict"), ("permerror", "unknown canonical form")),
        (b"DKIM-Signature: v=1; a=rsa-sha256\r\n" + MESSAGE, ("permerror", "tag b= is missing")),
        (b"DKIM-Signature: nonsense\r\n" + MESSAGE, ("permerror", "tag list cannot be read")),
    ],
)  # fmt: skip
def test_why_a_signature_fails(octets: bytes, expected: tuple[str, str]) -> None:
    assert results(octets) == ([expected] if expected else [])


def test_an_expired_signature_fails() -> None:
    octets = signed(MESSAGE).replace(b"s=rsa;", b"s=rsa; x=1700000000;")
    assert results(octets) == [("fail", "signature expired")]
    assert results(octets, 1_600_000_000) == [("fail", "signature does not match")]


def test_a_second_from_above_a_signature_does_not_borrow_it() -> None:
    octets = signed(MESSAGE)
    assert results(b"From: eve@evil.example\r\n" + octets) == [("pass", "")]  # not oversigned: the signature holds ...
    assert examined(b"From: eve@evil.example\r\n" + octets).dmarc == "none"  # ... but no domain is proved by it


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_garbage_never_passes(value: bytes, body: bytes) -> None:
    header = parse_header(b"DKIM-Signature: " + value + b"\r\nFrom: a@acme.example\r\n")
    assert all(one.result != "pass" for one in dkim_check.verify(header, body, ZONES.lookup, NOW))


SPF_RECORDS = {
    "four.example": "v=spf1 ip4:127.0.0.1 -all",
    "net.example": "v=spf1 ip4:127.0.0.0/8 ~all",
    "soft.example": "v=spf1 ~all",
    "neutral.example": "v=spf1 ?all",
    "silent.example": "v=spf1 ip4:192.0.2.1",
    "empty.example": "v=spf1",
    "a.example": "v=spf1 a -all",
    "other-a.example": "v=spf1 a:host.a.example -all",
    "sized-a.example": "v=spf1 a:near.a.example/24 -all",
    "mx.example": "v=spf1 mx -all",
    "exists.example": "v=spf1 exists:a.example -all",
    "include.example": "v=spf1 include:four.example -all",
    "include-fail.example": "v=spf1 include:far.example ~all",
    "include-none.example": "v=spf1 include:nowhere.example -all",
    "far.example": "v=spf1 ip4:192.0.2.0/24 -all",
    "redirect.example": "v=spf1 redirect=four.example",
    "redirect-none.example": "v=spf1 redirect=nowhere.example",
    "redirect-ignored.example": "v=spf1 -all redirect=four.example",
    "circle.example": "v=spf1 include:circle.example -all",
    "typo.example": "v=spf1 ipv4:127.0.0.1 -all",
    "badnet.example": "v=spf1 ip4:127.0.0.256 -all",
    "upper.example": "V=SPF1 IP4:127.0.0.1 -ALL",
    "exp.example": "v=spf1 exp=why.example -all",
    "plus.example": "v=spf1 +ip4:127.0.0.1 -all",
    "void.example": "v=spf1 a:v1.example a:v2.example a:v3.example ip4:127.0.0.1 -all",
    "many.example": "v=spf1 " + " ".join(f"a:a{n}.many.example" for n in range(11)) + " -all",
    "notspf.example": "v=spf10 +all",
}
for _domain, _record in SPF_RECORDS.items():
    _more = {
        "a.example": [("@", "A", "127.0.0.1"), ("host", "A", "127.0.0.1"), ("near", "A", "127.0.0.200")],
        "mx.example": [("@", "MX", "10 far.a.example."), ("@", "MX", "20 a.example.")],
        "many.example": [("*", "A", "192.0.2.1")],
    }.get(_domain, [])
    ZONES.add(zone(_domain, [("@", "TXT", "something else"), ("@", "TXT", _record), *_more]))
ZONES.add(zone("two.example", [("@", "TXT", "v=spf1 +all"), ("@", "TXT", "v=spf1 -all")]))
ZONES.add(zone("six.example", [("@", "TXT", "v=spf1 ip6:::1 -all")]))

SPF_CASES = [
    ("four.example", "pass"),
    ("net.example", "pass"),
    ("soft.example", "softfail"),
    ("neutral.example", "neutral"),
    ("silent.example", "neutral"),
    ("empty.example", "neutral"),
    ("a.example", "pass"),
    ("other-a.example", "pass"),
    ("sized-a.example", "pass"),
    ("mx.example", "pass"),
    ("exists.example", "pass"),
    ("include.example", "pass"),
    ("include-fail.example", "softfail"),
    ("include-none.example", "permerror"),
    ("far.example", "fail"),
    ("redirect.example", "pass"),
    ("redirect-none.example", "permerror"),
    ("redirect-ignored.example", "fail"),
    ("circle.example", "permerror"),
    ("typo.example", "permerror"),
    ("badnet.example", "permerror"),
    ("upper.example", "pass"),
    ("exp.example", "fail"),
    ("plus.example", "pass"),
    ("void.example", "permerror"),
    ("many.example", "permerror"),
    ("notspf.example", "none"),
    ("two.example", "permerror"),
    ("six.example", "fail"),
    ("nowhere.example", "none"),
    ("servfail.example", "temperror"),
]


@pytest.mark.parametrize(("domain", "result"), SPF_CASES)
def test_spf(domain: str, result: str) -> None:
    assert spf_check.check("127.0.0.1", domain, ZONES.lookup).result == result


@pytest.mark.parametrize(("domain", "result"), SPF_CASES)
def test_pyspf_agrees(domain: str, result: str) -> None:
    class OverZones(spf.query):  # type: ignore[misc]
        """pyspf, asking our zones in place of the network."""

        def dns(self, name: str, kind: str, cnames: object = None, ignore_void: bool = False) -> list[object]:
            answer = ZONES.lookup(name, kind)
            if answer.status == "failed":
                raise spf.TempError("DNS")
            if not answer.records and not ignore_void:
                self.void_lookups += 1
                if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                    raise spf.PermError("void")
            if kind == "MX":
                return [(n, name) for n, name in enumerate(answer.records)]
            return [(text.encode(),) for text in answer.records] if kind == "TXT" else list(answer.records)

    theirs = OverZones("127.0.0.1", f"a@{domain}", "helo.example", strict=1).check()[0]
    assert theirs == result


def test_spf_knows_ipv6() -> None:
    assert spf_check.check("::1", "six.example", ZONES.lookup).result == "pass"
    assert spf_check.check("::1", "four.example", ZONES.lookup).result == "fail"


@given(st.text("v=spf1 aipmxnclude:/.%{}+-~?490redit", max_size=60))
def test_any_record_gives_a_result(record: str) -> None:
    def lookup(name: str, kind: str) -> Answer:
        return Answer("found", ("v=spf1 " + record,)) if kind == "TXT" else Answer("nxdomain")

    result = spf_check.check("127.0.0.1", "x.example", lookup).result
    assert result in {"pass", "fail", "softfail", "neutral", "none", "permerror"}


def examined(octets: bytes, sender: str = "ann@acme.example") -> Authentication:
    return examine(octets, client="127.0.0.1", sender=sender, helo="relay.example", lookup=ZONES.lookup, now=NOW)


def message_from(address: str) -> bytes:
    return MESSAGE.replace(b"ann@acme.example", address.encode())


ANYBODY = "v=spf1 +all"
PUBLISHED = {
    "strict.example": [
        ("_dmarc", "TXT", "v=DMARC1; p=quarantine; adkim=s; aspf=s"),
        ("@", "TXT", ANYBODY),
        ("mail", "TXT", ANYBODY),
    ],
    "mail.acme.example": [("@", "TXT", ANYBODY)],
    "suffix.example": [
        ("_dmarc", "TXT", "v=DMARC1; p=none; psd=y"),
        ("mail.one", "TXT", ANYBODY),
        ("two", "TXT", ANYBODY),
    ],
}
for _domain, _lines in PUBLISHED.items():
    ZONES.add(zone(_domain, _lines))


@pytest.mark.parametrize(
    ("from_address", "sender", "dmarc", "policy"),
    [
        ("ann@acme.example", "bounce@acme.example", "pass", "reject"),
        ("ann@acme.example", "bounce@mail.acme.example", "pass", "reject"),
        ("ann@mail.acme.example", "bounce@acme.example", "pass", "quarantine"),
        ("ann@acme.example", "bounce@net.example", "fail", "reject"),
        ("ann@acme.example", "bounce@far.example", "fail", "reject"),
        ("ann@net.example", "bounce@net.example", "none", ""),
        ("ann@strict.example", "bounce@strict.example", "pass", "quarantine"),
        ("ann@strict.example", "bounce@mail.strict.example", "fail", "quarantine"),
    ],
)
def test_dmarc_by_spf(from_address: str, sender: str, dmarc: str, policy: str) -> None:
    found = examined(message_from(from_address), sender)
    assert (found.dmarc, found.policy) == (dmarc, policy)


def test_below_a_public_suffix_neighbours_are_strangers() -> None:
    message = message_from("ann@one.suffix.example")
    assert examined(message, "bounce@mail.one.suffix.example").aligned
    assert not examined(message, "bounce@two.suffix.example").aligned


def test_dmarc_by_dkim_survives_a_foreign_return_path() -> None:
    found = examined(signed(MESSAGE), "bounce@far.example")
    assert (found.spf, found.dkim, found.dmarc, found.aligned) == ("fail", "pass", "pass", True)


def test_a_null_sender_is_judged_by_its_helo() -> None:
    assert examined(MESSAGE, "").spf_domain == "relay.example"


def test_the_header_line_tells_everything() -> None:
    line = examined(signed(MESSAGE)).line("mx.gmail.example")
    assert line == (
        "Authentication-Results: mx.gmail.example;\r\n"
        "\tspf=pass smtp.mailfrom=acme.example;\r\n"
        "\tdkim=pass header.d=acme.example header.s=rsa;\r\n"
        "\tdmarc=pass (p=reject) header.from=acme.example\r\n"
    )

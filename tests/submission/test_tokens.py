"""Tokens: what is believed, and each way in which one is not."""

import base64
import hmac
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from goodstanding.settings import TokenIssuer
from goodstanding.submission.authentication import Claimant, TokenRefused
from goodstanding.submission.tokens import (
    FLOOR,
    Glance,
    Keys,
    Ring,
    glance,
    keys_address,
    lacking,
    prove,
    read_keys,
)
from tests.submission.issuer import (
    APPLICATION,
    AUDIENCE,
    NAME,
    NOW,
    TENANT,
    claims,
    jwk,
    key_set,
    rsa_key,
    token,
)

ISSUER = TokenIssuer(NAME, (AUDIENCE, "other-name-of-ours"))
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")


def judged(given: str, keys: bytes = b"", issuer: TokenIssuer = ISSUER, now: float = NOW) -> Claimant | str:
    """For whom a token speaks, or the slug of its refusal."""
    seen = glance(given)
    if isinstance(seen, TokenRefused):
        return seen.slug
    known = read_keys(keys or key_set())
    assert isinstance(known, Keys), known
    key = known.find(seen)
    if key is None:
        return "no such key"
    proven = prove(given, key, issuer, now)
    return proven.slug if isinstance(proven, TokenRefused) else proven


GOOD = Claimant(NAME, APPLICATION, TENANT, NOW + 3600 + ISSUER.leeway)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_of_the_issuer_speaks_for_its_application(algorithm: str) -> None:
    assert judged(token(algorithm=algorithm), key_set(jwk("one", algorithm))) == GOOD


CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"exp": NOW - 61}, "expired"),
    ({"exp": None}, "no-expiry"),
    ({"exp": "soon"}, "no-expiry"),
    ({"exp": True}, "no-expiry"),
    ({"exp": 10**400}, "no-expiry"),
    ({"nbf": NOW + 61}, "not-yet"),
    ({"nbf": 10**400}, "not-yet"),
    ({"iat": -(10**400)}, "not-yet"),
    ({"nbf": "now"}, "not-yet"),
    ({"iat": NOW + 61}, "not-yet"),
    ({"iss": "https://id.example/shop/"}, "other-issuer"),
    ({"iss": "https://id.example/bank"}, "other-issuer"),
    ({"aud": "https://other.example"}, "other-audience"),
    ({"aud": AUDIENCE + "/"}, "other-audience"),
    ({"aud": [["https://relay.example"]]}, "other-audience"),
    ({"aud": {AUDIENCE: 1}}, "other-audience"),
    ({"aud": []}, "other-audience"),
    ({"aud": None}, "other-audience"),
    ({"azp": None}, "no-application"),
    ({"azp": ""}, "no-application"),
    ({"azp": 7}, "no-application"),
    ({"azp": "a" * 257}, "no-application"),
    ({"azp": "a\nb"}, "no-application"),
]


@pytest.mark.parametrize(("changed", "slug"), CLAIMS, ids=[f"{slug}-{n}" for n, (_, slug) in enumerate(CLAIMS)])
def test_a_token_that_claims_something_else_opens_nothing(changed: dict[str, Any], slug: str) -> None:
    assert judged(token(claims(**changed))) == slug


def test_clocks_may_differ_by_the_leeway_and_no_more() -> None:
    early, late = token(claims(nbf=NOW + 60, iat=NOW + 60)), token(claims(exp=NOW - 59))
    assert isinstance(judged(early), Claimant) and isinstance(judged(late), Claimant)
    strict = replace(ISSUER, leeway=0.0)
    assert (judged(early, issuer=strict), judged(late, issuer=strict)) == ("not-yet", "expired")
    assert judged(token(claims(exp=NOW)), issuer=strict) == "expired"


def test_one_of_several_audiences_is_enough() -> None:
    assert judged(token(claims(aud=["https://other.example", "other-name-of-ours"]))) == GOOD


def test_the_first_claim_that_is_there_names_the_application() -> None:
    assert judged(token(claims(azp=None, appid="legacy"))) == Claimant(NAME, "legacy", TENANT, GOOD.expires)
    by_subject = replace(ISSUER, application_claims=("sub",), tenant_claim="")
    assert judged(token(claims(sub="robot")), issuer=by_subject) == Claimant(NAME, "robot", "", GOOD.expires)


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(algorithm: str, secret: bytes) -> str:
    """A token whose signature is an HMAC: whoever takes the public key for a secret believes it."""
    signed = f"{segment({'alg': algorithm, 'kid': 'one'})}.{segment(claims())}"
    mac = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), sha256)).rstrip(b"=").decode()
    return f"{signed}.{mac}"


def test_a_public_key_is_no_secret() -> None:
    pem = rsa_key("one").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), json.dumps(jwk("one")).encode()):
        assert judged(forged("HS256", secret)) == "no such key"
        assert judged(forged("RS256", secret)) == "bad-signature"
    one = read_keys(key_set())
    assert isinstance(one, Keys)
    key = one.find(Glance(NAME, "RS256", "one"))
    assert key is not None
    assert isinstance(prove(forged("HS256", pem), key, ISSUER, NOW), TokenRefused)


@pytest.mark.parametrize("none", ["none", "None", "NONE", "nOnE", ""])
def test_no_signature_is_no_signature(none: str) -> None:
    unsigned = f"{segment({'alg': none, 'kid': 'one'})}.{segment(claims())}."
    assert judged(unsigned) == "malformed"
    assert judged(unsigned + "AAAA") in ("no such key", "malformed")


def test_a_key_of_another_kind_or_name_signs_nothing() -> None:
    assert judged(token(kid="two")) == "no such key"
    assert judged(token(algorithm="PS256"), key_set(jwk("one", alg="RS256"))) == "no such key"
    swapped = token(kid="two").split(".")
    swapped[0] = token(kid="one").split(".")[0]
    assert judged(".".join(swapped)) == "bad-signature"


def test_a_changed_token_is_none() -> None:
    header, _, signature = token().split(".")
    assert judged(f"{header}.{segment(claims(azp='boss'))}.{signature}") == "bad-signature"


def test_a_token_without_the_name_of_its_key_is_checked_with_the_only_one() -> None:
    nameless = token(kid=None)
    assert judged(nameless) == GOOD
    assert judged(nameless, key_set(jwk("one"), jwk("two"))) == "no such key"


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": False}, {"crit": []}])
def test_a_token_that_demands_what_we_do_not_know_is_refused(header: dict[str, Any]) -> None:
    part = segment({"alg": "RS256", "kid": "one", **header})
    assert judged(f"{part}.{segment(claims())}.AAAA") in ("critical", "malformed")


UNUSABLE: list[dict[str, Any]] = [
    {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
    jwk("one", use="enc"),
    jwk("one", key_ops=["sign"]),
    jwk("one", key_ops="verify"),
    jwk("one", alg="RS512"),
    jwk("one", d="AQAB"),
    jwk("one") | json.loads(RSAAlgorithm.to_jwk(rsa_key("one"))) | {"key_ops": ["verify"]},
    jwk("one", kid=7),
    jwk("one", n="AQAB"),
    jwk("one", n=7),
    jwk("one", e="AA"),
    jwk("one", "ES256", crv="P-384"),
    jwk("one", "ES256", x="AAAA"),
    jwk("one", "EdDSA", crv="Ed448"),
    {"kty": ["RSA"]},
    {},
]


@pytest.mark.parametrize("entry", UNUSABLE, ids=range(len(UNUSABLE)))
def test_keys_of_no_use_are_passed_over(entry: dict[str, Any]) -> None:
    assert isinstance(read_keys(key_set(entry)), str)
    beside = read_keys(key_set(entry, jwk("two")))
    assert isinstance(beside, Keys) and beside.find(Glance(NAME, "RS256", "two")) is not None


def test_a_short_rsa_key_is_not_used() -> None:
    short = jwk("one") | json.loads(json.dumps(_public(1024)))
    assert isinstance(read_keys(key_set(short)), str)


def _public(bits: int) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(rsa_key("short", bits).public_key()))
    return written


def test_discovery_leads_to_the_keys_of_that_issuer_only() -> None:
    said = {"issuer": NAME, "jwks_uri": "https://id.example/keys"}
    assert keys_address(json.dumps(said).encode(), NAME) == "https://id.example/keys"
    for wrong in ({"issuer": NAME + "/"}, {"jwks_uri": "http://id.example/keys"}, {"jwks_uri": 7}, {"jwks_uri": None}):
        assert isinstance(keys_address(json.dumps(said | wrong).encode(), NAME), TokenRefused)


# When keys are fetched


SEEN, NEW = Glance(NAME, "RS256", "one"), Glance(NAME, "RS256", "new")


def ring(now: float = NOW) -> Ring:
    keys = read_keys(key_set())
    assert isinstance(keys, Keys)
    return Ring().fetching(now).fetched(keys, now, 3600)


def test_keys_are_fetched_when_they_are_old_or_one_is_missing_and_not_all_the_time() -> None:
    assert Ring().wants(SEEN, NOW)
    assert not ring().wants(SEEN, NOW + 3599)
    assert ring().wants(SEEN, NOW + 3600)
    assert not ring().wants(NEW, NOW + FLOOR - 1)
    assert ring().wants(NEW, NOW + FLOOR)
    assert ring().wants(NEW, NOW - 100), "a clock that was set back must not stop it"


def test_old_keys_stay_while_no_new_ones_can_be_had() -> None:
    down = ring().fetching(NOW + 4000).fetched("it is down", NOW + 4005, 3600)
    assert down.keys.find(SEEN) is not None
    assert not down.wants(SEEN, NOW + 4000 + FLOOR - 1)
    assert down.wants(SEEN, NOW + 4000 + FLOOR)
    assert (lacking(down, True).slug, lacking(down, True).passing) == ("no-keys", True)
    assert (lacking(ring(), True).slug, lacking(ring(), True).passing) == ("unknown-key", False)
    assert lacking(ring(), False).passing


# Anything


PARTS = st.sampled_from([*token().split("."), segment({"alg": "RS256"}), segment([]), "e30", ".", "=", "W" * 3000])


@given(st.lists(PARTS | st.text(max_size=8), max_size=6).map(".".join) | st.text())
def test_whatever_comes_is_a_value(text: str) -> None:
    assert isinstance(judged(text), Claimant | str)


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(
    lambda value: json.dumps({"keys": value}).encode()
))  # fmt: skip
def test_whatever_an_issuer_publishes_is_a_value(octets: bytes) -> None:
    assert isinstance(read_keys(octets), Keys | str)
    assert isinstance(keys_address(octets, NAME), str | TokenRefused)


@given(
    st.dictionaries(
        st.sampled_from(sorted(jwk("one"))), st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text())
    )
)
def test_whatever_a_key_is_made_of_is_a_value(changed: dict[str, Any]) -> None:
    assert isinstance(read_keys(key_set(jwk("one") | changed)), Keys | str)


def test_nesting_without_end_is_a_value() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 12_000).rstrip(b"=").decode()
    assert judged(f"{segment({'alg': 'RS256', 'kid': 'one'})}.{deep}.AAAA"[:16_384]) == "malformed"
    assert judged(f"{deep[:15_000]}.e30.AAAA") == "malformed"
    assert isinstance(read_keys(b'{"keys": ' + b"[" * 100_000), str)


def test_a_token_of_a_megabyte_is_not_looked_at() -> None:
    assert judged("A" * 1_000_000 + ".A.A") == "malformed"


def test_a_refusal_shows_nothing_of_the_token() -> None:
    given = token(claims(aud="https://other.example"))
    seen = glance(given)
    assert isinstance(seen, Glance)
    keys = read_keys(key_set())
    assert isinstance(keys, Keys)
    key = keys.find(seen)
    assert key is not None
    refused = prove(given, key, ISSUER, NOW)
    assert isinstance(refused, TokenRefused)
    assert not any(part in repr(refused) for part in given.split("."))

"""An issuer of tokens: its keys, its tokens, and what it publishes."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

NAME = "https://id.example/shop"
AUDIENCE = "https://relay.example"
APPLICATION = "0f3b5a7c-app"
TENANT = "72f988bf-tenant"
NOW = 1_900_000_000.0


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same for the same name."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


KEYS: Mapping[str, Any] = {"RS256": rsa_key, "PS256": rsa_key, "ES256": lambda _: ec_key(), "EdDSA": lambda _: ed_key()}


def claims(now: float = NOW, **changed: Any) -> dict[str, Any]:
    """What a good token says; None takes a claim out."""
    said = {"iss": NAME, "aud": AUDIENCE, "exp": now + 3600, "iat": now, "nbf": now, "azp": APPLICATION, "tid": TENANT}
    return {name: value for name, value in (said | changed).items() if value is not None}


def token(
    said: Mapping[str, Any] | None = None, kid: str | None = "one", algorithm: str = "RS256", **header: Any
) -> str:
    """A token signed with the key of that name."""
    named = header if kid is None else {"kid": kid, **header}
    return jwt.encode(dict(claims() if said is None else said), KEYS[algorithm](kid or "one"), algorithm, headers=named)


def jwk(name: str, algorithm: str = "RS256", /, **changed: Any) -> dict[str, Any]:
    """The public half of a key, as it is published."""
    key = KEYS[algorithm](name)
    written = {"RS256": RSAAlgorithm, "PS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}[algorithm]
    return json.loads(written.to_jwk(key.public_key())) | {"kid": name, "use": "sig"} | changed


def key_set(*keys: Mapping[str, Any]) -> bytes:
    """A JWKS document."""
    return json.dumps({"keys": keys or [jwk("one")]}).encode()

"""Tokens and key sets of strangers: whatever they are, the answer is a value, and only our own token is believed."""

import json
import random
from base64 import urlsafe_b64encode
from functools import cache

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from fuzz.rounds import mutated, run
from goodstanding.settings import TokenIssuer
from goodstanding.submission.authentication import Claimant, TokenRefused
from goodstanding.submission.tokens import Glance, Keys, Ring, glance, keys_address, prove, read_keys

ISSUER = TokenIssuer("https://id.example", ("us",))
NOW = 1_900_000_000.0
SAID = {"iss": "https://id.example", "aud": "us", "exp": NOW + 60, "nbf": NOW, "azp": "robot", "tid": "t"}
VALUES = [None, True, 0, -1, 1e308, "", "us", "x" * 300, [], {}, ["us"], [[]], {"us": 1}, NOW + 60]


@cache
def key() -> ec.EllipticCurvePrivateKey:
    """The issuer's."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def published() -> bytes:
    """Its key set, with a secret among the keys."""
    entry = json.loads(ECAlgorithm.to_jwk(key().public_key())) | {"kid": "k", "use": "sig"}
    return json.dumps({"keys": [entry, {"kty": "oct", "k": "AAAA"}]}).encode()


def play(chance: random.Random) -> None:
    """A token and a key set, whole or not."""
    said = dict(SAID)
    if chance.random() < 0.5:
        said[chance.choice(list(SAID))] = chance.choice(VALUES)
    good = jwt.PyJWS().encode(json.dumps(said).encode(), key(), "ES256", {"kid": "k"})
    token = mutated(good.encode(), chance).decode("latin-1") if chance.random() < 0.7 else parts(chance, good)
    seen = glance(token)
    keys = read_keys(published())
    assert isinstance(keys, Keys)
    found = keys.find(seen) if isinstance(seen, Glance) else None
    if isinstance(seen, Glance):
        Ring().fetched(keys, NOW, 60).wants(seen, NOW)
    if found is not None:
        proven = prove(token, found, ISSUER, NOW)
        assert isinstance(proven, Claimant | TokenRefused)
        if isinstance(proven, Claimant):
            assert token.split(".")[:2] == good.split(".")[:2], "what was signed is what is believed"
            assert (said["iss"], said["azp"]) == (ISSUER.issuer, proven.application)
            assert said["aud"] in ("us", ["us"])
    octets = mutated(published(), chance)
    assert isinstance(read_keys(octets), Keys | str)
    assert isinstance(keys_address(octets, ISSUER.issuer), str | TokenRefused)


def parts(chance: random.Random, good: str) -> str:
    """Pieces of a token, put together anew, some with another header or payload."""
    header = {
        "alg": chance.choice(["ES256", "none", "HS256", "RS256", 7, None]),
        "kid": chance.choice(["k", "", 7, None]),
    }
    if chance.random() < 0.3:
        header |= chance.choice([{"crit": ["x"]}, {"b64": False}, {"crit": ["b64"], "b64": False}, {"zip": "DEF"}])
    written = [json.dumps(one).encode() for one in (header, chance.choice(VALUES), SAID)]
    written += [b"[" * chance.randrange(12_000), b""]
    pool = [*good.split("."), *(urlsafe_b64encode(one).rstrip(b"=").decode() for one in written)]
    return ".".join(chance.choice(pool) for _ in range(chance.choice([1, 2, 3, 3, 3, 3, 4, 6])))


if __name__ == "__main__":
    run(play)

"""Bearer tokens: who signed a JWT, whether it is for us and of this hour, and which application it speaks for.

In order (RFC 7519, 8725): `glance` reads, without believing it, whom to ask; a `Ring` holds the keys of one issuer and
says when to fetch them; `prove` believes. A token is 500 to 9,000 octets that a stranger wrote: whatever they are, the
answer is a value. Signatures are PyJWT's and cryptography's; what must be claimed is decided here, so that ``now`` is
given and each refusal says why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jwt import PyJWK, PyJWS, PyJWTError
from msgspec import DecodeError, Struct, json

from goodstanding.settings import TokenIssuer
from goodstanding.settings_file import fetchable
from goodstanding.submission.authentication import Claimant, TokenRefused

TOKEN_MOST = 16_384
"""Characters of one token; those of Entra have up to some 3,000."""
KEYS_MOST = 100
"""Keys of one issuer that are looked at."""
NAME_MOST = 256
"""Characters of an application's or tenant's name."""
RSA_LEAST = 2048
"""Bits (RFC 7518 §3.3)."""
FLOOR = 30.0
"""Seconds between fetches of an issuer's keys, however many tokens name keys that nobody knows."""
LATEST = 1e12
"""Second no token may name a later one than; a number of any length would be read, and none of 400 digits compared."""
KINDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("RSA", ""): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
"""(kty, crv) of a key -> the signatures it may check; a secret (oct) is none that others publish."""

_SHAPE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
_JWS = PyJWS(["RS256", "PS256", "ES256", "EdDSA"])
_MALFORMED = TokenRefused("malformed", "this is not a signed token (JWT)")


class Glance(Struct, frozen=True, gc=False):
    """What a token says of itself; nothing of it is proven."""

    issuer: str
    algorithm: str
    kid: str
    """Names the key that signed it; empty: it does not say."""


def glance(token: str) -> Glance | TokenRefused:
    """Whom to ask about a token."""
    if len(token) > TOKEN_MOST or not _SHAPE.fullmatch(token):
        return _MALFORMED
    try:
        read = _JWS.decode_complete(token, options={"verify_signature": False})
    except (PyJWTError, RecursionError):  # nested too deeply for Python's parser
        return _MALFORMED
    header, claims = read["header"], _object(read["payload"])
    issuer, algorithm, kid = claims.get("iss"), header.get("alg"), header.get("kid", "")
    if "crit" in header:  # RFC 7515 §4.1.11: to be refused by whoever does not know what it asks
        return TokenRefused("critical", "the token demands an extension (crit) that is not known here")
    if not isinstance(issuer, str) or not isinstance(algorithm, str) or not isinstance(kid, str):
        return _MALFORMED
    return Glance(issuer, algorithm, kid)


class Keys:
    """The public keys of one issuer."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[tuple[str, str], PyJWK] | None = None) -> None:
        """``keys``: (name, signature) -> key; one without a name as ``""``."""
        self._keys = dict(keys or {})

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, wanted: Glance) -> PyJWK | None:
        """The key that would have made such a signature; of a token that names none, the only one that could."""
        if wanted.kid:
            return self._keys.get((wanted.kid, wanted.algorithm))
        fit = [key for (_, algorithm), key in self._keys.items() if algorithm == wanted.algorithm]
        return fit[0] if len(fit) == 1 else None


def read_keys(octets: bytes) -> Keys | str:
    """The usable keys of a JWKS (RFC 7517); or why there are none. Keys we have no use for are passed over."""
    listed = _object(octets).get("keys")
    if not isinstance(listed, list):
        return "what its keys_url holds is no key set (JWKS)"
    found: dict[tuple[str, str], PyJWK] = {}
    for entry in listed[:KEYS_MOST]:
        if isinstance(entry, dict):
            found.update(_usable(entry))
    return Keys(found) if found else "its key set has no public key for RS256, PS256, ES256 or EdDSA"


def _usable(entry: dict[str, Any]) -> Iterable[tuple[tuple[str, str], PyJWK]]:
    """The signatures one key may check, each with its name; none for a private key or one for encryption."""
    name, use, operations, said = (entry.get(word) for word in ("kid", "use", "key_ops", "alg"))
    kinds = [kind for kind in KINDS if (entry.get("kty"), entry.get("crv") if kind[1] else "") == kind]
    if not kinds or "d" in entry or use not in (None, "sig") or not isinstance(name, str | None):
        return
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return
    for algorithm in KINDS[kinds[0]]:
        if said in (None, algorithm) and (key := _key(entry, algorithm)) is not None:
            yield (name or "", algorithm), key


def _key(entry: dict[str, Any], algorithm: str) -> PyJWK | None:
    """The key, bound to one signature so that a token cannot choose another; None when it is none, or too short."""
    try:
        key = PyJWK(entry, algorithm)
    except (PyJWTError, ValueError, TypeError, OverflowError):  # cryptography refuses impossible numbers its own way
        return None
    return None if algorithm in ("RS256", "PS256") and key.key.key_size < RSA_LEAST else key


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of one issuer as one process has them; whoever fetches puts the next ring in its place.

    Keys are used until ``until``, then fetched again; and before that, when a token names one that is not among them.
    Either way there are `FLOOR` seconds between fetches. Old keys stay while no new ones can be had: an issuer that is
    down makes no tokens anyway, and those it made are believed to their end.
    """

    keys: Keys = field(default_factory=Keys)
    until: float = 0.0
    asked: float = -math.inf
    """When the last fetch began."""
    failure: str = ""
    """Why the last fetch brought nothing; empty: it did."""

    def wants(self, wanted: Glance, now: float) -> bool:
        """Whether the keys are to be fetched before this token is judged."""
        if self.asked <= now < self.asked + FLOOR:
            return False
        return now >= self.until or self.keys.find(wanted) is None

    def fetching(self, now: float) -> Ring:
        """The ring while a fetch is under way."""
        return replace(self, asked=now)

    def fetched(self, answer: Keys | str, now: float, hold: float) -> Ring:
        """The ring after a fetch that brought keys, or the words of its failure; keys are held ``hold`` seconds."""
        if isinstance(answer, str):
            return replace(self, failure=answer)
        return replace(self, keys=answer, until=now + hold, failure="")


def lacking(ring: Ring, fresh: bool) -> TokenRefused:
    """Why a token is refused whose key the ring lacks. ``fresh``: the keys were fetched on its account."""
    if ring.failure:
        return TokenRefused("no-keys", "the keys of its issuer cannot be had now; try again in a moment", passing=True)
    if fresh:
        return TokenRefused("unknown-key", "its issuer has no key of the name it was signed with")
    return TokenRefused(
        "unknown-key", "the key it was signed with is not known; if it is new, try in a minute", passing=True
    )


def prove(token: str, key: PyJWK, issuer: TokenIssuer, now: float) -> Claimant | TokenRefused:
    """For whom a token speaks: signed with this key of this issuer, made for us, and valid at this moment."""
    try:
        payload = _JWS.decode_complete(token, key, [key.algorithm_name])["payload"]
    except (PyJWTError, ValueError, RecursionError):
        return TokenRefused("bad-signature", "its signature is not that of its issuer")
    claims = _object(payload)
    refused = _foreign(claims, issuer) or _untimely(claims, now, issuer.leeway)
    if refused is not None:
        return refused
    application = next((name for claim in issuer.application_claims if (name := _name(claims.get(claim)))), "")
    if not application:
        wanted = " or ".join(issuer.application_claims)
        return TokenRefused("no-application", f"it names no application in {wanted}")
    tenant = _name(claims.get(issuer.tenant_claim)) if issuer.tenant_claim else ""
    return Claimant(issuer.issuer, application, tenant, claims["exp"] + issuer.leeway)


def _foreign(claims: Mapping[str, Any], issuer: TokenIssuer) -> TokenRefused | None:
    """Whether it is of another issuer or for somebody else (RFC 7519 §4.1.1, §4.1.3)."""
    if claims.get("iss") != issuer.issuer:
        return TokenRefused("other-issuer", "it was made by another issuer than it says")
    said = claims.get("aud")
    audience = said if isinstance(said, list) else [said]
    if any(isinstance(one, str) and one in issuer.audiences for one in audience):
        return None
    return TokenRefused("other-audience", f"it is for somebody else; ask for one with audience {issuer.audiences[0]}")


def _untimely(claims: Mapping[str, Any], now: float, leeway: float) -> TokenRefused | None:
    """Whether it is over or has not begun; one that never ends is none (RFC 7519 §4.1.4 to §4.1.6)."""
    if not _is_time(claims.get("exp")):
        return TokenRefused("no-expiry", "it does not say when it expires")
    if now >= claims["exp"] + leeway:
        return TokenRefused("expired", "it has expired; get a new one")
    for claim in ("nbf", "iat"):
        begins = claims.get(claim)
        if begins is not None and not (_is_time(begins) and begins <= now + leeway):
            return TokenRefused("not-yet", "it is not valid yet; look at the clocks")
    return None


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LATEST


def _name(value: object) -> str:
    """A name that can be linked; empty: it is none."""
    return value if isinstance(value, str) and len(value) <= NAME_MOST and value.isprintable() else ""


def keys_address(octets: bytes, issuer: str) -> str | TokenRefused:
    """Where the keys of an issuer are, from its discovery document (OpenID Connect Discovery 1.0 §4.3)."""
    document = _object(octets)
    if document.get("issuer") != issuer:
        return TokenRefused("discovery", "its discovery document names another issuer")
    address = document.get("jwks_uri")
    if not isinstance(address, str) or not fetchable(address):
        return TokenRefused("discovery", "its discovery document names no https address of keys")
    return address


def _object(octets: bytes) -> dict[str, Any]:
    """The members of a JSON object; none when the octets are none."""
    try:
        found = json.decode(octets)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

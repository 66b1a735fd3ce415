"""A request that is repeated with its Idempotency-Key is answered again, and nothing is done twice.

The answer may hold a secret that is shown once, so it is kept sealed, for a day.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from goodstanding.api.native.problems import ProblemError
from goodstanding.operate.estate import Place
from goodstanding.sealed import NONCE_SIZE, seal, unseal
from goodstanding.store import api_keys

KEPT = 86_400.0
"""Seconds an answer is given again."""
WORD_MOST = 200
"""Characters of an Idempotency-Key."""
Answer = tuple[int, bytes]
"""Status and body."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may come again."""

    key: str
    """Id of the API key."""
    word: str
    """Its Idempotency-Key."""
    route: str
    octets: bytes

    @property
    def digest(self) -> bytes:
        """What must be the same when it comes again."""
        return sha256(self.route.encode() + b"\0" + self.octets).digest()

    @property
    def context(self) -> bytes:
        """What a sealed answer is bound to."""
        return f"api once {self.key} {self.word}".encode()


def answered_once(place: Place, asked: Asked, act: Callable[[], Answer]) -> tuple[Answer, bool]:
    """The answer, and whether it was given before. A problem when the word stood for another request."""
    now = time.time()
    with place.database.tx() as tx:
        api_keys.prune(tx, now - KEPT)
        known = api_keys.begin(tx, asked.key, asked.word, asked.digest, now)
    if known is not None:
        return _again(place.master, asked, known), True
    try:
        status, octets = act()
    except BaseException:
        with place.database.tx() as tx:
            api_keys.forget(tx, asked.key, asked.word)
        raise
    sealed = seal(place.master, octets, asked.context, os.urandom(NONCE_SIZE))
    with place.database.tx() as tx:
        api_keys.answered(tx, asked.key, asked.word, status, sealed)
    return (status, octets), False


def _again(master: bytes, asked: Asked, known: api_keys.Once) -> Answer:
    if known.request != asked.digest:
        raise ProblemError("conflict", "this Idempotency-Key stood for another request; take a new one")
    octets = unseal(master, known.sealed, asked.context) if known.status else None
    if octets is None:
        why = "the first request under this Idempotency-Key is under way, or nobody knows how it ended: look before "
        raise ProblemError("conflict", why + "you repeat it under a new one")
    return known.status, octets

"""Verbs on keys of the native API: make, list, revoke; and whether somebody holds one.

A key is ``gs_ID_SECRET``; the secret is 32 random bytes made by us, so a keyed hash is enough to keep
(docs/decisions/0004-credentials.md). It belongs to a tenant, or to the operator and then sees every tenant.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from goodstanding.errors import GoodstandingError
from goodstanding.events import EstateChanged
from goodstanding.model import ALPHABET
from goodstanding.sealed import derive
from goodstanding.store import api_keys, estate, journal
from goodstanding.store.api_keys import Key as Key
from goodstanding.store.db import Database
from goodstanding.submission.authentication import digest

PURPOSE = "api keys"
"""What the key under which secrets are hashed is derived for."""
PREFIX = "gs"
FAMILIES = (
    *("apikeys", "credentials", "domains", "estate", "feedback", "incidents", "isolation", "messages", "pools"),
    *("quarantine", "queue", "reputation", "reviews", "standings", "subscriptions", "suppressions", "tenants", "trust"),
    "webhooks",
)
"""What a scope is about; `messages` is sending, and the story of what was sent."""
SCOPES = tuple(f"{family}:{what}" for family in ("*", *FAMILIES) for what in ("read", "write"))
"""What a key may do; ``*`` stands for every family. Writing does not include reading."""
NAME_MOST = 100
"""Characters of a key's name."""
FRESH = 1.0
"""Seconds for which a key is taken from memory: a revoked one opens nothing after that."""
USED_EVERY = 60.0
"""Seconds between two notes of when a key was used."""
KEPT = 1000
"""Keys in memory."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its secret, which nobody can show again."""

    key: Key
    token: str

    def __repr__(self) -> str:
        """Without the secret: what is printed ends up in logs."""
        return f"NewKey({self.key.id!r}, {self.key.tenant!r})"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a new key is to be."""

    tenant: str
    """Empty: the operator's."""
    name: str
    scopes: Sequence[str]
    expires: float = 0.0
    """Second from which it opens nothing; 0: it does not end."""


def add(database: Database, master: bytes, wish: Wish, by: str = "") -> NewKey:
    """A new key and its secret. GoodstandingError for a tenant or scope that is not there, or an end that is past."""
    now = time.time()
    scopes = _checked(wish, now)
    name = "".join(secrets.choice(ALPHABET) for _ in range(12))
    secret = secrets.token_urlsafe(32)
    hashed = digest(derive(master, PURPOSE), secret)
    key = Key(name, wish.tenant, wish.name, hashed, scopes, now, by, wish.expires)
    with database.tx() as tx:
        if wish.tenant and not any(one.name == wish.tenant for one in estate.tenants(tx)):
            raise GoodstandingError(f"there is no tenant {wish.tenant}; goodstanding tenant list shows them")
        api_keys.add(tx, key)
        journal.append(tx, [EstateChanged(wish.tenant, now, f"api key {name}", f"added: {' '.join(scopes)}", by)])
    return NewKey(key, f"{PREFIX}_{name}_{secret}")


def _checked(wish: Wish, now: float) -> tuple[str, ...]:
    if unknown := [scope for scope in wish.scopes if scope not in SCOPES]:
        raise GoodstandingError(f"there is no scope {unknown[0]}; scopes are {', '.join(SCOPES)}")
    if not wish.scopes:
        raise GoodstandingError("a key without a scope opens nothing; name one with --scope, e.g. queue:read")
    if wish.expires and wish.expires <= now:
        raise GoodstandingError("that end is past; name a later one")
    if len(wish.name) > NAME_MOST or not wish.name.isprintable():
        raise GoodstandingError(f"a key's name is one line of at most {NAME_MOST} characters")
    return tuple(sorted(set(wish.scopes)))


def revoke(database: Database, name: str, by: str = "") -> Key:
    """Let a key open nothing any more; GoodstandingError when there is no live one of that id."""
    now = time.time()
    with database.tx() as tx:
        key = api_keys.find(tx, name)
        if key is None or not api_keys.revoke(tx, name, now):
            raise GoodstandingError(f"there is no live API key {name}; goodstanding apikey list shows them")
        journal.append(tx, [EstateChanged(key.tenant, now, f"api key {name}", "revoked", by)])
    return key


def listing(database: Database) -> list[Key]:
    """All keys, revoked ones too, by tenant and id; the operator's first."""
    with database.read() as tx:
        return api_keys.keys(tx)


def find(database: Database, name: str) -> Key | None:
    """The key of that id, revoked or not."""
    with database.read() as tx:
        return api_keys.find(tx, name)


def covers(held: Sequence[str], scope: str) -> bool:
    """Whether scopes contain one: by itself, or by ``*``."""
    return scope in held or f"*:{scope.partition(':')[2]}" in held


def wider(held: Key, wish: Wish) -> str:
    """What of a wish goes beyond the key that asks for it, in words; empty: nothing does."""
    if beyond := [scope for scope in wish.scopes if not covers(held.scopes, scope)]:
        return f"it does not have the scope {beyond[0]} itself"
    if held.expires and not 0 < wish.expires <= held.expires:
        return "it would outlive the key that asks for it"
    return ""


# --- who holds one ---------------------------------------------------------------------------------------------------

Wrong = Literal["unknown", "expired", "revoked"]


class Keyring:
    """Looks keys up, from memory for `FRESH` seconds; safe to use from several threads."""

    def __init__(self, database: Database, master: bytes) -> None:
        self._database = database
        self._hash = derive(master, PURPOSE)
        self._nobody = bytes(32)
        self._held: OrderedDict[str, tuple[float, Key | None]] = OrderedDict()
        self._noted: dict[str, float] = {}
        self._lock = threading.Lock()

    def holder(self, token: str, now: float) -> Key | Wrong:
        """The key somebody shows, or what is wrong with it; whoever does not know the secret learns nothing else."""
        prefix, _, rest = token.partition("_")
        name, _, secret = rest.partition("_")
        key = self._find(name, now) if prefix == PREFIX and name.isalnum() else None
        same = hmac.compare_digest(digest(self._hash, secret), key.digest if key is not None else self._nobody)
        if key is None or not same:
            return "unknown"
        if key.revoked:
            return "revoked"
        return "expired" if key.expires and key.expires <= now else key

    def note(self, key: Key, now: float) -> None:
        """Write down that a key was used, once in `USED_EVERY` seconds."""
        with self._lock:
            if now - self._noted.get(key.id, key.used) < USED_EVERY:
                return
            if len(self._noted) > KEPT:
                self._noted.clear()
            self._noted[key.id] = now
        with self._database.tx() as tx:
            api_keys.used(tx, key.id, now)

    def _find(self, name: str, now: float) -> Key | None:
        with self._lock:
            read, key = self._held.get(name, (0.0, None))
        if abs(now - read) <= FRESH:
            return key
        with self._database.ask() as tx:
            key = api_keys.find(tx, name)
        with self._lock:
            if key is not None:
                self._held[name] = (now, key)
                self._held.move_to_end(name)
            else:
                self._held.pop(name, None)
            while len(self._held) > KEPT:
                self._held.popitem(last=False)
        return key

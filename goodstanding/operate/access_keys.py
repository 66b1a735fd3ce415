"""Verbs on access keys: the secrets with which programs sign requests to the API."""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass

from goodstanding.admission.estate import SUBSCRIPTION
from goodstanding.errors import GoodstandingError
from goodstanding.events import EstateChanged
from goodstanding.model import Stream
from goodstanding.operate.subscriptions import checked, ensured
from goodstanding.sealed import NONCE_SIZE, seal
from goodstanding.settings import ApiSettings
from goodstanding.store import access_keys, journal
from goodstanding.store.access_keys import AccessKey, Slot
from goodstanding.store.db import Database, Tx

KEY_SIZE = 64
"""Bytes, as ACS has them."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as programs get it, shown once."""

    subscription: str
    slot: Slot
    key: str
    """Base64."""

    def __repr__(self) -> str:
        """Without the secret: what is printed ends up in logs."""
        return f"NewKey({self.subscription!r}, {self.slot!r})"


def context_of(subscription: str, slot: str) -> bytes:
    """What a sealed key is bound to, so that it cannot be moved to another subscription in the database."""
    return f"access key {subscription} {slot}".encode()


def regenerate(
    database: Database,
    master: bytes,
    subscription: str,
    slot: Slot,
    stream: Stream | None = None,
    by: str = "",
) -> NewKey:
    """The same as `put_key`, in a transaction of its own."""
    with database.tx() as tx:
        return put_key(tx, master, subscription, slot, stream, by)


def put_key(tx: Tx, master: bytes, subscription: str, slot: Slot, stream: Stream | None = None, by: str = "") -> NewKey:
    """A new key in a slot; the one that was there opens nothing any more, the other slot's goes on."""
    checked(subscription, SUBSCRIPTION, "write a subscription as tenant/application, small letters, digits, hyphens")
    plain = secrets.token_bytes(KEY_SIZE)
    sealed = seal(master, plain, context_of(subscription, slot), secrets.token_bytes(NONCE_SIZE))
    now = time.time()
    identity = ensured(tx, subscription, stream, by)
    access_keys.put(tx, AccessKey(subscription, slot, sealed, now))
    what = f"access key {subscription} {slot}"
    journal.append(tx, [EstateChanged(identity.tenant, now, what, "regenerated", by)])
    key = base64.b64encode(plain).decode()
    return NewKey(subscription, slot, key)


def revoke(database: Database, subscription: str, slot: Slot, by: str = "") -> None:
    """Let a key open nothing any more; GoodstandingError when there is none."""
    now = time.time()
    with database.tx() as tx:
        if not access_keys.remove(tx, subscription, slot):
            raise GoodstandingError(f"{subscription} has no {slot} access key; goodstanding access-key list shows them")
        tenant, what = subscription.partition("/")[0], f"access key {subscription} {slot}"
        journal.append(tx, [EstateChanged(tenant, now, what, "revoked", by)])


def listing(database: Database) -> list[AccessKey]:
    """Every key there is; nobody can list the secrets."""
    with database.read() as tx:
        return access_keys.all_of(tx)


def connection_string(api: ApiSettings, key: NewKey) -> str:
    """What the SDKs take, which always speak HTTPS to it; empty: there is no listener yet."""
    where = endpoint(api)
    return f"endpoint={where};accesskey={key.key}" if where else ""


def endpoint(api: ApiSettings) -> str:
    """Where programs post; empty: nowhere yet."""
    if api.url:
        return api.url.rstrip("/")
    for one in api.listeners:
        host = f"[{one.address}]" if ":" in one.address else one.address
        return f"{'https' if one.tls == 'implicit' else 'http'}://{host}:{one.port}"
    return ""

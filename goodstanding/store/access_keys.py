"""Access keys: two secrets of a subscription with which programs sign requests. HMAC needs them readable: sealed."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from goodstanding.store.db import Tx
from goodstanding.store.serial import touch

Slot = Literal["primary", "secondary"]
SLOTS: tuple[Slot, Slot] = ("primary", "secondary")
"""Two live at once, so that one can be changed while the other is in use."""


class AccessKey(Struct, frozen=True, gc=False):
    """One of the two."""

    subscription: str
    slot: Slot
    sealed: bytes
    created: float


def put(tx: Tx, key: AccessKey) -> None:
    """Keep a key; the one that was in its slot opens nothing any more."""
    tx.run(
        "INSERT INTO access_key (subscription, slot, sealed, created) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (subscription, slot) DO UPDATE SET sealed = excluded.sealed, created = excluded.created",
        (key.subscription, key.slot, key.sealed, key.created),
    )
    touch(tx)


def remove(tx: Tx, subscription: str, slot: Slot) -> bool:
    """Forget a key; whether there was one."""
    removed = tx.run("DELETE FROM access_key WHERE subscription = ? AND slot = ?", (subscription, slot)) > 0
    if removed:
        touch(tx)
    return removed


def all_of(tx: Tx) -> list[AccessKey]:
    """Every key there is, by subscription."""
    rows = tx.rows("SELECT subscription, slot, sealed, created FROM access_key ORDER BY subscription, slot")
    return [AccessKey(subscription, slot, bytes(sealed), created) for subscription, slot, sealed, created in rows]

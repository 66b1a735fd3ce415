"""Keys of the native API, of which only digests are kept; and answers that are given again to a repeated request."""

from __future__ import annotations

from dataclasses import dataclass

from goodstanding.store.db import Row, Tx

_COLUMNS = "id, tenant, name, digest, scopes, created, created_by, expires, used, revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """One key; the secret itself is known to nobody but its holder."""

    id: str
    tenant: str
    """Empty: an operator's, which sees every tenant."""
    name: str
    digest: bytes
    scopes: tuple[str, ...]
    created: float
    created_by: str
    expires: float = 0.0
    """Second from which it opens nothing; 0: it does not end."""
    used: float = 0.0
    """Second of its last use, to the minute; 0: never."""
    revoked: float = 0.0
    """Second it was revoked; 0: it was not."""


def add(tx: Tx, key: Key) -> None:
    """A new key."""
    scopes = " ".join(key.scopes)
    tx.insert(
        f"INSERT INTO api_key ({_COLUMNS}) VALUES",
        [
            (
                *(key.id, key.tenant, key.name, key.digest, scopes, key.created, key.created_by),
                *(key.expires, key.used, key.revoked),
            )
        ],
    )


def find(tx: Tx, name: str) -> Key | None:
    """The key of that id, revoked or not."""
    row = tx.row(f"SELECT {_COLUMNS} FROM api_key WHERE id = ?", (name,))
    return _key(row) if row else None


def keys(tx: Tx) -> list[Key]:
    """All of them, revoked ones too, by tenant and id."""
    return [_key(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM api_key ORDER BY tenant, id")]


def used(tx: Tx, name: str, now: float) -> None:
    """Note when a key was used last."""
    tx.run("UPDATE api_key SET used = ? WHERE id = ?", (now, name))


def revoke(tx: Tx, name: str, now: float) -> bool:
    """Whether there was a live key of that id; it opens nothing any more."""
    return tx.run("UPDATE api_key SET revoked = ? WHERE id = ? AND revoked = 0", (now, name)) > 0


def _key(row: Row) -> Key:
    name, tenant, title, digest, scopes, *rest = row
    return Key(name, tenant, title, bytes(digest), tuple(scopes.split()), *rest)


# --- once ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Once:
    """What was answered to a request that may come again."""

    request: bytes
    """Digest of what was asked."""
    status: int
    """0: it is under way, or nobody knows how it ended."""
    sealed: bytes


def begin(tx: Tx, key: str, said: str, request: bytes, now: float) -> Once | None:
    """What is known of a request under this word; None: nothing, and from now on it is under way."""
    new = tx.run(
        "INSERT INTO api_once (api_key, said, request, at) VALUES (?, ?, ?, ?) ON CONFLICT (api_key, said) DO NOTHING",
        (key, said, request, now),
    )
    if new:
        return None
    row = tx.row("SELECT request, status, sealed FROM api_once WHERE api_key = ? AND said = ?", (key, said))
    assert row is not None
    return Once(bytes(row[0]), row[1], bytes(row[2] or b""))


def answered(tx: Tx, key: str, said: str, status: int, sealed: bytes) -> None:
    """Keep the answer."""
    tx.run(
        "UPDATE api_once SET status = ?, sealed = ? WHERE api_key = ? AND said = ?",
        (status, sealed, key, said),
    )


def forget(tx: Tx, key: str, said: str) -> None:
    """Nothing came of it: it may be asked anew."""
    tx.run("DELETE FROM api_once WHERE api_key = ? AND said = ?", (key, said))


def prune(tx: Tx, before: float) -> int:
    """Forget answers from before a second; how many went."""
    return tx.run("DELETE FROM api_once WHERE at < ?", (before,))

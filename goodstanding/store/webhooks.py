"""Endpoints that want to hear what happened; what they are to be told is in `store.outbox`."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, structs

from goodstanding.store.db import Row, Tx, Value
from goodstanding.webhooks.endpoint import Endpoint, Figures, Kind

_COLUMNS = "number, tenant, url, shape, subscription, kinds, batch, state, because, since, created, sealed"


def add(tx: Tx, endpoint: Endpoint) -> Endpoint:
    """A new endpoint, which hears of what is journalled from now on; with its number."""
    since = newest(tx)
    row = tx.row(
        "INSERT INTO webhook_endpoint (tenant, url, shape, subscription, kinds, batch, state, because, since, created, "
        "sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
        (
            *(endpoint.tenant, endpoint.url, endpoint.shape, endpoint.subscription, " ".join(endpoint.kinds)),
            *(endpoint.batch, endpoint.state, endpoint.because, since, endpoint.created, endpoint.sealed),
        ),
    )
    assert row is not None
    touch(tx)
    found = one(tx, row[0])
    assert found is not None
    return found


def one(tx: Tx, number: int) -> Endpoint | None:
    """The endpoint of this number."""
    row = tx.row(f"SELECT {_COLUMNS} FROM webhook_endpoint WHERE number = ?", (number,))
    return _endpoint(row) if row else None


def every(tx: Tx, tenant: str = "") -> list[Endpoint]:
    """All endpoints, or those of a tenant, by number."""
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM webhook_endpoint WHERE (tenant = ? OR ? = '') ORDER BY number", (tenant, tenant)
    )
    return [_endpoint(row) for row in rows]


def there_are_any(tx: Tx) -> bool:
    """Whether anybody wants to hear anything, or did: asked every few seconds, so cheap."""
    return any(tx.row(f"SELECT 1 FROM {table} LIMIT 1") for table in ("webhook_endpoint", "webhook_outbox"))


def put_state(tx: Tx, number: int, state: str, because: str) -> bool:
    """Change whether an endpoint is told; one that begins to be hears of what is journalled from then on."""
    changed = tx.run(
        "UPDATE webhook_endpoint SET since = CASE WHEN state = 'active' THEN since ELSE ? END, state = ?, because = ? "
        "WHERE number = ?",
        (newest(tx), state, because, number),
    )
    touch(tx)
    return changed > 0


def put_sealed(tx: Tx, number: int, sealed: bytes) -> bool:
    """Keep other secrets and headers."""
    changed = tx.run("UPDATE webhook_endpoint SET sealed = ? WHERE number = ?", (sealed, number))
    touch(tx)
    return changed > 0


def remove(tx: Tx, number: int) -> bool:
    """Forget an endpoint; whether there was one. Its outbox is cleared in pieces later: it may be large."""
    removed = tx.run("DELETE FROM webhook_endpoint WHERE number = ?", (number,)) > 0
    touch(tx)
    return removed


def remove_of_tenant(tx: Tx, tenant: str) -> None:
    """Forget the endpoints of a tenant that goes: whoever takes its name later is somebody else."""
    for endpoint in every(tx, tenant):
        remove(tx, endpoint.number)


def remove_of_subscription(tx: Tx, subscription: str) -> None:
    """Forget the endpoints that heard of one subscription only, when it goes."""
    for endpoint in every(tx, subscription.partition("/")[0]):
        if endpoint.subscription == subscription:
            remove(tx, endpoint.number)


def figures(tx: Tx) -> dict[int, Figures]:
    """How every endpoint has answered, and what waits for it."""
    # The states are named and not asked for: so the indexes answer alone.
    waits: dict[int, int] = dict(
        tx.rows("SELECT endpoint, COUNT(*) FROM webhook_outbox WHERE state = 'waiting' GROUP BY endpoint")
    )
    dead: dict[int, int] = dict(
        tx.rows(
            "SELECT endpoint, COUNT(*) FROM webhook_outbox WHERE state <> 'waiting' AND state = 'dead' "
            "GROUP BY endpoint"
        )
    )
    rows = tx.rows("SELECT number, delivered, failed, last_success, last_failure, last_reply FROM webhook_endpoint")
    return {
        number: structs.replace(Figures(*kept), waiting=waits.get(number, 0), dead=dead.get(number, 0))
        for number, *kept in rows
    }


def totals(tx: Tx, now: float) -> dict[str, float | dict[str, float]]:
    """The figures of all endpoints together, for the metrics page."""
    states = tx.rows("SELECT state, COUNT(*) FROM webhook_endpoint GROUP BY state")
    if not states:
        return {}
    known = figures(tx).values()
    longest = tx.row("SELECT MIN(due) FROM webhook_outbox WHERE state = 'waiting'")
    return {
        "goodstanding_webhook_endpoints": {state: float(count) for state, count in states},
        "goodstanding_webhook_events": {
            "waiting": float(sum(one.waiting for one in known)),
            "dead": float(sum(one.dead for one in known)),
        },
        "goodstanding_webhook_overdue_seconds": max(0.0, now - longest[0]) if longest and longest[0] else 0.0,
    }


def count(tx: Tx, number: int, said: Figures) -> None:
    """Add to the figures of an endpoint."""
    tx.run(
        "UPDATE webhook_endpoint SET delivered = delivered + ?, failed = failed + ?, "
        "last_success = CASE WHEN ? > last_success THEN ? ELSE last_success END, "
        "last_failure = CASE WHEN ? > last_failure THEN ? ELSE last_failure END, "
        "last_reply = CASE WHEN ? = '' THEN last_reply ELSE ? END WHERE number = ?",
        (
            *(said.delivered, said.failed, said.last_success, said.last_success),
            *(said.last_failure, said.last_failure, said.last_reply, said.last_reply, number),
        ),
    )


def _endpoint(row: Row) -> Endpoint:
    number, tenant, url, shape, subscription, kinds, batch, state, because, since, created, sealed = row
    told = tuple(Kind(word) for word in kinds.split())
    return Endpoint(
        *(number, tenant, url, shape, subscription, told, batch, state, because, since, created), sealed=bytes(sealed)
    )


# --- who tells, and how far ------------------------------------------------------------------------------------------

NOBODY = ""


class Place(Struct, frozen=True):
    """How far the journal has been told, and by whom."""

    cursor: int = 0
    serial: int = 0
    """Grows with every change of an endpoint and every replay."""
    owner: str = NOBODY
    until: float = 0.0
    """Second at which the owner's lease ends."""


def place(tx: Tx) -> Place:
    """As it is now."""
    row = tx.row("SELECT cursor, serial, owner, until FROM webhook_place WHERE id = 1")
    return Place(*row) if row else Place()


def touch(tx: Tx) -> None:
    """Say that something changed about endpoints: whoever tells looks anew within a second."""
    _put(tx, {"serial": 1})
    tx.run("UPDATE webhook_place SET serial = serial + 1 WHERE id = 1")


def move(tx: Tx, cursor: int) -> None:
    """The journal has been told up to here."""
    _put(tx, {"cursor": cursor})
    tx.run("UPDATE webhook_place SET cursor = ? WHERE id = 1", (cursor,))


def lease(tx: Tx, owner: str, until: float, now: float, gone: str = NOBODY) -> bool:
    """Whether this one may tell until then. ``gone``: an owner known to be dead, whose lease is no hindrance."""
    present = place(tx)
    if present.owner not in (owner, NOBODY, gone) and present.until > now:
        return False
    _put(tx, {"owner": owner, "until": until})
    changed = tx.run(
        "UPDATE webhook_place SET owner = ?, until = ? WHERE id = 1 AND owner = ?", (owner, until, present.owner)
    )
    return changed > 0 or place(tx).owner == owner


def release(tx: Tx, owner: str) -> None:
    """This one tells no more; another may at once."""
    tx.run("UPDATE webhook_place SET owner = '', until = 0 WHERE id = 1 AND owner = ?", (owner,))


def _put(tx: Tx, first: Mapping[str, Value]) -> None:
    """Make the row if there is none yet."""
    tx.run(
        "INSERT INTO webhook_place (id, cursor, serial, owner, until) VALUES (1, ?, 0, ?, ?) "
        "ON CONFLICT (id) DO NOTHING",
        (first.get("cursor", 0), first.get("owner", NOBODY), first.get("until", 0.0)),
    )


def newest(tx: Tx) -> int:
    """The number of the newest journal entry; 0 without one."""
    row = tx.row("SELECT MAX(seq) FROM journal")
    return int(row[0] or 0) if row else 0

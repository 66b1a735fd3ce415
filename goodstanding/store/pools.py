"""Pools of egress addresses, sender addresses, and overlaps that somebody has accepted."""

from __future__ import annotations

from goodstanding.admission.estate import IsolationException, Pool, Sender
from goodstanding.model import Stream
from goodstanding.store.db import Tx
from goodstanding.store.serial import touch

_POOL = (
    "INSERT INTO pool (name, tenant, stream, addresses, hello, bounce_domain, link_domain, route, penalty, created) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET tenant = excluded.tenant, "
    "stream = excluded.stream, addresses = excluded.addresses, hello = excluded.hello, "
    "bounce_domain = excluded.bounce_domain, link_domain = excluded.link_domain, route = excluded.route, "
    "penalty = excluded.penalty"
)


def put_pool(tx: Tx, pool: Pool, now: float) -> None:
    """Add a pool, or change the one of that name."""
    addresses = " ".join(pool.addresses)
    names = (pool.hello, pool.bounce_domain, pool.link_domain, pool.route)
    tx.run(_POOL, (pool.name, pool.tenant, pool.stream.value, addresses, *names, int(pool.penalty), now))
    touch(tx)


def pools(tx: Tx) -> list[Pool]:
    """The pools of the store, by name; those of the settings file are not among them."""
    rows = tx.rows(
        "SELECT name, stream, tenant, addresses, hello, bounce_domain, link_domain, route, penalty FROM pool "
        "ORDER BY name"
    )
    return [
        Pool(name, Stream(stream), tenant, tuple(addresses.split()), hello, bounce, link, route, bool(penalty))
        for name, stream, tenant, addresses, hello, bounce, link, route, penalty in rows
    ]


def remove_pool(tx: Tx, name: str) -> bool:
    """Forget a pool; whether there was one."""
    removed = tx.run("DELETE FROM pool WHERE name = ?", (name,)) > 0
    if removed:
        touch(tx)
    return removed


def put_sender(tx: Tx, sender: Sender, now: float) -> None:
    """Let a subscription use an address in From; another subscription that had it loses it."""
    tx.run(
        "INSERT INTO sender (address, subscription, display, created) VALUES (?, ?, ?, ?) ON CONFLICT (address) "
        "DO UPDATE SET subscription = excluded.subscription, display = excluded.display",
        (sender.address, sender.subscription, sender.display, now),
    )
    touch(tx)


def senders(tx: Tx) -> list[Sender]:
    """All sender addresses, by address."""
    return [Sender(*row) for row in tx.rows("SELECT address, subscription, display FROM sender ORDER BY address")]


def remove_sender(tx: Tx, address: str) -> bool:
    """Forget a sender address; whether there was one."""
    removed = tx.run("DELETE FROM sender WHERE address = ?", (address,)) > 0
    if removed:
        touch(tx)
    return removed


def allow(tx: Tx, exception: IsolationException, by: str, now: float) -> None:
    """Accept that two names share a registrable domain; their order does not matter."""
    first, second = sorted((exception.first, exception.second))
    tx.run(
        'INSERT INTO isolation_exception (first, second, "by", because, at) VALUES (?, ?, ?, ?, ?) '
        'ON CONFLICT (first, second) DO UPDATE SET "by" = excluded."by", because = excluded.because, at = excluded.at',
        (first, second, by, exception.because, now),
    )
    touch(tx)


def disallow(tx: Tx, first: str, second: str) -> bool:
    """Take an exception back; whether there was one."""
    removed = tx.run("DELETE FROM isolation_exception WHERE first = ? AND second = ?", tuple(sorted((first, second))))
    if removed:
        touch(tx)
    return removed > 0


def exceptions(tx: Tx) -> list[IsolationException]:
    """What was accepted, by names."""
    rows = tx.rows("SELECT first, second, because FROM isolation_exception ORDER BY first, second")
    return [IsolationException(*row) for row in rows]

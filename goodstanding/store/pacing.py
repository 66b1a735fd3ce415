"""What is left of each paced rate, shared by every worker of every machine; asked only while an order stands.

A grant is taken in the transaction of the mail it is for, so what is rolled back has taken nothing. On PostgreSQL a
bucket that another transaction has just taken from is asked again a moment later and never waited for: a sender who
sends too much must not hold up the commits of others.
"""

from __future__ import annotations

from typing import Literal

from goodstanding.enforcement.ladder import Account
from goodstanding.enforcement.pace import Bucket, ask
from goodstanding.store.db import Row, Tx

Way = Literal["in", "out"]
"""What comes in is paced apart from what goes out: mail is asked at both doors."""
BUSY = 1.0
"""Seconds to wait when another worker is taking just now."""
REMEMBERED = 2 * 86_400.0
FULL = 1e300
_WHERE = "WHERE tenant = ? AND kind = ? AND name = ? AND stream = ? AND way = ?"
_SELECT = f"SELECT level, at FROM pace {_WHERE}"


def take(tx: Tx, whose: tuple[Account, Way], rate: float, recipients: int, now: float) -> float:
    """Take so many recipients at ``rate`` an hour: 0 for go, or the seconds to wait, and nothing is taken."""
    account, way = whose
    key = (account.tenant, account.key.kind.value, account.key.name, account.stream, way)
    row = tx.row(_SELECT, key)
    if row is None:
        tx.run(
            "INSERT INTO pace (tenant, kind, name, stream, way, level, at) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (*key, FULL, now),
        )
    elif wait := _asked(row, rate, recipients, now)[1]:
        return wait
    row = tx.row(_SELECT + tx.skip_locked, key)
    if row is None:
        return BUSY
    bucket, wait = _asked(row, rate, recipients, now)
    if wait:
        return wait
    tx.run(f"UPDATE pace SET level = ?, at = ? {_WHERE}", (bucket.level, bucket.at, *key))
    return 0.0


def _asked(row: Row, rate: float, recipients: int, now: float) -> tuple[Bucket, float]:
    return ask(Bucket(row[0], row[1]), rate, recipients, now)


def forget(tx: Tx, now: float) -> None:
    """Forget what nobody has taken from for long: it is full again."""
    tx.run("DELETE FROM pace WHERE at < ?", (now - REMEMBERED,))

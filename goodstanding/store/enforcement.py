"""Where accounts stand on the ladder, the orders in force, the history of moves and the cases of review.

Whatever changes an order raises the serial, so that workers notice within a second (`revision`, asked every second).
Every table begins with the tenant, so that it can be cut by tenant.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import structs

from goodstanding.enforcement.in_force import InForce, in_force
from goodstanding.enforcement.ladder import Account, OpenFinding, Position
from goodstanding.enforcement.orders import Order, What
from goodstanding.enforcement.review import Case, State
from goodstanding.evidence import LadderMoved
from goodstanding.model import Key, KeyKind, Rung
from goodstanding.store.db import Row, Tx

REMEMBERED = 2 * 86_400.0
"""Seconds for which an order that ended by itself is kept: the next pause of a lane looks at the last one."""
LADDER = 0x6C61646465
"""Held by whoever moves on the ladder, from looking at a position to writing the next one."""
_encode = msgspec.json.Encoder().encode
_FINDINGS = msgspec.json.Decoder(tuple[OpenFinding, ...])
_ANSWERS = msgspec.json.Decoder(dict[str, str])
_WHO = "tenant = ? AND kind = ? AND name = ? AND stream = ?"


def _who(account: Account) -> tuple[str, str, str, str]:
    return account.tenant, account.key.kind.value, account.key.name, account.stream


# --- where accounts stand ---------------------------------------------------------------------------------------------

_POSITION = (
    "tenant, kind, name, stream, system_rung, operator_rung, since, provoked, term, renew, cause, because, decided_by, "
    "findings, shadow"
)
_PUT = (
    f"INSERT INTO ladder ({_POSITION}) VALUES ({', '.join('?' * 15)}) ON CONFLICT (tenant, kind, name, stream) "
    "DO UPDATE SET system_rung = excluded.system_rung, operator_rung = excluded.operator_rung, since = excluded.since, "
    "provoked = excluded.provoked, term = excluded.term, renew = excluded.renew, cause = excluded.cause, "
    "because = excluded.because, decided_by = excluded.decided_by, findings = excluded.findings, "
    "shadow = excluded.shadow"
)


def alone(tx: Tx) -> None:
    """Wait until nobody else is moving accounts, and keep others from it until this transaction ends.

    For those who look where an account stands before they move it: an operator's word must not be written over by a
    move that was decided before it.
    """
    tx.alone(LADDER)


def put_position(tx: Tx, position: Position) -> None:
    """Write down where an account stands; one in good standing again needs no row, its history stays."""
    if position.effective is Rung.GOOD:
        tx.run(f"DELETE FROM ladder WHERE {_WHO}", _who(position.account))
        return
    tx.run(
        _PUT,
        (
            *(*_who(position.account), position.system.value, position.operator.value),
            *(position.since, position.provoked, position.term, position.renew),
            *(position.cause, position.because, position.by, _encode(position.findings).decode()),
            int(position.shadow),
        ),
    )


def position(tx: Tx, account: Account) -> Position:
    """Where an account stands; in good standing when nothing is known against it."""
    row = tx.row(f"SELECT {_POSITION} FROM ladder WHERE {_WHO}", _who(account))
    return _position(row) if row else Position(account)


def positions(tx: Tx, key: Key | None = None) -> list[Position]:
    """Everybody who is not in good standing, or those of one key, by tenant and key."""
    where, values = ("WHERE kind = ? AND name = ?", (key.kind.value, key.name)) if key else ("", ())
    rows = tx.rows(f"SELECT {_POSITION} FROM ladder {where} ORDER BY tenant, kind, name, stream", values)
    return [_position(row) for row in rows]


def _position(row: Row) -> Position:
    tenant, kind, name, stream, system, operator, *rest, findings, shadow = row
    since, provoked, term, renew, cause, because, by = rest
    return Position(
        Account(tenant, Key(KeyKind(kind), name), stream),
        *(Rung(system), Rung(operator), since, provoked, term, renew, cause, because, by),
        findings=_FINDINGS.decode(findings),
        shadow=bool(shadow),
    )


def account_of(tx: Tx, key: Key) -> Account | None:
    """Whose a key is, by what is declared; None: there is no such thing here."""
    match key.kind:
        case KeyKind.TENANT:
            row = tx.row("SELECT name, '' FROM tenant WHERE name = ?", (key.name,))
        case KeyKind.SUBSCRIPTION:
            row = tx.row("SELECT tenant, stream FROM subscription WHERE name = ?", (key.name,))
        case KeyKind.CAMPAIGN if key.name.isascii() and key.name.isdecimal() and len(key.name) < 19:
            row = tx.row(
                "SELECT c.tenant, s.stream FROM campaign c JOIN subscription s ON s.name = c.subscription "
                "WHERE c.id = ?",
                (int(key.name),),
            )
        case KeyKind.DOMAIN:
            row = tx.row("SELECT tenant, stream FROM domain WHERE name = ?", (key.name,))
        case KeyKind.IP | KeyKind.LINK:
            row = ("", "")
        case _:
            row = None
    return Account(row[0], key, row[1]) if row else None


def subscription_of(tx: Tx, campaign: str) -> str:
    """Whose campaign it is; empty: there is no such campaign."""
    known = campaign.isascii() and campaign.isdecimal() and len(campaign) < 19
    row = tx.row("SELECT subscription FROM campaign WHERE id = ?", (int(campaign),)) if known else None
    return str(row[0]) if row else ""


def contact(tx: Tx, tenant: str) -> str:
    """Where notices to a tenant go; empty: nowhere."""
    row = tx.row("SELECT contact FROM tenant WHERE name = ?", (tenant,)) if tenant else None
    return str(row[0]) if row else ""


# --- history ----------------------------------------------------------------------------------------------------------


def remember(tx: Tx, account: Account, moved: LadderMoved) -> None:
    """Add a move to the history of an account; it outlives the journal."""
    because = f"in shadow, not applied: {moved.because}" if moved.shadow else moved.because
    who = _who(account)
    newest = tx.row(f"SELECT COALESCE(MAX(n), 0) FROM ladder_move WHERE {_WHO}", who)
    tx.run(
        "INSERT INTO ladder_move (tenant, kind, name, stream, n, at, came_from, rung, cause, because, decided_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(*who, (newest[0] if newest else 0) + 1, moved.at, moved.came_from, moved.rung),
            *(moved.cause, because, moved.by),
        ),
    )


def history(tx: Tx, account: Account, limit: int = 50) -> list[LadderMoved]:
    """The moves of an account, the newest first."""
    rows = tx.rows(
        "SELECT tenant, at, came_from, rung, cause, because, decided_by FROM ladder_move "
        f"WHERE {_WHO} ORDER BY n DESC LIMIT ?",
        (*_who(account), limit),
    )
    key, stream = str(account.key), account.stream
    return [
        LadderMoved(tenant, at, key, came_from, rung, cause, because, by, stream=stream)
        for tenant, at, came_from, rung, cause, because, by in rows
    ]


# --- orders -----------------------------------------------------------------------------------------------------------

_ORDER = "tenant, kind, name, stream, what, provider, rate, pool, until, words, slug, issued, link, shadow"
_ADD = (
    f"INSERT INTO ladder_order ({_ORDER}, ended) VALUES ({', '.join('?' * 14)}, 0) "
    "ON CONFLICT (tenant, kind, name, stream, what, provider) DO UPDATE SET rate = excluded.rate, "
    "pool = excluded.pool, until = excluded.until, words = excluded.words, slug = excluded.slug, "
    "issued = excluded.issued, link = excluded.link, shadow = excluded.shadow, ended = 0"
)


def add_orders(tx: Tx, orders: Sequence[Order]) -> None:
    """Put orders in force, each in the place of the one like it."""
    for order in orders:
        tx.run(
            _ADD,
            (
                *(*_who(order.account), order.what.value, order.provider, order.rate, order.pool),
                *(order.until, order.words, order.slug, order.issued, order.link, int(order.shadow)),
            ),
        )
    touch(tx)


def replace_orders(tx: Tx, account: Account, orders: Sequence[Order]) -> list[Order]:
    """Put these orders in force instead of all the account had, but for those of single providers; what it had."""
    had = [
        _order(row)
        for row in tx.rows(f"SELECT {_ORDER} FROM ladder_order WHERE {_WHO} AND provider = ''", _who(account))
    ]
    tx.run(f"DELETE FROM ladder_order WHERE {_WHO} AND provider = ''", _who(account))
    add_orders(tx, orders)
    return had


def orders_of(tx: Tx, account: Account) -> list[Order]:
    """The orders in force about an account."""
    rows = tx.rows(
        f"SELECT {_ORDER} FROM ladder_order WHERE {_WHO} AND ended = 0 ORDER BY what, provider", _who(account)
    )
    return [_order(row) for row in rows]


def last_order(tx: Tx, account: Account, provider: str) -> Order | None:
    """The latest order about an account's mail to one provider, in force or ended not long ago."""
    row = tx.row(
        f"SELECT {_ORDER} FROM ladder_order WHERE {_WHO} AND provider = ? ORDER BY issued DESC LIMIT 1",
        (*_who(account), provider),
    )
    return _order(row) if row else None


def end_expired(tx: Tx, now: float) -> list[Order]:
    """Note the orders whose time is over as ended, and forget those that ended long ago; what ended now."""
    rows = tx.rows(f"SELECT {_ORDER} FROM ladder_order WHERE ended = 0 AND until > 0 AND until <= ?", (now,))
    if rows:
        tx.run("UPDATE ladder_order SET ended = 1 WHERE ended = 0 AND until > 0 AND until <= ?", (now,))
        touch(tx)
    tx.run("DELETE FROM ladder_order WHERE ended = 1 AND until <= ?", (now - REMEMBERED,))
    return [_order(row) for row in rows]


def forget_campaigns(tx: Tx, campaigns: Sequence[int]) -> tuple[set[int], list[Order]]:
    """Forget where silent campaigns stand: those that have to stay, and the orders that have ended with the others.

    A campaign stays that an operator has decided about, or of which mail still waits: without its order it would go.
    """
    names = [str(one) for one in campaigns]
    rows = tx.among_rows(f"SELECT name, operator_rung FROM ladder WHERE kind = '{KeyKind.CAMPAIGN}' AND name IN", names)
    standing = {int(name): Rung(operator) for name, operator in rows}
    stay = {one for one, operator in standing.items() if operator is not Rung.GOOD}
    stay |= {row[0] for row in tx.among_rows("SELECT DISTINCT campaign FROM message WHERE campaign IN", [*standing])}
    gone = [str(one) for one in standing if one not in stay]
    where = f"WHERE kind = '{KeyKind.CAMPAIGN}' AND name IN"
    ended = [_order(row) for row in tx.among_rows(f"SELECT {_ORDER} FROM ladder_order {where}", gone)]
    for table in ("ladder", "ladder_order"):
        tx.many(f"DELETE FROM {table} WHERE kind = '{KeyKind.CAMPAIGN}' AND name = ?", [(name,) for name in gone])
    if ended:
        touch(tx)
    return stay, ended


def view(tx: Tx) -> InForce:
    """Everything workers look up; its serial is read first: what changes meanwhile is noticed a second later."""
    serial = revision(tx)
    rows = tx.rows(f"SELECT {_ORDER} FROM ladder_order WHERE ended = 0 AND shadow = 0")
    return in_force([_order(row) for row in rows], serial)


def _order(row: Row) -> Order:
    tenant, kind, name, stream, what, provider, rate, pool, until, words, slug, issued, link, shadow = row
    found = Order(Key(KeyKind(kind), name), tenant, stream, What(what), rate, pool, until, words, slug)
    return structs.replace(found, issued=issued, provider=provider, link=link, shadow=bool(shadow))


def touch(tx: Tx) -> None:
    """Say that the orders have changed."""
    tx.run("UPDATE order_serial SET newest = newest + 1")


def revision(tx: Tx) -> int:
    """Changes whenever an order does; workers ask every second."""
    row = tx.row("SELECT newest FROM order_serial")
    return int(row[0]) if row else 0


# --- reviews ----------------------------------------------------------------------------------------------------------

_CASE = "tenant, kind, name, stream, number, state, opened, opened_by, answers, answered, decided, decided_by, because"


def put_case(tx: Tx, case: Case) -> None:
    """Write down a case, or how far it has come."""
    tx.run(
        f"INSERT INTO review ({_CASE}) VALUES ({', '.join('?' * 13)}) ON CONFLICT (tenant, number) DO UPDATE SET "
        "state = excluded.state, answers = excluded.answers, answered = excluded.answered, decided = excluded.decided, "
        "decided_by = excluded.decided_by, because = excluded.because",
        (
            *(*_who(case.account), case.number, case.state.value, case.opened, case.opened_by),
            *(_encode(case.answers).decode(), case.answered, case.decided, case.decided_by, case.because),
        ),
    )


def next_case(tx: Tx, tenant: str) -> int:
    """The number of a tenant's next case."""
    row = tx.row("SELECT COALESCE(MAX(number), 0) FROM review WHERE tenant = ?", (tenant,))
    return (int(row[0]) if row else 0) + 1


def case(tx: Tx, tenant: str, number: int) -> Case | None:
    """One case."""
    row = tx.row(f"SELECT {_CASE} FROM review WHERE tenant = ? AND number = ?", (tenant, number))
    return _case(row) if row else None


def latest_case(tx: Tx, account: Account) -> Case | None:
    """The newest case about an account."""
    row = tx.row(f"SELECT {_CASE} FROM review WHERE {_WHO} ORDER BY number DESC LIMIT 1", _who(account))
    return _case(row) if row else None


def cases(tx: Tx, *, decided: bool = False, limit: int = 500) -> list[Case]:
    """Cases that wait for somebody, the oldest first; with ``decided`` all of them."""
    where = "" if decided else "WHERE state IN ('opened', 'answered')"
    rows = tx.rows(f"SELECT {_CASE} FROM review {where} ORDER BY opened, tenant, number LIMIT ?", (limit,))
    return [_case(row) for row in rows]


def _case(row: Row) -> Case:
    tenant, kind, name, stream, number, state, opened, by, answers, *rest = row
    account = Account(tenant, Key(KeyKind(kind), name), stream)
    return Case(account, number, State(state), opened, by, _ANSWERS.decode(answers), *rest)

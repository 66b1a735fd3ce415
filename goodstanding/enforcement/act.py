"""Makes moves so: where the account stands, its orders, the journal and what the tenant is to be told, as one.

Within the caller's transaction, so that nothing is ever ordered that is not journalled, and nothing journalled that
nobody is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from goodstanding.enforcement.ladder import Account
from goodstanding.enforcement.notices import Notice, notice_for
from goodstanding.enforcement.orders import Order
from goodstanding.enforcement.policy import Policy
from goodstanding.enforcement.trigger import Move
from goodstanding.evidence import LadderMoved, OrderEnded, OrderIssued
from goodstanding.model import KeyKind
from goodstanding.store import conduct, enforcement, journal
from goodstanding.store.db import Tx


def act(tx: Tx, moves: Sequence[Move], now: float) -> list[Notice]:
    """Write moves with their orders and journal entries; the notices that are to be queued in the same transaction."""
    notices: list[Notice] = []
    placed: set[Account] = set()
    for move in moves:
        account = move.after.account
        if move.adds and account in placed:  # both were decided of one position, and the ladder's own move stands
            move = structs.replace(move, after=move.before)
        else:
            enforcement.put_position(tx, move.after)
            placed.add(account)
        if moved := ladder_moved(move, now):
            journal.append(tx, [moved])
            enforcement.remember(tx, move.after.account, moved)
        if move.reorders:
            _order(tx, move, now)
        contact = enforcement.contact(tx, move.after.account.tenant) if move.cause else ""
        if notice := notice_for(move, contact):
            notices.append(notice)
    return notices


def in_shadow(tx: Tx, account: Account, policy: Policy) -> bool:
    """Whether moves of an account are only noted now: everybody's are, or those of its subscription."""
    if policy.shadow or not policy.shadowed:
        return policy.shadow
    key = account.key
    if key.kind is KeyKind.CAMPAIGN:
        return enforcement.subscription_of(tx, key.name) in policy.shadowed
    return key.kind is KeyKind.SUBSCRIPTION and key.name in policy.shadowed


def expire(tx: Tx, now: float) -> int:
    """Journal the orders that have ended by themselves, and forget what ended long ago; how many ended."""
    ended = enforcement.end_expired(tx, now)
    journal.append(tx, [_ended(order, now, "its time is over") for order in ended])
    return len(ended)


def forget_campaigns(tx: Tx, now: float) -> int:
    """Forget campaigns that have long been silent, and with them where they stand; how many went."""
    silent = conduct.silent(tx, now)
    stay, ended = enforcement.forget_campaigns(tx, silent)
    because = "its campaign has been silent for two months and is forgotten"
    journal.append(tx, [_ended(order, now, because) for order in ended])
    gone = [one for one in silent if one not in stay]
    conduct.forget(tx, gone)
    return len(gone)


def ladder_moved(move: Move, now: float) -> LadderMoved | None:
    """The journal's entry of a move; None when neither hand moved."""
    if not move.told:
        return None
    before, after = move.before, move.after
    because = move.because
    if before.effective is after.effective:
        because += f" (hands: system {after.system}, operator {after.operator})"
    rungs = before.effective.value, after.effective.value
    account = after.account
    told = account.tenant, now, str(account.key), *rungs, move.cause, because, move.by
    return LadderMoved(*told, stream=account.stream, shadow=after.shadow)


def _order(tx: Tx, move: Move, now: float) -> None:
    account = move.after.account
    if move.adds:
        gone: list[Order] = []
        enforcement.add_orders(tx, move.orders)
    else:
        gone = enforcement.replace_orders(tx, account, move.orders)
    still = {one.what for one in move.orders}
    journal.append(
        tx,
        [
            *(_ended(one, now, move.because or "given anew") for one in gone if one.what not in still),
            *(_issued(one) for one in move.orders),
        ],
    )


def _issued(order: Order) -> OrderIssued:
    return OrderIssued(
        *(order.tenant, order.issued, str(order.key), order.what.value),
        rate=order.rate,
        until=order.until,
        because=order.words,
        shadow=order.shadow,
    )


def _ended(order: Order, now: float, because: str) -> OrderEnded:
    return OrderEnded(order.tenant, now, str(order.key), order.what.value, because)

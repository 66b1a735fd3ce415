"""Mail that an order of enforcement stops: it leaves the line when it is claimed, and comes back when the order ends.

``stopped`` is a state of its own, so that what operators hold and what the guard quarantines is not let go with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from goodstanding.enforcement.in_force import reply_for
from goodstanding.enforcement.orders import Order
from goodstanding.events import Event, Held, Released
from goodstanding.model import ID_EPOCH, RANK, MessageId, Touched
from goodstanding.store import journal
from goodstanding.store.db import Tx
from goodstanding.store.queue import Claimed

BY = "enforcement"
"""Who holds and releases, in the journal."""


class Group(Struct, frozen=True, gc=False):
    """Stopped mail that the same orders are about."""

    tenant: str
    touched: Touched


_SAID = "last_reply = CASE wish WHEN 'bounce' THEN last_reply ELSE ? END"
"""What is on its way back to its sender keeps the reply it goes back with."""


def stop(tx: Tx, stopped: Sequence[tuple[Claimed, Order]], now: float) -> None:
    """Take claims out of the line, each with the order; the attempts that were booked are not made."""
    tx.many(
        f"UPDATE recipient SET state = 'stopped', owner = 0, attempts = attempts - 1, {_SAID} "
        "WHERE message = ? AND n = ?",
        [(said(order), claim.message, one.n) for claim, order in stopped for one in claim.recipients],
    )
    events: list[Event] = [
        Held(claim.identity.tenant, claim.message, one.n, now, one.recipient.address, BY, order.words)
        for claim, order in stopped
        for one in claim.recipients
    ]
    journal.append(tx, events)


def postpone(tx: Tx, later: Sequence[tuple[Claimed, Order, float]]) -> None:
    """Claims that an order paces wait until a second; the attempts that were booked are not made."""
    tx.many(
        f"UPDATE recipient SET state = 'waiting', owner = 0, attempts = attempts - 1, due = ?, {_SAID} "
        "WHERE message = ? AND n = ?",
        [(due, said(order), claim.message, one.n) for claim, order, due in later for one in claim.recipients],
    )


def said(order: Order) -> str:
    """What the queue shows of mail that an order keeps waiting; `quicken` finds it by this."""
    return str(reply_for(order))


_QUICKEN = "UPDATE recipient SET due = ?, last_reply = '' WHERE state = 'waiting' AND due > ? AND last_reply = ?"
_RANKS = ", ".join(str(rank) for rank in sorted(RANK.values()))


def quicken(tx: Tx, tenant: str, reply: str, now: float) -> int:
    """Make due what an order kept waiting that is no more in force as it was; how many recipients.

    ``tenant``: whose order it was; empty: anybody's mail is looked at.
    """
    if not tenant:
        return tx.run(_QUICKEN, (now, now, reply))
    # By rank and tenant, as the index of lanes begins with both.
    return tx.run(f"{_QUICKEN} AND rank IN ({_RANKS}) AND tenant = ?", (now, now, reply, tenant))


def groups(tx: Tx) -> list[Group]:
    """What is stopped, by what orders look at."""
    rows = tx.rows(
        "SELECT DISTINCT message.tenant, message.subscription, message.stream, message.domain, message.campaign, "
        "message.links FROM recipient JOIN message ON message.id = recipient.message WHERE recipient.state = 'stopped'"
    )
    return [Group(row[0], Touched(*row[1:])) for row in rows]


_OF_GROUP = (
    "SELECT recipient.message, recipient.n FROM recipient JOIN message ON message.id = recipient.message "
    "WHERE recipient.state = 'stopped' AND message.tenant = ? AND message.subscription = ? AND message.stream = ? "
    "AND message.domain = ? AND message.campaign = ? AND message.links = ? LIMIT ?"
)


def resume(tx: Tx, group: Group, now: float, limit: int) -> int:
    """Let stopped mail of a group wait its turn again; how much of it."""
    about = group.touched
    named = about.subscription, about.stream, about.domain, about.campaign, about.links
    keys = tx.rows(_OF_GROUP, (group.tenant, *named, limit))
    events: list[Event] = []
    for message, n in keys:
        row = tx.row(
            f"UPDATE recipient SET state = 'waiting', due = ?, {_SAID} WHERE message = ? AND n = ? "
            "AND state = 'stopped' RETURNING address",
            (now, "", message, n),
        )
        if row is not None:
            events.append(Released(group.tenant, MessageId(message), n, now, row[0], BY))
    journal.append(tx, events)
    return len(events)


def give_up(tx: Tx, accepted_before: float, reply: str, limit: int) -> int:
    """Return to its sender what was stopped for so long that its time is up; how many recipients.

    ``accepted_before``: second; ids are ordered by it.
    """
    oldest = max(0, int((accepted_before - ID_EPOCH) * 1000)) << 22
    keys = tx.rows("SELECT message, n FROM recipient WHERE state = 'stopped' AND message < ? LIMIT ?", (oldest, limit))
    tx.many(
        "UPDATE recipient SET state = 'waiting', wish = 'bounce', last_reply = ?, due = 0 "
        "WHERE message = ? AND n = ? AND state = 'stopped'",
        [(reply, message, n) for message, n in keys],
    )
    return len(keys)

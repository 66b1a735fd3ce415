"""Messages to store: the smallest that have everything."""

from collections.abc import Sequence
from itertools import count

import pytest

from goodstanding.events import Accepted, Bounced, Deferred, Delivered
from goodstanding.model import Envelope, Identity, MessageId, Recipient, Stream, SubscriptionName, TenantName, WorkerId
from goodstanding.store import queue
from goodstanding.store.db import Database, Tx
from goodstanding.store.queue import FIRST_LANE, Claimed, Entry, Lane, Settlement, Want
from goodstanding.store.schema import migrate
from goodstanding.store.spool import Content, LargeFile, Place

sqlite_only = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what PostgreSQL does by itself or does not do at all."""
postgresql_only = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
NOBODY = WorkerId(0)
HERE = Place(segment=1, offset=0, size=4, prefix=2)
_ids = count(1)


def opened(url: str) -> Database:
    """A database with the present schema."""
    database = Database(url)
    migrate(database)
    return database


def identity(tenant: str = "acme", stream: Stream = Stream.BULK) -> Identity:
    return Identity(TenantName(tenant), SubscriptionName(f"{tenant}/app"), stream)


def letter(
    *recipients: str,
    owner: WorkerId = NOBODY,
    who: Identity | None = None,
    due: float = 0.0,
    message: MessageId | None = None,
) -> Entry:
    """An entry for the queue, with an Accepted event for each recipient."""
    who = who or identity()
    message = message or MessageId(next(_ids))
    addresses = recipients or ("a@example.net",)
    envelope = Envelope("sender@example.com", tuple(Recipient(address) for address in addresses))
    events = [
        Accepted(who.tenant, message, n, due, address, who.subscription, who.stream, envelope.sender, 4)
        for n, address in enumerate(addresses)
    ]
    return Entry(message, who, envelope, 0, owner, due, events)


def add(tx: Tx, *entries: Entry) -> None:
    queue.add(tx, [(entry, HERE) for entry in entries])


def want(worker: int = 7, now: float = 100.0, *, room: int = 100, a_lane: int = 100, cursor: Lane = FIRST_LANE) -> Want:
    return Want(WorkerId(worker), now, room, a_lane, cursor, lambda lane: False)


def claim_all(tx: Tx, wanted: Want) -> list[Claimed]:
    """Claims until every lane has been looked at once."""
    claimed, cursor = queue.claim(tx, wanted)
    while cursor != FIRST_LANE:
        more, cursor = queue.claim(tx, Want(wanted.worker, wanted.now, wanted.room, wanted.a_lane, cursor, wanted.busy))
        claimed += more
    return claimed


def addresses(claimed: Sequence[Claimed]) -> list[str]:
    return [one.recipient.address for message in claimed for one in message.recipients]


def delivered(claimed: Claimed, n: int = 0) -> Settlement:
    event = Delivered(claimed.identity.tenant, claimed.message, n, 101.0, _address(claimed, n), "mx", "250 ok")
    return Settlement(claimed.message, n, claimed.sole, True, event)


def bounced(claimed: Claimed, n: int = 0) -> Settlement:
    event = Bounced(
        claimed.identity.tenant, claimed.message, n, 101.0, _address(claimed, n), "mx", "550", "recipient", 1
    )
    return Settlement(claimed.message, n, claimed.sole, True, event)


def deferred(claimed: Claimed, n: int = 0, *, due: float = 400.0) -> Settlement:
    event = Deferred(
        claimed.identity.tenant, claimed.message, n, 101.0, _address(claimed, n), "mx", "451", "host", 1, due
    )
    return Settlement(claimed.message, n, claimed.sole, False, event, due, "451 later", warned=True)


def _address(claimed: Claimed, n: int) -> str:
    return next(one.recipient.address for one in claimed.recipients if one.n == n)


def content(message: int, body: bytes, prefix: bytes = b"", large: LargeFile | None = None) -> Content:
    return Content(message, [body], len(body), prefix, large)

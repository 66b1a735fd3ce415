"""The store's side of telling: reads what is due with its content, writes down what came of it. Runs in threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from msgspec import Struct

from goodstanding.enforcement.ladder import Account
from goodstanding.enforcement.notices import Notice
from goodstanding.enforcement.policy import Policy
from goodstanding.events import Accepted, EstateChanged, Event
from goodstanding.evidence import LadderMoved, Reviewed
from goodstanding.model import MessageId, parse_key
from goodstanding.sealed import derive, unseal
from goodstanding.store import enforcement, journal, notices, outbox, webhooks
from goodstanding.store.db import Database, Tx
from goodstanding.store.outbox import Ended, Waiting
from goodstanding.webhooks.content import About, Content, content
from goodstanding.webhooks.endpoint import Endpoint, Kind
from goodstanding.webhooks.shapes import Named
from goodstanding.webhooks.signature import Locked, context, unpacked
from goodstanding.webhooks.telling import IDS, name_of, tag_of

log = structlog.get_logger("messenger")

KNOWN = 10_000
"""Messages whose acceptance is remembered: most are told of more than once, and by recipient."""
FORGOTTEN = "the journal keeps it no more (store.journal_days)"


class Ready(Struct, frozen=True):
    """One event, ready to be posted."""

    row: Waiting
    named: Named


class Gone(Struct, frozen=True):
    """An endpoint that wants to hear no more."""

    endpoint: Endpoint
    now: float
    reply: str


class Paperwork:
    """Used by one thread at a time for reading, and by one for writing."""

    def __init__(self, database: Database, master: bytes, policy: Policy) -> None:
        """``policy``: where the standing pages are."""
        self._database = database
        self._master = master
        self._policy = policy
        self._tag = tag_of(derive(master, IDS))
        self._accepted: OrderedDict[MessageId, Accepted | None] = OrderedDict()

    def locked(self, endpoint: Endpoint) -> Locked | None:
        """Its secrets and headers; None when they cannot be opened."""
        octets = unseal(self._master, endpoint.sealed, context(endpoint.number))
        if octets is None:
            log.error("webhook secrets cannot be opened; was the master key changed?", endpoint=endpoint.number)
            return None
        return unpacked(octets)

    def load(
        self, endpoint: Endpoint, now: float, limit: int, held: frozenset[tuple[int, Kind]]
    ) -> tuple[list[Ready], list[Ended], float]:
        """What is due and not ``held``, what ends without being told, and when more becomes due (0: never)."""
        ready: list[Ready] = []
        ended: list[Ended] = []
        with self._database.read() as tx:
            for row in outbox.due(tx, endpoint.number, now, limit + len(held)):
                if row.key in held:
                    continue
                if row.event is None:
                    ended.append(Ended(endpoint.number, row.seq, row.kind, "dead", now, reply=FORGOTTEN))
                    continue
                told = self._content(tx, endpoint, row, row.event)
                if told is None:
                    ended.append(Ended(endpoint.number, row.seq, row.kind, "silent", now))
                else:
                    ready.append(Ready(row, Named(name_of(row.seq, row.kind, row.event.at, self._tag), told)))
            return ready, ended, outbox.next_due(tx, endpoint.number, now)

    def settle(self, ended: Sequence[Ended], gone: Sequence[Gone]) -> list[Event]:
        """Write down what came of POSTs; what was journalled of it."""
        with self._database.tx() as tx:
            outbox.settle(tx, ended)
            for one in gone:
                self._put_away(tx, one)
            return list(tx.appended)

    def _content(self, tx: Tx, endpoint: Endpoint, row: Waiting, event: Event) -> Content | None:
        told = content(event, row.kind, self._about(tx, row, event))
        if told is None or (endpoint.subscription and told.subscription not in ("", endpoint.subscription)):
            return None
        return told

    def _about(self, tx: Tx, row: Waiting, event: Event) -> About:
        if isinstance(event, LadderMoved):
            return About(orders=outbox.orders_with(tx, event, row.seq), link=self._link(event))
        if isinstance(event, Reviewed):
            return About(link=self._link(event))
        return About(self._acceptance(tx, event.message)) if event.message else About()

    def _link(self, event: LadderMoved | Reviewed) -> str:
        key = parse_key(event.key)
        return self._policy.link(Account(event.tenant, key, event.stream)) if key is not None else ""

    def _acceptance(self, tx: Tx, message: MessageId) -> Accepted | None:
        known = self._accepted
        if message not in known:
            known[message] = outbox.accepted(tx, message)
            if len(known) > KNOWN:
                known.popitem(last=False)
        return known[message]

    def _put_away(self, tx: Tx, gone: Gone) -> None:
        """An endpoint that answered 410 is told nothing more; its tenant is."""
        present = webhooks.one(tx, gone.endpoint.number)
        if present is None or present.state != "active" or present.url != gone.endpoint.url:
            return
        day = datetime.fromtimestamp(gone.now, UTC).strftime("%Y-%m-%d %H:%MZ")
        because = f"answered {gone.reply} on {day}"
        webhooks.put_state(tx, present.number, "gone", because)
        change = f"told no more: it {because}"
        journal.append(tx, [EstateChanged(present.tenant, gone.now, f"webhook {present.number}", change, by="system")])
        contact = enforcement.contact(tx, present.tenant)
        if contact:
            notices.add(tx, [_notice(present, because, day, contact)])


def _notice(endpoint: Endpoint, because: str, day: str, contact: str) -> Notice:
    text = (
        f"The webhook {endpoint.number} of {endpoint.tenant} is told no more of your mail:\n"
        f"{endpoint.url.partition('?')[0]}\n{because}.\n\n"
        "That answer (410 Gone) means that it wants to hear nothing, for good. What was\n"
        "to be told waits for a day. When the endpoint is there again, switch it on, and\n"
        "have told again what happened in between:\n\n"
        f"  goodstanding webhook enable {endpoint.number}\n"
        f"  goodstanding webhook replay {endpoint.number} --since '{day}'\n"
    )
    return Notice(contact, f"Webhook switched off: it answered 410 Gone ({endpoint.tenant})", text)

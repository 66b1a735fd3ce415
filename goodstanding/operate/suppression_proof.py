"""The proof of when an unsubscribe was honoured: asked, in effect, and what was sent to them afterwards (nothing).

It is read from the journal. What the journal has forgotten meanwhile (`store.journal_days`) is read from the row,
which keeps when it was asked for and how for as long as it stands, and then from the trust ledger, which keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from goodstanding.admission.entries import Entry, evidence_of
from goodstanding.admission.suppression import Suppression, streams_left
from goodstanding.admission.trust import fold, person
from goodstanding.events import Accepted, Delivered, Event, Suppressed, Unsubscribed, Unsuppressed
from goodstanding.model import MessageId, Stream, message_name, parse_message_name
from goodstanding.operate.suppression import PERSON_PURPOSE
from goodstanding.sealed import derive
from goodstanding.store import journal
from goodstanding.store import suppression as rows_of
from goodstanding.store import trust as ledger
from goodstanding.store.db import Database, Tx

MESSAGES = 10_000
"""Newest messages to an address that are looked through."""


Effect = tuple[str, str, float]
"""Tenant, stream (empty: all) and the second since which nothing is sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Something that went to them."""

    message: str
    at: float
    what: str
    """``accepted`` or ``delivered``."""
    stream: str


@dataclass(frozen=True, slots=True)
class Proof:
    """One request and what became of it."""

    tenant: str
    address: str
    stream: str
    way: str
    remote: str
    asked: float
    effective: float
    """Second it was durable; 0: nothing says that it ever was."""
    lifted: float
    """Second an operator lifted it; 0: it stands."""
    after: tuple[Sent, ...]
    """Mail of these streams after it took effect, which must be none."""

    @property
    def honoured(self) -> bool:
        """In effect, and nothing sent since."""
        return self.effective > 0 and not self.after


class _Evidence(msgspec.Struct, frozen=True):
    asked: float
    stream: Stream
    way: str = ""
    remote: str = ""


def proofs(database: Database, master: bytes, recipient: str, only: str = "") -> list[Proof]:
    """Every request of somebody to be left alone, oldest first; empty when there is none. ``only``: of this tenant."""
    key = derive(master, PERSON_PURPOSE)
    with database.read() as tx:
        people = [(tenant, person(key, tenant, recipient)) for tenant in rows_of.tenants(tx) if only in ("", tenant)]
        rows = [row for tenant, who in people for row in rows_of.of(tx, tenant, who)]
        left = [(tenant, entry) for tenant, who in people for entry in ledger.of(tx, tenant, who) if _is_leaving(entry)]
        spellings = {recipient, recipient.lower(), *(row.address for row in rows if row.address)}
        events = _events(tx, recipient, sorted(spellings), [_message(entry) for _, entry in left])
    events = [event for event in events if only in ("", event.tenant)]
    asked = [event for event in events if isinstance(event, Unsubscribed)]
    known = {_key(event) for event in asked}
    asked += [request for row in rows if (request := _remembered(row)) and _key(request) not in known]
    asked += [_recorded(tenant, entry) for tenant, entry in left if not _is_told(tenant, entry, asked)]
    first = {_key(request): request for request in sorted(asked, key=lambda event: event.at)}
    effective = [(tenant, entry.stream, entry.at) for tenant, entry in left]
    return [_proof(request, [*effective, *_kept(rows)], events) for request in first.values()]


def _is_leaving(entry: Entry) -> bool:
    return entry.kind == "withdrawal" and entry.what == "unsubscribed"


def _message(entry: Entry) -> MessageId | None:
    """The message whose link they used, as `suppression.leave` notes it."""
    return parse_message_name(evidence_of(entry).more.removeprefix("message "))


def _recorded(tenant: str, entry: Entry) -> Unsubscribed:
    """The request as the ledger has it."""
    proof, address = evidence_of(entry), entry.address
    return Unsubscribed(tenant, MessageId(0), 0, entry.at, address, entry.stream, proof.source, proof.ip)


def _is_told(tenant: str, entry: Entry, asked: Iterable[Unsubscribed]) -> bool:
    """Whether a request that is known already brought this entry; the ledger counts in milliseconds."""
    return any(
        event.tenant == tenant and event.at <= entry.at + 0.001 and entry.stream in streams_left(Stream(event.stream))
        for event in asked
    )


def _kept(rows: Iterable[Suppression]) -> list[Effect]:
    return [(row.tenant, row.stream, row.at) for row in rows if not row.expires]


def _key(event: Unsubscribed) -> tuple[str, str, float]:
    return event.tenant, event.stream, event.at


def _events(tx: Tx, recipient: str, spellings: Sequence[str], also: Sequence[MessageId | None]) -> list[Event]:
    """Everything the journal has on them, in order."""
    messages = {message: None for message in also if message}
    for spelling in spellings:
        messages |= dict.fromkeys(message for message in journal.messages_to(tx, spelling, MESSAGES) if message)
    found = [event for message in messages for event in journal.of_message(tx, message)]
    found += rows_of.told_without_message(tx, spellings)
    own = fold(recipient)
    return sorted((event for event in found if fold(event.recipient) == own), key=lambda event: event.at)


def _remembered(row: Suppression) -> Unsubscribed | None:
    """The request a row itself keeps."""
    try:
        kept = msgspec.json.decode(row.evidence, type=_Evidence) if row.cause == "unsubscribed" else None
    except msgspec.DecodeError:
        return None
    if kept is None:
        return None
    return Unsubscribed(row.tenant, MessageId(0), 0, kept.asked, row.address, kept.stream, kept.way, kept.remote)


def _proof(request: Unsubscribed, effects: Iterable[Effect], events: Sequence[Event]) -> Proof:
    streams = streams_left(Stream(request.stream))
    own = [event for event in events if event.tenant == request.tenant]
    scopes = {f"stream {stream}" for stream in streams} | {"tenant"}
    lifts = [event.at for event in own if isinstance(event, Unsuppressed) and event.scope in scopes]
    lifted = min((at for at in lifts if at >= request.at), default=0.0)
    effective = _effective(request, effects, own, lifts)
    until = lifted or float("inf")
    after = tuple(sent for sent in _sent(own) if sent.stream in streams and effective < sent.at < until)
    return Proof(
        *(request.tenant, request.recipient, request.stream, request.way, request.remote),
        *(request.at, effective, lifted, after if effective else ()),
    )


def _effective(request: Unsubscribed, effects: Iterable[Effect], own: Iterable[Event], lifts: Sequence[float]) -> float:
    """When what they asked for was durable: with it, or before, if they had asked before."""
    stream = streams_left(Stream(request.stream))[0]
    told = [
        event.at
        for event in own
        if isinstance(event, Suppressed) and not event.expires and event.scope in (f"stream {stream}", "tenant")
    ]
    kept = [at for tenant, which, at in effects if tenant == request.tenant and which in (stream, "")]
    times = sorted({*told, *kept})
    before = [at for at in times if at <= request.at and not any(at <= lifted <= request.at for lifted in lifts)]
    later = [at for at in times if at > request.at]
    return request.at if before else later[0] if later else 0.0


def _sent(events: Iterable[Event]) -> list[Sent]:
    streams: dict[tuple[MessageId, int], str] = {}
    found: list[Sent] = []
    for event in events:
        if isinstance(event, Accepted):
            streams[event.message, event.n] = event.stream
            found.append(Sent(message_name(event.message), event.at, "accepted", event.stream))
        elif isinstance(event, Delivered):
            stream = streams.get((event.message, event.n), "")
            found.append(Sent(message_name(event.message), event.at, "delivered", stream))
    return found

"""Verbs on the suppression list: put somebody on it, take them off, and the one `unsubscribe` that page, mail and
operators share.

Rows, journal and ledger change in one transaction, so what is answered is what is durable. Everything may be asked
twice: the second time nothing changes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
from msgspec import structs

from goodstanding.admission.entries import Evidence
from goodstanding.admission.suppression import CAUSES, REMEMBERED, Suppression, lift, streams_left, suppress
from goodstanding.admission.trust import person
from goodstanding.errors import GoodstandingError
from goodstanding.events import Delivered, Event, Suppressed, Unsubscribed, Unsuppressed
from goodstanding.feedback import unsubscribes
from goodstanding.feedback.matching import found_in
from goodstanding.feedback.unsubscribes import NotAsked
from goodstanding.model import NO_MESSAGE, NOTHING_TOUCHED, MessageId, Stream, message_name
from goodstanding.sealed import derive
from goodstanding.store import journal
from goodstanding.store import suppression as rows_of
from goodstanding.store import trust as ledger
from goodstanding.store.db import Database, Tx
from goodstanding.store.suppression import FIRST_KEY, Filter, key_of
from goodstanding.wire.address import Flaw, read_path
from goodstanding.wire.list_unsubscribe import Token, open_token

Row = Suppression
"""One line of the list, as faces show it."""
ERASED = "erased"
"""Stands in the journal where an address stood."""
PAGE = 500
TOKEN_PURPOSE, PERSON_PURPOSE = "unsubscribe", "person"
"""What the keys of tokens and of keyed hashes are derived from the master key for."""


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asks to be left alone."""

    tenant: str
    stream: Stream
    address: str
    way: str
    """``one-click``, ``page``, ``mailto``, ``operator``."""
    asked: float
    """Second the request arrived."""
    message: MessageId = NO_MESSAGE
    n: int = 0
    remote: str = ""
    """IP address or mail address it came from."""


@dataclass(frozen=True, slots=True)
class Left:
    """What an unsubscribe came to."""

    tenant: str
    address: str
    streams: tuple[Stream, ...]
    at: float
    """Second since which nothing is sent."""
    again: bool = False
    """It was so already."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an operator puts on the list."""

    address: str
    tenant: str
    """Empty: the whole platform."""
    stream: str = ""
    """Empty: every stream."""
    cause: str = "operator"
    source: str = ""
    expires: float = 0.0
    at: float = 0.0
    """0: now."""
    evidence: str = ""


def token_key(master: bytes) -> bytes:
    """The key tokens are sealed with."""
    return derive(master, TOKEN_PURPOSE)


def opened(master: bytes, text: str) -> Token | None:
    """The token of a link; None when it is not one of ours."""
    return open_token(token_key(master), text)


def unsubscribe(database: Database, master: bytes, request: Request) -> Left:
    """Stop mail of the stream (and of those it carries along) to the address; durable when it returns."""
    key = derive(master, PERSON_PURPOSE)
    with database.tx() as tx:
        return leave(tx, person(key, request.tenant, request.address), request, time.time())


def leave(tx: Tx, who: bytes, request: Request, now: float) -> Left:
    """The same within a transaction; ``who`` is the `person` of the request."""
    streams = streams_left(request.stream)
    evidence = msgspec.json.encode(
        {"asked": request.asked, "stream": request.stream, "way": request.way, "remote": request.remote}
    ).decode()
    wanted = [
        Suppression(request.tenant, who, stream, "unsubscribed", request.way, now, 0.0, 1, request.address, evidence)
        for stream in streams
    ]
    changed, standing = _entered(tx, wanted, now)
    own = next(row for row in standing if row.stream == streams[0])
    story = journal.of_recipient(tx, request.message, request.n) if request.message else []
    if changed or not any(isinstance(event, Unsubscribed) for event in story):
        address, remote = (own.address, request.remote) if own.address else (ERASED, "")
        sent = next((event for event in reversed(story) if isinstance(event, Delivered)), None)
        begun = found_in(story)
        about = (begun.touched, begun.source, 0.0) if begun is not None else (NOTHING_TOUCHED, "", 0.0)
        about = (sent.touched, sent.source, sent.at) if sent is not None else about
        asked = Unsubscribed(
            *(request.tenant, request.message, request.n, request.asked, address, request.stream),
            *(request.way, remote, *about),
        )
        journal.append(tx, [asked, *(_told(row, now, request.message, request.n) for row in changed)])
        link = f"message {message_name(request.message)}" if request.message else ""
        proof = _evidence_of(Evidence(source=request.way, ip=remote, more=link))
        ledger.withdraw(tx, (request.tenant, who, own.address), streams, now, proof)
    return Left(request.tenant, request.address, streams, own.at, not changed)


def standing(database: Database, master: bytes, token: Token) -> Left | None:
    """Whether the recipient of a token has left already; changes nothing."""
    who = person(derive(master, PERSON_PURPOSE), token.tenant, token.address)
    streams = streams_left(token.stream)
    with database.read() as tx:
        known = {row.stream: row for row in rows_of.of(tx, token.tenant, who) if row.cause == "unsubscribed"}
    if not all(stream in known for stream in streams):
        return None
    return Left(token.tenant, token.address, streams, known[streams[0]].at, again=True)


def by_mail(database: Database, master: bytes, octets: bytes) -> Left | NotAsked:
    """What a message to the unsubscribe address came to; a token nobody sealed is unclear."""
    asked, now = unsubscribes.read(octets), time.time()
    if isinstance(asked, NotAsked):
        return asked
    token = next((found for text in asked.tokens if (found := opened(master, text)) is not None), None)
    if token is None:
        return NotAsked("unclear", "the token in it is cut or not one of this relay's")
    return unsubscribe(database, master, of_token(token, "mailto", now, asked.sender))


def of_token(token: Token, way: str, asked: float, remote: str) -> Request:
    """The request a token stands for."""
    return Request(token.tenant, token.stream, token.address, way, asked, token.message, token.n, remote)


def add(database: Database, master: bytes, entries: Sequence[Entry], by: str) -> list[Suppression]:
    """Put addresses on the list, in one transaction; the rows as they now stand, in the same order.

    GoodstandingError for an address, tenant, stream or cause that cannot be.
    """
    checked_entries = [checked(entry) for entry in entries]
    key = derive(master, PERSON_PURPOSE)
    with database.tx() as tx:
        _know(tx, {entry.tenant for entry in checked_entries})
        return _add(tx, key, checked_entries, by)


def on_behalf(database: Database, master: bytes, entry: Entry, by: str) -> Left:
    """Unsubscribe somebody who told an operator; the same act as their own click. GoodstandingError as with `add`."""
    found, now = checked(entry), time.time()
    with database.read() as tx:
        _know(tx, {found.tenant})
    request = Request(found.tenant, Stream(found.stream), found.address, "operator", now, remote=by)
    return unsubscribe(database, master, request)


def _know(tx: Tx, tenants: set[str]) -> None:
    if unknown := sorted(tenants - set(rows_of.tenants(tx))):
        raise GoodstandingError(f"there is no tenant {unknown[0]}; goodstanding tenant list shows them")


_WITHDRAWN = {"unsubscribed": "unsubscribed", "objected": "objection", "complained": "complaint"}
"""Causes that are a word of the person's own, and the ledger's word for it."""


def _evidence_of(proof: Evidence) -> str:
    return msgspec.json.encode(proof).decode()


def _add(tx: Tx, key: bytes, entries: Sequence[Entry], by: str) -> list[Suppression]:
    now = time.time()
    wanted = [
        Suppression(
            tenant=entry.tenant,
            person=person(key, entry.tenant, entry.address),
            stream=entry.stream,
            cause=entry.cause,
            source=entry.source or by,
            at=entry.at or now,
            expires=entry.expires,
            address=entry.address,
            evidence=entry.evidence,
        )
        for entry in entries
    ]
    changed, rows = _entered(tx, wanted, now)
    journal.append(tx, [_told(row, now) for row in changed])
    for row in changed:
        if how := _WITHDRAWN.get(row.cause):
            proof = _evidence_of(Evidence(source=row.source, text=row.evidence))
            ledger.withdraw(tx, (row.tenant, row.person, row.address), (row.stream,), now, proof, how)
    return rows


def enter(tx: Tx, wanted: Sequence[Suppression], now: float) -> list[Suppression]:
    """For evidence (a bounce, a complaint): put rows on the list and into the journal; those that changed."""
    changed, _ = _entered(tx, wanted, now)
    journal.append(tx, [_told(row, now) for row in changed])
    return changed


def _entered(tx: Tx, wanted: Sequence[Row], now: float) -> tuple[list[Row], list[Row]]:
    """Rows that changed, and all rows wanted as they now stand."""
    about = rows_of.among(tx, [(each.tenant, each.person, each.person) for each in wanted])
    known = {key_of(row): row for rows in about for row in rows}
    erased = {(row.tenant, row.person) for row in known.values() if not row.address}
    after: dict[tuple[str, bytes, str], Row] = {}
    for each in wanted:
        at = key_of(each)
        plain = each if (each.tenant, each.person) not in erased else structs.replace(each, address="", evidence="")
        after[at] = suppress(after.get(at, known.get(at)), plain, now)
    changed = [row for at, row in after.items() if row is not known.get(at)]
    rows_of.put(tx, changed)
    return changed, [after[key_of(each)] for each in wanted]


def _told(row: Suppression, now: float, message: MessageId = NO_MESSAGE, n: int = 0) -> Event:
    scope = row.scope_words
    return Suppressed(row.tenant, now, row.address or ERASED, scope, row.cause, row.source, row.expires, message, n)


OWN_WORDS = frozenset({"unsubscribed", "objected", "complained", "erased"})
"""Causes that are a person's own word: only an operator takes those back, when that person has asked for it."""


def take_off(database: Database, master: bytes, entry: Entry, by: str, *, operator: bool = True) -> list[Suppression]:
    """Lift what stands against an address in a tenant (or the platform); ``evidence`` of the entry says why.

    ``stream``: only that of this stream; ``*``: all. GoodstandingError when there is nothing to lift, and when who
    asks is no operator and the person has said so themselves.
    """
    address = _address(entry.address)
    who = person(derive(master, PERSON_PURPOSE), entry.tenant, address)
    with database.tx() as tx:
        now = time.time()
        rows = lift(rows_of.of(tx, entry.tenant, who), None if entry.stream == "*" else entry.stream)
        if not rows:
            raise GoodstandingError(
                f"{address} is not suppressed there; goodstanding suppression list --recipient {address} shows where"
            )
        said = next((row.cause for row in rows if row.cause in OWN_WORDS), "")
        if said and not operator:
            raise GoodstandingError(f"{address} has said so themselves ({said}); only an operator lifts that")
        rows_of.remove(tx, rows)
        journal.append(
            tx, [Unsuppressed(row.tenant, now, address, row.scope_words, by, entry.evidence) for row in rows]
        )
    return rows


def checked(entry: Entry) -> Entry:
    """The entry with its address in the one form we keep. GoodstandingError says what is wrong."""
    if entry.cause not in CAUSES:
        raise GoodstandingError(f"{entry.cause!r} is no cause; choose among {', '.join(CAUSES)}")
    if entry.stream and entry.stream not in tuple(Stream):
        raise GoodstandingError(f"{entry.stream!r} is no stream; choose among {', '.join(Stream)}, or none for all")
    return replace(entry, address=_address(entry.address))


def _address(text: str) -> str:
    found = read_path(text.strip(), smtputf8=True)
    if isinstance(found, Flaw):
        raise GoodstandingError(f"{text.strip()!r} {found.text}")
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows to list."""

    tenant: str | None = None
    stream: str | None = None
    cause: str = ""
    recipient: str = ""
    expired: bool = False
    """Also leases that have run out."""


def rows(database: Database, master: bytes, wanted: Wanted) -> Iterator[Suppression]:
    """What is on the list, by tenant; read a page at a time, so that it may be long."""
    if wanted.recipient:
        yield from _about(database, master, wanted)
        return
    live_at = 0.0 if wanted.expired else time.time()
    after = FIRST_KEY
    while True:
        with database.read() as tx:
            page = rows_of.page(tx, Filter(wanted.tenant, wanted.stream, wanted.cause, live_at), after, PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = key_of(page[-1])


def _about(database: Database, master: bytes, wanted: Wanted) -> list[Suppression]:
    """The rows of one recipient in every tenant, by key."""
    key, address, now = derive(master, PERSON_PURPOSE), _address(wanted.recipient), time.time()
    with database.read() as tx:
        tenants = rows_of.tenants(tx) if wanted.tenant is None else [wanted.tenant]
        found = [row for tenant in tenants for row in rows_of.of(tx, tenant, person(key, tenant, address))]
    return [
        row
        for row in found
        if wanted.stream in (None, row.stream)
        and wanted.cause in ("", row.cause)
        and (wanted.expired or row.holds(now))
    ]


def forget_expired(tx: Tx, now: float) -> int:
    """A chore: drop leases that ended so long ago that they are no strike any more; how many went."""
    return rows_of.forget(tx, now - REMEMBERED)

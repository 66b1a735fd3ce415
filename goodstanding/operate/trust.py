"""Verbs on what is known of recipients: show it, record and withdraw by hand, erase.

Whole lists are `ledger_files`. Everything changes in one transaction with its journal entry.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import msgspec
from msgspec import structs

from goodstanding.admission import law
from goodstanding.admission.entries import FOLDINGS, read_entry
from goodstanding.admission.entries import Entry as Entry
from goodstanding.admission.facts import Grant, Suppressed, Terms
from goodstanding.admission.law import Basis as Basis
from goodstanding.admission.law import Law as Law
from goodstanding.admission.suppression import Suppression, strongest
from goodstanding.admission.trust import PERSON_PURPOSE, fold, grant, person
from goodstanding.errors import GoodstandingError
from goodstanding.events import EstateChanged
from goodstanding.model import Stream
from goodstanding.operate.suppression import enter
from goodstanding.sealed import derive
from goodstanding.store import conduct, erasure, journal, people, suppression
from goodstanding.store import trust as ledger
from goodstanding.store.db import Database, Tx
from goodstanding.store.erasure import ERASED, Erased, Line
from goodstanding.store.people import Known
from goodstanding.store.trust import Recorded
from goodstanding.wire.address import Flaw, read_path

STRETCH = 50_000
"""Journal entries an erasure looks at in one transaction."""
FRESH = 30 * 86_400
"""Seconds after which an interaction that is reported says nothing of mail that is under way."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a stream may do to somebody."""

    stream: Stream
    grant: Grant
    suppressed: Suppressed | None

    @property
    def allowed(self) -> bool:
        """Whether mail would go to them now, as far as they are concerned."""
        return self.grant.allowed and self.suppressed is None


@dataclass(frozen=True, slots=True)
class Account:
    """Everything one tenant knows of a recipient."""

    tenant: str
    entries: tuple[Entry, ...]
    suppressions: tuple[Suppression, ...]
    contacts: int
    last_contact: float
    outlook: tuple[Outlook, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """Whom a verb concerns, and who gives it."""

    address: str
    tenant: str
    """Empty, where that is allowed: every tenant."""
    by: str


def person_key(master: bytes) -> bytes:
    """The key that names people."""
    return derive(master, PERSON_PURPOSE)


def checked(address: str) -> str:
    """The address, if it is one; else GoodstandingError."""
    found = read_path(address.strip(), smtputf8=True)
    if isinstance(found, Flaw):
        raise GoodstandingError(f"{address!r} {found.text}")
    if "\ufffd" in found:
        raise GoodstandingError(f"{address!r} was damaged when it was decoded; save the list as UTF-8")
    if not found:
        raise GoodstandingError("no address is given; write it like anna@example.com")
    return found


def laws() -> tuple[dict[str, Basis], tuple[Law, ...]]:
    """What can carry mail, and what each country's law says of it; the last law is for all others."""
    return law.BASES, law.LAWS


def law_of(country: str) -> Law:
    """The law of a country."""
    return law.law_of(country)


# --- show -------------------------------------------------------------------------------------------------------------


def show(database: Database, master: bytes, address: str, tenant: str = "") -> list[Account]:
    """What is known of somebody: of the tenant, or of every tenant that knows something."""
    address, key, now = checked(address), person_key(master), time.time()
    everywhere = person(key, "", address)
    with database.read() as tx:
        accounts = list[Account]()
        for name, country in _tenants(tx, tenant):
            who = person(key, name, address)
            (known,) = people.read(tx, name, Stream.TRANSACTIONAL, [(address, who, everywhere)])
            all_entries = tuple(ledger.of(tx, name, who))
            if tenant or all_entries or known.suppressions or known.contacts:
                accounts.append(_account(name, known, all_entries, Terms(country=country), now))
        return accounts


def _account(tenant: str, known: Known, entries: tuple[Entry, ...], terms: Terms, now: float) -> Account:
    """``known`` is what a send decision sees; ``entries`` may be more."""
    outlook = tuple(
        Outlook(stream, grant(known.entries, stream, terms, now), strongest(known.suppressions, stream, now))
        for stream in Stream
    )
    return Account(tenant, entries, known.suppressions, known.contacts, known.last_contact, outlook)


def _tenants(tx: Tx, wanted: str) -> list[tuple[str, str]]:
    """(name, country) of the tenant, or of all of them."""
    known = [(name, country) for name, country in ledger.tenants(tx) if wanted in ("", name)]
    if wanted and not known:
        raise GoodstandingError(f"there is no tenant {wanted}; goodstanding tenant list shows them")
    return known


# --- record and withdraw ----------------------------------------------------------------------------------------------


def record(database: Database, master: bytes, order: Order, words: Mapping[str, str]) -> tuple[Entry, bool]:
    """Record what somebody permitted, did or withdrew, in the words of an import; whether it was news."""
    address, now = checked(order.address), time.time()
    entry = structs.replace(read_entry(words, now), address=address)
    who = person(person_key(master), order.tenant, address)
    with database.tx() as tx:
        _tenants(tx, order.tenant)
        reject_erased(ledger.erased(tx, order.tenant, [who]), who, entry)
        new = ledger.add(tx, [Recorded(order.tenant, who, entry)])
        tell_guard(tx, new, now)
        change = f"{entry.kind} {entry.what}{' for ' + entry.stream if entry.stream else ''} recorded"
        if new:
            journal.append(tx, [EstateChanged(order.tenant, now, "ledger", change, order.by, recipient=address)])
    return entry, bool(new)


def tell_guard(tx: Tx, new: list[Recorded], now: float) -> None:
    """Interactions that were news prove that recent mail was expected. A trigger is a claim, and proves nothing yet."""
    for each in new:
        entry = each.entry
        if entry.kind == "interaction" and entry.what != "trigger" and now - entry.at < FRESH:
            conduct.proved(tx, each.tenant, each.person, now)


def reject_erased(erased: Mapping[bytes, float], who: bytes, entry: Entry) -> None:
    """GoodstandingError when this is from before their data was erased."""
    at = erased.get(who, 0.0)
    if entry.at <= at:
        day = time.strftime("%Y-%m-%d", time.gmtime(at))
        raise GoodstandingError(f"their data was erased on {day}; record only what happened after that")


# --- erase ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure came to."""

    tenants: tuple[str, ...]
    """Those that knew something."""
    removed: Erased
    waiting: int
    """Recipients still in the queue under this address: their mail carries it until it is gone."""


def journal_size(database: Database) -> int:
    """How far an erasure has to read."""
    with database.read() as tx:
        return erasure.newest(tx)


def erase(
    database: Database, master: bytes, order: Order, watch: Callable[[int, int], None] = lambda done, total: None
) -> Erasure:
    """Remove what names somebody, for one tenant or for all; suppressions stay as keyed hashes.

    Bulk and outreach are suppressed for every tenant that knew them, so that a list from elsewhere does not reach them
    by mistake; transactional mail is not, because they may come back. ``watch`` hears how much of the journal is done.
    """
    address, key, now = checked(order.address), person_key(master), time.time()
    redacted = partial(_redacted, address)
    removed, knowing = Erased(), list[str]()
    with database.tx() as tx:
        names = [name for name, _ in _tenants(tx, order.tenant)]
        for name in [*names, *([] if order.tenant else [""])]:
            who = person(key, name, address)
            gone = erasure.erase(tx, name, who, redacted, now)
            removed += gone
            if name and gone != Erased():
                knowing.append(name)
                _keep_away(tx, name, who, now)
        told = order.tenant or (knowing[0] if len(knowing) == 1 else "")
        journal.append(tx, [EstateChanged(told, now, "ledger", "a person was erased", order.by, recipient=ERASED)])
        last = erasure.newest(tx)
    for start in range(0, last, STRETCH):
        removed += _erase_journal(database, order.tenant, address, (start, min(start + STRETCH, last)))
        watch(min(start + STRETCH, last), last)
    with database.read() as tx:
        queued = erasure.waiting(tx, order.tenant, _domains(address))
    same = sum(fold(other) == fold(address) for _, other in queued)
    return Erasure(tuple(knowing), removed, same)


def _keep_away(tx: Tx, tenant: str, who: bytes, now: float) -> None:
    """No more of what they did not ask for: a hash is enough to know them by."""
    standing = {row.stream for row in suppression.of(tx, tenant, who) if row.holds(now)}
    wanted = [
        Suppression(tenant, who, stream, "erased", "erasure request", now)
        for stream in (Stream.BULK, Stream.OUTREACH)
        if not standing & {"", stream.value}
    ]
    enter(tx, wanted, now)


def _erase_journal(database: Database, tenant: str, address: str, stretch: tuple[int, int]) -> Erased:
    with database.read() as tx:
        found = erasure.lines(tx, stretch, tenant, _domains(address))
    theirs = [line for line in found if fold(line.recipient) == fold(address)]
    changed = [
        Line(line.seq, ERASED, _redacted(address, journal.untraced(line.kind, line.details), line.recipient), line.kind)
        for line in theirs
    ]
    if changed:
        with database.tx() as tx:
            erasure.rewrite(tx, changed)
    return Erased(journal=len(changed))


def _domains(address: str) -> tuple[str, ...]:
    """Every domain under which the mailbox may be written, in lower case."""
    domain = address.rpartition("@")[2].lower()
    folded = fold(address).rpartition("@")[2]
    known = FOLDINGS.get(folded)
    return tuple(dict.fromkeys((domain, folded, *(known[1].domains if known else ()))))


_BEFORE, _AFTER = r"(?<![\w.!#$%&'*+/=?^`{|}~-])", r"(?![\w-]|\.\w)"
"""What an address would go on with: anna@example.com is not part of joanna@example.com."""


def _redacted(address: str, text: str, spelled: str) -> str:
    """JSON with `ERASED` for the address, in both spellings and any case."""
    shapes = {msgspec.json.encode(each).decode()[1:-1] for each in (address, fold(address), spelled)}
    pattern = _BEFORE + "(?:" + "|".join(map(re.escape, sorted(shapes))) + ")" + _AFTER
    return re.sub(pattern, ERASED, text, flags=re.IGNORECASE)

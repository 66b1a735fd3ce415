"""What the store knows of recipients: the read that every send decision makes, one statement of look-ups by key.

None of them grows with the tables: each touches one place of one primary key per recipient, and of somebody with
thousands of interactions only the newest are read. Measured in docs/trust.md (``python -m bench ledger``).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from goodstanding.admission.entries import LIMITS, Entry, sourced
from goodstanding.admission.facts import RecipientFacts, Terms
from goodstanding.admission.suppression import Suppression, strongest
from goodstanding.admission.trust import grant
from goodstanding.model import Stream
from goodstanding.store.db import BATCH, Tx, Value
from goodstanding.store.trust import SAID

Asked = tuple[str, bytes, bytes]
"""Address, `admission.trust.person` within the tenant, and the same within the platform (tenant empty)."""

_LEDGER = (
    f"SELECT * FROM (SELECT person, {SAID}, '', 0 FROM ledger WHERE tenant = ? AND person = ? "
    f"ORDER BY id DESC LIMIT {LIMITS.newest}) AS newest"
)
"""Bounded for each: somebody's ten thousand clicks must not crowd out another's objection."""
_SUPPRESSION = (  # in the shape of the ledger: one statement is one round trip
    "SELECT person, at, 'suppression', cause, stream, source, expires, tenant, '', address, evidence, strikes "
    "FROM suppression WHERE tenant = ? AND person IN"
)
"""Twice, of tenant and platform: for a pair in a list of pairs SQLite reads the whole table."""


class Known(Struct, frozen=True, gc=False):
    """What is known of one recipient, not judged yet."""

    address: str
    person: bytes
    stream: Stream
    """The one asked about."""
    entries: tuple[Entry, ...]
    """Of the ledger: consents and withdrawals first, at most `LIMITS.newest`; no address, of evidence the source."""
    suppressions: tuple[Suppression, ...]
    """Of tenant and platform, run out ones too."""
    contacts: int = 0
    """Messages sent to them while unproven."""
    last_contact: float = 0.0

    def facts(self, terms: Terms, now: float) -> RecipientFacts:
        """Judged: may they be written to on the stream, and why. What is not of the store is left at its defaults."""
        return RecipientFacts(
            address=self.address,
            domain=self.address.rpartition("@")[2].lower(),
            person=self.person,
            grant=grant(self.entries, self.stream, terms, now),
            suppressed=strongest(self.suppressions, self.stream, now),
            contacts=self.contacts,
            last_contact=self.last_contact,
        )


def read(tx: Tx, tenant: str, stream: Stream, people: Sequence[Asked]) -> list[Known]:
    """What is known of each recipient, in the order asked; a query for up to 64, a second for those unknown."""
    found = list[Known]()
    for start in range(0, len(people), BATCH):
        part = people[start : start + BATCH]
        persons = list(dict.fromkeys(person for _, person, _ in part))
        entries, stops = _told(tx, tenant, persons, [everywhere for _, _, everywhere in part])
        contacts = _contacts(tx, tenant, [who for who in persons if who not in entries])
        found += [
            Known(
                *(address, person, stream, tuple(entries.get(person, ()))),
                (*stops.get(person, ()), *stops.get(everywhere, ())),
                *contacts.get(person, (0, 0.0)),
            )
            for address, person, everywhere in part
        ]
    return found


def _told(
    tx: Tx, tenant: str, persons: Sequence[bytes], everywhere: Sequence[bytes]
) -> tuple[dict[bytes, list[Entry]], dict[bytes, list[Suppression]]]:
    """By person: their entries, and what suppresses them."""
    within, beyond = ", ".join("?" * len(persons)), ", ".join("?" * len(everywhere))
    sql = [*[_LEDGER] * len(persons), f"{_SUPPRESSION} ({within})", f"{_SUPPRESSION} ({beyond})"]
    values: list[Value] = [value for person in persons for value in (tenant, person)]
    entries: dict[bytes, list[Entry]] = {}
    stops: dict[bytes, list[Suppression]] = {}
    for person, *told, strikes in tx.rows(" UNION ALL ".join(sql), (*values, tenant, *persons, "", *everywhere)):
        if told[1] == "suppression":
            at, _, cause, stream, source, expires, scope, _, address, evidence = told
            stop = Suppression(scope, bytes(person), stream, cause, source, at, expires, strikes, address, evidence)
            stops.setdefault(stop.person, []).append(stop)
        else:
            told[-2:] = "", sourced(told[-2])
            entries.setdefault(bytes(person), []).append(Entry(*told))
    return entries, stops


def _contacts(tx: Tx, tenant: str, persons: Sequence[bytes]) -> dict[bytes, tuple[int, float]]:
    """Of those the ledger does not know: contacts are counted of people who are unproven."""
    if not persons:
        return {}
    rows = tx.rows(
        f"SELECT person, messages, last FROM contact WHERE tenant = ? AND person IN ({', '.join('?' * len(persons))})",
        (tenant, *persons),
    )
    return {bytes(person): (messages, last) for person, messages, last in rows}

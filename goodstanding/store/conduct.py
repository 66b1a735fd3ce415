"""The books of the guard: campaigns, tallies and contacts, loaded and saved around one transaction.

What is loaded and why is told in `admission.books`. On PostgreSQL one transaction at a time has the books, by a lock of
their own: two that judged the same campaign at once would both spend the same budget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from goodstanding.admission import conduct
from goodstanding.admission.books import WINDOW, AskedFor, Book, Incident, asked_for, belongs, campaign_from, encode
from goodstanding.admission.books import Case as Case
from goodstanding.admission.campaign import Campaign
from goodstanding.admission.facts import Fingerprint
from goodstanding.admission.fingerprint import overlap
from goodstanding.admission.ration import Policy
from goodstanding.admission.recognise import SMALL
from goodstanding.store import quarantine
from goodstanding.store.db import Tx
from goodstanding.store.listing import Key
from goodstanding.store.quarantine import Ending, Kept

BOOKS = 724_902
"""The lock of the books (PostgreSQL)."""
KIN_MOST = 512
"""Band rows of other subscriptions that are looked at for one commit, the newest first."""


class Recent:
    """Which campaign a letter was found to belong to lately: asking for a campaign by its number spares its bands.

    A guess and no more: whoever goes by it compares the letter with the campaign itself.
    """

    MOST = 20_000
    NEIGHBOURS = 4
    """Campaigns of a subscription whose latest letter others are compared with."""
    NEARLY = 0.9
    """Share of common words that makes two letters nearly the same: they differ in a name or in what was bought."""

    def __init__(self) -> None:
        self._campaigns: dict[tuple[str, bytes], int] = {}
        self._latest: dict[str, dict[int, Fingerprint]] = {}

    def note(self, case: Case, campaign: int) -> None:
        """It belongs to this one; 0: to none."""
        if len(self._campaigns) >= self.MOST:
            self._campaigns.clear()
            self._latest.clear()
        if campaign:
            self._campaigns[case.letter] = campaign
            latest = self._latest.setdefault(case.facts.identity.subscription, {})
            if campaign not in latest and len(latest) >= self.NEIGHBOURS:
                del latest[next(iter(latest))]
            latest[campaign] = case.facts.content.fingerprint

    def of(self, case: Case) -> int:
        """The campaign it belongs to, or one with a letter nearly the same; 0: nothing is known."""
        known = self._campaigns.get(case.letter)
        if known is not None:
            return known
        print_ = case.facts.content.fingerprint
        for campaign, latest in self._latest.get(case.facts.identity.subscription, {}).items():
            if overlap(print_, latest) >= self.NEARLY:
                return campaign
        return 0


def load(tx: Tx, cases: Sequence[Case], policy: Policy, recent: Recent) -> Book:
    """The book with everything that judging these cases needs."""
    tx.alone(BOOKS)
    oldest = min((case.facts.now for case in cases), default=0.0) - WINDOW
    guessed = {case.message: recent.of(case) for case in cases}
    by_heart = _by_heart(tx, cases, guessed, oldest)
    others = [case for case in cases if case.message not in by_heart]
    asked, subscriptions = asked_for(cases), sorted({case.facts.identity.subscription for case in others})
    bands = _bands(tx, asked_for(others), subscriptions) if others else []
    known = {one.id: one for one in by_heart.values()}
    found = {campaign for _, campaign in bands} - known.keys()
    book = Book(policy)
    book.load(
        campaigns=[*known.values(), *_campaigns(tx, found, oldest)],
        bands=bands,
        tallies=_tallies(tx, asked.keys),
        incidents=_incidents(tx, asked.incidents),
    )
    book.by_heart = by_heart
    return book


def _by_heart(tx: Tx, cases: Sequence[Case], guessed: Mapping[int, int], oldest: float) -> dict[int, Campaign]:
    """Campaigns of messages of which nothing else is needed: alike, grown up, and not to be assessed anew just now."""
    wanted = Counter(guessed.values())
    found = {
        one.id: one
        for one in _campaigns(tx, wanted.keys() - {0}, oldest)
        if one.messages >= SMALL and one.messages + wanted[one.id] < one.assess_at
    }
    return {
        case.message: campaign
        for case in cases
        if (campaign := found.get(guessed[case.message])) is not None and belongs(case, campaign)
    }


def _bands(tx: Tx, asked: AskedFor, subscriptions: Sequence[str]) -> list[tuple[int, int]]:
    """Rows of the subscriptions' own campaigns, all of them, and the newest of others'."""
    keys = sorted(asked.bands)
    if not keys:
        return []
    marks = ", ".join("?" * len(subscriptions))
    own: list[tuple[int, int]] = []
    others: list[tuple[int, int]] = []
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        within = f"band IN ({', '.join('?' * len(part))})"
        select = f"SELECT band, campaign FROM campaign_band WHERE {within} AND subscription"
        own += [(row[0], row[1]) for row in tx.rows(f"{select} IN ({marks})", [*part, *subscriptions])]
        newest = f"{select} NOT IN ({marks}) ORDER BY campaign DESC LIMIT ?"
        others += [(row[0], row[1]) for row in tx.rows(newest, [*part, *subscriptions, KIN_MOST])]
    return own + others


def _campaigns(tx: Tx, ids: Iterable[int], oldest: float) -> list[Campaign]:
    rows = tx.among_rows("SELECT octets, state, last FROM campaign WHERE id IN", sorted(ids))
    return [campaign_from(bytes(octets), state) for octets, state, last in rows if last > oldest]


def campaigns(tx: Tx, ids: Iterable[int], now: float) -> list[Campaign]:
    """Those of these campaigns that are not too old to be found."""
    return _campaigns(tx, sorted(set(ids)), now - WINDOW)


def _tallies(tx: Tx, keys: Iterable[str]) -> dict[str, bytes]:
    return {key: bytes(octets) for key, octets in tx.among_rows("SELECT key, octets FROM tally WHERE key IN", [*keys])}


def _incidents(tx: Tx, names: Iterable[str]) -> list[Incident]:
    columns = "name, tenant, subscription, at, until, recipients, because, pool"
    return [Incident(*row) for row in tx.among_rows(f"SELECT {columns} FROM incident WHERE name IN", [*names])]


_NEW_CAMPAIGN = (
    "INSERT INTO campaign (id, tenant, subscription, name, first, last, sketch, octets, state) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET first = excluded.first, last = excluded.last, "
    "octets = excluded.octets, state = excluded.state"
)
"""One that is too old to be found may be begun again under the same number: letters like no other have a fixed one."""


def save(tx: Tx, book: Book, now: float) -> None:
    """Write everything that changed."""
    new = [book.campaigns[number] for number in book.new_campaigns]
    tx.many(
        _NEW_CAMPAIGN,
        [
            (c.id, c.tenant, c.subscription, c.name, c.first, c.last, c.fingerprint.sketch, encode(c), c.state)
            for c in new
        ],
    )
    tx.many(
        "INSERT INTO campaign_band (band, campaign, subscription) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(band, c.id, c.subscription) for c in new for band in dict.fromkeys(book.new_campaigns[c.id])],
    )
    old = [book.campaigns[number] for number in sorted(book.changed_campaigns - book.new_campaigns.keys())]
    tx.many("UPDATE campaign SET last = ?, octets = ? WHERE id = ?", [(c.last, encode(c), c.id) for c in old])
    tx.many(
        "INSERT INTO tally (key, at, octets) VALUES (?, ?, ?) "
        "ON CONFLICT (key) DO UPDATE SET at = excluded.at, octets = excluded.octets",
        [(key, now, book.tally_octets(key)) for key in sorted(book.changed_tallies)],
    )
    book.saved()


# --- contacts: whom we wrote to without proof, and by which campaign --------------------------------------------------


class Contact(Struct, frozen=True, gc=False):
    """An unproven recipient that is being written to."""

    tenant: str
    person: bytes
    campaign: int
    at: float


def met(tx: Tx, contacts: Sequence[Contact]) -> None:
    """Remember unproven recipients, so that what they do next finds its campaign."""
    tx.many(
        "INSERT INTO contact (tenant, person, first, last, messages, campaign) VALUES (?, ?, ?, ?, 1, ?) "
        "ON CONFLICT (tenant, person) DO UPDATE SET last = excluded.last, messages = contact.messages + 1, "
        "campaign = excluded.campaign",
        [(one.tenant, one.person, one.at, one.at, one.campaign) for one in contacts],
    )


def proved(tx: Tx, tenant: str, person: bytes, now: float) -> None:
    """Somebody has shown that mail was expected: the campaign that wrote to them last is believed a little more."""
    _news(tx, tenant, person, now, conduct.proved)


def bounced(tx: Tx, tenant: str, person: bytes, now: float) -> None:
    """Somebody written to without proof does not exist: that is what lists from somewhere look like."""
    _news(tx, tenant, person, now, conduct.bounced)


def complained(tx: Tx, tenant: str, person: bytes, now: float) -> None:
    """Somebody written to without proof complained."""
    _news(tx, tenant, person, now, conduct.complained)


def _news(tx: Tx, tenant: str, person: bytes, now: float, tell: Callable[[Book, int, float, float], None]) -> None:
    """Tell the campaign that wrote to somebody last, once: the contact then points to none."""
    tx.alone(BOOKS)
    row = tx.row("SELECT campaign, last FROM contact WHERE tenant = ? AND person = ?", (tenant, person))
    if row is None or not row[0]:
        return
    book = of_campaign(tx, row[0], Policy(), now)
    if book is None:
        return
    tell(book, row[0], row[1], now)
    save(tx, book, now)
    tx.run("UPDATE contact SET campaign = 0 WHERE tenant = ? AND person = ?", (tenant, person))


def of_campaign(tx: Tx, campaign: int, policy: Policy, now: float) -> Book | None:
    """A book with one campaign and the keys that answer for it; None when it is forgotten."""
    book = Book(policy)
    found = _campaigns(tx, [campaign], now - WINDOW)
    if not found:
        return None
    book.load(campaigns=found, tallies=_tallies(tx, found[0].charges))
    return book


# --- what upkeep does -------------------------------------------------------------------------------------------------


def flow(tx: Tx, policy: Policy, now: float, limit: int) -> list[Kept]:
    """Let quarantined recipients go as far as the trust budgets allow now, the oldest first; those that went."""
    tx.alone(BOOKS)
    went: list[Kept] = []
    for campaign, _, waiting in quarantine.waiting_campaigns(tx):
        book = of_campaign(tx, campaign, policy, now)
        if book is None:
            continue
        share = conduct.allowance(book, campaign, waiting, now)
        rows = quarantine.rationed(tx, campaign, min(share.allowed, limit - len(went)))
        ending = Ending("released", "evidence", now, "the trust budget of the campaign has room for it now")
        gone = quarantine.release(tx, [(row.message, row.n) for row in rows], ending)
        if gone:
            conduct.flowed(book, campaign, len(gone), now)
            save(tx, book, now)
            met(tx, [Contact(row.tenant, row.person, campaign, now) for row in gone])
        went += gone
    return went


def let_go(tx: Tx, keys: Sequence[Key], ending: Ending) -> list[Kept]:
    """Release quarantined recipients by somebody's word, and book that they go out; those that were still held."""
    tx.alone(BOOKS)
    gone = quarantine.release(tx, keys, ending)
    counts = Counter(row.campaign for row in gone)
    for campaign, count in counts.items():
        book = of_campaign(tx, campaign, Policy(), ending.now)
        if book is not None:
            conduct.flowed(book, campaign, count, ending.now)
            save(tx, book, ending.now)
    met(tx, [Contact(row.tenant, row.person, row.campaign, ending.now) for row in gone])
    return gone


def silent(tx: Tx, now: float, limit: int = 500) -> list[int]:
    """Campaigns that have been silent for longer than anybody looks back; some of them."""
    return [row[0] for row in tx.rows("SELECT id FROM campaign WHERE last < ? LIMIT ?", (now - 2 * WINDOW, limit))]


def forget(tx: Tx, campaigns: Sequence[int]) -> None:
    """Delete campaigns: the same text is a new one from now on."""
    tx.among("DELETE FROM campaign_band WHERE campaign IN", campaigns)
    tx.among("DELETE FROM campaign WHERE id IN", campaigns)

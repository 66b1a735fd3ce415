"""The ledger in both engines: added once, read by key, erased without coming back."""

import random
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from goodstanding.admission.entries import LIMITS, Entry, read_entry
from goodstanding.admission.facts import Proof, Terms
from goodstanding.admission.suppression import Suppression
from goodstanding.events import EstateChanged
from goodstanding.evidence import Engaged
from goodstanding.model import MessageId, Stream
from goodstanding.operate import trust as verbs
from goodstanding.operate.trust import Order
from goodstanding.store import journal, people, suppression, trust
from goodstanding.store.db import Database, Row, Tx, Value
from goodstanding.store.trust import FIRST_KEY, Recorded

NOW = 1_790_000_000.0
DAY = 86400.0
ANNA, BEN = b"a" * 16, b"b" * 16
EVERYWHERE = b"e" * 16
PROOF = '{"source":"shop.example/join","text":"Yes, news"}'
OPT_IN = Entry(at=NOW, kind="permission", what="opt-in", stream="bulk", address="anna@example.com", evidence=PROOF)
JUDGED = replace(OPT_IN, address="", evidence='{"source":"shop.example/join"}')
"""What a send decision reads of it."""


def click(ago: float) -> Entry:
    return Entry(at=NOW - ago, kind="interaction", what="click")


def put(tx: Tx, person: bytes, *entries: Entry, tenant: str = "shop") -> int:
    return len(trust.add(tx, [Recorded(tenant, person, entry) for entry in entries]))


def read(tx: Tx, *persons: bytes) -> list[people.Known]:
    return people.read(tx, "shop", Stream.BULK, [(f"{p[:1].hex()}@x.example", p, EVERYWHERE) for p in persons])


def test_the_same_entry_twice_is_once(tx: Tx) -> None:
    assert put(tx, ANNA, OPT_IN, click(1), OPT_IN) == 2
    assert put(tx, ANNA, OPT_IN, click(2)) == 1
    assert put(tx, BEN, OPT_IN) == 1


def test_a_thousand_entries_go_in_at_once_and_only_news_is_reported(tx: Tx) -> None:
    many = [Recorded("shop", bytes([n % 250]) * 16, click(n)) for n in range(1000)]
    assert trust.add(tx, many[:500]) == many[:500]
    assert trust.add(tx, many) == many[500:]


def test_a_read_tells_people_and_tenants_apart_and_keeps_the_order_asked(tx: Tx) -> None:
    put(tx, ANNA, OPT_IN)
    put(tx, BEN, click(5), click(6))
    put(tx, BEN, OPT_IN, tenant="bank")
    ben, nobody, anna = read(tx, BEN, b"n" * 16, ANNA)
    assert [len(known.entries) for known in (ben, nobody, anna)] == [2, 0, 1]
    assert anna.entries == (JUDGED,)


def test_somebody_asked_about_twice_is_told_twice(tx: Tx) -> None:
    put(tx, ANNA, OPT_IN)
    assert [known.entries for known in read(tx, ANNA, ANNA)] == [(JUDGED,), (JUDGED,)]


def test_a_withdrawal_is_seen_however_much_has_happened_since(tx: Tx) -> None:
    trust.withdraw(tx, ("shop", ANNA, "anna@example.com"), ["bulk"], NOW - 900 * DAY, "{}")
    put(tx, ANNA, *(click(n * DAY) for n in range(500)))
    (known,) = read(tx, ANNA)
    assert len(known.entries) == LIMITS.newest
    assert known.entries[0].what == "unsubscribed"
    assert known.entries[1] == click(0)


def test_more_recipients_than_go_into_one_statement_are_all_read(tx: Tx) -> None:
    persons = [bytes([n]) * 16 for n in range(150)]
    trust.add(tx, [Recorded("shop", person, OPT_IN) for person in persons])
    assert all(known.entries == (JUDGED,) for known in read(tx, *persons))


def test_the_facts_of_a_recipient_hold_everything_the_store_knows(tx: Tx) -> None:
    tx.run(
        "INSERT INTO contact (tenant, person, first, last, messages, campaign) VALUES (?, ?, ?, ?, ?, ?)",
        ("shop", ANNA, NOW - DAY, NOW - 60, 3, 1),
    )
    rows = [("shop", ANNA, "bulk", "unsubscribed"), ("", EVERYWHERE, "", "operator"), ("bank", ANNA, "", "operator")]
    suppression.put(tx, [Suppression(*row, "page", NOW) for row in rows])
    (known,) = read(tx, ANNA)
    facts = known.facts(Terms(), NOW)
    assert (facts.contacts, facts.last_contact, facts.domain) == (3, NOW - 60, "x.example")
    assert facts.suppressed is not None
    assert facts.suppressed.scope == "platform"
    assert len(known.suppressions) == 2
    put(tx, ANNA, click(DAY))
    (known,) = read(tx, ANNA)
    facts = known.facts(Terms(), NOW)
    assert (facts.grant.proof, facts.contacts) == (Proof.INTERACTION, 0)  # contacts are counted of strangers


class Explained(Tx):
    """Answers with the plans of statements."""

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        prefix = "EXPLAIN QUERY PLAN " if self.engine == "sqlite" else "EXPLAIN "
        plans.extend(str(row[-1]) for row in super().rows(prefix + sql, values))
        return super().rows(sql, values)


plans: list[str] = []


def test_a_send_decision_reads_of_the_ledger_nothing_but_its_index(tx: Tx) -> None:
    put(tx, ANNA, OPT_IN)
    if tx.engine == "postgresql":  # which otherwise reads so small a table whole
        tx.run("SET LOCAL enable_seqscan = off")
        tx.run("SET LOCAL enable_bitmapscan = off")
    plans.clear()
    (known,) = read(Explained(tx._cursor, tx.engine), ANNA)
    assert known.entries == (JUDGED,)
    wanted = (
        "USING COVERING INDEX ledger_said" if tx.engine == "sqlite" else "Index Only Scan Backward using ledger_pkey"
    )
    assert len([plan for plan in plans if wanted in plan]) == 1
    assert not [plan for plan in plans if "SCAN ledger" in plan or "Scan on ledger" in plan]


def test_the_longest_words_an_entry_may_have_fit_into_the_index(tx: Tx) -> None:
    rng = random.Random(3)  # nothing that PostgreSQL could compress
    purpose, source = ("".join(chr(0x20000 + rng.randrange(40_000)) for _ in range(size)) for size in (200, 4000))
    words = {"recipient": "anna@example.com", "what": "opt-in", "stream": "bulk", "purpose": purpose, "source": source}
    entry = read_entry({**words, "at": "2026-03-01"}, NOW)
    assert put(tx, ANNA, entry, tenant="t" * 63) == 1
    assert put(tx, ANNA, entry, tenant="t" * 63) == 0
    assert trust.of(tx, "t" * 63, ANNA) == [entry]


def test_pages_hold_every_row_of_a_tenant_once(tx: Tx) -> None:
    trust.add(tx, [Recorded("shop", bytes([n]) * 16, click(n)) for n in range(25)])
    put(tx, ANNA, OPT_IN, tenant="bank")
    first, key = trust.page(tx, "shop", FIRST_KEY, 10)
    second, key = trust.page(tx, "shop", key, 100)
    assert (len(first), len(second), trust.page(tx, "shop", key)[0]) == (10, 15, [])
    assert trust.count(tx, "") == 26


MASTER = bytes(32)
ADDRESS = "Anna.Example@gmail.com"


@pytest.fixture
def known(database: Database) -> Database:
    """A store in which two tenants know Anna."""
    key = verbs.person_key(MASTER)
    with database.tx() as tx:
        tx.many("INSERT INTO tenant (name, created) VALUES (?, ?)", [("shop", NOW), ("bank", NOW)])
        for tenant in ("shop", "bank"):
            put(tx, verbs.person(key, tenant, ADDRESS), OPT_IN, click(3), tenant=tenant)
        shop = verbs.person(key, "shop", ADDRESS)
        suppression.put(tx, [Suppression("shop", shop, "bulk", "unsubscribed", "page", NOW, address=ADDRESS)])
        tx.run(
            "INSERT INTO quarantine (message, n, tenant, subscription, campaign, person, recipient, at, expires, "
            "rationed, findings) VALUES (1, 0, 'shop', 'shop/news', 1, ?, ?, 0, 0, 0, ?)",
            (shop, ADDRESS, f'[{{"recipient":"{ADDRESS}"}}]'),
        )
        others = ("annaexample@googlemail.com", "joanna.example@gmail.com", "ANNA.EXAMPLE+x@gmail.com")
        journal.append(tx, [EstateChanged("shop", NOW, "x", f"<{to}> knew", "me", recipient=to) for to in others])
    return database


def stored(database: Database) -> str:
    """Every word of the tables that name people."""
    with database.read() as tx:
        tables = ("ledger", "suppression", "quarantine", "contact", "journal")
        return str([tx.rows(f"SELECT * FROM {table}") for table in tables]).lower()


def test_an_erasure_removes_every_spelling_everywhere_and_nobody_else(known: Database) -> None:
    done = verbs.erase(known, MASTER, Order("annaexample@gmail.com", "", "me"))
    assert (done.tenants, done.removed.ledger, done.removed.quarantine) == (("bank", "shop"), 4, 1)
    assert done.removed.journal == 2
    text = stored(known).replace("joanna.example@gmail.com", "")
    assert "anna.example" not in text
    assert "annaexample" not in text
    assert "joanna.example@gmail.com" in stored(known)


def test_an_erasure_forgets_where_they_went_and_with_what(known: Database) -> None:
    with known.tx() as tx:
        went = Engaged("shop", MessageId(7), 0, NOW, ADDRESS, "clicked", target="https://x.example/?u=77", agent="Lynx")
        journal.append(tx, [went, replace(went, recipient="joanna@gmail.com")])
    verbs.erase(known, MASTER, Order(ADDRESS, "shop", "me"))
    with known.read() as tx:
        found = [one for one in journal.after(tx, 0)[0] if isinstance(one, Engaged)]
    assert [(one.target, one.agent, one.how) for one in found] == [
        ("", "", "clicked"),
        ("https://x.example/?u=77", "Lynx", "clicked"),
    ]


def test_after_an_erasure_the_suppression_still_holds(known: Database) -> None:
    verbs.erase(known, MASTER, Order(ADDRESS, "shop", "me"))
    (account,) = verbs.show(known, MASTER, "annaexample@gmail.com", "shop")
    outlook = {each.stream: each for each in account.outlook}
    assert [outlook[stream].allowed for stream in Stream] == [True, False, False]
    assert {row.cause for row in account.suppressions} == {"unsubscribed", "erased"}


def test_erasing_for_one_tenant_leaves_the_others(known: Database) -> None:
    assert verbs.erase(known, MASTER, Order(ADDRESS, "shop", "me")).tenants == ("shop",)
    assert [len(account.entries) for account in verbs.show(known, MASTER, ADDRESS)] == [2, 1]


def test_erasing_twice_is_as_good_as_once(known: Database) -> None:
    verbs.erase(known, MASTER, Order(ADDRESS, "", "me"))
    again = verbs.erase(known, MASTER, Order(ADDRESS, "", "me"))
    assert (again.removed.ledger, again.removed.journal, again.removed.contacts) == (0, 0, 0)


def test_what_is_from_before_an_erasure_is_not_recorded_again_and_what_is_new_is(known: Database) -> None:
    verbs.erase(known, MASTER, Order(ADDRESS, "", "me"))
    words = {"what": "opt-in", "stream": "bulk", "source": "x"}
    with pytest.raises(verbs.GoodstandingError, match="their data was erased on"):
        verbs.record(known, MASTER, Order(ADDRESS, "shop", "me"), {**words, "at": "2026-01-01"})
    _, new = verbs.record(known, MASTER, Order(ADDRESS, "shop", "me"), words)
    assert new

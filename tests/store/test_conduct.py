"""The books on both engines: what one transaction learned the next one knows, and evidence finds its campaign."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs

from goodstanding.admission.books import Case
from goodstanding.admission.decide import decide
from goodstanding.admission.facts import Fingerprint
from goodstanding.admission.ration import Policy
from goodstanding.model import MessageId
from goodstanding.store import conduct, quarantine, queue, workers
from goodstanding.store.conduct import Recent
from goodstanding.store.db import Database
from goodstanding.store.quarantine import Ending, Which
from goodstanding.store.spool import Content, Spool
from goodstanding.submission.doorkeeper import Examined
from goodstanding.submission.judging import Bundle, Judge, Outcome
from tests.admission.judged import NOW, STRANGER, letter, person
from tests.store.letters import letter as entry_for

TEXT = Fingerprint(bytes((255, *range(256))), tuple(range(1, 13)))


@pytest.fixture
def spool(database: Database, tmp_path: Path) -> Spool:
    with database.tx() as tx:
        worker = workers.register(tx, "host", os.getpid(), NOW)
    return Spool(tmp_path / "spool", database, worker.id, 1 << 20)


def bundle(message: int, *addresses: str, now: float = NOW, known: bool = False) -> Bundle:
    """A message of one campaign, to strangers unless they are known."""
    people = [person(address) if known else person(address, STRANGER) for address in addresses]
    facts = letter(recipients=tuple(people), now=now, fingerprint=TEXT, minute_limit=10_000, hour_limit=10_000)
    entry = entry_for(*addresses, who=facts.identity, message=MessageId(message))
    return Bundle(Examined(facts, decide(facts)), (entry,), "127.0.0.1")


def admit(database: Database, spool: Spool, bundles: Sequence[Bundle], first_day: int = 2) -> list[Outcome]:
    """Judge them in one transaction, as the writer does."""
    contents = [Content(one.entries[0].message, [b"x"], 1, b"y") for one in bundles]
    places = spool.write(contents)
    with database.tx() as tx:
        spool.book(tx, contents, places)
        judge = Judge(Policy(first_day=first_day), 3.0, spool)
        outcomes = judge.admit(tx, [(one, (place,)) for one, place in zip(bundles, places, strict=True)])
    spool.committed()
    return outcomes


def held(database: Database) -> list[str]:
    with database.read() as tx:
        return [row.recipient for row in quarantine.listing(tx, Which(), (0, -1), 100)]


def test_the_budget_is_shared_by_transactions(database: Database, spool: Spool) -> None:
    for n in range(4):
        admit(database, spool, [bundle(n + 1, f"p{n}@x.example")])
    assert held(database) == ["p2@x.example", "p3@x.example"]
    with database.read() as tx:
        assert queue.states(tx) == {"waiting": 2, "held": 2}


def test_one_commit_of_many_is_judged_as_if_they_came_one_by_one(database: Database, spool: Spool) -> None:
    admit(database, spool, [bundle(n + 1, f"p{n}@x.example") for n in range(4)])
    assert held(database) == ["p2@x.example", "p3@x.example"]


def test_who_has_proof_does_not_wait_beside_those_who_have_none(database: Database, spool: Spool) -> None:
    admit(database, spool, [bundle(n + 1, f"p{n}@x.example") for n in range(3)])
    (outcome,) = admit(database, spool, [bundle(9, "ann@x.example", known=True)])
    assert outcome.entries[0].held == frozenset()


def test_evidence_lets_the_oldest_flow(database: Database, spool: Spool) -> None:
    admit(database, spool, [bundle(n + 1, f"p{n}@x.example") for n in range(5)])
    with database.tx() as tx:
        assert conduct.flow(tx, Policy(first_day=2), NOW + 60, 100) == []
        conduct.proved(tx, "shop", b"p0@x.example", NOW + 60)
        conduct.proved(tx, "shop", b"p0@x.example", NOW + 61)  # the same again counts once
        went = conduct.flow(tx, Policy(first_day=2), NOW + 62, 100)
    assert [row.recipient for row in went] == ["p2@x.example"]
    assert held(database) == ["p3@x.example", "p4@x.example"]


def test_time_without_complaints_is_evidence_too(database: Database, spool: Spool) -> None:
    admit(database, spool, [bundle(n + 1, f"p{n}@x.example") for n in range(5)])
    with database.tx() as tx:
        went = conduct.flow(tx, Policy(first_day=2), NOW + 5 * 86400, 100)
    assert went[0].recipient == "p2@x.example"


def test_what_an_operator_lets_go_counts_as_sent(database: Database, spool: Spool) -> None:
    admit(database, spool, [bundle(n + 1, f"p{n}@x.example") for n in range(3)])
    with database.tx() as tx:
        gone = conduct.let_go(tx, [(MessageId(3), 0)], Ending("released", "eve", NOW + 1))
    assert [row.recipient for row in gone] == ["p2@x.example"]
    with database.read() as tx:
        assert tx.rows("SELECT COUNT(*) FROM contact") == [(3,)]


def test_bounces_and_complaints_find_the_campaign_that_wrote(database: Database, spool: Spool) -> None:
    admit(database, spool, [bundle(n + 1, f"p{n}@x.example") for n in range(2)])
    with database.tx() as tx:
        conduct.bounced(tx, "shop", b"p0@x.example", NOW + 5)
        conduct.complained(tx, "shop", b"p1@x.example", NOW + 5)
        conduct.complained(tx, "shop", b"nobody", NOW + 5)
        book = conduct.of_campaign(tx, 1, Policy(), NOW + 5)
    assert book is not None
    assert (book.campaigns[1].pattern.bounces, book.campaigns[1].complaints) == (1.0, 1)


def test_what_is_turned_away_leaves_nothing_in_queue_or_spool(database: Database, spool: Spool) -> None:
    refused = bundle(1, "ann@x.example")
    facts = structs.replace(refused.examined.facts, terms=structs.replace(refused.examined.facts.terms, hour_limit=0))
    late = structs.replace(refused, examined=structs.replace(refused.examined, facts=facts))
    admit(database, spool, [bundle(2, "bob@x.example", known=True)])
    (outcome,) = admit(database, spool, [late])
    with database.read() as tx:
        assert (outcome.entries, queue.states(tx)) == ((), {"waiting": 1})
        assert tx.rows("SELECT COUNT(*) FROM journal WHERE kind = 'refused'") == [(1,)]
        live = tx.rows("SELECT SUM(live) FROM segment") if database.engine == "sqlite" else [(1,)]
        assert live == [(1,)]


def test_old_campaigns_are_forgotten(database: Database, spool: Spool) -> None:
    admit(database, spool, [bundle(1, "ann@x.example")])
    with database.tx() as tx:
        assert conduct.silent(tx, NOW + 10 * 86400) == []
        old = conduct.silent(tx, NOW + 100 * 86400)
        assert old
        conduct.forget(tx, old)
        assert conduct.silent(tx, NOW + 100 * 86400) == []
        assert tx.rows("SELECT COUNT(*) FROM campaign_band") == [(0,)]


def test_routine_mail_is_booked_with_the_next_that_is_judged(database: Database, spool: Spool) -> None:
    policy = Policy()
    judge = Judge(policy, 3.0, spool)

    def send(first: int, count: int, known: bool = True) -> None:
        units = [bundle(n, f"p{n}@x.example", known=known) for n in range(first, first + count)]
        for one in units:
            facts = one.examined.facts
            roomy = structs.replace(facts.terms, minute_limit=100_000, hour_limit=1_000_000)
            examined = structs.replace(one.examined, facts=structs.replace(facts, terms=roomy))
            content = Content(one.entries[0].message, [b"x"], 1, b"y")
            places = spool.write([content])
            with database.tx() as tx:
                spool.book(tx, [content], places)
                judge.admit(tx, [(structs.replace(one, examined=examined), (places[0],))])
            spool.committed()

    send(1, 12)
    send(13, 10)
    with database.tx() as tx:
        book = conduct.of_campaign(tx, 1, policy, NOW)
        assert queue.states(tx) == {"waiting": 22}
    assert book is not None
    assert book.campaigns[1].messages < 22
    send(23, 1, known=False)
    with database.tx() as tx:
        book = conduct.of_campaign(tx, 1, policy, NOW)
    assert book is not None
    assert book.campaigns[1].messages == 23


def near(places: int) -> Fingerprint:
    """A text that differs from `TEXT` in so many of its 256 values."""
    sketch = bytes([octet ^ (0 < at <= places) for at, octet in enumerate(TEXT.sketch)])
    return Fingerprint(sketch, TEXT.bands)


def case_of(text: Fingerprint, message: int = 99) -> Case:
    return Case(letter(fingerprint=text, now=NOW), message, "pool")


def test_a_letter_nearly_the_same_is_guessed_to_be_of_the_same_campaign() -> None:
    recent = Recent()
    recent.note(case_of(TEXT), 7)
    assert [recent.of(case_of(near(places))) for places in (0, 5, 100)] == [7, 7, 0]
    for other in range(Recent.NEIGHBOURS):
        recent.note(case_of(Fingerprint(bytes([other]) * 257, ())), other + 8)
    assert recent.of(case_of(near(5))) == 0


def grown(database: Database, spool: Spool) -> None:
    """The campaign of `TEXT` has number 1, is known well, and is not to be assessed anew with the next message."""
    admit(database, spool, [bundle(n + 1, f"p{n}@x.example", known=True) for n in range(60)])


def test_by_heart_a_letter_is_found_as_unlike_its_campaign_as_it_is(database: Database, spool: Spool) -> None:
    grown(database, spool)
    recent, case = Recent(), case_of(near(60))
    recent.note(case, 1)
    with database.tx() as tx:
        learnt, looked_up = (conduct.load(tx, [case], Policy(), one).find(case) for one in (recent, Recent()))
        assert conduct.load(tx, [case], Policy(), recent).by_heart.keys() == {99}
    assert learnt is not None
    assert looked_up is not None
    assert learnt.similarity < 1.0
    assert (learnt.campaign.id, learnt.similarity) == (looked_up.campaign.id, looked_up.similarity)


def test_a_wrong_guess_is_looked_up(database: Database, spool: Spool) -> None:
    grown(database, spool)
    recent, case = Recent(), case_of(near(250))
    recent.note(case, 1)
    with database.tx() as tx:
        book = conduct.load(tx, [case], Policy(), recent)
    assert (book.by_heart, book.find(case)) == ({}, None)

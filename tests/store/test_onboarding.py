"""Claims next to a domain, key stages, and what a look at DNS leaves behind."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from goodstanding.admission.domain_state import Evidence
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.verification import Judgement
from goodstanding.errors import GoodstandingError
from goodstanding.events import DomainChecked, EstateChanged
from goodstanding.operate.domains import ensure_domain, new_keys
from goodstanding.store import domains, onboarding
from goodstanding.store.db import Database
from goodstanding.store.schema import migrate
from goodstanding.store.serial import revision

MASTER = os.urandom(32)
SHOP = DomainFacts("shop.example", "shop", "transactional")
GOOD, GONE = Judgement((), Evidence.PRESENT), Judgement((), Evidence.GONE, "no key")
GRACE = 100.0


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    migrate(opened)
    with opened.tx() as tx:
        assert ensure_domain(tx, MASTER, SHOP, 1.0)
    yield opened
    opened.close()


def looked(database: Database, found: Judgement, now: float) -> tuple[str, list[object]]:
    with database.tx() as tx:
        (claim,) = domains.claimed(tx, "shop.example")
        settled = onboarding.settle(tx, claim, found, now, GRACE)
        assert settled is not None
        return settled.facts.state, list(tx.appended)


def test_a_claim_is_made_once_and_keeps_its_keys(database: Database) -> None:
    with database.tx() as tx:
        keys = domains.dkim_keys(tx)
        assert not ensure_domain(tx, MASTER, SHOP, 2.0)
        assert domains.dkim_keys(tx) == keys and [key.kind for key in keys] == ["ed25519-sha256", "rsa-sha256"]


def test_a_domain_without_a_stream_gets_one_and_keeps_it(database: Database) -> None:
    with database.tx() as tx:
        ensure_domain(tx, MASTER, DomainFacts("b.example", "shop", ""), 2.0)
        ensure_domain(tx, MASTER, DomainFacts("b.example", "shop", "bulk"), 3.0)
        ensure_domain(tx, MASTER, DomainFacts("b.example", "shop", ""), 4.0)
        assert domains.claimed(tx, "b.example")[0].facts.stream == "bulk"
        with pytest.raises(GoodstandingError, match="--allow-destructive"):
            ensure_domain(tx, MASTER, DomainFacts("b.example", "shop", "outreach"), 5.0)


@pytest.mark.parametrize("name", ["shop.example", "a.shop.example", "a.b.shop.example"])
def test_nobody_else_claims_a_domain_or_what_lies_below_it(database: Database, name: str) -> None:
    with database.tx() as tx, pytest.raises(GoodstandingError, match="belongs to tenant shop"):
        ensure_domain(tx, MASTER, DomainFacts(name, "bank", ""), 2.0)


def test_nobody_else_claims_what_lies_above_a_domain(database: Database) -> None:
    with database.tx() as tx:
        ensure_domain(tx, MASTER, DomainFacts("a.bank.example", "bank", ""), 2.0)
        with pytest.raises(GoodstandingError, match="below bank"):
            ensure_domain(tx, MASTER, DomainFacts("bank.example", "shop", ""), 2.0)
        assert ensure_domain(tx, MASTER, DomainFacts("notbank.example", "shop", ""), 2.0)


def test_link_and_bounce_domains_have_no_keys(database: Database) -> None:
    with database.tx() as tx:
        ensure_domain(tx, MASTER, DomainFacts("l.shop.example", "shop", "", "link"), 2.0)
        assert domains.dkim_keys(tx, "l.shop.example") == []


def test_every_change_of_state_is_journalled_once(database: Database) -> None:
    assert looked(database, GONE, 2.0) == ("pending", [])
    assert looked(database, GOOD, 3.0) == (
        "verified",
        [DomainChecked("shop", 3.0, "shop.example", "verified", "its records are in place")],
    )
    assert looked(database, GOOD, 4.0) == ("verified", [])
    assert looked(database, GONE, 5.0)[0] == "warned"
    assert looked(database, GONE, 104.0) == ("warned", [])
    stopped = DomainChecked("shop", 105.0, "shop.example", "stopped", "no key")
    assert looked(database, GONE, 105.0) == ("stopped", [stopped])
    assert looked(database, GOOD, 106.0)[0] == "verified"


def test_workers_hear_of_a_look_only_when_it_changed_something(database: Database) -> None:
    def serial() -> tuple[int, ...]:
        with database.read() as tx:
            return revision(tx)

    looked(database, GOOD, 3.0)
    before = serial()
    looked(database, GOOD, 4.0)
    looked(database, Judgement((), Evidence.UNKNOWN, "dns"), 5.0)
    assert serial() == before
    looked(database, GONE, 6.0)
    assert serial() != before


def test_a_look_at_a_domain_that_changed_hands_meanwhile_does_not_count(database: Database) -> None:
    with database.tx() as tx:
        (claim,) = domains.claimed(tx, "shop.example")
        ensure_domain(tx, MASTER, DomainFacts("bank.example", "bank", ""), 2.0)
        domains.give_domain(tx, "shop.example", "bank")
        settled = onboarding.settle(tx, claim, GOOD, 3.0, GRACE)
        assert settled is not None and settled.facts.state == "pending"
        domains.remove_domain(tx, "shop.example")
        assert onboarding.settle(tx, claim, GOOD, 3.0, GRACE) is None


def test_a_new_key_signs_once_seen_and_the_old_stays_listed(database: Database) -> None:
    with database.tx() as tx:
        old = {key.selector for key in domains.dkim_keys(tx, "shop.example")}
        made = new_keys(MASTER, "shop.example", onboarding.selectors(tx, "shop.example"), 2.0)
        onboarding.add_waiting_keys(tx, made)
        assert {key.selector for key in domains.dkim_keys(tx, "shop.example")} == old
    rsa = made[0].selector
    _, events = looked(database, replace(GOOD, seen=(rsa,)), 50.0)
    assert any(isinstance(event, EstateChanged) and rsa in event.change for event in events)
    with database.read() as tx:
        signing = {key.selector for key in domains.dkim_keys(tx, "shop.example")}
        assert rsa in signing and len(signing & old) == 1
        assert [key.selector for key in onboarding.waiting_keys(tx)] == [made[1].selector]
        retired = onboarding.retired_keys(tx, 50.0, "shop.example")
        assert [key.kind for key in retired] == ["rsa-sha256"]
        assert onboarding.retired_keys(tx, 50.1) == []
        stages = {key.stage for key in onboarding.public_keys(tx, MASTER, "shop.example", 60.0)}
        assert stages == {"signing", "waiting", "retired"}


def test_a_domain_is_removed_with_keys_that_wait(database: Database) -> None:
    with database.tx() as tx:
        onboarding.add_waiting_keys(tx, new_keys(MASTER, "shop.example", set(), 2.0))
        domains.remove_domain(tx, "shop.example")
        ensure_domain(tx, MASTER, DomainFacts("shop.example", "bank", ""), 3.0)
        assert onboarding.waiting_keys(tx) == []

"""What the evidence says of a key, on the command line: in words, in numbers, and with the messages behind it."""

import time
from pathlib import Path

import pytest

from goodstanding.model import MessageId, Stream, message_name
from goodstanding.operate.subscriptions import add_subscription
from goodstanding.store import journal
from goodstanding.store.db import Database
from tests.cli.conftest import Command
from tests.cli.stock import Stock
from tests.following import follow
from tests.reputation.mail import ADDRESS, CAMPAIGN, DAY, campaign, reinstated

AGO = 3 * DAY


@pytest.fixture
def told(stock: Stock) -> Database:
    """A sender whose campaign went wrong three days ago, followed to the end."""
    with stock.database.tx() as tx:
        journal.append(tx, campaign(time.time() - AGO, 310, 12))
        follow(tx, None)
    return stock.database


def test_who_has_to_answer_is_listed(goodstanding: Command, told: Database) -> None:
    (found,) = goodstanding("reputation", "list", "--json").json
    assert (found["key"], found["level"]) == ({"kind": "campaign", "name": "7"}, "suspended")
    said = goodstanding("reputation", "list").out
    assert "campaign:7" in said
    assert "complaint evidence 1 in" in said


def test_with_nobody_to_blame_that_is_said(goodstanding: Command, stock: Stock) -> None:
    assert "Nothing has to answer for anything now" in goodstanding("reputation", "list").out


def test_the_standing_of_a_key_is_shown(goodstanding: Command, told: Database) -> None:
    found = goodstanding("reputation", "show", "subscription:shop/news", "--json").json
    assert (found["charges"], found["waiting"], found["since"]) == ([], 0, 0.0)
    complaints = found["standings"][0]
    assert (complaints["signal"], complaints["events"]) == ("complaints", 12)
    assert found["loads"]["bulk"]["most"] == 0.0
    said = goodstanding("reputation", "show", "subscription:shop/news").out
    assert "nothing has to answer for anything now" in said
    assert "rung" not in said
    assert "(0.1 %)" in said
    assert "none (" in said
    assert "0 unproven recipients at once" in said


def test_why_names_the_evidence_who_answers_and_the_messages(goodstanding: Command, told: Database) -> None:
    found = goodstanding("reputation", "why", str(ADDRESS), "--json", "--limit", "5").json
    assert [charge["key"]["name"] for charge in found["narrower"]] == ["7"]
    assert len(found["behind"]) == 5
    (first, *_) = found["behind"]
    assert (first["message"], first["recipient"]) == (message_name(MessageId(1)), "a@company.example")
    assert first["words"] == "abuse reported by fbl@example.net"
    said = goodstanding("reputation", "why", str(CAMPAIGN)).out
    assert "abuse reported by fbl@example.net" in said
    assert "suspended" in said


def test_beside_a_sandbox_that_lives_faster_the_clocks_time_is_shown(
    goodstanding: Command, stock: Stock, tmp_path: Path
) -> None:
    """Seconds of the recipients, 24,000 times as many, are in no calendar."""
    with (tmp_path / "goodstanding.toml").open("a") as config:
        config.write("[reputation]\nspeed = 24000\n")
    now = time.time()
    with stock.database.tx() as tx:
        journal.append(tx, [reinstated(now - 60, CAMPAIGN), *campaign(now - 20, 310, 12, hours=1e-4)])
        follow(tx, None, speed=24000.0)
    found = goodstanding("reputation", "why", str(CAMPAIGN), "--json").json
    assert found["shown"]["since"] == pytest.approx(now - 60)
    assert all(one["since"] == pytest.approx(now - 60) for one in found["shown"]["standings"])
    assert all(abs(one["at"] - now) < DAY for one in found["behind"])
    assert found["behind"][0]["words"] == "abuse reported by fbl@example.net"
    said = goodstanding("reputation", "why", str(CAMPAIGN))
    assert (said.code, said.err) == (0, "")
    assert goodstanding("reputation", "show", str(CAMPAIGN)).code == 0


def test_the_rung_is_told_beside_the_evidence(goodstanding: Command, told: Database) -> None:
    add_subscription(told, "shop/news", Stream.BULK, "eve")
    goodstanding("standing", "slow", "subscription:shop/news", "--because", "a new list")
    said = goodstanding("reputation", "show", "subscription:shop/news").out
    assert "nothing has to answer for anything now" in said
    assert "rung: slowed" in said


def test_a_reinstated_key_says_since_when(goodstanding: Command, told: Database) -> None:
    with told.tx() as tx:
        journal.append(tx, [reinstated(time.time() - 60, CAMPAIGN)])
        follow(tx, None)
    found = goodstanding("reputation", "show", str(CAMPAIGN), "--json").json
    assert found["since"] == pytest.approx(time.time(), abs=120)
    assert found["standings"] == []


def test_what_has_not_been_folded_is_told(goodstanding: Command, told: Database) -> None:
    with told.tx() as tx:
        journal.append(tx, campaign(time.time() - 60, 10, 0))
    assert goodstanding("reputation", "show", str(CAMPAIGN), "--json").json["waiting"] == 10
    assert "10 journal entries are not in it yet" in goodstanding("reputation", "show", str(CAMPAIGN)).out


def test_building_it_anew_comes_to_the_same(goodstanding: Command, told: Database) -> None:
    before = stored(told)
    found = goodstanding("reputation", "rebuild", "--json").json
    assert (found["events"], found["cells"]) == (322, 1)
    assert stored(told) == before
    assert "322 events folded" in goodstanding("reputation", "rebuild").out


def test_building_it_anew_tells_of_what_it_cannot_read(goodstanding: Command, told: Database) -> None:
    with told.tx() as tx:
        tx.run("UPDATE journal SET details = '{}' WHERE seq = (SELECT MIN(seq) FROM journal)")
    found = goodstanding("reputation", "rebuild", "--json").json
    assert (found["events"], [one["kind"] for one in found["unread"]]) == (321, ["delivered"])
    assert "cannot be read and count for nothing: 1, from number" in goodstanding("reputation", "rebuild").out


def stored(database: Database) -> list[list[tuple[object, ...]]]:
    with database.read() as tx:
        harm = "SELECT cell, signal, at, message, n FROM reputation_harm ORDER BY cell, signal, at"
        tables = ("SELECT * FROM reputation_cell ORDER BY id", "SELECT * FROM reputation_state ORDER BY name", harm)
        return [tx.rows(query) for query in tables]


@pytest.mark.parametrize(
    ("key", "words"), [("shop/news", "write it as kind:name"), ("tenant:nobody", "nothing is known of tenant:nobody")]
)
def test_a_key_that_is_none_or_unknown_is_said(goodstanding: Command, told: Database, key: str, words: str) -> None:
    for verb in ("show", "why"):
        said = goodstanding("reputation", verb, key)
        assert (said.code, words in said.err) == (1, True)

"""Looking at quarantine, deciding about it, and reading why: from the command line, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from goodstanding.admission.facts import Action, Finding
from goodstanding.events import Judged, Quarantined, Refused
from goodstanding.model import Identity, MessageId, Stream, SubscriptionName, TenantName, message_name
from goodstanding.operate.opening import open_estate
from goodstanding.settings import Settings, StoreSettings
from goodstanding.store import estate, journal, quarantine
from goodstanding.store.quarantine import Kept
from tests.cli.conftest import Command
from tests.cli.stock import BANK, NEWS, NOW, SHOP, Stock

BUDGET = Finding("trust-budget", Action.QUARANTINE, "50 of 50 strangers are outstanding", "wait for evidence")
REMARK = Finding("unusual-hour", Action.ACCEPT, "it never sent at 3 o'clock", "nothing")


def encoded(*findings: Finding) -> str:
    return msgspec.json.encode(findings).decode()


class Held(Stock):
    """A queue with mail in quarantine."""

    def hold(self, identity: Identity, sender: str, *recipients: str, campaign: int = 12, only: int = -1) -> MessageId:
        """Queue a message and hold its recipients, or only one of them."""
        message = self.put(identity, sender, recipients)
        rows = [
            Kept(
                message,
                n,
                *(identity.tenant, identity.subscription, campaign),
                b"p" * 16,
                address,
                NOW,
                NOW + 9e9,
                True,
                encoded(BUDGET, REMARK),
            )
            for n, address in enumerate(recipients)
            if only in (-1, n)
        ]
        judged = Judged(identity.tenant, message, NOW, identity.subscription, "quarantine", encoded(BUDGET, REMARK))
        held = [
            Quarantined(
                *(identity.tenant, message, row.n, NOW, row.recipient), identity.subscription, campaign, row.findings
            )
            for row in rows
        ]
        with self.database.tx() as tx:
            for row in rows:
                tx.run("UPDATE recipient SET state = 'held' WHERE message = ? AND n = ?", (message, row.n))
            quarantine.add(tx, rows)
            journal.append(tx, [judged, *held])
        return message

    def states(self, message: MessageId) -> list[tuple[object, ...]]:
        return self.tx_rows(f"SELECT state, wish FROM recipient WHERE message = {message} ORDER BY n")

    def campaign_state(self) -> object:
        return self.tx_rows("SELECT state FROM campaign WHERE id = 12")[0][0]


@pytest.fixture
def held(data_dir: Path, database_url: str) -> Iterator[Held]:
    """The quarantine the commands see."""
    config = data_dir.parent / "goodstanding.toml"
    url = database_url if database_url.startswith("postgresql") else ""
    config.write_text(f'data_dir = "{data_dir}"\n[store]\nurl = "{url}"\n')
    database, _ = open_estate(Settings(data_dir=str(data_dir), store=StoreSettings(url=url)))
    with database.tx() as tx:
        for name, stream in (("shop/otp", SHOP.stream), ("shop/login", SHOP.stream), ("shop/news", NEWS.stream)):
            estate.add_subscription(tx, name, stream, NOW)
        estate.add_subscription(tx, "bank/alerts", BANK.stream, NOW)
        tx.insert(
            "INSERT INTO domain (name, tenant, created, stream, state) VALUES",
            [
                ("shop.example", "shop", NOW, "transactional", "verified"),
                ("news.example", "shop", NOW, "bulk", "verified"),
            ],
        )
        tx.insert(
            "INSERT INTO campaign (id, tenant, subscription, name, first, last, sketch, octets) VALUES",
            [(12, "shop", "shop/otp", "Your invitation", NOW, NOW, b"", b"")],
        )
    yield Held(database, data_dir / "spool")
    database.close()


def test_an_empty_quarantine_says_so(goodstanding: Command, held: Held) -> None:
    assert goodstanding("quarantine", "list").out == "Nothing is held.\n"
    assert goodstanding("quarantine", "list", "--json").out == ""


def test_campaigns_are_listed_with_count_subject_and_reason(goodstanding: Command, held: Held) -> None:
    held.hold(SHOP, "a@shop.example", "ann@x.example", "bob@y.example")
    held.hold(BANK, "", "dan@z.example", campaign=13)
    said = goodstanding("quarantine", "list")
    assert [word in said.out for word in ("12", "Your invitation", "50 of 50 strangers", "shop/otp", "13")] == [
        True
    ] * 5
    first, second = goodstanding("quarantine", "list", "--json").lines
    assert (first["campaign"], first["recipients"], first["findings"][0]["slug"]) == ("12", 2, "trust-budget")
    assert second["campaign"] == "13"


def test_a_list_names_what_holds_and_no_remark(goodstanding: Command, held: Held) -> None:
    held.hold(SHOP, "a@shop.example", "ann@x.example")
    said = goodstanding("quarantine", "list").out
    assert "50 of 50 strangers" in said and "3 o'clock" not in said
    assert "unusual-hour" in goodstanding("quarantine", "show", "12").out


def test_recipients_are_shown_with_findings_and_remedy(goodstanding: Command, held: Held) -> None:
    message = held.hold(SHOP, "a@shop.example", "ann@x.example", "bob@y.example")
    said = goodstanding("quarantine", "show", "bob@y.example").out
    assert "bob@y.example" in said and "ann@x.example" not in said and "wait for evidence" in said
    assert len(goodstanding("quarantine", "show", message_name(message), "--json").lines) == 2
    assert len(goodstanding("quarantine", "show", "12", "--json").lines) == 2


def test_some_are_released_and_the_campaign_stays_undecided(goodstanding: Command, held: Held) -> None:
    message = held.hold(SHOP, "a@shop.example", "ann@x.example", "bob@y.example")
    assert goodstanding("quarantine", "release", "ann@x.example").out == "1 released.\n"
    assert held.states(message) == [("waiting", ""), ("held", "")]
    assert held.campaign_state() == ""


def test_a_whole_campaign_is_released_and_what_follows_is_cleared(goodstanding: Command, held: Held) -> None:
    message = held.hold(SHOP, "a@shop.example", "ann@x.example", "bob@y.example")
    said = goodstanding("quarantine", "release", "campaign=12", "--because", "the launch", "--json").json
    assert (said["changed"], said["campaign"]) == (2, "12")
    assert held.states(message) == [("waiting", ""), ("waiting", "")] and held.campaign_state() == "released"
    assert "out of quarantine, released by" in goodstanding("trace", message_name(message)).out
    assert goodstanding("quarantine", "undecide", "campaign=12").code == 0
    assert held.campaign_state() == ""


def test_a_campaign_is_refused_and_its_mail_goes_back(goodstanding: Command, held: Held) -> None:
    message = held.hold(SHOP, "a@shop.example", "ann@x.example")
    assert goodstanding("quarantine", "refuse", "campaign=12").code == 1  # nobody can be asked
    assert goodstanding("quarantine", "refuse", "campaign=12", "--because", "a bought list", "--yes").code == 0
    assert held.states(message) == [("waiting", "bounce")] and held.campaign_state() == "refused"
    ((reply,),) = held.tx_rows("SELECT last_reply FROM recipient")
    assert "a bought list" in str(reply) and "[trust-budget]" in str(reply)


def test_mail_moves_to_a_subscription_that_may_send_as_its_domain(goodstanding: Command, held: Held) -> None:
    message = held.hold(SHOP, "a@shop.example", "ann@x.example")
    assert goodstanding("quarantine", "move", "12", "--to", "shop/login").out == "1 moved.\n"
    assert held.tx_rows("SELECT subscription, stream FROM message") == [("shop/login", "transactional")]
    assert held.states(message) == [("waiting", "")]


BAD_MOVES = [
    ("shop/news", "shop.example is for transactional mail"),
    ("shop/otp", "release it"),
    ("bank/alerts", "tenant shop"),
    ("shop/none", "there is no subscription"),
]


@pytest.mark.parametrize(("to", "because"), BAD_MOVES)
def test_mail_that_cannot_move_stays_and_says_why(goodstanding: Command, held: Held, to: str, because: str) -> None:
    message = held.hold(SHOP, "a@shop.example", "ann@x.example")
    said = goodstanding("quarantine", "move", "12", "--to", to)
    assert said.code == 1 and because in said.err.replace("\n", " ")
    assert held.states(message) == [("held", "")]


def test_mail_without_permission_or_a_way_out_does_not_become_bulk(goodstanding: Command, held: Held) -> None:
    held.hold(SHOP, "a@news.example", "ann@x.example")
    said = goodstanding("quarantine", "move", "12", "--to", "shop/news")
    assert said.code == 1 and "ann@x.example: " in said.err


def test_mail_without_one_click_does_not_become_bulk(goodstanding: Command, held: Held) -> None:
    held.hold(SHOP, "a@news.example", "ann@x.example")
    with held.database.tx() as tx:
        tx.insert(
            'INSERT INTO ledger (tenant, person, id, at, kind, what, stream, "class", address) VALUES',
            [("shop", b"p" * 16, 1, NOW, "permission", "double-opt-in", "bulk", "individual", "ann@x.example")],
        )
    said = goodstanding("quarantine", "move", "12", "--to", "shop/news")
    assert said.code == 1 and "it has no one-click unsubscribe" in said.err.replace("\n", " ")


def test_only_whole_messages_move(goodstanding: Command, held: Held) -> None:
    held.hold(SHOP, "a@shop.example", "ann@x.example", "bob@y.example", only=1)
    said = goodstanding("quarantine", "move", "12", "--to", "shop/login")
    assert said.code == 1 and "only whole messages move" in said.err.replace("\n", " ")


BAD_TERMS = [
    (["release"], "say which"),
    (["release", "nonsense=1"], "there is no field nonsense"),
    (["release", "campaign=x"], "not the number"),
    (["release", "message=1"], "not a message id"),
    (["release", "campaign=99"], "there is no campaign 99"),
    (["undecide", "recipient=a@b"], "only a campaign"),
]


@pytest.mark.parametrize(("words", "problem"), BAD_TERMS)
def test_bad_terms_are_explained(goodstanding: Command, held: Held, words: list[str], problem: str) -> None:
    said = goodstanding("quarantine", *words)
    assert said.code == 1 and problem in said.err


def test_why_tells_every_finding_and_what_it_means(goodstanding: Command, held: Held) -> None:
    message = held.hold(SHOP, "a@shop.example", "ann@x.example")
    said = goodstanding("why", message_name(message)).out
    for words in ("held", "trust-budget", "unusual-hour", "50 of 50 strangers", "wait for evidence", "0.3 %"):
        assert words in said
    (one,) = goodstanding("why", "ann@x.example", "--json").json
    assert (one["fate"], one["would_be"], one["findings"][0]["slug"]) == ("held", "quarantine", "trust-budget")
    assert len(one["findings"]) == 2
    goodstanding("quarantine", "release", "12")
    assert goodstanding("why", message_name(message), "--json").json[0]["fate"] == "released"


def test_why_tells_of_accepted_refused_and_shadowed_mail(goodstanding: Command, held: Held) -> None:
    plain = held.put(SHOP, "a@shop.example", ["ann@x.example"])
    shadowed = held.put(SHOP, "a@shop.example", ["bob@y.example"])
    refused = Refused(
        "shop",
        NOW,
        "shop/otp",
        "127.0.0.1",
        "a@shop.example",
        "eve@z.example",
        "550 5.7.1 no",
        findings=encoded(BUDGET),
    )
    with held.database.tx() as tx:
        journal.append(tx, [refused, Judged("shop", shadowed, NOW, "shop/otp", "refuse", encoded(BUDGET), True)])
    assert "admission was off" in goodstanding("why", message_name(plain)).out
    assert "not applied (shadow)" in goodstanding("why", message_name(shadowed)).out
    (one,) = goodstanding("why", "eve@z.example", "--json").json
    assert (one["fate"], one["message"], one["because"]) == ("refused", "", "550 5.7.1 no")
    assert goodstanding("why", "nobody@nowhere.example").code == 1


def test_reasons_are_explained(goodstanding: Command) -> None:
    assert "cold-on-transactional" in goodstanding("reasons").out
    assert "What to do" in goodstanding("reasons", "trust-budget").out
    assert goodstanding("reasons", "trust-budget", "--json").json["title"]
    assert "did you mean trust-budget" in goodstanding("reasons", "trust-bugdet").err


def test_a_stranger_cannot_steer_the_terminal(goodstanding: Command, held: Held) -> None:
    who = Identity(TenantName("shop"), SubscriptionName("shop/otp"), Stream.TRANSACTIONAL)
    held.hold(who, "a@shop.example", "\x1b[2Jann@x.example")
    assert "\x1b" not in goodstanding("quarantine", "show", "--limit", "5").out + goodstanding("quarantine", "list").out


def test_one_message_stays_and_several_stay(goodstanding: Command, held: Held) -> None:
    held.hold(SHOP, "a@shop.example", "ann@x.example")
    assert "1 message stays: " in goodstanding("quarantine", "move", "12", "--to", "shop/news").err
    held.hold(SHOP, "a@shop.example", "bob@x.example")
    assert "2 messages stay: " in goodstanding("quarantine", "move", "12", "--to", "shop/news").err

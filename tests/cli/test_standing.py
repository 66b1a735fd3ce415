"""The commands about standing and reviews say the same to people and to programs."""

from pathlib import Path

import pytest

from goodstanding.evidence import Reviewed
from goodstanding.model import Stream
from goodstanding.operate.subscriptions import add_subscription
from goodstanding.store import journal
from goodstanding.store.db import Database
from tests.cli.conftest import Command
from tests.cli.stock import Stock

NEWS = "subscription:shop/news"
WHY = ("--because", "traps in the list")


@pytest.fixture(autouse=True)
def shop(stock: Stock) -> None:
    add_subscription(stock.database, "shop/news", Stream.BULK, "eve")


def test_everybody_is_good_until_somebody_is_not(goodstanding: Command) -> None:
    assert "good standing" in goodstanding("standing", "list").out
    assert goodstanding("standing", "list", "--json").json == []
    goodstanding("standing", "slow", NEWS, *WHY)
    assert "slowed" in goodstanding("standing", "list").out
    (one,) = goodstanding("standing", "list", "--json").json
    assert (one["effective"], one["orders"][0]["what"], one["orders"][0]["rate"]) == ("slowed", "pace", 100.0)


@pytest.mark.parametrize(("verb", "rung"), [("slow", "slowed"), ("suspend", "suspended"), ("close", "closed")])
def test_the_operators_hand_is_shown_with_its_reason(goodstanding: Command, verb: str, rung: str) -> None:
    assert f"{NEWS} on bulk is {rung} now" in goodstanding("standing", verb, NEWS, *WHY).out
    said = goodstanding("standing", "show", NEWS).out
    assert "traps in the list" in said
    assert f"operator {rung}" in said
    assert f"good -> {rung}" in said


def test_a_term_ends(goodstanding: Command) -> None:
    document = goodstanding("standing", "suspend", NEWS, *WHY, "--days", "2", "--json").json
    position = document[0]["position"]
    assert position["term"] - position["since"] == pytest.approx(2 * 86_400)


def test_a_page_shows_the_same_as_the_command(goodstanding: Command) -> None:
    goodstanding("standing", "suspend", NEWS, *WHY)
    (shown,) = goodstanding("standing", "show", NEWS, "--json").json
    assert (shown["page"]["title"], shown["page"]["operator"], shown["link"]) == ("Suspended", "suspended", "")
    assert shown["page"]["history"][0]["because"] == "traps in the list"


def test_a_reason_is_needed(goodstanding: Command) -> None:
    assert goodstanding("standing", "suspend", NEWS).code == 2
    assert "needs a reason" in goodstanding("standing", "suspend", NEWS, "--because", " ").err


def test_a_review_from_the_command_line(goodstanding: Command) -> None:
    goodstanding("standing", "suspend", NEWS, *WHY)
    opened = goodstanding("review", "open", NEWS, "--json").json
    assert (opened["name"], len(opened["missing"])) == ("shop-1", 7)
    assert "source: Where do the addresses come from" in goodstanding("review", "open", NEWS).out
    answers = [f"{name}=said" for name in opened["missing"]]
    assert goodstanding("review", "answer", "shop-1", *answers, "--json").json["missing"] == []
    assert "answered" in goodstanding("review", "list").out
    shown = goodstanding("review", "show", "shop-1").out
    assert "subscription:shop/news: suspended" in shown
    decided = goodstanding("review", "decide", "shop-1", "reinstate", "--because", "the list is gone")
    assert "shop-1 is decided: reinstated" in decided.out
    assert goodstanding("standing", "list", "--json").json[0]["effective"] == "reinstated"
    assert goodstanding("review", "list", "--json").json == []
    assert goodstanding("review", "list", "--all", "--json").json[0]["case"]["because"] == "the list is gone"


def test_each_step_of_a_review_says_whose_it_is(goodstanding: Command, data_dir: Path) -> None:
    """Webhooks make the address of the standing page of it, stream and all."""
    goodstanding("standing", "suspend", NEWS, *WHY)
    goodstanding("review", "open", NEWS)
    goodstanding("standing", "reinstate", NEWS, *WHY)
    with Database(f"sqlite:///{data_dir / 'goodstanding.db'}").read() as tx:
        steps = [event for event in journal.after(tx, 0, 1000)[0] if isinstance(event, Reviewed)]
    assert [(one.step, one.key, one.stream) for one in steps] == [
        ("opened", NEWS, "bulk"),
        ("reinstated", NEWS, "bulk"),
    ]


def test_a_decision_with_open_questions_says_so(goodstanding: Command) -> None:
    goodstanding("standing", "suspend", NEWS, *WHY)
    goodstanding("review", "open", NEWS)
    said = goodstanding("review", "decide", "shop-1", "reinstate", *WHY)
    assert (said.code, "--anyway" in said.err) == (1, True)
    done = goodstanding("review", "decide", "shop-1", "reinstate", *WHY, "--anyway").out
    assert "shop-1 is decided: reinstated. Without an answer to: kind, source" in done


def test_the_operators_hand_is_lifted(goodstanding: Command) -> None:
    goodstanding("standing", "slow", NEWS, *WHY)
    assert f"{NEWS} on bulk is good now" in goodstanding("standing", "lift", NEWS, *WHY).out
    assert "Everybody is in good standing" in goodstanding("standing", "list").out
    assert goodstanding("standing", "lift", NEWS, *WHY).code == 1


def test_in_shadow_it_is_said_where_somebody_would_stand(goodstanding: Command) -> None:
    goodstanding("subscription", "set", "shop/news", "--shadow")
    assert "would be suspended: it is in shadow" in goodstanding("standing", "suspend", NEWS, *WHY).out
    assert "would be suspended" in " ".join(goodstanding("standing", "list").out.split())
    assert "nothing of this is applied and nobody was told" in " ".join(
        goodstanding("standing", "show", NEWS).out.split()
    )


def test_a_question_that_is_not_asked_is_named(goodstanding: Command) -> None:
    goodstanding("standing", "suspend", NEWS, *WHY)
    goodstanding("review", "open", NEWS)
    said = goodstanding("review", "answer", "shop-1", "sauce=x")
    assert (said.code, "there is no question sauce; they are kind, source" in said.err) == (1, True)


def test_a_contact_is_kept_with_the_tenant(goodstanding: Command) -> None:
    goodstanding("tenant", "set", "shop", "--contact", "Postmaster@Shop.Example")
    (tenant,) = goodstanding("tenant", "list", "--json").json
    assert tenant["contact"].lower() == "postmaster@shop.example"
    assert goodstanding("tenant", "set", "shop", "--contact", "nobody").code == 1


def test_a_penalty_pool_is_apart(goodstanding: Command) -> None:
    added = goodstanding(
        "pool", "add", "apart", "--stream", "bulk", "--penalty", "--address", "203.0.113.9", "--hello", "a.example.net"
    )
    assert added.code == 0
    (pool,) = goodstanding("pool", "list", "--json").json
    assert pool["penalty"] is True
    assert "mail in penalty only" in goodstanding("subscription", "set", "shop/news", "--pool", "apart").err


def test_a_stream_that_is_none_is_refused(goodstanding: Command) -> None:
    assert goodstanding("standing", "suspend", "tenant:shop", *WHY, "--stream", "wrong").code == 2


def test_the_answer_names_the_stream_and_the_way_back_is_by_stream(goodstanding: Command) -> None:
    for stream in ("bulk", "outreach"):
        said = goodstanding("standing", "suspend", "tenant:shop", *WHY, "--stream", stream).out
        assert f"tenant:shop on {stream} is suspended now" in said
    said = goodstanding("standing", "reinstate", "tenant:shop", *WHY, "--stream", "outreach").out
    assert said.startswith("tenant:shop on outreach is reinstated now")
    found = goodstanding("standing", "list", "--json").json
    assert {one["position"]["account"]["stream"]: one["effective"] for one in found} == {
        "bulk": "suspended",
        "outreach": "reinstated",
    }


def test_a_subscription_cannot_be_stopped_on_a_stream_that_it_never_sends_on(goodstanding: Command) -> None:
    assert "sends on bulk, not on outreach" in goodstanding("standing", "slow", NEWS, *WHY, "--stream", "outreach").err


@pytest.mark.parametrize(
    ("key", "command"),
    [("campaign:17", "quarantine list"), ("tenant:nobody", "tenant list"), ("domain:no.example", "domain list")],
)
def test_what_is_not_there_is_looked_for_with_a_command_that_is(goodstanding: Command, key: str, command: str) -> None:
    assert f"goodstanding {command}" in goodstanding("standing", "show", key).err
    assert goodstanding(*command.split()).code == 0

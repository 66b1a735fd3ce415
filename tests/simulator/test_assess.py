"""An assessment adds up, is the same for the same seed, and says what everybody in the trade would say."""

import msgspec
import numpy as np
import pytest
from msgspec import structs

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assess import assessment, perform, plan
from goodstanding.simulator.campaign import Group, Message
from goodstanding.simulator.outcome import Assessment
from goodstanding.simulator.question import Question, Task
from goodstanding.simulator.summary import Runs, joined
from tests.simulator.worlds import campaign, question, settled


def answered(asked: Question) -> Assessment:
    tasks = plan(asked)
    return assessment(asked, tasks, [perform(asked, task) for task in tasks])


def runs_of(asked: Question, route: str, change: str = "") -> Runs:
    return perform(asked, Task(route, change, 0, asked.runs))


@pytest.mark.parametrize("route", ["azure", "exchange-online", "ses", "dedicated", "goodstanding"])
@pytest.mark.parametrize("follow_ups", [0, 2])
def test_everybody_is_written_to_once_and_ends_somewhere(route: str, follow_ups: int) -> None:
    asked = campaign(message=Message(follow_ups=follow_ups))
    runs = runs_of(question(asked, route, runs=20), route)
    ends = sum(runs.sums[name] for name in ("inbox", "junk", "unseen", "refused", "bounced", "traps"))
    assert np.array_equal(ends, runs.sums["sent"])
    first = runs.sums["sent"] + runs.unsent
    assert (first >= asked.recipients).all()
    assert (first <= asked.recipients * (1 + follow_ups)).all()
    assert (runs.sums["complained"] + runs.sums["left"] <= runs.sums["inbox"]).all()


def test_the_same_seed_gives_the_same_numbers() -> None:
    asked = question(campaign(), "azure", "goodstanding", runs=10)
    assert msgspec.json.encode(answered(asked)) == msgspec.json.encode(answered(asked))


def test_more_luck_is_not_borrowed_from_the_route() -> None:
    """Routes are compared with the same people: what differs is what the route does."""
    asked = question(campaign(), "azure", "dedicated", runs=10)
    assert np.array_equal(
        runs_of(asked, "azure").drawn["cold.complained"], runs_of(asked, "dedicated").drawn["cold.complained"]
    )


def test_cold_mail_is_not_for_a_high_trust_platform_and_costs_its_other_mail() -> None:
    found = answered(question(campaign(count=8000), "azure", "exchange-online", "dedicated"))
    assert [one.answer for one in found.verdicts[:2]] == ["do-not-send", "do-not-send"]
    for verdict in found.verdicts[:2]:
        assert {"cold-on-high-trust", "other-mail-harmed"} <= {reason.slug for reason in verdict.reasons}
    dedicated = found.routes[2]
    assert dedicated.isolated
    assert all(harm.junk.p95 + harm.lost.p95 == 0.0 for harm in dedicated.harms)


def test_wanted_mail_is_sent() -> None:
    receipts = campaign(Expectation.AWAITED, source="customers", message=Message(one_click=True))
    assert answered(question(receipts, "azure", "goodstanding")).verdict.answer == "send"


def test_permission_is_what_helps() -> None:
    found = answered(question(campaign(count=8000), "azure"))
    helping = {change.slug for change in found.verdict.changes if change.helps}
    assert "permission" in helping
    rates = {change.slug: change.complaint_rate for change in found.verdict.changes}
    assert rates["one-click"] < found.routes[0].complaint_rate.p50
    assert rates["permission"] < rates["one-click"]


def test_the_assumption_that_moves_the_complaint_rate_is_how_many_complain() -> None:
    found = answered(question(campaign(), "azure", runs=100))
    strongest = next(one for one in found.influences if one.of == "complaint rate")
    assert strongest.slug == "cold.complained"
    assert strongest.correlation > 0.8


def test_only_what_was_used_is_listed() -> None:
    found = answered(question(campaign(), "azure", runs=5))
    groups = {one.slug.partition(".")[0] for one in found.assumptions}
    assert {"cold", "azure", "people", "provider"} <= groups
    assert "google-workspace" not in groups


def test_a_million_recipients_are_as_quick_as_a_thousand() -> None:
    asked = question(campaign(count=1_000_000), "ses", runs=2, known=settled({"ses.hourly": 0.0, "ses.daily": 0.0}))
    runs = runs_of(asked, "ses")
    assert (runs.sums["sent"] + runs.unsent == 1_000_000).all()


def test_pieces_of_a_route_are_told_as_one() -> None:
    asked = question(campaign(), "azure", runs=1000)
    tasks = [task for task in plan(asked) if not task.change]
    assert [(task.start, task.runs) for task in tasks] == [(0, 500), (500, 500)]


def test_a_few_strangers_are_to_be_left_out() -> None:
    known = campaign(Expectation.AWAITED, count=4000, source="asked", message=Message(one_click=True))
    mixed = structs.replace(known, groups=(*known.groups, Group(Expectation.COLD, "google", "asked", 3)))
    (verdict,) = answered(question(mixed, "azure", runs=20)).verdicts
    (reason,) = [one for one in verdict.reasons if one.slug == "cold-on-high-trust"]
    assert (verdict.answer, reason.remedy) == ("send-differently", "leave them out")


@pytest.mark.parametrize("expectation", [Expectation.COLD, Expectation.SUBSCRIBED])
def test_what_is_done_with_mail_in_the_inbox_is_told(expectation: Expectation) -> None:
    """Opened, deleted unread or neither: what the assumptions say, and together everything that was there."""
    asked = question(campaign(expectation, count=40_000), "dedicated", runs=20, known=settled())
    (route,) = answered(asked).routes
    assert route.opened.p50 == pytest.approx(asked.assumptions[f"{expectation}.opened"].likely, rel=0.1)
    assert route.deleted.p50 == pytest.approx(asked.assumptions[f"{expectation}.deleted"].likely, rel=0.1)
    assert route.opened.mean + route.deleted.mean + route.ignored.mean == pytest.approx(1.0)


@pytest.mark.parametrize("route", ["azure", "dedicated"])
def test_pieces_are_told_as_one_where_only_some_come_to_a_stage(route: str) -> None:
    """An assumption of which only a stage makes use is known in every piece, or they could not be put together."""
    asked = question(campaign(count=400), route, runs=2)
    some = [perform(asked, Task(route, "", start, 2)) for start in range(30)]
    rare = [runs for runs in some if not np.isfinite(runs.reached["suspended"][0]).any()]
    often = [runs for runs in some if np.isfinite(runs.reached["suspended"][0]).any()]
    assert rare and often
    assert joined([often[0], rare[0]]).drawn.keys() == joined([rare[0], often[0]]).drawn.keys()

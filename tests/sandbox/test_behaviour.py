"""How people behave: rates come out as they are set, junk is silent, and one seed tells one story."""

from dataclasses import replace
from math import exp, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.sandbox.behaviour import (
    HOUR,
    Act,
    BehaviourSettings,
    Expectation,
    Letter,
    Past,
    Pasts,
    Placement,
    Reaction,
    complaint_rate,
    draws,
    objection_delay,
    react,
    remember,
    tone,
)

USUAL = BehaviourSettings()
MANY = 20_000
EXPECTATIONS = list(Expectation)


def reactions(
    letter: Letter,
    place: Placement = "inbox",
    *,
    person: str = "ann",
    seed: str = "s",
    settings: BehaviourSettings = USUAL,
) -> list[Reaction]:
    return react(letter, place, Past(), draws(seed, person, "<1@shop.example>"), settings)


def shares(letter: Letter, place: Placement = "inbox") -> dict[Act, float]:
    """How often each act happens among many people."""
    acts = [one.act for n in range(MANY) for one in reactions(letter, place, person=str(n))]
    return {act: acts.count(act) / MANY for act in Act}


def close(share: float, rate: float) -> bool:
    """Within four standard deviations."""
    return abs(share - rate) <= 4 * sqrt(rate * (1 - rate) / MANY) + 1e-9


@pytest.mark.parametrize("expectation", EXPECTATIONS)
def test_in_the_inbox_people_act_as_often_as_the_settings_say(expectation: Expectation) -> None:
    habits, found = USUAL.habits(expectation), shares(Letter(expectation, one_click=True))
    assert close(found[Act.OPENED], habits.opened)
    assert close(found[Act.CLICKED], habits.clicked)
    assert close(found[Act.REPLIED], habits.replied)
    assert close(found[Act.DELETED], habits.deleted)
    assert close(found[Act.COMPLAINED], habits.complained)
    assert close(found[Act.UNSUBSCRIBED], habits.unsubscribed)
    assert found[Act.RESCUED] == 0


def test_cold_mail_crosses_one_percent_and_awaited_mail_does_not_come_near() -> None:
    cold, awaited = shares(Letter(Expectation.COLD)), shares(Letter(Expectation.AWAITED))
    assert cold[Act.COMPLAINED] > 0.01 > 0.001 > awaited[Act.COMPLAINED]


@pytest.mark.parametrize("expectation", EXPECTATIONS)
@pytest.mark.parametrize("place", ["junk", "dropped"])
def test_nobody_complains_answers_or_leaves_where_mail_is_not_seen(expectation: Expectation, place: Placement) -> None:
    found = shares(Letter(expectation, one_click=True), place)
    assert not any(found[act] for act in (Act.COMPLAINED, Act.REPLIED, Act.UNSUBSCRIBED, Act.DELETED))
    assert close(found[Act.RESCUED], USUAL.habits(expectation).rescued if place == "junk" else 0.0)


def test_without_a_way_out_some_report_spam_instead() -> None:
    with_it, without = shares(Letter(Expectation.COLD, one_click=True)), shares(Letter(Expectation.COLD))
    assert without[Act.UNSUBSCRIBED] == 0
    instead = USUAL.cold.unsubscribed * USUAL.complain_instead
    assert close(without[Act.COMPLAINED], USUAL.cold.complained + instead)
    assert with_it[Act.COMPLAINED] < without[Act.COMPLAINED]


def test_complaints_come_after_the_delay_that_is_set() -> None:
    delays = [objection_delay(draws("s", str(n)), USUAL) for n in range(MANY)]
    for hours in (1, 2, 8, 24, 72):
        expected = 1 - 0.6 * exp(-hours / 2) - 0.4 * exp(-hours / 24)
        assert close(sum(delay <= hours * HOUR for delay in delays) / MANY, expected)


@pytest.mark.parametrize(
    ("past", "factor"),
    [
        (Past(), 1.0),
        (Past(ignored=1), 1.5),
        (Past(ignored=2), 2.0),
        (Past(ignored=50), 4.0),
        (Past(replied=True), 0.3),
        (Past(left=True), 10.0),
        (Past(ignored=50, left=True), 40.0),
    ],
)
def test_the_past_with_a_sender_makes_a_complaint_likelier_or_not(past: Past, factor: float) -> None:
    letter = Letter(Expectation.COLD, one_click=True)
    assert complaint_rate(letter, past, USUAL) == pytest.approx(factor * USUAL.cold.complained)


def test_a_rate_is_never_more_than_all() -> None:
    furious = replace(USUAL, cold=replace(USUAL.cold, complained=0.9))
    assert complaint_rate(Letter(Expectation.COLD), Past(left=True), furious) == 1.0


def test_the_same_seed_and_message_give_the_same_story_and_others_another() -> None:
    letter = Letter(Expectation.COLD)
    told = [[reactions(letter, person=str(n), seed=seed) for n in range(300)] for seed in ("a", "a", "b")]
    assert told[0] == told[1] != told[2]
    draw = draws("a", "ann", "<1@x>")
    assert draw("opened") == draws("a", "ann", "<1@x>")("opened") != draw("deleted")
    assert draws("a", "an", "n") is not draws and draws("a", "an", "n")("x") != draws("a", "ann", "")("x")


letters = st.builds(Letter, st.sampled_from(EXPECTATIONS), st.booleans())
pasts = st.builds(Past, st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans(), st.booleans())
places: st.SearchStrategy[Placement] = st.sampled_from(["inbox", "junk", "dropped"])


@given(letters, places, pasts, st.text(max_size=20))
def test_a_plan_is_in_order_and_nobody_both_complains_and_leaves(
    letter: Letter, place: Placement, past: Past, person: str
) -> None:
    plan = react(letter, place, past, draws("s", person), USUAL)
    acts = [one.act for one in plan]
    assert [one.after for one in plan] == sorted(one.after for one in plan)
    assert all(one.after >= 0 for one in plan)
    assert len(acts) == len(set(acts))
    assert not {Act.COMPLAINED, Act.UNSUBSCRIBED} <= set(acts)
    assert not {Act.OPENED, Act.DELETED} <= set(acts)
    assert {Act.OPENED} >= {Act.OPENED for act in acts if act in (Act.CLICKED, Act.REPLIED)}


@given(letters, pasts, st.text(max_size=20), st.floats(0, 1))
def test_a_higher_complaint_rate_takes_no_other_act_away(
    letter: Letter, past: Past, person: str, complained: float
) -> None:
    habits = USUAL.habits(letter.expectation)
    more = replace(USUAL, **{letter.expectation.value: replace(habits, complained=max(habits.complained, complained))})
    plain, angry = (react(letter, "inbox", past, draws("s", person), one) for one in (USUAL, more))
    kept = {one.act for one in plain} - {Act.UNSUBSCRIBED}
    assert kept <= {one.act for one in angry}


def test_what_people_do_is_remembered() -> None:
    pasts = Pasts(most=2)
    past = pasts.of("ann@x", "shop.example")
    for act in (Act.DELETED, Act.DELETED, Act.OPENED, Act.CLICKED, Act.REPLIED, Act.UNSUBSCRIBED, Act.COMPLAINED):
        remember(past, act)
    assert past == Past(2, 1, replied=True, left=True, complained=True)
    assert pasts.of("ann@x", "shop.example") is past
    pasts.of("bob@x", "shop.example")
    pasts.of("cid@x", "shop.example")
    assert pasts.of("ann@x", "shop.example") == Past()


def test_answers_to_cold_mail_are_of_three_kinds_and_others_are_thanks() -> None:
    said = [tone(Expectation.COLD, draws("s", str(n)), USUAL) for n in range(MANY)]
    assert close(said.count("interested") / MANY, USUAL.interested)
    assert close(said.count("remove-me") / MANY, USUAL.remove_me)
    assert "thanks" not in said
    assert tone(Expectation.AWAITED, draws("s", "ann"), USUAL) == "thanks"

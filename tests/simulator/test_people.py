"""Counted people do what people drawn one by one do: as many, of the same, after the same time."""

from collections import Counter
from math import sqrt

import numpy as np
import pytest

from goodstanding.sandbox.behaviour import Act, BehaviourSettings, Expectation, Letter, Past, draws, react
from goodstanding.simulator.assumptions import Drawn
from goodstanding.simulator.people import ACTS, People
from tests.simulator.worlds import settled

MANY = 40_000
DAY = 86_400.0


def counted(expectation: Expectation, one_click: bool, hours: int) -> Counter[str]:
    people, dice = People(expectation, Drawn(settled(), 1, 1), 1, one_click), np.random.default_rng(5)
    people.arrive(np.full((1, 1), MANY), 0, dice)
    found: Counter[str] = Counter()
    for _ in range(hours):
        acts = people.act(3600.0, dice)
        for name in ACTS:
            found[name] += int(getattr(acts, name)[0, 0])
    return found


def drawn_one_by_one(expectation: Expectation, one_click: bool, hours: int) -> Counter[str]:
    found: Counter[str] = Counter()
    done = (Act.OPENED, Act.DELETED, Act.REPLIED, Act.COMPLAINED, Act.UNSUBSCRIBED)
    names = dict(zip(done, ACTS, strict=True))
    for n in range(MANY):
        letter = Letter(expectation, one_click)
        for reaction in react(letter, "inbox", Past(), draws("seed", str(n)), BehaviourSettings()):
            if reaction.act in names and reaction.after <= hours * 3600.0:
                found[names[reaction.act]] += 1
    return found


@pytest.mark.parametrize("hours", [4, 24 * 20])
@pytest.mark.parametrize("one_click", [False, True])
@pytest.mark.parametrize("expectation", [Expectation.COLD, Expectation.SUBSCRIBED])
def test_as_many_do_the_same_by_the_same_time(expectation: Expectation, one_click: bool, hours: int) -> None:
    ours, theirs = counted(expectation, one_click, hours), drawn_one_by_one(expectation, one_click, hours)
    for name in ACTS:
        apart = 4.0 * sqrt(ours[name] + theirs[name] + 1)
        # steps of an hour begin at arrival and are counted at their end, so up to an hour's worth is early or late
        assert abs(ours[name] - theirs[name]) <= apart + 0.02 * theirs[name], name


def test_each_message_that_was_deleted_annoys() -> None:
    people = People(Expectation.COLD, Drawn(settled(), 1, 1), 1, one_click=True)
    rates = [float(people.complaint_rate(earlier)[0]) for earlier in range(12)]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(BehaviourSettings().cold.complained)
    assert rates[-1] <= BehaviourSettings().annoyance_most * rates[0]


def test_nobody_does_anything_when_nothing_came() -> None:
    people = People(Expectation.COLD, Drawn(settled(), 3, 1), 2, one_click=True)
    acts = people.act(DAY, np.random.default_rng(1))
    assert not any(getattr(acts, name).any() for name in ACTS)
    assert people.idle

"""Simple facts that can be reckoned by hand come out of the simulation, too."""

from math import comb

import numpy as np
import pytest

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assess import perform
from goodstanding.simulator.assumptions import Assumption
from goodstanding.simulator.campaign import Campaign, Group, Message
from goodstanding.simulator.question import Question, Task
from goodstanding.simulator.summary import Runs
from tests.simulator.worlds import PLATFORMS, everything, settled

RUNS = 1500
NOBODY_JUNKS = {
    "provider.least": 1e9,
    "provider.stranger-junk": 0.0,
    "provider.unknown-junk": 1.0,
    "provider.unknown-block": 1.0,
    "provider.fingerprint": 0.0,
    "provider.ration": 0.0,
    "invalid.collected": 0.0,
    "traps.collected": 0.0,
    "dedicated.hourly": 0.0,
    "dedicated.daily": 0.0,
}
"""A world in which everything reaches the inbox at once."""


def everything_arrives(**more: float) -> dict[str, Assumption]:
    never = {slug: 1e9 for slug in everything() if slug.startswith("dedicated.") and slug.endswith(".least")}
    return settled(NOBODY_JUNKS | never | {name.replace("__", "."): value for name, value in more.items()})


def campaign_of(count: int, known: dict[str, Assumption]) -> Runs:
    everybody = (Group(Expectation.COLD, "other", "collected", count),)
    asked = Campaign("facts", everybody, Message(one_click=True))
    return perform(Question(asked, ("dedicated",), PLATFORMS, known, RUNS, 3), Task("dedicated", "", 0, RUNS))


def at_least(count: int, least: int, share: float) -> float:
    """The chance of so many or more among count, each with this chance."""
    return 1.0 - sum(comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(least))


@pytest.mark.parametrize(
    ("line", "true", "count"), [(0.001, 0.0005, 1000), (0.003, 0.005, 300), (0.01, 0.01, 1000), (0.01, 0.02, 300)]
)
def test_how_often_a_line_is_seen_crossed_is_binomial(line: float, true: float, count: int) -> None:
    """The chance that the observed complaint rate is at a line or above, after so many mails."""
    runs = campaign_of(count, everything_arrives(cold__complained=true))
    assert (runs.sums["inbox"] == count).all()
    seen = np.mean(runs.sums["complained"] >= line * count - 1e-9)
    exact = at_least(count, int(np.ceil(line * count - 1e-9)), true)
    assert seen == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / RUNS) + 0.002)


def test_bounces_are_as_many_as_the_list_has_dead_addresses() -> None:
    known = everything_arrives(invalid__collected=0.0314)
    runs = campaign_of(2000, known)
    assert np.mean(runs.sums["bounced"]) / 2000 == pytest.approx(0.0314, rel=0.02)


def test_half_of_the_complaints_have_come_when_the_mixture_says_so() -> None:
    """60 % with a mean of 2 hours and 40 % of 24: 52 % after 3 hours, 82 % after 24."""
    runs = campaign_of(4000, everything_arrives(cold__complained=0.05))
    hours, rates = runs.curves["complaint rate"]
    final = rates[:, -1]
    for after in (3.0, 24.0):
        exact = 0.6 * -np.expm1(-after / 2.0) + 0.4 * -np.expm1(-after / 24.0)
        seen = np.mean([np.interp(after, hours, row) / last for row, last in zip(rates, final, strict=True) if last])
        assert seen == pytest.approx(exact, abs=0.05)

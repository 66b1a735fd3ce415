"""What the mathematics promises, tried on simulated senders: seeds are fixed, so figures are too.

`python -m bench reputation` runs the same for longer; docs/reputation.md has its tables.
"""

import random

import pytest

from bench.senders import RULES, Sender, ever_reached, mails_before, per_year, wait, wald
from goodstanding.model import Signal
from goodstanding.reputation.blame import charges, standings
from goodstanding.reputation.cells import State
from goodstanding.reputation.fold import fold
from tests.reputation.mail import DAY, NEWS, START, SUBSCRIPTION, complained, delivered

SLOWED, SUSPENDED = RULES["goodstanding, slowed"], RULES["goodstanding, suspended"]


@pytest.mark.parametrize(("threshold", "runs"), [(20.0, 1000), (100.0, 2000), (1000.0, 4000)])
def test_at_the_target_the_plain_e_value_is_wrong_as_seldom_as_it_says_however_often_one_looks(
    threshold: float, runs: int
) -> None:
    """With delays, at every complaint of 20,000 mails: only then can it rise."""
    assert ever_reached(0.001, 0.001, threshold, runs, 20_000) <= 1 / threshold


@pytest.mark.parametrize("per_day", [30, 300, 3000])
def test_a_false_slowed_comes_less_than_once_in_a_thousand_sender_days(per_day: int) -> None:
    years = 6
    assert per_year(Sender(per_day, 0.001), SLOWED, years) <= 365 / 1000


@pytest.mark.parametrize("rate", [0.01, 0.02, 0.05])
def test_nobody_could_be_sure_much_sooner(rate: float) -> None:
    assert wait(rate, 0.001, 1000.0, 1000).median <= 1.3 * wald(rate, 0.001, 1000.0)


@pytest.mark.parametrize(
    ("rate", "line", "threshold", "mails", "complaints"),
    [(0.02, 0.001, 1000.0, 160, 4), (0.05, 0.001, 1000.0, 55, 3), (0.05, 0.01, 100.0, 135, 7)],
)
def test_the_reference_figures_of_the_architecture(
    rate: float, line: float, threshold: float, mails: float, complaints: int
) -> None:
    found = wait(rate, line, threshold, 2000)
    assert found.median == pytest.approx(mails, rel=0.15)
    assert found.complaints == complaints


@pytest.mark.parametrize("rate", [0.0005, 0.001])
def test_who_keeps_to_the_target_is_not_touched_in_forty_thousand_mails(rate: float) -> None:
    assert wait(rate, 0.001, 1000.0, 200).reached == 0.0


def test_peers_act_later_or_against_the_innocent() -> None:
    """The same streams of 1,000 mails a day, 0.05 % and 2 %."""
    good, bad = Sender(1000, 0.0005), Sender(1000, 0.02)
    assert per_year(good, SLOWED, 3) == 0.0
    assert per_year(good, RULES["Amazon SES, review: 0.1 % of 1,000"], 3) > 10
    assert mails_before(bad, SLOWED, 31, 40_000) < mails_before(bad, RULES["Plunk, disabled"], 31, 40_000)
    assert mails_before(bad, SLOWED, 31, 40_000) < mails_before(bad, RULES["PostHog, paused"], 31, 40_000)


def simulated(per_day: int, days: int, rate: float, mean: float, seed: int = 5) -> tuple[State, list[float]]:
    """A sender through the whole of it, events in order; e-values against the target at every complaint."""
    dice, state, seen = random.Random(seed), State(), list[float]()
    sent = [START + place * DAY / per_day for place in range(per_day * days)]
    events = [delivered(at) for at in sent]
    news = [complained(at + dice.expovariate(1 / mean), at) for at in sent if dice.random() < rate]
    for event in sorted([*events, *news], key=lambda event: event.at):
        fold(state, event)
        if type(event).__name__ == "Complained":
            found = standings(state, SUBSCRIPTION, event.at)
            seen += [one.e_target for one in found if one.signal is Signal.COMPLAINTS]
    return state, seen


@pytest.mark.parametrize("hours", [0.5, 12.0], ids=["quicker than thought", "about as thought"])
def test_through_journal_events_too_a_sender_at_the_target_is_left_alone(hours: float) -> None:
    """Delays are learned on the way; 500 mails a day for sixty days."""
    state, seen = simulated(500, 60, 0.001, hours * 3600)
    assert len(seen) > 20
    assert max(seen) < 1000.0
    assert not [one for one in charges(state, START + 61 * DAY) if one.level != "watched"]


def test_through_journal_events_a_bad_sender_is_slowed_in_good_time() -> None:
    dice, state = random.Random(2), State()
    mails = 0
    while not any(one.level != "watched" for one in charges(state, START + mails * 60.0)):
        at = START + mails * 60.0
        fold(state, delivered(at))
        if dice.random() < 0.05:
            fold(state, complained(at + 1.0, at))
        mails += 1
        assert mails < 400
    assert [str(one.key) for one in charges(state, START + mails * 60.0)] == [f"campaign:{NEWS.campaign}"]

"""The load line: how much that nobody vouches for a key can bear."""

from math import inf

import pytest

from goodstanding.reputation.bounds import at_most
from goodstanding.reputation.budget import FIRST, bearable, load_line, welcome
from tests.reputation.mail import DAY, START, SUBSCRIPTION, campaign, delivered, engaged, folded, unsubscribed

LATER = START + 10 * DAY


def most(mails: int, complaints: int) -> float:
    return load_line(folded(*campaign(START, mails, complaints)), SUBSCRIPTION, "bulk", LATER).most


def test_of_a_key_that_nobody_has_heard_of_little_is_let_out() -> None:
    load = load_line(folded(), SUBSCRIPTION, "bulk", START)
    assert (load.most, load.outstanding, load.words) == (
        FIRST,
        0.0,
        "nothing is known of it: 50 unproven recipients at once",
    )


@pytest.mark.parametrize(
    ("mails", "complaints", "allowed"),
    [(20, 0, FIRST), (300, 0, 128), (1000, 0, inf), (1000, 1, 1147), (1010, 3, FIRST), (1000, 4, 0), (20_000, 40, inf)],
)
def test_who_is_proven_may_do_more(mails: int, complaints: int, allowed: float) -> None:
    assert most(mails, complaints) == pytest.approx(allowed * welcome(0, complaints), rel=0.02)


@pytest.mark.parametrize(("events", "exposure"), [(0, 100.0), (0, 500.0), (1, 600.0), (5, 2500.0), (12, 5000.0)])
def test_even_if_all_behave_as_badly_as_may_be_the_key_ends_below_its_ceiling(events: int, exposure: float) -> None:
    upper = at_most(events, exposure)
    allowed = bearable(events, exposure, upper, 0.003)
    assert (events + upper * allowed) / (exposure + allowed) == pytest.approx(0.003)
    assert (events + upper * (allowed + 10)) / (exposure + allowed + 10) > 0.003


def test_what_is_outstanding_is_told() -> None:
    state = folded(*(delivered(START + place) for place in range(100)))
    assert load_line(state, SUBSCRIPTION, "bulk", START + 101).outstanding == pytest.approx(99, abs=3)
    assert load_line(state, SUBSCRIPTION, "bulk", LATER).outstanding == 0.0


def test_answers_raise_it_and_leaving_lowers_it() -> None:
    mail = [delivered(START + place) for place in range(40)]
    glad = folded(*mail, *(engaged(START + 100 + place, "replied") for place in range(6)))
    sorry = folded(*mail, *(unsubscribed(START + 100 + place, START) for place in range(6)))
    allowed = [load_line(state, SUBSCRIPTION, "bulk", LATER).most for state in (glad, folded(*mail), sorry)]
    assert allowed == pytest.approx([FIRST * 2**0.75, FIRST, FIRST * 2**-0.75])


@pytest.mark.parametrize(("glad", "sorry"), [(0, 0), (10**6, 0), (0, 10**6), (5, 5)])
def test_by_a_factor_of_two_at_most(glad: float, sorry: float) -> None:
    assert 0.5 <= welcome(glad, sorry) <= 2.0

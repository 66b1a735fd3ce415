"""What counts say against a line, and what they never say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.reputation import evidence
from goodstanding.reputation.evidence import plain, restarted, shiryaev_roberts

RATES = st.sampled_from((0.0001, 0.001, 0.003, 0.01, 0.05, 0.1, 0.3, 0.5))
DAYS = st.lists(st.tuples(st.integers(0, 20), st.floats(0.0, 5000.0)), min_size=1, max_size=30)


def test_the_e_value_is_the_mean_of_five_likelihood_ratios() -> None:
    by_hand = [math.exp(5 * math.log(a / 0.001) - (a - 0.001) * 310) for a in (0.002, 0.004, 0.008, 0.016, 0.032)]
    assert plain(5, 310.0, 0.001) == pytest.approx(sum(by_hand) / 5, rel=0.01)  # p0 / (1 - p0) in the place of p0


@pytest.mark.parametrize(
    ("events", "mails", "reached"), [(2, 20, False), (3, 60, True), (4, 180, True), (4, 300, False), (10, 5000, False)]
)
def test_a_few_complaints_are_enough_only_when_they_come_quickly(events: int, mails: float, reached: bool) -> None:
    assert (plain(events, mails, 0.001) >= 1000) is reached


@given(st.integers(0, 1), st.floats(0.0, 1e6), RATES)
def test_one_event_alone_never_watches_anybody(events: int, exposure: float, line: float) -> None:
    assert plain(events, exposure, line) < 20


@given(DAYS, RATES, RATES)
def test_a_stricter_line_never_shows_less(days: list[evidence.Day], one: float, other: float) -> None:
    assert restarted(days, min(one, other)) >= restarted(days, max(one, other)) * (1 - 1e-9)


@given(DAYS, RATES)
def test_evidence_is_finite_whatever_happened(days: list[evidence.Day], line: float) -> None:
    assert 0.0 <= restarted(days, line) <= evidence.MOST
    assert 0.0 <= restarted([(10**6, 0.0)], line) <= evidence.MOST


@given(DAYS, RATES)
def test_the_restart_by_maximum_never_says_more_than_the_one_by_sum(days: list[evidence.Day], line: float) -> None:
    """So it inherits the length of the wait for a false alarm."""
    assert restarted(days, line) <= shiryaev_roberts(days, line) * (1 + 1e-9)


@given(st.tuples(st.integers(0, 20), st.floats(0.0, 5000.0)), RATES)
def test_the_first_day_is_the_plain_e_value(day: evidence.Day, line: float) -> None:
    assert restarted([day], line) == pytest.approx(plain(*day, line))


def test_good_days_do_not_pay_for_bad_ones() -> None:
    bad = [(4, 100.0)]
    assert restarted([(0, 1000.0)] * 20 + bad, 0.001) == pytest.approx(plain(4, 100.0, 0.001))


def test_a_quiet_sender_of_little_mail_has_nothing_to_fear_from_time() -> None:
    month = [(0, 3.0)] * 30
    assert restarted(month, 0.001) < 1.0
    assert shiryaev_roberts(month, 0.001) > 10.0  # why days are not summed: docs/decisions/0013-restart.md


@pytest.mark.parametrize(("line", "count"), [(0.001, 5), (0.05, 4), (0.3, 1), (0.5, 1)])
def test_no_alternative_is_more_than_every_mail(line: float, count: int) -> None:
    assert len(evidence.alternatives(line)) == count


def test_how_many_events_a_threshold_takes_at_least() -> None:
    assert [evidence.floor_events(threshold) for threshold in (5.0, 20.0, 1000.0)] == [1, 2, 3]


@given(RATES, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_exposure_costs_at_least_what_the_hazard_of_the_line_does(line: float, one: float, other: float) -> None:
    """From age to age a delivery matures from F to G; -ln((1 - p0 G) / (1 - p0 F)) is its hazard at the line."""
    early, late = min(one, other), max(one, other)
    hazard = math.log1p(-line * early) - math.log1p(-line * late)
    assert line / (1 - line) * (late - early) >= hazard - 1e-12


@given(RATES, st.sampled_from(evidence.MULTIPLES))
def test_where_all_is_known_at_once_a_mail_at_the_line_adds_nothing_on_average(line: float, m: float) -> None:
    assert (1 + (m - 1) * line) * math.exp(-(m - 1) * line / (1 - line)) <= 1.0

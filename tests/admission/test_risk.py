"""Bounds of complaint rates, and how evidence matures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.risk import Unmatured, bound, matured, prior, quantile, surprise

HOUR = 3600.0

# Beta(1 + k, b): 95 % quantiles. k = 0: 1 - 0.05^(1/b). Others: of the binomial (Clopper-Pearson, one-sided 95 %), for
# which Beta(k + 1, n - k) is the upper limit of k in n: 1/20 0.2161, 2/30 0.1953, 3/100 0.0757, 5/50 0.1989.
TABLE = [(0, 1, 0.95), (0, 10, 0.2589), (1, 19, 0.2161), (2, 28, 0.1953), (3, 97, 0.0757), (5, 45, 0.1989)]


@pytest.mark.parametrize(("complaints", "b", "expected"), TABLE)
def test_quantiles_agree_with_published_tables(complaints: int, b: float, expected: float) -> None:
    assert quantile(complaints, b) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize("b", [1.0, 58.4, 5000.0, 1e6])
def test_more_than_a_hundred_complaints_are_approximated_without_a_step(b: float) -> None:
    assert quantile(100, b) <= quantile(101, b) <= quantile(100, b) * 1.01


@pytest.mark.parametrize("u0", [0.005, 0.02, 0.05])
def test_the_prior_has_the_quantile_it_is_named_after(u0: float) -> None:
    assert bound(0, 0.0, u0) == pytest.approx(u0)


@given(st.integers(0, 200), st.floats(0, 1e6), st.sampled_from([0.005, 0.02, 0.05]))
def test_complaints_raise_the_bound_and_exposure_lowers_it(k: int, exposure: float, u0: float) -> None:
    assert 0.0 < bound(k, exposure, u0) <= bound(k + 1, exposure, u0) * 1.02 <= 1.02
    assert bound(k, 2 * exposure, u0) <= bound(k, exposure, u0)


@given(st.integers(0, 100), st.floats(0, 1e5), st.sampled_from([0.005, 0.02, 0.05]))
def test_remembered_bounds_err_towards_caution_and_little(k: int, exposure: float, u0: float) -> None:
    exact = quantile(k, prior(u0) + exposure)

    assert exact * 0.999 <= bound(k, exposure, u0) <= exact * 1.03


def test_outstanding_is_one_minus_f_whatever_the_ages() -> None:
    sent = [(0.0, 10), (1 * HOUR, 5), (7 * HOUR, 20), (30 * HOUR, 1)]
    several = Unmatured()
    for at, number in sent:
        several.add(number, at)

    now = 31 * HOUR
    assert several.left(now) == pytest.approx(sum(number * (1 - matured(now - at)) for at, number in sent))


def test_evidence_about_one_takes_exactly_its_share() -> None:
    several = Unmatured()
    several.add(1, 0.0)
    several.add(1, 5 * HOUR)

    several.take(1, 0.0, 6 * HOUR)

    assert several.left(6 * HOUR) == pytest.approx(1 - matured(HOUR))


def test_a_clock_that_goes_back_changes_nothing() -> None:
    several = Unmatured()
    several.add(3, 100.0)

    assert several.left(50.0) == 3


def test_half_of_complaints_come_within_hours_and_nearly_all_in_four_days() -> None:
    assert matured(0) == pytest.approx(0)
    assert matured(4 * HOUR) > 0.5
    assert matured(96 * HOUR) > 0.99


def test_surprise_speaks_for_the_likelier_rate() -> None:
    assert surprise(5, 50, 0.01, 0.07) > 0 > surprise(0, 50, 0.01, 0.07)

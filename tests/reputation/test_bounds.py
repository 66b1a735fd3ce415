"""Bounds of a rate, against published values."""

from math import exp, lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.reputation.bounds import BEYOND, CAUTION, at_most, bounds, highest, lowest


@pytest.mark.parametrize(
    ("events", "low", "high"),  # Garwood 1936, the 2.5 % and 97.5 % limits
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390), (50, 37.111, 65.919)],
)
def test_the_table_of_garwood(events: int, low: float, high: float) -> None:
    assert lowest(events) == pytest.approx(low, abs=2e-3)
    assert highest(events) == pytest.approx(high, abs=2e-3)


@pytest.mark.parametrize(
    ("events", "low", "high"),  # the same, the 5 % and 95 % limits
    [(0, 0.0, 2.996), (1, 0.051, 4.744), (5, 1.970, 10.513), (10, 5.425, 16.962), (50, 38.965, 63.287)],
)
def test_one_sided_bounds_are_nearer(events: int, low: float, high: float) -> None:
    assert lowest(events, CAUTION) == pytest.approx(low, abs=2e-3)
    assert highest(events, CAUTION) == pytest.approx(high, abs=2e-3)
    assert at_most(events, 100.0) == pytest.approx(high / 100.0, abs=2e-5)


def test_nineteen_of_twenty_intervals_hold_the_rate() -> None:
    """However large the mean: what is left out on both sides together is 5 % at most, and not far from it."""
    for mean in (3.0, 10.0, 40.0):
        held = sum(exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(150) if lowest(k) <= mean <= highest(k))
        assert 0.95 <= held < 0.99


@pytest.mark.parametrize("events", [200, 201])
@pytest.mark.parametrize(("beyond", "up", "down"), [(BEYOND, 1.070, 0.931), (CAUTION, 1.058, 0.942)])
def test_large_numbers_continue_smoothly(events: int, beyond: float, up: float, down: float) -> None:
    assert highest(events, beyond) - highest(events - 1, beyond) == pytest.approx(up, abs=0.01)
    assert lowest(events, beyond) - lowest(events - 1, beyond) == pytest.approx(down, abs=0.01)


@given(st.integers(0, 10_000), st.floats(0.0, 1e7))
def test_the_rate_lies_between_its_bounds(events: int, exposure: float) -> None:
    low, high = bounds(events, exposure)
    assert 0.0 <= low <= min(1.0, events / exposure if exposure else 1.0) <= high <= 1.0

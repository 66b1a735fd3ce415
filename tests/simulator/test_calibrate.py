"""Calibration: intervals that hold what they promise, and nothing learned from nothing."""

import tomllib
from math import lgamma

import numpy as np
import pytest

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assumptions import Range, draw, usual
from goodstanding.simulator.calibrate import (
    Counted,
    Learned,
    as_toml,
    calibrated,
    log_gamma,
    new_campaign,
    range_of,
    ranges_of,
)
from goodstanding.simulator.campaign_file import read_assumptions

BEFORE = Range(0.003, 0.02, 0.05)
KNOWN = usual()


def campaigns(count: int, size: int, mean: float, spread: float, seed: int) -> tuple[list[tuple[int, int]], float]:
    """Counts of campaigns whose rates spread around a mean (beta), and the rate of one more."""
    dice = np.random.default_rng(seed)
    concentration = (1.0 - mean) / (mean * spread**2) - 1.0
    rates = dice.beta(mean * concentration, (1.0 - mean) * concentration, count + 1)
    return [(int(dice.binomial(size, rate)), size) for rate in rates[:-1]], float(rates[-1])


def caught(count: int, size: int, mean: float, spread: float) -> float:
    """How often the rate of a new campaign lies within its 90 %."""
    hits = 0
    for seed in range(120):
        pairs, rate = campaigns(count, size, mean, spread, seed)
        low, _, high = new_campaign(pairs, BEFORE)
        hits += low <= rate <= high
    return hits / 120


@pytest.mark.parametrize(
    ("count", "size", "mean", "spread"),
    [(12, 2000, 0.02, 0.5), (40, 500, 0.008, 0.7), (5, 5000, 0.03, 0.4), (30, 1000, 0.001, 0.6)],
)
def test_nine_of_ten_new_campaigns_lie_within_the_interval(count: int, size: int, mean: float, spread: float) -> None:
    assert caught(count, size, mean, spread) >= 0.85


def test_known_rates_are_recovered() -> None:
    pairs, _ = campaigns(60, 3000, 0.012, 0.5, 5)
    _, middle, _ = new_campaign(pairs, BEFORE)
    assert middle == pytest.approx(0.011, rel=0.25)


def test_more_campaigns_tell_more() -> None:
    few, many = (new_campaign(campaigns(count, 4000, 0.02, 0.1, 3)[0], BEFORE) for count in (2, 50))
    assert many[2] / many[0] < few[2] / few[0]


def test_one_large_campaign_says_little_of_the_next() -> None:
    low, _, high = new_campaign([(2000, 100_000)], BEFORE)
    assert high > 1.7 * low


def test_little_data_leaves_it_near_what_was_assumed() -> None:
    low, middle, high = new_campaign([(0, 60)], BEFORE)
    assert low < BEFORE.likely and 0.3 * BEFORE.likely < middle < BEFORE.likely < high


def test_much_data_is_believed_however_far_it_is_from_what_was_assumed() -> None:
    _, middle, _ = new_campaign([(20, 40_000)] * 30, BEFORE)
    assert middle == pytest.approx(0.0005, rel=0.3)


def test_counts_become_assumptions_by_expectation_and_source() -> None:
    counted = [
        Counted(campaign=f"c{n}", expectation=Expectation.COLD, attempts=1000, unknown=30, delivered=970, replied=17)
        for n in range(4)
    ]
    learned = {one.slug: one for one in calibrated(counted, KNOWN)}
    assert set(learned) == {"cold.replied", "cold.complained", "invalid.collected"}
    assert (learned["invalid.collected"].events, learned["invalid.collected"].of) == (120, 4000)
    assert learned["cold.replied"].rate == pytest.approx(68 / 3880)
    assert learned["cold.replied"].before == KNOWN["cold.replied"].range


def test_what_never_happened_anywhere_may_not_have_been_watched() -> None:
    counted = [Counted(campaign="c", expectation=Expectation.COLD, attempts=1000, delivered=1000, clicked=3)]
    slugs = {one.slug for one in calibrated(counted, KNOWN)}
    assert "cold.clicked" in slugs
    assert not {"cold.opened", "cold.unsubscribed"} & slugs


@pytest.mark.parametrize("delivered", [0, -3, 49])
def test_nothing_is_learned_from_too_little(delivered: int) -> None:
    counted = Counted(campaign="c", expectation=Expectation.COLD, attempts=delivered, delivered=delivered)
    assert calibrated([counted], KNOWN) == []


def test_it_comes_out_the_same_each_time() -> None:
    pairs, _ = campaigns(10, 1000, 0.02, 0.5, 1)
    assert new_campaign(pairs, BEFORE) == new_campaign(pairs, BEFORE)


@pytest.mark.parametrize(
    "points", [(0.004, 0.012, 0.03), (0.2, 0.25, 0.32), (0.0001, 0.0004, 0.003), (0.7, 0.85, 0.95)]
)
def test_a_range_is_drawn_from_with_these_percentiles(points: tuple[float, float, float]) -> None:
    drawn = draw(range_of(*points), np.random.default_rng(2), 200_000)
    assert np.percentile(drawn, (5, 50, 95)) == pytest.approx(points, rel=0.08)


@pytest.mark.parametrize("x", [1e-3, 0.5, 1.0, 2.0, 3.7, 50.0, 1e4, 1e7])
def test_the_gamma_function_is_that_of_the_textbook(x: float) -> None:
    assert float(log_gamma(np.array([x]))[0]) == pytest.approx(lgamma(x), rel=1e-9, abs=1e-9)


def test_what_was_learned_is_a_document_that_can_be_read_again() -> None:
    one = Learned("cold.complained", 3, 12, 3000, 0.004, 0.001, 0.004, 0.01, Range(0.00002, 0.004, 0.02), BEFORE)
    text = as_toml([one], ["Learned from 3 campaigns."])
    assert tomllib.loads(text) == {"assume": {"cold.complained": [0.00002, 0.004, 0.02]}}
    assert read_assumptions(text) == ranges_of([one])

"""Matured exposure: deliveries count as their complaints could have come, and what was written stays."""

import random

import pytest

from goodstanding.model import Signal
from goodstanding.reputation.delay import DAY, learned, share, start_curve
from goodstanding.reputation.exposure import ATTEMPTS, Curves, Tally, in_order, minus, plus, series, slot_code
from tests.reputation.test_delay import seen

FIRST = 20_000


def sent(moments: list[float]) -> Tally:
    tally = Tally(FIRST)
    for at in moments:
        tally.settle(int(at // DAY), Curves())
        tally.deliver(slot_code(at, 1), int(at // DAY))
    return tally


def exposure(tally: Tally, now: float, curves: Curves | None = None) -> float:
    curves = curves or Curves()
    tally.settle(int(now // DAY), curves)
    return sum(day[1] for day in in_order(series(tally, Signal.COMPLAINTS, curves.look(now))))


@pytest.mark.parametrize("hours", [0.5, 2, 6, 23, 25, 47, 80, 160])
def test_it_is_the_sum_of_f_over_deliveries(hours: float) -> None:
    dice = random.Random(3)
    moments = sorted(FIRST * DAY + dice.random() * hours * 3600 for _ in range(2000))
    now = FIRST * DAY + hours * 3600
    exact = sum(share(start_curve(), now - at) for at in moments)
    found = exposure(sent(moments), now)
    assert exact <= found <= exact + 0.03 * len(moments)  # a slot counts as old as its first second


def test_after_a_week_all_of_it_has_matured() -> None:
    tally = sent([FIRST * DAY + place for place in range(1000)])
    assert exposure(tally, (FIRST + 9) * DAY) == pytest.approx(1000)
    assert not tally.slots


def test_after_a_month_it_is_forgotten() -> None:
    tally = sent([FIRST * DAY + place for place in range(1000)])
    assert exposure(tally, (FIRST + 40) * DAY) == 0.0
    assert not tally.days


def test_what_a_day_has_matured_stays_whatever_is_learned_later() -> None:
    tally = sent([FIRST * DAY + place for place in range(1000)])
    curves = Curves()
    tally.settle(FIRST + 1, curves)
    before = dict(series(tally, Signal.COMPLAINTS, curves.look((FIRST + 1) * DAY)))[FIRST]
    curves.learn(FIRST + 1, learned(seen(dict.fromkeys(range(1, 30), 300), 600.0), 20_000))
    tally.settle(FIRST + 2, curves)
    after = dict(series(tally, Signal.COMPLAINTS, curves.look((FIRST + 2) * DAY)))
    assert after[FIRST] == before
    assert sum(exposure for _, exposure in after.values()) == pytest.approx(1000, rel=0.06)


def test_settling_day_by_day_or_at_once_comes_to_the_same() -> None:
    moments = [FIRST * DAY + 3600 * place for place in range(24)]
    slowly, at_once = sent(moments), sent(moments)
    for day in range(FIRST, FIRST + 6):
        slowly.settle(day, Curves())
    at_once.settle(FIRST + 5, Curves())
    assert slowly == at_once


def test_a_delivery_that_is_told_of_late_still_counts_once() -> None:
    tally = sent([])
    tally.settle(FIRST + 2, Curves())
    tally.deliver(slot_code(FIRST * DAY + 100, 1), FIRST)
    assert exposure(tally, (FIRST + 9) * DAY) == pytest.approx(1.0)
    assert tally.days[FIRST][ATTEMPTS] == 1.0


def test_what_servers_do_needs_no_time() -> None:
    tally = sent([FIRST * DAY + 60])
    look = Curves().look(FIRST * DAY + 61)
    assert in_order(series(tally, Signal.HARD_BOUNCES, look)) == [(0, 1.0)]
    assert in_order(series(tally, Signal.COMPLAINTS, look))[0][1] < 0.1


def test_parts_are_taken_away_day_by_day() -> None:
    whole = {1: (5.0, 100.0), 2: (1.0, 10.0)}
    assert minus(whole, {1: (4.0, 60.0)}) == {1: (1.0, 40.0), 2: (1.0, 10.0)}
    assert plus(whole, {2: (1.0, 1.0), 3: (0.0, 1.0)}) == {1: (5.0, 100.0), 2: (2.0, 11.0), 3: (0.0, 1.0)}
    assert in_order(minus(whole, whole)) == []


def test_deliveries_are_counted_on_the_day_they_were_made() -> None:
    """Whether the day is over or not, and however many nights have passed since anybody looked."""
    tally, curves = sent([FIRST * DAY + 60, FIRST * DAY + 70, (FIRST + 1) * DAY + 60]), Curves()
    looked = [series(tally, Signal.HARD_BOUNCES, curves.look((FIRST + days) * DAY + 61)) for days in (1, 20, 31)]
    assert looked == [{FIRST: (0.0, 2.0), FIRST + 1: (0.0, 1.0)}] * 2 + [{}]
    assert tally.attempts() == 3
    tally.settle(FIRST + 3, curves)
    assert series(tally, Signal.HARD_BOUNCES, curves.look((FIRST + 3) * DAY)) == looked[0] | {FIRST + 2: (0.0, 0.0)}

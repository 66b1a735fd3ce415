"""Allowances in sliding windows, and what is unusual for a subscription."""

from __future__ import annotations

import pytest

from goodstanding.admission.baseline import SubscriptionTally, unusual
from goodstanding.admission.facts import Terms
from goodstanding.admission.rates import Pace, rates

DAY, HOUR = 86400.0, 3600.0
NOW = 20_000 * DAY + 10 * HOUR
TERMS = Terms(minute_limit=30, hour_limit=100)


def test_what_fits_need_not_wait() -> None:
    pace = Pace()
    pace.sent(29, NOW)

    found = rates(pace, TERMS, 1, NOW + 1)

    assert (found.minute, found.hour, found.retry_after) == (29, 29, 0.0)


def test_the_wait_is_until_enough_has_left_the_minute() -> None:
    pace = Pace()
    pace.sent(20, NOW)
    pace.sent(10, NOW + 20)

    wait = rates(pace, TERMS, 5, NOW + 30).retry_after

    assert 30 <= wait <= 40
    assert rates(pace, TERMS, 5, NOW + 30 + wait).retry_after == 0


def test_the_hour_makes_wait_longer_than_the_minute() -> None:
    pace = Pace()
    for minute in range(4):
        pace.sent(25, NOW + minute * 60)

    wait = rates(pace, TERMS, 1, NOW + 300).retry_after

    assert 3200 <= wait <= 3400
    assert rates(pace, TERMS, 1, NOW + 300 + wait).retry_after == 0


def test_a_message_larger_than_the_limit_goes_when_nothing_else_went() -> None:
    pace = Pace()

    assert rates(pace, TERMS, 50, NOW).retry_after == 0
    pace.sent(50, NOW)
    assert rates(pace, TERMS, 50, NOW + 1).retry_after > 0


def test_everything_is_forgotten_after_an_hour() -> None:
    pace = Pace()
    pace.sent(100, NOW)

    assert rates(pace, TERMS, 1, NOW + 3661).hour == 0


@pytest.mark.parametrize("gap", [0.0, 0.5, 7.0, 61.0, 4000.0])
def test_windows_never_count_below_nothing(gap: float) -> None:
    pace, at = Pace(), NOW
    for _ in range(200):
        pace.sent(1, at)
        at += gap
    pace.advance(at)

    assert pace.minute.total == sum(pace.minute.counts) >= 0
    assert pace.hour.total == sum(pace.hour.counts) >= 0


def usual(days: int = 10, daily: int = 100, strangers: int = 20) -> SubscriptionTally:
    """So many recipients a day, between 8 and 18 o'clock."""
    tally = SubscriptionTally()
    for day in range(days, 0, -1):
        for hour in range(8, 18):
            tally.sent(daily // 10, strangers // 10, NOW - day * DAY - 10 * HOUR + hour * HOUR)
    return tally


def test_nothing_is_unusual_in_the_first_week() -> None:
    assert unusual(usual(days=6), 10_000, 10_000, NOW) == ()


def test_a_usual_day_is_not_remarked_upon() -> None:
    assert unusual(usual(), 90, 18, NOW) == ()


def test_volume_novelty_and_hour_are_told_with_figures() -> None:
    night = NOW - 7 * HOUR

    found = {one.what: one.because for one in unusual(usual(), 500, 450, night)}

    assert found["volume"] == "500 recipients today, where no day of the last weeks had above 100"
    assert found["novelty"] == "90% of today's recipients are strangers, usually 20%"
    assert "hour" not in found, "five hundred of a thousand is no longer hardly ever"
    assert [one.what for one in unusual(usual(), 1, 0, night)] == ["hour"]

"""A rate holds over time, however mail comes, and however many workers share it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.enforcement.pace import BURST, HOUR, Bucket, ask, share


def test_ten_seconds_of_the_rate_may_come_at_once_and_then_it_waits() -> None:
    bucket, taken = Bucket(), 0
    while True:
        bucket, wait = ask(bucket, 3600.0, 1, 0.0)
        if wait:
            break
        taken += 1
    assert (taken, wait) == (10, pytest.approx(1.0))
    _, wait = ask(bucket, 3600.0, 1, 1.0)
    assert wait == 0.0


def test_a_message_larger_than_the_bucket_goes_and_leaves_a_debt() -> None:
    bucket, wait = ask(Bucket(), 60.0, 50, 0.0)
    assert wait == 0.0
    bucket, wait = ask(bucket, 60.0, 1, 0.0)
    assert wait == pytest.approx(50 * 60.0)


def test_a_slow_rate_still_lets_one_go() -> None:
    bucket, wait = ask(Bucket(), 0.5, 1, 0.0)
    assert wait == 0.0
    _, wait = ask(bucket, 0.5, 1, 0.0)
    assert wait == pytest.approx(7200.0)


def test_a_refused_request_takes_nothing() -> None:
    bucket, _ = ask(Bucket(), 60.0, 1, 0.0)
    for second in range(59):
        bucket, wait = ask(bucket, 60.0, 1, float(second))
        assert wait > 0
    assert ask(bucket, 60.0, 1, 60.0)[1] == 0.0


def test_time_that_runs_back_gives_nothing() -> None:
    bucket, _ = ask(Bucket(), 60.0, 1, 1000.0)
    assert ask(bucket, 60.0, 1, 0.0)[1] > 0


def test_workers_share_a_rate() -> None:
    assert [share(100.0, workers) for workers in (0, 1, 4)] == [100.0, 100.0, 25.0]


@given(
    rate=st.floats(1.0, 100_000.0),
    asked=st.lists(st.tuples(st.floats(0.0, 600.0), st.integers(1, 50)), max_size=60),
)
def test_no_way_of_asking_gets_more_than_the_rate_and_one_bucket_and_one_message(
    rate: float, asked: list[tuple[float, int]]
) -> None:
    bucket, now, granted = Bucket(), 0.0, 0
    for pause, recipients in asked:
        now += pause
        bucket, wait = ask(bucket, rate, recipients, now)
        granted += recipients if not wait else 0
    burst = max(1.0, rate * BURST / HOUR)
    assert granted <= rate * now / HOUR + burst + 50 + 1e-6

"""When it is tried again, when the sender is warned, and when we give up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.queue.schedule import Again, GiveUp, Patience, next_try

DAY = 86_400.0
PATIENCE = Patience(first=300.0, factor=2.0, most=3600.0, give_up_after=5 * DAY, warn_after=4 * 3600.0)
NOW = 1e9


@pytest.mark.parametrize(
    ("attempts", "wait"),
    [(1, 300), (2, 600), (3, 1200), (4, 2400), (5, 3600), (6, 3600), (1000, 3600), (10**9, 3600)],
)
def test_waits_grow_up_to_the_longest(attempts: int, wait: float) -> None:
    assert next_try(PATIENCE, attempts, 0.0, NOW, 1.0) == Again(NOW + wait, False)


@pytest.mark.parametrize(("jitter", "wait"), [(0.8, 240.0), (1.0, 300.0), (1.2, 360.0)])
def test_jitter_moves_the_wait(jitter: float, wait: float) -> None:
    assert next_try(PATIENCE, 1, 0.0, NOW, jitter) == Again(NOW + wait, False)


@pytest.mark.parametrize(("age", "warn"), [(0.0, False), (4 * 3600.0 - 1, False), (4 * 3600.0, True), (3 * DAY, True)])
def test_the_sender_is_warned_once_it_is_late(age: float, warn: bool) -> None:
    step = next_try(PATIENCE, 5, age, NOW, 1.0)
    assert isinstance(step, Again)
    assert step.warn == warn


def test_nobody_is_warned_when_warnings_are_off() -> None:
    assert next_try(Patience(warn_after=0.0), 9, 4 * DAY, NOW, 1.0) == Again(NOW + 14_400.0, False)


def test_the_last_attempt_is_made_at_the_very_end_of_the_patience() -> None:
    assert next_try(PATIENCE, 9, 5 * DAY - 60.0, NOW, 1.0) == Again(NOW + 60.0, True)


@pytest.mark.parametrize("age", [5 * DAY, 5 * DAY + 1, 50 * DAY])
def test_after_that_we_give_up(age: float) -> None:
    assert next_try(PATIENCE, 9, age, NOW, 1.0) == GiveUp()


def story(patience: Patience, jitter: float) -> list[float]:
    """Seconds after acceptance at which a destination that stays dead is tried."""
    tried, now = [0.0], 0.0
    while isinstance(step := next_try(patience, len(tried), now, now, jitter), Again):
        now = step.due
        tried.append(now)
    return tried


def test_five_days_of_dead_mail_exchangers_in_no_time() -> None:
    tried = story(PATIENCE, 1.0)
    assert tried[:6] == [0, 300, 900, 2100, 4500, 8100]
    assert tried[-1] == 5 * DAY
    assert len(tried) == 124


patiences = st.builds(
    Patience,
    first=st.floats(1.0, DAY),
    factor=st.floats(1.0, 10.0),
    most=st.floats(600.0, 7 * DAY),
    give_up_after=st.floats(1.0, 30 * DAY),
    warn_after=st.floats(0.0, 10 * DAY),
)


@given(patiences, st.integers(1, 10**6), st.floats(0.0, 60 * DAY), st.floats(0.1, 1.9))
def test_the_next_try_is_in_the_future_and_within_the_patience(
    patience: Patience, attempts: int, age: float, jitter: float
) -> None:
    step = next_try(patience, attempts, age, NOW, jitter)
    if age >= patience.give_up_after:
        assert step == GiveUp()
    else:
        assert isinstance(step, Again)
        assert NOW < step.due <= NOW + patience.give_up_after - age + 1e-6
        assert step.due - NOW <= patience.most * jitter + 1e-6

"""The table of states: whole, closed, and the one the store lives by."""

import pytest

from goodstanding.queue.lifecycle import LIFECYCLE, OPEN, State


def reachable(start: State) -> set[State]:
    """Every state something can come to from here."""
    found, new = set[State](), {start}
    while new:
        found |= new
        new = {after for state in new for after in LIFECYCLE[state].values()} - found
    return found


def test_every_state_stands_in_the_table() -> None:
    assert set(LIFECYCLE) == set(State)


@pytest.mark.parametrize("start", [State.WAITING, State.CLAIMED])
def test_everything_can_come_of_mail_that_was_accepted(start: State) -> None:
    assert reachable(start) == set(State)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_operator_can_end_whatever_is_open(state: State) -> None:
    assert LIFECYCLE[state]["drop"] == State.DROPPED


@pytest.mark.parametrize("state", sorted(OPEN))
def test_whatever_is_open_can_still_be_delivered(state: State) -> None:
    assert State.DELIVERED in reachable(state)


@pytest.mark.parametrize("state", sorted(set(State) - OPEN))
def test_an_end_is_an_end(state: State) -> None:
    assert reachable(state) == {state}


def test_only_a_claimed_recipient_is_attempted() -> None:
    attempts = {"deliver", "bounce", "defer"}
    assert {state for state in State if attempts & LIFECYCLE[state].keys()} == {State.CLAIMED}


def test_a_held_recipient_moves_only_when_an_operator_says_so() -> None:
    assert set(LIFECYCLE[State.HELD]) == {"release", "drop"}

"""The ladder, walked: every rung is there, every edge tells somebody, and from everywhere there is a way back."""

import pytest

from goodstanding.enforcement.ladder import HANDS, LADDER, STRICTNESS, Cause, Position, edges, step
from goodstanding.enforcement.words import WORDS
from goodstanding.model import Rung, Signal
from tests.enforcement.accounts import CAMPAIGN, NOW, after

OF_OPERATORS = {Cause.OPERATOR_REINSTATED}
"""Causes that need an operator's word to lead back."""


def test_every_rung_has_a_row_and_a_place_in_the_order() -> None:
    assert set(LADDER) == set(STRICTNESS) == set(Rung)
    assert len(set(STRICTNESS.values())) == len(Rung)


def test_every_rung_but_the_first_is_reached() -> None:
    assert {to for _, _, to in edges()} == set(Rung)


def test_every_cause_moves_some_hand_somewhere() -> None:
    assert {cause for _, cause, _ in edges()} == set(Cause) == set(HANDS)


def reachable(start: Rung, without: set[Cause]) -> set[Rung]:
    seen, todo = {start}, [start]
    while todo:
        for cause, to in LADDER[todo.pop()].items():
            if cause not in without and to not in seen:
                seen.add(to)
                todo.append(to)
    return seen


@pytest.mark.parametrize("rung", Rung)
def test_good_is_reached_from_everywhere(rung: Rung) -> None:
    assert Rung.GOOD in reachable(rung, set())


@pytest.mark.parametrize("rung", [rung for rung in Rung if rung is not Rung.CLOSED])
def test_only_a_closed_account_needs_an_operator(rung: Rung) -> None:
    assert Rung.GOOD in reachable(rung, {cause for cause in Cause if cause.value.startswith("operator-")})
    assert reachable(Rung.CLOSED, OF_OPERATORS) == {Rung.CLOSED}


@pytest.mark.parametrize(("rung", "cause", "to"), edges())
def test_no_edge_is_without_words(rung: Rung, cause: Cause, to: Rung) -> None:
    assert WORDS.cause[cause].happened and WORDS.cause[cause].do
    assert WORDS.rung[to].means and WORDS.rung[to].address and WORDS.rung[to].title
    assert rung is not to


def test_words_are_said_of_nothing_that_is_not_there() -> None:
    assert set(WORDS.cause) == set(Cause)
    assert set(WORDS.rung) == set(Rung)
    assert set(WORDS.signal) == set(Signal)


@pytest.mark.parametrize(
    ("rung", "causes"),
    [
        (Rung.GOOD, [Cause.RISING, Cause.OVER_TARGET, Cause.OVER_CEILING, Cause.OVER_LIMIT]),
        (Rung.WATCHED, [Cause.OVER_TARGET, Cause.OVER_CEILING, Cause.OVER_LIMIT]),
        (Rung.REINSTATED, [Cause.OVER_TARGET, Cause.OVER_CEILING]),
    ],
)
def test_stronger_evidence_never_leads_to_a_milder_rung(rung: Rung, causes: list[Cause]) -> None:
    led = [STRICTNESS[LADDER[rung][cause]] for cause in causes]
    assert led == sorted(led)
    assert led[0] > STRICTNESS[rung]


def test_the_stricter_hand_is_in_effect() -> None:
    slowed = after(Position(CAMPAIGN), Cause.OVER_TARGET)
    both = after(slowed, Cause.OPERATOR_SUSPENDED, NOW + 60)
    assert (both.system, both.operator, both.effective) == (Rung.SLOWED, Rung.SUSPENDED, Rung.SUSPENDED)
    assert both.since == NOW + 60
    freed = after(both, Cause.TERM_ENDED, NOW + 90)
    assert (freed.effective, freed.since) == (Rung.SLOWED, NOW + 90)


def test_evidence_never_lifts_what_an_operator_decided() -> None:
    closed = after(Position(CAMPAIGN), Cause.OPERATOR_CLOSED)
    assert step(closed, Cause.CLEAN_PERIOD, NOW) is None
    assert after(closed, Cause.OVER_LIMIT).effective is Rung.CLOSED


def test_a_reinstatement_moves_both_hands() -> None:
    stopped = after(after(Position(CAMPAIGN), Cause.OVER_LIMIT), Cause.OPERATOR_CLOSED)
    back = after(stopped, Cause.OPERATOR_REINSTATED)
    assert (back.system, back.operator, back.effective) == (Rung.REINSTATED, Rung.REINSTATED, Rung.REINSTATED)
    assert after(back, Cause.PROBATION_SERVED).effective is Rung.GOOD


def test_a_review_cannot_open_what_an_operator_closed() -> None:
    closed = after(Position(CAMPAIGN), Cause.OPERATOR_CLOSED)
    assert step(closed, Cause.REVIEW_GRANTED, NOW) is None


def test_a_clean_period_behind_the_stricter_hand_does_not_begin_its_time_anew() -> None:
    watched = after(Position(CAMPAIGN), Cause.RISING)
    back = after(after(watched, Cause.OPERATOR_SUSPENDED), Cause.OPERATOR_REINSTATED, NOW + 5)
    quiet = after(back, Cause.CLEAN_PERIOD, NOW + 100)
    assert (quiet.effective, quiet.provoked, quiet.since) == (Rung.REINSTATED, NOW + 5, NOW + 5)

"""A review: its questions, what counts as an answer, and what a decision leads to."""

import pytest
from msgspec import structs

from goodstanding.enforcement import review
from goodstanding.enforcement.ladder import Position
from goodstanding.enforcement.review import Case, State
from goodstanding.enforcement.words import WORDS
from goodstanding.model import Rung
from tests.enforcement.accounts import CAMPAIGN, IP, NOW, POLICY, at

EVERY = {name: f"about {name}" for name in WORDS.question}
CASE = review.opened(at(Rung.SUSPENDED), 3, "tenant", NOW)


def test_the_questions_are_those_of_a_quota_request() -> None:
    assert list(WORDS.question) == ["kind", "source", "unsubscribes", "bounces", "complaints", "changed", "volume"]


@pytest.mark.parametrize(
    ("position", "words"),
    [
        (None, "nothing to review"),
        (Position(CAMPAIGN), "nothing to review"),
        (at(Rung.WATCHED), "nothing to review"),
        (at(Rung.REINSTATED), "reinstated already"),
        (Position(CAMPAIGN, operator=Rung.CLOSED), "only an operator"),
        (at(Rung.SUSPENDED, IP), "no tenant"),
        (at(Rung.SLOWED), ""),
        (at(Rung.PENALTY), ""),
        (at(Rung.SUSPENDED), ""),
        (Position(CAMPAIGN, operator=Rung.SUSPENDED), ""),
    ],
)
def test_a_review_is_about_something(position: Position | None, words: str) -> None:
    found = review.objection(position)
    assert words in found
    assert bool(found) == bool(words)


def test_a_case_is_answered_when_no_question_is_left() -> None:
    part = review.answer(CASE, {"kind": "receipts", "source": "  "}, NOW + 1)
    assert (part.state, part.answers) == (State.OPENED, {"kind": "receipts"})
    assert review.unanswered(part.answers)[0] == "source"
    whole = review.answer(part, EVERY | {"kind": ""}, NOW + 2)
    assert (whole.state, whole.answered, whole.answers["kind"]) == (State.ANSWERED, NOW + 2, "receipts")


def test_answers_to_other_questions_are_not_kept_and_long_ones_are_cut() -> None:
    kept = review.answer(CASE, {"password": "x", "kind": "k" * 9000}, NOW)
    assert list(kept.answers) == ["kind"]
    assert len(kept.answers["kind"]) == review.ANSWER_MOST


def decided(to: State, position: Position | None = None) -> tuple[Case, Position | None]:
    case, moves = review.decide(CASE, position or at(Rung.SUSPENDED), to, ("eve", "the list is gone"), NOW + 9, POLICY)
    assert (case.state, case.decided, case.decided_by, case.open) == (to, NOW + 9, "eve", False)
    return case, moves[0].after if moves else None


def test_a_granted_review_reinstates_on_probation() -> None:
    _, after = decided(State.REINSTATED)
    assert after is not None
    assert (after.effective, after.because, after.by) == (
        Rung.REINSTATED,
        "review shop-3: the list is gone",
        "eve",
    )


def test_a_granted_review_orders_the_first_rate_of_the_ramp() -> None:
    _, moves = review.decide(CASE, at(Rung.SUSPENDED), State.REINSTATED, ("eve", "ok"), NOW, POLICY)
    assert [(order.what.value, order.rate) for order in moves[0].orders] == [("pace", 100.0)]


def test_a_refused_review_changes_nothing() -> None:
    assert decided(State.REFUSED)[1] is None


def test_a_closed_account_was_an_operators_decision() -> None:
    _, after = decided(State.CLOSED)
    assert after is not None
    assert (after.operator, after.effective) == (Rung.CLOSED, Rung.CLOSED)


def test_answered_findings_no_longer_wait() -> None:
    from goodstanding.enforcement.trigger import decide
    from tests.enforcement.accounts import charge

    (move,) = decide(Position(CAMPAIGN), [charge("suspended")], NOW, POLICY)
    assert move.after.unanswered
    assert not review.settle(move.after).unanswered


def test_a_case_is_named_after_its_tenant() -> None:
    assert structs.replace(CASE, number=12).name == "shop-12"

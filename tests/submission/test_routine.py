"""What was judged clean a moment ago need not be judged again; who is a stranger, doubted or near a limit is."""

from typing import Any

import pytest
from msgspec import structs

from goodstanding.admission.books import Case
from goodstanding.admission.conduct import Judgement
from goodstanding.admission.decide import Verdict, decide
from goodstanding.admission.facts import Action, Finding, Fingerprint, Rates, Unusual
from goodstanding.submission.routine import LONGEST, MOST, Routine
from tests.admission.judged import NOW, STRANGER, conduct, letter, person

TEXT = Fingerprint(b"sketch", (1, 2, 3))
CLEAN = Verdict(Action.ACCEPT)
PLENTY = Rates(0, 100_000, 0, 1_000_000)


def case(now: float = NOW, text: Fingerprint = TEXT, **changes: Any) -> Case:
    return Case(letter(now=now, fingerprint=text, **changes), 1, "pool")


def judged(**changes: Any) -> Judgement:
    return Judgement(conduct(**({"messages": 100, "rates": PLENTY} | changes)), 7)


def after(judgement: Judgement, verdict: Verdict = CLEAN) -> Routine:
    routine = Routine()
    routine.learn(case(), judgement, verdict)
    return routine


def test_the_next_ones_are_as_the_one_that_was_judged() -> None:
    routine = after(judged())
    assert [routine.takes(case(), 7, CLEAN) for _ in range(MOST + 1)] == [True] * MOST + [False]
    assert (len(routine.booked()), routine.pending) == (MOST, [])


def test_it_does_not_last() -> None:
    assert not after(judged()).takes(case(now=NOW + LONGEST), 7, CLEAN)


OTHERS = [
    (case(recipients=(person(grant=STRANGER),)), 7),
    (case(text=Fingerprint(b"another", ())), 8),
    (case(text=Fingerprint(b"unheard of", ())), 0),
]


@pytest.mark.parametrize(("other", "campaign"), OTHERS, ids=["a stranger", "another campaign", "an unknown text"])
def test_who_is_not_routine_is_judged(other: Case, campaign: int) -> None:
    assert not after(judged()).takes(other, campaign, decide(other.facts))


DOUBTS = [
    {"probability": 0.5},
    {"looks": "list"},
    {"messages": 3},
    {"state": "refused"},
    {"unusual": (Unusual("volume", "much more than ever"),)},
    {"rates": Rates(20, 30, 20, 100)},
]


@pytest.mark.parametrize("changes", DOUBTS, ids=lambda changes: next(iter(changes)))
def test_what_is_doubted_is_judged_every_time(changes: dict[str, Any]) -> None:
    assert not after(judged(**changes)).takes(case(), 7, CLEAN)


def test_what_had_a_remark_is_judged_every_time() -> None:
    remark = Finding("unusual-hour", Action.ACCEPT, "at night", "nothing")
    assert not after(judged(), structs.replace(CLEAN, findings=(remark,))).takes(case(), 7, CLEAN)
    assert not after(judged()).takes(case(), 7, structs.replace(CLEAN, findings=(remark,)))


def test_a_doubt_ends_what_was_routine() -> None:
    routine = after(judged())
    routine.learn(case(), judged(probability=0.6), CLEAN)
    assert not routine.takes(case(), 7, CLEAN)

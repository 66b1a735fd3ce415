"""A review: questions, answers, a decision, and the probation that follows.

The questions are those that Microsoft asks before it raises the quota of an Azure Communication Services resource (what
mail, where the addresses come from, how unsubscribes and bounces are removed, how much), and what has changed. A tenant
opens and answers a case; an operator decides it. A granted review moves the ladder to `reinstated`, at which
reputation begins its evidence anew.

    opened -> answered -> reinstated | refused | closed        (an operator may decide without an answer)
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, structs

from goodstanding.enforcement.ladder import Account, Cause, Position, step
from goodstanding.enforcement.policy import Policy
from goodstanding.enforcement.trigger import Move, moved
from goodstanding.enforcement.words import WORDS
from goodstanding.model import Rung

ANSWER_MOST = 4_000
"""Characters of one answer that are kept."""
REVIEWABLE = frozenset({Rung.SLOWED, Rung.PENALTY, Rung.SUSPENDED})
"""Rungs that a review can end; a closed account is the operator's to open."""


class State(StrEnum):
    """How far a case has come; the words of `events.Reviewed`."""

    OPENED = "opened"
    ANSWERED = "answered"
    REINSTATED = "reinstated"
    REFUSED = "refused"
    CLOSED = "closed"


DECIDED = frozenset({State.REINSTATED, State.REFUSED, State.CLOSED})


class Case(Struct, frozen=True):
    """One review of one account."""

    account: Account
    number: int
    """Counts the cases of a tenant from 1."""
    state: State
    opened: float
    opened_by: str
    answers: Mapping[str, str] = {}
    """By question, as far as given."""
    answered: float = 0.0
    decided: float = 0.0
    decided_by: str = ""
    because: str = ""
    """Why it was decided so."""

    @property
    def name(self) -> str:
        """``shop-3``: as people write it."""
        return f"{self.account.tenant}-{self.number}"

    @property
    def open(self) -> bool:
        """Whether it waits for somebody."""
        return self.state not in DECIDED


def objection(position: Position | None) -> str:
    """Why there is nothing to review; empty: there is."""
    if position is None or position.effective in (Rung.GOOD, Rung.WATCHED):
        return "nothing is slowed or stopped, so there is nothing to review"
    if position.effective is Rung.REINSTATED:
        return "it is reinstated already; its rate rises by itself"
    if position.effective not in REVIEWABLE:
        return f"it is {position.effective}, which only an operator ends: write to them"
    if not position.account.tenant:
        return "it belongs to no tenant who could answer; an operator reinstates it"
    return ""


def opened(position: Position, number: int, by: str, now: float) -> Case:
    """A new case about an account."""
    return Case(position.account, number, State.OPENED, now, by)


def unanswered(answers: Mapping[str, str]) -> list[str]:
    """The questions that are still without an answer, in their order."""
    return [name for name in WORDS.question if not answers.get(name, "").strip()]


def answer(case: Case, given: Mapping[str, str], now: float) -> Case:
    """The case with these answers beside, or in place of, those it has; answered once none is missing."""
    kept = {name: text.strip()[:ANSWER_MOST] for name, text in given.items() if name in WORDS.question and text.strip()}
    answers = {**case.answers, **kept}
    if unanswered(answers):
        return structs.replace(case, answers=answers)
    return structs.replace(case, answers=answers, state=State.ANSWERED, answered=now)


def settle(position: Position) -> Position:
    """The position with its findings marked as answered."""
    return structs.replace(position, findings=tuple(structs.replace(one, answered=True) for one in position.findings))


_CAUSES = {State.REINSTATED: Cause.REVIEW_GRANTED, State.CLOSED: Cause.OPERATOR_CLOSED}


def decide(
    case: Case, position: Position, to: State, said: tuple[str, str], now: float, policy: Policy
) -> tuple[Case, list[Move]]:
    """The case as decided, and the move that follows; ``said``: who decides, and why."""
    by, because = said
    done = structs.replace(case, state=to, decided=now, decided_by=by, because=because)
    cause = _CAUSES.get(to)
    after = step(position, cause, now) if cause is not None else None
    if after is None:
        return done, []
    told = structs.replace(after, because=f"review {case.name}: {because}", by=by)
    return done, [moved(position, told, now, policy, by)]

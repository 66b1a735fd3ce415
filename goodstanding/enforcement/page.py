"""What a standing page shows, as a value: faces only draw it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from goodstanding.enforcement.ladder import Cause, OpenFinding, Position
from goodstanding.enforcement.notices import meaning
from goodstanding.enforcement.orders import Order
from goodstanding.enforcement.review import Case, objection
from goodstanding.enforcement.words import WORDS, named
from goodstanding.evidence import LadderMoved
from goodstanding.model import Rung


class Asked(Struct, frozen=True, gc=False):
    """One question of a review with its answer so far."""

    name: str
    ask: str
    why: str
    answer: str = ""


class Page(Struct, frozen=True):
    """Everything that is known of where an account stands."""

    tenant: str
    key: str
    stream: str
    name: str
    """What it is called: ``campaign 17 of shop``."""
    title: str
    """What its rung is called."""
    effective: Rung
    system: Rung
    operator: Rung
    since: float
    because: str
    by: str
    happened: str
    means: tuple[str, ...]
    do: tuple[str, ...]
    findings: tuple[OpenFinding, ...]
    orders: tuple[Order, ...]
    history: tuple[LadderMoved, ...]
    """The newest first."""
    questions: tuple[Asked, ...]
    """Of a review; empty where none is possible or it waits for a decision."""
    case: str = ""
    """Name of the newest case."""
    case_state: str = ""
    case_because: str = ""
    """Why it was decided so."""
    shadow: bool = False
    """Where it would stand: nothing of it is applied."""


def page(position: Position, orders: Sequence[Order], history: Sequence[LadderMoved], case: Case | None) -> Page:
    """The page of an account; ``case`` is its newest."""
    account, rung = position.account, position.effective
    cause = WORDS.cause[Cause(position.cause)] if position.cause else None
    do = [cause.do] if cause else []
    if rung is not Rung.GOOD:
        do += [WORDS.signal[one.signal] for one in position.findings]
    title = WORDS.rung[rung].title
    title = f"Would be: {title.lower()}" if position.shadow else title
    means = (WORDS.shadow, *meaning(position, tuple(orders))) if position.shadow else meaning(position, tuple(orders))
    return Page(
        *(account.tenant, str(account.key), account.stream, named(account), title),
        effective=rung,
        system=position.system,
        operator=position.operator,
        since=position.since,
        because=position.because,
        by=position.by,
        happened=cause.happened if cause else "",
        means=tuple(means),
        do=tuple(do),
        findings=position.findings,
        orders=tuple(orders),
        history=tuple(history),
        questions=_questions(position, case),
        case=case.name if case else "",
        case_state=case.state.value if case else "",
        case_because=case.because if case else "",
        shadow=position.shadow,
    )


def _questions(position: Position, case: Case | None) -> tuple[Asked, ...]:
    if objection(position):
        return ()
    answers = case.answers if case is not None and case.open else {}
    return tuple(Asked(name, one.ask, one.why, answers.get(name, "")) for name, one in WORDS.question.items())

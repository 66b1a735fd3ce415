"""Cases about accounts that are slowed or stopped: a tenant answers, an operator decides."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from goodstanding.api.native.fields import LINES, Because, KeyText, Paging
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import ProblemError
from goodstanding.api.native.routes import Call, Page, Routes
from goodstanding.api.native.standings import desk, seen
from goodstanding.operate import reviews as verbs
from goodstanding.operate.reviews import Case
from goodstanding.store import enforcement

routes = Routes("reviews", "Reviews of accounts that are slowed or stopped: a tenant answers, an operator decides.")
Answer = Annotated[str, Meta(max_length=4000, pattern=LINES)]
Question = Annotated[str, Meta(max_length=60, pattern="^[a-z-]+$")]


class CaseShown(Struct, frozen=True, kw_only=True):
    """One review of one account."""

    name: str
    key: str
    tenant: str
    stream: str
    state: str
    opened: float
    opened_by: str
    answers: dict[str, str]
    """By question."""
    questions: dict[str, str]
    missing: list[str]
    """Questions without an answer yet."""
    answered: float
    decided: float
    decided_by: str
    because: str


class CaseFilter(Paging, kw_only=True):
    """Which cases."""

    decided: Annotated[bool, Meta(description="Those that are decided, too.")] = False


class NewCase(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to review."""

    key: KeyText


class Answers(Struct, forbid_unknown_fields=True, kw_only=True):
    """Answers by question; those of a case name them."""

    answers: Annotated[dict[Question, Answer], Meta(min_length=1, max_length=20)]


class Decision(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a review comes to."""

    decision: Literal["reinstate", "refuse", "close"]
    because: Because


@routes.get("/reviews", "reviews:read")
def list_(call: Call, query: CaseFilter) -> Page[CaseShown]:
    """List the cases that wait for an answer or a decision, oldest first."""
    found = [_shown(one) for one in verbs.listing(desk(call), decided=query.decided) if call.sees(one.account.tenant)]
    return page(call, found, query.limit, lambda one: (one.opened, one.tenant, int(one.name.rpartition("-")[2])))


@routes.post("/reviews", "reviews:write", status=201)
def open_(call: Call, body: NewCase) -> CaseShown:
    """Open a review of a key; an open one is given again."""
    seen(call, body.key)
    return _shown(verbs.open_case(desk(call), body.key).case)


@routes.get("/reviews/{case}", "reviews:read")
def show(call: Call, case: str) -> CaseShown:
    """Show a case with its questions and answers."""
    return _shown(_known(call, case))


@routes.post("/reviews/{case}/answers", "reviews:write")
def answer(call: Call, case: str, body: Answers) -> CaseShown:
    """Answer questions of a case."""
    _known(call, case)
    if unknown := [name for name in body.answers if name not in verbs.QUESTIONS]:
        raise ProblemError("refused", f"there is no question {unknown[0][:60]}; they are {', '.join(verbs.QUESTIONS)}")
    return _shown(verbs.answer(desk(call), case, body.answers).case)


@routes.post("/reviews/{case}/decision", "reviews:write", operator=True)
def decide(call: Call, case: str, body: Decision) -> CaseShown:
    """Decide a case; the tenant is told."""
    _known(call, case)
    return _shown(verbs.decide(desk(call), case, verbs.DECISIONS[body.decision], body.because))


def _known(call: Call, name: str) -> Case:
    tenant, _, number = name.rpartition("-")
    found = None
    if number.isascii() and number.isdecimal() and len(number) < 10:
        with call.place.database.read() as tx:
            found = enforcement.case(tx, tenant, int(number))
    call.owned(found.account.tenant if found else None, "case", name)
    assert found is not None
    return found


def _shown(one: Case) -> CaseShown:
    return CaseShown(
        name=one.name,
        key=str(one.account.key),
        tenant=one.account.tenant,
        stream=one.account.stream,
        state=one.state.value,
        opened=one.opened,
        opened_by=one.opened_by,
        answers=dict(one.answers),
        questions=dict(verbs.QUESTIONS),
        missing=[name for name in verbs.QUESTIONS if not one.answers.get(name, "").strip()],
        answered=one.answered,
        decided=one.decided,
        decided_by=one.decided_by,
        because=one.because,
    )

"""Verbs on reviews: a tenant opens and answers a case, an operator decides it. Each step is journalled (`reviewed`)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from goodstanding.enforcement import review
from goodstanding.enforcement.ladder import Account
from goodstanding.enforcement.notices import refusal
from goodstanding.enforcement.policy import Policy
from goodstanding.enforcement.review import Case as Case
from goodstanding.enforcement.review import State
from goodstanding.enforcement.words import WORDS
from goodstanding.errors import GoodstandingError
from goodstanding.evidence import Reviewed
from goodstanding.operate.enforcement import Desk, carry_out, key_of, noted, page_in
from goodstanding.store import enforcement, journal
from goodstanding.store.db import Database, Tx

QUESTIONS: Mapping[str, str] = MappingProxyType({name: one.ask for name, one in WORDS.question.items()})
"""What a review asks, in its order."""
DECISIONS: Mapping[str, State] = MappingProxyType(
    {"reinstate": State.REINSTATED, "refuse": State.REFUSED, "close": State.CLOSED}
)
TENANT = "tenant"
"""Who acts on the standing page: whoever has the tenant's link."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case as it is now, and what is still to be answered."""

    case: Case
    missing: tuple[str, ...]


def open_case(desk: Desk, text: str) -> Outcome:
    """Open a review of a key that is slowed, in penalty or suspended. GoodstandingError when there is nothing to it."""
    key = key_of(text)
    with desk.database.tx() as tx:
        enforcement.alone(tx)
        standing = enforcement.positions(tx, key)
        found = next((one for one in standing if not review.objection(one)), standing[0] if standing else None)
        if why := review.objection(found):
            raise GoodstandingError(f"{key}: {why}")
        assert found is not None
        case = opened(tx, found.account, desk.by)
    desk.told(tx.appended)
    return _outcome(case)


def opened(tx: Tx, account: Account, by: str) -> Case:
    """The open case about an account, made if there is none."""
    known = enforcement.latest_case(tx, account)
    if known is not None and known.open:
        return known
    now = time.time()
    case = review.opened(enforcement.position(tx, account), enforcement.next_case(tx, account.tenant), by, now)
    enforcement.put_case(tx, case)
    _journal(tx, case, now, by, case.name)
    return case


def answer(desk: Desk, name: str, answers: Mapping[str, str]) -> Outcome:
    """Answer questions of an open case. GoodstandingError for a case that is not there or decided."""
    with desk.database.tx() as tx:
        enforcement.alone(tx)
        case = answered(tx, _open(tx, name), answers, desk.by)
    desk.told(tx.appended)
    return _outcome(case)


def answered(tx: Tx, before: Case, answers: Mapping[str, str], by: str) -> Case:
    """The case with these answers; once none is missing, the findings no longer wait for one."""
    now = time.time()
    case = review.answer(before, answers, now)
    if case == before:
        return before
    enforcement.put_case(tx, case)
    if case.state is State.ANSWERED:
        enforcement.put_position(tx, review.settle(enforcement.position(tx, case.account)))
    given = ", ".join(name for name in case.answers if case.answers[name] != before.answers.get(name))
    _journal(tx, case, now, by, f"{case.name}: {given}", State.ANSWERED)
    return case


def answer_by_link(desk: Desk, account: Account, answers: Mapping[str, str]) -> bool:
    """What the form of a standing page does: open a case if there is none, and answer; whether there is one."""
    with desk.database.tx() as tx:
        enforcement.alone(tx)
        if review.objection(enforcement.position(tx, account)):
            return False
        answered(tx, opened(tx, account, desk.by), answers, desk.by)
    desk.told(tx.appended)
    return True


def decide(desk: Desk, name: str, to: State, because: str, *, anyway: bool = False) -> Case:
    """Reinstate, refuse or close; the tenant is told.

    GoodstandingError without a reason, for a decided case, and for a reinstatement with open questions, unless it is to
    be granted ``anyway``.
    """
    if not because.strip():
        raise GoodstandingError("a decision needs a reason, which the tenant is told; give it with --because")
    now = time.time()
    with desk.database.tx() as tx:
        enforcement.alone(tx)
        case = _open(tx, name)
        if to is State.REINSTATED and missing(case) and not anyway:
            raise GoodstandingError(
                f"{name} has no answer to: {', '.join(missing(case))}; wait for the tenant, "
                f"answer with goodstanding review answer {name}, or reinstate with --anyway"
            )
        position = noted(tx, enforcement.position(tx, case.account), desk.policy)
        done, moves = review.decide(case, position, to, (desk.by, because.strip()), now, desk.policy)
        enforcement.put_case(tx, done)
        _journal(tx, done, now, desk.by, f"{done.name}: {done.because}")
        carry_out(desk, tx, moves, now)
        told_of = to is State.REFUSED and not position.shadow
        contact = enforcement.contact(tx, case.account.tenant) if told_of else ""
        if told := refusal(done, contact, desk.policy.link(case.account)):
            desk.post(tx, [told])
    desk.told(tx.appended)
    return done


def listing(desk: Desk, *, decided: bool = False) -> list[Case]:
    """The cases that wait for somebody, or all of them."""
    with desk.database.read() as tx:
        return enforcement.cases(tx, decided=decided)


def show(desk: Desk, name: str) -> tuple[Case, str]:
    """A case, and in words where its account stands now."""
    with desk.database.read() as tx:
        case = _known(tx, name)
        page = page_in(tx, case.account)
    return case, f"{page.name}: {page.title.lower()}" + (f", {page.because}" if page.because else "")


def tenants_desk(database: Database) -> Desk:
    """Where somebody sits who holds a tenant's link: may open and answer, and decides nothing."""
    return Desk(database, Policy(), TENANT)


def _known(tx: Tx, name: str) -> Case:
    tenant, _, number = name.rpartition("-")
    digits = number.isascii() and number.isdecimal() and len(number) < 10
    case = enforcement.case(tx, tenant, int(number)) if digits else None
    if case is None:
        raise GoodstandingError(f"there is no case {name}; goodstanding review list shows them")
    return case


def _open(tx: Tx, name: str) -> Case:
    case = _known(tx, name)
    if not case.open:
        raise GoodstandingError(f"case {name} was decided ({case.state}): {case.because}; open another one")
    return case


def missing(case: Case) -> tuple[str, ...]:
    """The questions that are without an answer."""
    return tuple(review.unanswered(case.answers))


def _outcome(case: Case) -> Outcome:
    return Outcome(case, missing(case))


def _journal(tx: Tx, case: Case, now: float, by: str, because: str, step: State | None = None) -> None:
    told = (step or case.state).value
    account = case.account
    journal.append(tx, [Reviewed(account.tenant, now, str(account.key), told, by, because, stream=account.stream)])

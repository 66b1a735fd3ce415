"""Looks at the DNS records of claimed domains: once when asked, and again and again as a chore of the workers.

Domains are claimed for a look by marking them as looked at, in the same transaction, so of all workers and machines
one does it. The look itself needs no transaction; what it came to is recorded in another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import assert_never

import structlog

from goodstanding.admission.verification import Case, Judgement, judge
from goodstanding.errors import StoreError
from goodstanding.events import Event
from goodstanding.outside import Clock, Resolver
from goodstanding.settings import Settings
from goodstanding.store import onboarding
from goodstanding.store.db import Database
from goodstanding.store.domains import Claimed
from goodstanding.wire.questions import Book, Question, Said

log = structlog.get_logger("reverify")

ROUNDS = 40
"""Rounds of questions to one domain; each may depend on answers of the last (an include within an include)."""
QUESTIONS = 300
"""Questions to one domain at most: its records are a stranger's, and must not keep us busy."""
AT_ONCE = 10
"""Domains claimed together."""
NAP = 30.0
"""Seconds between looks into the store for domains that are due."""


async def look(resolver: Resolver, case: Case) -> Judgement:
    """The judgement on a domain, every question asked that it takes; what is asked beyond the limits stays unknown."""
    answers: dict[Question, Said] = {}
    for _ in range(ROUNDS):
        book = Book(answers)
        found = judge(case, book)
        if not book.missing:
            return found
        questions = list(book.missing)[: max(0, QUESTIONS - len(answers))]
        said = await asyncio.gather(*(_ask(resolver, question) for question in questions))
        answers.update(zip(questions, said, strict=True))
        if len(answers) >= QUESTIONS:
            break
    return judge(case, Book(answers, TOO_MUCH))


TOO_MUCH = Said("failed", text="its records ask for too many others")


async def _ask(resolver: Resolver, question: Question) -> Said:
    kind, name = question
    match kind:
        case "txt":
            answer = await resolver.txt(name)
        case "mx":
            answer = await resolver.mx(name)
        case "addresses":
            answer = await resolver.addresses(name)
        case "pointer":
            answer = await resolver.pointer(name)
        case _:
            assert_never(kind)
    return Said(answer.status, answer.records, answer.text)


class Reverify:
    """The chore: every domain is looked at when it is due, by one worker of the whole installation."""

    def __init__(
        self, database: Database, settings: Settings, master: bytes, *, resolver: Resolver, clock: Clock
    ) -> None:
        """``settings.admission`` says how often and how patiently."""
        self._database = database
        self._settings = settings
        self._master = master
        self._resolver = resolver
        self._clock = clock
        self._recheck, self._grace = settings.admission.domain_recheck, settings.admission.domain_grace
        self.told: Callable[[list[Event]], None] = lambda events: None
        """Hears of the journal entries of every commit, for the mail log."""

    async def run(self) -> None:
        """Look at what is due, until cancelled."""
        while True:
            try:
                while await self.round():
                    pass
            except StoreError as exc:
                log.error("looking at domains put off", error=str(exc))
            await self._clock.sleep_until(self._clock.now() + min(NAP, self._recheck))

    async def round(self) -> int:
        """Look at some domains that are due; how many they were."""
        now = self._clock.now()
        cases = await asyncio.to_thread(self._claim, now)
        found = await asyncio.gather(*(look(self._resolver, case) for _, case in cases))
        for (claim, _), judgement in zip(cases, found, strict=True):
            await asyncio.to_thread(self._settle, claim, judgement, now)
        return len(cases)

    def _claim(self, now: float) -> list[tuple[Claimed, Case]]:
        with self._database.read() as tx:  # looking needs no write lock, and mostly nothing is due
            if not onboarding.any_due(tx, now, self._recheck):
                return []
        with self._database.tx() as tx:
            due = onboarding.claim_due(tx, now, self._recheck, AT_ONCE)
        with self._database.read() as tx:
            return [(claim, onboarding.case_of(tx, self._settings, self._master, claim, now)) for claim in due]

    def _settle(self, claim: Claimed, judgement: Judgement, now: float) -> None:
        with self._database.tx() as tx:
            settled = onboarding.settle(tx, claim, judgement, now, self._grace)
            events = list(tx.appended)
        self.told(events)
        if settled is not None and settled.facts.state != claim.facts.state:
            log.warning("domain", name=settled.facts.name, state=settled.facts.state, because=settled.facts.because)

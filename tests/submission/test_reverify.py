"""The chore that looks at domains, with the DNS of a dict."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.admission.domain_state import Evidence
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.onboarding import Ground
from goodstanding.admission.verification import Case
from goodstanding.events import Event
from goodstanding.operate.domains import ensure_domain, records
from goodstanding.settings import AdmissionSettings, Settings
from goodstanding.store import domains
from goodstanding.store.db import Database
from goodstanding.store.schema import migrate
from goodstanding.submission.reverify import QUESTIONS, Reverify, look
from tests.fakes import FakeClock, FakeResolver

MASTER = os.urandom(32)
HOUR, DAY = 3600.0, 86_400.0
NAMES = ("shop.example", "news.example")
Zones = dict[str, dict[str, list[str]]]


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    opened = Database(database_url)
    migrate(opened)
    with opened.tx() as tx:
        for name in NAMES:
            ensure_domain(tx, MASTER, DomainFacts(name, "shop", "transactional"), 1.0)
    yield opened
    opened.close()


def zones_of(database: Database) -> Zones:
    found: Zones = {name: {"TXT": ["v=spf1 -all"]} for name in NAMES}
    for name in NAMES:
        found |= {record.name: {"TXT": [record.value]} for record in records(database, MASTER, name)}
    return found


def chore(database: Database, zones: Zones, clock: FakeClock) -> Reverify:
    settings = Settings(admission=AdmissionSettings(domain_recheck=6 * HOUR, domain_grace=3 * DAY))
    return Reverify(database, settings, MASTER, resolver=FakeResolver(zones), clock=clock)


def states(database: Database) -> dict[str, str]:
    with database.read() as tx:
        return {claim.facts.name: claim.facts.state for claim in domains.claimed(tx)}


def test_a_domain_goes_through_every_state_by_itself(database: Database) -> None:
    zones, clock = zones_of(database), FakeClock(1e9)
    kept = dict(zones)
    told: list[Event] = []

    async def live() -> list[str]:
        one = chore(database, zones, clock)
        one.told = told.extend
        seen = []
        for hours, change in ((0, kept), (6, {}), (72, {}), (0.1, kept), (0.2, kept)):
            zones.clear()
            zones.update(change)
            await clock.advance(hours * HOUR)
            await one.round()
            seen.append(states(database)["shop.example"])
        return seen

    assert asyncio.run(live()) == ["verified", "warned", "stopped", "stopped", "verified"]
    assert [type(event).__name__ for event in told] == ["DomainChecked"] * 8


def test_two_workers_share_the_domains(database: Database) -> None:
    clock, zones = FakeClock(1e9), zones_of(database)
    other = Database(database.url)

    async def both() -> list[int]:
        ours, theirs = chore(database, zones, clock), chore(other, zones, clock)
        return list(await asyncio.gather(ours.round(), theirs.round()))

    assert sum(asyncio.run(both())) == len(NAMES)
    other.close()


def test_nothing_is_looked_at_before_it_is_due(database: Database) -> None:
    clock, zones = FakeClock(1e9), zones_of(database)

    async def thrice() -> list[int]:
        one = chore(database, zones, clock)
        looked = [await one.round(), await one.round()]
        await clock.advance(6 * HOUR)
        return [*looked, await one.round()]

    assert asyncio.run(thrice()) == [2, 0, 2]


def test_a_record_that_asks_without_end_is_given_up() -> None:
    hosts = [f"0 h{n}.example" for n in range(1000)]
    zones = {f"i{n}.example": {"MX": hosts} for n in range(60)}
    zones |= {"shop.example": {"TXT": ["v=spf1 " + " ".join(f"mx:i{n}.example" for n in range(60))]}}
    resolver = FakeResolver(zones)
    case = Case(DomainFacts("shop.example", "shop", "transactional"), (), Ground("mta.example"))
    found = asyncio.run(look(resolver, case))
    assert found.evidence is Evidence.GONE
    assert len(resolver.asked) <= 2 * QUESTIONS

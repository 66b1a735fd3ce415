"""`goodstanding assess` with files and store: what a document encloses, how a sender stands, what a journal teaches."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.errors import GoodstandingError, SettingsError
from goodstanding.events import Bounced, Delivered, Event, Unsubscribed
from goodstanding.evidence import Complained, Engaged, Returned
from goodstanding.model import MessageId, Touched
from goodstanding.operate.assessing import Wishes, calibrate, count_campaigns, pose, sender_of
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assumptions import Range
from goodstanding.simulator.calibrate import Counted
from goodstanding.simulator.campaign import Group
from goodstanding.simulator.campaign_file import read_assumptions
from goodstanding.store import journal
from goodstanding.store.db import Database
from goodstanding.store.schema import migrate
from tests.following import follow

DAY = 86_400.0
SENT = 1_795_000_000.0
LATER = SENT + 10 * DAY
COLD = Touched("shop/sales", "outreach", "shop.example", 7)
NEWS = Touched("shop/news", "bulk", "shop.example", 8)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate(database)
    yield database
    database.close()


def delivered(n: int, touched: Touched = COLD, at: float = SENT, tenant: str = "shop") -> Delivered:
    return Delivered(tenant, MessageId(n), 0, at, f"r{n}@acme.example", "mx.acme.example", "250 ok", touched=touched)


def bounced(n: int, hard: bool) -> Bounced:
    told = ("mx.acme.example", "550 5.1.1 unknown", "recipient", 1)
    return Bounced("shop", MessageId(n), 0, SENT, f"r{n}@acme.example", *told, touched=COLD, hard=hard)


def complained(n: int, touched: Touched = COLD, kind: str = "abuse") -> Complained:
    who = f"r{n}@acme.example"
    return Complained("shop", MessageId(n), 0, SENT + DAY, who, kind, "fbl", touched=touched, delivered=SENT)


def engaged(n: int, how: str, by: str = "person") -> Engaged:
    return Engaged("shop", MessageId(n), 0, SENT + DAY, f"r{n}@acme.example", how, by, COLD, delivered=SENT)


def record(database: Database, *events: Event) -> None:
    with database.tx() as tx:
        journal.append(tx, events)


def test_mail_is_counted_by_campaign(database: Database) -> None:
    record(
        database,
        *[delivered(n) for n in range(10)],
        bounced(20, hard=True),
        bounced(21, hard=False),
        Returned(
            "shop", MessageId(9), 0, SENT + 60, "r9@acme.example", "no-such-user", True, "recipient", "", touched=COLD
        ),
        complained(1),
        engaged(2, "opened"),
        engaged(3, "replied"),
        engaged(4, "clicked"),
        Unsubscribed("shop", MessageId(5), 0, SENT + 60, "r5@acme.example", "outreach", "one-click", touched=COLD),
        *[delivered(30 + n, NEWS) for n in range(3)],
    )
    assert count_campaigns(database, LATER) == [
        Counted(campaign="shop bulk 8", expectation=Expectation.SUBSCRIBED, attempts=3, delivered=3),
        Counted(
            campaign="shop outreach 7",
            expectation=Expectation.COLD,
            attempts=12,
            unknown=2,
            delivered=9,
            opened=1,
            clicked=1,
            replied=1,
            complained=1,
            unsubscribed=1,
        ),
    ]


def test_what_programs_do_and_what_is_said_twice_counts_for_nothing(database: Database) -> None:
    record(database, delivered(1), engaged(1, "opened", "proxy"), engaged(1, "away"), complained(1, kind="reply"))
    record(database, engaged(1, "opened"), engaged(1, "opened"))
    (one,) = count_campaigns(database, LATER)
    assert (one.opened, one.replied, one.complained) == (1, 0, 0)


def test_mail_of_this_week_is_too_young(database: Database) -> None:
    record(database, delivered(1), complained(1))
    assert count_campaigns(database, SENT + 6 * DAY) == []


def test_one_tenant_is_counted_alone(database: Database) -> None:
    record(database, delivered(1), delivered(2, tenant="other"))
    assert [one.campaign for one in count_campaigns(database, LATER, "other")] == ["other outreach 7"]


def test_a_journal_teaches_assumptions_that_a_campaign_can_name(database: Database) -> None:
    record(database, *[delivered(n) for n in range(400)], *[complained(n) for n in range(3)])
    found = calibrate(database, LATER, "shop")
    learned = {one.slug: one for one in found.learned}
    assert (found.campaigns, learned["cold.complained"].events) == (1, 3)
    assert read_assumptions(found.toml).keys() == learned.keys()


def test_a_journal_that_tells_too_little_teaches_nothing(database: Database) -> None:
    record(database, delivered(1))
    with pytest.raises(GoodstandingError, match="too little"):
        calibrate(database, LATER)


def test_a_sender_stands_as_the_mail_does_that_a_campaign_might_drag_down(database: Database) -> None:
    record(
        database,
        *[delivered(n, NEWS) for n in range(300)],
        complained(1, NEWS),
        *[delivered(500 + n) for n in range(9)],
    )
    with database.tx() as tx:
        follow(tx, None, 1000)
    for name in ("shop", "shop/news"):
        sender = sender_of(database, name, LATER)
        assert (sender.tenant, sender.usual_per_day) == ("shop", 10.0)
        assert sender.complaint_rate == pytest.approx(1.5 / 1300, rel=0.01)


def test_a_sender_nobody_knows_is_told_so(database: Database) -> None:
    with pytest.raises(GoodstandingError, match="nothing is known"):
        sender_of(database, "nobody", LATER)


def test_files_lie_beside_the_campaign(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(
        b"\xef\xbb\xbfaddress,country\nanna@gmail.com,IT\n\xff@acme.example,IT\nbob,IT\n"
    )
    (tmp_path / "letter.eml").write_bytes(b"From: a@shop.example\nSubject: Hello\n\nHi")
    (tmp_path / "learned.toml").write_text('[assume]\n"cold.opened" = 0.1\n')
    campaign = tmp_path / "campaign.toml"
    campaign.write_text("message = 'letter.eml'\nrecipients = 'list.csv'\nassumptions = 'learned.toml'\n")
    posed = pose(campaign, wishes=Wishes(("ses",), 5, 3, {"cold.opened": Range(0.2, 0.3, 0.4)}))
    assert posed.listed is not None and posed.listed.bad == 1
    assert Group(Expectation.COLD, "google", "collected", 1, "IT") in posed.question.campaign.groups
    assert posed.question.campaign.message.subject == "Hello"
    assert posed.question.assumptions["cold.opened"].source == "set on the command line"
    assert (posed.question.routes, posed.question.runs, posed.question.seed) == (("ses",), 5, 3)
    assert pose(campaign).question.assumptions["cold.opened"].likely == 0.1


def test_every_file_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    campaign = tmp_path / "campaign.toml"
    campaign.write_text("message = 'a.eml'\nrecipients = 'b.csv'\nassumptions = 'c\\u0000.toml'\n")
    with pytest.raises(SettingsError) as raised:
        pose(campaign)
    told = [problem.removeprefix(f"{campaign}: ").split(":")[0] for problem in raised.value.problems]
    assert told == ["message", "recipients", "assumptions"]


def test_a_campaign_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name a file that can be read"):
        pose(tmp_path / "none.toml")

"""Pictures and links: the pixel, the one address that was sealed, and each hit kept with what tells whose it was."""

import sqlite3
from pathlib import Path

import pytest
from litestar.testing import TestClient

from goodstanding.api import tracking
from goodstanding.api.site import application
from goodstanding.feedback.hits import PICTURE, Seen, read_hit
from goodstanding.model import MessageId
from goodstanding.operate import suppression
from goodstanding.operate.engagement import KNOWN, MOST, Hits, Visitor, tracking_key
from goodstanding.store import reports
from goodstanding.store.db import Database
from goodstanding.wire.engagement_links import Clicked, Opened, seal_click, seal_open
from tests.store.letters import opened

MASTER = bytes(range(32))
MESSAGE = MessageId(77 << 22)
TARGET = "https://shop.example/mugs?a=1&b=%20#blue"
OPEN = f"/o/{seal_open(tracking_key(MASTER), Opened(MESSAGE, 0))}.gif"
CLICK = f"/c/{seal_click(tracking_key(MASTER), Clicked(MESSAGE, 0, 2, TARGET))}"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return opened(f"sqlite:///{tmp_path / 'goodstanding.db'}")


def kept(database: Database) -> list[Seen]:
    with database.read() as tx:
        return [read_hit(octets) for octets in reports.hits_about(tx, [f"{MESSAGE}.0"])]


def test_the_picture_is_one_pixel_that_nobody_keeps(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        answer = client.get(OPEN, headers={"user-agent": "Mail/1"})
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/gif", tracking.GIF)
    assert answer.headers["cache-control"] == "no-store, private"
    assert "set-cookie" not in answer.headers
    [hit] = kept(database)
    assert (hit.kind, hit.message, hit.n, hit.method, hit.agent, hit.before) == (
        "open",
        MESSAGE,
        0,
        "GET",
        "Mail/1",
        (),
    )


def test_a_link_leads_where_it_was_sealed_to(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        client.get(OPEN)
        answer = client.get(f"{CLICK}?url=https://evil.example/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, TARGET, b"")
    first, second = kept(database)
    assert (second.kind, second.link, second.hidden, second.before) == ("click", 2, False, ((first.at, PICTURE),))
    assert second.target == TARGET


def test_asking_with_head_is_answered_and_told(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        assert client.head(OPEN).status_code == 200
        assert client.head(CLICK, follow_redirects=False).headers["location"] == TARGET
    assert [hit.method for hit in kept(database)] == ["HEAD", "HEAD"]


FOREIGN = seal_click(bytes(32), Clicked(MESSAGE, 0, 0, "https://evil.example/"))
OUTS = suppression.token_key(MASTER)


@pytest.mark.parametrize(
    "path",
    [
        OPEN[:-5] + "x.gif", OPEN.removesuffix(".gif"), "/o/.gif", OPEN.replace("/o/", "/c/"),
        CLICK.replace("/c/", "/o/"), CLICK[:-1], f"/c/{FOREIGN}", "/c/https:%2F%2Fevil.example",
        f"/c/{seal_click(OUTS, Clicked(MESSAGE, 0, 0, TARGET))}",
    ],
)  # fmt: skip
def test_a_wrong_address_leads_nowhere_and_keeps_nothing(database: Database, path: str) -> None:
    with TestClient(application(database, MASTER)) as client:
        answer = client.get(path, follow_redirects=False)
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert kept(database) == []


def test_who_guesses_has_to_wait_and_who_knows_has_not(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        answers = [client.get(f"/c/{n:064x}", follow_redirects=False).status_code for n in range(40)]
        assert client.get(CLICK, follow_redirects=False).status_code == 302
    assert 429 in answers


def test_only_looking_is_allowed(database: Database) -> None:
    with TestClient(application(database, MASTER)) as client:
        assert client.post(CLICK, follow_redirects=False).status_code == 405


def test_a_store_in_trouble_keeps_nobody_from_where_they_go(database: Database, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "goodstanding.db") as other:
        other.execute("DROP TABLE report")
    with TestClient(application(database, MASTER)) as client:
        assert client.get(CLICK, follow_redirects=False).headers["location"] == TARGET
        assert client.get(OPEN).content == tracking.GIF


def visitor(at: float) -> Visitor:
    return Visitor(at, "GET", "Mail/1", "192.0.2.7")


def test_a_flood_of_hits_is_not_kept() -> None:
    hits = Hits()
    found = [hits.report(Opened(MESSAGE, 0), visitor(100.0 + n / 100)) for n in range(MOST + 5)]
    assert [report is not None for report in found] == [True] * MOST + [False] * 5
    assert hits.report(Opened(MESSAGE, 1), visitor(100.5)) is not None
    assert hits.report(Opened(MESSAGE, 0), visitor(111.0)) is not None


def test_hits_of_long_ago_are_forgotten() -> None:
    hits = Hits()
    for n in range(KNOWN + 10):
        hits.report(Opened(MESSAGE, n), visitor(100.0))
    report = hits.report(Opened(MESSAGE, 0), visitor(101.0))
    assert report is not None
    assert read_hit(report.octets).before == ()

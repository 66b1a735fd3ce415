"""Who tells, and what it clears away; that it tells is in tests/webhooks and in the scenarios."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.companion import Orders
from goodstanding.events import Delivered
from goodstanding.fitting import place_of_work
from goodstanding.messenger import LEASE, Messenger
from goodstanding.model import MessageId
from goodstanding.operate.opening import open_estate
from goodstanding.settings import LogSettings, Settings
from goodstanding.store import journal, outbox, webhooks
from goodstanding.store.db import Database
from goodstanding.webhooks.endpoint import Endpoint

DAY = 86_400.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path / "data"), log=LogSettings(mail="off"))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    found, _ = open_estate(settings)
    yield found
    found.close()


def messenger(settings: Settings, pid: int = 0) -> Messenger:
    database, master = open_estate(settings)
    made = Messenger(Orders(settings, database.url, master, "", ""))
    made.owner = f"{place_of_work(settings)}#{pid or os.getpid()}"
    return made


def endpoint(database: Database) -> int:
    with database.tx() as tx:
        made = webhooks.add(tx, Endpoint(0, "shop", "https://x.example/", "cloudevents", state="active", sealed=b"s"))
    return made.number


def happened(database: Database, lined_up: float) -> None:
    with database.tx() as tx:
        journal.append(tx, [Delivered("shop", MessageId(1), 0, 1.0, "ann@example.net", "mx", "250 ok")])
        outbox.follow(tx, webhooks.every(tx), journal.Gap(), 10, lined_up)


def states(database: Database, number: int) -> list[str]:
    with database.read() as tx:
        return [row.state for row in outbox.rows(tx, number, "", 10)]


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_nobody_tells_where_nobody_listens(settings: Settings, database: Database) -> None:
    one = messenger(settings)
    one._take_lease()
    assert one.until == 0.0


def test_one_at_a_time_tells(settings: Settings, database: Database) -> None:
    endpoint(database)
    first, second = messenger(settings), messenger(settings, os.getppid())
    first._take_lease()
    second._take_lease()
    assert first.until > time.time() + LEASE / 2
    assert second.until == 0.0
    with database.tx() as tx:
        webhooks.release(tx, first.owner)
    second._take_lease()
    assert second.until
    assert second.anew


def test_the_lease_of_a_dead_process_is_taken_over_at_once(settings: Settings, database: Database) -> None:
    endpoint(database)
    messenger(settings, dead_process())._take_lease()
    one = messenger(settings)
    one._take_lease()
    assert one.until


def test_the_lease_of_another_machine_is_waited_for(settings: Settings, database: Database) -> None:
    endpoint(database)
    other = messenger(settings)
    other.owner = f"elsewhere:/data#{dead_process()}"
    other._take_lease()
    one = messenger(settings)
    one._take_lease()
    assert one.until == 0.0


def test_what_waited_for_a_day_is_given_up_and_later_forgotten(settings: Settings, database: Database) -> None:
    number = endpoint(database)
    happened(database, time.time() - DAY - 60)
    one = messenger(settings)
    one._sweep()
    assert states(database, number) == ["dead"]
    with database.tx() as tx:
        tx.run("UPDATE webhook_outbox SET due = ?", (time.time() - 15 * DAY,))
    one._sweep()
    assert states(database, number) == []


def test_what_is_not_too_old_is_left_alone(settings: Settings, database: Database) -> None:
    number = endpoint(database)
    happened(database, time.time() - DAY + 60)
    messenger(settings)._sweep()
    assert states(database, number) == ["waiting"]


def test_the_outbox_of_a_removed_endpoint_is_cleared(settings: Settings, database: Database) -> None:
    number = endpoint(database)
    happened(database, time.time())
    one = messenger(settings)
    one._look()
    one._sweep()
    with database.tx() as tx:
        webhooks.remove(tx, number)
    one._look()
    one._sweep()
    assert states(database, number) == []

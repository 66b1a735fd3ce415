"""A store in trouble: clear 4xx replies, recovery without help, nothing lost."""

import contextlib
import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.private_postgres import PrivatePostgres
from tests.scenarios.client import Crowd, submit
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink


@pytest.fixture(params=[16])
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own, of so many mebibytes, on a real block device."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(request.param << 20)
    try:
        _run("mkfs.ext4", "-q", str(image))
        _run("mount", "-o", "loop", str(image), str(folder))
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"full and broken disks were not tested: mounting one needs root and loop devices ({exc})")
    yield folder
    _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def books_balance(relay: Relay, sink: Sink, acknowledged: set[str]) -> None:
    """Everything that got a 250 has arrived, and the refusals told the client to come again."""
    relay.wait_until_empty(60.0)
    assert acknowledged <= set(sink.tokens())


def only_temporary(crowd: Crowd) -> None:
    assert crowd.replies, "nobody was refused: the trouble did not happen"
    odd = [reply for reply in crowd.replies if not re.match(r"45[12] 4\.3\.[01] ", f"{reply[0]} {reply[1]}")]
    assert not odd


def test_a_full_disk(make_relay: MakeRelay, sink: Sink, small_disk: Path) -> None:
    relay = make_relay(folder=small_disk)
    relay.start()
    with Crowd(relay.plain) as crowd:
        eventually(lambda: len(crowd.acknowledged) > 20, "mail flows")
        fill(small_disk / "ballast")
        eventually(lambda: len(crowd.replies) > 0, "refusals")
        assert {code for code, _ in crowd.replies} == {452}
        (small_disk / "ballast").unlink()
        before = len(crowd.acknowledged)
        eventually(lambda: len(crowd.acknowledged) > before + 20, "mail flows again")
    only_temporary(crowd)
    books_balance(relay, sink, crowd.acknowledged)


def fill(path: Path) -> None:
    """Take every byte the file system has."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(fd, bytes(4096))
    os.close(fd)


def _lets_go(folder: Path) -> bool:
    """Whether it could be unmounted; what killed processes had open is closed a moment after they are gone."""
    return subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("small_disk", [256], indirect=True)  # room for `Database.lay_out`, as any disk for mail has
def test_a_disk_that_breaks_and_turns_read_only(make_relay: MakeRelay, sink: Sink, small_disk: Path) -> None:
    relay = make_relay(folder=small_disk)
    relay.start()
    with Crowd(relay.plain) as crowd:
        eventually(lambda: len(crowd.acknowledged) > 20, "mail flows")
        _run("mount", "-o", "remount,abort", str(small_disk))  # what ext4 does itself on an I/O error
        eventually(lambda: len(crowd.replies) > 0, "refusals")
    only_temporary(crowd)
    relay.end()
    eventually(lambda: _lets_go(small_disk), "the disk is let go")
    _run("mount", "-o", "loop", str(small_disk.with_name("image")), str(small_disk))
    relay = make_relay(folder=small_disk)
    relay.start()
    books_balance(relay, sink, crowd.acknowledged)


def test_a_database_locked_by_somebody_else(make_relay: MakeRelay, sink: Sink) -> None:
    relay = make_relay()
    relay.start()
    with Crowd(relay.plain) as crowd:
        eventually(lambda: len(crowd.acknowledged) > 20, "mail flows")
        other = sqlite3.connect(relay.database.path, isolation_level=None, timeout=10)
        other.execute("BEGIN EXCLUSIVE")
        eventually(lambda: len(crowd.replies) > 0, "refusals once the patience for the lock is over", 30.0)
        other.execute("ROLLBACK")
        before = len(crowd.acknowledged)
        eventually(lambda: len(crowd.acknowledged) > before + 20, "mail flows again")
    only_temporary(crowd)
    books_balance(relay, sink, crowd.acknowledged)


def test_a_stalled_disk_makes_clients_wait_and_loses_nothing(make_relay: MakeRelay, sink: Sink) -> None:
    relay = make_relay()
    relay.start()
    with Crowd(relay.plain) as crowd:
        eventually(lambda: len(crowd.acknowledged) > 20, "mail flows")
        other = sqlite3.connect(relay.database.path, isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        before = len(crowd.acknowledged)
        with pytest.raises(AssertionError):
            eventually(lambda: len(crowd.acknowledged) > before + 8, "a 250 without a commit", 2.0)
        other.execute("ROLLBACK")
        eventually(lambda: len(crowd.acknowledged) > before + 20, "mail flows again")
    assert not crowd.replies
    books_balance(relay, sink, crowd.acknowledged)


@pytest.fixture
def on_postgres(make_relay: MakeRelay, postgres_server: PrivatePostgres, tmp_path: Path) -> Iterator[Relay]:
    """A relay that keeps everything in PostgreSQL."""
    name = f"relay{os.getpid()}{abs(hash(tmp_path)) % 10_000}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    relay = make_relay(f"store.url={postgres_server.url(name)}")
    relay.start()
    yield relay
    relay.end()
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_postgresql_restarted_while_mail_flows(
    on_postgres: Relay, postgres_server: PrivatePostgres, sink: Sink, how: str
) -> None:
    relay = on_postgres
    with Crowd(relay.plain) as crowd:
        eventually(lambda: len(crowd.acknowledged) > 20, "mail flows")
        postgres_server.stop(how)
        try:
            eventually(lambda: len(crowd.replies) > 0, "refusals")
        finally:
            postgres_server.start()
        before = len(crowd.acknowledged)
        eventually(lambda: len(crowd.acknowledged) > before + 20, "mail flows again")
    only_temporary(crowd)
    books_balance(relay, sink, crowd.acknowledged)


def test_kill_9_on_postgresql(on_postgres: Relay, sink: Sink) -> None:
    relay = on_postgres
    with Crowd(relay.plain) as crowd:
        for _ in range(3):
            before = len(crowd.acknowledged)
            eventually(lambda before=before: len(crowd.acknowledged) > before + 20, "mail flows")  # type: ignore[misc]
            relay.kill()
            relay.start()
    books_balance(relay, sink, crowd.acknowledged)


def test_a_message_of_megabytes_survives_a_crash_on_postgresql(on_postgres: Relay, sink: Sink) -> None:
    relay = on_postgres
    sink.disappear()
    token = submit(relay.plain, size=3_000_000)
    relay.kill()
    sink.appear()
    relay.start()
    relay.wait_until_empty()
    [mail] = sink.mails
    assert (mail.token(), len(mail.octets) > 2_900_000) == (token, True)

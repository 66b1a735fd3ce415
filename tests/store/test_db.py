"""Transactions: all or nothing, trouble as StoreError, recovery without help."""

import contextlib
import shutil
import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest

from goodstanding.errors import StoreError
from goodstanding.store.db import NOT_THE_STORE, WAL_OCTETS, Database
from tests.private_postgres import PrivatePostgres
from tests.store.letters import opened

MAKE = "CREATE TABLE thing (name TEXT PRIMARY KEY, size BIGINT)"


@pytest.fixture
def database(database_url: str) -> Database:
    database = Database(database_url)
    with database.tx() as tx:
        tx.run(MAKE)
    return database


def names(database: Database) -> list[str]:
    with database.read() as tx:
        return [row[0] for row in tx.rows("SELECT name FROM thing ORDER BY name")]


def test_what_a_finished_block_wrote_another_connection_sees(database: Database) -> None:
    with database.tx() as tx:
        tx.many("INSERT INTO thing (name, size) VALUES (?, ?)", [("a", 1), ("b", 2**62)])
    other = Database(database.url)
    assert names(other) == ["a", "b"]
    other.close()


def test_what_a_failed_block_wrote_nobody_sees(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.tx() as tx:
        tx.run("INSERT INTO thing (name, size) VALUES ('a', 1)")
        raise ZeroDivisionError
    assert names(database) == []


def test_after_a_failed_block_the_next_one_works(database: Database) -> None:
    with contextlib.suppress(*NOT_THE_STORE), database.tx() as tx:
        tx.many("INSERT INTO thing (name, size) VALUES (?, 0)", [("a",), ("a",)])
    with database.tx() as tx:
        tx.run("INSERT INTO thing (name, size) VALUES ('a', 1)")
    assert names(database) == ["a"]


def test_a_broken_constraint_is_our_bug_and_no_trouble_of_the_store(database: Database) -> None:
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)), database.tx() as tx:
        tx.many("INSERT INTO thing (name, size) VALUES (?, 0)", [("a",), ("a",)])


def test_a_statement_the_store_cannot_run_is_trouble_of_the_store(database: Database) -> None:
    with pytest.raises(StoreError, match="nowhere"), database.tx() as tx:
        tx.run("INSERT INTO nowhere VALUES (1)")


def test_run_answers_how_many_rows_it_changed(database: Database) -> None:
    with database.tx() as tx:
        tx.many("INSERT INTO thing (name, size) VALUES (?, 0)", [("a",), ("b",)])
        assert tx.run("UPDATE thing SET size = 1") == 2
        assert tx.run("DELETE FROM thing WHERE name = 'c'") == 0


def test_a_percent_sign_in_sql_means_itself(database: Database) -> None:
    with database.tx() as tx:
        tx.run("INSERT INTO thing (name, size) VALUES ('50%', 1)")
        assert tx.row("SELECT name FROM thing WHERE name LIKE '5%' AND size = ?", (1,)) == ("50%",)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_reader_sees_one_moment_while_others_write(database: Database) -> None:
    with database.read() as reading:
        assert reading.rows("SELECT name FROM thing") == []
        with database.tx() as tx:
            tx.run("INSERT INTO thing (name, size) VALUES ('a', 1)")
        assert reading.rows("SELECT name FROM thing") == []


def test_writers_of_several_threads_take_turns(database: Database) -> None:
    def add(name: str) -> None:
        with database.tx() as tx:
            row = tx.row("SELECT COUNT(*) FROM thing")
            tx.run("INSERT INTO thing (name, size) VALUES (?, ?)", (name, row[0] if row else None))

    threads = [threading.Thread(target=add, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as tx:
        assert [row[0] for row in tx.rows("SELECT size FROM thing ORDER BY size")] == list(range(8))


def test_a_closed_database_opens_again_when_used(database: Database) -> None:
    names(database)
    database.close()
    assert names(database) == []


def test_every_commit_of_sqlite_waits_for_the_disk(tmp_path: Path) -> None:
    database = opened(f"sqlite:///{tmp_path / 'a.db'}")
    with database.tx() as tx:
        assert tx.row("PRAGMA synchronous") == (2,), "FULL"
        assert tx.row("PRAGMA journal_mode") == ("wal",)


def test_a_store_in_a_folder_that_is_gone_is_trouble_of_the_store(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'absent' / 'a.db'}")
    with pytest.raises(StoreError), database.tx():
        pass
    with pytest.raises(StoreError), database.read():
        pass


def test_a_restarted_server_is_found_again_without_help(postgres_server: PrivatePostgres) -> None:
    database = Database(postgres_server.url())
    with database.tx() as tx:
        tx.row("SELECT 1")
    postgres_server.stop()
    with pytest.raises(StoreError), database.tx():
        pass
    postgres_server.start()
    with database.tx() as tx:
        assert tx.row("SELECT 1") == (1,)
    database.close()


def test_a_database_file_that_was_deleted_takes_no_commit(tmp_path: Path) -> None:
    database = opened(f"sqlite:///{tmp_path / 'gs.db'}")
    with database.tx() as tx:
        tx.run("INSERT INTO tenant (name, created) VALUES ('a', 1)")
    database.path.unlink()
    with pytest.raises(StoreError), database.tx() as tx:
        tx.run("INSERT INTO tenant (name, created) VALUES ('b', 1)")


def grown(database: Database, rows: int) -> None:
    for number in range(rows):
        with database.tx() as tx:
            tx.run("INSERT INTO tenant (name, created) VALUES (?, 1)", (f"{number}-{'x' * 5000}",))


def test_the_wal_is_copied_back_before_a_writer_has_to(tmp_path: Path) -> None:
    database = opened(f"sqlite:///{tmp_path / 'gs.db'}")
    grown(database, 20)
    assert not database.ease()  # far from being in anybody's way
    assert database.ease(pages=20)
    assert not database.ease(pages=1)
    size = Path(f"{database.path}-wal").stat().st_size
    with database.tx() as tx:
        tx.run("DELETE FROM tenant")  # and the WAL begins anew: it has not grown by this
    assert Path(f"{database.path}-wal").stat().st_size == size
    database.close()


def test_most_of_the_wal_is_copied_back_while_somebody_writes(tmp_path: Path) -> None:
    database, other = opened(f"sqlite:///{tmp_path / 'gs.db'}"), Database(f"sqlite:///{tmp_path / 'gs.db'}")
    grown(database, 20)
    easing = threading.Thread(target=database.ease, args=(20,))
    with other.tx() as tx:
        tx.run("INSERT INTO tenant (name, created) VALUES ('other', 1)")
        easing.start()
        while other._grown():
            pass
        assert easing.is_alive()  # the rest is copied when nobody writes
    easing.join()
    assert not database.ease(pages=1)
    for one in (database, other):
        one.close()


def test_a_log_laid_out_while_others_write_loses_nothing_in_a_crash(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'it.db'}")
    with database.tx() as tx:
        tx.run(MAKE)
    written: list[str] = []
    enough = threading.Event()

    def write() -> None:
        other = Database(database.url)
        while not enough.is_set() or len(written) < 50:
            with other.tx() as tx:
                tx.run("INSERT INTO thing (name, size) VALUES (?, 0)", (f"{len(written):06}",))
            written.append(f"{len(written):06}")
        other.close()

    writer = threading.Thread(target=write)
    writer.start()
    while len(written) < 20:
        pass
    database.lay_out()
    enough.set()
    writer.join()
    log = tmp_path / "it.db-wal"
    assert log.stat().st_size == WAL_OCTETS
    for file in (tmp_path / "it.db", log):  # what a crash leaves: no index of the log
        shutil.copy(file, tmp_path / file.name.replace("it", "copy"))
    crashed = Database(f"sqlite:///{tmp_path / 'copy.db'}")
    assert names(crashed) == written
    database.lay_out()
    assert log.stat().st_size == WAL_OCTETS
    crashed.close()
    database.close()


def test_a_log_is_laid_out_on_either_engine_and_before_anything_is_written(database_url: str) -> None:
    database = Database(database_url)
    database.lay_out()
    with database.tx() as tx:
        tx.run(MAKE)
    assert names(database) == []

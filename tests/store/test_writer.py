"""Group commit: nothing is promised before it is durable, nobody fails for a neighbour, trouble is StoreError."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from goodstanding.errors import StoreError
from goodstanding.events import Event
from goodstanding.model import WorkerId
from goodstanding.store import journal, queue, workers
from goodstanding.store.db import Database, Tx
from goodstanding.store.spool import Place, Spool
from goodstanding.store.writer import Places, Writer
from tests.store.letters import content, letter, postgresql_only, sqlite_only

Batch = list[tuple[Any, Places]]


@asynccontextmanager
async def writing(
    database: Database, folder: Path, limit: int = 400, told: Callable[[Sequence[Event]], None] = lambda events: None
) -> AsyncIterator[Writer]:
    with database.tx() as tx:
        worker = workers.register(tx, "host", os.getpid(), 0.0)
    writer = Writer(database, Spool(folder, database, worker.id, 1 << 20), worker.id, limit, told)
    yield writer
    await writer.close()


def add(tx: Tx, batch: Batch) -> Sequence[Any]:
    """The unit of work of the front door."""
    queue.add(tx, [(entry, places[0]) for entry, places in batch])
    return [places[0] for _, places in batch]


def double(tx: Tx, batch: Batch) -> Sequence[Any]:
    return [2 * number for number, _ in batch]


def break_on_odd(tx: Tx, batch: Batch) -> Sequence[Any]:
    if any(number % 2 for number, _ in batch):
        raise ZeroDivisionError
    return double(tx, batch)


def run(scene: Any) -> None:
    asyncio.run(scene)


def test_a_future_resolves_with_the_units_own_answer(database: Database, tmp_path: Path) -> None:
    async def scene() -> None:
        async with writing(database, tmp_path) as writer:
            assert await asyncio.gather(*(writer.submit(double, i) for i in range(100))) == list(range(0, 200, 2))

    run(scene())


def test_what_gathers_while_a_commit_runs_shares_the_next_one(database: Database, tmp_path: Path) -> None:
    async def scene() -> None:
        async with writing(database, tmp_path) as writer:
            await asyncio.gather(*(writer.submit(double, i) for i in range(300)))
            assert writer.units == 300
            assert writer.commits < 30

    run(scene())


def test_no_commit_takes_more_units_than_allowed(database: Database, tmp_path: Path) -> None:
    sizes: list[int] = []

    def note(tx: Tx, batch: Batch) -> None:
        sizes.append(len(batch))

    async def scene() -> None:
        async with writing(database, tmp_path, limit=7) as writer:
            await asyncio.gather(*(writer.submit(note, i) for i in range(50)))

    run(scene())
    assert sum(sizes) == 50
    assert max(sizes) <= 7


def test_when_the_future_resolves_others_can_see_row_and_bytes(database: Database, tmp_path: Path) -> None:
    other = Database(database.url)
    spool = Spool(tmp_path, other, 0, 1)

    async def scene() -> None:
        async with writing(database, tmp_path) as writer:
            for _ in range(20):
                entry = letter()
                await writer.submit(add, entry, content(entry.message, b"body", b"prefix "))
                with other.read() as tx:
                    place = queue.place_of(tx, entry.message)
                    assert place is not None
                    assert b"".join(spool.read(entry.message, place, tx)) == b"prefix body"

    run(scene())
    other.close()


def test_before_the_commit_no_future_resolves(database: Database, tmp_path: Path) -> None:
    other = Database(database.url)
    seen: list[bool] = []

    async def scene() -> None:
        async with writing(database, tmp_path) as writer:

            def look(tx: Tx, batch: Batch) -> None:
                seen.extend(future.done() for future in futures)

            entries = [letter() for _ in range(5)]
            futures = [writer.submit(add, entry, content(entry.message, b"x")) for entry in entries]
            futures.append(writer.submit(look, None))
            await asyncio.gather(*futures)

    run(scene())
    assert seen
    other.close()


def test_a_failing_unit_does_not_fail_its_neighbours(database: Database, tmp_path: Path) -> None:
    async def scene() -> None:
        async with writing(database, tmp_path) as writer:
            letters = [letter() for _ in range(4)]
            futures = [writer.submit(add, one, content(one.message, b"x")) for one in letters]
            futures.append(writer.submit(break_on_odd, 3))
            futures.append(writer.submit(break_on_odd, 4))
            futures.append(writer.submit(add, letters[0], content(letters[0].message, b"a number given out twice")))
            *kept, broken, fine, twice = await asyncio.gather(*futures, return_exceptions=True)
            assert all(isinstance(place, Place) for place in kept)
            assert isinstance(broken, ZeroDivisionError)
            assert fine == 8
            assert isinstance(twice, Exception)
            assert not isinstance(twice, StoreError)

    run(scene())
    with database.read() as tx:
        assert tx.row("SELECT COUNT(*) FROM message") == (4,)
        assert journal.counts(tx) == {"accepted": 4}


def test_trouble_of_the_store_fails_the_commit_and_the_next_one_works(database: Database, tmp_path: Path) -> None:
    def broken_store(tx: Tx, batch: Batch) -> None:
        tx.run("INSERT INTO nowhere VALUES (1)")

    async def scene() -> None:
        async with writing(database, tmp_path) as writer:
            with pytest.raises(StoreError):
                await writer.submit(broken_store, None)
            assert await writer.submit(double, 1) == 2

    run(scene())


def test_a_worker_that_was_declared_dead_cannot_commit(database: Database, tmp_path: Path) -> None:
    async def scene() -> None:
        async with writing(database, tmp_path) as writer:
            entry = letter()
            with database.tx() as tx:
                workers.bury(tx, WorkerId(writer._worker), 1.0)
            with pytest.raises(StoreError, match="declared dead"):
                await writer.submit(add, entry, content(entry.message, b"x"))

    run(scene())
    with database.read() as tx:
        assert tx.rows("SELECT * FROM message") == []


@postgresql_only
def test_after_a_commit_that_was_never_answered_the_next_one_frees_its_claims(
    database: Database, tmp_path: Path
) -> None:
    def remember(tx: Tx, batch: Batch) -> Sequence[Any]:
        return [str(tx.rows("SELECT CAST(pg_current_xact_id() AS text)")[0][0]) for _ in batch]

    async def scene() -> None:
        async with writing(database, tmp_path) as writer:
            entry = letter(owner=WorkerId(writer._worker))
            kept = writer.submit(add, entry, content(entry.message, b"x"))
            doubtful = await writer.submit(remember, None)
            await kept
            database.doubts.append(doubtful)  # as if the connection had broken just then
            await writer.submit(double, 1)
            with database.read() as tx:
                assert tx.rows("SELECT state, owner, attempts FROM recipient") == [("waiting", 0, 0)]
            assert not database.doubts

    run(scene())


def test_a_commit_of_which_nobody_could_be_told_stands_all_the_same(database: Database, tmp_path: Path) -> None:
    def full_disk(events: Sequence[Event]) -> None:
        raise OSError(28, "No space left on device")

    async def scene() -> None:
        troubles: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
        async with writing(database, tmp_path, told=full_disk) as writer:
            entry = letter()
            assert isinstance(await writer.submit(add, entry, content(entry.message, b"x")), Place)
        assert [type(trouble["exception"]) for trouble in troubles] == [OSError]

    run(scene())
    with database.read() as tx:
        assert journal.counts(tx) == {"accepted": 1}


def test_closing_commits_what_waits_and_takes_nothing_more(database: Database, tmp_path: Path) -> None:
    async def scene() -> None:
        async with writing(database, tmp_path, limit=3) as writer:
            futures = [writer.submit(double, i) for i in range(20)]
        assert [future.result() for future in futures] == list(range(0, 40, 2))
        with pytest.raises(StoreError):
            await writer.submit(double, 1)

    run(scene())


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from goodstanding.errors import StoreError
from goodstanding.store.db import Database
from tests.store.letters import content, letter
from tests.store.test_writer import add, writing

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails, as on a full disk

async def scene():
    async with writing(Database(sys.argv[1]), Path(sys.argv[2])) as writer:
        async def put(size):
            entry = letter()
            try:
                await writer.submit(add, entry, content(entry.message, b"x" * size))
            except StoreError as exc:
                return str(exc)
            return "kept"
        print(await put(10))
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
        print(await put(500_000))
        print(await put(10))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(await put(500_000))
asyncio.run(scene())
"""


@sqlite_only
def test_a_disk_that_is_full_for_a_while_costs_only_the_mail_of_that_while(database: Database, tmp_path: Path) -> None:
    database.close()
    said = subprocess.run(
        [sys.executable, "-c", FULL_DISK, database.url, tmp_path / "spool"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    ).stdout.splitlines()
    first, too_large, small, again = said
    assert (first, small, again) == ("kept", "kept", "kept")
    assert "File too large" in too_large
    spool = Spool(tmp_path / "spool", database, 0, 1)
    with database.read() as tx:
        rows = tx.rows("SELECT id, segment, place, size, prefix FROM message ORDER BY id")
        assert [len(b"".join(spool.read(row[0], Place(*row[1:]), tx))) for row in rows] == [10, 10, 500_000]

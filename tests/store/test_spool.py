"""The spool: bytes come back as they went in, and segments go when the last message has left, not before."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from goodstanding.errors import StoreError
from goodstanding.model import WorkerId
from goodstanding.store import workers
from goodstanding.store.db import Database
from goodstanding.store.spool import PART, Content, Place, Spool, segment_path, sweep
from tests.store.letters import content, sqlite_only

SMALL_SEGMENT = 1000
LARGE = bytes(range(256)) * (3 * PART // 256) + b"rest"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(database: Database, folder: Path) -> Spool:
    with database.tx() as tx:
        worker = workers.register(tx, "host", 1, 0.0)
    return Spool(folder, database, worker.id, SMALL_SEGMENT)


def keep(spool: Spool, database: Database, contents: Sequence[Content]) -> list[Place]:
    """What the writer does for a group of messages."""
    places = spool.write(contents)
    with database.tx() as tx:
        spool.book(tx, contents, places)
    spool.committed()
    return places


def let_go(spool: Spool, database: Database, gone: Iterable[tuple[int, Place]]) -> None:
    """What the writer does for a group of settlements."""
    with database.tx() as tx:
        spool.book(tx, [], [])
        spool.forget(tx, [(message, place.segment) for message, place in gone])
    spool.committed()


def read(spool: Spool, database: Database, message: int, place: Place) -> bytes:
    with database.read() as tx:
        return b"".join(spool.read(message, place, tx))


def files(folder: Path) -> int:
    return len(list(folder.glob("*.seg")))


def test_what_is_read_is_the_prefix_and_then_the_body(spool: Spool, database: Database) -> None:
    contents = [
        Content(1, [b"bo", b"dy"], 4, b"prefix "),
        content(2, b"", b"only prefix"),
        content(3, b"only body"),
        content(4, LARGE, b"prefix "),
    ]
    places = keep(spool, database, contents)
    said = [read(spool, database, i, place) for i, place in enumerate(places, 1)]
    assert said == [b"prefix body", b"only prefix", b"only body", b"prefix " + LARGE]


def test_a_message_in_more_pieces_than_one_write_takes_is_whole(spool: Spool, database: Database) -> None:
    pieces = [b"%d," % i for i in range(2500)]
    [place] = keep(spool, database, [Content(1, pieces, len(b"".join(pieces)), b"p ")])
    assert read(spool, database, 1, place) == b"p " + b"".join(pieces)


def test_a_large_message_is_written_while_it_arrives(spool: Spool, database: Database, folder: Path) -> None:
    large = spool.large_file()
    for start in range(0, len(LARGE), 100_000):
        large.write([LARGE[start : start + 100_000]])
    assert b"".join(large.read()) == LARGE
    [place] = keep(spool, database, [Content(1, [], large.size, b"prefix ", large)])
    assert read(spool, database, 1, place) == b"prefix " + LARGE
    file = segment_path(folder, large.segment)
    assert file.exists() == (not spool.in_database)
    let_go(spool, database, [(1, place)])
    assert not file.exists()


def test_a_large_message_whose_commit_failed_can_be_committed_again(spool: Spool, database: Database) -> None:
    large = spool.large_file()
    large.write([LARGE])
    arrived = [Content(1, [], large.size, b"prefix ", large)]
    with pytest.raises(ZeroDivisionError), database.tx() as tx:
        spool.book(tx, arrived, spool.write(arrived))
        raise ZeroDivisionError
    spool.undone()
    [place] = keep(spool, database, arrived)
    assert read(spool, database, 1, place) == b"prefix " + LARGE


def test_a_discarded_large_message_leaves_no_file(spool: Spool, folder: Path) -> None:
    large = spool.large_file()
    large.write([b"half of it"])
    large.discard()
    assert files(folder) == 0


def test_content_that_has_left_is_not_an_empty_message(spool: Spool, database: Database) -> None:
    [place] = keep(spool, database, [content(1, b"x" * SMALL_SEGMENT)])
    keep(spool, database, [content(2, b"next segment")])
    let_go(spool, database, [(1, place)])
    with pytest.raises(FileNotFoundError):
        read(spool, database, 1, place)


@pytest.mark.parametrize("size", [10, PART * 2], ids=["small", "large"])
def test_half_a_message_is_damage_and_never_goes_out(spool: Spool, database: Database, folder: Path, size: int) -> None:
    [place] = keep(spool, database, [content(1, b"x" * size)])
    if spool.in_database:
        with database.tx() as tx:
            tx.run("UPDATE content SET octets = ?b WHERE part = 0", (b"x",))
    else:
        [segment] = folder.glob("*.seg")
        with segment.open("r+b") as file:
            file.truncate(size - 1)
    with pytest.raises(StoreError):
        read(spool, database, 1, place)


@sqlite_only
def test_a_full_segment_goes_when_its_last_message_leaves(spool: Spool, database: Database, folder: Path) -> None:
    first, second = keep(spool, database, [content(1, b"x" * 600), content(2, b"y" * 600)])
    [third] = keep(spool, database, [content(3, b"z")])
    assert first.segment == second.segment != third.segment
    let_go(spool, database, [(1, first)])
    assert files(folder) == 2
    let_go(spool, database, [(2, second)])
    assert files(folder) == 1
    assert read(spool, database, 3, third) == b"z"


@sqlite_only
def test_an_empty_segment_stays_while_it_is_written_to(spool: Spool, database: Database, folder: Path) -> None:
    [first] = keep(spool, database, [content(1, b"x")])
    let_go(spool, database, [(1, first)])
    [second] = keep(spool, database, [content(2, b"y")])
    assert first.segment == second.segment
    assert read(spool, database, 2, second) == b"y"
    assert files(folder) == 1


@sqlite_only
def test_a_segment_may_be_emptied_by_another_worker(spool: Spool, database: Database, folder: Path) -> None:
    [first] = keep(spool, database, [content(1, b"x" * SMALL_SEGMENT)])
    keep(spool, database, [content(2, b"y")])
    let_go(Spool(folder, database, 99, SMALL_SEGMENT), database, [(1, first)])
    assert files(folder) == 1


@sqlite_only
def test_nothing_is_deleted_for_a_transaction_that_failed(spool: Spool, database: Database, folder: Path) -> None:
    [first] = keep(spool, database, [content(1, b"x" * SMALL_SEGMENT)])
    keep(spool, database, [content(2, b"y")])
    with pytest.raises(ZeroDivisionError), database.tx() as tx:
        spool.forget(tx, [(1, first.segment)])
        raise ZeroDivisionError
    spool.undone()
    assert read(spool, database, 1, first) == b"x" * SMALL_SEGMENT


@sqlite_only
@pytest.mark.parametrize("next_group", ["mail", "settlements only"])
def test_what_a_failed_transaction_wrote_is_cleared_away(
    spool: Spool, database: Database, folder: Path, next_group: str
) -> None:
    with pytest.raises(ZeroDivisionError), database.tx() as tx:
        spool.book(tx, [content(1, b"x")], spool.write([content(1, b"x")]))
        raise ZeroDivisionError
    spool.undone()
    if next_group == "mail":
        keep(spool, database, [content(2, b"y")])
    else:
        let_go(spool, database, [])
    assert files(folder) == (1 if next_group == "mail" else 0)


@sqlite_only
def test_an_abandoned_segment_stays_for_the_messages_it_holds(spool: Spool, database: Database, folder: Path) -> None:
    [first] = keep(spool, database, [content(1, b"x")])
    spool.write([content(2, b"y")])
    spool.undone()
    [third] = keep(spool, database, [content(3, b"z")])
    assert third.segment != first.segment
    assert read(spool, database, 1, first) == b"x"
    let_go(spool, database, [(1, first)])
    assert files(folder) == 1


def test_sweeping_deletes_what_dead_workers_left_without_a_row(spool: Spool, database: Database, folder: Path) -> None:
    [kept] = keep(spool, database, [content(1, b"kept")])
    spool.large_file().write([b"half arrived"])
    before = files(folder)
    with database.tx() as tx:
        assert sweep(folder, tx) == 0, "its writer lives"
        workers.bury(tx, WorkerId(spool.owner), 1.0)
        assert sweep(folder, tx) == 1
    assert files(folder) == before - 1
    assert read(spool, database, 1, kept) == b"kept"


def test_a_dead_workers_empty_segments_go_with_the_sweep(spool: Spool, database: Database, folder: Path) -> None:
    [first] = keep(spool, database, [content(1, b"x")])
    let_go(spool, database, [(1, first)])
    with database.tx() as tx:
        workers.bury(tx, WorkerId(spool.owner), 1.0)
        sweep(folder, tx)
    assert files(folder) == 0

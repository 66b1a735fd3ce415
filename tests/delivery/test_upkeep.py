"""The chores of the eldest worker, on a real store: stragglers leave almost empty segments, nothing else changes."""

import asyncio
from pathlib import Path

from goodstanding.admission.ration import Policy
from goodstanding.delivery.upkeep import Upkeep
from goodstanding.model import MessageId
from goodstanding.store import queue, workers
from goodstanding.store.content import fetch
from goodstanding.store.db import Tx
from goodstanding.store.queue import Claimed, Entry
from goodstanding.store.spool import Place, Spool, segment_path
from goodstanding.store.writer import Places, Writer
from tests.delivery.means import means_for
from tests.store.letters import claim_all, content, delivered, letter, opened, want


def add(tx: Tx, batch: list[tuple[Entry, Places]]) -> list[Place]:
    queue.add(tx, [(entry, places[0]) for entry, places in batch])
    return [places[0] for _, places in batch]


def settle(tx: Tx, spool: Spool, claims: list[Claimed]) -> None:
    spool.forget(tx, queue.settle(tx, [delivered(claimed) for claimed in claims]))


def body_of(message: int) -> bytes:
    return f"Subject: {message}\r\n\r\n".encode() + b"x" * 1000 + b"\r\n"


def test_stragglers_are_moved_and_the_old_segment_goes(tmp_path: Path) -> None:
    async def scenario() -> None:
        database = opened(f"sqlite:///{tmp_path / 'gs.db'}")
        with database.tx() as tx:
            me = workers.register(tx, "here", 1, 100.0)
        spool = Spool(tmp_path / "spool", database, me.id, 20_000)
        writer = Writer(database, spool, me.id, 10)
        entries = [letter() for _ in range(40)]
        for entry in entries:
            await writer.submit(add, entry, content(entry.message, body_of(entry.message), b"P: 1\r\n"))
        with database.tx() as tx:
            claims = {claimed.message: claimed for claimed in claim_all(tx, want(me.id))}
            straggler = claims.pop(entries[0].message)
            settle(tx, spool, list(claims.values()))
        spool.committed()
        old = straggler.place
        assert segment_path(spool.folder, old.segment).exists()

        moved = await Upkeep(means_for(database, writer, spool, me.id), "here", 90.0, Policy()).move_stragglers()

        assert moved == 1
        assert not segment_path(spool.folder, old.segment).exists()
        prefix, *body = fetch(spool, database, straggler.message, old)
        assert (prefix, b"".join(body)) == (b"P: 1\r\n", body_of(straggler.message))
        await writer.close()

    asyncio.run(scenario())


def test_a_younger_worker_leaves_the_chores_to_the_eldest(tmp_path: Path) -> None:
    async def scenario() -> None:
        database = opened(f"sqlite:///{tmp_path / 'gs.db'}")
        with database.tx() as tx:
            workers.register(tx, "here", 1, 100.0)
            me = workers.register(tx, "here", 2, 100.0)
        spool = Spool(tmp_path / "spool", database, me.id, 20_000)
        writer = Writer(database, spool, me.id, 10)
        assert await Upkeep(means_for(database, writer, spool, me.id), "here", 90.0, Policy()).move_stragglers() == 0
        await writer.close()

    asyncio.run(scenario())


def test_a_message_that_left_while_it_was_moved_leaves_nothing_behind(tmp_path: Path) -> None:
    database = opened(f"sqlite:///{tmp_path / 'gs.db'}")
    with database.tx() as tx:
        assert queue.move(tx, [(MessageId(1), 5, Place(6, 0, 10, 2))]) == [(1, 6)]

"""Writes mail as fast as it can until somebody kills it; says the number of each message that is durable.

``python -m tests.store.crash_victim URL SPOOL``
"""

import asyncio
import os
import random
import sys
import zlib
from pathlib import Path

from goodstanding.model import MessageId
from goodstanding.store import queue, workers
from goodstanding.store.db import Database, Tx
from goodstanding.store.queue import Claimed
from goodstanding.store.spool import Spool, sweep
from goodstanding.store.writer import Places, Writer
from tests.store.letters import claim_all, content, delivered, letter, want

SEGMENT = 200_000
LARGE = 60_000


def body_of(message: int) -> bytes:
    """What a message says, made of its number, so that a reader knows what it should find."""
    size = message * 7919 % 20_000 + (LARGE if message % 13 == 0 else 0)
    return (b"%d " % message * (size // 4 + 1))[:size]


def prefix_of(message: int) -> bytes:
    return b"crc=%08x;" % zlib.crc32(body_of(message))


async def write(database: Database, folder: Path) -> None:
    with database.tx() as tx:
        for dead in workers.dead(tx, 0.0, "host", alone=True):
            workers.bury(tx, dead, 0.0)
        sweep(folder, tx)
        worker = workers.register(tx, "host", os.getpid(), 0.0).id
        newest = tx.row("SELECT MAX(message) FROM journal")
    spool = Spool(folder, database, worker, SEGMENT)
    writer = Writer(database, spool, worker, limit=20)
    numbers = iter(range(((newest and newest[0]) or 0) + 1, 1 << 62))

    def add(tx: Tx, batch: list[tuple[queue.Entry, Places]]) -> None:
        queue.add(tx, [(entry, places[0]) for entry, places in batch])

    def settle(tx: Tx, batch: list[tuple[Claimed, Places]]) -> None:
        spool.forget(tx, queue.settle(tx, [delivered(claimed) for claimed, _ in batch]))

    async def accept() -> None:
        for number in numbers:
            message = MessageId(number)
            entry = letter(message=message)
            large = spool.large_file() if number % 13 == 0 else None
            if large:
                large.write([body_of(message)])
                large.finish(prefix_of(message))
            arrived = content(message, b"" if large else body_of(message), prefix_of(message), large)
            arrived.size = len(body_of(message))
            await writer.submit(add, entry, arrived)
            os.write(1, b"+%d\n" % message)

    async def deliver() -> None:
        while True:
            with database.tx() as tx:
                claimed = claim_all(tx, want(worker, room=10))
            for one in claimed:
                if random.random() < 0.8:
                    os.write(1, b"-%d\n" % one.message)  # whoever reads this may find it gone, or not yet
                    await writer.submit(settle, one)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(accept() for _ in range(30)), deliver())


if __name__ == "__main__":
    asyncio.run(write(Database(sys.argv[1]), Path(sys.argv[2])))

"""kill -9 at random moments: no row without its bytes, nothing forgotten that was called durable."""

import random
import subprocess
import sys
import time
from pathlib import Path

from goodstanding.model import MessageId
from goodstanding.reputation.cells import State
from goodstanding.store import journal, queue, standing
from goodstanding.store.db import Database
from goodstanding.store.spool import Spool
from tests.reputation.mail import DAY, START, campaign, of
from tests.store.crash_victim import body_of, prefix_of
from tests.store.test_standing import follow_all, rows

ROOT = Path(__file__).parents[2]
KILLS = 5


def killed_after(seconds: float, victim: str, *arguments: str | Path) -> list[str]:
    """What a victim had said when it was killed, so many seconds after its first word."""
    command = [sys.executable, "-m", f"tests.store.{victim}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        rest = process.stdout.read()
    assert first, "it died by itself"
    return (first + rest).decode().splitlines()


def test_every_row_has_its_bytes_and_nothing_durable_is_lost(database: Database, tmp_path: Path) -> None:
    folder, lottery = tmp_path / "spool", random.Random(1)
    durable, ended = set[int](), set[int]()
    for _ in range(KILLS):
        said = killed_after(lottery.uniform(0.01, 0.5), "crash_victim", database.url, folder)
        durable |= {int(line[1:]) for line in said if line[0] == "+"}
        ended |= {int(line[1:]) for line in said if line[0] == "-"}
        spool = Spool(folder, database, 0, 1)
        with database.read() as tx:
            waiting = {row[0] for row in tx.rows("SELECT message FROM recipient")}
            assert durable - ended <= waiting
            for message in waiting:
                place = queue.place_of(tx, MessageId(message))
                assert place is not None
                assert b"".join(spool.read(message, place, tx)) == prefix_of(message) + body_of(message)
            if spool.in_database:
                continue
            live = dict(tx.rows("SELECT segment, COUNT(*) FROM message GROUP BY segment"))
            counted = dict(tx.rows("SELECT id, live FROM segment WHERE live <> 0"))
            assert counted == live
    assert durable


def test_a_follower_that_is_killed_counts_nothing_twice_and_forgets_nothing(database: Database) -> None:
    """What it left is what folding the journal in one go leaves, cell by cell, octet by octet."""
    story = [
        event
        for day in range(60)
        for event in campaign(START + day * DAY, 40, day % 3, of(campaign=day + 1), hours=day % 5 + 1.0)
    ]
    story.sort(key=lambda event: event.at)
    with database.tx() as tx:
        journal.append(tx, story)
    lottery, reached = random.Random(2), [0]
    for _ in range(KILLS):
        said = killed_after(lottery.uniform(0.0, 0.1), "following_victim", database.url)
        assert int(said[0]) > reached[-1] or reached[-1] == len(story)
        reached.append(int(said[-1]))
    assert len(set(reached)) > KILLS / 2  # it was killed on its way, and not at the end
    killed = follow_all(database, 100, fresh=False)
    with database.tx() as tx:
        left, state = rows(tx), State()
        standing.fold_all(state, story)
        standing.replace(tx, state, killed.cursor)
        assert left == rows(tx)

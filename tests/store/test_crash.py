"""kill -9 at random moments: no row without its bytes, nothing forgotten that was called durable."""

import random
import subprocess
import sys
import time
from pathlib import Path

from goodstanding.model import MessageId
from goodstanding.store import queue
from goodstanding.store.db import Database
from goodstanding.store.spool import Spool
from tests.store.crash_victim import body_of, prefix_of

ROOT = Path(__file__).parents[2]
KILLS = 5


def killed_after(seconds: float, url: str, folder: Path) -> list[str]:
    """What a victim had said when it was killed, so many seconds after its first word."""
    command = [sys.executable, "-m", "tests.store.crash_victim", url, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as victim:
        assert victim.stdout is not None
        first = victim.stdout.readline()
        time.sleep(seconds)
        victim.kill()
        rest = victim.stdout.read()
    assert first, "it died by itself"
    return (first + rest).decode().splitlines()


def test_every_row_has_its_bytes_and_nothing_durable_is_lost(database: Database, tmp_path: Path) -> None:
    folder, lottery = tmp_path / "spool", random.Random(1)
    durable, ended = set[int](), set[int]()
    for _ in range(KILLS):
        said = killed_after(lottery.uniform(0.01, 0.5), database.url, folder)
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

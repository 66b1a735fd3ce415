"""The schema comes whole or not at all, whoever else is making it at the same time."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from goodstanding.store import schema
from goodstanding.store.db import Database
from goodstanding.store.schema import migrate

DIE_HALFWAY = """
import os, signal, sys
from alembic import op
from goodstanding.store.db import Database
from goodstanding.store.schema import migrate
left = int(sys.argv[2])
create = op.create_table
def create_or_die(*arguments, **options):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return create(*arguments, **options)
op.create_table = create_or_die
migrate(Database(sys.argv[1]))
"""


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    migrate(database)
    with database.read() as tx:
        assert tx.rows("SELECT version_num FROM alembic_version") == [("0001",)]


def test_several_processes_may_start_at_once(database_url: str) -> None:
    trouble: list[Exception] = []

    def start() -> None:
        try:
            migrate(Database(database_url))
        except Exception as exc:
            trouble.append(exc)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not trouble


def test_a_crash_while_the_schema_is_made_leaves_none_of_it(database_url: str) -> None:
    for tables in (2, 9):
        died = subprocess.run([sys.executable, "-c", DIE_HALFWAY, database_url, str(tables)], env=os.environ)
        assert died.returncode == -signal.SIGKILL
    database = Database(database_url)
    migrate(database)
    with database.read() as tx:
        assert tx.rows("SELECT * FROM journal") == []


def test_the_newest_migration_is_the_one_the_program_looks_for() -> None:
    folder = Path(schema.__file__).parent / "migrations" / "versions"
    assert max(path.name[:4] for path in folder.glob("0*.py")) == schema.HEAD

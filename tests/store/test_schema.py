"""The schema comes whole or not at all, whoever else is making it at the same time."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from msgspec.structs import astuple
from sqlalchemy import create_engine

from goodstanding.admission.entries import Entry, number
from goodstanding.model import Stream
from goodstanding.store import estate, people, schema, trust
from goodstanding.store.db import Database
from goodstanding.store.schema import migrate
from goodstanding.store.trust import Recorded

NOW = 1_790_000_000.0

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
        assert tx.rows("SELECT version_num FROM alembic_version") == [(schema.HEAD,)]


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


def test_ledger_rows_of_before_keep_their_words_and_gain_their_source(database_url: str) -> None:
    database = Database(database_url)
    to_revision(database, "0006")
    proofs = ['{"source":"shop.example/join","text":"Yes"}', '{"else":1,"source":"x"}', "", "no JSON", '{"source":7}']
    entries = [Entry(NOW, "permission", "opt-in", "bulk", address="a@x.example", evidence=proof) for proof in proofs]
    rows = [("shop", b"a" * 16, number(entry), *astuple(entry)) for entry in entries]
    with database.tx() as tx:
        tx.insert(f"INSERT INTO ledger (tenant, person, id, {trust.COLUMNS}) VALUES", rows)
    migrate(database)
    with database.tx() as tx:
        assert sorted(trust.of(tx, "shop", b"a" * 16), key=repr) == sorted(entries, key=repr)
        assert trust.add(tx, [Recorded("shop", b"a" * 16, entry) for entry in entries]) == []
        (known,) = people.read(tx, "shop", Stream.BULK, [("a@x.example", b"a" * 16, b"e" * 16)])
        assert sum(entry.evidence == '{"source":"shop.example/join"}' for entry in known.entries) == 1


def test_credentials_of_before_are_opened_by_their_secret(database_url: str) -> None:
    database = Database(database_url)
    to_revision(database, "0007")
    with database.tx() as tx:
        tx.run("INSERT INTO tenant (name, created) VALUES ('shop', 1)")
        tx.run("INSERT INTO subscription (name, tenant, stream, created) VALUES ('shop/otp', 'shop', 'bulk', 1)")
        tx.run(
            "INSERT INTO credential (username, subscription, digest, created) VALUES (?, 'shop/otp', ?, 1)",
            ("otp", b"x"),
        )
    migrate(database)
    with database.read() as tx:
        (kept,) = estate.credentials(tx)
    assert (kept.username, kept.digest, kept.link) == ("otp", b"x", None)


def to_revision(database: Database, revision: str) -> None:
    """The schema as an earlier release made it."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    engine = create_engine(database.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()

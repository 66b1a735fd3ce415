"""A migrated store for each test, on both engines; the schema is made once and only emptied between tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from goodstanding.store.db import Database, Tx
from tests.private_postgres import PrivatePostgres
from tests.store.letters import opened

NAME = "store"


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the present schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "goodstanding.db"
    opened(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_store(postgres_server: PrivatePostgres) -> str:
    """URL of a PostgreSQL database with the present schema."""
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {NAME}")
    opened(postgres_server.url(NAME)).close()
    return postgres_server.url(NAME)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty store with the present schema."""
    if request.param == "sqlite":
        path = tmp_path / "goodstanding.db"
        shutil.copy(request.getfixturevalue("sqlite_store"), path)
        database = Database(f"sqlite:///{path}")
    else:
        database = Database(request.getfixturevalue("postgres_store"))
        with database.tx() as tx:
            tables = tx.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            kept = ("alembic_version", "worker_serial", "estate_serial", "order_serial")
            tx.run(f"TRUNCATE {', '.join(name for (name,) in tables if name not in kept)} CASCADE")
    yield database
    database.close()


@pytest.fixture
def tx(database: Database) -> Iterator[Tx]:
    """One open transaction of it."""
    with database.tx() as tx:
        yield tx

"""Runs the migrations, with Alembic; imported only when there is one to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from goodstanding.errors import StoreError
from goodstanding.store.db import Database


def upgrade(database: Database) -> None:
    """Run Alembic. Raises StoreError when the database cannot take it (a full disk, a server that goes away)."""
    try:
        _upgrade(database)
    except SQLAlchemyError as exc:
        raise StoreError(f"{database.engine}: the schema cannot be made: {exc.args[0] if exc.args else exc}") from exc


def _upgrade(database: Database) -> None:
    if database.engine == "sqlite":
        database.path.parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    engine = create_engine(_alchemy_url(database))
    if database.engine == "sqlite":
        _make_ddl_transactional(engine)
    try:
        with engine.connect() as connection:
            if MigrationContext.configure(connection).get_current_revision() == _head(config):
                return
        with engine.begin() as connection:
            if database.engine == "postgresql":  # two machines may start at once; the second finds the work done
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(724901)")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _make_ddl_transactional(engine: Engine) -> None:
    """Python's driver begins no transaction before CREATE TABLE, so a crash would leave half a schema; we begin it.

    IMMEDIATE: of two processes that start at once, the second waits and finds the work done.
    """

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout=30000")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _head(config: Config) -> str | None:
    return ScriptDirectory.from_config(config).get_current_head()


def _alchemy_url(database: Database) -> str:
    scheme, rest = database.url.split(":", 1)
    return f"postgresql+psycopg:{rest}" if scheme in ("postgresql", "postgres") else database.url

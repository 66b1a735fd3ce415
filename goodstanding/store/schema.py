"""Brings a database to the present schema with Alembic; safe to run from several machines at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from goodstanding.store.db import Database


def migrate(database: Database) -> None:
    """Apply every migration that is missing, each in one transaction with the row that records it."""
    if database.engine == "sqlite":
        database.path.parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    engine = create_engine(_alchemy_url(database))
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


def _head(config: Config) -> str | None:
    return ScriptDirectory.from_config(config).get_current_head()


def _alchemy_url(database: Database) -> str:
    scheme, rest = database.url.split(":", 1)
    return f"postgresql+psycopg:{rest}" if scheme in ("postgresql", "postgres") else database.url

"""Brings a database to the present schema; safe to run from several machines at once."""

from __future__ import annotations

from goodstanding.errors import StoreError
from goodstanding.store.db import Database

HEAD = "0012"
"""The newest migration; a test holds it against the files."""


def migrate(database: Database) -> None:
    """Apply every migration that is missing, each in one transaction with the row that records it."""
    if not _is_current(database):
        from goodstanding.store.upgrade import upgrade  # Alembic takes half a second to import

        upgrade(database)


def revision(database: Database) -> str:
    """The newest migration a database has had; empty: none, or it cannot be read."""
    if database.engine == "sqlite" and not database.path.exists():
        return ""
    try:
        with database.read() as tx:
            row = tx.row("SELECT version_num FROM alembic_version")
    except StoreError:
        return ""  # no such table; if it is the server that is gone, the upgrade says so
    return str(row[0]) if row is not None else ""


def _is_current(database: Database) -> bool:
    return revision(database) == HEAD

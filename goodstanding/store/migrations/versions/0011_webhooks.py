"""Webhooks: endpoints of tenants, the outbox of what they are to be told, and how far the journal has been told."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

BIG = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME: Any = sa.Double()


def _column(name: str, kind: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def upgrade() -> None:
    """Add what webhooks need. An outbox row holds no content: that is read from the journal when it is posted."""
    op.create_table(
        "webhook_endpoint",
        sa.Column("number", SERIAL, primary_key=True, autoincrement=True),
        _column("tenant", sa.Text),
        _column("url", sa.Text),
        _column("shape", sa.Text),
        _column("subscription", sa.Text, ""),
        _column("kinds", sa.Text, ""),  # a space between them
        _column("batch", sa.Integer, "1"),
        _column("state", sa.Text),
        _column("because", sa.Text, ""),
        _column("since", BIG),
        _column("created", TIME),
        _column("sealed", sa.LargeBinary),
        _column("delivered", BIG, "0"),
        _column("failed", BIG, "0"),
        _column("last_success", TIME, "0"),
        _column("last_failure", TIME, "0"),
        _column("last_reply", sa.Text, ""),
        sqlite_autoincrement=True,  # a number that was removed is never somebody else's
    )
    _outbox()
    op.create_table(
        "webhook_place",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        _column("cursor", BIG),
        _column("serial", BIG),
        _column("owner", sa.Text),
        _column("until", TIME),
    )


def _outbox() -> None:
    op.create_table(
        "webhook_outbox",
        # The number of the journal entry first: with the endpoint first, SQLite takes the key for its way to the rows
        # of one message, and reads all that wait.
        sa.Column("seq", BIG, primary_key=True, autoincrement=False),
        sa.Column("endpoint", BIG, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Integer, primary_key=True, autoincrement=False),
        _column("chain", BIG),
        _column("state", sa.Text),
        _column("created", TIME),
        _column("due", TIME),
        _column("attempts", sa.Integer),
        _column("reply", sa.Text, ""),
        sqlite_with_rowid=False,
    )
    waiting, rest = sa.text("state = 'waiting'"), sa.text("state <> 'waiting'")
    op.create_index(
        "webhook_due", "webhook_outbox", ["endpoint", "due", "seq"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index(
        "webhook_chain", "webhook_outbox", ["endpoint", "chain", "seq"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index(
        "webhook_ended", "webhook_outbox", ["endpoint", "state", "due"], sqlite_where=rest, postgresql_where=rest
    )

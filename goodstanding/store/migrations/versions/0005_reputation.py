"""Reputation: cells of counts, the harm behind them, and how far the journal has been folded."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BIG = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME: Any = sa.Double()


def _column(name: str, kind: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def upgrade() -> None:
    """Counts are msgpack, so that their shape may grow without a migration."""
    op.create_table(
        "reputation_cell",
        sa.Column("id", BIG, primary_key=True, autoincrement=False, nullable=False),
        _column("tenant", sa.Text),
        _column("source", sa.Text),  # egress address; empty: none was used
        _column("subscription", sa.Text),
        _column("stream", sa.Text),
        _column("domain", sa.Text),
        _column("campaign", BIG),
        _column("links", sa.Text),
        _column("epoch", TIME),
        _column("last", sa.Integer),
        _column("octets", sa.LargeBinary),
    )
    op.create_table(
        "reputation_harm",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        _column("cell", BIG),
        _column("signal", sa.Text),
        _column("at", TIME),
        _column("message", BIG),
        _column("n", sa.Integer),
    )
    op.create_index("reputation_harm_cell", "reputation_harm", ["cell", "at"])
    op.create_index("reputation_harm_at", "reputation_harm", ["at"])
    op.create_table(
        "reputation_state",
        sa.Column("name", sa.Text, primary_key=True),
        _column("octets", sa.LargeBinary),
    )

"""Keys of the native API, and answers that are given again when a request is repeated."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

TIME: Any = sa.Double()


def _column(name: str, kind: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def upgrade() -> None:
    """Add keys, of which only a digest is kept, and what was answered under an Idempotency-Key."""
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _column("tenant", sa.Text),  # empty: an operator's, of every tenant
        _column("name", sa.Text),
        _column("digest", sa.LargeBinary),
        _column("scopes", sa.Text),  # words with a space between them
        _column("created", TIME),
        _column("created_by", sa.Text),
        _column("expires", TIME, "0"),  # 0: never
        _column("used", TIME, "0"),
        _column("revoked", TIME, "0"),
    )
    op.create_table(
        "api_once",
        sa.Column("api_key", sa.Text, primary_key=True, nullable=False),
        sa.Column("said", sa.Text, primary_key=True, nullable=False),  # the Idempotency-Key
        _column("request", sa.LargeBinary),  # digest of what was asked
        _column("at", TIME),
        _column("status", sa.Integer, "0"),  # 0: under way
        sa.Column("sealed", sa.LargeBinary, nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("api_once_at", "api_once", ["at"])

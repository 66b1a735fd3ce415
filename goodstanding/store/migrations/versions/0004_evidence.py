"""Evidence: what a message is held to account by, reports that came in, and which of them were heard already."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BIG = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts by itself only in an INTEGER PRIMARY KEY
TIME: Any = sa.Double()


def _column(name: str, kind: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def upgrade() -> None:
    """Add what evidence needs to find its message, and a place for reports until they are read."""
    for name, kind, default in (("domain", sa.Text, ""), ("campaign", BIG, "0"), ("links", sa.Text, "")):
        op.add_column("message", _column(name, kind, default))
    stopped = sa.text("state = 'stopped'")
    op.create_index("recipient_stopped", "recipient", ["message"], sqlite_where=stopped, postgresql_where=stopped)
    op.create_table(
        "report",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        _column("at", TIME),
        _column("way", sa.Text),  # smtp, or the name of the hook it was posted to
        _column("remote", sa.Text),
        _column("sender", sa.Text),
        _column("recipient", sa.Text),  # who it was addressed to; of a hook, its content type
        _column("octets", sa.LargeBinary),
    )
    op.create_table(  # a report that comes twice counts once
        "report_heard",
        sa.Column("digest", sa.LargeBinary, primary_key=True, nullable=False),
        _column("at", TIME),
        sqlite_with_rowid=False,
    )
    op.create_index("report_heard_at", "report_heard", ["at"])
    op.create_table(  # mail of our own that a worker is to queue
        "notice",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        _column("recipient", sa.Text),
        _column("subject", sa.Text),
        _column("body", sa.Text),
    )

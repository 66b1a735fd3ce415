"""First mail: workers, tenants, credentials, domains, the queue, the spool and the journal."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts by itself only in an INTEGER PRIMARY KEY
TIME: Any = sa.Double()


def _column(name: str, kind: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def upgrade() -> None:
    """Create every table of the first release."""
    op.create_table(
        "worker",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=False),
        _column("host", sa.Text),
        _column("pid", sa.Integer),
        sa.Column("slot", sa.Integer, nullable=False, unique=True),
        _column("started", TIME),
        _column("beat", TIME),
    )
    serial = op.create_table("worker_serial", _column("newest", BIG))
    op.bulk_insert(serial, [{"newest": 0}])
    _estate()
    _queue()
    _spool()
    op.create_table(
        "journal",
        sa.Column("seq", SERIAL, primary_key=True, autoincrement=True),
        _column("at", TIME),
        _column("kind", sa.Text),
        _column("tenant", sa.Text),
        _column("message", BIG),
        _column("n", sa.Integer),
        _column("recipient", sa.Text),
        _column("details", sa.Text),
    )
    op.create_index("journal_message", "journal", ["message"])
    # Only the first entry of each recipient is found by address; the message leads to the rest.
    first = sa.text("kind IN ('accepted', 'refused')")
    op.create_index("journal_recipient", "journal", ["recipient"], sqlite_where=first, postgresql_where=first)


def _estate() -> None:
    """Who may send, as what, with which keys."""
    op.create_table("tenant", sa.Column("name", sa.Text, primary_key=True), _column("created", TIME))
    op.create_table(
        "subscription",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), nullable=False),
        _column("stream", sa.Text),
        _column("created", TIME),
    )
    op.create_table(
        "credential",
        sa.Column("username", sa.Text, primary_key=True),
        sa.Column("subscription", sa.Text, sa.ForeignKey("subscription.name"), nullable=False),
        _column("digest", sa.LargeBinary),
        _column("created", TIME),
        sa.Column("revoked", TIME),
    )
    op.create_table(
        "domain",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, sa.ForeignKey("tenant.name"), nullable=False),
        _column("created", TIME),
    )
    op.create_table(
        "dkim_key",
        sa.Column("domain", sa.Text, sa.ForeignKey("domain.name"), primary_key=True),
        sa.Column("selector", sa.Text, primary_key=True),
        _column("kind", sa.Text),
        _column("sealed", sa.LargeBinary),
        _column("created", TIME),
        sa.Column("retired", TIME),
    )


def _queue() -> None:
    """What waits: messages, their recipients, and the spool segments or parts that hold the bytes."""
    op.create_table(
        "message",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=False),
        _column("tenant", sa.Text),
        _column("subscription", sa.Text),
        _column("stream", sa.Text),
        _column("sender", sa.Text),
        _column("segment", BIG),
        _column("place", BIG),
        _column("size", BIG),
        _column("prefix", sa.Integer),
        _column("traits", sa.Integer),
        _column("ret", sa.Text),
        _column("envid", sa.Text),
        _column("open", sa.Integer),
    )
    op.create_table(
        "recipient",
        sa.Column("message", BIG, primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        _column("rank", sa.Integer),
        _column("tenant", sa.Text),
        _column("destination", sa.Text),
        _column("address", sa.Text),
        _column("notify", sa.Text),
        _column("orcpt", sa.Text),
        _column("state", sa.Text),
        _column("attempts", sa.Integer),
        _column("due", TIME),
        _column("owner", BIG),
        _column("warned", sa.Integer, "0"),
        _column("wish", sa.Text, ""),
        _column("last_reply", sa.Text, ""),
        sqlite_with_rowid=False,
    )
    waiting, wished = sa.text("state = 'waiting'"), sa.text("wish <> ''")
    op.create_index(
        "recipient_lane",
        "recipient",
        ["rank", "tenant", "destination", "due"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("recipient_due", "recipient", ["due"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("recipient_wish", "recipient", ["owner"], sqlite_where=wished, postgresql_where=wished)


def _spool() -> None:
    """Where the bytes are: segments with the messages that wait in them, or the bytes themselves (PostgreSQL)."""
    op.create_table(
        "segment",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=False),
        _column("owner", BIG),
        _column("live", sa.Integer),
        _column("total", sa.Integer),
        _column("closed", sa.Integer, "0"),
    )
    op.create_table(
        "content",
        sa.Column("message", BIG, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        _column("octets", sa.LargeBinary),
    )

"""Enforcement: where accounts stand, what is ordered, what was decided; contacts of tenants, penalty pools."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

BIG = sa.BigInteger()
TIME: Any = sa.Double()


def _column(name: str, kind: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def _key(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False, nullable=False)


def _account() -> list[sa.Column[Any]]:
    """Whom a row is about: ``kind`` and ``name`` are a key, an empty ``stream`` is every stream."""
    return [_key(name, sa.Text) for name in ("tenant", "kind", "name", "stream")]


def upgrade() -> None:
    """Add what enforcement writes down."""
    op.add_column("tenant", _column("contact", sa.Text, ""))
    op.add_column("pool", _column("penalty", sa.Integer, "0"))
    op.create_table(
        "ladder",
        *_account(),
        _column("system_rung", sa.Text),
        _column("operator_rung", sa.Text),
        _column("since", TIME),
        _column("provoked", TIME),
        _column("term", TIME, "0"),
        _column("renew", TIME, "0"),
        _column("cause", sa.Text, ""),
        _column("because", sa.Text, ""),
        _column("decided_by", sa.Text, ""),
        _column("findings", sa.Text, "[]"),  # JSON
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ladder_move",
        *_account(),
        _key("n", BIG),
        _column("at", TIME),
        _column("came_from", sa.Text),
        _column("rung", sa.Text),
        _column("cause", sa.Text),
        _column("because", sa.Text),
        _column("decided_by", sa.Text),
        sqlite_with_rowid=False,
    )
    _orders()
    op.create_table(
        "review",
        _key("tenant", sa.Text),
        _key("number", BIG),
        _column("kind", sa.Text),
        _column("name", sa.Text),
        _column("stream", sa.Text),
        _column("state", sa.Text),
        _column("opened", TIME),
        _column("opened_by", sa.Text),
        _column("answers", sa.Text, "{}"),  # JSON
        _column("answered", TIME, "0"),
        _column("decided", TIME, "0"),
        _column("decided_by", sa.Text, ""),
        _column("because", sa.Text, ""),
        sqlite_with_rowid=False,
    )
    op.create_index("review_state", "review", ["state", "opened"])


def _orders() -> None:
    op.create_table(
        "ladder_order",
        *_account(),
        _key("what", sa.Text),
        _key("provider", sa.Text),
        _column("rate", TIME, "0"),
        _column("pool", sa.Text, ""),
        _column("until", TIME, "0"),
        _column("words", sa.Text, ""),
        _column("slug", sa.Text, ""),
        _column("issued", TIME),
        _column("link", sa.Text, ""),
        _column("ended", sa.Integer, "0"),
        sqlite_with_rowid=False,
    )
    serial = op.create_table("order_serial", _column("newest", BIG))  # counts every change; workers look at it
    op.bulk_insert(serial, [{"newest": 0}])

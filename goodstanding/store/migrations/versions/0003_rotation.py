"""DKIM keys made by a rotation that are not in DNS yet."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME: Any = sa.Double()


def upgrade() -> None:
    """A place apart for keys that must not sign yet."""
    op.create_table(
        "dkim_next",
        sa.Column("domain", sa.Text, sa.ForeignKey("domain.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("selector", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created", TIME, nullable=False),
    )

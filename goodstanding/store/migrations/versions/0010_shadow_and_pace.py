"""What is only noted in shadow is told from what is in force; what is left of each paced rate, for all workers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

TIME: Any = sa.Double()


def upgrade() -> None:
    """What stands on the ladder was told and is in force."""
    for table in ("ladder", "ladder_order"):
        op.add_column(table, sa.Column("shadow", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "pace",
        *(
            sa.Column(name, sa.Text, primary_key=True, autoincrement=False, nullable=False)
            for name in ("tenant", "kind", "name", "stream", "way")
        ),
        sa.Column("level", TIME, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sqlite_with_rowid=False,
    )

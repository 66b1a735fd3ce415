"""The face for programs: access keys of subscriptions, and the operations that were begun with them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add both."""
    op.create_table(
        "access_key",
        sa.Column("subscription", sa.Text, primary_key=True, nullable=False),
        sa.Column("slot", sa.Text, primary_key=True, nullable=False),  # primary, secondary
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
    )
    op.create_table(
        "operation",
        sa.Column("subscription", sa.Text, primary_key=True, nullable=False),
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),  # of the request's body
        sa.Column("proof", sa.LargeBinary, nullable=True),  # of the signature: it opens one operation
        sa.Column("document", sa.Text, nullable=False, server_default=""),  # JSON
        sqlite_with_rowid=False,
    )
    op.create_index("operation_proof", "operation", ["subscription", "proof"], unique=True)
    op.create_index("operation_created", "operation", ["created"])

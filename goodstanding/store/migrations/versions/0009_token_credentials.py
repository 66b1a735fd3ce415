"""Credentials that tokens of an application open: issuer, application and the issuer's tenant in place of a secret."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add what a credential is linked to; empty in those that a secret opens."""
    for name in ("issuer", "application", "issuer_tenant"):
        op.add_column("credential", sa.Column(name, sa.Text, nullable=False, server_default=""))

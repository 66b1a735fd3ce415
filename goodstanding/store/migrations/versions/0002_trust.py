"""Trust: terms and pools, verified domains, the ledger, suppressions, campaigns and quarantine."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts by itself only in an INTEGER PRIMARY KEY
TIME: Any = sa.Double()


def _column(name: str, kind: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def _key(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False, nullable=False)


def upgrade() -> None:
    """Add what admission consults."""
    _estate()
    _people()
    _conduct()


def _estate() -> None:
    """Tenants with addresses, subscriptions with terms, domains with a stream and a state, pools, senders."""
    op.add_column("tenant", _column("country", sa.Text, ""))
    op.add_column("tenant", _column("postal_address", sa.Text, ""))
    op.add_column("tenant", _column("shared_domains", sa.Text, "refuse"))  # or "exception": shown, not refused
    for name, kind, default in (
        ("flow", sa.Text, ""),  # what people call this mail: HR, support, invoices
        ("pool", sa.Text, ""),
        ("minute_limit", sa.Integer, "30"),
        ("hour_limit", sa.Integer, "100"),
        ("recipients_limit", sa.Integer, "50"),
        ("shadow", sa.Integer, "0"),
    ):
        op.add_column("subscription", _column(name, kind, default))
    for name, kind, default in (
        ("stream", sa.Text, ""),
        ("kind", sa.Text, "sending"),
        ("state", sa.Text, "pending"),
        ("because", sa.Text, ""),
        ("checked", TIME, "0"),
        ("failing", TIME, "0"),  # since when records are missing; 0: they are not
    ):
        op.add_column("domain", _column(name, kind, default))
    op.create_table(
        "sender",
        _key("address", sa.Text),
        sa.Column("subscription", sa.Text, sa.ForeignKey("subscription.name"), nullable=False),
        _column("display", sa.Text, ""),
        _column("created", TIME),
    )
    op.create_table(
        "pool",
        _key("name", sa.Text),
        _column("tenant", sa.Text, ""),  # empty: shared by all tenants
        _column("stream", sa.Text),
        _column("addresses", sa.Text, ""),  # separated by spaces
        _column("hello", sa.Text, ""),
        _column("bounce_domain", sa.Text, ""),
        _column("link_domain", sa.Text, ""),
        _column("route", sa.Text, ""),
        _column("created", TIME),
    )
    op.create_table(
        "isolation_exception",
        _key("first", sa.Text),
        _key("second", sa.Text),
        _column("by", sa.Text),
        _column("because", sa.Text),
        _column("at", TIME),
    )
    serial = op.create_table("estate_serial", _column("newest", BIG))  # counts every change; workers look at it
    op.bulk_insert(serial, [{"newest": 0}])


def _people() -> None:
    """What is known of recipients. ``person``: 16 bytes, keyed hash of tenant and folded address."""
    op.create_table(
        "ledger",
        _key("tenant", sa.Text),
        _key("person", sa.LargeBinary),
        _key("id", BIG),
        _column("at", TIME),
        _column("kind", sa.Text),  # permission, withdrawal, interaction
        _column("what", sa.Text),  # the basis of a permission, the kind of an interaction
        _column("stream", sa.Text),
        _column("purpose", sa.Text, ""),
        _column("expires", TIME, "0"),
        _column("country", sa.Text, ""),
        _column("class", sa.Text, "unknown"),
        _column("address", sa.Text, ""),  # empty once erased
        _column("evidence", sa.Text, ""),  # JSON: text shown, source, IP
        sqlite_with_rowid=False,
    )
    op.create_table(
        "suppression",
        _key("tenant", sa.Text),  # empty: the whole platform
        _key("person", sa.LargeBinary),
        _key("stream", sa.Text),  # empty: every stream
        _column("cause", sa.Text),
        _column("source", sa.Text),
        _column("at", TIME),
        _column("expires", TIME, "0"),
        _column("strikes", sa.Integer, "1"),
        _column("address", sa.Text, ""),  # empty once erased
        _column("evidence", sa.Text, ""),
        sqlite_with_rowid=False,
    )
    op.create_table(  # unproven recipients only
        "contact",
        _key("tenant", sa.Text),
        _key("person", sa.LargeBinary),
        _column("first", TIME),
        _column("last", TIME),
        _column("messages", sa.Integer),
        _column("campaign", BIG),  # the latest
        sqlite_with_rowid=False,
    )


def _conduct() -> None:
    """The books of the guard: tallies as msgpack, so that their shape may grow without a migration."""
    op.create_table("tally", _key("key", sa.Text), _column("at", TIME), _column("octets", sa.LargeBinary))
    op.create_table(
        "campaign",
        _key("id", SERIAL),
        _column("tenant", sa.Text),
        _column("subscription", sa.Text),
        _column("name", sa.Text),
        _column("first", TIME),
        _column("last", TIME),
        _column("sketch", sa.LargeBinary),
        _column("octets", sa.LargeBinary),
        _column("state", sa.Text, ""),
    )
    op.create_index("campaign_last", "campaign", ["last"])
    op.create_index("campaign_subscription", "campaign", ["subscription", "last"])
    op.create_table(
        "campaign_band",
        _key("band", BIG),
        _key("campaign", BIG),
        _column("subscription", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("campaign_band_campaign", "campaign_band", ["campaign"])
    op.create_table(
        "quarantine",
        _key("message", BIG),
        _key("n", sa.Integer),
        _column("tenant", sa.Text),
        _column("subscription", sa.Text),
        _column("campaign", BIG),
        _column("person", sa.LargeBinary),
        _column("recipient", sa.Text),
        _column("at", TIME),
        _column("expires", TIME),
        _column("rationed", sa.Integer),  # 1: flows by itself as evidence matures
        _column("findings", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("quarantine_campaign", "quarantine", ["campaign", "at"])
    op.create_index("quarantine_expires", "quarantine", ["expires"])
    op.create_table(
        "incident",
        _key("name", sa.Text),
        _column("tenant", sa.Text),
        _column("subscription", sa.Text),
        _column("because", sa.Text),
        _column("by", sa.Text),
        _column("at", TIME),
        _column("until", TIME),
        _column("recipients", sa.Integer),  # most that it may reach
        _column("pool", sa.Text, ""),
    )

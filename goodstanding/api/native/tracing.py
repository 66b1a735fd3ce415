"""The story of messages, and why they were accepted, held or refused."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from goodstanding.api.native.fields import PRINTABLE
from goodstanding.api.native.problems import absent, missing
from goodstanding.api.native.routes import Call, Routes
from goodstanding.operate import explaining, tracing
from goodstanding.operate.explaining import Explained

routes = Routes("messages", "What became of mail, and why: from the journal.")


class About(Struct, forbid_unknown_fields=True, kw_only=True):
    """A message, or somebody."""

    about: Annotated[
        str, Meta(min_length=1, max_length=254, pattern=PRINTABLE, description="A message id or a recipient's address.")
    ]
    limit: Annotated[int, Meta(ge=1, le=200, description="Most messages to one recipient, the newest.")] = 20


@routes.get("/trace", "messages:read")
def trace(call: Call, query: About) -> list[dict[str, Any]]:
    """Tell the story of a message, or of every message to somebody: a list of events (docs/events.md)."""
    with call.place.database.read() as tx:
        told, turned_away = tracing.stories(tx, query.about, query.limit, call.tenant)
    if not told and not turned_away:
        raise missing("message or recipient", query.about)
    return [tracing.document(event) for events in [*told, turned_away] for event in events]


@routes.get("/why", "messages:read")
def why(call: Call, query: About) -> list[Explained]:
    """Tell why mail was accepted, held or refused: every finding in full."""
    with absent("message or recipient", query.about):
        return explaining.why(call.place.database, query.about, query.limit, call.tenant)

"""What every page of the site needs: the store, who visits, and patience with wrong links."""

from __future__ import annotations

from dataclasses import dataclass, field

from litestar import Request
from litestar.datastructures import State

from goodstanding.api import pages
from goodstanding.api.patience import Patience
from goodstanding.feedback.intake import Backlog, Intake
from goodstanding.operate.engagement import Hits
from goodstanding.outside import Fetcher
from goodstanding.store.db import Database

Visit = Request[None, None, State]


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages work with."""

    database: Database
    master: bytes
    intake: Intake
    backlog: Backlog
    patience: Patience = field(default_factory=Patience)
    hits: Hits = field(default_factory=Hits)
    fetcher: Fetcher | None = None
    """Visits Amazon SNS to confirm a subscription."""


def site_of(request: Visit) -> Site:
    """The site a request came to."""
    found: Site = request.app.state["site"]
    return found


def client(request: Visit) -> str:
    """The address of the visitor: that of the connection, no field can claim another."""
    return request.client.host if request.client else ""


def words_of(request: Visit) -> str:
    """The language of ours that the visitor prefers."""
    return pages.language(request.headers.get("accept-language", ""))

"""The whole site: unsubscribe and standing pages, hooks, pictures and links, the native API below /v1, and pages that
say why there is none.
"""

from __future__ import annotations

import time

import structlog
from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from goodstanding.api import hooks, pages, standing, tracking, unsubscribe
from goodstanding.api.native import problems
from goodstanding.api.native.serving import BASE, native
from goodstanding.api.visit import Site, Visit, words_of
from goodstanding.feedback.intake import Backlog, Intake
from goodstanding.operate.estate import Place
from goodstanding.operate.hooks import PATH
from goodstanding.outside import Fetcher
from goodstanding.settings import Settings
from goodstanding.store.db import Database

log = structlog.get_logger("web")


def application(
    database: Database, master: bytes, settings: Settings = Settings(), fetcher: Fetcher | None = None
) -> Litestar:
    """Everything that is served; hooks take nothing more while ``feedback.backlog`` octets wait to be read."""
    waiting = Backlog(database, settings.feedback.backlog, time.monotonic)
    return Litestar(
        route_handlers=[
            *(unsubscribe.visited, unsubscribe.posted, standing.visited, standing.posted, hooks.posted),
            *(tracking.opened, tracking.clicked),
            native(Place(settings, database, master)),
        ],
        state=State({"site": Site(database, master, Intake(database), waiting, fetcher=fetcher)}),
        request_max_body_size=unsubscribe.BODY_LIMIT,
        exception_handlers={HTTPException: refused, Exception: failed},
        openapi_config=None,
        logging_config=None,
    )


def _is_native(request: Visit) -> bool:
    return request.url.path.startswith(f"{BASE}/")


def refused(request: Visit, exc: HTTPException) -> Response[str] | Response[bytes]:
    """A page for what HTTP itself refuses: no such place, wrong method, too large a body."""
    if _is_native(request):
        return problems.refused(request, exc)
    if request.url.path.startswith(PATH):
        return hooks.refused(exc)
    words = words_of(request)
    kept = {name: value for name, value in (exc.headers or {}).items() if name.lower() in ("allow", "retry-after")}
    what = "nowhere" if exc.status_code == 404 else "post"
    return pages.drawn(pages.trouble(words, what), words, exc.status_code, kept)


def failed(request: Visit, exc: Exception) -> Response[str]:
    """Our own fault: said without a detail to the visitor, and with all of it to the log, but for the token."""
    log.error("page failed", method=request.method, exc_info=exc)
    words = words_of(request)
    return pages.drawn(pages.trouble(words, "busy"), words, 500)

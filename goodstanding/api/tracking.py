"""Open pictures and click links. No answer waits long for the store: a person is waiting, and a hit is only a hit."""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode
from urllib.parse import quote

import structlog
from litestar import HttpMethod, Response, route
from litestar.params import FromPath

from goodstanding.api import pages
from goodstanding.api.visit import Site, Visit, client, site_of
from goodstanding.operate import engagement
from goodstanding.operate.engagement import Visitor
from goodstanding.wire.engagement_links import CLICK_PATH, OPEN_PATH, Clicked, Opened

log = structlog.get_logger("web")

GIF = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""One transparent pixel."""
WAIT = 0.5
"""Seconds an answer waits for its hit to be durable; it is stored all the same, as long as this process lives."""
HEADERS = {
    "Cache-Control": "no-store, private",
    "Referrer-Policy": "no-referrer",  # the token stands in the address
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_AS_IT_IS = "".join(map(chr, range(0x21, 0x7F)))


@route(OPEN_PATH + "{name:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def opened(request: Visit, name: FromPath[str]) -> Response[bytes] | Response[str]:
    """The picture."""
    site = site_of(request)
    what = engagement.opened(site.master, name.removesuffix(".gif")) if name.endswith(".gif") else None
    if what is None:
        return _missed(site, request)
    await _keep(site, request, what)
    return Response(GIF, media_type="image/gif", headers=HEADERS)


@route(CLICK_PATH + "{token:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def clicked(request: Visit, token: FromPath[str]) -> Response[bytes] | Response[str]:
    """On to where the link leads: what was sealed with it, and nowhere else."""
    site = site_of(request)
    what = engagement.clicked(site.master, token)
    if what is None:
        return _missed(site, request)
    await _keep(site, request, what)
    return Response(b"", status_code=302, headers={**HEADERS, "Location": quote(what.target, safe=_AS_IT_IS)})


async def _keep(site: Site, request: Visit, what: Opened | Clicked) -> None:
    visitor = Visitor(time.time(), request.method, request.headers.get("user-agent", ""), client(request))
    report = site.hits.report(what, visitor)
    if report is None:
        return
    kept = site.intake.keep(report)
    kept.add_done_callback(_told)
    await asyncio.wait({kept}, timeout=WAIT)


def _told(kept: asyncio.Future[None]) -> None:
    if not kept.cancelled() and (failure := kept.exception()) is not None:
        log.error("hit not kept", error=str(failure))


def _missed(site: Site, request: Visit) -> Response[str]:
    """A wrong address. Who tries many waits; nobody who has a right one ever does."""
    who, now = client(request), time.monotonic()
    if wait := site.patience.wait(who, now):
        page = pages.Page("Too many wrong links", ["Please wait a minute and try again."])
        return pages.drawn(page, "en", 429, {"Retry-After": str(int(wait) + 1)})
    site.patience.missed(who, now)
    return pages.drawn(pages.Page("This link does not work", ["It is cut short, or not one of ours."]), "en", 404)

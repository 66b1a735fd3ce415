"""The standing page: where an account stands, why, what to do, and the questions of a review. Behind a signed link.

GET shows, and changes nothing. POST of its form opens a review or answers it, and shows the page again. Asked for
``application/json`` it gives the same as a document. Whoever holds the link may do this; only an operator decides.
"""

from __future__ import annotations

import asyncio
import time

import msgspec
import structlog
from litestar import HttpMethod, Response, route
from litestar.datastructures import FormMultiDict
from litestar.enums import MediaType
from litestar.params import FromPath

from goodstanding.api import pages
from goodstanding.api.visit import Site, Visit, client, site_of
from goodstanding.errors import StoreError
from goodstanding.operate import enforcement, reviews
from goodstanding.operate.enforcement import Account, Page
from goodstanding.wire.standing_link import PATH

log = structlog.get_logger("web")

BODY_LIMIT = 192 * 1024
"""Octets of a POST: seven answers of 4,000 characters, percent-encoded, have at most some 170 KiB of Latin text."""
JSON = "application/json"
Answer = Response[str] | Response[bytes]


@route(PATH + "{token:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def visited(request: Visit, token: FromPath[str]) -> Answer:
    """Show the page."""
    site = site_of(request)
    account = enforcement.account_behind(site.master, token)
    if account is None:
        return _missed(site, request)
    try:
        page = await asyncio.to_thread(enforcement.page_of, site.database, account)
    except StoreError as exc:
        return _busy(request, exc)
    return _shown(request, page)


@route(PATH + "{token:str}", http_method=[HttpMethod.POST], status_code=200, request_max_body_size=BODY_LIMIT)
async def posted(request: Visit, token: FromPath[str]) -> Answer:
    """Open a review if there is none, and take the answers in; twice is once."""
    site = site_of(request)
    account = enforcement.account_behind(site.master, token)
    if account is None:
        return _missed(site, request)
    form: FormMultiDict = await request.form()
    answers = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    if answers.get("review") != "answer":
        return _told(request, "Please use the button", "The request did not come from the form of this page.", 400)
    try:
        taken, page = await asyncio.to_thread(_answer, site, account, answers)
    except StoreError as exc:
        return _busy(request, exc)
    return _shown(request, page, taken=taken, status=200 if taken else 409)


def _answer(site: Site, account: Account, answers: dict[str, str]) -> tuple[bool, Page]:
    desk = reviews.tenants_desk(site.database)
    return reviews.answer_by_link(desk, account, answers), enforcement.page_of(site.database, account)


def _shown(request: Visit, page: Page, *, taken: bool = False, status: int = 200) -> Answer:
    if _wants_json(request):
        headers = {**pages.HEADERS, "Vary": "Accept"}
        return Response(msgspec.json.encode(page), media_type=JSON, status_code=status, headers=headers)
    return pages.standing(page, taken, status)


def _missed(site: Site, request: Visit) -> Answer:
    """A wrong link. Who tries many waits; nobody who has a right one ever does."""
    who, now = client(request), time.monotonic()
    if wait := site.patience.wait(who, now):
        told = _told(request, "Too many wrong links", "Please wait a minute and try again.", 429)
        told.headers["Retry-After"] = str(int(wait) + 1)
        return told
    site.patience.missed(who, now)
    why = "It is cut short, or not one of ours. Copy the whole link out of the notice or of the SMTP reply."
    return _told(request, "This link does not work", why, 404)


def _busy(request: Visit, exc: StoreError) -> Answer:
    log.error("standing page put off", error=str(exc))
    told = _told(request, "Not now", "It could not be read or stored just now. Please try again in a minute.", 503)
    told.headers["Retry-After"] = "60"
    return told


def _told(request: Visit, title: str, why: str, status: int) -> Answer:
    if _wants_json(request):
        octets = msgspec.json.encode({"title": title, "because": why, "status": status})
        return Response(octets, media_type=JSON, status_code=status, headers={**pages.HEADERS, "Vary": "Accept"})
    return pages.drawn(pages.Page(title, [why]), "en", status)


def _wants_json(request: Visit) -> bool:
    """Whether a document is asked for: programs name it, browsers name HTML before anything."""
    accepted = request.headers.get("accept", "")[:500].lower()
    return JSON in accepted and MediaType.HTML.value not in accepted

"""The unsubscribe page (RFC 8058): POST acts at once, GET and HEAD never do. No redirect, cookie, login or script.

What happens is `operate.suppression.unsubscribe`, the same that mail and operators call. 200 means durable.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from litestar import HttpMethod, Response, route
from litestar.datastructures import FormMultiDict
from litestar.params import FromPath

from goodstanding.api import pages
from goodstanding.api.visit import Site, Visit, client, site_of, words_of
from goodstanding.errors import StoreError
from goodstanding.operate import suppression
from goodstanding.operate.suppression import Left
from goodstanding.wire.list_unsubscribe import ONE_CLICK, PATH, Token

log = structlog.get_logger("web")

BODY_LIMIT = 4096
"""Octets of a POST: what RFC 8058 asks for has 26, as a form some 200."""


@route(PATH + "{text:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def visited(request: Visit, text: FromPath[str]) -> Response[str]:
    """Show what the link would do, or that it is done. Changes nothing: scanners and previews open every link."""
    page = site_of(request)
    words = words_of(request)
    token = suppression.opened(page.master, text)
    if token is None:
        return _missed(page, request, words)
    try:
        left = await asyncio.to_thread(suppression.standing, page.database, page.master, token)
    except StoreError as exc:
        return _busy(words, exc)
    return pages.drawn(pages.done(words, token, left, before=True) if left else pages.question(words, token), words)


@route(PATH + "{text:str}", http_method=[HttpMethod.POST], status_code=200)
async def posted(request: Visit, text: FromPath[str]) -> Response[str]:
    """Unsubscribe at once; 200 when it is durable. Twice is once."""
    page = site_of(request)
    words, asked = words_of(request), time.time()
    token = suppression.opened(page.master, text)
    if token is None:
        return _missed(page, request, words)
    way = await _way(request)
    if not way:
        return pages.drawn(pages.trouble(words, "post"), words, 400)
    try:
        left = await asyncio.to_thread(_unsubscribe, page, token, (way, asked, client(request)))
    except StoreError as exc:
        return _busy(words, exc)
    return pages.drawn(pages.done(words, token, left), words)


def _unsubscribe(page: Site, token: Token, how: tuple[str, float, str]) -> Left:
    return suppression.unsubscribe(page.database, page.master, suppression.of_token(token, *how))


async def _way(request: Visit) -> str:
    """How somebody asked: ``one-click`` by a machine, ``page`` by our button; empty when they did not ask."""
    body = await request.body()  # 413 when there is too much of it
    if body.strip() == ONE_CLICK.encode():
        return "one-click"
    name, _, value = ONE_CLICK.partition("=")
    form: FormMultiDict = await request.form()  # RFC 8058 §3.2: multipart/form-data as well as urlencoded
    if form.get(name) != value:
        return ""
    return "page" if form.get("way") == "page" else "one-click"


def _missed(page: Site, request: Visit, words: str) -> Response[str]:
    """A wrong link. Who tries many waits; nobody who has a right one ever does."""
    who, now = client(request), time.monotonic()
    if wait := page.patience.wait(who, now):
        return pages.drawn(pages.trouble(words, "many"), words, 429, {"Retry-After": str(int(wait) + 1)})
    page.patience.missed(who, now)
    return pages.drawn(pages.trouble(words, "wrong"), words, 404)


def _busy(words: str, exc: StoreError) -> Response[str]:
    """Whoever posted is told to come again; mailbox providers do."""
    log.error("unsubscribe put off", error=str(exc))
    return pages.drawn(pages.trouble(words, "busy"), words, 503, {"Retry-After": "60"})

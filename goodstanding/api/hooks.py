"""Where platforms post reports (Azure Event Grid, Amazon SNS, ...): kept, and read later. 200 means durable."""

from __future__ import annotations

import json
import time

import structlog
from litestar import HttpMethod, Response, route
from litestar.params import FromPath

from goodstanding.api.visit import Visit, client, site_of
from goodstanding.errors import StoreError
from goodstanding.operate import hooks
from goodstanding.operate.hooks import PATH
from goodstanding.store.reports import Report

log = structlog.get_logger("web")

BODY_LIMIT = 4 * 1024 * 1024
"""Octets of a POST: Event Grid batches up to 1 MiB, exports of figures are larger."""

AGAIN = 60
"""Seconds after which a report that was not taken may be posted again."""


@route(
    PATH + "{source:str}/{secret:str}", http_method=[HttpMethod.POST], status_code=200, request_max_body_size=BODY_LIMIT
)
async def posted(request: Visit, source: FromPath[str], secret: FromPath[str]) -> Response[str]:
    """Keep a report."""
    site, now = site_of(request), time.monotonic()
    if not hooks.is_one(site.master, source, secret):
        if wait := site.patience.wait(client(request), now):
            return _said({"error": "too many wrong addresses; wait a minute"}, 429, int(wait) + 1)
        site.patience.missed(client(request), now)
        return _said({"error": "no such hook; goodstanding feedback hooks prints the addresses"}, 404)
    octets = await request.body()
    if code := hooks.challenge(octets):  # Event Grid: the handshake that proves who owns the address
        return _said({"validationResponse": code}, 200)
    kind = request.headers.get("content-type", "")[:200]
    try:
        if await site.backlog.full():
            return _said({"error": "too many reports wait to be read at present; post it again"}, 503, AGAIN)
        site.backlog.took(len(octets))
        await site.intake.keep(Report(time.time(), source, client(request), "", kind, octets))
    except StoreError as exc:
        log.error("report not kept", error=str(exc))
        return _said({"error": "reports cannot be stored at present; post it again"}, 503, AGAIN)
    return _said({"kept": True}, 200)


def _said(document: dict[str, str | bool], status: int, again: int = 0) -> Response[str]:
    """An answer; ``again``: seconds until it is worth asking again."""
    headers = {"Retry-After": str(again)} if again else {}
    return Response(json.dumps(document), status_code=status, media_type="application/json", headers=headers)

"""Where platforms post reports (Azure Event Grid, Amazon SNS, ...): kept, and read later. 200 means durable."""

from __future__ import annotations

import json
import time

import structlog
from litestar import HttpMethod, Response, route
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from goodstanding.api.visit import Site, Visit, client, site_of
from goodstanding.errors import StoreError
from goodstanding.model import NetworkFailure
from goodstanding.operate import hooks
from goodstanding.operate.hooks import PATH
from goodstanding.store.reports import Report

log = structlog.get_logger("web")

BODY_LIMIT = 4 * 1024 * 1024
"""Octets of a POST: Event Grid batches up to 1 MiB, exports of figures are larger."""

CONFIRM_WITHIN = 10.0
"""Seconds that Amazon has to answer; it waits fifteen for us."""

AGAIN = 60
"""Seconds after which a report that was not taken may be posted again."""


@route(
    PATH + "{source:str}/{secret:str}",
    http_method=[HttpMethod.POST, HttpMethod.OPTIONS],
    status_code=200,
    request_max_body_size=BODY_LIMIT,
)
async def posted(request: Visit, source: FromPath[str], secret: FromPath[str]) -> Response[str]:
    """Keep a report."""
    site = site_of(request)
    if wrong := _wrong_address(request, source, secret):
        return wrong
    if request.method == HttpMethod.OPTIONS:
        return _invited(request.headers.get("webhook-request-origin", ""))
    octets = await request.body()
    if code := hooks.challenge(octets):  # Event Grid: the handshake that proves who owns the address
        return _said({"validationResponse": code}, 200)
    if (url := hooks.to_confirm(octets)) is not None:
        return await _confirmed(site, url)
    kind = request.headers.get("content-type", "")[:200]
    try:
        if await site.backlog.full():
            return _said({"error": "too many reports wait to be read at present; post it again"}, 503, AGAIN)
        site.backlog.took(len(octets))
        await site.intake.keep(Report(time.time(), source, client(request), "", kind, octets))
    except StoreError as exc:
        log.error("report not kept", error=str(exc))
        return _said({"error": "reports cannot be stored at present; post it again"}, 503, AGAIN)
    if hooks.understood(octets, kind):
        return _said({"kept": True}, 200)
    # 200 all the same: who is told 4xx posts the same again, and again. It is journalled as unmatched.
    return _said({"kept": True, "understood": False, "because": "nothing in it is a report that can be read"}, 200)


def refused(exc: HTTPException) -> Response[str]:
    """What HTTP itself refuses at an address of a hook, in words for programs."""
    because = {
        405: "reports are posted here; nothing else is done",
        413: f"a report has {BODY_LIMIT // 1024 // 1024} MiB at most; post parts, or use goodstanding feedback import",
    }
    said = _said({"error": because.get(exc.status_code, exc.detail)}, exc.status_code)
    if exc.status_code == 405:
        said.headers["Allow"] = "POST, OPTIONS"
    return said


def _wrong_address(request: Visit, source: str, secret: str) -> Response[str] | None:
    """The answer to who does not know the address; None: it is one."""
    site, now = site_of(request), time.monotonic()
    if hooks.is_one(site.master, source, secret):
        return None
    if wait := site.patience.wait(client(request), now):
        return _said({"error": "too many wrong addresses; wait a minute"}, 429, int(wait) + 1)
    site.patience.missed(client(request), now)
    return _said({"error": "no such hook; goodstanding feedback hooks prints the addresses"}, 404)


def _invited(origin: str) -> Response[str]:
    """Let a sender of CloudEvents post here: it asks first (HTTP 1.1 Web Hooks for Event Delivery, section 4)."""
    headers = {"Allow": "POST, OPTIONS"}
    if origin:
        headers |= {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
    return Response("", status_code=200, headers=headers)


async def _confirmed(site: Site, url: str) -> Response[str]:
    """Confirm a subscription of Amazon SNS by visiting the address it sent; until then it sends nothing."""
    if not url:
        return _said({"error": "the SubscribeURL does not lead to Amazon SNS"}, 400)
    nowhere = NetworkFailure("fetch", "nothing is fetched here")
    answer = await site.fetcher.get(url, CONFIRM_WITHIN) if site.fetcher else nowhere
    if isinstance(answer, NetworkFailure):
        log.error("subscription not confirmed", url=url, error=str(answer))
        return _said({"error": "the subscription could not be confirmed at present; ask again"}, 503, AGAIN)
    log.info("subscription confirmed", url=url)
    return _said({"confirmed": True}, 200)


def _said(document: dict[str, str | bool], status: int, again: int = 0) -> Response[str]:
    """An answer; ``again``: seconds until it is worth asking again."""
    headers = {"Retry-After": str(again)} if again else {}
    return Response(json.dumps(document), status_code=status, media_type="application/json", headers=headers)

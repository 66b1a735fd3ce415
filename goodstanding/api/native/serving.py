"""Answers requests with routes: who asks, how often, may they, what exactly; then the act, in a thread; then JSON.

The order is always the same, so no route can forget a step. `native` puts the families together.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec
import structlog
from litestar import HttpMethod, Litestar, Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.router import Router

from goodstanding.api.native import paging, problems, reading
from goodstanding.api.native.catalogue import FAMILIES, ROUTES
from goodstanding.api.native.document import described
from goodstanding.api.native.fields import VISIBLE
from goodstanding.api.native.handbook import drawn
from goodstanding.api.native.once import WORD_MOST, Asked, answered_once
from goodstanding.api.native.problems import Fault, ProblemError
from goodstanding.api.native.rates import Rates
from goodstanding.api.native.routes import MATCH_MOST, Call, Raw, Route, Tagged, Told, etag
from goodstanding.api.patience import Patience
from goodstanding.api.visit import Visit, client
from goodstanding.errors import StoreError
from goodstanding.maillog import MailLog
from goodstanding.operate import api_keys
from goodstanding.operate.api_keys import Key, Keyring
from goodstanding.operate.estate import Place
from goodstanding.settings import Settings

log = structlog.get_logger("web")

BASE = "/v1"
THREADS = 8
"""Requests that work on the store at once; others wait."""
BODY_WITHIN = 60.0
"""Seconds a body may take to arrive."""
JSON = "application/json"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_encode = msgspec.json.Encoder().encode


def nobody_told(events: Sequence[Any]) -> None:
    """Nobody listens."""


def mail_log(settings: Settings) -> Told:
    """The relay's mail log, where that is a file: a line in it for everything that is done."""
    where = settings.log.mail
    return nobody_told if where in ("off", "stderr") else MailLog(where).tell


def native(
    place: Place, told: Told | None = None, patience: Patience | None = None, body_within: float = BODY_WITHIN
) -> Router:
    """Everything below /v1, for an application to mount. ``told`` hears of journal entries, else the mail log.

    ``patience`` is with addresses that show wrong keys; the application may share it with its other faces. The
    application has to send what HTTP itself refuses below /v1 (no such place, wrong method) to `problems.refused`.
    """
    house = House(place, told or mail_log(place.settings), patience or Patience(), body_within)
    return Router(
        path=BASE,
        route_handlers=[*house.handlers(ROUTES), *_public()],
        exception_handlers={Exception: problems.refused},
        include_in_schema=False,
    )


def alone(
    place: Place, told: Told | None = None, patience: Patience | None = None, body_within: float = BODY_WITHIN
) -> Litestar:
    """The same as an application of its own: what an ASGI server or another application hands /v1 to."""
    return Litestar(
        route_handlers=[native(place, told, patience, body_within)],
        exception_handlers={Exception: problems.refused},
        openapi_config=None,
        logging_config=None,
    )


@dataclass
class House:
    """What all requests share."""

    place: Place
    told: Told
    patience: Patience
    body_within: float
    keyring: Keyring = field(init=False)
    cursors: paging.Cursors = field(init=False)
    rates: Rates = field(init=False)
    threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        """Threads are started when they are needed."""
        self.keyring = Keyring(self.place.database, self.place.master)
        self.cursors = paging.Cursors(self.place.master)
        self.rates = Rates(self.place.settings.api.key_requests)
        self.threads = ThreadPoolExecutor(THREADS, "native")

    def handlers(self, routes: Sequence[Route]) -> list[HTTPRouteHandler]:
        """The routes as the framework takes them: all methods of a path together, or its Allow names only some."""
        paths: dict[str, dict[str, Route]] = {}
        for one in routes:
            paths.setdefault(one.framework_path, {})[one.method] = one
        return [self._handler(path, methods) for path, methods in paths.items()]

    def _handler(self, path: str, methods: dict[str, Route]) -> HTTPRouteHandler:
        async def serve(request: Visit) -> Response[bytes]:
            return await self._serve(request, methods[request.method])

        limit = max(one.limit for one in methods.values())
        names = [HttpMethod(name) for name in methods]
        return route(path, http_method=names, status_code=200, request_max_body_size=limit)(serve)

    async def _serve(self, request: Visit, one: Route) -> Response[bytes]:
        key = await self._holder(request)
        allowance = self.rates.ask(key.id, time.monotonic())
        limits = self.rates.headers(allowance)
        try:
            if allowance.wait:
                wait = {"Retry-After": str(int(allowance.wait) + 1)}
                raise ProblemError("too-many-requests", "this key has asked too often", headers=wait)
            _allowed(key, one)
            call, arguments, octets = await self._read(request, one, key)
            found: Response[bytes] = await self._in_a_thread(
                partial(self._answer, one, call, arguments, self._asked(request, one, key, octets))
            )
        except Exception as exc:  # noqa: BLE001  every way to fail becomes a problem, with the limits beside it
            found = problems.response(problems.of_exception(exc), request.url.path)
        found.headers.update(limits)
        return found

    # --- who ---------------------------------------------------------------------------------------------------------

    async def _holder(self, request: Visit) -> Key:
        """The key that was shown. Wrong ones cost patience; who tries many waits, whoever has a right one does not."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        who, now = client(request), time.monotonic()
        bearer = scheme.lower() == "bearer" and 0 < len(token) <= 200
        key = await self._in_a_thread(partial(self.keyring.holder, token.strip(), time.time())) if bearer else "unknown"
        if isinstance(key, Key):
            return key
        if bearer and key == "unknown":
            if wait := self.patience.wait(who, now):
                headers = {"Retry-After": str(int(wait) + 1)}
                raise ProblemError("too-many-requests", "too many wrong keys came from this address", headers=headers)
            self.patience.missed(who, now)
        challenge = 'Bearer realm="goodstanding"' + (', error="invalid_token"' if bearer else "")
        detail = _WRONG[key] if bearer else "send Authorization: Bearer gs_...; goodstanding apikey add makes keys"
        raise ProblemError("unauthenticated", detail, headers={"WWW-Authenticate": challenge})

    # --- what --------------------------------------------------------------------------------------------------------

    async def _read(self, request: Visit, one: Route, key: Key) -> tuple[Call, dict[str, Any], bytes]:
        arguments: dict[str, Any] = dict(reading.path_of(request.path_params, one.names))
        given = [(str(name), str(value)) for name, value in request.query_params.multi_items()]
        query = reading.query_of(given, one.query)
        if query is not None:
            arguments["query"] = query
        octets = b""
        if one.body is not None:
            octets = await self._body(request)
            arguments["body"] = reading.body_of(octets, request.headers.get("content-type", ""), one.body)
        call = Call(key, self.place, self.told, turn=self._turn(one, key, given), match=_match(request, one))
        cursor = getattr(query, "cursor", "")
        if cursor:
            call = replace(call, after=self.cursors.read(_list_of(one, key, given), cursor))
        return call, arguments, octets

    async def _body(self, request: Visit) -> bytes:
        """All of the body: 413 when there is too much of it, 408 when it drips."""
        try:
            return await asyncio.wait_for(request.body(), self.body_within)
        except TimeoutError:
            raise ProblemError("too-slow", f"the body did not arrive within {self.body_within:.0f} seconds") from None

    def _turn(self, one: Route, key: Key, given: list[tuple[str, str]]) -> Callable[[Sequence[Any]], str]:
        return partial(self.cursors.made, _list_of(one, key, given))

    def _asked(self, request: Visit, one: Route, key: Key, octets: bytes) -> Asked | None:
        word = request.headers.get("idempotency-key") if one.once else None
        if word is None:
            return None
        if len(word) > WORD_MOST or not re.match(VISIBLE, word):
            fault = Fault(f"visible ASCII, at most {WORD_MOST} characters", "header Idempotency-Key")
            raise ProblemError("invalid", fault.detail, errors=[fault])
        where = reading.path_of(request.path_params, one.names).values()  # the same to another endpoint is another
        return Asked(key.id, word, "\0".join((one.id, *where)), octets)

    # --- the act -----------------------------------------------------------------------------------------------------

    def _answer(self, one: Route, call: Call, arguments: dict[str, Any], asked: Asked | None) -> Response[bytes]:
        self._note(call.key)
        if asked is None:
            return _response(one, one.act(call, **arguments))

        def act() -> tuple[int, bytes]:
            found = _response(one, one.act(call, **arguments))
            return found.status_code or one.status, found.content

        (status, octets), again = answered_once(self.place, asked, act)
        headers = HEADERS | ({"Idempotent-Replayed": "true"} if again else {})
        return Response(octets, status_code=status, media_type=JSON, headers=headers)

    def _note(self, key: Key) -> None:
        """When a key was used is good to know, and no reason to refuse what can be answered."""
        try:
            self.keyring.note(key, time.time())
        except StoreError as exc:
            log.error("use of an API key not noted", key=key.id, error=str(exc))

    async def _in_a_thread(self, act: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.threads, act)


_WRONG = {
    "unknown": "this is no key of ours",
    "expired": "this key has expired; goodstanding apikey add makes another",
    "revoked": "this key was revoked",
}


def _allowed(key: Key, one: Route) -> None:
    """Nothing, when this key may do this at all. Looked at first, so it tells nothing of what is asked for."""
    if one.scope and not api_keys.covers(key.scopes, one.scope):
        raise ProblemError("forbidden", f"this key does not have the scope {one.scope}")
    if one.operator and key.tenant:
        raise ProblemError("forbidden", "only an operator's key may do this (goodstanding apikey add --platform)")


def _match(request: Visit, one: Route) -> str:
    given = request.headers.get("if-match", "")
    if one.match and not given:
        raise ProblemError("precondition-needed", "send If-Match with the ETag you have read, or * for any")
    if one.match and (len(given) > MATCH_MOST or not re.match(VISIBLE, given)):
        fault = Fault(f"visible ASCII, at most {MATCH_MOST} characters", "header If-Match")
        raise ProblemError("invalid", fault.detail, errors=[fault])
    return given if one.match else ""


def _list_of(one: Route, key: Key, given: list[tuple[str, str]]) -> str:
    """What a cursor belongs to: a list, its filters, and whose view of it."""
    filters = sorted((name, value) for name, value in given if name not in ("cursor", "limit"))
    return repr((one.id, key.tenant, filters))


def _response(one: Route, found: Any) -> Response[bytes]:
    headers = dict(HEADERS)
    match found:
        case None:
            return Response(b"", status_code=one.status, headers=headers, media_type=JSON)
        case Raw(octets, media):
            return Response(octets, status_code=one.status, media_type=media, headers=headers)
        case Tagged(document, version):
            headers["ETag"] = etag(version)
            found = document
    return Response(_encode(found), status_code=one.status, media_type=JSON, headers=headers)


# --- without a key ---------------------------------------------------------------------------------------------------


def _public() -> list[HTTPRouteHandler]:
    document = _encode(described(FAMILIES))
    page, policy = drawn(described(FAMILIES))

    async def openapi(request: Visit) -> Response[bytes]:
        return Response(document, media_type=JSON, headers=HEADERS | {"Access-Control-Allow-Origin": "*"})

    async def docs(request: Visit) -> Response[bytes]:
        return Response(page, media_type="text/html", headers=HEADERS | policy)

    get = [HttpMethod.GET]
    return [route("/openapi.json", http_method=get)(openapi), route("/docs", http_method=get)(docs)]

"""``POST /emails:send`` and ``GET /emails/operations/{id}``: an ASGI application in each worker.

Plain ASGI: two routes need no framework, and this is the way every message of a program takes. A 202 is said after the
commit that holds message and operation, as SMTP's 250.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import sha256
from urllib.parse import parse_qs, quote

import structlog
from msgspec import structs

from goodstanding.api.acs.answers import Answer, failed, messages_of, refused, result_of, trouble
from goodstanding.api.acs.keys import AccessKeys
from goodstanding.api.acs.shapes import VERSIONS, Result, draft_of, encode, read_message
from goodstanding.api.acs.signature import FOREIGN_BODY, Denied, Known, Request, fits, signer
from goodstanding.api.asgi import LARGE, Gone, Receive, Scope, Send, body_of, digest_of, numbering, remote_of, say
from goodstanding.errors import StoreError
from goodstanding.model import Identity
from goodstanding.settings import ApiSettings
from goodstanding.store import operations, quarantine
from goodstanding.store.db import Database
from goodstanding.store.operations import Operation
from goodstanding.submission.accept import Accepted, Refused
from goodstanding.submission.handing_in import Handed, HandingIn, Nobody, envelope_of
from goodstanding.submission.operation import Asked, Begun
from goodstanding.wire.compose import Draft, Wrong, compose, flaws, plain_address, recipients_of, wants_smtputf8
from goodstanding.wire.message import Arrival

log = structlog.get_logger("api")

_SEND = re.compile(r"(?P<before>/.*?|)/+emails:send")
_ASK = re.compile(r"(?P<before>/.*?|)/+emails/operations/(?P<id>[^/]*)")
PLACE = "<id>"
"""Where the name of an operation goes in its address: no path that is quoted and no version holds this."""
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(slots=True)
class Face:
    """Serves one worker's programs."""

    settings: ApiSettings
    hostname: str
    door: HandingIn
    database: Database
    keys: AccessKeys
    """Replaced when keys change."""
    requests: dict[str, int] = field(default_factory=dict)
    """Answers by status, for the metrics."""
    named: Callable[[], str] = field(default_factory=numbering)
    """A name for whatever has none."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI)."""
        try:
            answer = await self._answered(scope, receive)
        except Gone:
            return
        except Exception as exc:
            log.error("request failed", exc_info=exc)
            answer = trouble(500, "InternalServerError", "a fault of ours; nothing was sent; try again later")
        status = str(answer.status)
        self.requests[status] = self.requests.get(status, 0) + 1
        await self._say(send, scope, answer)

    async def _answered(self, scope: Scope, receive: Receive) -> Answer:
        path = scope["path"]
        found, verb = _SEND.fullmatch(path), "POST"
        if found is None:
            found, verb = _ASK.fullmatch(path), "GET"
        if found is None:
            return trouble(404, "NotFound", "there is POST /emails:send and GET /emails/operations/{id}")
        if scope["method"] != verb:
            return structs.replace(trouble(405, "MethodNotAllowed", f"use {verb}"), headers={"allow": verb})
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        known = await self._who(scope, headers, found["before"])  # before the body: strangers have none of it kept
        if isinstance(known, Answer):
            return known
        body = await body_of(receive, self.settings.size_limit) if verb == "POST" else b""
        if body is None:
            most = f"{self.settings.size_limit:,} bytes are the limit of a request; send large files as links"
            return trouble(413, "RequestEntityTooLarge", most)
        digest = digest_of(body)
        if known.proof and not fits(headers, digest):
            return self._denied(remote_of(scope), FOREIGN_BODY)
        version = _version(scope["query_string"])
        if version not in VERSIONS:
            return trouble(400, "UnsupportedApiVersionValue", f"api-version is one of {', '.join(VERSIONS)}")
        here = f"{self._base(scope, headers)}{quote(found['before'])}/emails/operations/{PLACE}?api-version={version}"
        if verb == "GET":
            return await self._asked(known.identity, found["id"])
        begun = self._begun(known, headers, digest)
        if begun is None:
            return trouble(400, "BadRequest", "Operation-Id is letters, digits and hyphens, at most 64", "Operation-Id")
        return await self._sent(known.identity, begun, body, here, remote_of(scope))

    async def _who(self, scope: Scope, headers: Mapping[str, str], before: str) -> Known | Answer:
        remote = remote_of(scope)
        if self.door.closed_to(remote):
            said = trouble(429, "TooManyRequests", "too many requests with wrong signatures; wait a minute")
            return structs.replace(said, headers={"retry-after": "60"})
        authorization = headers.get("authorization", "")
        known: Known | Denied
        if authorization[:7].lower() == "bearer ":
            opened = await self.door.bearer(authorization, before.strip("/"))
            if isinstance(opened, Identity):
                return Known(opened, b"")
            if opened.passing:
                return failed()
            known = Denied(opened.because)
        else:
            query = scope["query_string"].decode("latin-1")
            raw = scope.get("raw_path") or scope["path"].encode()
            target = raw.decode("latin-1") + (f"?{query}" if query else "")
            keys = self.keys.of(scope["path"], headers.get("host", ""), remote)
            request = Request(scope["method"], target, headers, before=before.rstrip("/"))
            known = signer(request, keys, self.door.now())
        if isinstance(known, Denied):
            return self._denied(remote, known)
        self.keys.fitted(remote, known.identity)
        return known

    def _denied(self, remote: str, denied: Denied) -> Answer:
        self.door.distrust(remote)
        return trouble(401, "Denied", denied.words)

    # --- asking ---

    async def _asked(self, identity: Identity, name: str) -> Answer:
        try:
            found, waits = await asyncio.to_thread(self._find, identity, name)
        except StoreError as exc:
            return _store_trouble(exc)
        if found is None:
            return trouble(404, "NotFound", "there is no such operation of this resource, or it is long ago")
        result, retry = result_of(found, waits)
        return Answer(200, encode(result), {"retry-after": retry} if retry else {})

    def _find(self, identity: Identity, name: str) -> tuple[Operation | None, bool]:
        """The operation, and whether recipients of it are still in quarantine."""
        if not _ID.fullmatch(name):  # nobody's: PostgreSQL would call a NUL in it a fault
            return None, False
        with self.database.read() as tx:
            found = operations.find(tx, identity.subscription, name)
            return found, found is not None and quarantine.holds(tx, messages_of(found))

    # --- sending ---

    def _begun(self, known: Known, headers: Mapping[str, str], digest: bytes) -> Begun | None:
        """The operation, called as the client says, or by its request id; None: it may not be called so."""
        given, request = headers.get("operation-id", ""), headers.get("x-ms-client-request-id", "")
        if given and not _ID.fullmatch(given):
            return None
        if given:
            name = given.lower()
        else:  # what is signed alike is found by its signature
            name = _name_for(f"{known.identity.subscription} {request}") if request else self.named()
        return Begun(known.identity.subscription, name, digest, known.proof, self.door.now())

    async def _sent(self, identity: Identity, begun: Begun, body: bytes, here: str, remote: str) -> Answer:
        read = await asyncio.to_thread(_draft, body) if len(body) > LARGE else _draft(body)
        if isinstance(read, Wrong):
            return _wrong(read)
        draft, untracked = read
        recipients = recipients_of(draft)
        if len(recipients) > self.settings.recipients_limit:
            most = f"{self.settings.recipients_limit} recipients a message is the limit; send the others separately"
            return trouble(400, "TooManyRecipients", most, "recipients")
        composed = partial(compose, draft, partial(secrets.token_hex, 10))
        octets = composed() if len(body) <= LARGE else await asyncio.to_thread(composed)
        sender, utf8 = plain_address(draft.sender), wants_smtputf8(draft)
        envelope = envelope_of(sender, recipients, smtputf8=utf8, size=len(octets))
        arrival = Arrival(self.hostname, remote, self.hostname, "HTTPS" if here.startswith("https") else "HTTP")
        verdict = await self.door.take(Handed(identity, envelope, octets, arrival, Asked(begun), untracked))
        return await self._verdict(verdict, begun, here)

    async def _verdict(self, verdict: Accepted | Refused | Nobody, begun: Begun, here: str) -> Answer:
        if isinstance(verdict, Refused):
            return refused(verdict)
        name = begun.id
        if verdict.known:
            try:
                before = await asyncio.to_thread(self._find_like, begun)
            except StoreError as exc:
                return _store_trouble(exc)
            if before is None or before.digest != begun.digest:
                return trouble(
                    409, "Conflict", "this operation was begun with another request; take a new Operation-Id"
                )
            name = before.id
        where = {"operation-location": here.replace(PLACE, name), "retry-after": "1"}
        return Answer(202, encode(Result(name, "Running")), where)

    async def _say(self, send: Send, scope: Scope, answer: Answer) -> None:
        named = {"content-type": "application/json; charset=utf-8", "x-ms-request-id": self.named(), **answer.headers}
        for name, value in scope["headers"]:
            if name == b"x-ms-client-request-id":  # echoed whether it is asked for or not: it does no harm
                named["x-ms-client-request-id"] = value.decode("latin-1")
        await say(send, answer.status, answer.body, named)

    def _find_like(self, begun: Begun) -> Operation | None:
        with self.database.read() as tx:
            return operations.find_like(tx, begun)

    def _base(self, scope: Scope, headers: Mapping[str, str]) -> str:
        return self.settings.url or f"{scope['scheme']}://{headers.get('host', self.hostname)}"


def _draft(body: bytes) -> tuple[Draft, bool] | Wrong:
    """What is to be sent, and whether it is not to be tracked."""
    message = read_message(body)
    if isinstance(message, Wrong):
        return message
    draft = draft_of(message)
    if isinstance(draft, Wrong):
        return draft
    if not draft.to:
        return Wrong("recipients.to", "names nobody")
    return next(flaws(draft), (draft, bool(message.userEngagementTrackingDisabled)))


def _wrong(wrong: Wrong) -> Answer:
    code = "InvalidEmailAddress" if wrong.part.endswith("address") else "BadRequest"
    if wrong.part == "senderAddress":
        code = "InvalidSenderUserName"
    return trouble(400, code, f"{wrong.part} {wrong.words}".strip(), wrong.part)


def _name_for(text: str) -> str:
    """A name that the same text always gets, in the form of a UUID (version 8: RFC 9562 §5.8)."""
    found = sha256(text.encode()).hexdigest()
    return f"{found[:8]}-{found[8:12]}-8{found[13:16]}-a{found[17:20]}-{found[20:32]}"


@lru_cache(maxsize=64)
def _version(query: bytes) -> str:
    return parse_qs(query.decode("latin-1")).get("api-version", [""])[0]


def _store_trouble(exc: StoreError) -> Answer:
    log.error("store", error=str(exc))
    return failed()

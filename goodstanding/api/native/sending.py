"""``POST /v1/messages`` and ``/v1/messages:batch`` in each worker: plain ASGI, and through the same door as SMTP.

How often is the subscription's own limit (recipients a minute and an hour), and no limit of requests beside it.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import msgspec
import structlog

from goodstanding.admission.facts import Action
from goodstanding.api.asgi import LARGE, Gone, Receive, Scope, Send, body_of, digest_of, numbering, remote_of, say
from goodstanding.api.native import problems
from goodstanding.api.native.letters import BODY_MOST, Letter, Letters, Outcome, Outcomes, Taken, taken, told
from goodstanding.api.native.problems import Fault, ProblemError
from goodstanding.api.native.reading import DEPTH
from goodstanding.model import Identity, MessageId, message_name
from goodstanding.operate import api_keys
from goodstanding.operate.api_keys import Key, Keyring
from goodstanding.settings import ApiSettings
from goodstanding.store import operations
from goodstanding.store.db import Database
from goodstanding.store.operations import Operation
from goodstanding.submission.accept import Accepted, Refused
from goodstanding.submission.handing_in import Handed, HandingIn, Nobody, envelope_of
from goodstanding.submission.operation import Asked, Begun, Document, decoded
from goodstanding.wire.compose import compose, flaws, plain_address, recipients_of, wants_smtputf8
from goodstanding.wire.message import Arrival

log = structlog.get_logger("api")

SCOPE = "messages:write"
PATHS: Mapping[str, type[Letter] | type[Letters]] = {"/v1/messages": Letter, "/v1/messages:batch": Letters}
AT_ONCE = 200
"""Messages of a batch that are under way together: as many as a commit takes with others beside them."""
_encode = msgspec.json.Encoder().encode
_letter, _letters = msgspec.json.Decoder(Letter).decode, msgspec.json.Decoder(Letters).decode


@dataclass(slots=True)
class Sending:
    """Takes messages of one worker's programs."""

    settings: ApiSettings
    hostname: str
    door: HandingIn
    database: Database
    keyring: Keyring
    identities: Mapping[str, Identity] = field(default_factory=dict)
    """Subscriptions by name; replaced when the estate changes."""
    named: Callable[[], str] = field(default_factory=numbering)
    """A name for whatever has none."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI)."""
        headers: dict[str, str] = {"cache-control": "no-store"}
        try:
            status, octets, media = await self._answered(scope, receive)
        except Gone:
            return
        except Exception as exc:  # noqa: BLE001 - every way to fail becomes a problem
            found = problems.of_exception(exc)
            headers |= found.headers
            status, octets, media = found.status, _encode(problems.document(found, scope["path"])), problems.MEDIA
        await say(send, status, octets, headers | {"content-type": media})

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[int, bytes, str]:
        if scope["method"] != "POST":
            raise ProblemError("no-such-method", "use POST", headers={"allow": "POST"})
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        kind = PATHS[scope["path"]]
        key = await self._holder(scope, given)
        octets = await body_of(receive, self.settings.size_limit if kind is Letter else BODY_MOST)
        if octets is None:
            raise ProblemError("too-large", "send less at once, or large files as links")
        if not api_keys.covers(key.scopes, SCOPE):
            raise ProblemError("forbidden", f"this key does not have the scope {SCOPE}")
        if given.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise ProblemError("wrong-media-type", "send the body as Content-Type: application/json")
        read = await asyncio.to_thread(_read, octets, kind) if len(octets) > LARGE else _read(octets, kind)
        if isinstance(read, Letter):
            return 202, _encode(await self._sent(key, read, scope)), "application/json"
        return 200, _encode(Outcomes(outcomes=await self._all(key, read, scope))), "application/json"

    async def _holder(self, scope: Scope, given: Mapping[str, str]) -> Key:
        remote = remote_of(scope)
        if self.door.closed_to(remote):
            raise ProblemError(
                "too-many-requests", "too many wrong keys came from this address", headers={"retry-after": "60"}
            )
        scheme, _, token = given.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= 200:
            challenge = {"www-authenticate": 'Bearer realm="goodstanding"'}
            raise ProblemError("unauthenticated", "send Authorization: Bearer gs_...", headers=challenge)
        if self.database.engine == "sqlite":
            key = self.keyring.holder(token.strip(), time.time())
        else:
            key = await asyncio.to_thread(self.keyring.holder, token.strip(), time.time())
        if isinstance(key, Key):
            return key
        self.door.distrust(remote)
        challenge = {"www-authenticate": 'Bearer realm="goodstanding", error="invalid_token"'}
        raise ProblemError("unauthenticated", f"this key is {key}", headers=challenge)

    async def _all(self, key: Key, letters: Letters, scope: Scope) -> tuple[Outcome, ...]:
        """Every message of a batch, many at once so that they share commits."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(letter: Letter) -> Outcome:
            async with turn:
                try:
                    return Outcome(taken=await self._sent(key, letter, scope))
                except Exception as exc:  # noqa: BLE001 - one message's trouble is its own
                    return Outcome(problem=problems.document(problems.of_exception(exc), ""))

        return tuple(await asyncio.gather(*map(one, letters.messages)))

    async def _sent(self, key: Key, letter: Letter, scope: Scope) -> Taken:
        identity = self.identities.get(letter.subscription)
        if identity is None or (key.tenant and identity.tenant != key.tenant):
            raise problems.missing("subscription", letter.subscription)
        draft = letter.draft()
        if wrong := [Fault(one.words, one.part) for one in flaws(draft)]:
            raise ProblemError("invalid", f"{wrong[0].pointer}: {wrong[0].detail}", errors=wrong)
        recipients = recipients_of(draft)
        if len(recipients) > self.settings.recipients_limit:
            most = f"{self.settings.recipients_limit} recipients a message is the limit; send the others separately"
            raise ProblemError("invalid", most, errors=[Fault(most, "#/to")])
        weight = len(draft.text) + len(draft.html) + sum(len(one.octets) for one in draft.attachments)
        composed = partial(compose, draft, partial(secrets.token_hex, 10))
        octets = composed() if weight <= LARGE else await asyncio.to_thread(composed)
        sender, utf8 = plain_address(draft.sender), wants_smtputf8(draft)
        envelope = envelope_of(sender, recipients, smtputf8=utf8, size=len(octets))
        protocol = "HTTPS" if scope["scheme"] == "https" else "HTTP"
        arrival = Arrival(self.hostname, remote_of(scope), self.hostname, protocol)
        digest = digest_of(_encode(letter)) if letter.id else b""
        begun = Begun(identity.subscription, letter.id.lower() or self.named(), digest, b"", self.door.now())
        handed = Handed(identity, envelope, octets, arrival, Asked(begun), letter.untracked)
        return await self._verdict(await self.door.take(handed), begun)

    async def _verdict(self, verdict: Accepted | Refused | Nobody, begun: Begun) -> Taken:
        if isinstance(verdict, Refused):
            raise _refusal(verdict)
        document = verdict.told
        if verdict.known or document is None:
            before = await asyncio.to_thread(self._find, begun)
            if before is None or not hmac.compare_digest(before.digest, begun.digest):
                raise ProblemError("conflict", "this id named another message before; take a new one")
            document = decoded(before.document) if before.document else Document()
        return taken(begun.id, document, tuple([message_name(MessageId(one)) for one in document.messages]))

    def _find(self, begun: Begun) -> Operation | None:
        with self.database.read() as tx:
            return operations.find_like(tx, begun)


def _read(octets: bytes, kind: type[Letter] | type[Letters]) -> Letter | Letters:
    try:
        return _letter(octets) if kind is Letter else _letters(octets)
    except msgspec.ValidationError as exc:
        words, _, place = str(exc).partition(" - at `$")
        pointer = "#" + place.rstrip("`").replace(".", "/").replace("[", "/").replace("]", "")
        raise ProblemError("invalid", f"{pointer}: {words}", errors=[Fault(words, pointer)]) from None
    except RecursionError:
        raise ProblemError("malformed", f"the body nests deeper than {DEPTH} levels") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ProblemError("malformed", f"the body is not JSON: {exc}") from None


def _refusal(verdict: Refused) -> ProblemError:
    """Why a message was not accepted, every finding told."""
    later = verdict.reply.transient
    found = tuple([one for one in verdict.findings if one.action is (Action.DEFER if later else Action.REFUSE)])
    if not found and later:
        return ProblemError("unavailable", verdict.reply.text, headers={"retry-after": "30"})
    wait = {"retry-after": str(max(1, round(max(one.wait for one in found)) or 30))} if later else {}
    kind = "too-many-requests" if later else "refused"
    return ProblemError(kind, told(found) or verdict.reply.text, findings=found, headers=wait)

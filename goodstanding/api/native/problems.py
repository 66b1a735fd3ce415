"""What goes wrong, as a client reads it: RFC 9457, with the findings of admission where they are the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from msgspec import Struct

from goodstanding.admission.facts import Finding
from goodstanding.api.visit import Visit
from goodstanding.errors import GoodstandingError, SettingsError, StoreError

log = structlog.get_logger("web")

MEDIA = "application/problem+json"
KINDS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "malformed": (400, "The request cannot be read"),
        "invalid": (400, "The request does not have the documented shape"),
        "unauthenticated": (401, "No usable API key"),
        "forbidden": (403, "This key may not do that"),
        "not-found": (404, "There is no such thing"),
        "no-such-method": (405, "This cannot be done here"),
        "too-slow": (408, "The request took too long to arrive"),
        "conflict": (409, "It contradicts what is there"),
        "changed-meanwhile": (412, "It has changed meanwhile"),
        "too-large": (413, "The request is too large"),
        "wrong-media-type": (415, "Only application/json is read"),
        "refused": (422, "Understood, and refused"),
        "precondition-needed": (428, "Say which version is meant"),
        "too-many-requests": (429, "Too many requests"),
        "failed": (500, "Our own fault"),
        "unavailable": (503, "Not now"),
    }
)
"""Every kind of problem: its status and title. The kind is the last part of ``type``."""
DOCS = "/v1/docs#problem-"


class Fault(Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong."""

    detail: str
    pointer: str = ""
    """Where in the request, as JSON Pointer behind ``#/`` or as ``query`` and ``header`` names."""


class Problem(Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: tuple[Fault, ...] = ()
    """Everything that is wrong, one by one."""
    findings: tuple[Finding, ...] = ()
    """Of admission: the same reasons, words and remedies as in SMTP replies and `goodstanding why`."""


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        kind: str,
        detail: str = "",
        *,
        errors: Sequence[Fault] = (),
        findings: Sequence[Finding] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or kind)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.findings = tuple(findings)
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind][0]


def missing(what: str, name: str) -> ProblemError:
    """There is none, or it is somebody else's: nobody learns which."""
    return ProblemError("not-found", f"there is no {what} {name}")


@contextmanager
def absent(what: str, name: str) -> Iterator[None]:
    """For a call that raises GoodstandingError when, and only when, there is no such thing."""
    try:
        yield
    except StoreError:
        raise
    except GoodstandingError:
        raise missing(what, name) from None


def document(found: ProblemError, instance: str = "") -> Problem:
    """A problem as it is told."""
    status, title = KINDS[found.kind]
    return Problem(DOCS + found.kind, title, status, found.detail, instance, found.errors, found.findings)


def response(found: ProblemError, instance: str = "") -> Response[bytes]:
    """A problem as an answer."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **found.headers}
    octets = msgspec.json.encode(document(found, instance))
    return Response(octets, status_code=found.status, media_type=MEDIA, headers=headers)


def of_exception(exc: Exception) -> ProblemError:
    """What an exception of this program or of the framework means to a client."""
    match exc:
        case ProblemError():
            return exc
        case StoreError():
            log.error("request put off", error=str(exc))
            return ProblemError("unavailable", "the store cannot do it now; try again", headers={"Retry-After": "30"})
        case SettingsError():
            return ProblemError("refused", exc.problems[0], errors=[Fault(problem) for problem in exc.problems])
        case GoodstandingError():
            return ProblemError("refused", str(exc))
        case HTTPException():
            return _of_status(exc)
    log.error("request failed", exc_info=exc)
    return ProblemError("failed", "it is in our log")


def _of_status(exc: HTTPException) -> ProblemError:
    """What the framework refuses: no such place, wrong method, too large a body."""
    kind = next((kind for kind, (status, _) in KINDS.items() if status == exc.status_code), "malformed")
    kept = {name: value for name, value in (exc.headers or {}).items() if name.lower() in ("allow", "retry-after")}
    return ProblemError(kind, "", headers=kept)


def refused(request: Visit, exc: Exception) -> Response[bytes]:
    """An exception handler: for a router, and for an application whose paths begin with /v1."""
    return response(of_exception(exc), request.url.path)

"""Routes as plain functions: what their signatures say is what is read, checked, answered and documented.

    @routes.get("/tenants/{tenant}", "tenants:read")
    def show(call: Call, tenant: str) -> Tagged[Tenant]: ...

Parameters named in the path are texts; ``query`` is a struct of the query string, ``body`` one of the JSON body. The
first line of the docstring is the summary. A function runs in a thread, so it may wait for the store.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Generic, Literal, TypeVar, get_type_hints

import msgspec
from msgspec import Struct

from goodstanding.api.native.problems import ProblemError, missing
from goodstanding.events import Event
from goodstanding.operate.api_keys import Key
from goodstanding.operate.estate import Place, Terms

T = TypeVar("T")
Act = Callable[..., Any]
A = TypeVar("A", bound=Act)
KIB = 1024
MIB = 1024 * KIB
MATCH_MOST = 1000
"""Characters of If-Match."""
BODY_LIMIT = 64 * KIB
"""Octets of a usual request."""
Told = Callable[[Sequence[Event]], None]


@dataclass(frozen=True, slots=True)
class Tagged(Generic[T]):
    """A document with what its version is made of: what a client names with If-Match."""

    document: T
    version: object


def etag(version: object) -> str:
    """The tag of a version: the same for the same content, whoever asks."""
    return f'"{sha256(msgspec.json.encode(version)).hexdigest()[:20]}"'


@dataclass(frozen=True, slots=True)
class Raw:
    """Octets that are no JSON."""

    octets: bytes
    media: str = "application/octet-stream"


class Page(Struct, Generic[T], frozen=True):
    """One page of a list."""

    items: list[T]
    next: str = ""
    """Cursor of the page behind; empty: this is the last."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as a route sees it: who asks, and what it works on."""

    key: Key
    place: Place
    told: Told
    match: str = ""
    """If-Match, as given."""
    turn: Callable[[Sequence[Any]], str] = lambda position: ""
    """Makes the cursor behind a position."""
    after: tuple[Any, ...] | None = None
    """Position of the cursor that was given; None: from the beginning."""

    @property
    def by(self) -> str:
        """Who it is in the journal."""
        return f"api key {self.key.id}"

    @property
    def tenant(self) -> str:
        """The one tenant that this key sees; empty: all."""
        return self.key.tenant

    @property
    def terms(self) -> Terms:
        """In the name of the key."""
        return Terms(self.by, told=self.told, expected=self.expect)

    def terms_that(self, *, allow_destructive: bool = False, rehearse: bool = False) -> Terms:
        """The same, that may go further or not as far."""
        return replace(self.terms, allow_destructive=allow_destructive, rehearse=rehearse)

    def expect(self, version: object) -> None:
        """Nothing when this is the version that If-Match names."""
        tags = [tag.strip() for tag in self.match.split(",")]
        if self.match and "*" not in tags and etag(version) not in tags:
            raise ProblemError("changed-meanwhile", "it is not what you have read; read it again, and decide again")

    def sees(self, tenant: str) -> bool:
        """Whether what belongs to a tenant (empty: to the platform) is there for this key."""
        return self.tenant in ("", tenant)

    def owned(self, tenant: str | None, what: str, name: str) -> None:
        """Nothing when it exists (None: it does not) and is for this key to see; else: there is no such thing."""
        if tenant is None or not self.sees(tenant):
            raise missing(what, name)

    def whose(self, tenant: str) -> str:
        """The tenant a request is about: a tenant's key may leave it out."""
        if not self.sees(tenant or self.tenant):
            raise missing("tenant", tenant)
        return tenant or self.tenant

    def somebodys(self, tenant: str) -> str:
        """The same where it must be some tenant's."""
        found = self.whose(tenant)
        if not found:
            raise ProblemError("refused", "name the tenant: an operator's key has none of its own")
        return found


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    """Below /v1, with ``{name}`` for one segment and ``{name:path}``, at the end only, for several."""
    scope: str
    """What a key must have; empty: any key will do."""
    act: Act
    family: str
    operator: bool = False
    """Only for an operator's key."""
    status: int = 200
    match: bool = False
    """If-Match is needed."""
    once: bool = False
    """Idempotency-Key is heard."""
    limit: int = BODY_LIMIT
    """Octets of its body."""
    query: type[Struct] | None = None
    body: type[Any] | None = None
    answer: Any = None
    media: str = "application/octet-stream"
    """What its octets are, when it answers with `Raw`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters of its path, in order."""
        return tuple(re.findall(r"{(\w+)(?::path)?}", self.path))

    @property
    def framework_path(self) -> str:
        """As Litestar writes it, which wants to know the type of every parameter."""
        return re.sub(r"{(\w+)}", r"{\1:str}", self.path)

    @property
    def summary(self) -> str:
        """One line."""
        return (inspect.getdoc(self.act) or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """What is below the summary."""
        return (inspect.getdoc(self.act) or "").partition("\n")[2].strip()

    @property
    def id(self) -> str:
        """Unique: ``queue-hold``."""
        return f"{self.family}-{self.act.__name__.strip('_').replace('_', '-')}"


@dataclass(frozen=True, slots=True, eq=False)
class Routes:
    """The routes of one family."""

    family: str
    about: str
    found: list[Route] = field(default_factory=list)

    def get(self, path: str, scope: str, **more: Any) -> Callable[[A], A]:
        """Look."""
        return self._add("GET", path, scope, more)

    def post(self, path: str, scope: str, **more: Any) -> Callable[[A], A]:
        """Make, or do."""
        return self._add("POST", path, scope, more)

    def patch(self, path: str, scope: str, **more: Any) -> Callable[[A], A]:
        """Change; the version must be named."""
        return self._add("PATCH", path, scope, {"match": True, **more})

    def delete(self, path: str, scope: str, **more: Any) -> Callable[[A], A]:
        """Take away."""
        return self._add("DELETE", path, scope, {"status": 204, **more})

    def _add(self, method: Any, path: str, scope: str, more: dict[str, Any]) -> Callable[[A], A]:
        def add(act: A) -> A:
            hints = get_type_hints(act, include_extras=True)
            read: dict[str, Any] = {"query": hints.get("query"), "body": hints.get("body"), "answer": hints["return"]}
            self.found.append(Route(method, path, scope, act, self.family, **read, **more))
            return act

        return add

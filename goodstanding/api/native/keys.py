"""Keys of this API."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from goodstanding.api.native.fields import PRINTABLE, OptionalTenant, Paging
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import ProblemError
from goodstanding.api.native.routes import Call, Page, Routes
from goodstanding.operate import api_keys as verbs
from goodstanding.operate.api_keys import Key, Wish

routes = Routes("apikeys", "Keys of this API. A key makes others only of its own tenant, scopes and end, or less.")
Scope = Annotated[
    str, Meta(max_length=40, pattern="^(\\*|[a-z]+):(read|write)$", description="E.g. queue:read, *:read.")
]


class KeyShown(Struct, frozen=True, kw_only=True):
    """A key, without its secret, which nobody can show."""

    id: str
    name: str
    tenant: str
    """Empty: an operator's, which sees every tenant."""
    scopes: tuple[str, ...]
    created: float
    created_by: str
    expires: float
    used: float
    revoked: float


class KeyMade(Struct, frozen=True, kw_only=True):
    """A new key; the token is shown this once."""

    token: str
    key: KeyShown


class NewKey(Struct, forbid_unknown_fields=True, kw_only=True):
    """A key to make."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=PRINTABLE, description="Who uses it.")]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=50)]
    tenant: OptionalTenant = ""
    expires: Annotated[float, Meta(ge=0, le=1e11, description="Second it ends; 0: never.")] = 0.0


@routes.get("/apikeys", "apikeys:read")
def list_(call: Call, query: Paging) -> Page[KeyShown]:
    """List keys, those that open nothing any more too."""
    found = [shown(key) for key in verbs.listing(call.place.database) if call.sees(key.tenant)]
    return page(call, found, query.limit, lambda one: (one.tenant, one.id))


@routes.post("/apikeys", "apikeys:write", status=201, once=True)
def add(call: Call, body: NewKey) -> KeyMade:
    """Make a key; its token is shown this once and kept nowhere."""
    wish = Wish(call.whose(body.tenant), body.name, body.scopes, body.expires)
    if why := verbs.wider(call.key, wish):
        raise ProblemError("forbidden", f"this key cannot make that one: {why}")
    made = verbs.add(call.place.database, call.place.master, wish, call.by)
    return KeyMade(token=made.token, key=shown(made.key))


@routes.get("/apikeys/{id}", "apikeys:read")
def show(call: Call, id: str) -> KeyShown:
    """Show a key."""
    found = verbs.find(call.place.database, id)
    call.owned(found.tenant if found else None, "API key", id)
    assert found is not None
    return shown(found)


@routes.delete("/apikeys/{id}", "apikeys:write")
def revoke(call: Call, id: str) -> None:
    """Revoke a key; it opens nothing any more within a second or two."""
    if show(call, id).revoked:
        raise ProblemError("conflict", "this key is revoked already")
    verbs.revoke(call.place.database, id, call.by)


def shown(key: Key) -> KeyShown:
    """A key, without its digest."""
    times = {"created": key.created, "expires": key.expires, "used": key.used, "revoked": key.revoked}
    return KeyShown(id=key.id, name=key.name, tenant=key.tenant, scopes=key.scopes, created_by=key.created_by, **times)

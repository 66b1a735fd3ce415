"""Egress addresses, each pool of one stream."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from goodstanding.admission.estate import Pool
from goodstanding.api.native.changing import carried_out, given
from goodstanding.api.native.fields import PRINTABLE, WORD, OptionalTenant, Paging
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import missing
from goodstanding.api.native.routes import Call, Page, Routes, Tagged
from goodstanding.model import Stream
from goodstanding.operate import estate as verbs
from goodstanding.operate import pools

routes = Routes("pools", "Egress addresses, each pool of one stream. A tenant sees those that are reserved for it.")
Name = Annotated[str, Meta(max_length=64, pattern=f"^{WORD}$", description="Name of the pool, e.g. shop-bulk.")]
Ip = Annotated[str, Meta(max_length=45, pattern="^[0-9a-fA-F:.]+$", description="An IP address.")]
Addresses = Annotated[list[Ip], Meta(max_length=256, description="Egress addresses.")]
Host = Annotated[str, Meta(max_length=253, pattern=PRINTABLE)]


class PoolShown(Struct, frozen=True, kw_only=True):
    """A pool, and where it is declared."""

    name: str
    stream: Stream
    tenant: str
    """Empty: shared by all."""
    addresses: tuple[str, ...]
    hello: str
    bounce_domain: str
    link_domain: str
    route: str
    penalty: bool
    origin: str
    """``store``, or ``settings``: those cannot be changed here."""


class NewPool(Struct, forbid_unknown_fields=True, kw_only=True):
    """A pool to add; refused when it shares anything with another stream."""

    name: Name
    stream: Stream
    tenant: OptionalTenant = ""
    addresses: Addresses = []
    hello: Host = ""
    bounce_domain: Host = ""
    link_domain: Host = ""
    route: Host = ""
    penalty: bool = False


class PoolChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change; what is left out stays."""

    addresses: Addresses | UnsetType = UNSET
    hello: Host | UnsetType = UNSET
    bounce_domain: Host | UnsetType = UNSET
    link_domain: Host | UnsetType = UNSET
    route: Host | UnsetType = UNSET
    penalty: bool | UnsetType = UNSET


@routes.get("/pools", "pools:read")
def list_(call: Call, query: Paging) -> Page[PoolShown]:
    """List pools: those of the settings, which all tenants share, and those of the store."""
    return page(call, sorted(_known(call), key=lambda one: one.name), query.limit, lambda one: (one.name,))


@routes.post("/pools", "pools:write", operator=True, status=201)
def add(call: Call, body: NewPool) -> Tagged[PoolShown]:
    """Add a pool; the same twice is once."""
    carried_out(call, lambda: verbs.add(call.place, Pool(**_fields(body)), call.terms))
    return show(call, body.name)


@routes.get("/pools/{pool}", "pools:read")
def show(call: Call, pool: str) -> Tagged[PoolShown]:
    """Show a pool."""
    found = next((one for one in _known(call) if one.name == pool), None)
    if found is None:
        raise missing("pool", pool)
    stored = next((one for one in verbs.present(call.place.database).pools if one.name == pool), None)
    return Tagged(found, stored or found)


@routes.patch("/pools/{pool}", "pools:write", operator=True)
def alter(call: Call, pool: str, body: PoolChange) -> Tagged[PoolShown]:
    """Change a pool; the addresses given take the place of those it has."""
    show(call, pool)
    carried_out(call, lambda: verbs.alter(call.place, Pool, pool, _fields(body), call.terms))
    return show(call, pool)


@routes.delete("/pools/{pool}", "pools:write", operator=True, match=True)
def remove(call: Call, pool: str) -> None:
    """Take a pool out; refused while a subscription asks for it."""
    show(call, pool)
    carried_out(call, lambda: verbs.remove(call.place, Pool, pool, call.terms))


def _fields(body: Struct) -> dict[str, Any]:
    return {name: tuple(value) if name == "addresses" else value for name, value in given(body).items()}


def _known(call: Call) -> list[PoolShown]:
    return [
        PoolShown(
            name=one.name,
            stream=one.stream,
            tenant=one.tenant,
            addresses=one.addresses,
            hello=one.hello,
            bounce_domain=one.bounce_domain,
            link_domain=one.link_domain,
            route=one.route,
            penalty=one.penalty,
            origin=origin,
        )
        for one, origin in pools.known(call.place.settings, call.place.database)
        if call.sees(one.tenant)
    ]

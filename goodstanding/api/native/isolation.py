"""Who owns what receivers hold to account, everything shared, recorded exceptions, and what something can harm."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from goodstanding.admission.estate import IsolationException
from goodstanding.api.native.changing import carried_out
from goodstanding.api.native.fields import PRINTABLE, Because, DomainName
from goodstanding.api.native.problems import absent
from goodstanding.api.native.routes import Call, Raw, Routes
from goodstanding.operate import estate as verbs
from goodstanding.operate import isolation

routes = Routes(
    "isolation", "Proof that no two streams share an identity; exceptions; blast radii. An operator's view."
)


class OwnerShown(Struct, frozen=True, kw_only=True):
    """Who uses something; empty fields: all of them."""

    tenant: str
    stream: str


class UseShown(Struct, frozen=True, kw_only=True):
    """One identity, and who owns it."""

    kind: str
    name: str
    owner: OwnerShown
    origin: str


class OverlapShown(Struct, frozen=True, kw_only=True):
    """Something that two owners share; `second` is the one that stops if it is refused."""

    kind: str
    name: str
    severity: str
    first: OwnerShown
    second: OwnerShown
    because: str
    remedy: str


class IsolationProof(Struct, frozen=True, kw_only=True):
    """Who owns what, and everything shared."""

    identities: list[UseShown]
    overlaps: list[OverlapShown]
    isolated: bool


class NewException(Struct, forbid_unknown_fields=True, kw_only=True):
    """Two domains that may share their registered domain; shown from then on, in every check."""

    first: DomainName
    second: DomainName
    because: Because


class RadiusQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Of what."""

    key: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=253,
            pattern=PRINTABLE,
            description="A subscription, campaign number, domain, IP address, pool or tenant.",
        ),
    ]
    depth: Annotated[int, Meta(ge=1, le=6, description="Steps to walk from flow to flow.")] = 2


class FlowShown(Struct, frozen=True, kw_only=True):
    """One mail flow."""

    subscription: str
    tenant: str
    stream: str
    name: str
    volume: int


class ReachShown(Struct, frozen=True, kw_only=True):
    """A flow within reach, and how harm gets there."""

    flow: FlowShown
    distance: int
    identity: bool
    links: list[str]


class Radius(Struct, frozen=True, kw_only=True):
    """Everything within reach of a key, nearest first, and what is not."""

    key: str
    kind: str
    headline: str
    days: int
    estimated: bool
    own: list[FlowShown]
    reached: list[ReachShown]
    untouched: list[FlowShown]


@routes.get("/isolation", "isolation:read", operator=True)
def show(call: Call) -> IsolationProof:
    """Tell who owns which identity, and every overlap."""
    proof = isolation.prove(call.place.settings, call.place.database)
    return IsolationProof(
        identities=[
            UseShown(kind=one.kind, name=one.name, owner=_owner(one.owner), origin=one.origin) for one in proof.uses
        ],
        overlaps=[
            OverlapShown(
                kind=one.kind,
                name=one.name,
                severity=one.severity,
                first=_owner(one.first),
                second=_owner(one.second),
                because=one.because,
                remedy=one.remedy,
            )
            for one in proof.overlaps
        ],
        isolated=not proof.refused,
    )


@routes.get("/isolation/exceptions", "isolation:read", operator=True)
def exceptions(call: Call) -> list[IsolationException]:
    """List recorded exceptions."""
    return list(verbs.present(call.place.database).isolation_exceptions)


@routes.post("/isolation/exceptions", "isolation:write", operator=True, status=201)
def allow(call: Call, body: NewException) -> IsolationException:
    """Let streams be kept apart by subdomains only for two domains."""
    isolation.allow(call.place.database, body.first, body.second, body.because, call.by)
    first, second = sorted((body.first, body.second))
    return IsolationException(first, second, body.because.strip())


@routes.delete("/isolation/exceptions/{first}/{second}", "isolation:write", operator=True)
def disallow(call: Call, first: str, second: str) -> None:
    """Take an exception back, once the two share nothing any more."""
    with absent("exception for", f"{first} and {second}"):
        result = verbs.disallow(call.place, first, second, call.terms)
    carried_out(call, lambda: result)


@routes.get("/blast-radius", "isolation:read", operator=True)
def blast_radius(call: Call, query: RadiusQuery) -> Radius:
    """Show which mail flows share an identity or a tenant with a key, nearest first, with their volumes."""
    found = isolation.blast_radius(call.place.settings, call.place.database, query.key, query.depth)
    return Radius(
        key=found.key,
        kind=found.kind,
        headline=found.headline,
        days=found.days,
        estimated=found.estimated,
        own=[_flow(one) for one in found.own],
        reached=[
            ReachShown(
                flow=_flow(one.flow),
                distance=one.distance,
                identity=one.by_identity,
                links=[str(link) for link in one.links],
            )
            for one in found.reached
        ],
        untouched=[_flow(one) for one in found.untouched],
    )


@routes.get("/blast-radius/drawing", "isolation:read", operator=True, media="image/svg+xml")
def drawing(call: Call, query: RadiusQuery) -> Raw:
    """The same, drawn as SVG."""
    found = isolation.blast_radius(call.place.settings, call.place.database, query.key, query.depth)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return Raw(isolation.drawn(found, day).encode(), "image/svg+xml")


def _owner(one: Any) -> OwnerShown:
    return OwnerShown(tenant=one.tenant, stream=one.stream)


def _flow(one: Any) -> FlowShown:
    return msgspec.convert(one, FlowShown, from_attributes=True)

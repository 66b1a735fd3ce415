"""Organisations that answer for mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from goodstanding.admission.estate import Estate, Tenant
from goodstanding.api.native.changing import carried_out, given
from goodstanding.api.native.fields import LINES, PRINTABLE, Paging, TenantName
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import ProblemError, missing
from goodstanding.api.native.routes import Call, Page, Routes, Tagged
from goodstanding.operate import estate as verbs

routes = Routes("tenants", "Organisations that answer for mail; a tenant's key sees its own.")

Country = Annotated[
    str, Meta(pattern="^([A-Z]{2})?$", max_length=2, description="Where it sits, ISO 3166, e.g. IT; laws ask.")
]
PostalAddress = Annotated[
    str,
    Meta(
        max_length=500,
        pattern=LINES,
        description="Where the sender can be written to; findings quote it, mail has to carry it itself.",
    ),
]
Sharing = Annotated[
    Literal["refuse", "exception"],
    Meta(description="Two of its streams on one registrable domain: refused, or shown in every check."),
]
Contact = Annotated[
    str, Meta(max_length=254, pattern=PRINTABLE, description="Told by mail when its mail is slowed or stopped.")
]


class TenantShown(Struct, frozen=True, kw_only=True):
    """A tenant, with how much it has."""

    name: str
    country: str
    postal_address: str
    shared_domains: str
    contact: str
    subscriptions: int
    domains: int


class NewTenant(Struct, forbid_unknown_fields=True, kw_only=True):
    """A tenant to add."""

    name: TenantName
    country: Country = ""
    postal_address: PostalAddress = ""
    shared_domains: Sharing = "refuse"
    contact: Contact = ""


class TenantChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to be known of a tenant; what is left out stays."""

    country: Country | UnsetType = UNSET
    postal_address: PostalAddress | UnsetType = UNSET
    shared_domains: Sharing | UnsetType = UNSET
    contact: Contact | UnsetType = UNSET


@routes.get("/tenants", "tenants:read")
def list_(call: Call, query: Paging) -> Page[TenantShown]:
    """List tenants with what they have."""
    found = verbs.present(call.place.database)
    return page(call, _shown(found, call), query.limit, lambda one: (one.name,))


@routes.post("/tenants", "tenants:write", operator=True, status=201)
def add(call: Call, body: NewTenant) -> Tagged[TenantShown]:
    """Add a tenant; the same twice is once."""
    carried_out(call, lambda: verbs.add(call.place, Tenant(**given(body)), call.terms))
    return show(call, body.name)


@routes.get("/tenants/{tenant}", "tenants:read")
def show(call: Call, tenant: str) -> Tagged[TenantShown]:
    """Show a tenant."""
    found = verbs.present(call.place.database)
    one = next((one for one in _shown(found, call) if one.name == tenant), None)
    if one is None:
        raise missing("tenant", tenant)
    return Tagged(one, next(entry for entry in found.tenants if entry.name == tenant))


@routes.patch("/tenants/{tenant}", "tenants:write")
def alter(call: Call, tenant: str, body: TenantChange) -> Tagged[TenantShown]:
    """Change what is known of a tenant."""
    show(call, tenant)
    if call.tenant and body.shared_domains is not UNSET:
        raise ProblemError("forbidden", "shared_domains is set by an operator, who answers for the risk")
    carried_out(call, lambda: verbs.alter(call.place, Tenant, tenant, given(body), call.terms))
    return show(call, tenant)


def _shown(found: Estate, call: Call) -> Iterator[TenantShown]:
    for one in found.tenants:
        if call.sees(one.name):
            yield TenantShown(
                name=one.name,
                country=one.country,
                postal_address=one.postal_address,
                shared_domains=one.shared_domains,
                contact=one.contact,
                subscriptions=sum(other.tenant == one.name for other in found.subscriptions),
                domains=sum(other.tenant == one.name for other in found.domains),
            )

"""Domains: claimed, published, verified, and their DKIM keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from goodstanding.admission.estate import Domain as Claim
from goodstanding.api.native.changing import carried_out, given
from goodstanding.api.native.fields import DomainName, OptionalTenant, Paging
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import ProblemError, missing
from goodstanding.api.native.routes import Call, Page, Routes, Tagged
from goodstanding.model import Stream
from goodstanding.operate import domains as claims
from goodstanding.operate import estate as verbs
from goodstanding.operate import onboarding
from goodstanding.operate.domains import Domain, Record
from goodstanding.operate.onboarding import Sheet

routes = Routes("domains", "Domains: claimed for one stream, published in DNS, verified, and their DKIM keys.")
Kind = Annotated[Literal["sending", "link", "bounce"], Meta(description="From and DKIM; links; or return path.")]


class NewDomain(Struct, forbid_unknown_fields=True, kw_only=True):
    """A domain to claim."""

    name: DomainName
    tenant: OptionalTenant = ""
    stream: Stream | None = None
    kind: Kind = "sending"
    tls_reports: bool = False


class DomainChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """Another stream or use; what is left out stays."""

    stream: Stream | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    allow_destructive: Annotated[bool, Meta(description="Also take it from its stream.")] = False


class DomainShown(Struct, frozen=True, kw_only=True):
    """A domain that a tenant has claimed, and how it stands."""

    name: str
    tenant: str
    stream: str
    kind: str
    state: str
    because: str
    checked: float
    """Second of the last look at its records; 0: never."""
    failing: float
    """Second since which essential records are missing; 0: they are not."""
    selectors: tuple[str, ...]
    """Of the keys that sign."""
    waiting: tuple[str, ...]
    """Made by a rotation and not seen in DNS yet."""


class RecordSheet(Struct, frozen=True, kw_only=True):
    """Everything to publish for a domain."""

    domain: str
    tenant: str
    stream: str
    state: str
    records: tuple[Record, ...]
    notes: tuple[str, ...]
    rotating: bool
    """New keys wait to be seen in DNS; the present ones sign until then."""


class RecordQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which records."""

    tls_reports: Annotated[bool, Meta(description="Also MTA-STS and TLS-RPT.")] = False


class DomainsToVerify(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which domains to look at."""

    domains: Annotated[list[DomainName], Meta(max_length=100, description="Empty: all of them.")] = []
    block_lists: Annotated[
        list[DomainName],
        Meta(max_length=10, description="DNS block lists to ask about egress addresses; an operator's."),
    ] = []


class CheckShown(Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    slug: str
    ok: bool | None
    """null: DNS did not answer."""
    weight: str
    because: str
    remedy: str


class DomainLooked(Struct, frozen=True, kw_only=True):
    """What a look at a domain's records came to."""

    domain: str
    state: str
    was: str
    evidence: str
    because: str
    checks: list[CheckShown]
    signing_now: tuple[str, ...]


class Rotation(Struct, forbid_unknown_fields=True, kw_only=True):
    """How to rotate."""

    anew: Annotated[bool, Meta(description="Give up keys that still wait, and make others.")] = False


@routes.get("/domains", "domains:read")
def list_(call: Call, query: Paging) -> Page[DomainShown]:
    """List domains with their tenants, streams, states and selectors."""
    found = [_shown(one) for one in claims.domains(call.place.database) if call.sees(one.tenant)]
    return page(call, found, query.limit, lambda one: (one.name,))


@routes.post("/domains", "domains:write", status=201)
def add(call: Call, body: NewDomain) -> RecordSheet:
    """Claim a domain for a tenant, with new DKIM keys, and say what to publish; the same twice is once."""
    tenant = call.somebodys(body.tenant)
    claim = Claim(claims.checked_domain(body.name), tenant, cast(Any, body.stream or ""), body.kind)
    place = replace(call.place, draw=claims.drawn_before(call.place.draw))
    carried_out(call, lambda: onboarding.add(place, claim, call.terms))
    return _sheet(onboarding.sheet(call.place, body.name, tls_reports=body.tls_reports))


@routes.get("/domains/{domain}", "domains:read")
def show(call: Call, domain: str) -> Tagged[DomainShown]:
    """Show a domain. The ETag is of its tenant, stream and kind."""
    found = next((one for one in claims.domains(call.place.database) if one.name == domain.lower()), None)
    call.owned(found.tenant if found else None, "domain", domain)
    assert found is not None
    known = verbs.present(call.place.database).domains
    return Tagged(_shown(found), next((one for one in known if one.name == found.name), found))


@routes.patch("/domains/{domain}", "domains:write")
def alter(call: Call, domain: str, body: DomainChange) -> Tagged[DomainShown]:
    """Give a domain to a stream, or another use."""
    name, wanted = show(call, domain).document.name, given(body)
    terms = call.terms_that(allow_destructive=bool(wanted.pop("allow_destructive")))
    if "stream" in wanted:
        wanted["stream"] = str(wanted["stream"])
    carried_out(call, lambda: verbs.alter(call.place, Claim, name, wanted, terms))
    return show(call, name)


@routes.delete("/domains/{domain}", "domains:write", match=True)
def remove(call: Call, domain: str) -> None:
    """Forget a domain and its keys; nobody can send from it then."""
    name = show(call, domain).document.name
    carried_out(call, lambda: verbs.remove(call.place, Claim, name, call.terms))


@routes.get("/domains/{domain}/records", "domains:read")
def records(call: Call, domain: str, query: RecordQuery) -> RecordSheet:
    """Say what is to be in DNS for a domain now."""
    name = show(call, domain).document.name
    return _sheet(onboarding.sheet(call.place, name, tls_reports=query.tls_reports))


@routes.post("/domains/{domain}/rotate", "domains:write")
def rotate(call: Call, domain: str, body: Rotation) -> RecordSheet:
    """Make new DKIM keys; they sign once seen in DNS, and the present ones until then."""
    name = show(call, domain).document.name
    place = replace(call.place, draw=claims.drawn_before(call.place.draw))
    return _sheet(onboarding.rotate(place, name, call.terms, anew=body.anew))


@routes.post("/domains/verify", "domains:write")
def verify(call: Call, body: DomainsToVerify) -> list[DomainLooked]:
    """Look whether the records of domains are in DNS, with what to do."""
    if body.block_lists and call.tenant:
        raise ProblemError("forbidden", "block lists are asked for an operator only")
    known = [one.name for one in claims.domains(call.place.database) if call.sees(one.tenant)]
    names = [name.lower().rstrip(".") for name in body.domains] or known
    if absent := next((name for name in names if name not in known), None):
        raise missing("domain", absent)
    looked = onboarding.verify(call.place, names, call.terms, body.block_lists) if names else []
    return [
        DomainLooked(
            domain=one.domain.name,
            state=one.domain.state,
            was=one.was,
            evidence=one.evidence,
            because=one.domain.because,
            checks=[
                CheckShown(slug=c.slug, ok=c.ok, weight=c.weight, because=c.because, remedy=c.remedy)
                for c in one.checks
            ],
            signing_now=one.signing_now,
        )
        for one in looked
    ]


def _shown(one: Domain) -> DomainShown:
    return msgspec.convert(one, DomainShown, from_attributes=True)


def _sheet(found: Sheet) -> RecordSheet:
    return RecordSheet(
        domain=found.domain.name,
        tenant=found.domain.tenant,
        stream=found.domain.stream,
        state=found.domain.state,
        records=found.wanted.records,
        notes=found.wanted.notes,
        rotating=found.rotating,
    )

"""The whole estate as one document: written down, compared, applied."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from goodstanding.admission.estate import Estate
from goodstanding.admission.estate_plan import Change
from goodstanding.api.native.changing import carried_out
from goodstanding.api.native.fields import Document
from goodstanding.api.native.routes import MIB, Call, Raw, Routes
from goodstanding.operate import estate as verbs

routes = Routes("estate", "Tenants, subscriptions, domains, senders and pools as one document. An operator's.")


class EstateFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """What the estate is to be (TOML, docs/estate.md): all of it, or nothing."""

    document: Document
    rehearse: Annotated[bool, Meta(description="Say what would be done, and whether it would go through.")] = False
    allow_destructive: Annotated[bool, Meta(description="Also remove things, and move domains and pools.")] = False


class DetailShown(Struct, frozen=True, kw_only=True):
    """One field that gets another value."""

    field: str
    before: Any
    after: Any


class ChangeShown(Struct, frozen=True, kw_only=True):
    """One entry that is added, changed or removed."""

    verb: str
    what: str
    details: list[DetailShown]
    destroys: str
    """What is lost by it and cannot be had back; empty: nothing."""


class EstateApplied(Struct, frozen=True, kw_only=True):
    """What it came to."""

    applied: bool
    changes: list[ChangeShown]


@routes.get("/estate", "estate:read", operator=True)
def show(call: Call) -> Estate:
    """Tell everything that is declared; no secrets are in it."""
    return verbs.present(call.place.database)


@routes.get("/estate/document", "estate:read", operator=True, media="application/toml")
def export(call: Call) -> Raw:
    """Write the estate as a file that apply accepts unchanged."""
    return Raw(verbs.export(call.place.database).encode(), "application/toml")


@routes.post("/estate/apply", "estate:write", operator=True, limit=8 * MIB)
def apply(call: Call, body: EstateFile) -> EstateApplied:
    """Make the estate what a document says; a conflict names everything that speaks against it."""
    terms = call.terms_that(allow_destructive=body.allow_destructive, rehearse=body.rehearse)
    result = carried_out(call, lambda: verbs.apply(call.place, body.document, terms))
    return EstateApplied(applied=result.applied, changes=[_shown(one) for one in result.plan.changes])


def _shown(one: Change) -> ChangeShown:
    details = [DetailShown(field=each.field, before=each.before, after=each.after) for each in one.details]
    return ChangeShown(verb=one.verb, what=one.what, details=details, destroys=one.destroys)

"""Breach notices, mass resets: recorded exceptions from the trust budget."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from goodstanding.api.native.fields import Because, Paging, SubscriptionName
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import ProblemError, absent
from goodstanding.api.native.routes import Call, Page, Routes
from goodstanding.operate import incidents as verbs
from goodstanding.operate.incidents import Incident

routes = Routes("incidents", "Breach notices, mass resets: recorded exceptions from the trust budget, by an operator.")


class NewIncident(Struct, forbid_unknown_fields=True, kw_only=True):
    """An exception to record; messages name it in X-Goodstanding-Incident."""

    name: Annotated[
        str,
        Meta(min_length=1, max_length=40, pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$", description="E.g. breach-2026-11."),
    ]
    subscription: SubscriptionName
    recipients: Annotated[int, Meta(ge=1, le=1_000_000_000, description="Most recipients it may reach.")]
    because: Because
    hours: Annotated[float, Meta(gt=0, le=720, description="How long it lasts.")] = 48.0


@routes.get("/incidents", "incidents:read")
def list_(call: Call, query: Paging) -> Page[Incident]:
    """List incidents, also those that are over, the newest first."""
    found = [one for one in verbs.declared(call.place.database) if call.sees(one.tenant)]
    return page(call, found, query.limit, lambda one: (-one.at, one.name))


@routes.post("/incidents", "incidents:write", operator=True, status=201)
def declare(call: Call, body: NewIncident) -> Incident:
    """Let a subscription write to so many strangers about this, for so long."""
    said = (call.by, body.because)
    known = any(one.name == body.name for one in verbs.declared(call.place.database))
    if known:
        raise ProblemError("conflict", f"there was an incident {body.name} before; take another name")
    seconds = body.hours * 3600
    return verbs.declare(call.place.database, body.name, body.subscription, body.recipients, seconds, said)


@routes.post("/incidents/{incident}/end", "incidents:write", operator=True)
def end(call: Call, incident: str) -> Incident:
    """Let an incident be over: what comes later is judged like everything else."""
    with absent("incident under way called", incident):
        return verbs.end(call.place.database, incident, call.by)

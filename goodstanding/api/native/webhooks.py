"""Endpoints of tenants that are told what happens to their mail and their standing."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from msgspec import Meta, Struct

from goodstanding.api.native.fields import OptionalTenant, Paging, SubscriptionName
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import ProblemError, missing
from goodstanding.api.native.routes import Call, Page, Routes
from goodstanding.operate import webhooks as verbs
from goodstanding.operate.webhooks import Delivery, Kind, Listed, Shape, Site, Trial, Wanted
from goodstanding.store import webhooks

routes = Routes("webhooks", "Endpoints that are told what happens to mail and standing (docs/webhooks.md).")
Url = Annotated[str, Meta(min_length=8, max_length=2000, pattern="^https?://[!-~]+$", description="https://...")]
HeaderName = Annotated[str, Meta(max_length=100, pattern="^[A-Za-z0-9-]+$")]
HeaderValue = Annotated[str, Meta(min_length=1, max_length=1000, pattern="^[!-~]([ -~]*[!-~])?$")]
Moment = Annotated[float, Meta(ge=0, le=1e11, description="Second since 1970, UTC.")]


class WebhookShown(Struct, frozen=True, kw_only=True):
    """An endpoint, and how it answers."""

    number: int
    tenant: str
    subscription: str
    """Only of this application; empty: of all."""
    url: str
    shape: str
    kinds: tuple[str, ...]
    batch: int
    state: str
    because: str
    created: float
    delivered: int
    failed: int
    waiting: int
    dead: int
    last_success: float
    last_failure: float
    last_reply: str


class WebhookMade(Struct, frozen=True, kw_only=True):
    """A new endpoint and what came of asking it; the secret is shown this once."""

    secret: str
    webhook: WebhookShown
    test: Trial


class SecretMade(Struct, frozen=True, kw_only=True):
    """A new secret, shown this once."""

    number: int
    secret: str


class NewWebhook(Struct, forbid_unknown_fields=True, kw_only=True):
    """An endpoint to add; it is told nothing until it passes its test."""

    url: Url
    tenant: OptionalTenant = ""
    shape: Shape = "cloudevents"
    subscription: SubscriptionName | None = None
    kinds: Annotated[list[Kind], Meta(max_length=20, description="Only of these kinds; empty: of every one.")] = []
    batch: Annotated[int, Meta(ge=1, le=100, description="Events of one POST at most.")] = 1
    headers: Annotated[dict[HeaderName, HeaderValue], Meta(max_length=20, description="Sent with every POST.")] = {}


class NewSecret(Struct, forbid_unknown_fields=True, kw_only=True):
    """How to rotate."""

    overlap_hours: Annotated[float, Meta(ge=0, le=720, description="The present secret signs too, so long.")] = 24.0


class DeliveryQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which deliveries."""

    state: Annotated[Literal["", "waiting", "dead", "delivered"], Meta(description="Empty: all of them.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many, the newest first.")] = 50


class DeliveryShown(Struct, frozen=True, kw_only=True):
    """One event on its way to an endpoint."""

    id: str
    kind: str
    happened: float
    recipient: str
    state: str
    attempts: int
    due: float
    """Next attempt, or when it ended."""
    answer: str


class Replay(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to tell again, under the same ids: one event, a time, or all that was given up."""

    event: Annotated[str, Meta(max_length=100, pattern="^[!-~]*$", description="One event, by its id.")] = ""
    since: Moment | None = None
    until: Moment | None = None
    dead: Annotated[bool, Meta(description="All that was given up.")] = False


class Replayed(Struct, frozen=True, kw_only=True):
    """How many events are told again."""

    events: int


@routes.get("/webhooks", "webhooks:read")
def list_(call: Call, query: Paging) -> Page[WebhookShown]:
    """List endpoints, and how they answer."""
    found = [_shown(one) for one in verbs.listed(_site(call), call.tenant)]
    return page(call, found, query.limit, lambda one: (one.number,))


@routes.post("/webhooks", "webhooks:write", status=201, once=True)
def add(call: Call, body: NewWebhook) -> WebhookMade:
    """Add an endpoint and test it; its secret is shown this once."""
    tenant, site = call.somebodys(body.tenant), _site(call)
    if body.subscription is not None and body.subscription.partition("/")[0] != tenant:
        raise missing("subscription", body.subscription)
    said = (body.shape, body.subscription or "", tuple(body.kinds), body.batch, body.headers)
    made = verbs.add(site, Wanted(tenant, body.url, *said))
    trial = verbs.test(site, made.endpoint.number)
    return WebhookMade(secret=made.secret, webhook=show(call, str(made.endpoint.number)), test=trial)


@routes.get("/webhooks/{webhook}", "webhooks:read")
def show(call: Call, webhook: str) -> WebhookShown:
    """Show an endpoint, and how it answers."""
    number = _number(call, webhook)
    return next(_shown(one) for one in verbs.listed(_site(call), call.tenant) if one.endpoint.number == number)


@routes.delete("/webhooks/{webhook}", "webhooks:write")
def remove(call: Call, webhook: str) -> None:
    """Forget an endpoint, with what waits for it."""
    verbs.remove(_site(call), _number(call, webhook))


@routes.post("/webhooks/{webhook}/test", "webhooks:write")
def test(call: Call, webhook: str) -> Trial:
    """Ask an endpoint whether it wants to hear: Event Grid's handshake, or an event of type goodstanding.test."""
    return verbs.test(_site(call), _number(call, webhook))


@routes.post("/webhooks/{webhook}/disable", "webhooks:write")
def disable(call: Call, webhook: str) -> WebhookShown:
    """Tell an endpoint nothing for now; what happens meanwhile can be replayed."""
    verbs.switch(_site(call), _number(call, webhook), on=False)
    return show(call, webhook)


@routes.post("/webhooks/{webhook}/enable", "webhooks:write")
def enable(call: Call, webhook: str) -> WebhookShown:
    """Tell an endpoint again that was disabled, or that had answered 410 Gone."""
    verbs.switch(_site(call), _number(call, webhook), on=True)
    return show(call, webhook)


@routes.post("/webhooks/{webhook}/rotate", "webhooks:write", once=True)
def rotate(call: Call, webhook: str, body: NewSecret) -> SecretMade:
    """Make a new secret; the present one signs beside it for a while."""
    made = verbs.rotate(_site(call), _number(call, webhook), 3600 * body.overlap_hours)
    return SecretMade(number=made.endpoint.number, secret=made.secret)


@routes.get("/webhooks/{webhook}/deliveries", "webhooks:read")
def deliveries(call: Call, webhook: str, query: DeliveryQuery) -> list[DeliveryShown]:
    """Show what waits for an endpoint, what was given up, and the newest that were delivered."""
    return [_delivery(one) for one in verbs.deliveries(_site(call), _number(call, webhook), query.state, query.limit)]


@routes.post("/webhooks/{webhook}/replay", "webhooks:write")
def replay(call: Call, webhook: str, body: Replay) -> Replayed:
    """Tell an endpoint again, under the same ids: one event, a time, or all that was given up."""
    site, number = _site(call), _number(call, webhook)
    if (bool(body.event), body.since is not None, body.dead).count(True) != 1:
        raise ProblemError("refused", "say what to replay: event, since (and until) or dead")
    if body.event:
        verbs.replay_id(site, number, body.event)
        return Replayed(events=1)
    if body.since is None:
        return Replayed(events=verbs.replay_dead(site, number))
    until = time.time() if body.until is None else body.until
    return Replayed(events=verbs.replay_between(site, number, body.since, until))


def _site(call: Call) -> Site:
    return Site(call.place.database, call.place.master, call.place.settings, call.by)


def _number(call: Call, text: str) -> int:
    """The number of an endpoint that is there, and for this key to see."""
    with call.place.database.read() as tx:
        found = webhooks.one(tx, int(text))
    call.owned(found.tenant if found else None, "webhook", text)
    return int(text)


def _shown(one: Listed) -> WebhookShown:
    endpoint, its = one.endpoint, one.figures
    return WebhookShown(
        number=endpoint.number,
        tenant=endpoint.tenant,
        subscription=endpoint.subscription,
        url=endpoint.url,
        shape=endpoint.shape,
        kinds=tuple(endpoint.kinds or verbs.TOLD),
        batch=endpoint.batch,
        state=endpoint.state,
        because=endpoint.because,
        created=endpoint.created,
        delivered=its.delivered,
        failed=its.failed,
        waiting=its.waiting,
        dead=its.dead,
        last_success=its.last_success,
        last_failure=its.last_failure,
        last_reply=its.last_reply,
    )


def _delivery(one: Delivery) -> DeliveryShown:
    row = one.row
    return DeliveryShown(
        id=one.id,
        kind=row.kind,
        happened=row.event.at if row.event is not None else 0.0,
        recipient=row.event.recipient if row.event is not None else "",
        state=row.state,
        attempts=row.attempts,
        due=row.due,
        answer=row.reply,
    )

"""Who is watched, slowed or stopped, why, and the operator's hand."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from goodstanding.api.native.fields import Because, KeyText, Paging
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import missing
from goodstanding.api.native.routes import Call, Page, Routes
from goodstanding.model import Rung, Stream, parse_key
from goodstanding.operate import enforcement as verbs
from goodstanding.operate.enforcement import Desk, Order, Position, Verb
from goodstanding.operate.enforcement import Page as StandingPage
from goodstanding.settings import DAY
from goodstanding.store import enforcement, estate

routes = Routes(
    "standings", "Who is watched, slowed or stopped, and why. To slow, stop and reinstate is an operator's."
)


class OrderShown(Struct, frozen=True, kw_only=True):
    """One thing that is ordered about the mail of an account."""

    what: str
    rate: float
    """Recipients an hour."""
    pool: str
    until: float
    words: str
    slug: str
    issued: float
    provider: str


class PositionShown(Struct, frozen=True, kw_only=True):
    """Where an account stands."""

    key: str
    tenant: str
    stream: str
    """Empty: every stream."""
    effective: Rung
    """The stricter of the two hands."""
    system: Rung
    operator: Rung
    since: float
    cause: str
    because: str
    by: str
    shadow: bool
    """It would be so: nothing is applied and nobody told."""
    orders: list[OrderShown]


class StandingShown(Struct, frozen=True, kw_only=True):
    """The standing page of an account: evidence, orders, history; and the link where its tenant sees the same."""

    page: StandingPage
    link: str


class Imposed(Struct, forbid_unknown_fields=True, kw_only=True):
    """Whom the operator's hand is about, and why."""

    key: KeyText
    because: Because
    days: Annotated[float, Meta(ge=0, le=36_500, description="For so many days; 0: until lifted.")] = 0.0
    stream: Stream | None = None


class Decided(Struct, forbid_unknown_fields=True, kw_only=True):
    """Whom a decision is about that has no term, and why."""

    key: KeyText
    because: Because
    stream: Stream | None = None


@routes.get("/standings", "standings:read")
def list_(call: Call, query: Paging) -> Page[PositionShown]:
    """List everybody who is not in good standing, with the orders in force."""
    with call.place.database.read() as tx:
        seen = [one for one in enforcement.positions(tx) if call.sees(one.account.tenant)]
        found = [_shown(one, [_order(order) for order in enforcement.orders_of(tx, one.account)]) for one in seen]
    return page(call, found, query.limit, lambda one: (one.tenant, one.key.partition(":")[::2], one.stream))


@routes.get("/standings/{key:path}", "standings:read")
def show(call: Call, key: str) -> list[StandingShown]:
    """Show where a key stands, on each of its streams: evidence, orders, history, and the link of its standing page."""
    seen(call, key)
    found = verbs.show(desk(call), key)
    return [StandingShown(page=one.page, link=one.link) for one in found if call.sees(one.page.tenant)]


@routes.post("/standings/slow", "standings:write", operator=True)
def slow(call: Call, body: Imposed) -> PositionShown:
    """Let mail of a key out at the slow rate only."""
    return _impose(call, body, "slow")


@routes.post("/standings/suspend", "standings:write", operator=True)
def suspend(call: Call, body: Imposed) -> PositionShown:
    """Refuse new mail of a key and hold what waits."""
    return _impose(call, body, "suspend")


@routes.post("/standings/close", "standings:write", operator=True)
def close(call: Call, body: Decided) -> PositionShown:
    """Close a key: as suspended, but no review ends it, only reinstating."""
    return _impose(call, Imposed(key=body.key, because=body.because, stream=body.stream), "close")


@routes.post("/standings/reinstate", "standings:write", operator=True)
def reinstate(call: Call, body: Decided) -> list[PositionShown]:
    """Let a key go on, on probation: its evidence starts anew, its rate rises by steps."""
    found = verbs.reinstate(desk(call), body.key, body.because, body.stream or "")
    return [_shown(one, []) for one in found]


@routes.post("/standings/lift", "standings:write", operator=True)
def lift(call: Call, body: Decided) -> list[PositionShown]:
    """Take back what an operator slowed or suspended: no probation, and evidence stands as it did."""
    found = verbs.lift(desk(call), body.key, body.because, body.stream or "")
    return [_shown(one, []) for one in found]


def desk(call: Call) -> Desk:
    """The one who asks, at work."""
    with call.place.database.read() as tx:
        register = estate.view(tx)
    policy = verbs.policy_of(call.place.settings, call.place.master, register)
    return Desk(call.place.database, policy, call.by, told=call.told)


def seen(call: Call, text: str) -> None:
    """Nothing when a key is there, and for this API key to see."""
    key = parse_key(text)
    if key is None:
        raise missing("key", text)
    with call.place.database.read() as tx:
        account = enforcement.account_of(tx, key)
    call.owned(account.tenant if account else None, "key", text)


def _impose(call: Call, body: Imposed, verb: Verb) -> PositionShown:
    seconds, stream = body.days * DAY, body.stream or ""
    return _shown(verbs.impose(desk(call), body.key, verb, body.because, seconds=seconds, stream=stream), [])


def _shown(one: Position, orders: list[OrderShown]) -> PositionShown:
    return PositionShown(
        key=str(one.account.key),
        tenant=one.account.tenant,
        stream=one.account.stream,
        effective=one.effective,
        system=one.system,
        operator=one.operator,
        since=one.since,
        cause=one.cause,
        because=one.because,
        by=one.by,
        shadow=one.shadow,
        orders=orders,
    )


def _order(one: Order) -> OrderShown:
    return OrderShown(
        what=one.what.value,
        rate=one.rate,
        pool=one.pool,
        until=one.until,
        words=one.words,
        slug=one.slug,
        issued=one.issued,
        provider=one.provider,
    )

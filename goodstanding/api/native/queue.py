"""What waits, and the verbs that change it."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from goodstanding.api.native.fields import Line, MessageName, OneStream, Paging, Pattern
from goodstanding.api.native.paging import turned
from goodstanding.api.native.problems import ProblemError, missing
from goodstanding.api.native.routes import Call, Page, Raw, Routes
from goodstanding.model import MessageId, accepted_at, message_name, parse_message_name
from goodstanding.operate import opening
from goodstanding.operate import queue as verbs
from goodstanding.operate.queue import Effect, Order
from goodstanding.store import listing, queue
from goodstanding.store.listing import FIRST_KEY, Count, Filter, Waiting

routes = Routes(
    "queue",
    "What waits to go out. Verbs take the fields of a filter, all of which must agree, or everything; a tenant's key "
    "means its own mail only. Releasing lets mail out of quarantine, too, so it is an operator's.",
)
State = Annotated[str, Meta(max_length=20, pattern="^[a-z*]*$", description="waiting, claimed, held or stopped.")]


class WaitingShown(Struct, frozen=True, kw_only=True):
    """One recipient in the queue."""

    message: str
    n: int
    tenant: str
    subscription: str
    stream: str
    sender: str
    recipient: str
    state: str
    attempts: int
    accepted: float
    due: float
    last_reply: str
    size: int
    wish: str
    """What its worker was asked to do with it: hold or drop."""


class QueueFilter(Paging, kw_only=True):
    """Which recipients: those that agree with every field."""

    message: MessageName | None = None
    tenant: Pattern | None = None
    subscription: Pattern | None = None
    stream: OneStream = None
    destination: Pattern | None = None
    recipient: Pattern | None = None
    sender: Annotated[Pattern | None, Meta(description="Return path; <> for the null one.")] = None
    state: State | None = None


class QueueOrder(Struct, forbid_unknown_fields=True, kw_only=True):
    """Whom a verb concerns: those that agree with every field, or everything."""

    message: MessageName | None = None
    tenant: Pattern | None = None
    subscription: Pattern | None = None
    stream: OneStream = None
    destination: Pattern | None = None
    recipient: Pattern | None = None
    sender: Pattern | None = None
    state: State | None = None
    everything: Annotated[bool, Meta(description="Mean the whole queue; needed when no field is given.")] = False
    because: Line = ""


class EffectShown(Struct, frozen=True, kw_only=True):
    """What a verb came to, in recipients."""

    changed: int
    under_way: int
    """Being attempted just now: their worker knows the wish, and grants it unless the attempt ends the matter."""


@routes.get("/queue", "queue:read")
def list_(call: Call, query: QueueFilter) -> Page[WaitingShown]:
    """List recipients that wait, oldest message first."""
    after = call.after or FIRST_KEY
    with call.place.database.read() as tx:
        found = listing.listing(tx, _filter(call, query), query.limit + 1, (after[0], after[1]))
    return turned(call, [_shown(row) for row in found], query.limit, _position)


@routes.get("/queue/summary", "queue:read")
def summary(call: Call) -> list[Count]:
    """Count what waits by state, stream and destination, the largest number first."""
    with call.place.database.read() as tx:
        return listing.summary(tx, call.tenant)


@routes.get("/queue/messages/{message}", "queue:read")
def show(call: Call, message: str) -> list[WaitingShown]:
    """Show every recipient of a message that still waits."""
    return [_shown(row) for row in _rows(call, message)]


@routes.get("/queue/messages/{message}/content", "queue:read", media="message/rfc822")
def content(call: Call, message: str) -> Raw:
    """Give the message itself, byte for byte: the headers we added, then what was submitted."""
    wanted = _rows(call, message)[0].message
    with call.place.database.read() as tx:
        place = queue.place_of(tx, wanted)
        if place is None:
            raise missing("message", message)
        spool = opening.open_spool(call.place.settings, call.place.database)
        return Raw(b"".join(spool.read(wanted, place, tx)), "message/rfc822")


@routes.post("/queue/hold", "queue:write")
def hold(call: Call, body: QueueOrder) -> EffectShown:
    """Stop recipients until they are released."""
    return _effect(verbs.hold(call.place.database, _order(call, body)))


@routes.post("/queue/release", "queue:write", operator=True)
def release(call: Call, body: QueueOrder) -> EffectShown:
    """Let held recipients go on at once, out of quarantine too."""
    return _effect(verbs.release(call.place.database, _order(call, body)))


@routes.post("/queue/retry", "queue:write")
def retry(call: Call, body: QueueOrder) -> EffectShown:
    """Try recipients that wait for later now."""
    return _effect(verbs.retry(call.place.database, _order(call, body)))


@routes.post("/queue/drop", "queue:write")
def drop(call: Call, body: QueueOrder) -> EffectShown:
    """Take recipients out of the queue for good; nobody is told."""
    spool = opening.open_spool(call.place.settings, call.place.database)
    return _effect(verbs.drop(call.place.database, spool, _order(call, body)))


def _filter(call: Call, asked: QueueFilter | QueueOrder) -> Filter:
    return Filter(
        message=None if asked.message is None else named(asked.message),
        tenant=call.tenant or asked.tenant,
        subscription=asked.subscription,
        stream=asked.stream,
        destination=asked.destination,
        recipient=asked.recipient,
        sender="" if asked.sender == "<>" else asked.sender,
        state=asked.state,
    )


def _order(call: Call, body: QueueOrder) -> Order:
    wanted = _filter(call, body)
    if wanted == Filter(tenant=call.tenant or None) and not body.everything:
        raise ProblemError("refused", "say which recipients: a field of the filter, or everything")
    if call.tenant and body.tenant not in (None, call.tenant):
        raise missing("tenant", body.tenant or "")
    if wanted.message is not None:
        _rows(call, body.message or "")
    return Order(wanted, call.by, body.because, told=call.told)


def _rows(call: Call, message: str) -> list[Waiting]:
    wanted = named(message)
    with call.place.database.read() as tx:
        rows = listing.show(tx, wanted, call.tenant)
    if not rows:
        raise missing("message", f"{message} in the queue")
    return rows


def named(message: str) -> MessageId:
    """The id behind a message's name; a problem when it is none."""
    found = parse_message_name(message)
    if found is None:
        raise missing("message", message)
    return found


def _shown(row: Waiting) -> WaitingShown:
    return WaitingShown(
        message=message_name(row.message),
        n=row.n,
        tenant=row.tenant,
        subscription=row.subscription,
        stream=row.stream,
        sender=row.sender,
        recipient=row.recipient,
        state=row.state,
        attempts=row.attempts,
        accepted=accepted_at(row.message),
        due=row.due,
        last_reply=row.last_reply,
        size=row.size,
        wish=row.wish,
    )


def _position(row: WaitingShown) -> tuple[Any, ...]:
    return named(row.message), row.n


def _effect(found: Effect) -> EffectShown:
    return EffectShown(changed=found.changed, under_way=found.under_way)

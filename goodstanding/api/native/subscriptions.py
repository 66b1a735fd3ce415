"""Applications that send, each on one stream, and the addresses they may put into From."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from goodstanding.admission.estate import Sender, Subscription
from goodstanding.api.native.changing import carried_out, given
from goodstanding.api.native.fields import PRINTABLE, WORD, Address, Line, Paging, SubscriptionName
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import ProblemError, missing
from goodstanding.api.native.routes import Call, Page, Routes, Tagged
from goodstanding.model import Stream
from goodstanding.operate import estate as verbs

routes = Routes(
    "subscriptions",
    "Applications that send, each on one stream for life, and the addresses they may put into From. A tenant's key "
    "adds and removes its own; raising limits, choosing a pool and shadow mode are an operator's review.",
)
Flow = Annotated[str, Meta(max_length=100, pattern=PRINTABLE, description="What people call this mail: HR, support.")]
PoolName = Annotated[
    str, Meta(max_length=64, pattern=f"^({WORD})?$", description="Pool it leaves from; empty: the usual.")
]
MinuteLimit = Annotated[int, Meta(ge=0, le=10_000_000, description="Recipients a minute.")]
HourLimit = Annotated[int, Meta(ge=0, le=100_000_000, description="Recipients an hour.")]
RecipientsLimit = Annotated[int, Meta(ge=1, le=50_000, description="Recipients of one message.")]
Shadow = Annotated[bool, Meta(description="Judge its mail and apply nothing.")]
REVIEWED = ("pool", "minute_limit", "hour_limit", "recipients_limit", "shadow")
"""What only an operator sets."""


class NewSubscription(Struct, forbid_unknown_fields=True, kw_only=True):
    """A subscription to add; limits start as low as those of a new one at Azure."""

    name: SubscriptionName
    stream: Stream
    flow: Flow = ""
    pool: PoolName | UnsetType = UNSET
    minute_limit: MinuteLimit | UnsetType = UNSET
    hour_limit: HourLimit | UnsetType = UNSET
    recipients_limit: RecipientsLimit | UnsetType = UNSET
    shadow: Shadow | UnsetType = UNSET


class SubscriptionChange(Struct, forbid_unknown_fields=True, kw_only=True):
    """Terms to change; what is left out stays."""

    flow: Flow | UnsetType = UNSET
    pool: PoolName | UnsetType = UNSET
    minute_limit: MinuteLimit | UnsetType = UNSET
    hour_limit: HourLimit | UnsetType = UNSET
    recipients_limit: RecipientsLimit | UnsetType = UNSET
    shadow: Shadow | UnsetType = UNSET


@routes.get("/subscriptions", "subscriptions:read")
def list_(call: Call, query: Paging) -> Page[Subscription]:
    """List subscriptions with their terms."""
    found = [one for one in verbs.present(call.place.database).subscriptions if call.sees(one.tenant)]
    return page(call, found, query.limit, lambda one: (one.name,))


@routes.post("/subscriptions", "subscriptions:write", status=201)
def add(call: Call, body: NewSubscription) -> Tagged[Subscription]:
    """Add a subscription, for an operator with its tenant when that is new; the same twice is once."""
    wanted = given(body)
    call.whose(body.name.partition("/")[0])
    _reviewed(call, wanted)
    carried_out(call, lambda: verbs.add(call.place, Subscription(**wanted), call.terms))
    return _found(call, body.name)


@routes.get("/subscriptions/{tenant}/{application}", "subscriptions:read")
def show(call: Call, tenant: str, application: str) -> Tagged[Subscription]:
    """Show a subscription with its terms."""
    return _found(call, f"{tenant}/{application}")


@routes.patch("/subscriptions/{tenant}/{application}", "subscriptions:write")
def alter(call: Call, tenant: str, application: str, body: SubscriptionChange) -> Tagged[Subscription]:
    """Change the terms of a subscription."""
    name, wanted = f"{tenant}/{application}", given(body)
    _found(call, name)
    _reviewed(call, wanted)
    carried_out(call, lambda: verbs.alter(call.place, Subscription, name, wanted, call.terms))
    return _found(call, name)


@routes.delete("/subscriptions/{tenant}/{application}", "subscriptions:write", match=True)
def remove(call: Call, tenant: str, application: str) -> None:
    """Take a subscription out, with its credentials and sender addresses; not while its mail waits."""
    name = f"{tenant}/{application}"
    _found(call, name)
    carried_out(call, lambda: verbs.remove(call.place, Subscription, name, call.terms))


def _found(call: Call, name: str) -> Tagged[Subscription]:
    known = verbs.present(call.place.database).subscriptions
    one = next((one for one in known if one.name == name and call.sees(one.tenant)), None)
    if one is None:
        raise missing("subscription", name)
    return Tagged(one, one)


def _reviewed(call: Call, wanted: dict[str, object]) -> None:
    if call.tenant and (field := next((name for name in REVIEWED if name in wanted), "")):
        raise ProblemError("forbidden", f"{field} is set by an operator, who reviews what it is for")


# --- senders ---------------------------------------------------------------------------------------------------------


class NewSender(Struct, forbid_unknown_fields=True, kw_only=True):
    """An address that a subscription may put into From; from its first one on it may use only those it has."""

    address: Address
    subscription: SubscriptionName
    display: Line = ""


@routes.get("/senders", "subscriptions:read")
def senders(call: Call, query: Paging) -> Page[Sender]:
    """List sender addresses; a subscription without any may use every address of its stream's domains."""
    found = [one for one in verbs.present(call.place.database).senders if call.sees(_tenant(one))]
    return page(call, found, query.limit, lambda one: (one.address,))


@routes.post("/senders", "subscriptions:write", status=201)
def add_sender(call: Call, body: NewSender) -> Sender:
    """Let a subscription use an address; the same twice is once."""
    _found(call, body.subscription)
    _own_domain(call, body.address)
    result = carried_out(call, lambda: verbs.add(call.place, Sender(**given(body)), call.terms))
    made = result.plan.changes[0].after if result.plan.changes else None
    return made if isinstance(made, Sender) else Sender(**given(body))


@routes.delete("/senders/{address:path}", "subscriptions:write")
def remove_sender(call: Call, address: str) -> None:
    """Take an address away."""
    known = verbs.present(call.place.database).senders
    if not any(one.address == address.lower() and call.sees(_tenant(one)) for one in known):
        raise missing("sender", address)
    carried_out(call, lambda: verbs.remove(call.place, Sender, address, call.terms))


def _tenant(one: Sender) -> str:
    return one.subscription.partition("/")[0]


def _own_domain(call: Call, address: str) -> None:
    """A tenant learns nothing about addresses in domains that are not its own."""
    domain = address.rpartition("@")[2].lower().rstrip(".")
    own = [one.name for one in verbs.present(call.place.database).domains if one.tenant == call.tenant]
    if call.tenant and not any(domain == name or domain.endswith(f".{name}") for name in own):
        raise ProblemError("refused", f"{domain} is in no domain of yours; add the domain first")

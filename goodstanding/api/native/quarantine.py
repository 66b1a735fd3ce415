"""What the guard holds, and the verbs that end it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct, structs

from goodstanding.admission.facts import Finding
from goodstanding.api.native.fields import Line, MessageName, Paging, Pattern, SubscriptionName
from goodstanding.api.native.paging import turned
from goodstanding.api.native.problems import ProblemError, missing
from goodstanding.api.native.queue import named
from goodstanding.api.native.routes import Call, Page, Routes
from goodstanding.model import message_name
from goodstanding.operate import opening
from goodstanding.operate import quarantine as verbs
from goodstanding.operate.quarantine import Decision, Outcome
from goodstanding.store import quarantine
from goodstanding.store.listing import FIRST_KEY
from goodstanding.store.quarantine import Heap, Kept, Which

routes = Routes(
    "quarantine",
    "Mail that the guard holds until evidence or an operator lets it go. A tenant sees its own and may give it back to "
    "its senders; to let it go is an operator's.",
)
CampaignNumber = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{1,19}\Z",
        description="Number of a campaign, as text: it may be larger than JavaScript's numbers are exact (2^53).",
    ),
]

LARGEST = 2**63 - 1
"""No database knows a larger number, and no campaign has this one."""


class HeapShown(Struct, frozen=True, kw_only=True):
    """What one campaign of one subscription has in quarantine."""

    campaign: CampaignNumber
    name: str
    state: str
    tenant: str
    subscription: str
    recipients: int
    messages: int
    rationed: int
    """Recipients that go by themselves as evidence comes."""
    oldest: float
    expires: float
    findings: list[Finding]


class KeptShown(Struct, frozen=True, kw_only=True):
    """One recipient in quarantine."""

    message: str
    n: int
    tenant: str
    subscription: str
    campaign: CampaignNumber
    recipient: str
    at: float
    expires: float
    rationed: bool
    findings: list[Finding]


class OutcomeShown(Struct, frozen=True, kw_only=True):
    """What a decision came to."""

    changed: int
    """Recipients that left quarantine."""
    campaign: CampaignNumber | None
    """The campaign that was decided as a whole."""
    left: tuple[str, ...]
    """Messages that stayed, and why."""


class QuarantineFilter(Paging, kw_only=True):
    """Which recipients: those that agree with every field."""

    campaign: CampaignNumber | None = None
    message: MessageName | None = None
    tenant: Pattern | None = None
    subscription: Pattern | None = None
    recipient: Pattern | None = None


class HeapFilter(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which campaigns."""

    campaign: CampaignNumber | None = None
    tenant: Pattern | None = None
    subscription: Pattern | None = None
    limit: Annotated[int, Meta(ge=1, le=1000, description="Most campaigns, the largest first.")] = 50


class QuarantineOrder(Struct, forbid_unknown_fields=True, kw_only=True):
    """Whom a decision concerns. An operator's that names a campaign alone is about it as a whole."""

    campaign: CampaignNumber | None = None
    message: MessageName | None = None
    tenant: Pattern | None = None
    subscription: Pattern | None = None
    recipient: Pattern | None = None
    everything: bool = False
    because: Line = ""


class Removal(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which messages to give to another subscription of their tenant."""

    to: SubscriptionName
    campaign: CampaignNumber | None = None
    message: MessageName | None = None
    subscription: Pattern | None = None
    because: Line = ""


class CampaignOrder(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which campaign to leave to the guard again."""

    campaign: CampaignNumber
    because: Line = ""


@routes.get("/quarantine", "quarantine:read")
def list_(call: Call, query: QuarantineFilter) -> Page[KeptShown]:
    """List recipients that are held, with every finding."""
    after = call.after or FIRST_KEY
    with call.place.database.read() as tx:
        found = quarantine.listing(tx, _which(call, query), (after[0], after[1]), query.limit + 1)
    return turned(call, [_kept(row) for row in found], query.limit, lambda row: (named(row.message), row.n))


@routes.get("/quarantine/campaigns", "quarantine:read")
def campaigns(call: Call, query: HeapFilter) -> list[HeapShown]:
    """List what is held by campaign: how much, since when, why, and when it ends."""
    which = Which(_number(query.campaign), None, call.tenant or query.tenant, query.subscription)
    with call.place.database.read() as tx:
        return [_heap(one) for one in quarantine.heaps(tx, which, query.limit)]


@routes.post("/quarantine/release", "quarantine:write", operator=True)
def release(call: Call, body: QuarantineOrder) -> OutcomeShown:
    """Let held recipients go on at once; a campaign alone is cleared: what follows is not held any more."""
    return _outcome(verbs.release(call.place.database, _decision(call, body)))


@routes.post("/quarantine/refuse", "quarantine:write")
def refuse(call: Call, body: QuarantineOrder) -> OutcomeShown:
    """Give held recipients back to their senders, with the reason; they are told by mail."""
    return _outcome(verbs.refuse(call.place.database, _decision(call, body)))


@routes.post("/quarantine/move", "quarantine:write", operator=True)
def move(call: Call, body: Removal) -> OutcomeShown:
    """Give held messages to another subscription of their tenant, and release them there; `left` says what stays."""
    order = QuarantineOrder(
        campaign=body.campaign, message=body.message, subscription=body.subscription, because=body.because
    )
    spool = opening.open_spool(call.place.settings, call.place.database)
    return _outcome(verbs.move(call.place.database, spool, _decision(call, order), body.to))


@routes.post("/quarantine/undecide", "quarantine:write", operator=True)
def undecide(call: Call, body: CampaignOrder) -> OutcomeShown:
    """Take back what was decided about a campaign: the guard judges it again."""
    which = Which(campaign=_number(body.campaign))
    return _outcome(verbs.undecide(call.place.database, Decision(which, call.by, body.because, call.told)))


def _number(campaign: str | None) -> int | None:
    return None if campaign is None else min(int(campaign), LARGEST)


def _which(call: Call, asked: QuarantineFilter | QuarantineOrder) -> Which:
    message = None if asked.message is None else named(asked.message)
    return Which(_number(asked.campaign), message, call.tenant or asked.tenant, asked.subscription, asked.recipient)


def _decision(call: Call, body: QuarantineOrder) -> Decision:
    which = _which(call, body)
    if which == Which(tenant=call.tenant or None) and not body.everything:
        raise ProblemError("refused", "say which: campaign, another field, or everything")
    if call.tenant and body.tenant not in (None, call.tenant):
        raise missing("tenant", body.tenant or "")
    with call.place.database.read() as tx:
        known = quarantine.count(tx, which) if body.message or (call.tenant and body.campaign is not None) else 1
    if not known:
        raise missing("message" if body.message else "campaign", f"{body.message or body.campaign} in quarantine")
    return Decision(which, call.by, body.because, call.told)


def _findings(text: str) -> list[Finding]:
    return msgspec.json.decode(text or "[]", type=list[Finding])


def _heap(one: Heap) -> HeapShown:
    return HeapShown(**structs.asdict(one) | {"campaign": str(one.campaign), "findings": _findings(one.findings)})


def _kept(row: Kept) -> KeptShown:
    said = structs.asdict(row) | {"message": message_name(row.message), "campaign": str(row.campaign)}
    said.pop("person")
    return KeptShown(**said | {"findings": _findings(row.findings)})


def _outcome(came: Outcome) -> OutcomeShown:
    return OutcomeShown(changed=came.changed, campaign=str(came.campaign) if came.campaign else None, left=came.left)

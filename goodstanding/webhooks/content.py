"""What an outgoing event says: for ACS's kinds its own fields and words, for ours the journal's facts by name.

docs/payloads.md shows one of each, made by this code from `samples`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from goodstanding.enforcement.ladder import Account, Cause
from goodstanding.enforcement.words import WORDS, named, per_hour
from goodstanding.events import (
    Accepted,
    Bounced,
    Delivered,
    Dropped,
    Event,
    Held,
    Judged,
    Quarantined,
    QuarantineEnded,
    Refused,
    Released,
    Unsubscribed,
)
from goodstanding.evidence import Complained, Engaged, LadderMoved, OrderIssued, Returned, Reviewed
from goodstanding.model import NO_MESSAGE, BounceClass, Rung, message_name, parse_key
from goodstanding.webhooks.endpoint import Kind
from goodstanding.webhooks.telling import SUPPRESSED, subscription_of

Data = dict[str, Any]

STATUSES: dict[BounceClass, str] = {
    BounceClass.SUPPRESSED: "Suppressed",
    BounceClass.CONTENT: "FilteredSpam",
}
"""ACS's status where the class of a bounce decides it; hard ones are Bounced, all others Failed."""


class About(Struct, frozen=True):
    """What the journal event itself does not say."""

    accepted: Accepted | None = None
    """The acceptance of the message, if there is one and the journal still has it."""
    orders: tuple[OrderIssued, ...] = ()
    """Given with a move on the ladder."""
    link: str = ""
    """The standing page of an account, where there are pages."""

    @property
    def subscription(self) -> str:
        """Whose mail it is; empty: not known."""
        return self.accepted.subscription if self.accepted is not None else ""


class Content(Struct, frozen=True):
    """One outgoing event before it has a shape."""

    kind: Kind
    at: float
    tenant: str
    subscription: str
    subject: str
    data: Data


def content(event: Event, kind: Kind, about: About) -> Content | None:
    """What is told; None: nothing after all, because it is about a notice of our own."""
    if about.accepted is not None and about.accepted.notice_for:
        return None
    data = _DATA[kind](event, about)
    subscription = subscription_of(event) or about.subscription
    return Content(kind, event.at, event.tenant, subscription, _subject(event, about), data)


def iso(at: float, zone: str = "Z") -> str:
    """A moment as ACS writes it: ``2026-11-25T12:00:00.123456Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + zone


def _subject(event: Event, about: About) -> str:
    if isinstance(event, LadderMoved | Reviewed):
        return f"account/{event.key}"
    return f"sender/{_sender(event, about)}/message/{_name(event, about)}"


def _name(event: Event, about: About) -> str:
    """ACS's message id is that of the operation; what came by SMTP has none, and is named as everywhere else."""
    told = event if isinstance(event, Refused) else about.accepted
    if told is not None and told.operation:
        return told.operation
    return message_name(event.message) if event.message != NO_MESSAGE else ""


def _sender(event: Event, about: About) -> str:
    """The From address as ACS has it; of what was refused only the return path is known."""
    if about.accepted is not None:
        return about.accepted.header_from or about.accepted.sender
    return event.sender if isinstance(event, Refused) else ""


def _message(event: Event, about: About) -> Data:
    """The fields by which both of ACS's reports name a message."""
    return {
        "sender": _sender(event, about),
        "recipient": event.recipient,
        "messageId": _name(event, about),
        "internetMessageId": about.accepted.header_message_id if about.accepted is not None else "",
    }


def _mail(event: Event, about: About) -> Data:
    """The same and whose it is, for our own kinds."""
    accepted = about.accepted
    return {
        "tenant": event.tenant,
        "subscription": subscription_of(event) or about.subscription,
        "stream": accepted.stream if accepted is not None else "",
        **_message(event, about),
        "subject": accepted.subject if accepted is not None else "",
    }


# --- ACS's kinds -----------------------------------------------------------------------------------------------------


def _delivery(event: Event, about: About) -> Data:
    words, host = _said(event)
    return {
        **_message(event, about),
        "status": status_of(event),
        "deliveryStatusDetails": {"statusMessage": words, "recipientMailServerHostName": host},
        "deliveryAttemptTimeStamp": iso(event.at, "+00:00"),
    }


def status_of(event: Event) -> str:
    """ACS's status: Delivered, Suppressed, Bounced, Quarantined, FilteredSpam or Failed. We never expand groups."""
    match event:
        case Delivered():
            return "Delivered"
        case Quarantined():
            return "Quarantined"
        case Refused():
            return "Suppressed"
        case Bounced() | Returned():
            return _bounced(event)
        case _:
            return "Failed"


def _bounced(event: Bounced | Returned) -> str:
    if event.reply.endswith(SUPPRESSED):
        return "Suppressed"
    if event.klass in STATUSES:
        return STATUSES[BounceClass(event.klass)]
    return "Bounced" if event.hard else "Failed"


def _said(event: Event) -> tuple[str, str]:
    """What the other side said, or we for it, and who that was."""
    match event:
        case Delivered() | Bounced():
            return event.reply, event.host.partition(" [")[0].strip("[]")
        case Refused() | Returned():
            return event.reply, ""
        case Quarantined():
            return "; ".join(one["because"] for one in _findings(event.findings)), ""
        case Dropped():
            return event.because or "removed from the queue by an operator", ""
        case _:
            return "", ""


_ENGAGEMENTS = {"opened": "view", "clicked": "click"}


def _engagement(event: Event, about: About) -> Data:
    assert isinstance(event, Engaged)
    return {
        **_message(event, about),
        "userActionTimeStamp": iso(event.at, "+00:00"),
        "engagementContext": event.target,
        "userAgent": event.agent,
        "engagementType": _ENGAGEMENTS[event.how],
    }


# --- ours ------------------------------------------------------------------------------------------------------------


def _complaint(event: Event, about: About) -> Data:
    assert isinstance(event, Complained)
    return {
        **_mail(event, about),
        "complaintType": event.kind,
        "reporter": event.reporter,
        "campaign": str(event.touched.campaign) if event.touched.campaign else None,  # no number of JavaScript
        "deliveredTimeStamp": iso(event.delivered) if event.delivered else None,
    }


def _unsubscribe(event: Event, about: About) -> Data:
    assert isinstance(event, Unsubscribed)
    return _mail(event, about) | {"stream": event.stream, "way": event.way}


_ACTIONS = {"accept": "accepted", "quarantine": "quarantined", "defer": "deferred", "refuse": "refused"}


def _verdict(event: Event, about: About) -> Data:
    """What was decided, by whom, and every reason; ``applied`` is false where admission only watches (shadow mode)."""
    said: Data = {"verdict": "", "applied": True, "by": "admission", "because": "", "findings": []}
    match event:
        case Refused():
            verdict = "deferred" if event.reply.startswith("4") else "refused"
            said |= {"verdict": verdict, "because": event.reply, "findings": _findings(event.findings)}
        case Quarantined():
            said |= {"verdict": "quarantined", "findings": _findings(event.findings)}
        case Judged():
            verdict = _ACTIONS.get(event.action, event.action)
            said |= {"verdict": verdict, "applied": not event.shadow, "findings": _findings(event.findings)}
        case QuarantineEnded():
            said |= {"verdict": f"quarantine-{event.how}", "by": event.by, "because": event.because}
        case Held() | Dropped():
            verdict = "held" if isinstance(event, Held) else "dropped"
            said |= {"verdict": verdict, "by": event.by, "because": event.because}
        case Released():
            said |= {"verdict": "released", "by": event.by}
    return _mail(event, about) | said


def _findings(text: str) -> list[Data]:
    """Findings as the journal keeps them, with the names that are promised outside."""
    try:
        found = msgspec.json.decode(text, type=list[dict[str, Any]]) if text else []
    except msgspec.DecodeError:  # erased, or of an old release
        return []
    return [{name: str(one.get(name, "")) for name in ("slug", "action", "because", "remedy")} for one in found]


def _standing(event: Event, about: About) -> Data:
    """A move, in the words of the notice that goes to the tenant by mail."""
    assert isinstance(event, LadderMoved)
    words = WORDS.rung[event.rung]
    rate = next((order.rate for order in about.orders if order.what == "pace"), 0.0)
    cause = WORDS.cause[event.cause] if event.cause in set(Cause) else None
    return {
        **_account(event, about),
        "from": event.came_from,
        "to": event.rung,
        "title": f"{words.title}: {_named(event)}",
        "happened": cause.happened if cause else "",
        "because": event.because,
        "meaning": _meaning(event, rate, words.means),
        "do": cause.do if cause else "",
        "cause": event.cause,
        "by": event.by,
        "orders": [
            {"what": order.what, "rate": order.rate or None, "until": iso(order.until) if order.until else None}
            for order in about.orders
        ],
    }


def _meaning(event: LadderMoved, rate: float, means: str) -> str:
    """As `enforcement.notices.meaning` has it; without the orders at hand, the rate is not named."""
    said = means.format(rate=per_hour(rate) if rate else "so many recipients an hour")
    key = parse_key(event.key)
    if key is None or event.rung in (Rung.GOOD, Rung.WATCHED):
        return said
    return f"{said} {WORDS.scope[key.kind]}"


def _review(event: Event, about: About) -> Data:
    assert isinstance(event, Reviewed)
    return _account(event, about) | {"step": event.step, "by": event.by, "because": event.because}


def _account(event: LadderMoved | Reviewed, about: About) -> Data:
    return {
        "tenant": event.tenant,
        "subscription": subscription_of(event),
        "stream": event.stream,
        "account": event.key,
        "name": _named(event),
        "link": about.link,
    }


def _named(event: LadderMoved | Reviewed) -> str:
    key = parse_key(event.key)
    return named(Account(event.tenant, key, event.stream)) if key is not None else event.key


_DATA = {
    Kind.DELIVERY: _delivery,
    Kind.ENGAGEMENT: _engagement,
    Kind.COMPLAINT: _complaint,
    Kind.UNSUBSCRIBE: _unsubscribe,
    Kind.VERDICT: _verdict,
    Kind.STANDING: _standing,
    Kind.REVIEW: _review,
}

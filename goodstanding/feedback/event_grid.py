"""Azure Event Grid: what became of mail that was routed over Azure Communication Services, and who looked at it.

One request holds an array of events, in the schema of Event Grid or of CloudEvents 1.0. Azure has no event for
complaints. Its "Bounced" is hard by its own words, and still only where what the host said does not gainsay.
"""

from __future__ import annotations

from typing import Literal

from goodstanding.feedback.diagnosis import diagnose
from goodstanding.feedback.engagement import Hit, who
from goodstanding.feedback.json_tree import Node, parse, seconds
from goodstanding.feedback.reading import BounceClass, Kind, Reading

NAME = "event-grid"
DELIVERY = "Microsoft.Communication.EmailDeliveryReportReceived"
ENGAGEMENT = "Microsoft.Communication.EmailEngagementTrackingReportReceived"
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"

_MOST = 5_000
"""Events of one request that are read; Event Grid sends up to 1 MiB."""


def read_json(octets: bytes) -> list[Reading]:
    """A reading per event that is about mail; empty when there is none."""
    return read_document(parse(octets))


def read_document(document: Node) -> list[Reading]:
    """The same of a document that has been parsed."""
    found = [_reading(event) for event in document.each[:_MOST]]
    return [reading for reading in found if reading is not None]


def validation_code(octets: bytes) -> str:
    """What Event Grid wants to hear back before it sends events here (validationResponse); empty: it asks nothing."""
    for event in parse(octets).each[:_MOST]:
        if event.get("eventType", "type").text == VALIDATION:
            return event.at("data", "validationCode").text
    return ""


def _reading(event: Node) -> Reading | None:
    kind, about = event.get("eventType", "type").text, event.get("data")
    if kind == DELIVERY:
        return _delivery(event, about)
    return _engagement(event, about) if kind == ENGAGEMENT else None


_STATUSES: dict[str, tuple[Kind, BounceClass | None]] = {
    "delivered": ("success", None),
    "expanded": ("success", None),  # a distribution group: it has taken over
    "outfordelivery": ("ordinary", None),
    "suppressed": ("bounce", BounceClass.SUPPRESSED),
    "bounced": ("bounce", BounceClass.NO_SUCH_USER),
    "quarantined": ("bounce", BounceClass.CONTENT),
    "filteredspam": ("bounce", BounceClass.CONTENT),
    "failed": ("bounce", BounceClass.UNDETERMINED),
}


def _delivery(event: Node, about: Node) -> Reading:
    status = about.get("status", "deliveryStatus").text.lower()
    kind, klass = _STATUSES.get(status, ("unreadable", None))
    details = about.get("deliveryStatusDetails")
    words = (details if details.text else details.get("statusMessage")).text
    bounced = status == "bounced"
    said = diagnose(words, failed=bounced)
    told = kind == "bounce" and klass is not BounceClass.SUPPRESSED and said.klass is not BounceClass.UNDETERMINED
    return Reading(
        kind,
        source=NAME,
        recipients=_addresses(about.get("recipient")),
        message_id=(about.get("internetMessageId").text or about.get("messageId").text).strip("<> "),
        report_id=event.get("id").text,
        status=said.status,
        code=said.code,
        reply=said.reply,
        klass=said.klass if told else klass,
        hard=bounced and (said.hard or not told),
        reach=said.reach if told else "message" if klass is BounceClass.CONTENT else "recipient",
        detail=about.get("status", "deliveryStatus").text,
        reporter=details.get("recipientMailServerHostName").text or "Azure Communication Services",
        arrived=seconds(about.get("deliveryAttemptTimeStamp", "deliveryAttemptTimestamp").text),
    )


_ENGAGEMENTS: dict[str, Literal["open", "click"]] = {"view": "open", "click": "click"}


def _engagement(event: Node, about: Node) -> Reading:
    """A view or a click (the documentation and the samples differ in case); the detail as in `ses`."""
    kind = _ENGAGEMENTS.get(about.get("engagementType").text.lower())
    by = who(Hit(kind=kind, user_agent=about.get("userAgent").text)) if kind else "person"
    return Reading(
        kind or "unreadable",
        source=NAME,
        recipients=_addresses(about.get("recipient")),
        message_id=(about.get("internetMessageId").text or about.get("messageId").text).strip("<> "),
        report_id=event.get("id").text,
        detail=about.get("engagementContext").text if by == "person" else by,
        reporter="Azure Communication Services",
        arrived=seconds(about.get("userActionTimeStamp", "userActionTimestamp").text),
        user_agent=about.get("userAgent").text,
    )


def _addresses(node: Node) -> tuple[str, ...]:
    text = node.text.strip("<>")
    return (text,) if "@" in text else ()

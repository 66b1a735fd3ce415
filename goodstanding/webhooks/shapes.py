"""The two shapes of outgoing events on the wire: Azure Event Grid's schema, and CloudEvents 1.0 in structured mode."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from goodstanding.webhooks.content import Content, Data, iso
from goodstanding.webhooks.endpoint import TYPES, Shape

VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_encode = msgspec.json.Encoder().encode


class Named(Struct, frozen=True):
    """One outgoing event with its id."""

    id: str
    content: Content


class Posting(Struct, frozen=True):
    """What one POST carries."""

    id: str
    """``webhook-id``: that of its one event; of several, a digest of theirs."""
    headers: dict[str, str]
    body: bytes


def source(content: Content) -> str:
    """What Azure calls the topic: the resource it happened to, with our names in the places of its own."""
    application = content.subscription.partition("/")[2] or content.tenant
    group = f"/subscriptions/{content.tenant}/resourceGroups/goodstanding/providers"
    return f"{group}/Microsoft.Communication/CommunicationServices/{application}"


def posting(events: Sequence[Named], shape: Shape, deliveries: int, *, alone: bool = True) -> Posting:
    """The POST of some events; ``deliveries``: how often it was tried before.

    ``alone``: an endpoint that takes one at a time. Event Grid sends an array even then, CloudEvents does not.
    """
    name = events[0].id if len(events) == 1 else sha256("".join(one.id for one in events).encode()).hexdigest()[:32]
    if shape == "eventgrid":
        body = _encode([_event_grid(one) for one in events])
        return Posting(name, _azure("Notification", deliveries), body)
    written = [_cloud_event(one) for one in events]
    if alone:
        return Posting(name, {"content-type": "application/cloudevents+json; charset=utf-8"}, _encode(written[0]))
    return Posting(name, {"content-type": "application/cloudevents-batch+json; charset=utf-8"}, _encode(written))


def handshake(name: str, topic: str, at: float, code: str) -> Posting:
    """Event Grid's question whether an endpoint wants to hear: it answers with ``{"validationResponse": code}``."""
    asked: Data = {
        "id": name,
        "topic": topic,
        "subject": "",
        "data": {"validationCode": code, "validationUrl": ""},
        "eventType": VALIDATION,
        "eventTime": iso(at),
        "metadataVersion": "1",
        "dataVersion": "1",
    }
    return Posting(name, _azure("SubscriptionValidation", 0), _encode([asked]))


def confirms(body: bytes, code: str) -> bool:
    """Whether an answer to the handshake is the right one."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    answer = answer[0] if isinstance(answer, list) and answer else answer
    return isinstance(answer, dict) and answer.get("validationResponse") == code


def _azure(kind: str, deliveries: int) -> dict[str, str]:
    """The headers that Event Grid sends with every request."""
    return {
        "content-type": "application/json; charset=utf-8",
        "aeg-event-type": kind,
        "aeg-delivery-count": str(deliveries),
        "aeg-data-version": "1.0",
        "aeg-metadata-version": "1",
    }


def _event_grid(event: Named) -> Data:
    told = event.content
    return {
        "id": event.id,
        "topic": source(told),
        "subject": told.subject,
        "data": told.data,
        "eventType": TYPES[told.kind],
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": iso(told.at),
    }


def _cloud_event(event: Named) -> Data:
    told = event.content
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": source(told),
        "type": TYPES[told.kind],
        "subject": told.subject,
        "time": iso(told.at),
        "datacontenttype": "application/json",
        "data": told.data,
    }

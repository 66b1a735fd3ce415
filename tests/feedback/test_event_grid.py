"""Azure Event Grid: deliveries and engagement."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback.event_grid import DELIVERY, ENGAGEMENT, VALIDATION, read_json, validation_code
from goodstanding.model import BounceClass


def delivery(status: str, words: str = "", **outer: object) -> dict[str, object]:
    return {
        "id": "e-1",
        "topic": "/subscriptions/x/providers/microsoft.communication/communicationservices/shop",
        "subject": "sender/news@shop.example/message/op-1",
        "eventType": DELIVERY,
        "dataVersion": "1.0",
        "eventTime": "2026-11-23T09:00:03Z",
        "data": {
            "sender": "news@shop.example",
            "recipient": "kim@provider.example",
            "messageId": "op-1",
            "internetMessageId": "<m1@shop.example>",
            "status": status,
            "deliveryStatusDetails": {"statusMessage": words, "recipientMailServerHostName": "mx.provider.example"},
            "deliveryAttemptTimeStamp": "2026-11-23T09:00:02.25+00:00",
        },
    } | outer


@pytest.mark.parametrize(
    ("status", "words", "kind", "klass", "hard"),
    [
        ("Delivered", "", "success", None, False),
        ("Expanded", "", "success", None, False),
        ("Suppressed", "", "bounce", BounceClass.SUPPRESSED, False),
        ("Bounced", "", "bounce", BounceClass.NO_SUCH_USER, True),
        ("Bounced", "550 5.1.1 user unknown", "bounce", BounceClass.NO_SUCH_USER, True),
        ("Bounced", "550 5.7.1 blocked using zen.spamhaus.org", "bounce", BounceClass.REPUTATION, False),
        ("Quarantined", "", "bounce", BounceClass.CONTENT, False),
        ("FilteredSpam", "", "bounce", BounceClass.CONTENT, False),
        ("Failed", "452 4.2.2 mailbox full", "bounce", BounceClass.MAILBOX_FULL, False),
        ("NewWord", "", "unreadable", None, False),
    ],
)
def test_a_status_is_read_with_what_the_host_said(
    status: str, words: str, kind: str, klass: BounceClass | None, hard: bool
) -> None:
    (found,) = read_json(json.dumps([delivery(status, words)]).encode())
    assert (found.kind, found.klass, found.hard) == (kind, klass, hard)
    assert (found.recipients, found.message_id, found.report_id) == (
        ("kim@provider.example",),
        "m1@shop.example",
        "e-1",
    )
    assert (found.arrived, found.reporter) == (1795424402.25, "mx.provider.example")


@pytest.mark.parametrize(
    ("word", "agent", "kind", "detail"),
    [
        ("view", "Mozilla/5.0", "open", "proxy"),
        ("View", "Mozilla/5.0 (X11) Firefox/140.0", "open", "https://shop.example/mugs"),
        ("Click", "Mozilla/5.0 (X11) Firefox/140.0", "click", "https://shop.example/mugs"),
        ("Click", "curl/8.1", "click", "scanner"),
    ],
)
def test_engagement_is_an_open_or_a_click_by_somebody(word: str, agent: str, kind: str, detail: str) -> None:
    event = delivery("x", eventType=ENGAGEMENT)
    event["data"] = {
        "messageId": "op-1",
        "recipient": "kim@provider.example",
        "userActionTimeStamp": "2026-11-23T10:00:00Z",
        "engagementContext": "https://shop.example/mugs",
        "userAgent": agent,
        "engagementType": word,
    }
    (found,) = read_json(json.dumps([event]).encode())
    assert (found.kind, found.detail, found.user_agent) == (kind, detail, agent)


def test_the_schema_of_cloud_events_is_read_too() -> None:
    event = delivery("Delivered")
    event["type"] = event.pop("eventType")
    assert read_json(json.dumps(event).encode())[0].kind == "success"


def test_a_new_subscription_asks_for_its_code() -> None:
    asks = [{"id": "v", "eventType": VALIDATION, "data": {"validationCode": "512d38b6"}}]
    assert validation_code(json.dumps(asks).encode()) == "512d38b6"
    assert read_json(json.dumps(asks).encode()) == []
    assert validation_code(json.dumps([delivery("Delivered")]).encode()) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "status", "recipient", "deliveryStatusDetails"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@pytest.mark.fuzz
@given(JSON, st.sampled_from([DELIVERY, ENGAGEMENT, VALIDATION, 7]))
def test_any_data_reads(data: object, kind: object) -> None:
    octets = json.dumps([{"eventType": kind, "data": data}, data]).encode()
    assert len(read_json(octets)) <= 2
    validation_code(octets)

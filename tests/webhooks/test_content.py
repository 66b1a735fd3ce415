"""What outgoing events say: ACS's exact fields and statuses, and listmonk understands them."""

import json
import re
from datetime import datetime

import pytest
from msgspec import structs

from goodstanding.enforcement.words import WORDS
from goodstanding.events import Accepted, Bounced, Dropped, Event, Held, Quarantined, Refused
from goodstanding.evidence import LadderMoved, OrderIssued, Returned
from goodstanding.feedback import event_grid
from goodstanding.model import BounceClass, MessageId, Rung
from goodstanding.webhooks.content import About, content, status_of
from goodstanding.webhooks.endpoint import TOLD, TYPES, Kind
from goodstanding.webhooks.samples import ACCEPTED, SAMPLES, Sample
from goodstanding.webhooks.shapes import VALIDATION, Named, confirms, handshake, posting, source

WHO = ("shop", MessageId(7), 0, 1.0, "ann@example.net")


def sample(kind: Kind) -> Sample:
    return next(one for one in SAMPLES if one.kind is kind)


def in_event_grid(one: Sample) -> dict[str, object]:
    (event,) = json.loads(posting([Named("an-id", one.content)], "eventgrid", 0).body)
    return event


# --- Azure's schema, from its documentation --------------------------------------------------------------------------


def test_a_delivery_report_has_exactly_the_fields_azure_documents() -> None:
    event = in_event_grid(sample(Kind.DELIVERY))
    assert event == {
        "id": "an-id",
        "topic": "/subscriptions/shop/resourceGroups/goodstanding/providers/Microsoft.Communication"
        "/CommunicationServices/news",
        "subject": "sender/offers@news.shop.example/message/0sad1rqsn1000",
        "data": {
            "sender": "offers@news.shop.example",
            "recipient": "ann@example.net",
            "messageId": "0sad1rqsn1000",
            "internetMessageId": "<9f1c@news.shop.example>",
            "status": "Delivered",
            "deliveryStatusDetails": {
                "statusMessage": "250 2.0.0 Ok: queued as 4bX1",
                "recipientMailServerHostName": "mx1.example.net",
            },
            "deliveryAttemptTimeStamp": "2026-11-25T12:00:00.000000+00:00",
        },
        "eventType": "Microsoft.Communication.EmailDeliveryReportReceived",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": "2026-11-25T12:00:00.000000Z",
    }


def test_an_engagement_report_has_exactly_the_fields_azure_documents() -> None:
    event = in_event_grid(sample(Kind.ENGAGEMENT))
    assert event["eventType"] == "Microsoft.Communication.EmailEngagementTrackingReportReceived"
    assert event["data"] == {
        "sender": "offers@news.shop.example",
        "recipient": "ann@example.net",
        "messageId": "0sad1rqsn1000",
        "internetMessageId": "<9f1c@news.shop.example>",
        "userActionTimeStamp": "2026-11-25T12:00:00.000000+00:00",
        "engagementContext": "https://www.acme.example/news",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "engagementType": "click",
    }


def test_the_message_id_of_what_came_by_the_api_is_the_id_of_its_operation() -> None:
    about = About(structs.replace(ACCEPTED, operation="8540c0de-899f-5cce-acb5-3ec493af3800"))
    told = content(sample(Kind.DELIVERY).event, Kind.DELIVERY, about)
    assert told is not None
    assert told.data["messageId"] == "8540c0de-899f-5cce-acb5-3ec493af3800"
    assert told.subject.endswith("/message/8540c0de-899f-5cce-acb5-3ec493af3800")


def bounced(klass: BounceClass, *, hard: bool = False) -> Bounced:
    return Bounced(*WHO, "mx", "550 no", "recipient", 1, klass=klass.value, hard=hard)


@pytest.mark.parametrize("klass", BounceClass)
def test_a_hard_bounce_is_bounced_whatever_its_class_unless_azure_has_a_better_word(klass: BounceClass) -> None:
    better = {BounceClass.SUPPRESSED: "Suppressed", BounceClass.CONTENT: "FilteredSpam"}
    assert status_of(bounced(klass, hard=True)) == better.get(klass, "Bounced")
    assert status_of(bounced(klass)) == better.get(klass, "Failed")


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (Returned(*WHO, "no-such-user", True, "recipient", "550 5.1.1"), "Bounced"),
        (Returned(*WHO, "content", False, "message", "550 5.7.1 spam"), "FilteredSpam"),
        (Returned(*WHO, "a-class-of-a-later-release", False, "message", "550"), "Failed"),
        (Bounced(*WHO, "", "550 5.7.1 ann has unsubscribed; leave her out [suppressed]", "recipient", 0), "Suppressed"),
        (Bounced(*WHO, "mx", "451 4.2.2 full", "recipient", 9, expired=True, klass="mailbox-full"), "Failed"),
        (Quarantined(*WHO, "shop/news", 1, "[]"), "Quarantined"),
        (Dropped(*WHO, "operator"), "Failed"),
        (Refused("shop", 1.0, "shop/news", "", "", "ann@example.net", "550 [suppressed]"), "Suppressed"),
    ],
)
def test_statuses(event: Event, status: str) -> None:
    assert status_of(event) == status


def test_our_own_reader_of_azure_reads_what_we_write() -> None:
    octets = posting([Named(str(n), one.content) for n, one in enumerate(SAMPLES)], "eventgrid", 0).body
    read = event_grid.read_json(octets)
    assert [(one.kind, one.recipients) for one in read] == [
        ("success", ("ann@example.net",)),
        ("bounce", ("ann@example.net",)),
        ("click", ("ann@example.net",)),
    ]
    assert read[1].hard
    assert read[1].klass is BounceClass.NO_SUCH_USER


# --- listmonk, from its documentation of /webhooks/service/azure -----------------------------------------------------


def listmonk(octets: bytes) -> list[dict[str, str]]:
    """What its hook takes out of an array of Event Grid events: bounces, and nothing of Delivered or other types."""
    found = []
    for event in json.loads(octets):
        if event["eventType"] != "Microsoft.Communication.EmailDeliveryReportReceived":
            continue
        data = event["data"]
        if data["status"] in ("Delivered", "Expanded"):
            continue
        found.append(
            {
                "email": data["recipient"].lower(),
                "type": "hard" if data["status"] == "Bounced" else "soft",
                "meta": data["deliveryStatusDetails"]["statusMessage"],
                "at": datetime.fromisoformat(event["eventTime"].replace("Z", "+00:00")).isoformat(),
            }
        )
    return found


def test_listmonk_takes_the_bounces_out_of_our_reports() -> None:
    octets = posting([Named(str(n), one.content) for n, one in enumerate(SAMPLES)], "eventgrid", 0).body
    assert listmonk(octets) == [
        {
            "email": "ann@example.net",
            "type": "hard",
            "meta": "550 5.1.1 <ann@example.net>: Recipient address rejected: User unknown",
            "at": "2026-11-25T12:00:00+00:00",
        }
    ]


def test_the_handshake_is_answered_by_whoever_answers_azure() -> None:
    asked = handshake("an-id", "/subscriptions/shop", 1.0, "a-code")
    assert asked.headers["aeg-event-type"] == "SubscriptionValidation"
    (event,) = json.loads(asked.body)
    assert event["eventType"] == VALIDATION
    assert event_grid.validation_code(asked.body) == "a-code"
    answer = json.dumps({"validationResponse": event["data"]["validationCode"]}).encode()
    assert confirms(answer, "a-code")


@pytest.mark.parametrize(
    "body", [b"", b"ok", b"{}", b"[]", b'{"validationResponse": "other"}', b'{"validationResponse": null}', b"\xff"]
)
def test_any_other_answer_confirms_nothing(body: bytes) -> None:
    assert not confirms(body, "a-code")


# --- CloudEvents -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", SAMPLES, ids=lambda one: one.kind)
def test_cloud_events_have_every_required_attribute(one: Sample) -> None:
    written = posting([Named("an-id", one.content)], "cloudevents", 0)
    event = json.loads(written.body)
    assert written.headers["content-type"].startswith("application/cloudevents+json")
    assert event["specversion"] == "1.0"
    assert event["type"] == TYPES[one.kind]
    assert event["id"] == "an-id"
    assert re.fullmatch(r"/\S+", event["source"])
    assert datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    assert event["data"] == in_event_grid(one)["data"]
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in event)


def test_a_batch_of_cloud_events_is_an_array_and_says_so() -> None:
    several = [Named("1", SAMPLES[0].content), Named("2", SAMPLES[1].content)]
    written = posting(several, "cloudevents", 0, alone=False)
    assert written.headers["content-type"].startswith("application/cloudevents-batch+json")
    assert [one["id"] for one in json.loads(written.body)] == ["1", "2"]
    assert posting(several, "cloudevents", 3, alone=False).id == written.id
    assert json.loads(posting(several[:1], "cloudevents", 0, alone=False).body)[0]["id"] == "1"


# --- ours ------------------------------------------------------------------------------------------------------------


def test_every_kind_has_a_sample() -> None:
    assert {one.kind for one in SAMPLES} == set(TOLD)


def test_our_own_types_are_in_our_namespace() -> None:
    ours = [type_ for kind, type_ in TYPES.items() if kind not in (Kind.DELIVERY, Kind.ENGAGEMENT)]
    assert all(re.fullmatch(r"goodstanding\.[a-z-]+", type_) for type_ in ours)


def test_nothing_is_told_of_our_own_notices() -> None:
    about = About(structs.replace(ACCEPTED, notice_for="0sad1rqsn0000"))
    assert content(sample(Kind.DELIVERY).event, Kind.DELIVERY, about) is None


def test_a_verdict_carries_every_reason() -> None:
    (finding,) = sample(Kind.VERDICT).content.data["findings"]
    assert finding.keys() == {"slug", "action", "because", "remedy"}


@pytest.mark.parametrize("findings", ["", "erased", "{}", "[1]"])
def test_findings_that_cannot_be_read_are_left_out(findings: str) -> None:
    event = Refused("shop", 1.0, "shop/news", "", "a@b", "ann@example.net", "550 5.7.1 no", findings=findings)
    told = content(event, Kind.VERDICT, About())
    assert told is not None
    assert (told.data["verdict"], told.data["findings"]) == ("refused", [])


def test_a_deferral_and_a_hold_are_told_as_what_they_are() -> None:
    later = Refused("shop", 1.0, "shop/news", "", "a@b", "ann@example.net", "450 4.7.1 later")
    held = Held(*WHO, "operator", "looks odd")
    verdicts = [content(event, Kind.VERDICT, About()) for event in (later, held)]
    assert [told.data["verdict"] for told in verdicts if told is not None] == ["deferred", "held"]


@pytest.mark.parametrize("rung", Rung)
def test_a_move_to_any_rung_is_told_in_words_without_gaps(rung: Rung) -> None:
    moved = LadderMoved("shop", 1.0, "subscription:shop/news", "good", rung.value, "evidence-rising", "5 complaints")
    bare = content(moved, Kind.STANDING, About())
    paced = content(moved, Kind.STANDING, About(orders=(OrderIssued("shop", 1.0, "x", "pace", 100.0),)))
    assert bare is not None and paced is not None
    assert "{" not in bare.data["meaning"] + paced.data["meaning"]
    has_a_rate = "{rate}" in WORDS.rung[rung.value].means
    assert ("100 recipients an hour" in paced.data["meaning"]) == has_a_rate
    assert ("so many recipients an hour" in bare.data["meaning"]) == has_a_rate


def test_the_source_names_tenant_and_application() -> None:
    assert source(sample(Kind.STANDING).content).endswith("/CommunicationServices/news")


def test_a_tenant_without_an_application_is_its_own_source() -> None:
    told = content(LadderMoved("shop", 1.0, "tenant:shop", "good", "watched", "", ""), Kind.STANDING, About())
    assert told is not None
    assert source(told).endswith("/CommunicationServices/shop")


def test_an_acceptance_without_from_is_named_by_its_return_path() -> None:
    accepted = Accepted("shop", MessageId(7), 0, 1.0, "ann@example.net", "shop/news", "bulk", "bounces@shop.example", 9)
    told = content(sample(Kind.DELIVERY).event, Kind.DELIVERY, About(accepted))
    assert told is not None and told.data["sender"] == "bounces@shop.example"

"""What a report comes to: only what is proven has consequences, and only for those it is about."""

import pytest
from msgspec import structs

from goodstanding.evidence import Complained, Engaged, Returned, Unmatched
from goodstanding.feedback.matching import Found, Told, hear
from goodstanding.feedback.reading import Kind, Reading
from goodstanding.model import BounceClass, MessageId, Touched
from goodstanding.wire.return_path import EVERYBODY

TOUCHED = Touched("shop/news", "bulk", "shop.example", 7, "links.example")
FOUND = Found("shop", MessageId(5), 2, "ann@x.example", TOUCHED, "203.0.113.7", 100.0, "mx.x.example [192.0.2.7]")
SOMEBODY = structs.replace(FOUND, n=EVERYBODY, recipient="")
TOLD = Told(500.0, "fbl@provider.example")
GONE = Reading("bounce", "dsn", klass=BounceClass.NO_SUCH_USER, hard=True, reply="550 5.1.1 nobody")


def test_a_hard_bounce_of_a_recipient_suppresses_that_recipient() -> None:
    heard = hear(GONE, FOUND, TOLD)
    assert heard.suppress == "bounced"
    [event] = heard.events
    assert isinstance(event, Returned)
    assert (event.message, event.n, event.recipient, event.touched) == (5, 2, "ann@x.example", TOUCHED)
    assert (event.klass, event.hard, event.delivered, event.source) == ("no-such-user", True, 100.0, "203.0.113.7")


@pytest.mark.parametrize(
    "reading",
    [
        structs.replace(GONE, hard=False, klass=BounceClass.MAILBOX_FULL),
        structs.replace(GONE, reach="lane", klass=BounceClass.REPUTATION),
        structs.replace(GONE, reach="message", klass=BounceClass.CONTENT),
        structs.replace(GONE, hard=False, klass=None),
    ],
    ids=["full", "our address is blocked", "the message was refused", "unclear"],
)
def test_what_is_not_the_recipients_fault_suppresses_nobody(reading: Reading) -> None:
    heard = hear(reading, FOUND, TOLD)
    assert isinstance(heard.events[0], Returned)
    assert heard.suppress == ""


def test_what_cannot_be_read_is_told_apart_from_what_proves_nothing() -> None:
    for found in (None, FOUND):
        [event] = hear(Reading("unreadable"), found, TOLD).events
        assert isinstance(event, Unmatched)
        assert event.because == "nothing in it is a report that can be read"


def test_a_complaint_suppresses_who_complained() -> None:
    heard = hear(Reading("complaint", "arf", detail="abuse", reporter="feedback@isp.example"), FOUND, TOLD)
    assert heard.suppress == "complained"
    [event] = heard.events
    assert isinstance(event, Complained)
    assert (event.kind, event.reporter, event.reader, event.delivered) == ("abuse", "feedback@isp.example", "arf", 100)
    assert event.host == "mx.x.example [192.0.2.7]"  # whose mailbox it was, for how long complaints take there


def test_a_complaint_that_names_nobody_counts_and_suppresses_nobody() -> None:
    heard = hear(Reading("complaint", "arf", recipients=("a@x.example", "b@x.example")), SOMEBODY, TOLD)
    assert heard.suppress == ""
    assert isinstance(heard.events[0], Complained)
    assert heard.events[0].touched == TOUCHED


def test_not_spam_is_no_complaint() -> None:
    heard = hear(Reading("not-spam", "arf"), FOUND, TOLD)
    assert heard.suppress == ""
    assert isinstance(heard.events[0], Engaged)
    assert heard.events[0].how == "not-spam"


def test_a_reply_that_asks_to_be_left_alone_leaves() -> None:
    assert hear(Reading("unsubscribe", "answers"), FOUND, TOLD).leaves
    assert not hear(Reading("unsubscribe", "answers"), SOMEBODY, TOLD).leaves


KINDS: list[Kind] = [
    "bounce",
    "complaint",
    "not-spam",
    "unsubscribe",
    "reply",
    "auto-reply",
    "open",
    "click",
    "ordinary",
]


@pytest.mark.parametrize("kind", KINDS)
def test_what_proves_nothing_changes_nothing(kind: Kind) -> None:
    heard = hear(Reading(kind, "x", recipients=("ann@x.example",), hard=True), None, TOLD)
    assert heard.suppress == ""
    assert not heard.leaves
    assert [type(event) for event in heard.events] == [Unmatched]


@pytest.mark.parametrize("kind", ["delay", "success"])
def test_what_delivery_knows_itself_is_not_told_again(kind: Kind) -> None:
    assert hear(Reading(kind), FOUND, TOLD).events == ()


@pytest.mark.parametrize(
    ("kind", "detail", "how", "by"),
    [
        ("open", "", "opened", "person"),
        ("open", "proxy", "opened", "proxy"),
        ("click", "scanner", "clicked", "scanner"),
        ("reply", "interested", "interested", "person"),
        ("reply", "", "replied", "person"),
        ("auto-reply", "", "away", "person"),
    ],
)
def test_what_people_do_is_kept_apart_from_what_machines_do(kind: Kind, detail: str, how: str, by: str) -> None:
    [event] = hear(Reading(kind, "answers", detail=detail), FOUND, TOLD).events
    assert isinstance(event, Engaged)
    assert (event.how, event.by) == (how, by)

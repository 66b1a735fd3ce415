"""Stories from the journal, in human words."""

import pytest

from goodstanding.cli import story
from goodstanding.events import (
    KIND_OF,
    KINDS,
    Accepted,
    Bounced,
    Deferred,
    DelayWarned,
    Delivered,
    DomainChecked,
    Dropped,
    EstateChanged,
    Event,
    Held,
    Judged,
    Quarantined,
    QuarantineEnded,
    Refused,
    Released,
    Retried,
    Suppressed,
    Unsubscribed,
    Unsuppressed,
)
from goodstanding.evidence import (
    Complained,
    Engaged,
    LadderMoved,
    Measured,
    OrderEnded,
    OrderIssued,
    Returned,
    Reviewed,
    Unmatched,
)
from goodstanding.model import MessageId, message_name
from goodstanding.store import journal
from tests.cli.conftest import Command
from tests.cli.stock import NEWS, NOW, SHOP, Stock

ONE = ("shop", MessageId(7), 0, NOW, "ann@gmail.example")
MX = "mx.gmail.example [127.0.0.1]"

FOUND = '[{"slug":"cold","action":"quarantine","because":"3 of 3 are strangers","remedy":"ask them first"}]'
TOLD: list[tuple[Event, str, str]] = [
    (
        Accepted(*ONE, "shop/otp", "transactional", "otp@shop.example", 2048, subject="Hello", remote="127.0.0.1"),
        "“Hello” from 127.0.0.1 for shop/otp (transactional), 2.0 KiB, return path <otp@shop.example>",
        "waiting",
    ),
    (
        Accepted(*ONE, "shop/otp", "transactional", "", 300, notice_for="0000000000003"),
        "we wrote a notice about 0000000000003 (300 B)",
        "waiting",
    ),
    (
        Refused("shop", NOW, "shop/otp", "127.0.0.1", "a@b", "ann@gmail.example", "552 5.3.4 too big"),
        "refused from 127.0.0.1: 552 5.3.4 too big",
        "refused",
    ),
    (
        Delivered(*ONE, MX, "250 2.0.0 OK", "TLSv1.3 TLS_AES_256_GCM_SHA384", 2, 12.34),
        f"{MX} took it over TLSv1.3, attempt 2, 12.3 s after acceptance: 250 2.0.0 OK",
        "delivered",
    ),
    (
        Delivered(*ONE, MX, "250 OK", delay=0.05),
        f"{MX} took it without TLS, 50 ms after acceptance: 250 OK",
        "delivered",
    ),
    (
        Deferred(*ONE, MX, "450 4.2.0 later", "recipient", 1, NOW + 300),
        f"attempt 1 put off by {MX}, next in 5 min: 450 4.2.0 later",
        "deferred",
    ),
    (
        Deferred(*ONE, "", "451 4.4.3 dns: timeout", "lane", 3, NOW + 5000),
        "attempt 3 put off, next in 1 h 23 min: 451 4.4.3 dns: timeout",
        "deferred",
    ),
    (
        Bounced(*ONE, MX, "550 5.1.1 unknown", "recipient", 1, notified=True),
        f"refused for good by {MX}; the sender was told: 550 5.1.1 unknown",
        "bounced",
    ),
    (Bounced(*ONE, "", "556 5.1.10 null MX", "recipient", 1), "undeliverable: 556 5.1.10 null MX", "bounced"),
    (
        Bounced(*ONE, MX, "450 4.2.0 later", "host", 30, expired=True),
        f"given up after 30 attempts, the last by {MX}: 450 4.2.0 later",
        "expired",
    ),
    (DelayWarned(*ONE), "the sender was told that delivery is late", "waiting"),
    (Held(*ONE, "eve", "wrong price"), "held by eve, because wrong price", "held"),
    (Released(*ONE, "eve"), "released by eve", "waiting"),
    (Retried(*ONE, "eve"), "eve asked for an attempt at once", "waiting"),
    (Dropped(*ONE, "eve"), "dropped by eve", "dropped"),
    (
        Quarantined(*ONE, "shop/otp", 7, FOUND),
        "quarantined: 3 of 3 are strangers [cold]; ask them first",
        "quarantined",
    ),
    (
        Judged("shop", ONE[1], NOW, "shop/otp", "refuse", FOUND, shadow=True),
        "would be: refuse: 3 of 3 are strangers [cold]; ask them first",
        "waiting",
    ),
    (QuarantineEnded(*ONE, "refused", "eve"), "out of quarantine, refused by eve", "refused"),
    (
        Suppressed("shop", NOW, "ann@x.example", "stream", "unsubscribed", "one-click"),
        "suppressed for the stream: unsubscribed, says one-click",
        "waiting",
    ),
    (
        Unsuppressed("shop", NOW, "ann@x.example", "tenant", "eve", "she asked"),
        "no longer suppressed for the tenant, by eve, because she asked",
        "waiting",
    ),
    (Unsubscribed(*ONE, "bulk", "one-click"), "unsubscribed from bulk by one-click", "waiting"),
    (DomainChecked("shop", NOW, "shop.example", "verified", ""), "shop.example is verified", "waiting"),
    (EstateChanged("shop", NOW, "pool bulk", "hello", "eve"), "eve changed pool bulk: hello", "waiting"),
    (
        Returned(*ONE, "no-such-user", True, "recipient", "550 5.1.1 nobody here"),
        "sent back afterwards, no-such-user (hard): 550 5.1.1 nobody here",
        "returned",
    ),
    (Complained(*ONE, "abuse", "fbl@x.example"), "complaint (abuse), reported by fbl@x.example", "waiting"),
    (Engaged(*ONE, "clicked", "scanner"), "clicked by a scanner", "waiting"),
    (
        Unmatched("", NOW, "complaint", "arf", "no token of ours", "fbl@x.example"),
        "a report of fbl@x.example changed nothing: no token of ours",
        "waiting",
    ),
    (
        Measured("", NOW, "ip:203.0.113.7", "snds", NOW, NOW, because="complaint rate below 0.1 %"),
        "snds says of ip:203.0.113.7: complaint rate below 0.1 %",
        "waiting",
    ),
    (
        LadderMoved("shop", NOW, "campaign:7", "good", "slowed", "complaints-over-target", "5 complaints in 310"),
        "campaign:7 went from good to slowed, by system: 5 complaints in 310",
        "waiting",
    ),
    (OrderIssued("shop", NOW, "campaign:7", "pace", 60.0), "ordered for campaign:7: pace", "waiting"),
    (
        OrderEnded("shop", NOW, "campaign:7", "pace", "it ran out"),
        "no longer ordered for campaign:7: pace, because it ran out",
        "waiting",
    ),
    (
        Reviewed("shop", NOW, "campaign:7", "opened", "ann", "we removed the list"),
        "review of campaign:7 opened by ann: we removed the list",
        "waiting",
    ),
]


@pytest.mark.parametrize(("event", "words", "fate"), TOLD, ids=lambda value: type(value).__name__)
def test_an_event_is_told_in_human_words(event: Event, words: str, fate: str) -> None:
    assert story.words(event) == words
    assert story.fate([event]) == fate


def test_every_kind_of_event_is_told() -> None:
    assert {KIND_OF[type(event)] for event, _, _ in TOLD} == set(KINDS)


@pytest.fixture
def message(stock: Stock) -> MessageId:
    message = stock.put(SHOP, "otp@shop.example", ["ann@gmail.example", "bob@gmail.example"])
    with stock.database.tx() as tx:
        later = [
            Deferred("shop", message, 0, NOW + 1, "ann@gmail.example", MX, "450 4.2.0 later", "recipient", 1, NOW + 9),
            Delivered("shop", message, 0, NOW + 9, "ann@gmail.example", MX, "250 OK", "TLSv1.3 X", 2, 9.0),
            Bounced("shop", message, 1, NOW + 1, "bob@gmail.example", MX, "550 5.1.1 unknown", "recipient", 1),
        ]
        journal.append(tx, later)
    return message


def test_a_message_is_traced_by_its_id(goodstanding: Command, message: MessageId) -> None:
    said = goodstanding("trace", message_name(message))
    assert said.code == 0
    told = ["ann@gmail.example delivered", "bob@gmail.example bounced", "450 4.2.0 later", "550 5.1.1 unknown"]
    assert [words for words in told if words not in said.out] == []


def test_a_trace_for_programs_is_a_list_of_events(goodstanding: Command, message: MessageId) -> None:
    events = goodstanding("trace", message_name(message).upper(), "--json").json
    assert [event["kind"] for event in events] == ["accepted", "accepted", "deferred", "delivered", "bounced"]
    assert {event["message"] for event in events} == {message_name(message)}


def test_a_recipient_is_traced_without_the_others(goodstanding: Command, stock: Stock, message: MessageId) -> None:
    stock.put(NEWS, "news@shop.example", ["ann@gmail.example"])
    said = goodstanding("trace", "ann@gmail.example")
    assert said.out.count("message ") == 2
    assert "bob@gmail.example" not in said.out


def test_refused_submissions_are_part_of_the_story(goodstanding: Command, stock: Stock) -> None:
    with stock.database.tx() as tx:
        journal.append(tx, [Refused("shop", NOW, "shop/otp", "127.0.0.1", "a@b", "ann@x.example", "552 5.3.4 too big")])
    said = goodstanding("trace", "ann@x.example")
    assert "Refused submissions" in said.out and "552 5.3.4 too big" in said.out


def test_who_unsubscribes_from_a_delivered_message_has_got_it() -> None:
    delivered = Delivered(*ONE, "mx.x.example [203.0.113.7]", "250 ok")
    assert story.fate([delivered, Unsubscribed(*ONE, "bulk", "one-click")]) == "delivered"

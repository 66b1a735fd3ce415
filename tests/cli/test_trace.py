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
    Dropped,
    Event,
    Held,
    Refused,
    Released,
    Retried,
)
from goodstanding.model import MessageId, message_name
from goodstanding.store import journal
from tests.cli.conftest import Command
from tests.cli.stock import NEWS, NOW, SHOP, Stock

ONE = ("shop", MessageId(7), 0, NOW, "ann@gmail.example")
MX = "mx.gmail.example [127.0.0.1]"

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

"""Replies of providers pause or pace one lane for a while; nobody's standing falls for them."""

import pytest
from msgspec import structs

from goodstanding.enforcement.ladder import Cause, Position
from goodstanding.enforcement.orders import Order
from goodstanding.enforcement.providers import (
    FIRST,
    LONGEST,
    LaneReplies,
    provider_cause,
    provider_moves,
    with_delivery,
    with_reply,
)
from goodstanding.model import Reach, Rung
from tests.enforcement.accounts import DOMAIN, IP, NOW, POLICY, at

BLOCKED = "550 5.7.1 our system has detected the very low reputation of the sending IP"


def seen(delivered: int, blocked: int = 0, slowed: int = 0) -> LaneReplies:
    return LaneReplies(
        IP.key, "google", attempts=delivered + blocked + slowed, delivered=delivered, blocked=blocked, slowed=slowed,
        reply=BLOCKED,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("replies", "cause"),
    [
        (seen(0), None),
        (seen(100, blocked=2), None),
        (seen(1, blocked=2), None),
        (seen(27, blocked=3), Cause.PROVIDER_BLOCKED),
        (seen(1000, blocked=3), None),
        (seen(0, slowed=4), None),
        (seen(45, slowed=5), Cause.PROVIDER_SLOWED),
        (seen(1000, slowed=5), None),
        (seen(10, blocked=5, slowed=50), Cause.PROVIDER_SLOWED),
        (seen(10, blocked=5, slowed=5), Cause.PROVIDER_BLOCKED),
    ],
)
def test_a_few_replies_are_no_block_and_many_are(replies: LaneReplies, cause: Cause | None) -> None:
    assert provider_cause(replies) == cause


@pytest.mark.parametrize(
    ("klass", "reach", "counted"),
    [
        ("reputation", "recipient", (1, 0)),
        ("reputation", "lane", (1, 0)),
        ("policy", "lane", (1, 0)),
        ("policy", "message", (0, 0)),
        ("rate-limit", "host", (0, 1)),
        ("mailbox-full", "recipient", (0, 0)),
        ("no-such-user", "recipient", (0, 0)),
        ("network", "host", (0, 0)),
    ],
)
def test_only_replies_about_us_are_counted(klass: str, reach: Reach, counted: tuple[int, int]) -> None:
    found = with_reply(LaneReplies(IP.key, "google"), klass, reach, BLOCKED)
    assert (found.blocked, found.slowed) == counted
    assert (found.attempts, bool(found.reply)) == (1, any(counted))


def test_deliveries_count_as_attempts() -> None:
    assert with_delivery(LaneReplies(IP.key, "google")) == LaneReplies(IP.key, "google", attempts=1, delivered=1)


def order_of(replies: LaneReplies, before: Order | None = None, now: float = NOW) -> Order:
    (move,) = provider_moves(Position(IP), replies, before, now, POLICY)
    (order,) = move.orders
    return order


def test_a_block_pauses_one_lane_and_the_address_is_watched() -> None:
    (move,) = provider_moves(Position(IP), seen(5, blocked=9), None, NOW, POLICY)
    (order,) = move.orders
    assert (order.what.value, order.provider, order.until) == ("hold", "google", NOW + FIRST)
    assert (move.after.effective, move.adds, move.cause) == (Rung.WATCHED, True, "provider-blocked")
    assert order.words.startswith("ip:203.0.113.7: mail to google waits for a while: google answered 9 of 14")
    assert order.words.endswith(BLOCKED)


def test_a_rate_text_paces_the_lane_to_half_of_what_went_through() -> None:
    assert order_of(seen(4000, slowed=900)).rate == 2000.0
    assert order_of(seen(0, slowed=9)).rate == 60.0


def test_a_block_is_announced_once() -> None:
    order = order_of(seen(0, blocked=9))
    assert provider_moves(Position(IP), seen(0, blocked=99), order, NOW + FIRST - 1, POLICY) == []


def test_a_block_that_comes_back_pauses_for_longer_each_time() -> None:
    order, now, lengths = order_of(seen(0, blocked=9)), NOW, []
    for _ in range(7):
        now = order.until + 60
        order = order_of(seen(0, blocked=9), order, now)
        lengths.append(order.until - order.issued)
    assert lengths == [min(LONGEST, FIRST * 2**n) for n in range(1, 8)]


def test_a_block_after_days_of_peace_is_the_first_again() -> None:
    long_ago = structs.replace(order_of(seen(0, blocked=9)), until=NOW + LONGEST)
    again = order_of(seen(0, blocked=9), long_ago, NOW + LONGEST + 2 * 86_400)
    assert again.until - again.issued == FIRST


def test_what_complaints_have_done_to_a_domain_is_not_told_otherwise() -> None:
    slowed = at(Rung.SLOWED, DOMAIN)
    (move,) = provider_moves(slowed, structs.replace(seen(0, blocked=9), key=DOMAIN.key), None, NOW, POLICY)
    assert (move.after, move.told) == (slowed, False)

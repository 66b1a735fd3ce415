"""Positions, orders, history and cases are kept on both engines; a change of orders is noticed; a move is one thing."""

import asyncio

import pytest
from msgspec import structs

from goodstanding.admission.estate import Tenant
from goodstanding.enforcement import review
from goodstanding.enforcement.act import act, expire, forget_campaigns, in_shadow
from goodstanding.enforcement.in_force import InForce
from goodstanding.enforcement.ladder import Account, Cause, Position, step
from goodstanding.enforcement.notices import Notice
from goodstanding.enforcement.page import page
from goodstanding.enforcement.policy import Policy
from goodstanding.enforcement.providers import LaneReplies, provider_moves
from goodstanding.enforcement.tribunal import Tribunal
from goodstanding.enforcement.trigger import Move, decide, moved
from goodstanding.enforcement.watching import watch
from goodstanding.events import Event
from goodstanding.evidence import LadderMoved, OrderEnded, OrderIssued
from goodstanding.model import Key, KeyKind, Rung, Stream, Touched
from goodstanding.reputation.standing import Charge, Level
from goodstanding.store import enforcement, estate, notices, pacing
from goodstanding.store.db import Database, Tx
from tests.enforcement.accounts import CAMPAIGN, IP, NEWS, NOW, POLICY, WORDS, at, charge
from tests.store.letters import add, letter, postgresql_only

COLD = Touched("shop/cold", "outreach", "shop-cold.example", 17)


AT_ONCE = structs.replace(POLICY, warning=0.0)


def charged(tx: Tx, level: Level, now: float = NOW, account: Account = CAMPAIGN) -> list[Notice]:
    """What evidence of a level comes to; who is suspended has been warned."""
    if level == "suspended":
        enforcement.put_position(tx, at(Rung.SLOWED, account))
    moves = decide(enforcement.position(tx, account), [charge(level, account)], now, AT_ONCE)
    return act(tx, moves, now)


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def test_a_move_is_position_orders_journal_and_notice_in_one(tx: Tx) -> None:
    estate.put_tenant(tx, Tenant("shop", contact="postmaster@shop.example"), NOW)
    (notice,) = charged(tx, "suspended")
    assert (notice.to, notice.subject) == ("postmaster@shop.example", "Suspended: campaign:17 of shop")
    kept = enforcement.position(tx, CAMPAIGN)
    assert (kept.effective, kept.because, kept.findings[0].words) == (Rung.SUSPENDED, WORDS, WORDS)
    assert kinds(tx.appended) == [LadderMoved, OrderIssued, OrderIssued]
    told = [event.because for event in tx.appended if isinstance(event, OrderIssued)]
    assert {order.words for order in enforcement.orders_of(tx, CAMPAIGN)} == set(told)
    (remembered,) = enforcement.history(tx, CAMPAIGN)
    assert remembered == tx.appended[0]


def test_who_watches_goes_on_after_trouble_and_tells_what_could_not_be_told(database: Database) -> None:
    heard: list[int] = []

    async def watched() -> None:
        told = asyncio.Event()

        def changed(orders: InForce) -> None:
            heard.append(orders.serial)
            if len(heard) == 1:
                raise ValueError("a bug")
            told.set()

        watching = asyncio.create_task(watch(database, changed))
        await asyncio.wait_for(told.wait(), 10)
        watching.cancel()

    asyncio.run(watched())
    assert len(heard) == 2
    assert heard[0] == heard[1]


def test_workers_see_an_order_and_that_it_is_new(tx: Tx) -> None:
    before = enforcement.revision(tx)
    charged(tx, "suspended")
    found = enforcement.view(tx)
    assert found.serial == enforcement.revision(tx) > before
    (refuse, hold) = found.of(COLD, "shop", "203.0.113.7", NOW)
    assert (refuse.what.value, hold.what.value, refuse.link) == ("refuse", "hold", POLICY.link(CAMPAIGN))


def test_a_milder_rung_takes_the_place_of_the_old_orders(tx: Tx) -> None:
    charged(tx, "suspended")
    stopped = enforcement.position(tx, CAMPAIGN)
    back = step(stopped, Cause.REVIEW_GRANTED, NOW + 5)
    assert back is not None
    act(tx, [moved(stopped, back, NOW + 5, POLICY, "eve")], NOW + 5)
    assert [order.what.value for order in enforcement.orders_of(tx, CAMPAIGN)] == ["pace"]
    assert kinds(tx.appended)[3:] == [LadderMoved, OrderEnded, OrderEnded, OrderIssued]


def test_who_is_in_good_standing_again_has_a_history_and_nothing_else(tx: Tx) -> None:
    charged(tx, "watched")
    later = NOW + POLICY.clean
    act(tx, decide(enforcement.position(tx, CAMPAIGN), [], later, POLICY), later)
    assert enforcement.positions(tx) == []
    assert [one.rung for one in enforcement.history(tx, CAMPAIGN)] == ["good", "watched"]


def test_noted_evidence_changes_no_order_and_tells_nobody(tx: Tx) -> None:
    charged(tx, "slowed")
    serial, told = enforcement.revision(tx), len(tx.appended)
    charged(tx, "slowed", NOW + 7200)
    assert enforcement.position(tx, CAMPAIGN).provoked == NOW + 7200
    assert (enforcement.revision(tx), len(tx.appended)) == (serial, told)


def test_an_order_that_ends_by_itself_is_journalled_once(tx: Tx) -> None:
    charged(tx, "slowed")
    until = enforcement.orders_of(tx, CAMPAIGN)[0].until
    serial = enforcement.revision(tx)
    assert [expire(tx, until - 1), expire(tx, until), expire(tx, until + 1)] == [0, 1, 0]
    assert enforcement.revision(tx) > serial
    assert enforcement.view(tx).by_kind == {}
    assert kinds(tx.appended)[-1] is OrderEnded


def paused(tx: Tx, now: float) -> list[Move]:
    replies = LaneReplies(IP.key, "google", attempts=9, blocked=9, reply="550 5.7.1 blocked")
    last = enforcement.last_order(tx, IP, "google")
    moves = provider_moves(enforcement.position(tx, IP), replies, last, now, POLICY)
    act(tx, moves, now)
    return moves


def test_a_pause_of_a_lane_stands_beside_the_orders_of_its_address(tx: Tx) -> None:
    charged(tx, "slowed", account=IP)
    paused(tx, NOW)
    assert [(one.what.value, one.provider) for one in enforcement.orders_of(tx, IP)] == [
        ("hold", "google"),
        ("pace", ""),
    ]
    charged(tx, "suspended", account=IP)
    assert {(one.what.value, one.provider) for one in enforcement.orders_of(tx, IP)} == {
        ("hold", "google"),
        ("hold", ""),
    }


def test_a_pause_decided_at_the_same_time_takes_no_move_back(tx: Tx) -> None:
    replies = LaneReplies(IP.key, "google", attempts=9, blocked=9, reply="550 5.7.1 blocked")
    good = enforcement.position(tx, IP)
    moves = decide(good, [charge("slowed", IP)], NOW, POLICY)
    act(tx, [*moves, *provider_moves(good, replies, None, NOW, POLICY)], NOW)
    assert enforcement.position(tx, IP).effective is Rung.SLOWED
    assert [one.rung for one in enforcement.history(tx, IP)] == ["slowed"]
    assert {(one.what.value, one.provider) for one in enforcement.orders_of(tx, IP)} == {
        ("hold", "google"),
        ("pace", ""),
    }


def test_the_next_pause_remembers_the_last(tx: Tx) -> None:
    (first,) = paused(tx, NOW)[0].orders
    expire(tx, first.until)
    (second,) = paused(tx, first.until + 60)[0].orders
    assert second.until - second.issued == 2 * (first.until - first.issued)
    expire(tx, second.until + 10 * 86_400)
    assert enforcement.last_order(tx, IP, "google") is None


def test_a_key_knows_whose_it_is(tx: Tx) -> None:
    estate.add_subscription(tx, "shop/news", Stream.BULK, NOW)
    tx.run("INSERT INTO domain (name, tenant, created, stream) VALUES ('shop.example', 'shop', 0, 'bulk')")
    tx.run(
        "INSERT INTO campaign (id, tenant, subscription, name, first, last, sketch, octets) "
        "VALUES (17, 'shop', 'shop/news', 'sale', 0, 0, ?, ?)",
        (b"", b""),
    )
    known = {
        "tenant:shop": ("shop", ""),
        "subscription:shop/news": ("shop", "bulk"),
        "campaign:17": ("shop", "bulk"),
        "domain:shop.example": ("shop", "bulk"),
        "ip:203.0.113.7": ("", ""),
        "link:x.example": ("", ""),
    }
    for text, (tenant, stream) in known.items():
        kind, _, name = text.partition(":")
        key = Key(KeyKind(kind), name)
        assert enforcement.account_of(tx, key) == Account(tenant, key, stream)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("tenant", "bank"), ("subscription", "x"), ("campaign", "seventeen"), ("campaign", "9" * 30), ("domain", "x")],
)
def test_a_key_of_nobody_is_nobodys(tx: Tx, kind: str, name: str) -> None:
    assert enforcement.account_of(tx, Key(KeyKind(kind), name)) is None


def test_positions_are_found_by_key_on_every_stream(tx: Tx) -> None:
    for stream in ("", "bulk"):
        enforcement.put_position(tx, at(Rung.SLOWED, structs.replace(CAMPAIGN, stream=stream)))
    assert [one.account.stream for one in enforcement.positions(tx, CAMPAIGN.key)] == ["", "bulk"]
    assert enforcement.positions(tx, IP.key) == []


def test_a_case_is_kept_as_far_as_it_has_come(tx: Tx) -> None:
    made = review.opened(at(Rung.SUSPENDED), enforcement.next_case(tx, "shop"), "tenant", NOW)
    enforcement.put_case(tx, made)
    assert enforcement.next_case(tx, "shop") == 2
    answered = review.answer(made, {"kind": "receipts"}, NOW)
    enforcement.put_case(tx, answered)
    assert enforcement.case(tx, "shop", 1) == enforcement.latest_case(tx, CAMPAIGN) == answered
    assert enforcement.cases(tx) == [answered]
    done, _ = review.decide(answered, at(Rung.SUSPENDED), review.State.REFUSED, ("eve", "no"), NOW, POLICY)
    enforcement.put_case(tx, done)
    assert enforcement.cases(tx) == []
    assert enforcement.cases(tx, decided=True) == [done]


def test_cases_are_counted_by_tenant(tx: Tx) -> None:
    enforcement.put_case(tx, review.opened(at(Rung.SLOWED), 7, "tenant", NOW))
    assert [enforcement.next_case(tx, tenant) for tenant in ("shop", "bank")] == [8, 1]


def test_a_tenant_without_contact_is_told_nothing_by_mail(tx: Tx) -> None:
    assert charged(tx, "suspended") == []
    assert enforcement.contact(tx, "") == enforcement.contact(tx, "shop") == ""


def test_a_term_of_an_operator_is_kept(tx: Tx) -> None:
    held = Position(CAMPAIGN, operator=Rung.SUSPENDED, since=NOW, term=NOW + 60, cause="operator-suspended", by="eve")
    enforcement.put_position(tx, held)
    assert enforcement.position(tx, CAMPAIGN) == held


# --- shadow ----------------------------------------------------------------------------------------------------------

SHADOW = structs.replace(POLICY, shadow=True)


def sat(tx: Tx, policy: Policy, now: float, *charges: Charge) -> None:
    """A sitting of the follower under a policy."""
    Tribunal(policy).sit(tx, charges, now)


def test_in_shadow_moves_are_noted_and_nobody_is_told_or_obeys(tx: Tx) -> None:
    estate.put_tenant(tx, Tenant("shop", contact="postmaster@shop.example"), NOW)
    sat(tx, SHADOW, NOW, charge("slowed"))
    assert [(event.rung, event.shadow) for event in tx.appended if isinstance(event, LadderMoved)] == [("slowed", True)]
    assert [event.shadow for event in tx.appended if isinstance(event, OrderIssued)] == [True]
    assert (notices.due(tx, 10), enforcement.view(tx).by_kind) == ([], {})
    noted = enforcement.position(tx, CAMPAIGN)
    assert (noted.effective, noted.shadow) == (Rung.SLOWED, True)
    assert [order.shadow for order in enforcement.orders_of(tx, CAMPAIGN)] == [True]
    assert enforcement.history(tx, CAMPAIGN)[0].because.startswith("in shadow, not applied: ")
    assert page(noted, enforcement.orders_of(tx, CAMPAIGN), [], None).title == "Would be: slowed"


def test_when_shadow_ends_evidence_leads_up_anew_and_is_told(tx: Tx) -> None:
    estate.put_tenant(tx, Tenant("shop", contact="postmaster@shop.example"), NOW)
    sat(tx, structs.replace(SHADOW, warning=0.0), NOW, charge("suspended"))
    sat(tx, structs.replace(SHADOW, warning=0.0), NOW + 1, charge("suspended"))
    assert enforcement.position(tx, CAMPAIGN).effective is Rung.SUSPENDED
    sat(tx, POLICY, NOW + 2, charge("suspended"))
    assert (enforcement.positions(tx), notices.due(tx, 10)) == ([], [])
    sat(tx, POLICY, NOW + 3, charge("suspended"))
    assert [one.notice.subject for one in notices.due(tx, 10)] == ["Slowed: campaign:17 of shop"]
    assert {order.what.value for order in enforcement.view(tx)} == {"pace"}


def test_what_an_operator_decided_in_shadow_is_told_and_applied_when_it_ends(tx: Tx) -> None:
    estate.put_tenant(tx, Tenant("shop", contact="postmaster@shop.example"), NOW)
    said = structs.replace(Position(CAMPAIGN, operator=Rung.SUSPENDED, shadow=True), cause="operator-suspended")
    act(tx, [moved(Position(CAMPAIGN, shadow=True), said, NOW, SHADOW, "eve")], NOW)
    assert (enforcement.view(tx).by_kind, notices.due(tx, 10)) == ({}, [])
    sat(tx, POLICY, NOW + 1)
    assert [one.notice.subject for one in notices.due(tx, 10)] == ["Suspended: campaign:17 of shop"]
    assert {order.what.value for order in enforcement.view(tx)} == {"refuse", "hold"}


def test_when_shadow_begins_what_was_ordered_is_obeyed_no_more(tx: Tx) -> None:
    sat(tx, POLICY, NOW, charge("slowed"))
    assert len(list(enforcement.view(tx))) == 1
    serial = enforcement.revision(tx)
    sat(tx, SHADOW, NOW + 1, charge("slowed"))
    assert (enforcement.view(tx).by_kind, enforcement.revision(tx) > serial) == ({}, True)
    assert enforcement.position(tx, CAMPAIGN).shadow


def test_a_subscription_in_shadow_and_its_campaigns_are_only_noted(tx: Tx) -> None:
    tx.run(
        "INSERT INTO campaign (id, tenant, subscription, name, first, last, sketch, octets) "
        "VALUES (17, 'shop', 'shop/cold', 'sale', 0, 0, ?, ?)",
        (b"", b""),
    )
    policy = structs.replace(POLICY, shadowed=frozenset({"shop/cold"}))
    cold = Account("shop", Key(KeyKind.SUBSCRIPTION, "shop/cold"), "outreach")
    noted = {account: in_shadow(tx, account, policy) for account in (CAMPAIGN, cold, NEWS, IP)}
    assert noted == {CAMPAIGN: True, cold: True, NEWS: False, IP: False}


# --- what tenants share ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("owners", "stands"), [({}, ("", "watched")), ({"203.0.113.7": "shop"}, ("shop", "slowed"))])
def test_an_address_is_a_tenants_only_where_its_pool_is(
    tx: Tx, owners: dict[str, str], stands: tuple[str, str]
) -> None:
    sat(tx, structs.replace(POLICY, owners=owners), NOW, charge("slowed", structs.replace(IP, tenant="shop")))
    (found,) = enforcement.positions(tx, IP.key)
    assert (found.account.tenant, found.effective.value) == stands


# --- paces -----------------------------------------------------------------------------------------------------------


def test_a_rate_holds_for_everybody_who_asks(database: Database) -> None:
    """Each transaction may be another worker's."""
    granted = 0
    for n in range(40):
        with database.tx() as tx:
            granted += pacing.take(tx, (CAMPAIGN, "out"), 3600.0, 1, NOW + n * 0.1) == 0.0
    assert granted == 10 + 3  # a full bucket, and a recipient a second


def test_what_comes_in_is_paced_apart_from_what_goes_out_and_each_account_by_itself(tx: Tx) -> None:
    assert [pacing.take(tx, whose, 1.0, 1, NOW) for whose in [(CAMPAIGN, "in"), (CAMPAIGN, "out"), (NEWS, "in")]] == [
        0.0,
        0.0,
        0.0,
    ]
    assert pacing.take(tx, (CAMPAIGN, "in"), 1.0, 1, NOW) == pytest.approx(3600.0)


def test_what_is_rolled_back_has_taken_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.tx() as tx:
        assert pacing.take(tx, (CAMPAIGN, "in"), 1.0, 1, NOW) == 0.0
        raise ZeroDivisionError
    with database.tx() as tx:
        assert pacing.take(tx, (CAMPAIGN, "in"), 1.0, 1, NOW) == 0.0


@postgresql_only
def test_a_bucket_that_another_worker_is_taking_from_is_not_waited_for(database: Database) -> None:
    with database.tx() as tx:
        pacing.take(tx, (CAMPAIGN, "in"), 3600.0, 1, NOW)
    with database.tx() as one, Database(database.url).tx() as other:
        assert pacing.take(one, (CAMPAIGN, "in"), 3600.0, 1, NOW) == 0.0
        assert pacing.take(other, (CAMPAIGN, "in"), 3600.0, 1, NOW) == pacing.BUSY


def test_a_pace_nobody_has_asked_of_for_long_is_forgotten(tx: Tx) -> None:
    pacing.take(tx, (CAMPAIGN, "in"), 1.0, 1, NOW)
    pacing.forget(tx, NOW + 1)
    assert tx.row("SELECT COUNT(*) FROM pace") == (1,)
    pacing.forget(tx, NOW + 3 * 86_400)
    assert tx.row("SELECT COUNT(*) FROM pace") == (0,)


LATER = NOW + 100 * 86_400.0


def silent_campaign(tx: Tx) -> None:
    """The one that CAMPAIGN names, as the guard knows it: its last message was at NOW."""
    row = (17, "shop", "shop/cold", "pitch", NOW, NOW, b"", b"")
    tx.insert("INSERT INTO campaign (id, tenant, subscription, name, first, last, sketch, octets) VALUES", [row])


def test_a_suspended_campaign_is_forgotten_when_it_has_long_been_silent(tx: Tx) -> None:
    silent_campaign(tx)
    charged(tx, "suspended")
    before = enforcement.revision(tx)
    tx.appended.clear()
    assert forget_campaigns(tx, NOW + 86_400.0) == 0
    assert forget_campaigns(tx, LATER) == 1
    assert (enforcement.positions(tx), enforcement.orders_of(tx, CAMPAIGN)) == ([], [])
    assert set(kinds(tx.appended)) == {OrderEnded}
    assert enforcement.revision(tx) > before
    assert enforcement.history(tx, CAMPAIGN)


def test_what_an_operator_decided_about_a_campaign_stays(tx: Tx) -> None:
    silent_campaign(tx)
    enforcement.put_position(tx, structs.replace(at(Rung.SUSPENDED), operator=Rung.CLOSED))
    assert forget_campaigns(tx, LATER) == 0
    assert enforcement.position(tx, CAMPAIGN).effective is Rung.CLOSED


def test_a_campaign_whose_mail_still_waits_stays(tx: Tx) -> None:
    silent_campaign(tx)
    charged(tx, "suspended")
    add(tx, structs.replace(letter(), touched=COLD))
    assert forget_campaigns(tx, LATER) == 0
    assert enforcement.orders_of(tx, CAMPAIGN)

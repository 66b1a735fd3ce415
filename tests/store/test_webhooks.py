"""Endpoints, who tells, and the outbox, on both engines."""

import pytest

from goodstanding.admission.estate import Tenant
from goodstanding.events import Accepted, Delivered, Event, Held, Quarantined
from goodstanding.evidence import Complained, LadderMoved, OrderIssued
from goodstanding.model import MessageId, Stream, Touched
from goodstanding.store import estate, journal, outbox, webhooks
from goodstanding.store.db import Database, Tx
from goodstanding.store.outbox import Ended
from goodstanding.webhooks.endpoint import Endpoint, Figures, Kind
from goodstanding.webhooks.telling import kinds_told
from tests.store.letters import sqlite_only

NOBODY_WRITES = journal.Gap()


def endpoint(tx: Tx, tenant: str = "shop", subscription: str = "", kinds: tuple[Kind, ...] = ()) -> Endpoint:
    made = Endpoint(
        0, tenant, "https://hooks.example.com/", "cloudevents", subscription, kinds, state="active", sealed=b"s"
    )
    return webhooks.add(tx, made)


def delivered(message: int, tenant: str = "shop", at: float = 1.0, subscription: str = "shop/news") -> Delivered:
    return Delivered(
        *(tenant, MessageId(message), 0, at, "ann@example.net", "mx", "250 ok"), touched=Touched(subscription)
    )


def complained(message: int, at: float = 2.0) -> Complained:
    return Complained("shop", MessageId(message), 0, at, "ann@example.net", "abuse", "y", touched=Touched("shop/news"))


def follow(tx: Tx, now: float = 10.0) -> set[int]:
    heard, _ = outbox.follow(tx, webhooks.every(tx), journal.Gap(), 1000, now)
    return heard


def due(tx: Tx, number: int, now: float = 10.0) -> list[tuple[str, int]]:
    found = outbox.due(tx, number, now, 100)
    return [(row.kind.value, row.event.message) for row in found if row.event is not None]


def ended(number: int, seq: int, state: str, now: float = 10.0, at: float = 0.0, kind: Kind = Kind.DELIVERY) -> Ended:
    return Ended(number, seq, kind, state, now, at, "" if state == "delivered" else "503 busy")


def seqs(tx: Tx, number: int, now: float = 10.0) -> list[int]:
    return [row.seq for row in outbox.due(tx, number, now, 100)]


# --- endpoints -------------------------------------------------------------------------------------------------------


def test_an_endpoint_comes_back_as_it_was_added(tx: Tx) -> None:
    made = endpoint(tx, "shop", "shop/news", (Kind.DELIVERY, Kind.COMPLAINT))
    assert webhooks.every(tx, "shop") == [made]
    assert webhooks.every(tx, "other") == []
    assert (made.subscription, made.kinds, made.sealed) == ("shop/news", (Kind.DELIVERY, Kind.COMPLAINT), b"s")


def test_every_change_is_noticed_by_whoever_tells(tx: Tx) -> None:
    serials = [webhooks.place(tx).serial]
    made = endpoint(tx)
    serials.append(webhooks.place(tx).serial)
    webhooks.put_state(tx, made.number, "disabled", "")
    serials.append(webhooks.place(tx).serial)
    webhooks.put_sealed(tx, made.number, b"other")
    serials.append(webhooks.place(tx).serial)
    webhooks.remove(tx, made.number)
    serials.append(webhooks.place(tx).serial)
    assert serials == sorted(set(serials))


def test_the_outbox_of_a_removed_endpoint_is_cleared_and_no_other(tx: Tx) -> None:
    first, second = endpoint(tx), endpoint(tx)
    journal.append(tx, [delivered(1), delivered(2)])
    follow(tx)
    outbox.settle(tx, [ended(first.number, seqs(tx, first.number)[0], "dead")])
    assert outbox.orphan(tx) == 0
    webhooks.remove(tx, first.number)
    assert outbox.orphan(tx) == first.number
    assert outbox.clear(tx, first.number) == 2
    assert outbox.orphan(tx) == 0
    assert outbox.rows(tx, first.number, "", 10) == []
    assert len(outbox.rows(tx, second.number, "", 10)) == 2


def test_somebody_has_to_clear_up_behind_the_last_endpoint(tx: Tx) -> None:
    assert not webhooks.there_are_any(tx)
    made = endpoint(tx)
    journal.append(tx, [delivered(1)])
    follow(tx)
    webhooks.remove(tx, made.number)
    assert webhooks.there_are_any(tx)
    outbox.clear(tx, made.number)
    assert not webhooks.there_are_any(tx)


def test_endpoints_go_with_their_tenant_and_their_subscription(tx: Tx) -> None:
    estate.put_tenant(tx, Tenant("gone"), 0.0)
    estate.add_subscription(tx, "shop/news", Stream.BULK, 0.0)
    endpoint(tx, "gone")
    endpoint(tx, "shop", "shop/news")
    kept = [endpoint(tx, "shop"), endpoint(tx, "shop", "shop/otp")]
    estate.remove_tenant(tx, "gone")
    estate.remove_subscription(tx, "shop/news")
    assert webhooks.every(tx) == kept


def test_figures_add_up(tx: Tx) -> None:
    made = endpoint(tx)
    webhooks.count(tx, made.number, Figures(2, 1, 5.0, 4.0, "503 busy"))
    webhooks.count(tx, made.number, Figures(1, 0, 6.0))
    assert webhooks.figures(tx)[made.number] == Figures(3, 1, 6.0, 4.0, "503 busy")
    totals = webhooks.totals(tx, 10.0)
    assert totals["goodstanding_webhook_endpoints"] == {"active": 1.0}


# --- who tells -------------------------------------------------------------------------------------------------------


def test_one_at_a_time_tells_until_its_lease_ends(tx: Tx) -> None:
    assert webhooks.lease(tx, "one", 20.0, 0.0)
    assert not webhooks.lease(tx, "two", 30.0, 10.0)
    assert webhooks.lease(tx, "one", 25.0, 10.0)
    assert webhooks.lease(tx, "two", 50.0, 26.0)
    assert not webhooks.lease(tx, "one", 60.0, 27.0)


def test_a_lease_that_is_given_back_or_whose_owner_is_dead_hinders_nobody(tx: Tx) -> None:
    webhooks.lease(tx, "one", 20.0, 0.0)
    webhooks.release(tx, "one")
    assert webhooks.lease(tx, "two", 20.0, 1.0)
    assert webhooks.lease(tx, "three", 20.0, 1.0, gone="two")


def test_nobody_gives_back_the_lease_of_another(tx: Tx) -> None:
    webhooks.lease(tx, "one", 20.0, 0.0)
    webhooks.release(tx, "two")
    assert webhooks.place(tx).owner == "one"


# --- in --------------------------------------------------------------------------------------------------------------


def test_each_endpoint_hears_of_its_tenant_its_application_and_its_kinds(tx: Tx) -> None:
    every, narrow, picky = endpoint(tx), endpoint(tx, "shop", "shop/otp"), endpoint(tx, "shop", "", (Kind.COMPLAINT,))
    other = endpoint(tx, "other")
    journal.append(tx, [delivered(1), complained(1), delivered(2, "elsewhere"), delivered(3, subscription="shop/otp")])
    assert follow(tx) == {every.number, narrow.number, picky.number}
    assert due(tx, every.number) == [("delivery", 1), ("delivery", 3)]
    assert due(tx, narrow.number) == [("delivery", 3)]
    assert due(tx, picky.number) == [("complaint", 1)]
    assert due(tx, other.number) == []


def test_what_happened_before_an_endpoint_is_not_told_it(tx: Tx) -> None:
    journal.append(tx, [delivered(1)])
    first = endpoint(tx)
    journal.append(tx, [delivered(2)])
    second = endpoint(tx)
    journal.append(tx, [delivered(3)])
    follow(tx)
    assert due(tx, first.number) == [("delivery", 2), ("delivery", 3)]
    assert due(tx, second.number) == [("delivery", 3)]


def test_an_endpoint_that_is_switched_on_again_hears_from_then_on(tx: Tx) -> None:
    made = endpoint(tx)
    webhooks.put_state(tx, made.number, "disabled", "")
    journal.append(tx, [delivered(1)])
    webhooks.put_state(tx, made.number, "active", "")
    journal.append(tx, [delivered(2)])
    follow(tx)
    assert due(tx, made.number) == [("delivery", 2)]


def test_nothing_is_lined_up_twice(tx: Tx) -> None:
    made = endpoint(tx)
    journal.append(tx, [delivered(1)])
    assert follow(tx) == {made.number}
    assert follow(tx) == set()
    assert len(due(tx, made.number)) == 1


def test_a_crash_between_rows_and_place_undoes_both(database: Database) -> None:
    with database.tx() as tx:
        made = endpoint(tx)
        journal.append(tx, [delivered(1)])
    with pytest.raises(KeyError), database.tx() as tx:
        follow(tx)
        raise KeyError
    with database.tx() as tx:
        assert due(tx, made.number) == []
        follow(tx)
        assert due(tx, made.number) == [("delivery", 1)]


# --- out, in order ---------------------------------------------------------------------------------------------------


def test_a_later_event_of_a_message_waits_for_the_earlier_one_and_others_do_not(tx: Tx) -> None:
    made = endpoint(tx)
    journal.append(tx, [delivered(1), delivered(2), complained(1)])
    follow(tx)
    first, second = seqs(tx, made.number)
    assert due(tx, made.number) == [("delivery", 1), ("delivery", 2)]
    outbox.settle(tx, [ended(made.number, first, "waiting", at=99.0)])
    assert due(tx, made.number) == [("delivery", 2)]
    outbox.settle(tx, [ended(made.number, second, "delivered")])
    assert due(tx, made.number) == []
    assert outbox.next_due(tx, made.number, 10.0) == 99.0
    assert due(tx, made.number, 100.0) == [("delivery", 1)]
    outbox.settle(tx, [ended(made.number, first, "dead")])
    assert due(tx, made.number) == [("complaint", 1)]


@sqlite_only
def test_what_is_due_is_found_by_its_indexes_alone(tx: Tx) -> None:
    """Found by the primary key, it would read all that waits for each of them."""
    plan = [row[3] for row in tx.rows(f"EXPLAIN QUERY PLAN {outbox.DUE}", (1, 1.0, 10))]
    assert [step for step in plan if "webhook_due" in step]
    assert [step for step in plan if "webhook_chain (endpoint=? AND chain=?" in step]
    assert not [step for step in plan if "SCAN" in step or "TEMP" in step]


def test_two_kinds_of_one_event_are_told_one_after_the_other(tx: Tx) -> None:
    made = endpoint(tx)
    held = Quarantined("shop", MessageId(1), 0, 1.0, "ann@example.net", "shop/news", 3, "[]")
    journal.append(tx, [held])
    follow(tx)
    assert [kind for kind, _ in due(tx, made.number)] == ["delivery"]
    outbox.settle(tx, [ended(made.number, seqs(tx, made.number)[0], "delivered")])
    assert [kind for kind, _ in due(tx, made.number)] == ["verdict"]
    assert kinds_told(held) == (Kind.DELIVERY, Kind.VERDICT)


def test_an_event_the_journal_has_forgotten_is_there_without_content(tx: Tx) -> None:
    made = endpoint(tx)
    journal.append(tx, [delivered(1)])
    follow(tx)
    journal.prune(tx, 100.0)
    assert [row.event for row in outbox.due(tx, made.number, 10.0, 5)] == [None]


def test_attempts_and_the_last_answer_are_kept(tx: Tx) -> None:
    made = endpoint(tx)
    journal.append(tx, [delivered(1)])
    follow(tx)
    (seq,) = seqs(tx, made.number)
    for _ in range(2):
        outbox.settle(tx, [ended(made.number, seq, "waiting")])
    (row,) = outbox.rows(tx, made.number, "waiting", 10)
    assert (row.attempts, row.reply) == (2, "503 busy")
    assert webhooks.figures(tx)[made.number].failed == 2


def test_of_what_was_delivered_only_the_newest_are_kept(tx: Tx) -> None:
    made = endpoint(tx)
    journal.append(tx, [delivered(n) for n in range(1, 321)])
    follow(tx)
    found = [row.seq for row in outbox.due(tx, made.number, 10.0, 400)]
    for start in range(0, 320, 80):
        part = found[start : start + 80]
        outbox.settle(tx, [ended(made.number, seq, "delivered", now=float(start)) for seq in part])
    kept = outbox.rows(tx, made.number, "delivered", 1000)
    assert outbox.RECENT <= len(kept) <= 2 * outbox.RECENT
    assert kept[0].seq == found[-1]
    assert webhooks.figures(tx)[made.number].delivered == 320


def test_a_message_is_known_by_its_first_acceptance_and_a_move_by_its_orders(tx: Tx) -> None:
    accepted = Accepted("shop", MessageId(1), 0, 1.0, "ann@example.net", "shop/news", "bulk", "b@shop.example", 9)
    moved = LadderMoved("shop", 5.0, "tenant:shop", "good", "slowed", "", "")
    order = OrderIssued("shop", 5.0, "tenant:shop", "pace", 100.0)
    other = OrderIssued("shop", 6.0, "tenant:shop", "pace", 50.0)
    journal.append(tx, [accepted, delivered(1), moved, order, other])
    seq = webhooks.newest(tx) - 2
    assert outbox.accepted(tx, MessageId(1)) == accepted
    assert outbox.accepted(tx, MessageId(2)) is None
    assert outbox.orders_with(tx, moved, seq) == (order,)


# --- given up, brought back, forgotten -------------------------------------------------------------------------------


def lined_up(tx: Tx, *events: Event) -> tuple[Endpoint, list[int]]:
    made = endpoint(tx)
    journal.append(tx, events)
    follow(tx)
    return made, seqs(tx, made.number)


def test_what_waited_too_long_is_given_up_and_can_be_brought_back(tx: Tx) -> None:
    made, found = lined_up(tx, delivered(1), delivered(2))
    assert outbox.too_old(tx, made.number, 5.0, 0.0) == (0.0, 0.0)
    assert outbox.too_old(tx, made.number, 50.0, 0.0) == (50.0, 0.0)
    assert outbox.give_up(tx, made.number, 5.0, "never answered", 100.0) == 0
    assert outbox.give_up(tx, made.number, 50.0, "never answered", 100.0) == 2
    assert {row.reply for row in outbox.rows(tx, made.number, "dead", 10)} == {"never answered"}
    assert outbox.replay_dead(tx, made.number, 200.0) == 2
    assert seqs(tx, made.number, 200.0) == found
    assert outbox.give_up(tx, made.number, 150.0, "", 200.0) == 0


def test_dead_rows_are_forgotten_in_time(tx: Tx) -> None:
    made, found = lined_up(tx, delivered(1))
    outbox.settle(tx, [ended(made.number, found[0], "dead", now=100.0)])
    assert outbox.too_old(tx, made.number, 0.0, 101.0) == (0.0, 101.0)
    assert outbox.forget(tx, made.number, 99.0) == 0
    assert outbox.forget(tx, made.number, 101.0) == 1


def test_a_time_is_told_again_and_nothing_else(tx: Tx) -> None:
    made, found = lined_up(tx, *(delivered(n, at=float(n)) for n in range(1, 6)))
    outbox.settle(tx, [ended(made.number, seq, "delivered") for seq in found])
    told, reached = outbox.replay_stretch(tx, made, (0, webhooks.newest(tx)), (2.0, 4.0), 50.0)
    assert (told, reached) == (3, webhooks.newest(tx))
    assert due(tx, made.number, 50.0) == [("delivery", 2), ("delivery", 3), ("delivery", 4)]


def test_what_waits_already_is_left_alone_by_a_replay(tx: Tx) -> None:
    made, found = lined_up(tx, delivered(1))
    outbox.settle(tx, [ended(made.number, found[0], "waiting", at=99.0)])
    outbox.replay_stretch(tx, made, (0, webhooks.newest(tx)), (0.0, 9.0), 50.0)
    assert [row.due for row in outbox.rows(tx, made.number, "waiting", 9)] == [99.0]


def test_one_event_is_told_again_if_it_is_of_this_tenant_and_of_that_kind(tx: Tx) -> None:
    made, (seq,) = lined_up(tx, delivered(1))
    outbox.settle(tx, [ended(made.number, seq, "delivered")])
    stranger = endpoint(tx, "other")
    assert outbox.replay_one(tx, stranger, seq, Kind.DELIVERY, 20.0) is None
    assert outbox.replay_one(tx, made, seq, Kind.COMPLAINT, 20.0) is None
    assert outbox.replay_one(tx, made, seq + 7, Kind.DELIVERY, 20.0) is None
    assert outbox.replay_one(tx, made, seq, Kind.DELIVERY, 20.0) == delivered(1)
    assert seqs(tx, made.number, 20.0) == [seq]


def test_an_endpoint_of_one_application_is_not_replayed_the_mail_of_another(tx: Tx) -> None:
    narrow = endpoint(tx, "shop", "shop/otp")
    journal.append(tx, [delivered(1, at=1.0)])
    follow(tx)
    assert outbox.replay_one(tx, narrow, webhooks.newest(tx), Kind.DELIVERY, 20.0) is None
    assert outbox.replay_stretch(tx, narrow, (0, webhooks.newest(tx)), (0.0, 9.0), 50.0)[0] == 0


def test_the_place_of_a_moment_is_before_everything_from_then_on(tx: Tx) -> None:
    assert outbox.place_of(tx, 5.0) == 0
    journal.append(tx, [Held("shop", MessageId(1), 0, float(n), "a@b", "op") for n in range(10)])
    last = webhooks.newest(tx)
    assert outbox.place_of(tx, -1.0) == last - 10
    assert outbox.place_of(tx, 5.0) == last - 5
    assert outbox.place_of(tx, 99.0) == last

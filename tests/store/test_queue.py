"""The queue's rows: claimed once, settled once, never without their message."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from goodstanding.events import Accepted, Delivered
from goodstanding.model import Envelope, MessageId, Recipient, Stream, Touched, WorkerId
from goodstanding.store import journal, queue, workers
from goodstanding.store.db import Database, Tx
from goodstanding.store.queue import EIGHT_BIT, FIRST_LANE, LANES_A_CALL, SMTPUTF8, Entry
from goodstanding.store.spool import Place
from tests.store.letters import (
    HERE,
    add,
    addresses,
    bounced,
    claim_all,
    deferred,
    delivered,
    identity,
    letter,
    postgresql_only,
    sqlite_only,
    want,
)

LATER = 1e6


def states(tx: Tx) -> dict[str, str]:
    return dict(tx.rows("SELECT address, state FROM recipient"))


def test_a_claim_brings_the_message_as_it_was_added(tx: Tx) -> None:
    recipients = (Recipient("Ä@example.net", ("SUCCESS", "DELAY"), "rfc822;a"), Recipient("b@example.net", ("NEVER",)))
    envelope = Envelope("s@example.com", recipients, "8BITMIME", True, "HDRS", "env+2B1", 5)
    who = identity("acme", Stream.TRANSACTIONAL)
    queue.add(tx, [(Entry(MessageId(2**62 + 1), who, envelope, EIGHT_BIT | SMTPUTF8, WorkerId(0), 0.0, []), HERE)])
    [claimed] = claim_all(tx, want())
    assert (claimed.message, claimed.identity, claimed.sender) == (2**62 + 1, who, "s@example.com")
    assert (claimed.place, claimed.traits, claimed.ret, claimed.envid) == (HERE, 3, "HDRS", "env+2B1")
    assert [one.recipient for one in claimed.recipients] == list(recipients)
    assert not claimed.sole


def test_what_is_accepted_is_journalled_with_what_it_touches(tx: Tx) -> None:
    known = Touched("", "", "acme.example", 7, "x.example")
    who = identity("acme", Stream.BULK)
    event = Accepted("acme", MessageId(5), 0, 1.0, "b@example.net", who.subscription, "bulk", "s@example.com", 10)
    envelope = Envelope("s@example.com", (Recipient("b@example.net"),))
    queue.add(tx, [(Entry(MessageId(5), who, envelope, 0, WorkerId(0), 0.0, [event], touched=known), HERE)])
    [told] = journal.of_message(tx, MessageId(5))
    assert isinstance(told, Accepted)
    assert told.touched == Touched(who.subscription, "bulk", "acme.example", 7, "x.example")


def test_a_claim_books_the_attempt(tx: Tx) -> None:
    add(tx, letter())
    [claimed] = claim_all(tx, want(now=100.0))
    assert claimed.recipients[0].attempts == 1
    assert tx.rows("SELECT state, owner, attempts FROM recipient") == [("claimed", 7, 1)]


def test_what_is_claimed_nobody_else_claims(tx: Tx) -> None:
    add(tx, letter())
    assert len(claim_all(tx, want(worker=7))) == 1
    assert claim_all(tx, want(worker=8)) == []


def test_what_is_accepted_into_a_workers_hands_is_booked_by_that(tx: Tx) -> None:
    add(tx, letter(owner=WorkerId(7)))
    assert claim_all(tx, want(worker=8)) == []
    assert tx.rows("SELECT state, owner, attempts FROM recipient") == [("claimed", 7, 1)]


def test_nothing_is_claimed_before_it_is_due(tx: Tx) -> None:
    add(tx, letter("now@example.net", due=100.0), letter("later@example.net", due=100.1))
    assert addresses(claim_all(tx, want(now=100.0))) == ["now@example.net"]


def test_within_a_lane_the_longest_due_go_first(tx: Tx) -> None:
    add(tx, letter("young@example.net", due=9.0), letter("old@example.net", due=1.0))
    assert addresses(queue.claim(tx, want(a_lane=1))[0]) == ["old@example.net"]


def test_transactional_lanes_come_first(tx: Tx) -> None:
    add(tx, letter("bulk@a.example", who=identity("a", Stream.BULK)))
    add(tx, letter("code@z.example", who=identity("z", Stream.TRANSACTIONAL)))
    assert addresses(queue.claim(tx, want(room=1))[0]) == ["code@z.example"]


def test_a_huge_lane_leaves_room_for_the_others(tx: Tx) -> None:
    add(tx, *(letter(f"{i}@huge.example") for i in range(50)), letter("one@small.example"))
    claimed, _ = queue.claim(tx, want(room=20, a_lane=10))
    assert len(addresses(claimed)) == 11
    assert "one@small.example" in addresses(claimed)


def test_the_next_claim_goes_on_behind_the_lane_where_the_last_stopped(tx: Tx) -> None:
    add(tx, *(letter(f"{i}@{lane}.example") for lane in "abc" for i in range(5)))
    first, cursor = queue.claim(tx, want(room=2, a_lane=2))
    second, cursor = queue.claim(tx, want(room=2, a_lane=2, cursor=cursor))
    third, cursor = queue.claim(tx, want(room=2, a_lane=2, cursor=cursor))
    assert [address[-9] for claimed in (first, second, third) for address in addresses(claimed)] == list("aabbcc")
    assert queue.claim(tx, want(cursor=cursor)) == ([], FIRST_LANE)


def test_a_lane_the_worker_has_enough_of_is_passed_over(tx: Tx) -> None:
    add(tx, letter("a@busy.example"), letter("a@free.example"))
    wanted = queue.Want(WorkerId(7), 100.0, 100, 100, FIRST_LANE, lambda lane: lane[2] == "busy.example")
    assert addresses(queue.claim(tx, wanted)[0]) == ["a@free.example"]


def test_destinations_differ_only_in_case_are_one_lane(tx: Tx) -> None:
    add(tx, letter("a@Example.NET"), letter("a@example.net"))
    assert tx.rows("SELECT DISTINCT destination FROM recipient") == [("example.net",)]


def test_next_due_is_the_earliest_that_waits(tx: Tx) -> None:
    assert queue.next_due(tx) is None
    add(tx, letter(due=50.0), letter(due=20.0), letter(due=10.0, owner=WorkerId(7)))
    assert queue.next_due(tx) == 20.0


def test_a_delivered_message_leaves_the_queue_and_its_story_stays(tx: Tx) -> None:
    entry = letter()
    add(tx, entry)
    [claimed] = claim_all(tx, want())
    assert queue.settle(tx, [delivered(claimed)]) == [(entry.message, HERE.segment)]
    assert tx.rows("SELECT * FROM recipient") == tx.rows("SELECT * FROM message") == []
    assert [type(event) for event in journal.of_message(tx, entry.message)] == [Accepted, Delivered]


def test_a_deferred_recipient_waits_with_the_reply_and_is_claimed_again_when_due(tx: Tx) -> None:
    add(tx, letter())
    [claimed] = claim_all(tx, want())
    assert queue.settle(tx, [deferred(claimed, due=400.0)]) == []
    assert tx.rows("SELECT state, owner, due, last_reply FROM recipient") == [("waiting", 0, 400.0, "451 later")]
    assert claim_all(tx, want(now=399.0)) == []
    [again] = claim_all(tx, want(now=400.0))
    assert (again.recipients[0].attempts, again.recipients[0].warned) == (2, True)


def test_a_message_stays_until_its_last_recipient_has_left(tx: Tx) -> None:
    entry = letter("a@example.net", "b@example.net", "c@example.net")
    add(tx, entry)
    [claimed] = claim_all(tx, want())
    assert queue.settle(tx, [delivered(claimed, 0), deferred(claimed, 1), bounced(claimed, 2)]) == []
    assert queue.place_of(tx, entry.message) == HERE
    [last] = claim_all(tx, want(now=LATER))
    assert last.sole
    assert queue.settle(tx, [delivered(last, 1)]) == [(entry.message, HERE.segment)]
    assert queue.place_of(tx, entry.message) is None


def test_several_recipients_of_one_message_may_end_in_one_transaction(tx: Tx) -> None:
    entry = letter("a@example.net", "b@example.net")
    add(tx, entry)
    [claimed] = claim_all(tx, want())
    assert queue.settle(tx, [delivered(claimed, 0), bounced(claimed, 1)]) == [(entry.message, HERE.segment)]


def test_settling_twice_ends_nothing_twice(tx: Tx) -> None:
    # A connection that breaks during COMMIT leaves the writer in doubt: it settles again.
    entry = letter("a@example.net", "b@example.net", "c@example.net")
    add(tx, entry)
    [claimed] = claim_all(tx, want())
    for _ in range(3):
        assert queue.settle(tx, [delivered(claimed, 0)]) == []
    assert tx.row("SELECT open FROM message") == (2,)
    assert queue.settle(tx, [delivered(claimed, 1), delivered(claimed, 2)]) == [(entry.message, HERE.segment)]


def test_given_back_claims_wait_as_before(tx: Tx) -> None:
    add(tx, letter(due=5.0))
    [claimed] = claim_all(tx, want(worker=7))
    queue.give_back(tx, WorkerId(7), [(claimed.message, 0)])
    assert tx.rows("SELECT state, owner, attempts, due FROM recipient") == [("waiting", 0, 0, 5.0)]


def test_nobody_gives_back_what_another_has_claimed(tx: Tx) -> None:
    add(tx, letter())
    [claimed] = claim_all(tx, want(worker=7))
    queue.give_back(tx, WorkerId(8), [(claimed.message, 0)])
    assert tx.rows("SELECT state, owner, attempts FROM recipient") == [("claimed", 7, 1)]


@pytest.mark.parametrize("way", ["deferred", "given back", "worker buried"])
def test_a_wish_to_hold_is_granted_when_the_worker_lets_go(tx: Tx, way: str) -> None:
    worker = workers.register(tx, "host", 1, 0.0).id
    add(tx, letter())
    [claimed] = claim_all(tx, want(worker=worker))
    tx.run("UPDATE recipient SET wish = 'hold'")
    if way == "deferred":
        queue.settle(tx, [deferred(claimed)])
    elif way == "given back":
        queue.give_back(tx, worker, [(claimed.message, 0)])
    else:
        workers.bury(tx, worker, 100.0)
    assert tx.rows("SELECT state, wish, owner FROM recipient") == [("held", "", 0)]


def test_a_message_whose_bytes_moved_during_the_attempt_leaves_its_new_place(tx: Tx) -> None:
    entry = letter()
    add(tx, entry)
    [claimed] = claim_all(tx, want())
    new = Place(segment=2, offset=70, size=4, prefix=2)
    assert queue.move(tx, [(entry.message, HERE.segment, new)]) == [(entry.message, HERE.segment)]
    assert queue.settle(tx, [delivered(claimed)]) == [(entry.message, new.segment)]


def test_a_message_that_left_before_it_could_be_moved_leaves_the_copy_superfluous(tx: Tx) -> None:
    entry = letter()
    add(tx, entry)
    [claimed] = claim_all(tx, want())
    queue.settle(tx, [delivered(claimed)])
    new = Place(segment=2, offset=70, size=4, prefix=2)
    assert queue.move(tx, [(entry.message, HERE.segment, new)]) == [(entry.message, new.segment)]


@postgresql_only
def test_claims_of_a_commit_that_was_never_answered_are_freed_and_no_others(database: Database) -> None:
    with database.tx() as tx:
        me = workers.register(tx, "host", 1, 0.0).id
        add(tx, letter("before@example.net", owner=me))
    with database.tx() as tx:
        [(doubtful,)] = tx.rows("SELECT CAST(pg_current_xact_id() AS text)")
        add(tx, letter("accepted@example.net", owner=me), letter("waiting@example.net"))
        claim_all(tx, want(worker=me))
    with database.tx() as tx:
        assert queue.disown(tx, me, str(doubtful)) == 2
        assert states(tx) == {
            "before@example.net": "claimed",
            "accepted@example.net": "waiting",
            "waiting@example.net": "waiting",
        }
        assert queue.disown(tx, me, str(doubtful)) == 0


class TestManyRows:
    """A claim looks at the rows it takes and at one row per lane it passes, never at the whole queue."""

    @sqlite_only
    @pytest.mark.parametrize(("lanes", "due"), [(1, 0.0), (1, LATER), (300, 0.0), (3000, LATER)])
    def test_the_work_of_a_claim_does_not_grow_with_the_queue(self, database: Database, lanes: int, due: float) -> None:
        with database.tx() as tx:
            add(tx, *(letter(f"{i}@{i % lanes}.example", due=due) for i in range(3000)))
        cursor = (1, "acme", "") if lanes > 1 else FIRST_LANE
        with counted_steps(database) as steps, database.tx() as tx:
            claimed, cursor = queue.claim(tx, want(room=20, a_lane=20, cursor=cursor))
            assert len(claimed) == (0 if due else 20)
            queue.claim(tx, want(room=20, a_lane=20, cursor=(1, "acme", "0.example")))
        assert steps[0] < 60 * LANES_A_CALL * 2, "virtual machine steps: a walk over all rows takes far more"

    @pytest.mark.parametrize("sql", [queue._NEXT_LANE, queue._TAKE], ids=["next lane", "take"])
    def test_the_plan_uses_the_index_of_lanes(self, database: Database, sql: str) -> None:
        with database.tx() as tx:
            add(tx, *(letter(f"{i}@{i % 50}.example") for i in range(3000)))
            tx.run("ANALYZE")
        values = (1, "acme", "7.example") if sql == queue._NEXT_LANE else (7, 1, "acme", "7.example", 100.0, 10)
        assert "recipient_lane" in plan(database, sql, values)

    def test_the_next_due_is_read_from_its_index(self, database: Database) -> None:
        with database.tx() as tx:
            add(tx, *(letter(f"{i}@{i % 50}.example") for i in range(3000)))
            tx.run("ANALYZE")  # of an empty table PostgreSQL thinks any index as good as another
        assert "recipient_due" in plan(database, "SELECT MIN(due) FROM recipient WHERE state = 'waiting'", ())


@contextmanager
def counted_steps(database: Database) -> Iterator[list[int]]:
    """Counts the steps SQLite's virtual machine takes within the block, in tens."""
    steps = [0]

    def step() -> int:
        steps[0] += 10
        return 0

    with database.tx():
        connection: sqlite3.Connection = database._writer
    connection.set_progress_handler(step, 10)
    yield steps
    connection.set_progress_handler(None, 10)


def plan(database: Database, sql: str, values: tuple[int | float | str, ...]) -> str:
    """What the engine says it will do."""
    with database.tx() as tx:
        statement = sql.format(skip_locked=tx.skip_locked)
        if database.engine == "sqlite":
            return "\n".join(str(row[3]) for row in tx.rows(f"EXPLAIN QUERY PLAN {statement}", values))
        tx.run("SET LOCAL enable_seqscan = off")  # a small table is read as a whole otherwise, rightly
        return "\n".join(str(row[0]) for row in tx.rows(f"EXPLAIN {statement}", values))

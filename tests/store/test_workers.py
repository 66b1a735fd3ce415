"""Worker lives: unique for ever, buried once, and the dead do not commit."""

import threading

import pytest

from goodstanding.errors import StoreError
from goodstanding.model import WorkerId
from goodstanding.store import workers
from goodstanding.store.db import Database
from tests.store.letters import add, addresses, claim_all, letter, want


def test_no_id_ever_comes_back(database: Database) -> None:
    seen: list[int] = []
    for _ in range(3):  # all within one second, as after a crash; the clock may even go backwards
        with database.tx() as tx:
            lives = [workers.register(tx, "host", 1, 1000.0 - len(seen)) for _ in range(2)]
            for life in lives:
                workers.bury(tx, life.id, 1000.0)
        seen += [life.id for life in lives]
    assert seen == sorted(set(seen))


def test_living_workers_have_different_slots_and_a_dead_ones_is_given_out_again(database: Database) -> None:
    with database.tx() as tx:
        first, second = workers.register(tx, "host", 1, 0.0), workers.register(tx, "host", 2, 0.0)
        assert (first.slot, second.slot) == (0, 1)
        workers.bury(tx, first.id, 1.0)
        assert workers.register(tx, "host", 3, 2.0).slot == 0


def test_burying_frees_what_the_worker_claimed_and_nothing_else(database: Database) -> None:
    with database.tx() as tx:
        dying, other = workers.register(tx, "host", 1, 0.0).id, workers.register(tx, "host", 2, 0.0).id
        add(tx, letter("his@example.net", owner=dying), letter("hers@example.net", owner=other))
        assert workers.bury(tx, dying, 50.0) == 1
        assert addresses(claim_all(tx, want(worker=other, now=50.0))) == ["his@example.net"]


def test_what_a_dead_worker_had_attempted_counts_as_attempted(database: Database) -> None:
    with database.tx() as tx:
        dying = workers.register(tx, "host", 1, 0.0).id
        add(tx, letter(owner=dying))
        workers.bury(tx, dying, 50.0)
        [claimed] = claim_all(tx, want(now=50.0))
    assert claimed.recipients[0].attempts == 2


def test_a_worker_that_was_buried_learns_it_from_its_next_beat(database: Database) -> None:
    with database.tx() as tx:
        life = workers.register(tx, "host", 1, 0.0)
        workers.beat(tx, life.id, 5.0)
        workers.bury(tx, life.id, 6.0)
        assert not workers.alive(tx, life.id)
        with pytest.raises(StoreError, match="declared dead"):
            workers.beat(tx, life.id, 7.0)


def test_dead_are_those_whose_lease_ran_out_and_all_of_a_host_that_starts_anew(database: Database) -> None:
    with database.tx() as tx:
        old = workers.register(tx, "elsewhere", 1, 0.0).id
        here = workers.register(tx, "here", 2, 100.0).id
        there = workers.register(tx, "elsewhere", 3, 100.0).id
        now = workers.LEASE + 1.0
        assert workers.dead(tx, now, "here", alone=False) == [old]
        assert set(workers.dead(tx, now, "here", alone=True)) == {old, here}
        workers.beat(tx, old, now)
        assert workers.dead(tx, now, "nowhere", alone=True) == []
        assert there not in workers.dead(tx, now, "here", alone=True)


def test_burying_waits_for_the_transaction_a_worker_has_open(database: Database) -> None:
    """Else what that transaction claims would belong to nobody for ever."""
    with database.tx() as tx:
        dying = workers.register(tx, "host", 1, 0.0).id
    undertaker, freed = Database(database.url), list[int]()

    def bury() -> None:
        with undertaker.tx() as tx:
            freed.append(workers.bury(tx, WorkerId(dying), 50.0))

    thread = threading.Thread(target=bury)
    with database.tx() as tx:
        assert workers.alive(tx, dying)
        thread.start()
        thread.join(0.2)
        assert not freed, "the worker's transaction is still open"
        add(tx, letter(owner=dying))
    thread.join(10.0)
    undertaker.close()
    assert freed == [1]

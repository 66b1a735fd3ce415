"""What reputation knows survives restarts, counts nothing twice, and can be built anew from the journal."""

from collections.abc import Sequence

import msgspec
import pytest

from goodstanding.events import Event
from goodstanding.model import KeyKind
from goodstanding.reputation import blame
from goodstanding.reputation.cells import Account, State
from goodstanding.store import conduct, journal, standing
from goodstanding.store.db import Database, Tx
from tests.admission.test_conduct import NOW, Book, case, send
from tests.following import follow
from tests.reputation.mail import CAMPAIGN, DAY, START, SUBSCRIPTION, bounced, campaign, of, reinstated
from tests.reputation.test_apart import every_message_its_own

STORY: list[Event] = [
    *campaign(START, 200, 8),
    bounced(START + DAY),
    *campaign(START + 2 * DAY, 300, 2, of(campaign=8)),
    reinstated(START + 5 * DAY, CAMPAIGN),
    reinstated(START + 5.5 * DAY, SUBSCRIPTION, stream="transactional"),
    *campaign(START + 5 * DAY, 100, 1),
    *campaign(START + 9 * DAY, 50, 1, of(campaign=9)),
]


def write(database: Database, events: Sequence[Event]) -> None:
    with database.tx() as tx:
        journal.append(tx, events)


def rows(tx: Tx) -> dict[str, list[tuple[object, ...]]]:
    """Everything that is stored, but for serial numbers."""
    return {
        "cells": tx.rows("SELECT * FROM reputation_cell ORDER BY id"),
        "harm": tx.rows("SELECT cell, signal, at, message, n FROM reputation_harm ORDER BY cell, signal, at"),
        "parts": tx.rows("SELECT * FROM reputation_state ORDER BY name"),
    }


def said(state: State) -> list[str]:
    return [f"{charge.key} {charge.level} {charge.words}" for charge in blame.charges(state, START + 12 * DAY)]


def follow_all(database: Database, limit: int, fresh: bool) -> standing.Followed:
    """Follow to the end; ``fresh``: as if the process had ended after each step."""
    followed = None
    while followed is None or followed.events or standing.lags(followed):
        with database.tx() as tx:
            followed = follow(tx, None if fresh else followed, limit)
    return followed


@pytest.mark.parametrize(("limit", "fresh"), [(7, False), (50, True), (2000, False)])
def test_however_it_is_cut_into_steps_and_lives_the_result_is_the_same(
    database: Database, limit: int, fresh: bool
) -> None:
    write(database, STORY)
    followed = follow_all(database, limit, fresh)
    with database.tx() as tx:
        stored = rows(tx)
        state = State()
        standing.fold_all(state, STORY)
        standing.replace(tx, state, followed.cursor)
        assert stored == rows(tx)
    assert said(followed.state) == said(state)


def test_what_was_loaded_says_the_same_as_what_was_kept(database: Database) -> None:
    write(database, STORY)
    kept = follow_all(database, 100, fresh=False)
    with database.tx() as tx:
        loaded = standing.load(tx)
    assert loaded.cursor == kept.cursor
    assert said(loaded.state) == said(kept.state)


def test_a_commit_that_was_lost_counts_nothing_twice(database: Database) -> None:
    write(database, STORY)
    followed = None
    with pytest.raises(ZeroDivisionError), database.tx() as tx:
        followed = follow(tx, None, 2000)
        raise ZeroDivisionError
    with database.tx() as tx:
        followed = follow(tx, followed, 2000)
    with database.tx() as tx:
        state = State()
        standing.fold_all(state, STORY)
        stored = rows(tx)
        standing.replace(tx, state, followed.cursor)
        assert stored == rows(tx)


def test_a_state_that_failed_halfway_is_not_used_again(database: Database) -> None:
    write(database, STORY)
    followed = standing.Followed(State())
    with database.tx() as tx:
        tx.run("ALTER TABLE reputation_cell RENAME TO hidden")
    with pytest.raises(Exception, match="reputation_cell"), database.tx() as tx:
        follow(tx, followed, 2000)
    assert followed.cursor == standing.LOST
    with database.tx() as tx:
        tx.run("ALTER TABLE hidden RENAME TO reputation_cell")


def test_another_machine_that_went_on_is_noticed(database: Database) -> None:
    write(database, STORY[:100])
    mine = follow_all(database, 2000, fresh=False)
    write(database, STORY[100:])
    follow_all(database, 2000, fresh=False)
    with database.tx() as tx:
        after = follow(tx, mine, 2000)
    assert after.events == []
    state = State()
    standing.fold_all(state, STORY)
    assert said(after.state) == said(state)


def test_what_was_forgiven_stays_forgiven_after_a_restart(database: Database) -> None:
    again = [reinstated(START + 10 * DAY, SUBSCRIPTION, stream="bulk"), *campaign(START + 10.5 * DAY, 60, 3)]
    write(database, [*STORY, *again])
    lived = {key: total.tally.days for key, total in follow_all(database, 2000, fresh=False).state.totals.items()}
    begun = {key: total.tally.days for key, total in follow_all(database, 50, fresh=True).state.totals.items()}
    state = State()
    standing.fold_all(state, [*STORY, *again])
    assert {key.kind for key, _ in lived} >= {KeyKind.LINK, KeyKind.TENANT, KeyKind.IP}
    assert begun == lived == {key: total.tally.days for key, total in state.totals.items()}


def test_the_messages_behind_a_charge_are_kept_with_it(database: Database) -> None:
    write(database, STORY)
    followed = follow_all(database, 2000, fresh=False)
    total = followed.state.totals[SUBSCRIPTION, "bulk"]
    with database.read() as tx:
        found = standing.harms(tx, list(total.cells), 100)
    assert len(found) == 4  # without the nine of the campaign that was reinstated
    assert [harm.at for harm in found] == sorted((harm.at for harm in found), reverse=True)


def test_cells_that_are_long_silent_are_forgotten_with_their_harm(database: Database) -> None:
    write(database, [*STORY, *campaign(START + 60 * DAY, 10, 0, of(campaign=10))])
    followed = follow_all(database, 100, fresh=False)
    assert [cell.footprint[2].campaign for cell in followed.state.cells.values()] == [10]
    with database.read() as tx:
        assert tx.row("SELECT COUNT(*) FROM reputation_cell") == (1,)
        assert tx.row("SELECT COUNT(*) FROM reputation_harm") == (0,)


def test_campaigns_that_say_the_same_are_found_in_the_books_of_the_guard(database: Database) -> None:
    """Of the same tenant, or older ones of others: who copies a text does not make it look bad where it began."""
    book = Book()
    send(book, case(1))
    send(book, case(2, subscription="other/app"))
    send(book, case(3, subscription="shop/second"))
    first, copied, own = (number << 22 for number in (1, 2, 3))
    with database.tx() as tx:
        conduct.save(tx, book, NOW)
        found = standing.kin(tx, [first, copied, own, 12345], NOW)
    assert found == {first: (own,), copied: (first,), own: (first, copied)}


def test_kin_is_looked_up_for_campaigns_that_something_counts_against(database: Database) -> None:
    book = Book()
    send(book, case(1))
    send(book, case(2, subscription="shop/second"))
    one, other = 1 << 22, 2 << 22
    spread = [event for number in (one, other) for event in campaign(NOW, 40, 2, of(campaign=number))]
    with database.tx() as tx:
        conduct.save(tx, book, NOW)
        journal.append(tx, spread)
        followed = follow(tx, None)
    assert followed.kin == {one: (other,), other: (one,)}


def test_a_follower_knows_whether_there_is_something_to_follow(database: Database) -> None:
    write(database, STORY[:10])
    with database.tx() as tx:
        assert standing.pending(tx, None)
        followed = follow(tx, None)
        assert not standing.pending(tx, followed)
    write(database, STORY[10:12])
    with database.read() as tx:
        assert standing.pending(tx, followed)


def test_looking_changes_nothing_that_is_stored(database: Database) -> None:
    """Not even far in the future, as on a morning after a night without mail."""
    looked, quiet = State(), State()
    for event in STORY:
        standing.fold_all(looked, [event])
        blame.charges(looked, event.at + 3 * DAY)
        standing.fold_all(quiet, [event])
    found = []
    for state in (looked, quiet):
        for cell in state.cells.values():
            cell.tally.settle(state.day, state.curves)
        with database.tx() as tx:
            standing.replace(tx, state, 1)
            found.append(rows(tx))
    assert found[0] == found[1]


def test_built_anew_from_a_journal_that_was_pruned_it_says_the_same(database: Database) -> None:
    old = campaign(START - 85 * DAY, 500, 20, of(campaign=3)) + campaign(START - 69 * DAY, 100, 1, of(campaign=4))
    events = [*old, *STORY]
    whole, pruned = State(), State()
    standing.fold_all(whole, events)
    standing.fold_all(pruned, [event for event in events if event.at > START - 70 * DAY])
    assert said(whole) == said(pruned)


def test_reinstatements_are_kept_by_tenant_and_stream_and_old_ones_are_everybodys(database: Database) -> None:
    write(database, STORY)
    state = follow_all(database, 100, fresh=False).state
    with database.tx() as tx:
        assert standing.load(tx).state.restarts == state.restarts
        old = msgspec.msgpack.encode({str(CAMPAIGN): [START]})
        tx.run("UPDATE reputation_state SET octets = ? WHERE name = 'restarts'", (old,))
        assert standing.load(tx).state.restarts == {Account("", CAMPAIGN, ""): [START]}


def test_a_step_keeps_others_from_writing_for_a_bounded_number_of_rows(database: Database) -> None:
    """Not even the morning on which two thousand cells and all the harm of theirs are forgotten changes more."""
    if database.engine != "sqlite":
        pytest.skip("rows are counted on SQLite; only there everybody waits for a writer")
    strangers = [bounced(START + place, touched=of(campaign=place + 1)) for place in range(2000)]
    write(database, [*strangers, *campaign(START + 60 * DAY, 10, 0, of(campaign=3000))])
    with database.view() as tx:
        followed = standing.load(tx)
    changed = []
    while not changed or followed.more or standing.lags(followed):
        with database.read() as tx:
            standing.read_on(tx, followed, limit=100)
        with database.tx() as tx:
            before = tx.rows("SELECT total_changes()")[0][0]
            assert standing.save(tx, followed)
            changed.append(tx.rows("SELECT total_changes()")[0][0] - before)
    assert max(changed) <= 100 + 100 + 2 * standing.SLICE + 6
    assert sum(changed) >= 8000  # all of it was written, and all of that deleted again
    with database.read() as tx:
        assert tx.row("SELECT COUNT(*) FROM reputation_cell") == (1,)
        assert tx.row("SELECT COUNT(*) FROM reputation_harm") == (0,)


def test_what_is_forgotten_and_not_deleted_yet_does_not_come_back(database: Database) -> None:
    strangers = [bounced(START + place, touched=of(campaign=place + 1)) for place in range(2000)]
    write(database, [*strangers, *campaign(START + 60 * DAY, 10, 0, of(campaign=3000))])
    with database.tx() as tx:
        followed = follow(tx, follow(tx, None, 2000), 10)
        assert tx.row("SELECT COUNT(*) FROM reputation_cell") == (2000 - standing.SLICE + 1,)
        again = standing.load(tx)
    assert [cell.footprint[2].campaign for cell in again.state.cells.values()] == [3000]
    assert sorted(again.state.gone) == sorted(followed.state.gone)


def test_a_step_is_void_when_another_machine_has_gone_on_meanwhile(database: Database) -> None:
    write(database, STORY[:400])
    with database.view() as tx:
        mine, other = standing.load(tx), standing.load(tx)
    with database.read() as tx:
        standing.read_on(tx, mine, limit=300)
        standing.read_on(tx, other, limit=200)
    with database.tx() as tx:
        assert standing.save(tx, other)
    with database.tx() as tx:
        stored = rows(tx)
        assert not standing.save(tx, mine)
        assert rows(tx) == stored
        assert standing.is_current(tx, other)
        assert not standing.is_current(tx, mine)


def test_rows_that_cannot_be_read_are_passed_over_and_told(database: Database) -> None:
    """A row of another release, or a damaged one, must not keep everything behind it from being heard."""
    write(database, STORY[:30])
    with database.tx() as tx:
        tx.run("UPDATE journal SET details = '{}' WHERE seq = (SELECT MIN(seq) + 3 FROM journal)")
        tx.run("UPDATE journal SET kind = 'vanished' WHERE seq = (SELECT MIN(seq) + 4 FROM journal)")
        tx.run("UPDATE journal SET details = '!' || details WHERE seq = (SELECT MIN(seq) + 9 FROM journal)")
        followed = follow(tx, None, limit=10)
        assert followed.more
        assert [(one.kind, one.why[:24]) for one in followed.unread] == [
            ("delivered", "Object missing required "),
            ("vanished", "no such kind of event"),
            ("delivered", "JSON is malformed: inval"),
        ]
        assert len(followed.events) == 7
        followed = follow(tx, followed, limit=100)
        assert (followed.unread, followed.more, len(followed.events)) == ([], False, 20)


@pytest.mark.parametrize("limit", [37, 500])
def test_what_is_told_apart_is_the_same_in_whatever_steps_and_lives(database: Database, limit: int) -> None:
    """With room for few cells, so that many are put into the rest each midnight: octet by octet as in one go."""
    story = every_message_its_own()
    write(database, story)
    more = True
    while more:
        with database.tx() as tx:
            followed = standing.load(tx, most_apart=30)
            standing.read_on(tx, followed, limit)
            assert standing.save(tx, followed)
        more = followed.more or standing.lags(followed)
    with database.tx() as tx:
        stored, state = rows(tx), State(most_apart=30)
        assert 15 < len(stored["cells"]) <= 31
        standing.fold_all(state, story)
        standing.replace(tx, state, followed.cursor)
        assert stored == rows(tx)

"""Finding recipients in the queue, and changing them by key, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.queue.lifecycle import LIFECYCLE, State
from goodstanding.store import listing
from goodstanding.store.db import Database
from goodstanding.store.listing import FIRST_KEY, Filter
from goodstanding.store.schema import migrate
from tests.cli.stock import BANK, NEWS, NOW, SHOP, Stock


@pytest.fixture
def stock(database_url: str, tmp_path: Path) -> Iterator[Stock]:
    database = Database(database_url)
    migrate(database)
    yield Stock(database, tmp_path / "spool")
    database.close()


@pytest.fixture
def full(stock: Stock) -> Stock:
    stock.put(SHOP, "otp@shop.example", ["ann@gmail.example"])
    stock.put(NEWS, "news@shop.example", ["Bob@Yahoo.example", "car_ol@yahoo.example"], due=NOW + 3600)
    stock.put(BANK, "", ["dan@gmail.example", "100%@sink.example"])
    return stock


FILTERS = [
    (Filter(), 5),
    (Filter(tenant="shop"), 3),
    (Filter(subscription="shop/news"), 2),
    (Filter(stream="transactional"), 3),
    (Filter(stream="no such stream"), 0),
    (Filter(destination="gmail.example"), 2),
    (Filter(destination="*.example"), 5),
    (Filter(destination="g*"), 2),
    (Filter(recipient="bob@yahoo.example"), 1),
    (Filter(recipient="BOB@*"), 1),
    (Filter(recipient="car_ol*"), 1),
    (Filter(recipient="c_r_ol*"), 0),
    (Filter(recipient="*%*"), 1),
    (Filter(recipient="ann"), 0),
    (Filter(sender=""), 2),
    (Filter(sender="*@shop.example"), 3),
    (Filter(state="waiting"), 5),
    (Filter(state="held"), 0),
    (Filter(tenant="shop", destination="gmail.example"), 1),
]


@pytest.mark.parametrize(("wanted", "expected"), FILTERS, ids=lambda value: str(value)[:60])
def test_a_filter_means_what_agrees_with_every_field(full: Stock, wanted: Filter, expected: int) -> None:
    with full.database.read() as tx:
        assert len(listing.listing(tx, wanted, 100)) == expected
        assert listing.count(tx, wanted) == expected
        assert len(listing.select(tx, wanted, FIRST_KEY, 100)) == expected


def test_keys_are_selected_in_batches_that_neither_overlap_nor_miss(full: Stock) -> None:
    seen = []
    after = FIRST_KEY
    with full.database.read() as tx:
        while keys := listing.select(tx, Filter(), after, 2):
            seen.extend(keys)
            after = keys[-1]
        assert seen == listing.select(tx, Filter(), FIRST_KEY, 100)
    assert len(set(seen)) == 5


def test_a_message_is_shown_with_every_recipient_that_waits(stock: Stock) -> None:
    message = stock.put(NEWS, "news@shop.example", ["a@one.example", "b@two.example"])
    with stock.database.read() as tx:
        shown = listing.show(tx, message)
    assert [(row.n, row.recipient, row.state, row.attempts, row.size) for row in shown] == [
        (0, "a@one.example", "waiting", 0, 26),
        (1, "b@two.example", "waiting", 0, 26),
    ]


def test_the_summary_counts_by_state_stream_and_destination(full: Stock) -> None:
    with full.database.read() as tx:
        found = listing.summary(tx)
    assert [(c.state, c.stream, c.destination, c.recipients) for c in found] == [
        ("waiting", "transactional", "gmail.example", 2),
        ("waiting", "bulk", "yahoo.example", 2),
        ("waiting", "transactional", "sink.example", 1),
    ]
    assert found[1].due == NOW + 3600


def states(stock: Stock) -> list[tuple[object, ...]]:
    return stock.tx_rows("SELECT state, wish FROM recipient ORDER BY message, n")


def keys(stock: Stock) -> list[listing.Key]:
    with stock.database.read() as tx:
        return listing.select(tx, Filter(), FIRST_KEY, 100)


def test_what_is_claimed_is_not_changed_but_wished_for(stock: Stock) -> None:
    stock.put(SHOP, "a@shop.example", ["one@gmail.example"])
    assert stock.claim() == 1
    stock.put(SHOP, "a@shop.example", ["two@gmail.example"])
    with stock.database.tx() as tx:
        held, under_way = listing.hold(tx, keys(stock))
    assert ([row.recipient for row in held], len(under_way)) == (["two@gmail.example"], 1)
    assert states(stock) == [("claimed", "hold"), ("held", "")]


def test_a_release_frees_what_is_held_and_withdraws_wishes(stock: Stock) -> None:
    stock.put(SHOP, "a@shop.example", ["one@gmail.example"])
    stock.claim()
    stock.put(SHOP, "a@shop.example", ["two@gmail.example"])
    with stock.database.tx() as tx:
        listing.hold(tx, keys(stock))
    with stock.database.tx() as tx:
        released, withdrawn = listing.release(tx, keys(stock), NOW)
    assert ([row.recipient for row in released], len(withdrawn)) == (["two@gmail.example"], 1)
    assert states(stock) == [("claimed", ""), ("waiting", "")]


def test_a_retry_makes_due_what_waits_and_leaves_the_rest(stock: Stock) -> None:
    stock.put(SHOP, "a@shop.example", ["one@gmail.example", "two@gmail.example"], due=NOW + 900)
    first, second = keys(stock)
    with stock.database.tx() as tx:
        listing.hold(tx, [second])
        assert [row.n for row in listing.retry(tx, [first, second], NOW)] == [0]
    assert stock.tx_rows("SELECT due FROM recipient ORDER BY n") == [(NOW,), (NOW + 900,)]


def test_a_drop_ends_a_message_with_its_last_recipient(stock: Stock) -> None:
    message = stock.put(SHOP, "a@shop.example", ["one@gmail.example", "two@gmail.example"])
    first, second = keys(stock)
    with stock.database.tx() as tx:
        dropped, _, gone = listing.drop(tx, [first])
    assert ([row.n for row in dropped], gone) == ([0], [])
    with stock.database.tx() as tx:
        _, _, gone = listing.drop(tx, [second])
    assert [ended for ended, _ in gone] == [message]
    assert stock.tx_rows("SELECT id FROM message") == []


def test_a_drop_of_what_is_under_way_is_a_wish(stock: Stock) -> None:
    stock.put(SHOP, "a@shop.example", ["one@gmail.example"])
    stock.claim()
    with stock.database.tx() as tx:
        assert listing.drop(tx, keys(stock)) == ([], keys(stock), [])
    assert states(stock) == [("claimed", "drop")]


VERBS = {
    "hold": lambda tx, picked: len(listing.hold(tx, picked)[0]),
    "release": lambda tx, picked: len(listing.release(tx, picked, NOW)[0]),
    "retry": lambda tx, picked: len(listing.retry(tx, picked, NOW)),
    "drop": lambda tx, picked: len(listing.drop(tx, picked)[0]),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", [State.WAITING, State.HELD])
def test_a_verb_changes_only_what_the_lifecycle_allows(stock: Stock, verb: str, state: State) -> None:
    stock.put(SHOP, "a@shop.example", ["one@gmail.example"])
    picked = keys(stock)
    with stock.database.tx() as tx:
        if state is State.HELD:
            listing.hold(tx, picked)
        assert VERBS[verb](tx, picked) == (verb in LIFECYCLE[state])
    left = [row[0] for row in states(stock)]
    assert left == [LIFECYCLE[state].get(verb, state)] or (verb == "drop" and not left)

"""The journal: what went in comes out, in order, found by message and by address."""

from collections.abc import Iterator

import pytest
from msgspec import structs

from goodstanding.events import KINDS, Accepted, Delivered, Dropped, Event, Refused
from goodstanding.model import MessageId, Touched
from goodstanding.store import journal
from goodstanding.store.db import Database, Tx


def accepted(message: int, recipient: str, at: float = 1.0) -> Accepted:
    return Accepted("acme", MessageId(message), 0, at, recipient, "acme/app", "bulk", "s@example.com", 10)


def refused(recipient: str) -> Refused:
    return Refused("acme", 2.0, "acme/app", "192.0.2.1", "s@example.com", recipient, "550 5.7.1 no")


def example(kind: type[Event]) -> Event:
    """An event of a kind, every field unlike its default."""
    samples = {"str": "wört\n\0", "int": 3, "float": 1.5, "bool": True, "MessageId": MessageId(2**62)}
    samples["Touched"] = Touched("shop/news", "bulk", "shop.example", 7, "links.example")
    values = {field.name: samples[field.type.__name__] for field in structs.fields(kind)}
    return kind(**(values | {"tenant": "acme", "recipient": "ä@example.net"}))


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_of_event_comes_back_as_it_went_in(tx: Tx, kind: type[Event]) -> None:
    event = example(kind)
    journal.append(tx, [event])
    assert journal.of_message(tx, event.message) == [event]


@pytest.mark.parametrize("kind", ["returned", "deferred", "bounced"])
def test_programs_read_the_class_by_the_word_that_people_use(tx: Tx, kind: str) -> None:
    journal.append(tx, [example(KINDS[kind])])
    [(details,)] = tx.rows("SELECT details FROM journal")
    assert '"class":' in details and "klass" not in details


def test_a_story_is_told_oldest_first(tx: Tx) -> None:
    story: list[Event] = [
        accepted(5, "a@example.net", at=9.0),
        Delivered("acme", MessageId(5), 0, 3.0, "a@example.net", "mx", "250 ok"),
        Dropped("acme", MessageId(5), 0, 1.0, "a@example.net", "me"),
    ]
    journal.append(tx, [*story[:2], accepted(6, "a@example.net"), story[2]])
    assert journal.of_message(tx, MessageId(5)) == story


def test_messages_to_an_address_come_newest_first_whatever_the_case_of_the_domain(tx: Tx) -> None:
    journal.append(tx, [accepted(1, "Ann@example.net"), accepted(2, "Ann@example.net"), accepted(3, "ann@example.net")])
    assert journal.messages_to(tx, "Ann@EXAMPLE.net") == [2, 1]
    assert journal.messages_to(tx, "Ann@example.net", limit=1) == [2]


def test_refusals_of_an_address_are_found(tx: Tx) -> None:
    journal.append(tx, [accepted(1, "a@example.net"), refused("a@example.net"), refused("b@example.net")])
    assert journal.refusals_of(tx, "a@example.net") == [refused("a@example.net")]


def test_a_follower_reads_on_from_its_cursor(tx: Tx) -> None:
    events = [accepted(i, "a@example.net") for i in range(1, 6)]
    journal.append(tx, events[:3])
    first, cursor = journal.after(tx, 0, limit=2)
    second, cursor = journal.after(tx, cursor)
    assert first + second == events[:3]
    assert journal.after(tx, cursor) == ([], cursor)
    journal.append(tx, events[3:])
    assert journal.after(tx, cursor)[0] == events[3:]


def test_counts_are_by_kind(tx: Tx) -> None:
    journal.append(tx, [accepted(1, "a@example.net"), accepted(2, "a@example.net"), refused("a@example.net")])
    assert journal.counts(tx) == {"accepted": 2, "refused": 1}


def test_only_what_is_old_is_forgotten_and_only_so_much_at_once(tx: Tx) -> None:
    journal.append(tx, [accepted(i, "a@example.net", at=float(i)) for i in range(1, 6)])
    assert journal.prune(tx, before=4.0, limit=2) == 2
    assert journal.prune(tx, before=4.0, limit=2) == 1
    assert journal.prune(tx, before=4.0, limit=2) == 0
    assert [event.message for event in journal.after(tx, 0)[0]] == [4, 5]


@pytest.mark.parametrize("ask", [journal.messages_to, journal.refusals_of], ids=["messages_to", "refusals_of"])
def test_looking_for_an_address_uses_its_index(tx: Tx, ask: object) -> None:
    asked: list[str] = []

    class Listening(Tx):
        def rows(self, sql, values=()):  # type: ignore[no-untyped-def]
            asked.append(sql)
            explain = "EXPLAIN QUERY PLAN " if self.engine == "sqlite" else "EXPLAIN "
            self.plan = super().rows(explain + sql, values)
            return []

    journal.append(tx, [accepted(n, f"reader{n}@example.net") for n in range(2000)])
    tx.run("ANALYZE journal")  # of an empty table PostgreSQL expects whatever its statistics last said
    listening = Listening(tx._cursor, tx.engine)
    ask(listening, "a@example.net")  # type: ignore[operator]
    assert "journal_recipient" in str(listening.plan)


@pytest.fixture
def overtaking(postgres_store: str) -> Iterator[tuple[Database, Database, Database]]:
    """Two writers and a reader of one PostgreSQL store with an empty journal."""
    writers_and_reader = Database(postgres_store), Database(postgres_store), Database(postgres_store)
    with writers_and_reader[2].tx() as tx:
        tx.run("TRUNCATE journal RESTART IDENTITY")
        journal.append(tx, [accepted(1, "a@example.net")])
    yield writers_and_reader
    for database in writers_and_reader:
        database.close()


def messages(found: tuple[list[Event], int]) -> list[int]:
    return [event.message for event in found[0]]


def test_an_event_that_overtook_another_is_read_after_it(overtaking: tuple[Database, Database, Database]) -> None:
    """The higher number is committed first: whoever read on to it at once would never read the lower one."""
    slow, quick, reader = overtaking
    gap = journal.Gap()
    with slow.tx() as late:
        journal.append(late, [accepted(2, "a@example.net")])
        with quick.tx() as tx:
            journal.append(tx, [accepted(3, "a@example.net")])
        with reader.tx() as tx:
            assert tx.rows("SELECT message FROM journal ORDER BY seq") == [(1,), (3,)]  # that is the hole
            first = journal.after(tx, 0, gap=gap)
            again = journal.after(tx, first[1], gap=gap)
            once = journal.after(tx, first[1])
    with reader.tx() as tx:
        rest = journal.after(tx, first[1], gap=gap)
    assert [messages(found) for found in (first, again, once, rest)] == [[1], [], [], [2, 3]]


def test_a_transaction_that_began_later_may_hold_the_lower_number(
    overtaking: tuple[Database, Database, Database],
) -> None:
    """Transaction numbers say nothing about serial numbers: this is why they are not what is compared."""
    early, late, reader = overtaking
    with early.tx() as first:
        first.row("SELECT pg_current_xact_id()")
        with late.tx() as second:
            journal.append(second, [accepted(2, "a@example.net")])
            journal.append(first, [accepted(3, "a@example.net")])
            first.run("COMMIT")
            with reader.tx() as tx:
                found = journal.after(tx, 0)
    with reader.tx() as tx:
        rest = journal.after(tx, found[1])
    assert (messages(found), messages(rest)) == ([1], [2, 3])


def test_a_number_that_nobody_will_use_holds_nobody_up(overtaking: tuple[Database, Database, Database]) -> None:
    failing, busy, reader = overtaking
    gap, cursor = journal.Gap(), 0
    with pytest.raises(ZeroDivisionError), failing.tx() as tx:
        journal.append(tx, [accepted(2, "a@example.net")])
        with busy.tx() as other:
            journal.append(other, [accepted(3, "a@example.net")])
        with reader.tx() as reading:
            found, cursor = journal.after(reading, cursor, gap=gap)
        raise ZeroDivisionError
    with busy.tx() as other:  # there is always somebody writing
        journal.append(other, [accepted(4, "a@example.net")])
        with reader.tx() as reading:
            more, cursor = journal.after(reading, cursor, gap=gap)
    assert [event.message for event in (*found, *more)] == [1, 3]

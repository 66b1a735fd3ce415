"""Rows of the suppression list, on both engines."""

from goodstanding.admission.suppression import Suppression
from goodstanding.events import Suppressed
from goodstanding.store import journal, suppression
from goodstanding.store.db import Tx
from goodstanding.store.suppression import FIRST_KEY, Filter, key_of

NOW = 1_795_000_000.0


def who(n: int) -> bytes:
    return n.to_bytes(16)


def row(
    n: int = 1, tenant: str = "shop", stream: str = "", cause: str = "operator", expires: float = 0.0
) -> Suppression:
    return Suppression(tenant, who(n), stream, cause, "test", NOW, expires, 1, f"p{n}@example.com", "{}")


def test_what_is_put_is_read_again(tx: Tx) -> None:
    suppression.put(tx, [row(1), row(1, stream="bulk")])
    assert suppression.of(tx, "shop", who(1)) == [row(1), row(1, stream="bulk")]
    assert suppression.row(tx, "shop", who(1), "bulk") == row(1, stream="bulk")
    assert suppression.row(tx, "shop", who(1), "outreach") is None


def test_a_row_replaces_the_one_of_its_scope(tx: Tx) -> None:
    suppression.put(tx, [row(1)])
    suppression.put(tx, [row(1, cause="complained")])
    assert [each.cause for each in suppression.of(tx, "shop", who(1))] == ["complained"]


def test_many_people_are_asked_about_at_once_in_their_order(tx: Tx) -> None:
    suppression.put(tx, [row(1), row(2, tenant=""), row(3, tenant="other")])
    asked = [("shop", who(n), who(n)) for n in (5, 2, 1, 3)] * 100
    found = suppression.among(tx, asked)
    assert found[:4] == [(), (row(2, tenant=""),), (row(1),), ()]
    assert found == found[:4] * 100


def test_nobody_is_asked_about(tx: Tx) -> None:
    assert suppression.among(tx, []) == []


def test_pages_cover_everything_once(tx: Tx) -> None:
    rows = [row(n, tenant, stream) for tenant in ("", "shop") for n in range(3) for stream in ("", "bulk")]
    suppression.put(tx, rows)
    seen, after = [], FIRST_KEY
    while page := suppression.page(tx, Filter(), after, 5):
        seen += page
        after = key_of(page[-1])
    assert sorted(map(key_of, seen)) == sorted(map(key_of, rows))


def test_a_filter_means_all_it_says(tx: Tx) -> None:
    rows = [row(1), row(2, stream="bulk", cause="unsubscribed"), row(3, cause="bounced", expires=NOW)]
    suppression.put(tx, rows)
    assert suppression.page(tx, Filter(tenant="other")) == []
    assert suppression.page(tx, Filter(tenant="shop", stream="bulk")) == rows[1:2]
    assert suppression.page(tx, Filter(cause="bounced")) == rows[2:]
    assert suppression.page(tx, Filter(live_at=NOW)) == rows[:2]


def test_erasing_keeps_the_suppression(tx: Tx) -> None:
    suppression.put(tx, [row(1)])
    assert suppression.erase(tx, "shop", who(1)) == 1
    (kept,) = suppression.of(tx, "shop", who(1))
    assert (kept.address, kept.evidence, kept.cause) == ("", "", "operator")


def test_only_old_leases_are_forgotten(tx: Tx) -> None:
    suppression.put(tx, [row(1), row(2, expires=NOW), row(3, expires=NOW + 9)])
    assert suppression.forget(tx, NOW + 1) == 1
    assert suppression.counts(tx, 0.0) == [("shop", "", "operator", 2)]


def test_rows_are_removed(tx: Tx) -> None:
    suppression.put(tx, [row(1), row(2)])
    suppression.remove(tx, [row(1)])
    assert suppression.page(tx, Filter()) == [row(2)]


def test_what_the_journal_says_without_a_message_is_found_by_address(tx: Tx) -> None:
    event = Suppressed("shop", NOW, "p1@example.com", "tenant", "operator", "test")
    journal.append(tx, [event, Suppressed("shop", NOW, "p2@example.com", "tenant", "operator", "test")])
    assert suppression.told_without_message(tx, ["p1@example.com", "P1@example.com"]) == [event]


def test_looking_people_up_reads_the_primary_key_and_nothing_else(tx: Tx) -> None:
    suppression.put(tx, [row(n) for n in range(3000)])
    condition, values = suppression._about([("shop", who(n), who(n)) for n in range(5)])
    if tx.engine == "postgresql":
        tx.run("ANALYZE suppression")
    explain = "EXPLAIN QUERY PLAN" if tx.engine == "sqlite" else "EXPLAIN"
    plan = " ".join(str(line) for line in tx.rows(f"{explain} SELECT * FROM suppression WHERE {condition}", values))
    assert "SCAN suppression" not in plan
    assert "Seq Scan" not in plan

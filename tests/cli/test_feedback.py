"""``goodstanding feedback``: which reports changed nothing."""

from goodstanding.evidence import Unmatched
from goodstanding.store import journal
from tests.cli.conftest import Command
from tests.cli.stock import Stock


def test_reports_that_changed_nothing_are_listed_newest_first(goodstanding: Command, stock: Stock) -> None:
    assert "about mail of ours" in goodstanding("feedback", "unmatched").out
    with stock.database.tx() as tx:
        journal.append(tx, [Unmatched("", 100.0 + n, "complaint", "arf", f"reason {n}", "fbl@x") for n in range(3)])
    found = goodstanding("feedback", "unmatched", "--limit", "2", "--json").json
    assert found["total"] == 3
    assert [one["because"] for one in found["latest"]] == ["reason 2", "reason 1"]
    drawn = goodstanding("feedback", "unmatched").out
    assert "3 reports" in drawn
    assert "fbl@x" in drawn

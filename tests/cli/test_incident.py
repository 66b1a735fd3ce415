"""An incident is on record: who declared it, for whom, how many, until when and why."""

import pytest

from goodstanding.model import Stream
from goodstanding.operate.subscriptions import add_subscription
from tests.cli.conftest import Command
from tests.cli.stock import Stock

BREACH = ("breach-1", "--subscription", "shop/otp", "--recipients", "500", "--because", "keys were stolen")


@pytest.fixture(autouse=True)
def shop(stock: Stock) -> None:
    add_subscription(stock.database, "shop/otp", Stream.TRANSACTIONAL)


def test_an_incident_is_declared_shown_and_ended(goodstanding: Command) -> None:
    assert goodstanding("incident", "declare", *BREACH).code == 0
    (found,) = goodstanding("incident", "list", "--json").json
    assert (found["subscription"], found["recipients"], found["because"]) == ("shop/otp", 500, "keys were stolen")
    assert found["until"] - found["at"] == pytest.approx(48 * 3600)
    assert goodstanding("incident", "end", "breach-1").code == 0
    assert "no incident breach-1 is under way" in goodstanding("incident", "end", "breach-1").err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--because": " "}, "needs a reason"),
        ({"--recipients": "0"}, "how many recipients"),
        ({"--subscription": "shop/none"}, "there is no subscription shop/none"),
    ],
    ids=["reason", "number", "subscription"],
)
def test_what_is_missing_is_said(goodstanding: Command, change: dict[str, str], words: str) -> None:
    options = dict(zip(BREACH[1::2], BREACH[2::2], strict=True)) | change
    said = goodstanding("incident", "declare", BREACH[0], *(word for option in options.items() for word in option))
    assert (said.code, words in said.err) == (1, True)


def test_a_name_is_used_once(goodstanding: Command) -> None:
    goodstanding("incident", "declare", *BREACH)
    assert "take another name" in goodstanding("incident", "declare", *BREACH).err

"""Looking at the queue and changing it from the command line."""

import json
from collections.abc import Sequence

import pytest

from goodstanding.model import MessageId, message_name
from tests.cli.conftest import Command
from tests.cli.stock import BANK, NEWS, NOW, SHOP, Stock


@pytest.fixture
def message(stock: Stock) -> MessageId:
    stock.put(NEWS, "news@shop.example", ["bob@yahoo.example"], due=NOW + 3600)
    stock.put(BANK, "", ["dan@gmail.example"])
    return stock.put(SHOP, "otp@shop.example", ["ann@gmail.example", "eve@outlook.example"])


def test_the_queue_is_listed_for_people(goodstanding: Command, message: MessageId) -> None:
    said = goodstanding("queue", "list")
    assert said.code == 0
    assert [name in said.out for name in ("bob@", "dan@", "ann@", "eve@", message_name(message))] == [True] * 5


def test_the_queue_is_listed_for_programs_one_object_a_line(goodstanding: Command, message: MessageId) -> None:
    found = goodstanding("queue", "list", "tenant=shop", "--json").lines
    assert [row["recipient"] for row in found] == ["bob@yahoo.example", "ann@gmail.example", "eve@outlook.example"]
    assert found[1]["message"] == message_name(message)
    assert set(found[0]) >= {"n", "subscription", "stream", "sender", "state", "attempts", "due", "accepted", "size"}


def test_a_long_list_says_that_there_is_more(goodstanding: Command, message: MessageId) -> None:
    assert "2 of 4 recipients" in goodstanding("queue", "list", "--limit", "2").out


TERMS: list[tuple[list[str], int]] = [
    (["recipient=*@gmail.example"], 2),
    (["recipient=*@gmail.example", "tenant=bank"], 1),
    (["sender=<>"], 1),
    (["stream=bulk"], 1),
    (["state=held"], 0),
]


@pytest.mark.parametrize(("terms", "expected"), TERMS)
def test_terms_narrow_the_list(goodstanding: Command, message: MessageId, terms: Sequence[str], expected: int) -> None:
    assert len(goodstanding("queue", "list", *terms, "--json").lines) == expected


def test_an_empty_queue_says_so(goodstanding: Command) -> None:
    assert goodstanding("queue", "list").out == "Nothing waits.\n"
    assert goodstanding("queue", "summary").out == "Nothing waits.\n"
    assert goodstanding("queue", "list", "--json").out == ""


def test_the_summary_adds_up(goodstanding: Command, message: MessageId) -> None:
    assert "4 recipients." in goodstanding("queue", "summary").out
    assert sum(row["recipients"] for row in goodstanding("queue", "summary", "--json").json) == 4


def test_a_message_is_shown_with_its_recipients(goodstanding: Command, message: MessageId) -> None:
    said = goodstanding("queue", "show", message_name(message))
    assert all(
        word in said.out for word in ("otp@shop.example", "shop/otp", "ann@gmail.example", "eve@outlook.example")
    )
    assert len(goodstanding("queue", "show", message_name(message), "--json").json) == 2


def test_the_content_comes_byte_for_byte(goodstanding: Command, message: MessageId) -> None:
    said = goodstanding("queue", "show", message_name(message), "--content")
    assert said.out == "Received: by a test\r\nSubject: hello\r\n\r\nHello.\r\n"


def states(goodstanding: Command, message: MessageId) -> list[str]:
    return [row["state"] for row in goodstanding("queue", "list", message_name(message), "--json").lines]


def test_hold_release_retry_and_drop(goodstanding: Command, message: MessageId) -> None:
    name = message_name(message)
    assert goodstanding("queue", "hold", name, "--because", "wrong price").out == "2 held.\n"
    assert states(goodstanding, message) == ["held", "held"]
    assert goodstanding("queue", "release", "recipient=ann@*").out == "1 released.\n"
    assert states(goodstanding, message) == ["waiting", "held"]
    assert goodstanding("queue", "retry", name, "--json").json == {"verb": "retried", "changed": 1, "under_way": 0}
    assert goodstanding("queue", "drop", name, "--yes").out == "2 dropped.\n"
    assert states(goodstanding, message) == []
    story = goodstanding("trace", name).out
    assert "because wrong price" in story and "dropped by" in story


def test_the_whole_queue_is_meant_only_when_said(goodstanding: Command, message: MessageId) -> None:
    assert goodstanding("queue", "hold").code == 1
    assert goodstanding("queue", "hold", "--all", "--json").json["changed"] == 4


def test_a_stranger_cannot_steer_the_terminal(goodstanding: Command, stock: Stock) -> None:
    stock.put(SHOP, "a@shop.example", ["\x1b[2Jann@gmail.example"])
    stock.put(SHOP, "a@shop.example", ["[red]ann[/red]@gmail.example"])
    said = goodstanding("queue", "list")
    assert "\x1b" not in said.out
    assert "[red]ann[/red]@gmail.example" in said.out
    assert json.loads(goodstanding("queue", "list", "--json").out.splitlines()[0])["recipient"].startswith("\x1b")

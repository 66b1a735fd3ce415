"""The estate as a document: what is written reads the same, and everything wrong is said at once."""

from dataclasses import Field, fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.estate import Estate
from goodstanding.admission.estate_check import objections
from goodstanding.admission.estate_file import read_estate, written
from goodstanding.errors import SettingsError
from goodstanding.settings import Settings
from tests.admission.estates import estates


@given(estates())
def test_what_is_written_reads_the_same(estate: Estate) -> None:
    assert read_estate(written(estate)) == estate


@given(st.text(max_size=200) | st.sampled_from(["tenants", "[[pools]]\nname", "[senders]"]).map("{}=1".format))
def test_any_document_is_an_estate_or_its_problems(text: str) -> None:
    try:
        read_estate(text)
    except SettingsError as exc:
        assert exc.problems


def test_names_are_brought_into_their_one_form() -> None:
    estate = read_estate(
        """
        [[domains]]
        name = "Bücher.Example."
        tenant = "shop"
        [[senders]]
        address = "News@Bücher.Example"
        subscription = "shop/news"
        [[pools]]
        name = "one"
        addresses = ["2001:DB8:0::1", "2001:db8::1"]
        [[isolation_exceptions]]
        first = "b.example"
        second = "A.example"
        because = "old"
        """
    )
    assert estate.domains[0].name == "xn--bcher-kva.example"
    assert estate.senders[0].address == "news@xn--bcher-kva.example"
    assert estate.pools[0].addresses == ("2001:db8::1",)
    assert (estate.isolation_exceptions[0].first, estate.isolation_exceptions[0].second) == ("a.example", "b.example")


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_estate(text)
    return caught.value.problems


def test_everything_wrong_is_said_at_once_with_its_place() -> None:
    text = """
        tennants = 1
        [[tenants]]
        name = "shop"
        country = "Italy"
        [[tenants]]
        name = "shop"
        [[subscriptions]]
        name = "shop/otp"
        stream = "bulky"
        minute_limit = -1
        [[senders]]
        address = "nobody"
        [[pools]]
        name = "one"
        addresses = ["203.0.113.300"]
        hello = "two words"
        """
    assert [problem.partition(":")[0] for problem in problems(text)] == [
        "tennants",
        "subscriptions[0].stream",
        "subscriptions[0].minute_limit",
        "tenants[0].country",
        "tenants[1]",
        "pools[0].addresses",
        "pools[0].hello",
        "senders[0].address",
    ]


def test_an_exception_needs_two_domains_and_a_reason() -> None:
    table = '[[isolation_exceptions]]\nfirst = "a.example"\nsecond = "A.example."\n'
    assert [problem.partition(":")[0] for problem in problems(table)] == [
        "isolation_exceptions[0].because",
        "isolation_exceptions[0].first",
    ]


@pytest.mark.parametrize("entries", fields(Estate), ids=lambda one: str(one.name))
def test_every_field_is_documented(entries: Field[object]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "estate.md").read_text()
    kind = get_args(get_type_hints(Estate)[entries.name])[0]
    assert not [name for name in (entries.name, *(one.name for one in fields(kind))) if f"`{name}`" not in text]


def test_the_example_in_the_docs_is_an_estate() -> None:
    text = (Path(__file__).parents[2] / "docs" / "estate.md").read_text()
    example = text.partition("```toml\n")[2].partition("```")[0]
    assert objections(read_estate(example), Settings()) == []

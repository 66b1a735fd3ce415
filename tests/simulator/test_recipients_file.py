"""A list of recipients: what a line says of what somebody expects, and that no line stops the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.errors import SettingsError
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.campaign import PROVIDERS, Group, Provider
from goodstanding.simulator.recipients_file import (
    SAMPLES,
    Kind,
    Listed,
    groups_of,
    provider_of,
    read_recipients,
    shared_out,
)

SHARES: dict[Provider, float] = {"google": 0.3, "microsoft": 0.5, "yahoo": 0.02, "other": 0.18}


def listed(*lines: str) -> Listed:
    return read_recipients(f"{line}\n" for line in lines)


def kind_of(heading: str, line: str) -> Kind:
    (kind,) = listed(heading, line).counts
    return kind


@pytest.mark.parametrize(
    ("basis", "expectation"),
    [
        ("user-triggered", Expectation.AWAITED),
        ("transaction", Expectation.AWAITED),
        ("opt-in", Expectation.SUBSCRIBED),
        ("Double Opt-In", Expectation.SUBSCRIBED),
        ("double_opt_in", Expectation.SUBSCRIBED),
        ("contract", Expectation.KNOWN),
        ("soft-opt-in", Expectation.KNOWN),
        ("inquiry", Expectation.KNOWN),
        ("purchase", Expectation.KNOWN),
        ("legitimate-interest", Expectation.COLD),
        ("none", Expectation.COLD),
        ("unknown", Expectation.COLD),
        ("", Expectation.COLD),
    ],
)
def test_a_basis_says_what_somebody_expects(basis: str, expectation: Expectation) -> None:
    assert kind_of("address,basis", f"anna@acme.example,{basis}")[0] is expectation


def test_what_is_said_outright_counts_more_than_the_basis() -> None:
    assert kind_of("address,basis,expectation", "anna@acme.example,opt-in,cold")[0] is Expectation.COLD


@pytest.mark.parametrize("heading", ["address", "E-Mail", "recipient", "\ufeffemail"])
def test_columns_have_several_names(heading: str) -> None:
    assert listed(heading, "anna@acme.example").recipients == 1


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_are_separated_as_spreadsheets_do(separator: str) -> None:
    found = kind_of(
        separator.join(("address", "expectation", "country")), separator.join(("a@b.example", "cold", "it"))
    )
    assert found == (Expectation.COLD, "", "collected", "IT")


def test_a_file_of_bare_addresses_is_a_list_of_strangers() -> None:
    assert listed("anna@acme.example", "bob@acme.example").counts == {(Expectation.COLD, "", "collected", ""): 2}


def test_a_column_of_domains_is_enough() -> None:
    assert listed("domain", "gmail.com", "gmail.com").counts == {(Expectation.COLD, "google", "collected", ""): 2}


@pytest.mark.parametrize(
    ("domain", "provider"),
    [
        ("gmail.com", "google"),
        ("googlemail.com", "google"),
        ("hotmail.co.uk", "microsoft"),
        ("outlook.it", "microsoft"),
        ("msn.com", "microsoft"),
        ("yahoo.fr", "yahoo"),
        ("aol.com", "yahoo"),
        ("libero.it", "other"),
        ("acme.example", ""),
    ],
)
def test_a_domain_tells_whose_mailbox_it_is(domain: str, provider: str) -> None:
    assert provider_of(domain) == provider


def test_a_provider_that_is_named_is_believed() -> None:
    assert kind_of("address,provider", "anna@acme.example,microsoft")[1] == "microsoft"


def test_where_the_ledger_says_they_said_yes_is_no_source_of_addresses() -> None:
    assert kind_of("address,basis,source", "anna@acme.example,opt-in,shop.example/join")[2] == "asked"


def test_the_same_address_twice_is_one_recipient() -> None:
    found = listed("address", "anna@acme.example", "ANNA@acme.example")
    assert (found.recipients, found.twice) == (1, 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("anna,opt-in,,", "no address"),
        (",opt-in,,", "no address"),
        ("anna@acme,opt-in,,", "no address"),
        ("an na@ac me.example,,,", "no address"),
        ("an na@acme.example,,,", "no address"),
        ("anna@acme.example,magic,,", "basis 'magic'"),
        ("anna@acme.example,unsubscribed,,", "take them off the list"),
        ("anna@acme.example,,stolen,", "source 'stolen'"),
        ("anna@acme.example,,,ITA", "two letters"),
        ("anna@acme.example,,,IT,more,and more", "more columns"),
        ('"anna@acme.example,,,IT', "quotes that do not close"),
    ],
)
def test_a_line_that_cannot_be_used_is_told_with_its_number_and_stops_nothing(line: str, reason: str) -> None:
    found = listed("address,basis,source,country", "first@acme.example,,,", line, "last@acme.example,,,")
    assert (found.recipients, found.bad) == (2, 1)
    assert found.examples[0].startswith("line 3: ") and reason in found.examples[0]


def test_a_list_without_one_line_that_can_be_used_is_a_problem() -> None:
    with pytest.raises(SettingsError, match="not one of 2 lines can be used: line 2"):
        listed("address", "anna", "bob")


@pytest.mark.parametrize("lines", [(), ("",), ("name,phone", "Anna,1")])
def test_a_list_that_is_none_is_a_problem(lines: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError):
        listed(*lines)


@pytest.mark.fuzz
@given(st.lists(st.text(st.characters(codec=None), max_size=40), max_size=8), st.sampled_from([0, 1, 2]))
def test_garbage_is_counted_or_refused_and_raises_nothing_else(lines: list[str], headings: int) -> None:
    heading = [[], ["address;basis;source;provider;country;expectation"], ["domain,country"]][headings]
    try:
        found = listed(*heading, *lines)
    except SettingsError as exc:
        assert exc.problems
    else:
        assert found.recipients == sum(found.counts.values()) > 0


@pytest.mark.fuzz
@given(st.integers(0, 10**7), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_shares_make_the_whole(count: int, shares: list[float]) -> None:
    parts = shared_out(count, dict(zip(PROVIDERS, shares, strict=True)))
    assert sum(parts.values()) == count
    assert all(part >= 0 for part in parts.values())


def test_whose_provider_nobody_knows_are_shared_out_as_assumed() -> None:
    groups = groups_of({(Expectation.COLD, "", "collected", ""): 50}, SHARES)
    assert {group.provider: group.count for group in groups} == {"google": 15, "microsoft": 25, "yahoo": 1, "other": 9}


def test_those_of_a_known_provider_are_added_to_its_share() -> None:
    counts: dict[Kind, int] = {
        (Expectation.COLD, "", "collected", ""): 50,
        (Expectation.COLD, "google", "collected", ""): 5,
    }
    assert Group(Expectation.COLD, "google", "collected", 20) in groups_of(counts, SHARES)


def test_columns_that_mean_nothing_here_are_kept_for_templates_of_a_few_only() -> None:
    lines = [f"r{n}@acme.example,Name {n},opt-in" for n in range(100)]
    found = listed("address,First name,basis", *lines)
    assert found.counts == {(Expectation.SUBSCRIBED, "", "asked", ""): 100}
    assert found.samples[1] == {"address": "r1@acme.example", "first_name": "Name 1", "basis": "opt-in"}
    assert len(found.samples) == SAMPLES

"""Every problem of a settings file at once, and none that only follows from another."""

import pytest

from goodstanding.errors import SettingsError
from goodstanding.settings import parse_settings


def complaints(text: str, *overrides: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, overrides)
    return caught.value.problems


def test_contradictions_are_told_together_with_wrong_values() -> None:
    found = complaints('hostname = 3\n[dns]\nnameservers = ["one.example"]\n[store]\nurl = "mysql://x"\n')
    assert found == [
        "hostname: a string is needed, not 3",
        "store.url: write it as postgresql://user@host/database, or leave it empty for SQLite",
        "dns.nameservers: 'one.example' is not an IP address",
    ]


def test_what_only_follows_from_a_wrong_value_is_not_told() -> None:
    found = complaints('[[pools]]\nstream = "marketing"\n[[pools]]\nstream = "transactional"\n')
    assert found == ["pools[0].stream: 'marketing' is none of transactional, bulk, outreach"]


def test_an_override_below_a_plain_value_is_a_problem_and_no_crash() -> None:
    (found,) = complaints('hostname = "relay.example"', "hostname.x=1")
    assert "hostname is no table" in found

"""The table of law is whole, sourced and read as calendars do."""

from datetime import UTC, datetime

import pytest

from goodstanding.admission.law import BASES, LAWS, applying, law_of, months_after, months_of


def test_every_row_has_a_source_and_says_how_certain_it_is() -> None:
    rows = [*BASES.values(), *LAWS]
    assert all(len(row.source) > 20 and row.certainty for row in rows)


def test_no_country_has_two_laws_and_every_clock_is_of_a_basis() -> None:
    countries = [country for law in LAWS for country in law.countries]
    assert len(countries) == len(set(countries))
    assert all(len(country) == 2 and country.isupper() for country in countries)
    assert all(name in BASES for law in LAWS for name in law.months)


def test_where_nothing_is_known_consent_is_asked_for() -> None:
    assert law_of("") is law_of("ZZ") is LAWS[-1]
    assert not LAWS[-1].unasked


def test_the_shortest_clock_of_several_laws_counts() -> None:
    assert months_of(applying("FR", ""), "soft-opt-in") == (36, "CPCE L34-5")
    assert months_of(applying("FR", "CA"), "soft-opt-in") == (24, "CASL")


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-08-31T10:00:00", 6, "2027-02-28T10:00:00"),
        ("2024-02-29T23:59:59", 24, "2026-02-28T23:59:59"),
        ("2026-12-15T00:00:00", 1, "2027-01-15T00:00:00"),
    ],
)
def test_months_are_calendar_months(start: str, months: int, end: str) -> None:
    def second(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

    assert months_after(second(start), months) == second(end)

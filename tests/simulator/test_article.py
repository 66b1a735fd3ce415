"""Every claim is there, with numbers, and those about the world come out."""

import pytest

from goodstanding.simulator.article import Claim, claims
from tests.simulator.worlds import PLATFORMS, everything


@pytest.fixture(scope="module")
def found() -> tuple[Claim, ...]:
    return claims(PLATFORMS, everything(), runs=60)


def test_all_claims_are_answered(found: tuple[Claim, ...]) -> None:
    assert {one.number for one in found} == set(range(1, 23))
    assert all(one.measured for one in found)


def test_each_experiment_comes_out(found: tuple[Claim, ...]) -> None:
    assert [(one.number, one.claim, one.measured) for one in found if not one.holds] == []


def test_an_experiment_can_fail() -> None:
    """In a world in which strangers do not complain, cold mail is not said to cross the line."""
    known = everything()
    for name in ("complained", "unsubscribed"):
        slug = f"cold.{name}"
        known[slug] = type(known[slug])(
            slug=slug, low=0.0, likely=0.0, high=0.0, unit="share", known="given", source="test", words="test"
        )
    failed = {one.number for one in claims(PLATFORMS, known, runs=20) if not one.holds}
    assert {2, 12} <= failed

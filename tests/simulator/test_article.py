"""Every claim is there, with numbers; each experiment comes out here, and would not in a world that is otherwise."""

import pytest
from msgspec import structs

from goodstanding.simulator.article import BUILT, EXPERIMENTS, claims
from goodstanding.simulator.assumptions import Assumption, Range, given
from goodstanding.simulator.laboratory import Claim, Laboratory
from tests.simulator.worlds import PLATFORMS, everything

RUNS = 60
ROOM = Laboratory(PLATFORMS, everything(), RUNS, 1)
CASES = [(experiment, at) for experiment in EXPERIMENTS for at in range(len(experiment(ROOM)))]


def named(value: object) -> str:
    return getattr(value, "__name__", str(value)).strip("_")


def test_all_claims_are_answered() -> None:
    found = claims(PLATFORMS, everything(), runs=5)
    assert {one.number for one in found} == set(range(1, 23))
    assert all(one.measured for one in found)


def test_claims_that_are_only_built_say_where() -> None:
    assert {one.number for one in BUILT} == {4, 7, 22}
    assert all(one.where != "simulated" for one in BUILT)


@pytest.mark.parametrize(("experiment", "at"), CASES, ids=named)
def test_an_experiment_comes_out(experiment: object, at: int) -> None:
    claim: Claim = experiment(ROOM)[at]  # type: ignore[operator]
    assert claim.holds, claim


def otherwise(**numbers: float) -> dict[str, Assumption]:
    """A world in which some numbers are these."""
    wanted = {slug.replace("__", ".").replace("_", "-"): Range(n, n, n) for slug, n in numbers.items()}
    return given(everything(), wanted, "test")


HARMLESS = otherwise(
    cold__complained=0.0,
    cold__unsubscribed=0.0,
    cold__opened=0.85,
    invalid__collected=0.0,
    traps__collected=0.0,
    provider__indifference=1.0,
    provider__stranger_junk=0.0,
    provider__junk=1.0,
    provider__junk_elsewhere=1.0,
    provider__block=1.0,
    provider__unknown_junk=1.0,
    provider__unknown_block=1.0,
)
"""Strangers are glad of mail, all of them exist, and no provider minds complaints."""
FREE = PLATFORMS | {"azure": structs.replace(PLATFORMS["azure"], forbids_cold="")}
"""Azure has nothing against cold mail."""
SHARED = PLATFORMS | {"dedicated": structs.replace(PLATFORMS["dedicated"], domain="tenant", addresses="tenant")}
"""The dedicated platform sends with the tenant's domain."""

ELSEWHERE = [Laboratory(FREE, HARMLESS, 20, 1), Laboratory(SHARED, everything(), 20, 1)]


@pytest.mark.parametrize(("experiment", "at"), CASES, ids=named)
def test_an_experiment_can_fail(experiment: object, at: int) -> None:
    """Where the world, or a platform, is otherwise it says no."""
    assert not all(experiment(room)[at].holds for room in ELSEWHERE)  # type: ignore[operator]

"""What becomes of a domain when its records come and go."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.domain_state import NEXT, Evidence, Standing, step
from goodstanding.admission.facts import DomainState

DAY = 86_400.0
GRACE = 3 * DAY
SEEN = [Evidence.PRESENT, Evidence.GONE, Evidence.UNKNOWN]


def test_a_domain_is_verified_warned_stopped_and_verified_again() -> None:
    looks = [
        (0.0, Evidence.GONE, "pending"),
        (1.0, Evidence.PRESENT, "verified"),
        (DAY, Evidence.GONE, "warned"),
        (DAY + GRACE - 1, Evidence.GONE, "warned"),
        (DAY + GRACE, Evidence.GONE, "stopped"),
        (DAY + GRACE + 1, Evidence.GONE, "stopped"),
        (DAY + GRACE + 2, Evidence.PRESENT, "verified"),
        (DAY + GRACE + 3, Evidence.GONE, "warned"),
    ]
    standing = Standing("pending", "")
    for now, evidence, state in looks:
        standing = step(standing, evidence, "no key", now, GRACE)
        assert standing.state == state
    assert standing.failing == DAY + GRACE + 3


@pytest.mark.parametrize("state", NEXT)
def test_a_failing_dns_changes_nothing(state: DomainState) -> None:
    before = Standing(state, "no key", 5.0)
    assert step(before, Evidence.UNKNOWN, "no answer", 1e9, 0.0) == before


def test_nobody_is_stopped_without_a_warning_even_without_grace() -> None:
    warned = step(Standing("verified", ""), Evidence.GONE, "no key", 7.0, 0.0)
    assert warned.state == "warned"
    assert step(warned, Evidence.GONE, "no key", 7.0, 0.0).state == "stopped"


def test_records_that_come_back_in_time_end_the_warning_and_its_clock() -> None:
    warned = step(Standing("verified", ""), Evidence.GONE, "no key", 7.0, GRACE)
    assert step(warned, Evidence.PRESENT, "", 8.0, GRACE) == Standing("verified", "", 0.0)


@given(st.lists(st.tuples(st.sampled_from(SEEN), st.floats(0, 10 * DAY)), max_size=30))
def test_every_move_is_in_the_table(looks: list[tuple[Evidence, float]]) -> None:
    now, states = 0.0, ["pending"]
    standing = Standing("pending", "")
    for evidence, later in looks:
        now += later
        standing = step(standing, evidence, "x", now, GRACE)
        states.append(standing.state)
    moves = {(before, after) for before, targets in NEXT.items() for after in targets.values()}
    assert all(before == after or (before, after) in moves for before, after in pairwise(states))
    assert states[-1] != "verified" or standing.failing == 0

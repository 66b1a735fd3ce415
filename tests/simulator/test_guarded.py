"""The guard in the simulation is goodstanding's own: it never touches who deserves it, warns first, and rations."""

import numpy as np

from goodstanding.model import Rung, Stream
from goodstanding.simulator.guarded import Guard, Guarded

HOUR = 3600.0


def days(guard: Guard, rate: float, a_day: int, count: int) -> list[Rung]:
    """So many days of mail of which such a share is reported, spread evenly; the rung at the end of each hour."""
    rungs, owed = [], 0.0
    for n in range(count * 24):
        owed += rate * a_day / 24
        complaints, owed = int(owed), owed % 1.0
        guard.hear((n + 1) * HOUR, a_day // 24, a_day // 24, complaints, 0)
        rungs.append(guard.position.effective)
    return rungs


def test_who_keeps_below_the_target_is_never_touched() -> None:
    assert set(days(Guard(Stream.BULK), 0.0005, 2400, 60)) == {Rung.GOOD}


def test_five_in_a_hundred_are_slowed_then_suspended() -> None:
    rungs = days(Guard(Stream.OUTREACH), 0.05, 2400, 10)
    assert rungs[-1] is Rung.SUSPENDED
    assert Rung.SLOWED in rungs
    assert rungs.index(Rung.SLOWED) < rungs.index(Rung.SUSPENDED)


def test_who_is_slowed_may_send_at_the_announced_rate() -> None:
    guard = Guard(Stream.OUTREACH)
    assert guard.may_send(0.0, HOUR) == float("inf")
    rungs = days(guard, 0.05, 2400, 1)
    while guard.position.effective is not Rung.SLOWED and rungs:
        rungs = days(guard, 0.05, 2400, 1)
        if Rung.SUSPENDED in rungs:
            break
    assert guard.may_send(86_400.0, HOUR) in (0.0, guard.policy.slowed_rate, guard.policy.penalty_rate)


def test_strangers_on_a_transactional_stream_are_rationed() -> None:
    guard = Guard(Stream.TRANSACTIONAL)
    allowed = guard.may_send(0.0, HOUR)
    assert 0 < allowed <= guard.ration.first_day
    guard.hear(HOUR, int(allowed), int(allowed), 0, 0)
    assert guard.may_send(HOUR, HOUR) < 1.0


def test_every_run_has_a_guard_of_its_own() -> None:
    both = Guarded.of(2, Stream.OUTREACH)
    for n in range(1, 48):
        both.hear(n * HOUR, np.array([[100, 100], [100, 100], [0, 8], [0, 0]]))
    assert list(both.stopped) == [False, True]
    assert both.reached("suspended")[0] == float("inf") > both.reached("suspended")[1]

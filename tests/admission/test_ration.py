"""The trust budget: GUARD.md's worked figures, floors, caps, several campaigns on one key."""

from __future__ import annotations

from math import inf

import pytest

from goodstanding.admission.facts import Looks
from goodstanding.admission.ration import (
    DAY,
    U0,
    Charge,
    KeyTally,
    Policy,
    Standing,
    budget,
    charged,
    floor_of,
    ration,
    reprice,
)
from goodstanding.admission.risk import prior, quantile

NOW = 20_000 * DAY + 7 * 3600.0
POLICY = Policy()
EVIDENCE = [(0, 0), (0, 200), (0, 500), (0, 1000), (2, 1000)]

WORKED: list[tuple[float, float, int, list[float]]] = [
    (0.005, 10_000, 3, [13_500, 36_064, inf, inf, 29_018]),
    (0.02, 10_000, 3, [1_588, 4_852, 16_766, inf, 10_962]),
    (0.05, 1_000, 0, [64, 352, 1_276, inf, 1_026]),
    (0.05, 10_000, 3, [574, 3_167, 11_487, inf, 9_230]),
]


@pytest.mark.parametrize(("u0", "volume", "complaints", "expected"), WORKED)
def test_the_worked_figures(u0: float, volume: float, complaints: int, expected: list[float]) -> None:
    figures = [budget(volume, complaints, quantile(k, prior(u0) + exposure), 0.003) for k, exposure in EVIDENCE]

    assert [one if one == inf else round(one) for one in figures] == expected


def key(volume: float, complaints: int = 0, days: int = 30) -> KeyTally:
    """A key whose volume is all settled."""
    today = int(NOW // DAY)
    tally = KeyTally(NOW - days * DAY, clean_since=today - days, volume=volume)
    tally.days = {today - 1 - n: volume / days for n in range(days)}
    if complaints:
        tally.complaints[today - 2] = complaints
    return tally


def standing(looks: Looks = "unclear", exposure: float = 0, outstanding: float = 0, complaints: int = 0) -> Standing:
    return Standing("Your code", looks, complaints, exposure, outstanding)


def allowed(wanted: int, campaign: Standing, **keys: KeyTally) -> int:
    return ration(campaign, wanted, {name: Charge() for name in keys}, keys, POLICY, NOW).allowed


def test_the_tightest_key_decides_and_is_named() -> None:
    keys = {"subscription shop/app": key(100_000), "from shop.example": key(10_000, 3), "tenant shop": key(100_000)}

    share = ration(standing(), 5_000, {name: Charge() for name in keys}, keys, POLICY, NOW)

    assert (share.allowed, share.key) == (1_588, "from shop.example")
    assert "from shop.example has 10000 settled deliveries and 3 complaints" in share.because


def test_a_campaign_of_which_nothing_is_known_never_has_more_than_the_cap() -> None:
    assert allowed(100_000, standing("triggered"), subscription=key(10_000_000)) == 2_000
    assert allowed(100_000, standing("triggered", exposure=5_000), subscription=key(10_000_000)) == 100_000


def test_what_is_outstanding_counts_against_the_cap() -> None:
    assert allowed(5_000, standing("triggered", outstanding=1_900), subscription=key(10_000_000)) == 100


@pytest.mark.parametrize(("days", "most"), [(0, 50), (1, 100), (2, 200), (5, 1_600), (9, 2_000)])
def test_the_floor_doubles_with_every_clean_day_with_mail(days: int, most: int) -> None:
    today = int(NOW // DAY)
    tally = KeyTally(NOW - days * DAY, clean_since=today - days, days={today - n: 2e3 for n in range(days + 1)})
    tally.volume = 2e3 * (days + 1)

    assert floor_of(tally, "unclear", POLICY, NOW) == most
    assert floor_of(tally, "list", POLICY, NOW) == 50


def test_an_old_key_with_little_mail_has_no_large_floor() -> None:
    assert floor_of(key(3_000), "unclear", POLICY, NOW) == 200  # twice its usual hundred a day
    assert floor_of(key(300), "unclear", POLICY, NOW) == 50


def test_complaints_on_a_new_key_halve_the_floor_and_start_its_clock_again() -> None:
    tally = KeyTally(NOW - 3 * DAY)
    for day in range(3, 0, -1):
        tally.sent(10, NOW - day * DAY)

    tally.complained(NOW, POLICY.ceiling)
    tally.complained(NOW, POLICY.ceiling)

    assert floor_of(tally, "unclear", POLICY, NOW) == pytest.approx(50 / 4, rel=0.07)


def test_campaigns_on_one_key_share_its_budget() -> None:
    tally, first, second = key(10_000, 3), Charge(), Charge()
    share = ration(standing(), 5_000, {"k": first}, {"k": tally}, POLICY, NOW)
    charged(first, tally, share.allowed, NOW)

    assert share.allowed == 1_588
    assert ration(standing(), 5_000, {"k": second}, {"k": tally}, POLICY, NOW).allowed == 0


def test_a_campaign_that_begins_to_look_worse_weighs_more_at_once() -> None:
    tally, charge = key(10_000, 3), Charge()
    reprice(charge, tally, U0["unclear"] - 0.003, NOW)
    charged(charge, tally, 100, NOW)

    reprice(charge, tally, U0["list"] - 0.003, NOW)

    assert tally.harm.left(NOW) == pytest.approx(100 * 0.047)


def test_the_budget_comes_back_as_evidence_matures() -> None:
    tally, charge = key(10_000, 3), Charge()
    reprice(charge, tally, 0.017, NOW)
    charged(charge, tally, 1_588, NOW)
    later = NOW + DAY

    share = ration(standing(exposure=1_100, outstanding=240), 5_000, {"k": charge}, {"k": tally}, POLICY, later)

    assert share.allowed > 1_000


def test_the_window_forgets_after_thirty_days() -> None:
    tally = KeyTally(NOW - 40 * DAY)
    for day in range(40, 0, -1):
        tally.sent(10, NOW - day * DAY)

    assert tally.volume == 300
    assert len(tally.days) == 30


def test_a_bounce_is_no_delivery_that_proves_anything() -> None:
    tally = KeyTally(NOW)
    tally.sent(10, NOW)
    tally.bounced(NOW)

    assert tally.volume == 9

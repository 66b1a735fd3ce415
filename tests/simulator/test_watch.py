"""A platform acts on a rate over its line, with enough recipients, after its time; and forgets what it has forgiven."""

import numpy as np

from goodstanding.simulator.assumptions import Assumption, Drawn, Range, given
from goodstanding.simulator.platforms import Platform, Rule
from goodstanding.simulator.watch import Platformed
from tests.simulator.worlds import PLATFORMS, everything

HOUR = 3600.0


def exactly(value: float) -> Range:
    return Range(value, value, value)


RULE = Rule(
    signal="complaints",
    stage="suspended",
    line=exactly(0.01),
    window_days=2.0,
    least=exactly(100.0),
    after_hours=exactly(5.0),
    told=True,
    scope="subscription",
    known="assumed",
    source="test",
    words="test",
)


def watched(*rules: Rule, days: float = 3.0) -> Platformed:
    azure = PLATFORMS["azure"]
    platform: Platform = type(azure)(
        slug="test",
        title="test",
        words="test",
        source="test",
        hourly=exactly(0.0),
        daily=exactly(0.0),
        addresses="shared",
        domain="tenant",
        one_click=False,
        suppresses=False,
        hears={},
        rules=rules,
        suspended_days=exactly(days),
    )
    known: dict[str, Assumption] = everything() | platform.assumptions()
    return Platformed(platform, Drawn(given(known, {}, "test"), 1, 1))


def hour(it: Platformed, at: float, sent: float, complaints: float) -> None:
    nothing = np.zeros(1)
    events = {"complaints": np.array([complaints]), "bounces": nothing, "failures": nothing, "traps": nothing}
    it.hear(at * HOUR, np.array([sent]), events)  # type: ignore[arg-type]


def suspended(it: Platformed, at: float) -> bool:
    return bool(it.in_stage("suspended", at * HOUR)[0])


def test_it_acts_after_its_time_and_not_before() -> None:
    it = watched(RULE)
    hour(it, 1, 200, 3)
    for n in range(2, 6):
        hour(it, n, 0, 0)
        assert not suspended(it, n)
    hour(it, 6, 0, 0)
    assert suspended(it, 6)
    assert it.reached["suspended"][0] == 6 * HOUR


def test_few_recipients_are_no_rate() -> None:
    it = watched(RULE)
    for n in range(1, 30):
        hour(it, n, 3, 1)
        assert not suspended(it, n)


def test_the_rate_is_that_of_the_window() -> None:
    it = watched(RULE)
    hour(it, 1, 10_000, 0)
    hour(it, 1 + 49, 200, 3)
    hour(it, 1 + 55, 0, 0)
    assert suspended(it, 56)


def test_who_is_let_in_again_begins_anew() -> None:
    it = watched(RULE, days=1.0)
    hour(it, 1, 200, 3)
    hour(it, 6, 0, 0)
    assert suspended(it, 6)
    for n in range(7, 60):
        hour(it, n, 10, 0)
    assert not suspended(it, 60)


def test_a_stage_hits_what_its_scope_says() -> None:
    it = watched(RULE)
    assert it.hits("suspended", "application")
    assert not it.hits("suspended", "mailboxes")
    assert not it.hits("throttled", "application")

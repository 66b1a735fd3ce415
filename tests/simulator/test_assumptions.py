"""Every assumption exists, is well formed and sourced, and is the sandbox's where the sandbox has one."""

from dataclasses import fields

import msgspec
import numpy as np
import pytest

from goodstanding.errors import SettingsError
from goodstanding.sandbox.behaviour import BehaviourSettings, Expectation, Habits
from goodstanding.sandbox.placement import Lines
from goodstanding.simulator.assumptions import Range, draw, flaw_of, given, usual
from goodstanding.simulator.campaign import PROVIDERS, SOURCES

KNOWN = usual()
SANDBOX = BehaviourSettings()
HABITS = [(kind, field.name) for kind in Expectation for field in fields(Habits)]
PEOPLE = (
    *("complain_instead", "annoyance", "annoyance_most", "after_leaving", "welcome", "fast_share", "fast_mean"),
    *("slow_mean", "open_mean", "awaited_open_mean", "reply_mean"),
)
NOT_OF_THE_SIMULATION = {"yellow", "red", "vanish"}
LINES = [field.name for field in msgspec.structs.fields(Lines) if field.name not in NOT_OF_THE_SIMULATION]


@pytest.mark.parametrize(("expectation", "act"), HABITS)
def test_people_do_most_likely_what_those_of_the_sandbox_do(expectation: Expectation, act: str) -> None:
    assert KNOWN[f"{expectation}.{act}"].likely == getattr(SANDBOX.habits(expectation), act)


@pytest.mark.parametrize("name", PEOPLE)
def test_people_are_most_likely_like_those_of_the_sandbox(name: str) -> None:
    assert KNOWN[f"people.{name.replace('_', '-')}"].likely == getattr(SANDBOX, name)


@pytest.mark.parametrize("name", LINES)
def test_providers_draw_their_lines_most_likely_where_those_of_the_sandbox_do(name: str) -> None:
    assert KNOWN[f"provider.{name.replace('_', '-')}"].likely == getattr(Lines(), name)


def test_there_are_no_others() -> None:
    wanted = {f"{kind}.{act}" for kind, act in HABITS}
    wanted |= {f"people.{name.replace('_', '-')}" for name in PEOPLE}
    wanted |= {f"provider.{name.replace('_', '-')}" for name in LINES}
    wanted |= {f"{group}.{source}" for group in ("invalid", "traps") for source in SOURCES}
    wanted |= {f"{group}.{provider}" for group in ("mailboxes", "vanish") for provider in PROVIDERS}
    wanted |= {"provider.fingerprint", "provider.tenant"}  # the sandbox's providers look at neither
    wanted |= {f"provider.{line}-elsewhere" for line in ("target", "junk")}  # of those that publish none
    assert KNOWN.keys() == wanted


@pytest.mark.parametrize("slug", KNOWN)
def test_it_is_a_range_with_a_source(slug: str) -> None:
    one = KNOWN[slug]
    assert flaw_of(one, one.range) == ""
    assert one.source and one.words


@pytest.mark.parametrize("slug", [slug for slug, one in KNOWN.items() if one.known == "assumed"])
def test_what_is_assumed_says_so(slug: str) -> None:
    assert "goodstanding, assumption" in KNOWN[slug].source


@pytest.mark.parametrize("slug", [slug for slug, one in KNOWN.items() if one.known == "published"])
def test_what_is_published_is_one_number(slug: str) -> None:
    assert KNOWN[slug].range.known


def test_mailboxes_are_shared_out_wholly() -> None:
    assert sum(KNOWN[f"mailboxes.{provider}"].likely for provider in PROVIDERS) == pytest.approx(1.0)


@pytest.mark.parametrize(("percentile", "measured"), [(25, 0.0105), (50, 0.0171), (75, 0.0259), (90, 0.0379)])
def test_replies_to_cold_mail_are_drawn_as_they_were_measured(percentile: float, measured: float) -> None:
    drawn = draw(KNOWN["cold.replied"].range, np.random.default_rng(1), 200_000)
    assert np.percentile(drawn, percentile) == pytest.approx(measured, rel=0.05)


def test_numbers_of_ones_own_take_the_place_of_the_usual_ones() -> None:
    changed = given(KNOWN, {"cold.complained": Range(0.001, 0.002, 0.004)}, "our own campaigns")
    assert changed["cold.complained"].range == Range(0.001, 0.002, 0.004)
    assert (changed["cold.complained"].known, changed["cold.complained"].source) == ("given", "our own campaigns")
    assert changed["cold.opened"] == KNOWN["cold.opened"]


def test_every_problem_is_told_at_once() -> None:
    wrong = {"cold.complaned": Range(0, 0, 0), "cold.opened": Range(0.2, 0.1, 0.3), "traps.asked": Range(0, 0, 2)}
    with pytest.raises(SettingsError) as raised:
        given(KNOWN, wrong, "")
    assert [problem.split(":")[0].split()[-1] for problem in raised.value.problems] == list(wrong)

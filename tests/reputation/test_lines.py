"""Every signal has three lines on every stream, and an operator may draw others."""

from itertools import product

import pytest

from goodstanding.errors import SettingsError
from goodstanding.model import Signal, Stream
from goodstanding.reputation.blame import charges
from goodstanding.reputation.lines import STEPS, USUAL, Lines, lines_of, policy_of
from goodstanding.reputation.standing import LEVELS
from goodstanding.settings import LineSettings, ReputationSettings
from goodstanding.settings_file import parse_settings
from tests.reputation.mail import DAY, START, campaign, folded

OWN = '[[reputation.lines]]\nsignal = "complaints"\nstream = "bulk"\ntarget = 0.05\nceiling = 0.1\nlimit = 0.2\n'


@pytest.mark.parametrize(("signal", "stream"), list(product(Signal, Stream)), ids=str)
def test_lines_rise(signal: Signal, stream: Stream) -> None:
    lines = USUAL[signal, stream.value]
    assert 0 < lines.target < lines.ceiling < lines.limit <= 0.5


def test_complaints_are_held_to_the_lines_of_google_yahoo_and_those_quoted_for_azure() -> None:
    assert USUAL[Signal.COMPLAINTS, "bulk"] == Lines(0.001, 0.003, 0.01)


def test_the_steps_are_those_of_the_architecture() -> None:
    assert [(step.level, step.line, step.evidence) for step in STEPS] == [
        ("suspended", "limit", 100.0),
        ("penalty", "ceiling", 100.0),
        ("slowed", "target", 1000.0),
        ("watched", "target", 20.0),
    ]
    assert [step.level for step in STEPS] == list(reversed(LEVELS))


def test_an_operator_may_draw_other_lines() -> None:
    policy = policy_of(parse_settings(OWN).reputation)
    assert lines_of(policy, Signal.COMPLAINTS, "bulk") == Lines(0.05, 0.1, 0.2)
    assert lines_of(policy, Signal.COMPLAINTS, "outreach") == Lines(0.001, 0.003, 0.01)
    assert charges(folded(*campaign(START, 300, 12)), START + 2 * DAY, policy) == []


def test_for_every_stream_unless_one_is_named() -> None:
    policy = policy_of(ReputationSettings((LineSettings("traps", target=0.1, ceiling=0.2, limit=0.3),)))
    assert {policy[Signal.TRAPS, stream.value] for stream in Stream} == {Lines(0.1, 0.2, 0.3)}


def test_lines_that_do_not_rise_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"reputation.lines\[0\]: target, ceiling and limit rise"):
        parse_settings(OWN.replace("0.2", "0.05"))


def test_mail_of_no_known_stream_is_held_to_the_strictest() -> None:
    assert lines_of(USUAL, Signal.UNSUBSCRIBES, "") == USUAL[Signal.UNSUBSCRIBES, "transactional"]

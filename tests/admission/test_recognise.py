"""Each cue by itself: which way it speaks, how strongly, and from how many observations."""

from __future__ import annotations

import pytest

from goodstanding.admission import recognise
from goodstanding.admission.campaign import Campaign
from goodstanding.admission.facts import Fingerprint

NOW = 1_800_000_000.0


def campaign(messages: float = 200, **pattern: float) -> Campaign:
    """A transactional campaign of so many messages to as many people."""
    made = Campaign(1, "shop", "shop/app", "transactional", "Your code", NOW - 86400, NOW, Fingerprint(b"", ()))
    made.messages = made.recipients = int(messages)
    made.pattern.messages = made.pattern.recipients = messages
    for name, value in pattern.items():
        setattr(made.pattern, name, value)
    return made


def value(cue: str, one: Campaign) -> float:
    """The sum of a cue's weights."""
    weigh = next(one for one in recognise.CUES if one.__name__ == cue)
    return sum(weight.value for weight in weigh(one, NOW))


@pytest.mark.parametrize(
    ("cue", "pattern", "low", "high"),
    [
        ("recipients", {}, 2.0, 2.2),
        ("recipients", {"permitted": 200}, -1.5, -1.4),
        ("recipients", {"acquainted": 200}, -3.0, -2.8),
        ("recipients", {"triggered": 200}, -4.5, -4.3),
        ("order", {"pairs": 199, "rising": 195, "falling": 4}, 2.6, 2.6),
        ("order", {"pairs": 199, "rising": 4, "falling": 195}, 2.6, 2.6),
        ("order", {"pairs": 199, "rising": 100, "falling": 99}, -0.3, -0.3),
        ("order", {"company": 200, "adjacent": 150}, 1.4, 1.5),
        ("spread", {"company": 200}, 0.9, 1.0),
        ("spread", {"consumer": 160, "company": 40}, -1.2, -1.1),
        ("spread", {"company": 200, "roles": 100}, 2.3, 2.6),
        ("variation", {"variation": 60}, 1.4, 1.5),
        ("variation", {"variation": 6}, 0.0, 0.0),
        ("variation", {"invisible": 200}, 1.4, 1.5),
        ("headers", {"unsubscribe": 200}, 1.1, 1.2),
        ("headers", {"reply_changes": 199}, 0.7, 0.8),
        ("headers", {}, 0.0, 0.0),
        ("baseline", {"novel": 200}, 0.7, 0.8),
    ],
)
def test_what_a_cue_says_of_two_hundred_messages(cue: str, pattern: dict[str, float], low: float, high: float) -> None:
    assert low - 1e-9 <= value(cue, campaign(**pattern)) <= high + 1e-9


@pytest.mark.parametrize("cue", ["recipients", "variation", "headers", "spread"])
def test_one_message_says_little(cue: str) -> None:
    few = {"variation": 1.0, "unsubscribe": 1.0, "company": 1.0}

    assert abs(value(cue, campaign(1, **few))) <= 0.5


@pytest.mark.parametrize(("bounces", "low", "high"), [(0, -0.8, -0.7), (3, -0.8, 0.0), (14, 2.3, 2.6)])
def test_bounces_at_first_contact(bounces: int, low: float, high: float) -> None:
    one = campaign(first_contacts=200, bounces=bounces)
    one.exposed = 200 - bounces

    assert low <= value("bounces", one) <= high


def test_one_mistyped_address_among_five_is_no_evidence() -> None:
    one = campaign(5, first_contacts=5, bounces=1)
    one.exposed = 4

    assert value("bounces", one) < 0.3


@pytest.mark.parametrize(("complaints", "low", "high"), [(0, -1.5, -1.5), (1, -1.5, 0.0), (6, 4.0, 4.0)])
def test_complaints_of_three_hundred_settled(complaints: int, low: float, high: float) -> None:
    one = campaign()
    one.exposed, one.complaints = 300, complaints

    assert low <= value("complaints", one) <= high


def test_strangers_who_use_what_they_got_clear_a_campaign() -> None:
    one = campaign(answers=80)
    one.exposed = 200
    few = campaign(answers=4)
    few.exposed = 200

    assert value("answers", one) < -3.5
    assert value("answers", few) == pytest.approx(0, abs=0.01), "cold mail is clicked on too"


@pytest.mark.parametrize(("worst", "low", "high"), [(0.4, 0.0, 0.0), (0.9, 1.2, 1.4), (0.999, 2.5, 2.5)])
def test_kin_that_look_cold_elsewhere_weigh_here(worst: float, low: float, high: float) -> None:
    one = campaign()
    one.kin_worst = worst

    assert low <= value("kin", one) <= high


def test_text_is_limited_both_ways() -> None:
    pushy, code = campaign(), campaign()
    pushy.pattern.text = dict.fromkeys(("persuasion", "meeting-ask", "pitch"), 200.0)
    code.pattern.text = dict.fromkeys(("code", "account-event"), 200.0)

    assert 1.9 < value("text", pushy) <= 2.0
    assert -2.0 <= value("text", code) < -1.9


@pytest.mark.parametrize(
    ("pattern", "looks"),
    [({"roles": 200.0}, "list"), ({"acquainted": 100.0}, "unclear"), ({"triggered": 200.0}, "triggered")],
)
def test_probability_decides_how_it_looks(pattern: dict[str, float], looks: str) -> None:
    found = recognise.assess(campaign(**pattern), NOW)

    assert found.looks == looks
    assert (found.probability >= 0.5, found.probability < 0.02) == (looks == "list", looks == "triggered")

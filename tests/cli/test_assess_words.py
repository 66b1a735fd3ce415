"""Figures of an assessment as people read them, and the line of a pipeline."""

import msgspec
import pytest
from rich.console import Console

from goodstanding.cli import assess_tables, assess_words
from goodstanding.cli.assess_words import chance, count, days, numbers_of, over, percent, shares
from goodstanding.simulator.outcome import Assessment
from tests.cli.assessments import HOSTILE, around, assessment, assumptions


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (0.00005, "<0.01 %"),
        (0.0005, "0.05 %"),
        (0.00099, "0.1 %"),
        (0.003, "0.3 %"),
        (0.0194, "1.9 %"),
        (0.0997, "10 %"),
        (0.42, "42 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_has_two_digits(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0 %"), (0.001, "<1 %"), (0.5, "50 %"), (0.999, ">99 %"), (1.0, "100 %")]
)
def test_what_nearly_always_happens_is_not_called_certain(share: float, words: str) -> None:
    assert chance(share) == words


@pytest.mark.parametrize(("number", "words"), [(0.0, "0"), (2.44, "2.4"), (3.0, "3"), (12400.4, "12,400")])
def test_a_count(number: float, words: str) -> None:
    assert count(number) == words


@pytest.mark.parametrize(("number", "words"), [(0.0, "no day"), (1.0, "1 day"), (12.2, "12 days")])
def test_days(number: float, words: str) -> None:
    assert days(number) == words


def test_a_band_is_told_only_where_there_is_one() -> None:
    assert shares(around(0.02)) == "2 % (1–4 %)"
    assert shares(around(0.0)) == "0 %"


def test_ranges_of_assumptions_are_told_in_their_unit() -> None:
    assert [numbers_of(one) for one in assumptions()] == [
        "2 % (0.8–4 %)",
        "0.3 %",
        "1.71 % (1.05–2.59 %)",
        "10 (3–45) days",
        "0.3 (0.1–0.6)",
    ]


def test_a_pipeline_fails_when_the_median_is_over_its_line() -> None:
    found = assessment()
    assert over(found, 0.0089).failed
    assert not over(found, 0.009).failed


def test_the_line_is_asked_of_the_route_the_verdict_is_about() -> None:
    assert over(assessment(answer="send-differently"), 0.01).route == "dedicated"
    assert over(assessment(answer="do-not-send"), 0.01).route == "goodstanding", (
        "the fewest complaints, where it is about none"
    )


def drawn(found: Assessment, width: int = 200, every: bool = False) -> str:
    console = Console(width=width, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(assess_tables.drawing(found, over(found, 0.003), width, every))
    return " ".join(captured.get().split())


def test_the_terminal_tells_the_verdict_first_and_everything_after_it() -> None:
    told = drawn(assessment())
    parts = [
        "Do not send by any of the 5 routes",
        "Write only to people",
        "What would change it",
        "Routes side by side",
        "Blast radius",
        "Sensitivity",
        "5 assumptions",
        "--fail-over 0.3 %",
    ]
    places = [told.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_a_narrow_terminal_shows_routes_below_each_other() -> None:
    told = drawn(assessment(), width=80)
    assert told.count("complaint rate") > drawn(assessment()).count("complaint rate")
    assert "Dedicated" in told


def test_assumptions_are_listed_when_they_are_asked_for() -> None:
    assert "Clientium" not in drawn(assessment())
    assert "Clientium" in drawn(assessment(), every=True)


def test_names_cannot_steer_the_terminal() -> None:
    told = drawn(assessment("\x1b]0;owned\x07" + HOSTILE, flow="\x1b[2J"))
    assert "\x1b]" not in told and "\x07" not in told


def test_an_assessment_without_much_to_say_is_told_too() -> None:
    found = assessment(answer="send")
    bare = [msgspec.structs.replace(one, series=(), harms=(), stages=(), crossings=()) for one in found.routes[:1]]
    verdict = msgspec.structs.replace(found.verdict, route=bare[0].route, reasons=(), changes=())
    few = msgspec.structs.replace(
        found, routes=tuple(bare), verdicts=(verdict,), verdict=verdict, influences=(), assumptions=()
    )
    assert "Send over Azure Communication Services" in drawn(few)
    assert assess_words.flows(few) == []

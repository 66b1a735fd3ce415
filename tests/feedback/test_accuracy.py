"""Floors of accuracy and speed on real bounces and replies; `python -m bench feedback` prints the whole table."""

from pathlib import Path

import pytest

from bench import feedback
from tests.conftest import shared_data


@pytest.fixture(scope="module")
def data() -> Path:
    return shared_data("bounces.dev.jsonl").parent


def test_bounces_are_read_rightly(data: Path) -> None:
    score = feedback.of_bounces(data, feedback.bounces(data))
    assert score.share("recipients") >= 0.95, score.cell("recipients")
    assert score.share("hard or soft") >= 0.95, score.cell("hard or soft")
    assert score.share("not falsely hard") >= 0.98, score.cell("not falsely hard")
    assert score.share("class") >= 0.90, score.cell("class")


def test_families_that_rules_were_not_written_on_are_read_as_well(data: Path) -> None:
    score = feedback.of_bounces(data, [row for row in feedback.bounces(data) if feedback.held_out(row)])
    assert score.share("recipients") >= 0.95, score.cell("recipients")
    assert score.share("hard or soft") >= 0.95, score.cell("hard or soft")
    assert score.share("class") >= 0.88, score.cell("class")


def test_replies_are_hard_or_soft_as_their_labels_say(data: Path) -> None:
    """``filtered`` is "unknown" said after DATA; most of those texts do not show when they were said."""
    assert feedback.of_replies(data, filtered=False).share("hard or soft") >= 0.97
    assert feedback.of_replies(data).share("hard or soft") >= 0.97
    assert feedback.of_replies(data).share("not falsely hard") >= 0.985


def test_ordinary_mail_is_no_bounce(data: Path) -> None:
    assert feedback.false_positives(feedback.ordinary(data)).share("ordinary") >= 0.999
    assert feedback.false_positives(feedback.asked_about(data)).share("ordinary") >= 0.999


def test_five_hundred_messages_are_read_in_a_second_of_one_core(data: Path) -> None:
    assert feedback.speed(data, seconds=1.0) >= 500

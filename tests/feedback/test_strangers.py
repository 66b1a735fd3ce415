"""Floors for mailers that no rule was written on; `python -m bench feedback` prints the table (see `bench.strangers`).

The second, fourth and sixth batch are sealed: their floors may rise, and nobody looks at which of their rows are wrong.
"""

import pytest

from bench.strangers import BATCHES, MAIL_BATCHES, mails, replies, scored


@pytest.mark.parametrize(
    ("batch", "floor"),
    [("first", 0.97), ("second", 0.92), ("third", 0.91), ("fourth", 0.77), ("fifth", 0.96), ("sixth", 0.90)],
)
def test_the_class_of_replies_is_right(batch: str, floor: float) -> None:
    score, _ = scored(replies(batch))
    assert score.share("class") >= floor, score.cell("class")
    assert score.share("hard or soft") >= 0.98, score.cell("hard or soft")


@pytest.mark.parametrize(
    ("batch", "floor", "hard"),
    [("first", 0.94, 0.94), ("second", 0.88, 0.94), ("fifth", 0.95, 0.94), ("sixth", 0.93, 0.91)],
)
def test_the_class_of_bounces_is_right(batch: str, floor: float, hard: float) -> None:
    score, _ = scored(mails(batch))
    assert score.share("recipients") >= 0.98, score.cell("recipients")
    assert score.share("class") >= floor, score.cell("class")
    assert score.share("hard or soft") >= hard, score.cell("hard or soft")


@pytest.mark.parametrize("batch", BATCHES)
def test_nobody_is_falsely_given_up(batch: str) -> None:
    for what in (replies, mails) if batch in MAIL_BATCHES else (replies,):
        score, _ = scored(what(batch))
        assert score.asked["not falsely hard"] >= 18
        assert score.share("not falsely hard") == 1.0, score.cell("not falsely hard")


def test_what_is_wrong_is_told() -> None:
    score, wrong = scored(replies("first"))
    assert score.asked["class"] - score.right["class"] <= len(wrong) <= score.asked["class"]
    assert all("wanted" in line for line in wrong)

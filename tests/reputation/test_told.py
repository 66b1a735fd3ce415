"""Evidence in words: one sentence, the same everywhere."""

import pytest

from goodstanding.model import Signal
from goodstanding.reputation.told import NAMED, odds, percent, sentence, span


def test_the_sentence() -> None:
    said = sentence(Signal.COMPLAINTS, 2400.0, 0.001, (5, 310.2), (0.016129, 0.00524, 0.0376))
    assert said == (
        "complaint evidence 1 in 2,400 against 0.1 %: 5 complaints in 310 matured deliveries "
        "(estimate 1.6 %, 95 % 0.52-3.8 %)"
    )


def test_one_event_is_no_plural_and_little_evidence_is_none() -> None:
    said = sentence(Signal.HARD_BOUNCES, 0.3, 0.02, (1, 1200.0), (1 / 1200, 0.00004, 0.0039))
    assert said.startswith("no bounce evidence against 2 %: 1 unknown recipient in 1,200 recipients written to")


@pytest.mark.parametrize(
    ("evidence", "words"),
    [(20.4, "1 in 20"), (163.0, "1 in 160"), (3288.0, "1 in 3,300"), (1e9, "1 in 1,000,000,000"),
     (1e12, "1 in more than a million million")],
)  # fmt: skip
def test_odds_have_two_figures(evidence: float, words: str) -> None:
    assert odds(evidence) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0.001, "0.1 %"), (0.0001, "0.01 %"), (0.05, "5 %"), (0.123, "12 %"), (1.0, "100 %"), (0.0, "0 %")],
)
def test_rates_have_two_figures(rate: float, words: str) -> None:
    assert percent(rate) == words


def test_two_rates() -> None:
    assert span(0.0052, 0.0376) == "0.52-3.8 %"


def test_every_signal_has_its_words() -> None:
    assert set(NAMED) == set(Signal)

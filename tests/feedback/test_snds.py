"""Microsoft SNDS: both of its files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback.measures import Block, Measure
from goodstanding.feedback.snds import read_csv

LINE = (
    "198.51.100.7,11/23/2026 12:00 AM,11/23/2026 11:00 PM,1200,1180,1150,{filter},{rate},"
    "11/23/2026 3:00 AM,11/23/2026 4:00 AM,2,out.shop.example,news@shop.example,JMR block"
)


@pytest.mark.parametrize(
    ("rate", "band"), [("< 0.1%", (0.0, 0.001)), ("0.3%", (0.003, 0.003)), ("> 5%", (0.05, 1.0)), ("", (None, None))]
)
def test_a_complaint_rate_is_a_band(rate: str, band: tuple[float | None, float | None]) -> None:
    (found,) = read_csv(LINE.format(filter="GREEN", rate=rate))
    assert isinstance(found, Measure)
    assert (found.spam_rate_at_least, found.spam_rate) == band


def test_a_line_of_data_is_a_measure_of_an_address() -> None:
    (found,) = read_csv(LINE.format(filter="RED", rate="0.3%"))
    assert found == Measure(
        provider="microsoft",
        of="ip",
        key="198.51.100.7",
        begin=1795420800.0,
        end=1795503600.0,
        messages=1150,
        spam_rate=0.003,
        spam_rate_at_least=0.003,
        traps=2,
        verdict="red",
        notes=("JMR block",),
    )


def test_a_status_tells_which_addresses_are_blocked() -> None:
    text = "198.51.100.0,198.51.100.255,Yes,Blocked due to user complaints or other evidence of spamming\n"
    assert read_csv(text) == [
        Block(
            provider="microsoft",
            first="198.51.100.0",
            last="198.51.100.255",
            blocked=True,
            because="Blocked due to user complaints or other evidence of spamming",
        )
    ]


def test_a_header_is_passed_over() -> None:
    assert (
        len(
            read_csv(
                "IP Address,Activity period,,,,,Filter result,Complaint rate\n"
                + LINE.format(filter="YELLOW", rate="0.2%")
            )
        )
        == 1
    )


@pytest.mark.fuzz
@given(st.text(max_size=500), st.integers(0, len(LINE)))
def test_any_text_reads(text: str, at: int) -> None:
    read_csv(text)
    read_csv(LINE[:at] + text + LINE[at:])

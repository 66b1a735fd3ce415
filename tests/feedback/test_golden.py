"""Whole reports and what is read from them: a new field sample is one pair of files, written in our own words."""

from pathlib import Path

import msgspec
import pytest

from goodstanding.feedback.mail import parse
from goodstanding.feedback.reading import Reading
from goodstanding.feedback.sources import read

PAIRS = sorted(Path(__file__).parent.joinpath("reports").glob("*.eml"))


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_a_report_reads_as_it_should(path: Path) -> None:
    expected = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=list[Reading])
    assert read(parse(path.read_bytes())) == expected


def test_there_are_pairs_at_all() -> None:
    assert len(PAIRS) >= 24


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_line_ends_do_not_matter(path: Path) -> None:
    octets = path.read_bytes()
    assert read(parse(octets.replace(b"\n", b"\r\n"))) == read(parse(octets))

"""Reports in files, as ``goodstanding feedback classify`` reads them."""

import gzip
import json
from pathlib import Path

import msgspec
import pytest

from goodstanding.feedback.files import classified
from tests.feedback import test_bodies, test_dmarc, test_snds

GOLDEN = Path(__file__).parent / "reports"


def lines(octets: bytes, name: str = "") -> list[dict[str, object]]:
    """What the command prints."""
    return [json.loads(msgspec.json.encode(line)) for line in classified(octets, name)]


@pytest.mark.parametrize(("octets", "content_type", "kind"), test_bodies.BODIES)
def test_the_body_of_a_request_in_a_file_is_read(octets: bytes, content_type: str, kind: type) -> None:
    found = lines(octets, "x.csv" if content_type == "text/csv" else "x")
    assert found
    assert not [line for line in found if line["kind"] == "unreadable"]


def test_an_aggregate_report_is_printed_whole() -> None:
    (line,) = lines(gzip.compress(test_dmarc.REPORT.encode().replace(b"\n", b"\r\n")), "a!b!1!2.xml.gz")
    assert (line["kind"], line["count"], line["detail"]) == (
        "aggregate",
        15,
        "15 messages from 2 sources, 3 failed DMARC",
    )
    report = line["report"]
    assert isinstance(report, dict)
    assert [row["source_ip"] for row in report["rows"]] == ["198.51.100.7", "2001:db8::66"]


def test_so_is_one_that_came_by_mail() -> None:
    (line,) = lines(test_dmarc.mailed(gzip.compress(test_dmarc.REPORT.encode()), "a!b!1!2.xml.gz"))
    assert (line["kind"], "report" in line) == ("aggregate", True)


def test_a_complaint_tells_its_type_and_its_token() -> None:
    (line,) = lines((GOLDEN / "arf-abuse.eml").read_bytes())
    assert (line["kind"], line["feedback_type"], line["source_ip"]) == ("complaint", "abuse", "198.51.100.7")
    assert line["tokens"] == ["b+0h7kq2x9m4n8p-0-5f0c9a61d2e4"]
    assert "report" not in line


def test_data_of_snds_needs_no_name_to_be_known() -> None:
    (line,) = lines(test_snds.LINE.format(filter="RED", rate="< 0.1%").encode())
    assert line["detail"] == "ip 198.51.100.7: red, spam rate at most 0.10%, 2 trap hits"


def test_what_is_nothing_is_unreadable() -> None:
    assert [line["kind"] for line in lines(b'{"a": 1}')] == ["unreadable"]
    assert [line["kind"] for line in lines(b"\x1f\x8bnothing")] == ["unreadable"]

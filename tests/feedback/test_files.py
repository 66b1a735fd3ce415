"""What lies in files: one report or many, of any shape; and the command that reads them."""

import json
from pathlib import Path

import pytest

from goodstanding.cli.main import run
from goodstanding.feedback.files import classified, read_reply, readings_of, shape_of

GOLDEN = Path(__file__).parent / "golden_bounces"


@pytest.mark.parametrize(
    ("octets", "name", "shape"),
    [
        (b"From: a@b.example\n\nhi", "", "message"),
        (b"From a@b.example Tue Mar  3 10:15:00 2026\nFrom: a@b.example\n\nhi", "", "message"),
        (b"550 5.1.1 no", "", "reply"),
        (b' {"a": 1}', "", "json"),
        (b"<?xml version='1.0'?><feedback/>", "", "xml"),
        (b"\x1f\x8b...", "", "archive"),
        (b"192.0.2.1,2026-03-03", "snds.csv", "csv"),
        (b"", "", "message"),
    ],
)
def test_a_file_is_known_by_how_it_begins(octets: bytes, name: str, shape: str) -> None:
    assert shape_of(octets, name) == shape


def test_an_mbox_holds_many_reports() -> None:
    line = b"From MAILER-DAEMON Tue Mar  3 10:15:00 2026\n"
    mbox = b"\n\n".join(
        line + (GOLDEN / f"{name}.eml").read_bytes().strip(b"\n") for name in ("qmail", "exim", "domino")
    )
    assert [line.source for line in classified(mbox, "mbox")] == ["qmail", "exim", "domino"]
    assert [line.item for line in classified(mbox, "mbox")] == [1, 2, 3]


def test_lines_with_a_text_are_smtp_replies() -> None:
    lines = b'{"text": "550 5.1.1 no such user"}\n{"text": "451 4.7.1 Greylisted"}\n'
    kinds = [(line.kind, line.klass, line.hard) for line in classified(lines, "x.jsonl")]
    assert kinds == [("bounce", "no-such-user", True), ("delay", "greylisted", False)]


def test_a_reply_of_several_lines_is_one() -> None:
    (only,) = readings_of(b"550-5.7.1 blocked\n550-5.7.1 using list.example\n550 5.7.1 bye\n")
    assert (only[0].code, only[0].klass, only[0].reach) == (550, "reputation", "lane")


def test_a_positive_reply_is_a_success() -> None:
    assert read_reply("250 2.0.0 ok").kind == "success"


def test_classify_prints_one_line_of_json_a_reading(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["feedback", "classify", str(GOLDEN / "qmail.eml"), str(GOLDEN / "dsn-three-fates.eml")]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["kind"] for line in lines] == ["bounce", "success", "delay", "bounce"]
    assert lines[0]["class"] == "no-such-user"
    assert lines[0]["hard"] is True
    assert lines[0]["tokens"][0].startswith("b+")


def test_classify_says_which_file_it_cannot_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["feedback", "classify", "/nowhere.eml"]) == 1
    assert "/nowhere.eml" in capsys.readouterr().err

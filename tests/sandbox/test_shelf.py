"""What is remembered of accepted mail, and for how long."""

import json
from pathlib import Path

import pytest

from goodstanding.sandbox.shelf import Mail, Shelf


def mail(number: int, size: int = 10) -> Mail:
    return Mail(
        id=f"id{number}",
        provider="gmail",
        host="mx.gmail.example",
        at=float(number),
        client="127.0.0.1",
        tls="",
        sender="Ann@Acme.example",
        recipients=("bob@gmail.example", "Eve@startup.example"),
        authentication="",
        octets=b"Subject: =?utf-8?q?H=C3=A9?=\r\nFrom: Ann <ann@acme.example>\r\n\r\n".ljust(size, b"x"),
    )


@pytest.mark.parametrize(
    ("messages", "octets", "sizes", "kept"),
    [
        (3, 10_000, [100] * 5, [4, 3, 2]),
        (9, 250, [100] * 5, [4, 3]),
        (9, 250, [100, 100, 900], [2]),
        (9, 250, [900, 100, 100], [2, 1]),
    ],
)
def test_the_newest_mail_is_kept(messages: int, octets: int, sizes: list[int], kept: list[int]) -> None:
    shelf = Shelf(None, messages=messages, octets=octets)
    for number, size in enumerate(sizes):
        shelf.keep(mail(number, size))
    assert [one.id for one in shelf.newest()] == [f"id{number}" for number in kept]


@pytest.mark.parametrize(
    ("where", "concerned"),
    [
        ("", True),
        ("gmail", True),
        ("GMAIL", True),
        ("id7", True),
        ("bob@gmail.example", True),
        ("eve@startup.example", True),
        ("startup.example", True),
        ("ann@acme.example", True),
        ("acme.example", True),
        ("yahoo", False),
        ("ann@gmail.example", False),
        ("example", False),
    ],
)
def test_whom_mail_concerns(where: str, concerned: bool) -> None:
    assert mail(7).concerns(where) is concerned


def test_files_outlive_memory(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "gmail", messages=1)
    for number in range(3):
        shelf.keep(mail(number))
    lines = [json.loads(line) for line in (tmp_path / "gmail" / "index.jsonl").read_text().splitlines()]
    assert [(line["id"], line["subject"]) for line in lines] == [("id0", "Hé"), ("id1", "Hé"), ("id2", "Hé")]
    assert all((tmp_path / "gmail" / f"{line['id']}.eml").read_bytes() == mail(0).octets for line in lines)

"""Replies and bounces of mailers that no rule was written on, and how well they are read.

The rows are our own, written from memory (`tests/feedback/strangers`): two batches before any rule was read, each later
one when rules were frozen. What the first, third and fifth got wrong was looked at; the others are counted only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.score import Score
from goodstanding.delivery.classify import classify_reply
from goodstanding.feedback.mail import parse
from goodstanding.feedback.sources import read
from goodstanding.wire.reply import ReplyReader

FOLDER = Path(__file__).parent.parent / "tests" / "feedback" / "strangers"

BATCHES = ("first", "second", "third", "fourth", "fifth", "sixth")
"""Of replies. The mailers of the sixth are others than those of the fifth."""

MAIL_BATCHES = ("first", "second", "fifth", "sixth")
"""Of mails."""


@dataclass(frozen=True)
class Row:
    """What a mailer said, and what it means; ``hard`` is None where people may differ."""

    mailer: str
    classes: tuple[str, ...]
    hard: bool | None
    said: str
    read: Callable[[], tuple[str, bool, bool]]
    """Class, hard, and whether the recipient was found."""


def replies(batch: str) -> Iterator[Row]:
    """Rows of a file: mailer, stage, classes, hardness, reply."""
    for line in _text("replies", batch).splitlines():
        if not line.startswith("#"):
            mailer, stage, classes, hardness, said = line.split(" | ", 4)
            judge = partial(_of_reply, said, stage.strip('"'))
            yield Row(mailer, tuple(classes.split(" or ")), _hard(hardness), said, judge)


def mails(batch: str) -> Iterator[Row]:
    """Whole bounces, each below a line of mailer, classes, hardness and recipient."""
    for piece in _text("mails", batch).split("==== ")[1:]:
        head, mail = piece.split("\n", 1)
        mailer, classes, hardness, recipient = head.split(" | ")
        judge = partial(_of_mail, mail.rstrip() + "\n", recipient)
        yield Row(mailer, tuple(classes.split(" or ")), _hard(hardness), mail, judge)


def scored(rows: Iterator[Row]) -> tuple[Score, list[str]]:
    """How many are right, and what was said where not."""
    score, wrong = Score(), []
    for row in rows:
        klass, hard, found = row.read()
        score.note("recipients", found)
        score.note("class", klass in row.classes)
        if row.hard is not None:
            score.note("hard or soft", hard == row.hard)
            score.note("not falsely hard", row.hard or not hard)
        if klass not in row.classes or row.hard not in (None, hard) or not found:
            wanted = f"{'/'.join(row.classes)} {row.hard}"
            wrong.append(f"{row.mailer}: wanted {wanted}, got {klass} {hard} {'' if found else 'NOBODY '}<- {row.said}")
    return score, wrong


def _text(what: str, batch: str) -> str:
    return (FOLDER / f"{what}-{batch}.txt").read_text("utf-8")


def _hard(word: str) -> bool | None:
    return {"hard": True, "soft": False, "any": None}[word]


def _of_reply(said: str, stage: str) -> tuple[str, bool, bool]:
    reader = ReplyReader()
    lines = re.split(rf" (?={said[:3]}[- ])", said) if said[:1] in "45" else [f"550 {said}"]
    for line in lines[:-1]:
        reader.receive(f"{line[:3]}-{line[4:]}\r\n".encode())
    (reply,) = reader.receive(f"{lines[-1][:3]} {lines[-1][4:]}\r\n".encode())
    judged = classify_reply(reply, stage)
    return judged.klass.value, judged.hard, True


def _of_mail(mail: str, recipient: str) -> tuple[str, bool, bool]:
    readings = read(parse(mail.encode()))
    if not readings:
        return "none", False, False
    one = readings[0]
    return str(one.klass), one.hard, recipient in one.recipients

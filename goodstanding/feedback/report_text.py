"""What a report says in its own words: without the message that came back, and without what mailers always say."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

from goodstanding.delivery.phrases import Phrases, normalised
from goodstanding.feedback.addresses import tidy
from goodstanding.feedback.mail import Mail
from goodstanding.feedback.quoted import has_reply, stage_of

MOST_LINES = 400
"""Lines of a report that are looked at."""

LONGEST_LINE = 1_000
"""Characters of a line that are looked at."""


@cache
def shapes() -> dict[str, Phrases]:
    """The lists of `bounce_shapes.toml`, compiled once."""
    table = tomllib.loads(resources.files("goodstanding.feedback").joinpath("bounce_shapes.toml").read_text("utf-8"))
    return {name: Phrases(entry["phrases"]) for name, entry in table.items()}


_TRACE = re.compile(
    r"(?:>?From \S+ .*\d{4}|Return-Path:|Received: |X-Received:|DKIM-Signature:|ARC-Seal:|Message-ID:|"
    r"X-Google-Smtp-Source:)",
    re.IGNORECASE,
)
"""Fields that only a message brings with it: where one stands in a text, the message that came back begins."""


def report_lines(mail: Mail) -> list[str]:
    """The lines of a report up to the returned message."""
    cut = shapes()["cut"]
    kept: list[str] = []
    for line in (line[:LONGEST_LINE] for line in mail.words.split("\n", MOST_LINES)[:MOST_LINES]):
        bare = line.strip()
        if _TRACE.match(bare) or (kept and bare and len(bare) < 200 and cut.are_in(normalised(bare))):
            if any(one.strip() for one in kept):
                break
            continue
        kept.append(line)
    return kept


def is_waiting(text: str) -> bool:
    """Whether it says that nothing has failed yet."""
    return shapes()["waiting"].are_in(normalised(text))


def from_a_daemon(mail: Mail) -> bool:
    """Whether a program sent it that sends notices: by its name, or by leaving no address to bounce to."""
    sender = mail.root.first("from")
    if mail.root.first("return-path").replace(" ", "") == "<>" or not tidy(sender) or sender.strip().endswith("<>"):
        return True
    return shapes()["sender"].are_in(" ".join([sender.replace("@", " @ "), mail.root.readable("from")]).lower())


_ANSWER = re.compile(r"\s*(?:re|fwd?|aw|wg|sv|vs|tr|rv|res)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)


def is_answer(mail: Mail) -> bool:
    """Whether its subject says that somebody answers or forwards."""
    return _ANSWER.match(mail.root.readable("subject")) is not None


def telling(lines: list[str]) -> str:
    """The lines that may tell a cause, or the command that was answered."""
    return "\n".join([line for line in lines if line.strip() and _tells(line)])


def _tells(line: str) -> bool:
    return not shapes()["boilerplate"].are_in(normalised(line)) or has_reply(line) or bool(stage_of(line))

"""Bounces that follow no standard: qmail, Exim, old Sendmail, Exchange, Domino, GroupWise, web mailers and the rest.

Structure before wording: who sent it, where the returned message begins, how an address stands in its line. Which words
tell of a failure is data (`bounce_shapes.toml`); what they mean is decided where delivery decides it.
"""

from __future__ import annotations

import re

from goodstanding.delivery.phrases import normalised
from goodstanding.feedback import tokens
from goodstanding.feedback.addresses import (
    ADDRESS,
    LEADING,
    MENTIONED,
    NAMED,
    Found,
    addresses,
    best,
    expanded_from,
    tidy,
)
from goodstanding.feedback.diagnosis import Diagnosis, diagnose, refined
from goodstanding.feedback.mail import Mail
from goodstanding.feedback.quoted import stage_of
from goodstanding.feedback.reading import Kind, Reading, Source
from goodstanding.feedback.report_text import from_a_daemon, is_answer, is_waiting, report_lines, shapes, telling

MOST_RECIPIENTS = 200

_LISTS = ("list-id", "list-unsubscribe", "list-post")
_ADDRESS = re.compile(ADDRESS)


def matches(mail: Mail) -> bool:
    """A daemon writes of a failure; or somebody does whose subject and words both say so, and it is no answer."""
    root = mail.root
    if root.first("x-failed-recipients"):
        return True
    if any(root.first(name) for name in _LISTS) and not from_a_daemon(mail):
        return False
    subject = normalised(root.readable("subject"))
    told = shapes()["subject"].are_in(subject) or shapes()["waiting"].are_in(subject)
    if not told and not from_a_daemon(mail):
        return False
    if is_answer(mail) and not from_a_daemon(mail):
        return False
    fails = shapes()["failing"].are_in(normalised("\n".join(report_lines(mail))))
    return fails or (told and from_a_daemon(mail))


def read(mail: Mail) -> list[Reading]:
    """One reading per recipient; one without recipients where it is clearly a bounce and names nobody."""
    lines = report_lines(mail)
    found = recipients(mail, lines)
    kind: Kind = "delay" if _waits(mail, lines) else "bounce"
    seen, original = tokens.tokens(mail), tokens.original_message_id(mail)
    if not from_a_daemon(mail) and not any(one.standing >= NAMED for one in found):
        return []
    ordinary = diagnose(telling(lines) or mail.root.readable("subject"))
    readings = []
    for n, one in enumerate(found[:MOST_RECIPIENTS] or [Found("", 0, 0)]):
        diagnosis = _diagnosis(lines, found, n, ordinary)
        alias_of = expanded_from(lines, one.line)
        readings.append(
            Reading(
                kind,
                source_name(mail),
                tuple(filter(None, [alias_of or one.address])),
                diagnosis.status,
                diagnosis.code,
                diagnosis.reply,
                diagnosis.klass,
                diagnosis.hard and kind == "bounce",
                diagnosis.reach,
                tokens=seen,
                message_id=original,
                detail=diagnosis.reply,
                reporter=mail.root.address("from"),
                final_recipient=one.address if alias_of else "",
            )
        )
    return readings


def _waits(mail: Mail, lines: list[str]) -> bool:
    subject = normalised(mail.root.readable("subject"))
    return shapes()["waiting"].are_in(subject) or is_waiting("\n".join(lines[:60]))


def _diagnosis(lines: list[str], found: list[Found], n: int, ordinary: Diagnosis) -> Diagnosis:
    """From the lines that belong to one recipient; from all of them where it is the only one, or has none."""
    if len(found) < 2:
        return ordinary
    others = [one.line for one in found if one.line > found[n].line]
    block = telling(lines[found[n].line : min(others, default=found[n].line + 12)])
    before = "\n".join(lines[max(0, found[n].line - 3) : found[n].line])
    own = diagnose(block, stage=stage_of(before)) if block else Diagnosis()
    return refined(own, "\n".join(filter(None, [ordinary.reply])))


def recipients(mail: Mail, lines: list[str]) -> list[Found]:
    """Whom it is about, by the best evidence there is."""
    declared = [tidy(one) for one in mail.root.readable("x-failed-recipients").split(",") if tidy(one)]
    if declared:
        return [Found(one, _line_of(one, lines), LEADING) for one in declared[:MOST_RECIPIENTS]]
    ours = frozenset(
        address.lower()
        for name in ("to", "from", "reply-to", "sender", "return-path", "delivered-to", "x-original-to")
        for address in _ADDRESS.findall(mail.root.first(name)[:2_000])
    )
    returned_to = _returned_to(mail)
    chosen = best(addresses(lines, ours), returned_to, ours)
    if not chosen:
        subject = mail.root.readable("subject")
        chosen = [Found(tidy(one), 0, MENTIONED) for one in _ADDRESS.findall(subject) if tidy(one).lower() not in ours]
    if not chosen and len(returned_to) == 1:
        chosen = [Found(one, 0, MENTIONED) for one in returned_to]
    return chosen


def _line_of(address: str, lines: list[str]) -> int:
    return next((n for n, line in enumerate(lines) if address.lower() in line.lower()), 0)


def _returned_to(mail: Mail) -> frozenset[str]:
    if mail.returned is not None:
        values = [mail.returned.first(name) for name in ("to", "cc", "x-original-to", "delivered-to")]
    else:
        values = _TO.findall(mail.words)[:5]
    return frozenset(tidy(one) for value in values for one in _ADDRESS.findall(value[:2_000]))


_TO = re.compile(r"^[> \t]*(?:To|Cc):(.{1,500})$", re.MULTILINE)

_MAILERS = (
    ("qmail", re.compile(r"qmail-send program|this is the deliver program", re.IGNORECASE)),
    ("exim", re.compile(r"created automatically by mail delivery software", re.IGNORECASE)),
    ("sendmail", re.compile(r"transcript of session follows|permanent fatal errors", re.IGNORECASE)),
    (
        "exchange",
        re.compile(r"did not reach the following recipient|MSEXCH|Diagnostic information for admin", re.IGNORECASE),
    ),
    ("postfix", re.compile(r"this is the (?:postfix|mail system) program at|mail system at host", re.IGNORECASE)),
    ("domino", re.compile(r"Domino Directory|Lotus", re.IGNORECASE)),
)


def source_name(mail: Mail) -> str:
    """The mailer by its own words, for people who look for patterns; ``bounce`` where it cannot be told."""
    text = mail.words[:4_000]
    return next((name for name, pattern in _MAILERS if pattern.search(text)), "bounce")


SOURCE = Source("bounce", matches, read)

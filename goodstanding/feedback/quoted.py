"""SMTP replies as they are quoted in reports: found in prose, diagnostics and transcripts."""

from __future__ import annotations

import re
from typing import NamedTuple

from goodstanding.delivery.classify import with_code
from goodstanding.model import Reply

MOST = 40
"""Replies taken from one text."""

LOOKED_AT = 4_000
"""Characters of a text that are searched for replies."""


BEHIND = 200
"""Characters after a basic code within which its enhanced code may stand."""


class Quoted(NamedTuple):
    """One reply that a text quotes."""

    reply: Reply
    full: bool
    """A basic code stood there; without one it is made up from the enhanced code."""
    stage: str
    """The command it answered, as a word of `NetworkFailure.stage`; empty where the text does not say."""


_REPLY = re.compile(
    r"(?:(?<![\w.:/@=-])|(?<=[a-z]:)|(?<=said:)|(?<=smtp;)|(?<==))"
    r"(?P<code>[45]\d\d)(?:[ :,;-]+|(?=[<\[#('\"]))[\[('\"]{0,2}#?(?P<enhanced>[45]\.\d{1,3}\.\d{1,3})?(?![\d.])"
    r"|(?<![\w.])#?(?P<alone>[45]\.\d{1,3}\.\d{1,3})(?![\w.])",
    re.IGNORECASE,
)
"""A basic code with or without an enhanced one, or an enhanced code alone; not a port, a year or part of an address."""

_FIRST_HAND = (
    r"MSEXCH:|recipient name is not recognized|not listed in (?:the )?(?:Domino|public Name)|RecipNotFound|"
    r"^(?:Unknown user|User unknown|No such user|Unknown recipient): |not found in (?:directory|address book)|"
    r"^Invalid final delivery userid|delivery error: dd "
)
"""Words of the system that holds the mailboxes, of itself, or of a reporter before the reply it quotes (Sendmail says
"User unknown" of what RCPT got, "Service unavailable" of what DATA got): as good as a refusal of RCPT."""

_STAGES = (
    ("rcpt", re.compile(_FIRST_HAND, re.IGNORECASE | re.MULTILINE)),
    (
        "final",
        re.compile(
            r"end of data|end-of-data|after i sent the message|(?:after|response to) (?:the )?final dot", re.IGNORECASE
        ),
    ),
    ("data", re.compile(r"(?:in reply to|after|response to|\[)\s*DATA\b|>>> ?DATA|SMTP command\s+DATA")),
    ("rcpt", re.compile(r"RCPT[ _]T[Oo]\b|SMTP:RCPT|>>> ?RCPT|does not like recipient")),
    ("mail", re.compile(r"MAIL[ _]F(?:ROM|rom:)|>>> ?MAIL|sender was rejected")),
    (
        "greeting",
        re.compile(r"initial connection|refused to talk to me|connected to .{1,80} but greeting", re.IGNORECASE),
    ),
    ("hello", re.compile(r"(?:in reply to|after) (?:EHLO|HELO)|>>> ?(?:EHLO|HELO)", re.IGNORECASE)),
)

_ENVELOPE = re.compile(r"^Message details:", re.IGNORECASE | re.MULTILINE)
"""James lists the envelope below it, as MAIL FROM and RCPT TO, whatever was answered."""

_EMPTY = re.compile(r"(?:no recipients|service unavailable)\W*\Z", re.IGNORECASE)
"""Words that say nothing of a cause."""

_NOBODY_LEFT = re.compile(r"no valid recipients|need rcpt|rcpt first|valid rcpt command must precede", re.IGNORECASE)
"""What DATA is answered when every RCPT was refused (RFC 5321 §3.3): a consequence, no cause; so it was RCPT."""


def has_reply(text: str) -> bool:
    """Whether a refusal is quoted in it."""
    return _REPLY.search(text) is not None


def quoted(text: str) -> list[Quoted]:
    """Every refusal that a text quotes, in its order, each with the words up to the next one."""
    text = text[:LOOKED_AT]
    found = list(_REPLY.finditer(text))[:MOST]
    heads = [match for n, match in enumerate(found) if n == 0 or not _continues(text, found[n - 1], match)]
    if not heads:
        return []
    ends = [match.start() for match in heads[1:]] + [len(text)]
    return [_read(text, match, end) for match, end in zip(heads, ends, strict=True)]


def _continues(text: str, last: re.Match[str], match: re.Match[str]) -> bool:
    """Whether it is a further line of the same reply (RFC 5321 §4.2.1: ``554-`` and ``554``), or its enhanced code."""
    code = last["code"]
    if _behind(text, last, match):
        return True
    return code is not None and code == match["code"] and text[last.end("code") : last.end("code") + 1] == "-"


def _behind(text: str, last: re.Match[str], match: re.Match[str]) -> bool:
    """Whether it is the enhanced code of the reply before it, on the same line: ``550 who is that (#5.1.1)``."""
    alone = match["alone"] or ""
    if not alone or last["code"] is None or last["enhanced"] or alone[0] != last["code"][0]:
        return False
    return match.start() - last.end() < BEHIND and "\n" not in text[last.start() : match.start()]


def _read(text: str, match: re.Match[str], end: int) -> Quoted:
    enhanced = match["enhanced"] or match["alone"] or ""
    code = int(match["code"] or (450 if enhanced[0] == "4" else 550))
    words = text[match.end() : end]
    if match["alone"]:  # qmail and others put it behind the words
        words = text[max(0, match.start() - 300) : match.start()].rpartition("\n\n")[2] + words
    words = words.lstrip(" :-;,)]'\"#")
    if match["code"]:
        words = re.sub(rf"\s{match['code']}[ -](?:{re.escape(enhanced)} )?", " ", words)
    return Quoted(
        with_code(Reply(code, enhanced, words.rstrip())),
        match["code"] is not None,
        stage_of(text[max(0, match.start() - 200) : end]),
    )


def stage_of(text: str) -> str:
    """Which command a text says a reply was to."""
    text = _ENVELOPE.split(text, maxsplit=1)[0]
    return next((stage for stage, pattern in _STAGES if pattern.search(text)), "")


def worst(text: str) -> Quoted | None:
    """The reply that tells most: permanent ones before transient ones, with words before those without."""
    replies = quoted(text)
    caused = [one for one in replies if not _NOBODY_LEFT.search(one.reply.text)] or replies
    telling = [one for one in caused if one.reply.text and not _EMPTY.match(one.reply.text)] or caused
    final = [one for one in telling if one.reply.permanent] or telling
    for wanted in (
        (one for one in final if one.full),
        (one for one in final if one.reply.enhanced[-2:] != ".0"),
        final,
    ):
        if (chosen := next(iter(wanted), None)) is not None:
            of_rcpt = chosen.stage in ("", "data") and len(caused) < len(replies)
            return chosen._replace(stage="rcpt") if of_rcpt else chosen
    return None

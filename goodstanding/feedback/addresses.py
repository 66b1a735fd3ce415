"""Whom a bounce in prose is about: addresses, by how they stand in their line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

ADDRESS = r"[^\s<>()\[\],;:\"'@|*\\]{1,100}@(?:[^\s<>()\[\],;:\"'@|*\\/.]{1,63}\.){1,10}[^\W\d_][\w-]{0,62}"
"""An address as prose writes it: with dots in its domain, and a name at the end."""

LEADING, NAMED, MENTIONED = 3, 2, 1
"""How it stands: alone or at the head of its line; behind a word that announces a recipient; anywhere."""


def tidy(address: str) -> str:
    """Without brackets and quotes around it, its domain in lower case; at most 320 characters."""
    local, at, domain = address.strip(" \t<>\"'();,").removeprefix("mailto:").rpartition("@")
    return (local + at + domain.lower().rstrip(".") if at else domain)[:320]


class Found(NamedTuple):
    """One address in one line."""

    address: str
    line: int
    standing: int


_ANY = re.compile(ADDRESS)
_LEADING = re.compile(
    r"(?:[\W_]{0,12}|\s*[45]\d\d(?: [45]\.\d+\.\d+)? )(?:\[?smtp:|rfc822;\s*|mailto:)?[<\[('\"]{0,3}"
    rf"({ADDRESS})[>\])'\"]{{0,3}}"
    r"\s{0,20}(?:$|:|\.\.\.|;|,|\(|\[|--?\s|on \w{3},|\t|wasn|was |is |has |could|cannot|does|did |not |[45]\d\d[ -]|"
    r"unknown|user |reason)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?<!\w)(?:recipients?|address(?:es)?|addressee|rcpt to|rcpt|user|mailbox|userid|account|attempts|undeliverable|"
    r"reach|list|group|to|for|smtp|destinat\w{1,6}|an|à|para|per|для|адресу)"
    rf"(?:\(s\)|\(es\))?\W{{1,8}}(?:smtp[:=]|rfc822;)?[<\['\"]{{0,2}}({ADDRESS})",
    re.IGNORECASE,
)
_DDA = re.compile(rf"dda:SMTP=({ADDRESS})", re.IGNORECASE)
_NOT_OURS = re.compile(
    r"\W{0,4}(?:from|reply-to|sender|return-path|message-id|in-reply-to|references|x-[\w-]+|date|mail from|received|"
    r"to|cc|(?:system )?contact|in-response-to|von|de|da)\s*:|.{0,20}(?:MAIL FROM|<<<.{0,80}MAIL FROM)\b|.{0,40}\bid <",
    re.IGNORECASE,
)
"""Lines whose addresses are not recipients."""
_CONTACT = re.compile(
    r"contact|assistance|questions?|please (?:reply|write|send|forward)|help|report this|complain|unsubscribe",
    re.IGNORECASE,
)
_OFFICES = frozenset(("postmaster", "mailer-daemon", "abuse", "support", "helpdesk", "hostmaster", "noc", "webmaster"))
_EXPANDED = re.compile(rf"expanded from:?\s*<?({ADDRESS})", re.IGNORECASE)


def addresses(lines: Sequence[str], not_these: frozenset[str]) -> list[Found]:
    """Every address that may be a recipient; ``not_these`` (lower case) are others."""
    found: list[Found] = []
    for n, line in enumerate(lines):
        if "@" not in line or line.lstrip().startswith(("Subject:", "> ")) or _NOT_OURS.match(line):
            continue
        found += [one for one in _in_line(line, n) if _may_be(one, not_these, line)]
    return found


def _in_line(line: str, n: int) -> list[Found]:
    leading = _LEADING.match(line)
    named = [match[1] for match in _NAMED.finditer(line)] + _DDA.findall(line)
    first = leading[1] if leading is not None else ""
    return [
        Found(tidy(address), n, LEADING if address == first else NAMED if address in named else MENTIONED)
        for address in dict.fromkeys(_ANY.findall(line) + named)
    ]


def _may_be(one: Found, not_these: frozenset[str], line: str) -> bool:
    if (one.standing < LEADING and one.address.lower() in not_these) or _EXPANDED.search(line):
        return False
    local = one.address.rpartition("@")[0].lower()
    return not (one.standing < LEADING and (local in _OFFICES or _CONTACT.search(line)))


def expanded_from(lines: Sequence[str], n: int) -> str:
    """The address that an alias was expanded from, as Sendmail tells below the alias; empty otherwise."""
    for line in lines[n : n + 3]:
        match = _EXPANDED.search(line)
        if match is not None:
            return tidy(match[1])
    return ""


def best(found: Sequence[Found], returned_to: frozenset[str], not_these: frozenset[str]) -> list[Found]:
    """Those that stand best; where all are only mentioned, those whom the returned message was for."""
    found = [one for one in found if one.address.lower() not in not_these] or found
    for standing in (LEADING, NAMED):
        chosen = [one for one in found if one.standing == standing]
        if chosen:
            return _once(chosen)
    return _once([one for one in found if one.address.lower() in returned_to] or list(found))


def _once(found: Sequence[Found]) -> list[Found]:
    first: dict[str, Found] = {}
    for one in found:
        first.setdefault(one.address.lower(), one)
    return list(first.values())

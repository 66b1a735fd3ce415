"""What one report says: the values that every source of feedback is read into, whatever shape it came in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

from msgspec import Struct, structs

from goodstanding.feedback.mail import Mail
from goodstanding.model import BounceClass as BounceClass
from goodstanding.model import Reach as Reach

Kind = Literal[
    "bounce", "delay", "success", "complaint", "not-spam", "unsubscribe", "reply", "auto-reply", "open", "click",
    "auth-failure", "aggregate", "tls-report", "measure", "ordinary", "unreadable",
]  # fmt: skip
"""What a report is; ``auth-failure`` says that a check failed, and nobody complained; ``ordinary`` is mail that reports
nothing, ``unreadable`` claims to report and cannot be read."""


class Reading(Struct, frozen=True, gc=False, omit_defaults=True):
    """One thing that a report says, of one or more recipients. A statement of strangers: nothing in it is proven."""

    kind: Kind
    source: str = ""
    """Which reader understood it: ``dsn``, ``qmail``, ``arf`` ..."""
    recipients: tuple[str, ...] = ()
    """Whom we wrote to, as far as named: the original address where given, else the final one; domain in lower case."""
    status: str = ""
    """Enhanced status code (RFC 3463), or empty."""
    code: int = 0
    """Basic SMTP reply code, or 0."""
    reply: str = ""
    """The SMTP reply that is quoted, or the words that take its place."""
    klass: BounceClass | None = None
    """Of a bounce or a delay."""
    hard: bool = False
    """The recipient will never take mail: a reason to suppress. When in doubt it is not."""
    reach: Reach = "recipient"
    tokens: tuple[str, ...] = ()
    """Return-path local parts and values of our header fields found anywhere in the report, still sealed."""
    message_id: str = ""
    """Of the message it is about, without angle brackets."""
    detail: str = ""
    """In words, for people: the diagnosis, the type of feedback."""
    reporter: str = ""
    """Who says so: a host or an address."""
    arrived: float | None = None
    """Second (Unix time) of what it reports, where the report says so."""
    source_ip: str = ""
    """Address our mail came from, as the reporter saw it."""
    reported_domain: str = ""
    feedback_id: str = ""
    user_agent: str = ""
    authenticated: str = ""
    """What DKIM says of the report itself; filled in by the shell that has the DNS."""
    final_recipient: str = ""
    """Where an alias or a forward had led to, where that is another address."""
    count: int = 1
    """Messages it speaks of: aggregates name many."""
    feedback_type: str = ""
    """Of a complaint and its kin: ``abuse``, ``fraud``, ``not-spam`` ... as the reporter wrote it (RFC 5965 §3.5)."""
    report_id: str = ""
    """What the reporter calls this report: one that comes twice counts once."""
    target: str = ""
    """Of a click: where the link leads."""


class Source(NamedTuple):
    """One shape of report."""

    name: str
    matches: Callable[[Mail], bool]
    """Cheap, and true for every mail of this shape; may be true for others."""
    read: Callable[[Mail], list[Reading]]
    """Empty: it was not of this shape after all, and the next source is asked. Never raises."""


S = TypeVar("S", bound=Struct)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def printable(said: S) -> S:
    """The same with every text in it fit to be stored and shown: no control characters, no halves of characters.

    No database takes a lone surrogate, PostgreSQL takes no NUL, and strangers can write both (charset=utf-7).
    """
    texts = {name: getattr(said, name) for name in said.__struct_fields__}
    cleaned = {name: clean for name, value in texts.items() if (clean := _printable(value)) is not value}
    return structs.replace(said, **cleaned) if cleaned else said


def _printable(value: object) -> object:
    if isinstance(value, str):
        return value if value.isprintable() else _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", value))
    if isinstance(value, tuple):
        cleaned = tuple([_printable(one) for one in value])
        return cleaned if any(new is not old for new, old in zip(cleaned, value, strict=True)) else value
    return printable(value) if isinstance(value, Struct) else value

"""The mail log: one line per journal event, for people and grep. Written by this module only, from events only.

Lines are ``time kind message/n key=value ...``; addresses in angle brackets, free text last and in quotes.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, assert_never

import msgspec

from goodstanding.events import (
    KIND_OF,
    Accepted,
    Bounced,
    Deferred,
    Delivered,
    DomainChecked,
    EstateChanged,
    Event,
    Judged,
    Quarantined,
    QuarantineEnded,
    Refused,
)
from goodstanding.evidence import (
    Complained,
    Engaged,
    LadderMoved,
    Measured,
    OrderEnded,
    OrderIssued,
    Returned,
    Unmatched,
)
from goodstanding.model import message_name

EvidenceEvent = Returned | Complained | Engaged | Unmatched | Measured | LadderMoved | OrderIssued | OrderEnded

FRAMING = frozenset(' <>"%=')


def line(event: Event) -> str:
    """One event as one line, without the line end."""
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    about = f"{message_name(event.message)}/{event.n}" if event.message else "-"
    return f"{at} {KIND_OF[type(event)]} {about} to={_address(event.recipient)}{_details(event)}"


def _details(event: Event) -> str:
    if isinstance(event, Accepted):
        client = event.remote or "-"
        return f" from={_address(event.sender)} subscription={event.subscription} size={event.size} client={client}"
    if isinstance(event, Delivered):
        return (
            f" host={_word(event.host)} delay={event.delay:.3f} attempts={event.attempts} "
            f"tls={_word(event.tls.replace(' ', '/'))} reply={_quoted(event.reply)}"
        )
    if isinstance(event, Deferred):
        again = datetime.fromtimestamp(event.due, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return (
            f" host={_word(event.host)} attempts={event.attempts} reach={event.reach} again={again} "
            f"reply={_quoted(event.reply)}"
        )
    if isinstance(event, Bounced):
        why = "expired" if event.expired else event.reach
        notified = "yes" if event.notified else "no"
        return (
            f" host={_word(event.host)} attempts={event.attempts} why={why} notified={notified} "
            f"reply={_quoted(event.reply)}"
        )
    if isinstance(event, Refused):
        return (
            f" from={_address(event.sender)} subscription={event.subscription} client={event.remote} "
            f"reply={_quoted(event.reply)}"
        )
    if isinstance(event, Quarantined | Judged):
        verdict = ""
        if isinstance(event, Judged):
            verdict = f" verdict={event.action} applied={'no' if event.shadow else 'yes'}"
        return f" subscription={event.subscription}{verdict} reasons={','.join(slugs(event)) or '-'}"
    if isinstance(event, QuarantineEnded):
        return f" how={event.how} by={_word(event.by)} because={_quoted(event.because)}"
    if isinstance(event, EstateChanged):
        return f" what={_quoted(event.what)} change={_quoted(event.change)} by={_word(event.by)}"
    if isinstance(event, DomainChecked):
        return f" domain={event.domain} state={event.state} because={_quoted(event.because)}"
    if isinstance(event, EvidenceEvent):
        return _of_evidence(event)
    by = getattr(event, "by", "")
    return f" by={by or '-'}"


def _of_evidence(event: EvidenceEvent) -> str:
    """What came back, and what was done about it."""
    match event:
        case Returned():
            hard = "yes" if event.hard else "no"
            return f" class={event.klass} hard={hard} reach={event.reach} reply={_quoted(event.reply)}"
        case Complained():
            return f" kind={_word(event.kind)} reporter={_address(event.reporter)}"
        case Engaged():
            return f" how={event.how} by={event.by}"
        case Unmatched():
            return f" kind={event.kind} reporter={_address(event.reporter)} because={_quoted(event.because)}"
        case Measured():
            return f" key={_quoted(event.key)} provider={_word(event.provider)} because={_quoted(event.because)}"
        case LadderMoved():
            moved = f"from={event.came_from} rung={event.rung} cause={event.cause} by={_word(event.by)}"
            return f"{_whose(event)} {moved}{_applied(event)} because={_quoted(event.because)}"
        case OrderIssued():
            return f"{_whose(event)} order={event.what}{_applied(event)} because={_quoted(event.because)}"
        case OrderEnded():
            return f"{_whose(event)} order={event.what} because={_quoted(event.because)}"
        case _:
            assert_never(event)


def _whose(event: LadderMoved | OrderIssued | OrderEnded) -> str:
    """The key, and whose it is: a campaign's number alone says it to nobody."""
    return f" tenant={event.tenant or '-'} key={_quoted(event.key)}"


def _applied(event: LadderMoved | OrderIssued) -> str:
    return " applied=no" if event.shadow else ""


def slugs(event: Refused | Quarantined | Judged) -> list[str]:
    """The reasons that admission had, each once, in the order they were found."""
    found = msgspec.json.decode(event.findings or "[]")
    return list(dict.fromkeys(finding["slug"] for finding in found))


def _address(address: str) -> str:
    """An address as one word: a quoted local part may hold anything, and must not look like the rest of the line."""
    if address.isprintable() and not FRAMING.intersection(address):
        return f"<{address}>"
    return "<" + "".join(f"%{ord(c):02X}" if c in FRAMING or not c.isprintable() else c for c in address) + ">"


def _word(text: str) -> str:
    return text.replace(" ", "") or "-"


def _quoted(text: str) -> str:
    """Free text of a stranger: it may contain anything but must not end the line or the quotes."""
    return '"' + "".join(c if c.isprintable() and c != '"' else "?" for c in text) + '"'


class MailLog:
    """Where the lines go: ``stderr``, ``off``, or a file that is opened anew when told to (log rotation)."""

    def __init__(self, where: str) -> None:
        self._path = None if where in ("off", "stderr") else Path(where)
        self._file: TextIO | None = sys.stderr if where == "stderr" else None
        self.reopen()

    def reopen(self) -> None:
        """Begin a new file where the old one was moved away."""
        if self._path is not None:
            if self._file is not None:
                self._file.close()
            # Addresses are nobody else's business.
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
            self._file = os.fdopen(fd, "a", encoding="utf-8", errors="backslashreplace")

    def tell(self, events: Sequence[Event]) -> None:
        """Write a line for each event, all with one write."""
        if self._file is not None and events:
            self._file.write("".join(f"{line(event)}\n" for event in events))
            self._file.flush()


@dataclass(slots=True)
class Told:
    """What the writer tells of every commit: the mail log, and counts by kind and by reason."""

    maillog: MailLog
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def __call__(self, events: Sequence[Event]) -> None:
        """Called in the writer's thread."""
        self.maillog.tell(events)
        for event in events:
            self.counts[KIND_OF[type(event)]] += 1
            if isinstance(event, Refused | Judged):  # what is held is judged, too
                self.reasons.update(slugs(event))

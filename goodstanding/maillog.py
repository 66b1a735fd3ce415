"""The mail log: one line per journal event, for people and grep. Written by this module only, from events only.

Lines are ``time kind message/n key=value ...``; addresses in angle brackets, free text last and in quotes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from goodstanding.events import (
    KIND_OF,
    Accepted,
    Bounced,
    Deferred,
    Delivered,
    Event,
    Refused,
)
from goodstanding.model import message_name


def line(event: Event) -> str:
    """One event as one line, without the line end."""
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    about = f"{message_name(event.message)}/{event.n}" if event.message else "-"
    return f"{at} {KIND_OF[type(event)]} {about} to=<{event.recipient}>{_details(event)}"


def _details(event: Event) -> str:
    if isinstance(event, Accepted):
        return (
            f" from=<{event.sender}> subscription={event.subscription} size={event.size} client={event.remote or '-'}"
        )
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
            f" from=<{event.sender}> subscription={event.subscription} client={event.remote} "
            f"reply={_quoted(event.reply)}"
        )
    by = getattr(event, "by", "")
    return f" by={by or '-'}"


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
            self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace")

    def tell(self, events: Sequence[Event]) -> None:
        """Write a line for each event, all with one write."""
        if self._file is not None and events:
            self._file.write("".join(f"{line(event)}\n" for event in events))
            self._file.flush()

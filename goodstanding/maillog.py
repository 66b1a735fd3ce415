"""The mail log: one line per journal event, for people and grep. Written by this module only, from events only.

Lines are ``time kind message/n key=value ...``; addresses in angle brackets, free text last and in quotes.
"""

from __future__ import annotations

import os
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
    by = getattr(event, "by", "")
    return f" by={by or '-'}"


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

"""JSON as others send it: whatever is missing or of another type reads as empty, and nothing raises."""

from __future__ import annotations

from calendar import timegm
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

LARGEST = 32 * 1024 * 1024
"""Octets of a document that are decoded at all; a longer one reads as empty."""

_LONGEST_TEXT = 2_000
"""Characters of a value that are kept: nothing we keep is longer, and a report is not to fill our store."""


class Node(Struct, frozen=True, gc=False):
    """One value of a document, with what stands below it."""

    value: object = None

    def get(self, *names: str) -> Node:
        """What stands under the first of these names that is there."""
        if isinstance(self.value, dict):
            for name in names:
                if name in self.value:
                    return Node(self.value[name])
        return EMPTY

    def at(self, *path: str) -> Node:
        """What stands under the first name, under the second name below that, and so on."""
        node = self
        for name in path:
            node = node.get(name)
        return node

    @property
    def text(self) -> str:
        """A string or a number as text, without control characters."""
        if isinstance(self.value, str):
            text = self.value[:_LONGEST_TEXT].strip()
            return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
        return (
            "" if self.value is None or isinstance(self.value, bool | dict | list) else str(self.value)[:_LONGEST_TEXT]
        )

    @property
    def count(self) -> int:
        """A whole number that is not negative; 0 for anything else."""
        return int(self.number)

    @property
    def number(self) -> float:
        """A number that is finite and not negative; 0 for anything else."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | str):
            return 0.0
        try:
            number = float(self.value)
        except (ValueError, OverflowError):
            return 0.0
        return number if 0.0 <= number < 1e15 else 0.0

    @property
    def each(self) -> list[Node]:
        """The values of a list; a single value counts as a list of one, as many senders write it."""
        if isinstance(self.value, list):
            return [Node(value) for value in self.value]
        return [] if self.value is None else [self]

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    def __contains__(self, name: str) -> bool:
        return isinstance(self.value, dict) and name in self.value


EMPTY = Node()


def parse(octets: bytes | str) -> Node:
    """The document; empty for what is no JSON, too deep or too long."""
    if len(octets) > LARGEST:
        return EMPTY
    try:
        return Node(msgspec.json.decode(octets.removeprefix(b"\xef\xbb\xbf") if isinstance(octets, bytes) else octets))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return EMPTY


def seconds(text: str) -> float | None:
    """An ISO 8601 date and time, with or without zone (then UTC), as a second; None for anything else."""
    try:
        when = datetime.fromisoformat(text.strip())
        return when.timestamp() if when.tzinfo else timegm(when.timetuple()) + when.microsecond / 1e6
    except (ValueError, OverflowError):
        return None


def day_start(year: int, month: int, day: int) -> float | None:
    """The second a day of UTC begins; None when there is no such day."""
    try:
        return datetime(year, month, day, tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None

"""Verbs over reports that lie in files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from goodstanding.delivery.classify import MEANINGS, Meaning
from goodstanding.errors import GoodstandingError
from goodstanding.evidence import Unmatched as Unmatched
from goodstanding.feedback.files import Classified, classified
from goodstanding.model import BounceClass
from goodstanding.store import journal
from goodstanding.store.db import Database


class Unbelieved(Struct, frozen=True):
    """Reports that changed nothing."""

    total: int
    """How many the journal knows of."""
    latest: list[Unmatched]
    """Some of them, newest first."""


def unmatched(database: Database, limit: int) -> Unbelieved:
    """Reports that belong to no message of ours, or do not prove that they do."""
    with database.read() as tx:
        latest = [event for event in journal.latest_of(tx, "unmatched", limit) if isinstance(event, Unmatched)]
        return Unbelieved(journal.counts(tx).get("unmatched", 0), latest)


def classes() -> dict[BounceClass, Meaning]:
    """Every class of a bounce and what follows from it."""
    return MEANINGS


def read(octets: bytes, name: str) -> list[Classified]:
    """What the reports in a file say."""
    return list(classified(octets, name))


def classify(names: Iterable[str]) -> Iterator[Classified]:
    """What the reports in these files say; ``-`` is what comes by standard input."""
    for name in names:
        try:
            octets = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as exc:
            raise GoodstandingError(f"cannot read {name}: {exc.strerror or exc}") from exc
        yield from classified(octets, name)

"""Verbs over reports that lie in files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from goodstanding.delivery.classify import MEANINGS, Meaning
from goodstanding.errors import GoodstandingError
from goodstanding.feedback.files import Classified, classified
from goodstanding.model import BounceClass


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

"""Reads the bytes of queued messages, wherever they are by now: small ones at once, large ones part by part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from goodstanding.model import MessageId
from goodstanding.store import queue
from goodstanding.store.db import Database
from goodstanding.store.spool import PART, Place, Spool, segment_path


@dataclass(frozen=True, slots=True)
class Large:
    """A message too large to be held: read from disk anew each time it is iterated over."""

    spool: Spool
    message: MessageId
    place: Place

    def __iter__(self) -> Iterator[bytes]:
        return self.spool.read(self.message, self.place)


def fetch(spool: Spool, database: Database, message: MessageId, place: Place) -> Iterable[bytes]:
    """Prefix first, then the body. Raises OSError when the bytes are gone, StoreError when the store is."""
    if spool.in_database:
        with database.read() as tx:
            return list(spool.read(message, place, tx))
    try:
        return _read(spool, message, place)
    except FileNotFoundError:
        with database.read() as tx:
            moved = queue.place_of(tx, message)
        if moved is None or moved == place:
            raise
        return _read(spool, message, moved)


def _read(spool: Spool, message: MessageId, place: Place) -> Iterable[bytes]:
    if place.size <= 4 * PART:
        return list(spool.read(message, place))
    segment_path(spool.folder, place.segment).stat()
    return Large(spool, message, place)

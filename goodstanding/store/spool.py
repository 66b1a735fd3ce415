"""Message bytes on disk: appended once to large segment files, fsynced before the rows that point at them commit.

A segment belongs to the worker that writes it and closes when full or when its writer is gone. Its row counts the
messages that still wait in it; a closed segment nobody waits in is deleted with the transaction that settled the
last one. A message too large for memory is written to a segment of its own while it arrives. Stragglers that pin an
almost empty segment are moved on by `goodstanding.delivery.upkeep`. Where the store is PostgreSQL the same bytes are
rows of ``content`` instead, because another machine may be the one to deliver them.

What can go wrong: a crash leaves bytes without rows (swept when the worker is buried); a full disk leaves half a write
(the segment is abandoned and the next one begun). Neither is ever read, because no row points there.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from goodstanding.errors import StoreError
from goodstanding.store.db import Database, Tx

PART = 256 * 1024
"""Bytes read at a time, and the size of one row of ``content``."""
IOV_MAX = 1000
OWNER_SHIFT = 40
"""A segment's number is its worker's id, then a count of 40 bits: one life may write a large message every 10 µs."""


class Place(Struct, frozen=True, gc=False):
    """Where the bytes of a message are: the body as submitted, then the header prefix we add."""

    segment: int
    offset: int
    size: int
    """Bytes of the body."""
    prefix: int
    """Bytes of the prefix that follows it."""


@dataclass(slots=True)
class Content:
    """The bytes of one message on their way into the spool."""

    message: int
    body: Sequence[bytes]
    """Empty when the body is in ``large`` already."""
    size: int
    prefix: bytes
    large: LargeFile | None = None


class LargeFile:
    """A segment of its own for one large message, written while it arrives."""

    __slots__ = ("_fd", "_path", "segment", "size", "skip")

    def __init__(self, folder: Path, segment: int) -> None:
        self.segment = segment
        self.size = 0
        self.skip = 0
        """Octets at its beginning that are no part of the message any more: a header that came and was rewritten."""
        self._path = segment_path(folder, segment)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append; blocks, so call it from a thread."""
        _write_all(self._fd, chunks)
        self.size += sum(map(len, chunks))

    def read(self) -> Iterator[bytes]:
        """What has been written so far and is not skipped, in parts."""
        with self._path.open("rb") as file:
            file.seek(self.skip)
            while part := file.read(PART):
                yield part

    def finish(self, prefix: bytes) -> None:
        """Append the prefix and make all of it durable; a second call changes nothing."""
        if self._fd < 0:
            return
        _write_all(self._fd, [prefix])
        os.fdatasync(self._fd)
        os.close(self._fd)
        self._fd = -1

    def discard(self) -> None:
        """The message will not be kept."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._path.unlink(missing_ok=True)


def segment_path(folder: Path, segment: int) -> Path:
    """The file of a segment."""
    return folder / f"{segment:016x}.seg"


def _write_all(fd: int, chunks: Sequence[bytes]) -> int:
    """Write every chunk, whatever the kernel takes at once; how many bytes that was."""
    total = 0
    for start in range(0, len(chunks), IOV_MAX):
        batch = chunks[start : start + IOV_MAX]
        wanted, written = sum(map(len, batch)), os.writev(fd, batch)
        if written < wanted:
            rest = memoryview(b"".join(batch))[written:]
            while rest:
                rest = rest[os.write(fd, rest) :]
        total += wanted
    return total


class Spool:
    """The spool of one worker; writing happens in its writer thread only, reading anywhere."""

    def __init__(self, folder: Path, database: Database, owner: int, segment_size: int) -> None:
        self.folder = folder
        self.owner = owner
        self._in_database = database.engine == "postgresql"
        self._segment_size = segment_size
        self._made = 0
        self._fd = -1
        self._segment = 0
        self._end = 0
        self._announced = self._booked = False
        self._abandoned: list[int] = []
        self._doomed: list[int] = []
        """Segments whose files go when the transaction is durable."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __repr__(self) -> str:
        return f"<Spool segment {self._segment:x}, {self._end} bytes>"

    def large_file(self) -> LargeFile:
        """A segment for one message that is too large for memory. Raises StoreError when the disk is full."""
        try:
            return LargeFile(self.folder, self._next_segment())
        except OSError as exc:
            raise StoreError(f"spool: {exc}") from exc

    def write(self, contents: Sequence[Content]) -> list[Place]:
        """Make the bytes durable: one write and one fdatasync for all of them. Raises StoreError, leaving nothing."""
        if not contents:
            return []
        try:
            return self._write(contents)
        except OSError as exc:
            self._abandon()
            raise StoreError(f"spool: {exc}") from exc

    def _write(self, contents: Sequence[Content]) -> list[Place]:
        places: list[Place] = []
        chunks: list[bytes] = []
        if not self._in_database and (self._fd < 0 or self._end >= self._segment_size):
            self._roll()
        for content in contents:
            prefix = len(content.prefix)
            if content.large is not None:
                content.large.finish(content.prefix)
                places.append(Place(content.large.segment, content.large.skip, content.size, prefix))
            elif self._in_database:
                places.append(Place(0, 0, content.size, prefix))
            else:
                chunks.extend(content.body)
                chunks.append(content.prefix)
                places.append(Place(self._segment, self._end, content.size, prefix))
                self._end += content.size + prefix
        if chunks:
            _write_all(self._fd, chunks)
            os.fdatasync(self._fd)
        if any(content.large for content in contents):
            _sync_folder(self.folder)
        return places

    def book(self, tx: Tx, contents: Sequence[Content], places: Sequence[Place]) -> None:
        """Count the new messages in their segments, in the transaction that adds their rows; close abandoned ones."""
        if self._in_database:
            self._book_in_database(tx, contents)
            self._doomed.extend(content.large.segment for content in contents if content.large)
            return
        for segment in self._abandoned:
            self._close(tx, segment)
        counts = Counter(place.segment for place in places)
        here = counts.pop(self._segment, 0)
        if here and not self._announced:
            tx.run(
                "INSERT INTO segment (id, owner, live, total) VALUES (?, ?, ?, ?)",
                (self._segment, self.owner, here, here),
            )
        elif here:
            tx.run("UPDATE segment SET live = live + ?, total = total + ? WHERE id = ?", (here, here, self._segment))
        self._booked = self._announced or here > 0
        tx.insert(
            "INSERT INTO segment (id, owner, live, total, closed) VALUES", [(s, self.owner, 1, 1, 1) for s in counts]
        )

    def _book_in_database(self, tx: Tx, contents: Sequence[Content]) -> None:
        rows: list[tuple[int, int, bytes]] = []
        for content in contents:
            octets = b"".join((*_large_chunks(self.folder, content.large), *content.body, content.prefix))
            rows.extend((content.message, i // PART, octets[i : i + PART]) for i in range(0, len(octets), PART))
        tx.many("INSERT INTO content (message, part, octets) VALUES (?, ?, ?b)", rows)

    def forget(self, tx: Tx, gone: Iterable[tuple[int, int]]) -> None:
        """Messages (id, segment) that nobody waits for any more leave the spool with this transaction."""
        if self._in_database:
            tx.among("DELETE FROM content WHERE message IN", [message for message, _ in gone])
            return
        counts = Counter(segment for _, segment in gone)
        for segment, count in counts.items():
            left = tx.row("UPDATE segment SET live = live - ? WHERE id = ? RETURNING live, closed", (count, segment))
            if left and left[0] <= 0 and left[1]:
                tx.run("DELETE FROM segment WHERE id = ?", (segment,))
                self._doomed.append(segment)

    def committed(self) -> None:
        """The transaction is durable: delete the files it made superfluous."""
        self._announced = self._booked
        self._abandoned.clear()
        doomed, self._doomed = self._doomed, []
        for segment in doomed:
            with contextlib.suppress(OSError):  # what cannot be deleted now is swept when this worker has ended
                segment_path(self.folder, segment).unlink(missing_ok=True)

    def undone(self) -> None:
        """The transaction failed: nothing it would have deleted is deleted, what it wrote is never pointed at."""
        self._doomed.clear()
        self._abandon()

    def read(self, message: int, place: Place, tx: Tx | None = None) -> Iterator[bytes]:
        """The prefix, then the body, in parts of `PART` bytes.

        Raises FileNotFoundError when the message has moved or left, StoreError when its bytes are damaged: half a
        message must never go out.
        """
        if self._in_database:
            assert tx is not None
            yield from _read_rows(tx, message, place)
            return
        fd = os.open(segment_path(self.folder, place.segment), os.O_RDONLY)
        try:
            if place.size + place.prefix <= PART:
                octets = _pread(fd, place.size + place.prefix, place.offset)
                yield octets[place.size :]
                yield octets[: place.size]
                return
            yield _pread(fd, place.prefix, place.offset + place.size)
            for start in range(0, place.size, PART):
                yield _pread(fd, min(PART, place.size - start), place.offset + start)
        finally:
            os.close(fd)

    @property
    def in_database(self) -> bool:
        """Whether reading needs a transaction."""
        return self._in_database

    def _roll(self) -> None:
        """Begin the next segment; the present one is closed with the next transaction."""
        self._abandon()
        self._segment = self._next_segment()
        self._fd = os.open(segment_path(self.folder, self._segment), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        _sync_folder(self.folder)

    def _abandon(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._abandoned.append(self._segment)
        self._fd, self._end = -1, 0
        self._announced = self._booked = False

    def _close(self, tx: Tx, segment: int) -> None:
        """No more will be written there; if nothing waits in it, it goes."""
        left = tx.row("UPDATE segment SET closed = 1 WHERE id = ? RETURNING live", (segment,))
        if left is None or left[0] <= 0:
            tx.run("DELETE FROM segment WHERE id = ?", (segment,))
            self._doomed.append(segment)

    def _next_segment(self) -> int:
        """Unique without asking anybody: worker ids are unique and rise."""
        self._made += 1
        return self.owner << OWNER_SHIFT | self._made


def _read_rows(tx: Tx, message: int, place: Place) -> Iterator[bytes]:
    octets = b"".join(
        bytes(row[0]) for row in tx.rows("SELECT octets FROM content WHERE message = ? ORDER BY part", (message,))
    )
    if not octets and place.size + place.prefix:
        raise FileNotFoundError(f"message {message} has left the store")
    if len(octets) != place.size + place.prefix:
        raise StoreError(f"message {message} has {len(octets)} bytes instead of {place.size + place.prefix}")
    yield octets[place.size :]
    yield octets[: place.size]


def _pread(fd: int, size: int, offset: int) -> bytes:
    octets = os.pread(fd, size, offset)
    if len(octets) != size:
        raise StoreError(f"a spool segment ends at {offset + len(octets)}, before {offset + size}: it is damaged")
    return octets


def _large_chunks(folder: Path, large: LargeFile | None) -> list[bytes]:
    """The body in a large file, for the database; the file is superfluous once that is durable."""
    return [] if large is None else [segment_path(folder, large.segment).read_bytes()[large.skip : large.size]]


def _sync_folder(folder: Path) -> None:
    """A new file survives a crash only when its folder entry does."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sweep(folder: Path, tx: Tx) -> int:
    """Delete segment files that no row knows and no living worker writes (left by a crash); how many.

    Safe at any time, in a writing transaction: files are listed first, so the row of each writer is there to be seen.
    """
    files = list(folder.glob("*.seg"))
    living = {row[0] for row in tx.rows("SELECT id FROM worker")}
    known = {segment_path(folder, row[0]).name for row in tx.rows("SELECT id FROM segment")}
    stray = [path for path in files if path.name not in known and int(path.stem, 16) >> OWNER_SHIFT not in living]
    for path in stray:
        path.unlink()
    return len(stray)

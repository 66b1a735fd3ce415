"""The bytes of one message while it arrives: in memory while it is small, in its own spool file when it is not."""

from __future__ import annotations

from goodstanding.store.spool import LargeFile, Spool
from goodstanding.wire.message import header_end

HEADER_LIMIT = 256 * 1024
"""Bytes; a header longer than this is refused."""
WRITE_SIZE = 256 * 1024


class Memory:
    """Bytes of arriving messages that one worker holds, all sessions together."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0


class Incoming:
    """One arriving message. Pieces are kept as they came; nothing is ever joined but the header."""

    __slots__ = ("_held", "_memory", "_spill_size", "_spool", "chunks", "head", "large", "size")

    def __init__(self, spool: Spool, memory: Memory, spill_size: int) -> None:
        self._spool = spool
        self._memory = memory
        self._spill_size = spill_size
        self._held = 0
        self.chunks: list[bytes] = []
        """What is in memory: the whole body of a small message, the unwritten rest of a large one."""
        self.head = b""
        """The beginning of a large message, with all of its header."""
        self.large: LargeFile | None = None
        self.size = 0

    def add(self, octets: bytes) -> None:
        """Take the next bytes. Raises StoreError when they must go to disk and the disk will not have them."""
        self.chunks.append(octets)
        length = len(octets)
        self.size += length
        self._held += length
        self._memory.used += length
        crowded = self.large is not None or self._memory.used > self._memory.limit
        if self._held > self._spill_size or (crowded and self._held >= WRITE_SIZE):
            self._spill()

    def _spill(self) -> None:
        if self.large is None:
            self.large = self._spool.large_file()
            self.head = b"".join(self.chunks)[:HEADER_LIMIT]
        self.large.write(self.chunks)
        self._release()

    def header(self) -> bytes | None:
        """The header with its blank line; None when it is longer than `HEADER_LIMIT`."""
        first = self.head or (self.chunks[0] if self.chunks else b"")
        if not self.head and b"\r\n\r\n" not in first:
            first = b"".join(self.chunks)
        end = header_end(first)
        return None if end > HEADER_LIMIT or (end >= HEADER_LIMIT and self.large) else first[:end]

    def complete(self) -> None:
        """All bytes have come: a large message is written to its end."""
        if self.large is not None and self.chunks:
            self._spill()

    def discard(self) -> None:
        """The message will not be kept."""
        if self.large is not None:
            self.large.discard()
            self.large = None
        self._release()

    def release(self) -> None:
        """The message is in the spool; its memory is somebody else's to count now."""
        self._memory.used -= self._held
        self._held = 0

    def _release(self) -> None:
        self.release()
        self.chunks = []

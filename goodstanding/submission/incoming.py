"""The bytes of one message while it arrives: in memory while it is small, in its own spool file when it is not."""

from __future__ import annotations

from goodstanding.errors import StoreError
from goodstanding.store.spool import LargeFile, Spool
from goodstanding.wire.message import header_end

HEADER_LIMIT = 256 * 1024
"""Bytes; a header longer than this is refused."""
WRITE_SIZE = 256 * 1024
CROWDED_WRITE_SIZE = 32 * 1024
"""As `WRITE_SIZE`, where memory has run out: ten thousand slow clients may hold so much each, but no more."""
PIECE_COST = 64
"""Bytes a piece takes besides its octets: they come one by one from clients that mean harm."""


class Memory:
    """Bytes of arriving messages that one worker holds, all sessions together."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0


class Incoming:
    """One arriving message. Pieces are kept as they came; nothing is ever joined but the header."""

    __slots__ = (
        *("_head_is_whole", "_held", "_memory", "_spill_size", "_spool"),
        *("chunks", "eight_bit", "head", "large", "size"),
    )

    def __init__(self, spool: Spool, memory: Memory, spill_size: int) -> None:
        self._spool = spool
        self._memory = memory
        self._spill_size = spill_size
        self._held = 0
        self.chunks: list[bytes] = []
        """What is in memory: the whole body of a small message, the unwritten rest of a large one."""
        self.head = b""
        """The header of a large message, or how it begins if it has none."""
        self._head_is_whole = False
        self.eight_bit = False
        """What was written of a large message has octets over 127."""
        self.large: LargeFile | None = None
        self.size = 0

    def add(self, octets: bytes) -> None:
        """Take the next bytes. Raises StoreError when they must go to disk and the disk will not have them."""
        self.chunks.append(octets)
        length = len(octets)
        self.size += length
        self._held += length + PIECE_COST
        memory = self._memory
        memory.used += length + PIECE_COST
        if memory.used > memory.limit:
            if self._held >= CROWDED_WRITE_SIZE:
                self._spill()
        elif self._held > self._spill_size or (self.large is not None and self._held >= WRITE_SIZE):
            self._spill()

    def _spill(self) -> None:
        if self.large is None:
            self.large = self._spool.large_file()
        if not self._head_is_whole:
            self._keep_head()
        self.eight_bit = self.eight_bit or not all(chunk.isascii() for chunk in self.chunks)
        self.large.write(self.chunks)
        self._memory.used -= self._held
        self._held = 0
        self.chunks = []

    def _keep_head(self) -> None:
        """Keep the header in memory as far as it has come, and nothing of the body."""
        head = b"".join([self.head, *self.chunks])[:HEADER_LIMIT]
        end = header_end(head)
        self._head_is_whole = end < len(head) or len(head) == HEADER_LIMIT or head.endswith(b"\r\n\r\n")
        head = head[: end or 2]
        if len(head) > CROWDED_WRITE_SIZE and self._memory.used > self._memory.limit:
            raise StoreError("too many messages with long headers are arriving at once")
        self._memory.used += len(head) - len(self.head)
        self.head = head

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
        self.release()
        self.chunks = []

    def release(self) -> None:
        """The message is in the spool; its memory is somebody else's to count now."""
        self._memory.used -= self._held + len(self.head)
        self._held = 0
        self.head = b""

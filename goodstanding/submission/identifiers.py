"""Message ids: unique without asking anybody, ordered by time. 41 bits of milliseconds, 10 of worker, 12 of count."""

from __future__ import annotations

from goodstanding.model import ID_EPOCH, MessageId


class Identifiers:
    """Gives out the ids of one worker; ``slot`` (0-1023) differs between living workers."""

    __slots__ = ("_count", "_millisecond", "_slot")

    def __init__(self, slot: int) -> None:
        if not 0 <= slot < 1024:
            raise ValueError(f"slot {slot} does not fit in 10 bits")
        self._slot = slot
        self._millisecond = 0
        self._count = 0

    def next(self, now: float) -> MessageId:
        """A new id; a clock that stands still or steps back costs order by time, never uniqueness."""
        millisecond = int((now - ID_EPOCH) * 1000)
        if millisecond > self._millisecond:
            self._millisecond, self._count = millisecond, 0
        else:
            self._count += 1
            if self._count == 4096:
                self._millisecond, self._count = self._millisecond + 1, 0
        return MessageId(self._millisecond << 22 | self._slot << 12 | self._count)

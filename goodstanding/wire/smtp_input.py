"""The unread input of a server session, cut into command lines or handed over whole to a body."""

from __future__ import annotations

AUTH_LINE_LIMIT = 12_288  # octets with CRLF, RFC 4954 §4


class Input:
    """Octets received and not yet understood. A line that is too long is read over, not kept."""

    __slots__ = ("_at", "_is_overlong", "_octets", "line_is_long")

    def __init__(self) -> None:
        self._octets = b""
        self._at = 0  # where the unread part begins; moving this is cheaper than cutting, with many short lines
        self._is_overlong = False  # the head of the present line is gone already
        self.line_is_long = False
        """Whether the last line returned was longer than allowed; it may be only its end."""

    def __len__(self) -> int:
        return len(self._octets) - self._at

    def add(self, octets: bytes) -> None:
        """Take what was received."""
        self._octets = self._octets[self._at :] + octets if self else octets
        self._at = 0

    def begins_with(self, octets: bytes) -> bool:
        """Whether the unread part begins so."""
        return self._octets.startswith(octets, self._at)

    def next_line(self, limit: int, in_auth: bool) -> bytes | None:
        """The next line with its LF, or None while it is not complete."""
        end = self._octets.find(b"\n", self._at) + 1
        length = (end or len(self._octets)) - self._at
        is_long = length > limit and length > (AUTH_LINE_LIMIT if in_auth or self._is_auth() else limit)
        if not end:
            if is_long:
                self._is_overlong = True
                self.replace(b"")
            return None
        line = self._octets[self._at : end]
        self._at = end
        self.line_is_long = is_long or self._is_overlong
        self._is_overlong = False
        return line

    def take(self, most: int) -> bytes:
        """Read up to so many octets; without a copy where these are all there are."""
        octets = self._octets[self._at : self._at + most]
        self._at += len(octets)
        return octets

    def compact(self) -> None:
        """Hold on to nothing that has been read."""
        if self._at:
            self.replace(self._octets[self._at :])

    def replace(self, octets: bytes) -> None:
        """Have this as all that is unread."""
        self._octets = octets
        self._at = 0

    def _is_auth(self) -> bool:
        return self._octets[self._at : self._at + 5].upper() == b"AUTH "

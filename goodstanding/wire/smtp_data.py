"""Message bodies as they arrive: DATA with its dots (RFC 5321 §4.5.2) and BDAT with its counts (RFC 3030).

Three readers of one shape: ``read`` takes at most ``wants`` octets, and returns the next part of the body, and what
follows once it is over (None until then). The end of data is exactly CRLF "." CRLF, and a message with a CR or LF
outside of a CRLF is refused: where two servers disagree on what ends a line, one message becomes two (SMTP smuggling,
CVE-2023-51764). A refused body is read to its true end, for what it contains must never be taken for commands.

All work is done by bytes methods over whole chunks, a few passes each; nothing here looks at single lines.
"""

from __future__ import annotations

from goodstanding.model import Reply

END_OF_DATA = b"\r\n.\r\n"
DOT_LINE = b"\r\n."

BARE_LINE_END = Reply(
    550,
    "5.6.11",  # what Exchange says here, and administrators search for
    "The message has a CR or an LF that is not part of a CRLF. End every line with CRLF and send it again",
)
NUL_OCTET = Reply(
    550,
    "5.6.0",  # RFC 2045 §2.8: not even 8bit data may hold one
    "The message has a NUL octet. Encode binary parts in base64 and send it again",
)


class Scrutiny:
    """What has been seen of one body: its size and its flaws. The verdict does not depend on how the octets came."""

    __slots__ = ("_advice", "_bare", "_limit", "_nul", "size")

    def __init__(self, limit: int, advice: str) -> None:
        self.size = 0
        self._advice = advice
        self._limit = limit
        self._bare = False
        self._nul = False

    def pass_on(self, content: bytes) -> bytes:
        """The content again, or nothing if the body is refused anyway. It must not end within a CRLF."""
        self.size += len(content)
        rest = content.replace(b"\r\n", b"..")
        if b"\n" in rest or b"\r" in rest:
            self._bare = True
        if b"\0" in rest:
            self._nul = True
        return b"" if self.is_refused else content

    @property
    def is_refused(self) -> bool:
        """Whether the body can no longer be accepted."""
        return self._bare or self._nul or self.size > self._limit

    @property
    def refusal(self) -> Reply | None:
        """Why the body cannot be accepted, if so; the most telling reason where there are several."""
        if self._bare:
            return BARE_LINE_END
        if self._nul:
            return NUL_OCTET
        if self.size > self._limit:
            return too_big(self._limit, self._advice)
        return None


class DataBody:
    """The body behind a 354, up to CRLF "." CRLF."""

    __slots__ = ("_at_line_start", "_held", "scrutiny")

    wants = 1 << 62  # only the octets tell where it ends

    def __init__(self, limit: int, advice: str = "Make it smaller") -> None:
        self.scrutiny = Scrutiny(limit, advice)
        self._at_line_start = True
        self._held = b""  # the end of a chunk whose meaning the next one decides: CR, or a dot (and CR) on a new line

    def read(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """The next part of the body, and what follows its end."""
        if self._held:
            octets, self._held = self._held + octets, b""
        start = 0
        if self._at_line_start and octets[:1] == b".":
            if octets in (b".", b".\r"):
                self._held = octets
                return b"", None
            if octets[1:3] == b"\r\n":
                return b"", octets[3:]
            start = 1
        if octets.rfind(DOT_LINE, start) < 0:  # nearly every chunk; looking from the right is twice as fast
            return self.scrutiny.pass_on(self._hold_back(octets, start)), None
        end = octets.find(END_OF_DATA, start)
        if end < 0:
            return self.scrutiny.pass_on(_unstuffed(self._hold_back(octets, start))), None
        return self.scrutiny.pass_on(_unstuffed(octets[start : end + 2])), octets[end + 5 :]

    def _hold_back(self, octets: bytes, start: int) -> bytes:
        """A chunk without the octets at its end that may turn out to be the end of data."""
        end = len(octets)
        if octets.endswith((b"\r", DOT_LINE)):
            end -= 2 if octets.endswith(b"\r\n.\r") else 1
            self._held = octets[end:]
        content = octets[start:end]  # the very same object where nothing is cut off
        if content:
            self._at_line_start = content.endswith(b"\r\n")
        return content


class ChunkedBody:
    """A body in announced chunks, one BDAT each; a CRLF may be cut in two by their borders."""

    __slots__ = ("_held", "is_empty", "is_last", "scrutiny", "wants")

    def __init__(self, limit: int, advice: str = "Make it smaller") -> None:
        self.scrutiny = Scrutiny(limit, advice)
        self.is_last = False
        self.is_empty = False
        """The present chunk has no octets: it brings the message no nearer."""
        self.wants = 0
        self._held = b""

    def begin(self, size: int, is_last: bool) -> None:
        """Expect the next chunk."""
        self.wants = size
        self.is_last = is_last
        self.is_empty = size == 0

    def read(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """The next part of the body, and nothing behind it once the chunk is complete."""
        self.wants -= len(octets)
        if self._held:
            octets, self._held = self._held + octets, b""
        if octets.endswith(b"\r") and not (self.is_last and self.wants == 0):
            octets, self._held = octets[:-1], b"\r"
        return self.scrutiny.pass_on(octets), None if self.wants else b""


class Wasted:
    """A chunk that is counted and thrown away, so that it is not taken for commands; then the refusal is said."""

    __slots__ = ("refusal", "wants")

    def __init__(self, size: int, refusal: Reply) -> None:
        self.refusal = refusal
        self.wants = size

    def read(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """Nothing, and nothing behind it once the chunk is complete."""
        self.wants -= len(octets)
        return b"", None if self.wants else b""


def _unstuffed(content: bytes) -> bytes:
    """The lines without the dots that were put before dots; the first line has been seen to."""
    if content.rfind(DOT_LINE) < 0:
        return content
    return content.replace(DOT_LINE, b"\r\n")


def too_big(limit: int, advice: str) -> Reply:
    """The refusal of a message above the limit (RFC 1870 §6.1)."""
    return Reply(552, "5.3.4", f"The message is larger than the {limit} octets accepted here. {advice}")

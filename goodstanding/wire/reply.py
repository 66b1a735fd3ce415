"""SMTP replies as bytes and back (RFC 5321 §4.2, RFC 2034).

`encode_reply` writes what we answer; `ReplyReader` reads what others answer. Both keep the enhanced code apart from
the text, so that a `Reply` travels from the remote server to the sender's bounce unchanged.
"""

from __future__ import annotations

from functools import lru_cache

from goodstanding.errors import RemoteProtocolError
from goodstanding.model import Reply

LINE_LIMIT = 512  # octets of one line with its CRLF, RFC 5321 §4.5.3.1.5
LINES_LIMIT = 100  # lines of one reply; the longest EHLO seen in the wild has about 30
OCTETS_LIMIT = 32_768  # of one reply over all its lines
MARKS = ("", " ", "-")  # behind the code; a hyphen says that more lines follow


def encode_reply(reply: Reply) -> bytes:
    """The reply as it goes on the wire; text that could be mistaken for more than text is made harmless."""
    text = reply.text
    if len(text) < 400 and text.isascii() and text.isprintable():  # one plain line: nearly every reply
        if reply.enhanced:
            return f"{reply.code} {reply.enhanced} {text}\r\n".encode("ascii")
        return f"{reply.code} {text}\r\n".encode("ascii")
    return _encode_lines(reply)


KNOWN_LINE = 48
"""Octets; longer lines name queue files and addresses, which do not come twice."""


class ReplyReader:
    """Turns the bytes of a server into replies; holds at most one unfinished reply, of bounded size."""

    __slots__ = ("_input", "_lines", "_octets")

    def __init__(self) -> None:
        self._input = b""
        self._lines: list[tuple[str, str]] = []
        """Enhanced code and text of the lines of an unfinished reply."""
        self._octets = 0

    def __repr__(self) -> str:
        return f"<ReplyReader: {len(self._lines)} lines and {len(self._input)} octets of an unfinished reply>"

    def receive(self, octets: bytes) -> list[Reply]:
        """Every reply these bytes complete; RemoteProtocolError when they can never become one."""
        *lines, self._input = (self._input + octets).split(b"\n")
        replies: list[Reply] = []
        for line in lines:
            reply = self._take(line)
            if reply is not None:
                replies.append(reply)
        if self._octets + len(self._input) > OCTETS_LIMIT:
            raise RemoteProtocolError(f"a reply of more than {OCTETS_LIMIT} octets")
        return replies

    def _take(self, line: bytes) -> Reply | None:
        """The reply this line completes; its length is charged to that reply: an endless one costs the peer, not us."""
        self._octets += len(line) + 1
        if self._octets > OCTETS_LIMIT:
            raise RemoteProtocolError(f"a reply of more than {OCTETS_LIMIT} octets")
        if len(self._lines) >= LINES_LIMIT:
            raise RemoteProtocolError(f"a reply of more than {LINES_LIMIT} lines")
        code, mark, *part = _read_line(line) if len(line) > KNOWN_LINE else _known_line(line)
        if mark == "-":
            self._lines.append((part[0], part[1]))
            return None
        self._octets = 0
        if not self._lines:
            return Reply(int(code), *part)
        lines, self._lines = [*self._lines, part], []  # where codes differ the last line decides, as in Postfix
        enhanced = next((found for found, _ in reversed(lines) if found[:1] == code[0]), "")
        return Reply(int(code), enhanced, "\n".join(text for _, text in lines))


def _read_line(line: bytes) -> tuple[str, str, str, str]:
    """Code, mark, enhanced code and text of one line without its LF; RemoteProtocolError when it is none of a reply."""
    text = _clean(line.removesuffix(b"\r").decode("utf-8", "replace"))
    code, mark = text[:3], text[3:4]
    if mark not in MARKS or len(code) != 3 or not (code.isascii() and code.isdigit() and "200" <= code <= "599"):
        raise RemoteProtocolError(f"not a reply: {text[:80]!r}")
    return code, mark, *_split_enhanced(text[4:], code[0])


_known_line = lru_cache(maxsize=1024)(_read_line)
"""Most lines of a conversation are ``250 2.1.0 Ok`` and its like, word for word, message after message."""


def _encode_lines(reply: Reply) -> bytes:
    """The slow half of `encode_reply`: several lines, long lines, or characters to clean."""
    head = f"{reply.enhanced} " if reply.enhanced else ""
    room = LINE_LIMIT - len(head) - 6
    lines = [piece for line in reply.text.splitlines() or [""] for piece in _wrapped(_clean(line), room)]
    return b"".join(
        f"{reply.code}{' ' if number == len(lines) else '-'}{head}{line}\r\n".encode()
        for number, line in enumerate(lines, 1)
    )


def _wrapped(line: str, room: int) -> list[str]:
    """The line in pieces of at most ``room`` octets, broken at spaces where there are any."""
    pieces: list[str] = []
    while len(line.encode()) > room:
        cut = room // 4 if not line.isascii() else room  # four octets is the longest a character gets
        space = line.rfind(" ", cut // 2, cut)
        cut = space if space > 0 else cut
        pieces.append(line[:cut])
        line = line[cut:].lstrip(" ")
    return [*pieces, line]


def _clean(text: str) -> str:
    """The text with everything that cannot be printed as ``?`` (RFC 5321 §4.2 textstring, RFC 6531 §3.7.4.1)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char == "\t" else "?" for char in text)


@lru_cache(maxsize=1024)
def _is_enhanced(word: str, code_class: str) -> bool:
    """Whether the word is an enhanced code that agrees with its reply code (RFC 2034 §4)."""
    parts = word.split(".")
    numbers = all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts)
    return len(parts) == 3 and numbers and parts[0] == code_class and code_class in "245"


def _split_enhanced(text: str, code_class: str) -> tuple[str, str]:
    """The enhanced code at the head of a text, if there is one, and the rest."""
    if "." not in text[1:4]:
        return "", text
    word, _, rest = text.partition(" ")
    word = word.removeprefix("#").removesuffix(":")  # as IronPort and some others write it
    return (word, rest) if _is_enhanced(word, code_class) else ("", text)

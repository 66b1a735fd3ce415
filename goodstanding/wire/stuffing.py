"""Dot-stuffing: how a message is told apart from its end on the wire (RFC 5321 §4.5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

DOT_LINE = b"\r\n."


def stuffed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The message as DATA wants it: leading dots doubled, last line ended, and the single dot that closes it.

    The message comes in pieces cut anywhere. Its line ends are CRLF; a bare CR or LF never gets this far.
    """
    tail = b"\r\n"  # the message starts at the start of a line
    for chunk in chunks:
        if not chunk:
            continue
        seam = (tail + chunk[:2]).find(DOT_LINE)  # a dot line cut by the seam: its dot is chunk[0] or chunk[1]
        tail = chunk[-2:] if len(chunk) > 1 else tail[-1:] + chunk
        if DOT_LINE in chunk:
            chunk = chunk.replace(DOT_LINE, b"\r\n..")
        yield chunk if seam < 0 else chunk[:seam] + b"." + chunk[seam:]
    yield _ending(tail)


def _ending(tail: bytes) -> bytes:
    if tail == b"\r\n":
        return b".\r\n"
    return b"\n.\r\n" if tail.endswith(b"\r") else b"\r\n.\r\n"

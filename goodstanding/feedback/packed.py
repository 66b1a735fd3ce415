"""Reports that come compressed (gzip, zip) or plain: unpacked piece by piece, and never more than allowed.

What a file says of its own size is not believed: octets are counted as they come out. Only what is needed of zip is
here: the standard library's reader takes the sizes from the file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PIECE = 64 * 1024
"""Octets handed on at a time: memory does not grow with what is unpacked."""

MOST = 32 * 1024 * 1024
"""Octets unpacked of one file; what lies beyond is not read."""

_GZIP = b"\x1f\x8b"  # RFC 1952 §2.3.1
_ZIP = b"PK\x03\x04"  # APPNOTE.TXT 4.3.7
_DEFLATED, _STORED = 8, 0  # APPNOTE.TXT 4.4.5


def pieces(octets: bytes, most: int = MOST) -> Iterator[bytes]:
    """What is in it, at most ``most`` octets: of a gzip file all members, of a zip file its first file.

    Where the file is broken it ends; nothing raises.
    """
    if octets.startswith(_GZIP):
        yield from _inflated(octets, zlib.MAX_WBITS | 16, most)
    elif octets.startswith(_ZIP):
        yield from _first_file(octets, most)
    else:
        yield from _cut(octets, most)


def unpacked(octets: bytes, most: int = MOST) -> bytes:
    """The same as one string of octets."""
    return b"".join(pieces(octets, most))


def _first_file(octets: bytes, most: int) -> Iterator[bytes]:
    """The first file of a zip, by its local header (APPNOTE.TXT 4.3.7); an encrypted one is none."""
    if len(octets) < 30 or octets[6] & 1:
        return
    method = int.from_bytes(octets[8:10], "little")
    size = int.from_bytes(octets[18:22], "little")
    start = 30 + int.from_bytes(octets[26:28], "little") + int.from_bytes(octets[28:30], "little")
    if method == _DEFLATED:
        yield from _inflated(octets[start:], -zlib.MAX_WBITS, most)
    elif method == _STORED:
        streamed = octets[6] & 8  # APPNOTE.TXT 4.4.4: the size follows the file
        yield from _cut(octets[start:] if streamed else octets[start : start + size], most)


def _cut(octets: bytes, most: int) -> Iterator[bytes]:
    end = min(len(octets), most)
    for at in range(0, end, PIECE):
        yield octets[at : min(at + PIECE, end)]


def _inflated(octets: bytes, window: int, most: int) -> Iterator[bytes]:
    left, at = most, 0
    engine = zlib.decompressobj(window)
    while left > 0:
        waiting = engine.unconsumed_tail or octets[at : at + PIECE]
        if not engine.unconsumed_tail:
            at += len(waiting)
        try:
            piece = engine.decompress(waiting, min(PIECE, left))
        except zlib.error:
            return
        left -= len(piece)
        if piece:
            yield piece
        if engine.eof:
            at -= len(engine.unused_data)
            if window < 0 or not octets.startswith(_GZIP, at):  # RFC 1952 §2.2: members may follow
                return
            engine = zlib.decompressobj(window)
        elif not waiting:
            return

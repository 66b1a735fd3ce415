"""The text parts of a message, found without building a tree (RFC 2045, RFC 2046).

Bounded in every direction: `LOOKED_AT` octets, `DEEPEST` levels, `MOST_PARTS` parts; what lies beyond is not read.
Each octet is searched once per level, so a message made to be slow costs no more than a long one.
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache

from msgspec import Struct

from goodstanding.wire.message import CHARSETS, HeaderBlock, parse_header

LOOKED_AT = 256 * 1024
"""Octets from the top of a message that are read at all."""

DEEPEST = 8
"""Levels of multiparts within multiparts."""

MOST_PARTS = 64
"""Parts of one multipart; real mail has a handful."""

_LONGEST_BOUNDARY = 200  # RFC 2046 §5.1.1 allows 70

_TYPE = re.compile(rb"\s*([a-z]{1,40})\s*/\s*([a-z0-9.+-]{1,80})", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*\"?([^\s\";]{1,40})", re.IGNORECASE)
_BOUNDARY = re.compile(rb"boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)


class Texts(Struct, frozen=True, gc=False):
    """What a message says, decoded; attachments, images and forwarded messages left out."""

    plain: str = ""
    html: str = ""


class _Part(Struct, frozen=True, gc=False):
    """What Content-Type says."""

    main: bytes
    sub: bytes
    charset: bytes
    boundary: bytes


_TEXT = _Part(b"text", b"plain", b"us-ascii", b"")  # RFC 2045 §5.2: what a part without a type is


def texts(header: HeaderBlock, octets: bytes) -> Texts:
    """Plain and HTML text of a message, each with its parts in order; never raises."""
    start = sum([len(raw) for _, raw in header.fields])
    body = octets[start + 2 if octets.startswith(b"\r\n", start) else start : LOOKED_AT]
    found: dict[bytes, list[str]] = {b"plain": [], b"html": []}
    _walk(header, body, 0, found)
    return Texts("\n".join(found[b"plain"]), "\n".join(found[b"html"]))


def _walk(header: HeaderBlock, body: bytes, depth: int, found: dict[bytes, list[str]]) -> None:
    names = dict(reversed(header.fields))
    value = names.get("content-type")
    part = _part(value) if value is not None else _TEXT
    if part.main == b"text":
        texts_of_kind = found.get(part.sub)
        if texts_of_kind is not None and not _attached(names):
            texts_of_kind.append(_decoded(body, part, names))
    elif part.main == b"multipart" and depth < DEEPEST:
        for piece in _pieces(body, part.boundary):
            inner = parse_header(piece)
            length = sum([len(raw) for _, raw in inner.fields])
            after = 2 if piece[length : length + 2] == b"\r\n" else 0
            _walk(inner, piece[length + after :], depth + 1, found)


def _attached(names: dict[str, bytes]) -> bool:
    value = names.get("content-disposition")
    return value is not None and b"attachment" in value.lower()


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between boundary lines (RFC 2046 §5.1.1); a multipart without its end ends where it ends."""
    if not boundary:
        return []
    line = b"--" + boundary
    pieces: list[bytes] = []
    at = 0 if body.startswith(line) else _next(body, line, 0)
    while at >= 0 and len(pieces) < MOST_PARTS:
        end_of_line = body.find(b"\r\n", at)
        if end_of_line < 0 or body.startswith(b"--", at + len(line)):
            break
        following = _next(body, line, end_of_line)
        pieces.append(body[end_of_line + 2 : following - 2 if following >= 0 else len(body)])
        at = following
    return pieces


def _next(body: bytes, line: bytes, at: int) -> int:
    found = body.find(b"\r\n" + line, at)
    return found + 2 if found >= 0 else -1


@lru_cache(maxsize=512)
def _part(value: bytes) -> _Part:
    """Many messages share a type; one that cannot be read is no text."""
    value = value[value.find(b":") + 1 :]
    kind = _TYPE.match(value)
    if kind is None:
        return _TEXT
    charset, boundary = _CHARSET.search(value), _BOUNDARY.search(value)
    return _Part(
        kind[1].lower(),
        kind[2].lower(),
        charset[1].lower() if charset else b"us-ascii",
        (boundary[1] or boundary[2]).rstrip() if boundary else b"",
    )


def _decoded(body: bytes, part: _Part, names: dict[str, bytes]) -> str:
    value = names.get("content-transfer-encoding")
    if value is not None:
        encoding = value.partition(b":")[2].strip().lower()
        if encoding == b"base64":
            body = _base64(body)
        elif encoding == b"quoted-printable":
            body = binascii.a2b_qp(body)
    if body.isascii() and part.charset not in _SEVEN_BIT_CODES:
        return body.decode("ascii")
    return body.decode(CHARSETS.get(part.charset, "utf-8"), "replace")


_SEVEN_BIT_CODES = frozenset((b"utf-7", b"iso-2022-jp", b"hz"))
"""Charsets whose octets are all ASCII, and still not what they seem."""


def _base64(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:  # cut off at LOOKED_AT, or badly padded: whole groups of four are good
        letters = body.translate(None, b"\r\n \t=")
        try:
            return binascii.a2b_base64(letters[: len(letters) // 4 * 4])
        except binascii.Error:
            return b""

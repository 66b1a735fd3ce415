"""Puts an open picture and click links into the HTML of one copy of a message, before it is signed.

Pure. Whatever is signed, encrypted, attached, forwarded, oddly built or plain text stays byte for byte as it is; so
does everything around the addresses of links. What cannot be read is left alone, and nothing here raises.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Callable, Sequence

from msgspec import Struct

from goodstanding.model import MessageId
from goodstanding.wire import engagement_links
from goodstanding.wire.anchors import Edit, applied, edits
from goodstanding.wire.engagement_links import Clicked, Opened, is_target, seal_click, seal_open
from goodstanding.wire.message import HeaderBlock, parse_header

DEEPEST, MOST_PARTS = 8, 64
"""Levels of multiparts, and parts of one, that are looked into."""
LONGEST_LINE = 998
"""RFC 5322 §2.1.1."""
MOST_LINKS = 200
"""Of one message; the rest stay as they are."""

_LONGEST_LINK = 900  # on a line of its own, with what may stand around it
_TYPE = re.compile(rb"\s*([a-z]{1,40})\s*/\s*([a-z0-9.+-]{1,80})\s*(?:;|\Z)", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*\"?([^\s\";]{1,40})", re.IGNORECASE)
_BOUNDARY = re.compile(rb";\s*boundary\s*=\s*(?:\"([^\"\r\n]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)
_NOT_ASCII = (b"utf-16", b"utf16", b"utf-32", b"utf32", b"utf-7", b"utf7", b"iso-2022", b"hz", b"ucs", b"cp037", b"ibm")
"""Beginnings of charsets whose octets are not what they seem (CP037 is EBCDIC)."""
_SEALED = frozenset((b"signed", b"encrypted"))
_SIGNATURES = frozenset(("dkim-signature", "arc-message-signature"))

Link = Callable[[str], str | None]
"""What a link becomes; None: it stays."""


class Copy(Struct, frozen=True, gc=False):
    """Which copy it is, and how its tokens are made."""

    base: str
    """Address of the link domain."""
    key: bytes
    message: MessageId
    n: int = 0


class _Html(Struct, frozen=True, gc=False):
    """A page in a message."""

    start: int
    end: int
    encoding: bytes


def tracked(copy: Copy, octets: bytes) -> bytes:
    """A message with its picture and links; the very same octets where nothing is to be put in."""
    if not copy.base.isascii():  # settings may hold any text: no reason to lose mail
        return octets
    ways_out = parse_header(octets).first("list-unsubscribe") or b""
    count = 0

    def link(url: str) -> str | None:
        nonlocal count
        ours = url.lower().startswith(copy.base.lower())
        if ours or count >= MOST_LINKS or not is_target(url) or url.encode() in ways_out:
            return None
        token = seal_click(copy.key, Clicked(copy.message, copy.n, count, url))
        count += 1
        return engagement_links.link(copy.base, token)

    picture = engagement_links.picture(copy.base, seal_open(copy.key, Opened(copy.message, copy.n)))
    return rewritten(octets, link, picture)


def rewritten(octets: bytes, link: Link, picture: str) -> bytes:
    """A message whose links are what ``link`` makes of them, with a picture in its first page that has a body."""
    header = parse_header(octets)
    if any(name in _SIGNATURES for name, _ in header.fields):  # the application has signed it: it would not verify
        return octets
    image = f'\r\n<img src="{picture}" width="1" height="1" alt="">\r\n'.encode("ascii")
    pieces: list[bytes] = []
    at = 0
    for page in _pages(octets, header, 0, len(octets), 0):
        old = octets[page.start : page.end]
        new = _page(old, page.encoding, link, image)
        if new != old:
            image = b"" if image and _ENCODES[page.encoding](new).find(image) >= 0 else image
            pieces += [octets[at : page.start], new]
            at = page.end
    return b"".join([*pieces, octets[at:]]) if pieces else octets


# --- pages of a message ----------------------------------------------------------------------------------------------


def _pages(octets: bytes, header: HeaderBlock, start: int, end: int, depth: int) -> list[_Html]:
    """The HTML that is shown, in order; ``start`` and ``end``: where header and body stand."""
    body = start + sum([len(raw) for _, raw in header.fields])
    if not octets.startswith(b"\r\n", body) or body + 2 > end:
        return []
    body += 2
    if any(header.count(name) > 1 for name in ("content-type", "content-transfer-encoding", "content-disposition")):
        return []
    value = header.first("content-type") or b""
    kind = _TYPE.match(value)
    main, sub = (kind[1].lower(), kind[2].lower()) if kind else (b"", b"")
    encoding = (header.first("content-transfer-encoding") or b"7bit").lower()
    if main == b"text" and sub == b"html":
        charset = _CHARSET.search(value)
        odd = charset is not None and charset[1].lower().startswith(_NOT_ASCII)
        aside = (header.first("content-disposition") or b"").lower().startswith(b"attachment")
        return [] if odd or aside or encoding not in _ENCODES else [_Html(body, end, encoding)]
    if main != b"multipart" or sub in _SEALED or depth >= DEEPEST:
        return []
    boundary = _BOUNDARY.search(value)
    found: list[_Html] = []
    for first, last in _parts(octets, body, end, boundary[1] or boundary[2]) if boundary else ():
        found += _pages(octets, parse_header(octets[first:last]), first, last, depth + 1)
    return found


def _parts(octets: bytes, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """What stands between boundary lines (RFC 2046 §5.1.1); nothing of a multipart that does not end."""
    line = b"--" + boundary
    found: list[tuple[int, int]] = []
    at, begun = start, -1
    while (at := octets.find(line, at, end)) >= 0:
        after = at + len(line)
        stop = octets.find(b"\r\n", after, end)
        rest = octets[after : stop if stop >= 0 else end].rstrip(b" \t")
        if (at != start and octets[at - 2 : at] != b"\r\n") or rest not in (b"", b"--"):
            at = after
            continue
        if begun >= 0:
            found.append((begun, max(begun, at - 2)))
        if rest:
            return found
        if stop < 0 or len(found) >= MOST_PARTS:
            break
        at = stop  # the line break may belong to the next boundary line
        begun = stop + 2
    return []


# --- one page, as it is encoded --------------------------------------------------------------------------------------


def _page(body: bytes, encoding: bytes, link: Link, image: bytes) -> bytes:
    if encoding == b"quoted-printable":
        return _quoted(body, link, image)
    if encoding == b"base64":
        return _in_base64(body, link, image)
    wanted = [edit for edit in edits(body, link, image) if len(edit.text) <= _LONGEST_LINK]
    if not wanted:
        return body
    most = max(LONGEST_LINE, _longest_line(body))
    made = applied(body, wanted)
    if _longest_line(made) > most:
        made = applied(body, wanted, folded=True)
    return made if _longest_line(made) <= most else body


def _longest_line(octets: bytes) -> int:
    return max(map(len, octets.split(b"\r\n")))


def _in_base64(body: bytes, link: Link, image: bytes) -> bytes:
    page = _from_base64(body)
    wanted = edits(page, link, image)
    if not wanted:
        return body
    text = binascii.b2a_base64(applied(page, wanted), newline=False)
    lines = [text[at : at + 76] for at in range(0, len(text), 76)]  # RFC 2045 §6.8
    return b"\r\n".join(lines) + (b"\r\n" if body.endswith(b"\r\n") else b"")


def _from_base64(body: bytes) -> bytes:
    """Nothing where it is not well-formed."""
    try:
        return b64decode(body.translate(None, b"\r\n \t"), validate=True)
    except binascii.Error:
        return b""


# Quoted-printable is edited as it stands: an encoder has many ways to write the same, and what is not ours stays.

_QUOTED = re.compile(rb"=(?:([0-9A-Fa-f]{2})|([ \t]*+\r\n))|[^=]++|=")


def _quoted(body: bytes, link: Link, image: bytes) -> bytes:
    decoded: list[bytes] = []
    starts, places = [0], [0]
    size = 0
    for token in _QUOTED.finditer(body):
        if token[2] is not None:  # a soft line break stands for nothing
            continue
        piece = binascii.unhexlify(token[1]) if token[1] is not None else token[0]
        decoded.append(piece)
        starts.append(size)
        places.append(token.start())
        size += len(piece)

    def place(at: int) -> int:
        if at >= size:
            return len(body)
        i = bisect_right(starts, at) - 1
        return places[i] + at - starts[i]

    wanted = edits(b"".join(decoded), link, image)
    return applied(body, [_quoted_edit(body, edit, place) for edit in wanted]) if wanted else body


def _quoted_edit(body: bytes, edit: Edit, place: Callable[[int], int]) -> Edit:
    start, end = place(edit.start), place(edit.end)
    broken = edit.text.startswith(b"\r\n") and body[start - 1 : start] not in (b" ", b"\t")  # RFC 2045 §6.7 (3)
    soft = b"" if broken or body[start - 2 : start] == b"\r\n" else b"=\r\n"
    after = b"" if edit.text.endswith(b"\r\n") else b"=\r\n"
    text = b"\r\n".join([b"=\r\n".join(_lines(line)) for line in edit.text.split(b"\r\n")])
    return Edit(start, end, soft + text + after, start)


def _lines(text: bytes) -> Sequence[bytes]:
    """One line in quoted-printable, broken into those of at most 76 octets (RFC 2045 §6.7)."""
    text = text.replace(b"=", b"=3D")
    lines: list[bytes] = []
    while len(text) > 75:
        most = 75 - (1 if text[74:75] == b"=" else 2 if text[73:74] == b"=" else 0)
        lines.append(text[:most])
        text = text[most:]
    return [*lines, text]


def _from_quoted(body: bytes) -> bytes:
    return binascii.a2b_qp(body)


def _as_it_is(body: bytes) -> bytes:
    return body


_ENCODES: dict[bytes, Callable[[bytes], bytes]] = {
    b"7bit": _as_it_is,
    b"8bit": _as_it_is,
    b"quoted-printable": _from_quoted,
    b"base64": _from_base64,
}
"""Encodings that are understood, and how to read them."""

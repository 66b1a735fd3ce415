"""A report as a light MIME tree: lenient, bounded in every direction, and never an exception (RFC 2045, RFC 2046).

Reports come from programs that know the standards from hearsay: line ends of any kind, boundaries nobody closes, mbox
lines on top. Everything is read; what cannot be read is empty.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from goodstanding.wire.message import CHARSETS, first_address, readable

LOOKED_AT = 4 * 1024 * 1024
"""Octets of a report that are read at all; compressed aggregate reports are the largest."""
DEEPEST = 8
"""Levels of parts within parts."""
MOST_PARTS = 64
"""Parts of one multipart."""
MOST_FIELDS = 500
"""Fields of one header."""

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Part:
    """One part of a MIME tree: a leaf, a multipart, or a message within a message."""

    content_type: str
    """``text/plain``: lower case, without parameters; the default of RFC 2045 §5.2 where it is missing."""
    parameters: dict[str, str]
    """Of Content-Type: lower-case name, value as given."""
    fields: Fields
    """Lower-case name and unfolded value, still with its encoded words."""
    body: bytes
    """As it came, but with LF line ends; still transfer-encoded."""
    parts: tuple[Part, ...] = ()
    """What a multipart holds; of ``message/rfc822`` and its kin, the message."""

    def first(self, name: str) -> str:
        """The topmost field of a (lower-case) name; empty without one."""
        for known, value in self.fields:
            if known == name:
                return value
        return ""

    def every(self, name: str) -> list[str]:
        """All fields of a name, from the top."""
        return [value for known, value in self.fields if known == name]

    def readable(self, name: str) -> str:
        """The topmost field of a name with its encoded words decoded (RFC 2047)."""
        return readable(self.first(name).encode("utf-8", "surrogateescape"))

    def address(self, name: str) -> str:
        """The first address in a field; empty without one."""
        return first_address(self.first(name).encode("utf-8", "surrogateescape"))

    @property
    def is_attached(self) -> bool:
        """Content-Disposition calls it an attachment."""
        return self.first("content-disposition").lower().startswith("attachment")

    @cached_property
    def payload(self) -> bytes:
        """The body without its transfer encoding."""
        encoding = self.first("content-transfer-encoding").strip().lower()
        if encoding == "base64":
            return _base64(self.body)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        return self.body

    @cached_property
    def text(self) -> str:
        """The payload as text, in whatever charset it says; markup is left as it is."""
        charset = self.parameters.get("charset", "").lower().encode("ascii", "replace")
        octets = self.payload
        if octets.isascii() and charset not in _SEVEN_BIT_CODES:
            return octets.decode("ascii").replace("\r\n", "\n")
        return _decoded(octets, charset).replace("\r\n", "\n")

    def walk(self) -> Iterator[Part]:
        """This part and all within it, from the top."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def find(self, *content_types: str) -> Part | None:
        """The first part of one of these types, itself included."""
        return next((part for part in self.walk() if part.content_type in content_types), None)


@dataclass(frozen=True)
class Mail:
    """One report that came in, by SMTP or as the body of a request."""

    root: Part
    recipients: tuple[str, ...] = ()
    """Envelope recipients: the return path with its token stands here."""
    sender: str = ""
    """Envelope sender: empty for the null reverse-path, and where it is not known."""

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Its own parts: all but those of a message within."""
        return tuple(_own_parts(self.root))

    @cached_property
    def texts(self) -> tuple[Part, ...]:
        """Its own text parts, without those of a message within, and without attachments."""
        wanted = ("text/plain", "text/html")
        return tuple([part for part in self.parts if part.content_type in wanted and not part.is_attached])

    @cached_property
    def words(self) -> str:
        """Its own plain text, else what its HTML says."""
        plain = [part.text for part in self.texts if part.content_type != "text/html"]
        return "\n".join(plain or [without_markup(part.text) for part in self.texts])

    @cached_property
    def returned(self) -> Part | None:
        """The message, or the header of the message, that comes back with it."""
        inner = next((part for part in self.parts if part.content_type in RETURNED), None)
        return inner.parts[0] if inner is not None and inner.parts else inner


RETURNED = frozenset(
    (
        "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers",
        "text/rfc822-header", "text/rfc822",
    )
)  # fmt: skip
"""How a message comes back (RFC 6522 §3, RFC 6533 §6), in spellings that are met."""

_MESSAGES = frozenset(("message/rfc822", "message/global", "message/news"))
_HEADERS = RETURNED - _MESSAGES
_SEVEN_BIT_CODES = frozenset((b"utf-7", b"iso-2022-jp", b"hz"))


def parse(octets: bytes, recipients: tuple[str, ...] = (), sender: str = "") -> Mail:
    """A message as it came by SMTP or lies in a file."""
    octets = octets[:LOOKED_AT].removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return Mail(_parsed(octets.lstrip(b"\n"), 0, "text/plain"), recipients, sender)


def posted(content_type: str, octets: bytes) -> Mail:
    """The body of an HTTP request, or a file that is no message: one part of the given type."""
    kind, parameters = _content_type(content_type)
    return Mail(Part(kind, parameters, (("content-type", content_type),), octets))


def _parsed(octets: bytes, depth: int, default: str) -> Part:
    while octets[:5] in (b"From ", b">From"):  # the separator of mbox files
        octets = octets.partition(b"\n")[2]
    fields, body = split_header(octets)
    kind, parameters = _content_type(next((value for name, value in fields if name == "content-type"), default))
    part = Part(kind, parameters, fields, body)
    inner = _inner(part, depth) if depth < DEEPEST else ()
    return Part(kind, parameters, fields, body, inner) if inner else part


def _inner(part: Part, depth: int) -> tuple[Part, ...]:
    if part.content_type.startswith("multipart/"):
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        pieces = _pieces(part.body, part.parameters.get("boundary", "").rstrip())
        pieces = pieces or _pieces(part.body, _guessed_boundary(part.body))
        return tuple([_parsed(piece, depth + 1, default) for piece in pieces])
    if part.content_type in _MESSAGES or part.content_type in _HEADERS:
        return (_parsed(part.payload.replace(b"\r\n", b"\n").lstrip(b"\n"), depth + 1, "text/plain"),)
    return ()


_NAME = re.compile(r"[!-9;-~]+")


def split_header(octets: bytes) -> tuple[Fields, bytes]:
    """Fields and body. A block that does not begin with a field is all body; lines that are none are passed over."""
    if octets.startswith(b"\n"):
        return (), octets[1:]
    head, _, body = octets.partition(b"\n\n")
    fields: list[tuple[str, str]] = []
    for line in _UNFOLD.sub(" ", head.decode("utf-8", "replace")).split("\n", MOST_FIELDS)[:MOST_FIELDS]:
        name, colon, value = line.partition(":")
        name = name.rstrip()
        if colon and _NAME.fullmatch(name):
            fields.append((name.lower(), value.strip()))
        elif not fields:
            return (), octets
        elif fields[-1][1].endswith(";"):  # a parameter that was not indented
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line}")
    return tuple(fields), body


_UNFOLD = re.compile(r"\n[ \t]+")
_TYPE = re.compile(r"\s*([a-z]{1,40})\s*/\s*([a-z0-9.+_-]{1,80})", re.IGNORECASE)
_PARAMETER = re.compile(r";\s*([a-z0-9*_-]{1,40})\s*=\s*(?:\"([^\"]{0,300})\"?|([^\s;\"]{1,300}))", re.IGNORECASE)


@lru_cache(maxsize=512)
def _content_type(value: str) -> tuple[str, dict[str, str]]:
    value = value[:2000]
    found = _TYPE.match(value)
    if found is None:
        return "text/plain", {}
    parameters = {match[1].lower().rstrip("*"): match[2] or match[3] or "" for match in _PARAMETER.finditer(value)}
    return f"{found[1]}/{found[2]}".lower(), parameters


def _guessed_boundary(body: bytes) -> str:
    """The first line that looks like one, where Content-Type forgot to tell."""
    found = _BOUNDARY_LINE.search(body[:20_000])
    return found[1].decode("ascii", "replace") if found else ""


_BOUNDARY_LINE = re.compile(rb"(?:\A|\n)--([^\s-][^\n]{0,100})\n(?=[Cc]ontent-)")


def _pieces(body: bytes, boundary: str) -> list[bytes]:
    """What stands between boundary lines (RFC 2046 §5.1.1); a multipart that nothing closes ends where it ends."""
    if not boundary:
        return []
    line = b"\n--" + boundary.encode("utf-8", "replace")
    pieces: list[bytes] = []
    body = b"\n" + body
    at = body.find(line)
    while at >= 0 and len(pieces) < MOST_PARTS:
        end_of_line = body.find(b"\n", at + 1)
        if end_of_line < 0 or body.startswith(b"--", at + len(line)):
            break
        following = body.find(line, end_of_line)
        pieces.append(body[end_of_line + 1 : following if following >= 0 else len(body)])
        at = following
    return pieces


def _own_parts(part: Part) -> Iterator[Part]:
    yield part
    if part.content_type.startswith("multipart/"):
        for inner in part.parts:
            yield from _own_parts(inner)


_UNSEEN = re.compile(r"<(?:style|script|head)\b|<!--", re.IGNORECASE)
_BREAK = re.compile(r"<\s*/?\s*(?:br|p|div|tr|li|h[1-6]|table)\b[^>]{0,500}>", re.IGNORECASE)
_TAG = re.compile(r"<[/!a-z][^<>@]{0,2000}>", re.IGNORECASE)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&quot;": '"', "&#39;": "'", "&#43;": "+", "&amp;": "&"}


def without_markup(html: str) -> str:
    """What HTML says, roughly: enough to find an address and a reply in it."""
    text = _TAG.sub("", _BREAK.sub("\n", _seen(html[:200_000])))
    for entity, char in _ENTITIES.items():
        text = text.replace(entity, char)
    return text


def _seen(html: str) -> str:
    """HTML without comments, scripts and styles; what nothing closes is kept."""
    kept: list[str] = []
    at = 0
    lower = html.lower()
    while (opened := _UNSEEN.search(lower, at)) is not None:
        closing = "-->" if opened[0] == "<!--" else f"</{opened[0][1:]}>"
        end = lower.find(closing, opened.end())
        if end < 0:
            break
        kept.append(html[at : opened.start()])
        at = end + len(closing)
    return "".join([*kept, html[at:]])


def _decoded(octets: bytes, charset: bytes) -> str:
    known = CHARSETS.get(charset)
    if known is not None and charset != b"us-ascii":
        return octets.decode(known, "replace")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def _base64(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:  # cut off or badly padded: whole groups of four are good
        letters = body.translate(None, b"\r\n \t=")
        try:
            return binascii.a2b_base64(letters[: len(letters) // 4 * 4])
        except binascii.Error:
            return b""

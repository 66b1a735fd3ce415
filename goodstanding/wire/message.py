"""The header block of a message: found, parsed and described; nothing here ever rewrites what the sender wrote.

Octets are expected as the server core lets them through: lines end in CRLF, no bare CR, no bare LF. Any other octets
are read without complaint, and ``b"".join(raw for _, raw in block.fields)`` is always the header exactly as it came.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from msgspec import Struct

SUBJECT_LIMIT = 200
"""Characters of a subject that are kept for people to recognise a message by."""

_LONGEST = 320
"""Characters of an address (RFC 5321 §4.5.3.1: 64 + 1 + 255) or message id; what is longer is taken for none."""

_NAME_OCTETS = bytes(octet for octet in range(33, 127) if octet != ord(":"))  # RFC 5322 §2.2: ftext
_SPELLINGS = (
    b"Received DKIM-Signature From Sender Reply-To To Cc Subject Date Message-ID Message-Id In-Reply-To References "
    b"MIME-Version Mime-Version Content-Type Content-Transfer-Encoding List-Unsubscribe List-Unsubscribe-Post List-Id "
    b"Feedback-ID Return-Path X-Mailer User-Agent Auto-Submitted Precedence"
)
_COMMON: dict[bytes | None, str] = {spelling + b":": spelling.lower().decode() for spelling in _SPELLINGS.split()}
"""How most names are written, so that most names need one look-up."""


class HeaderBlock(Struct, frozen=True, gc=False):
    """The fields of a message from the top."""

    fields: tuple[tuple[str, bytes], ...]
    """Lower-case name (empty for a line that is no field) and the raw field: name, colon, folding and CRLF."""

    def first(self, name: str) -> bytes | None:
        """The value of the topmost field of that name, still folded and encoded, without white space around it."""
        for known, raw in self.fields:
            if known == name:
                return _value(raw)
        return None

    def count(self, name: str) -> int:
        """How often a field occurs."""
        return [known for known, _ in self.fields].count(name)


class HeaderFacts(Struct, frozen=True, gc=False):
    """What the rest of the program wants to know of a header, safe to log and to show."""

    message_id: str
    """With its angle brackets; empty when there is none."""
    subject: str
    """Decoded (RFC 2047), without control characters, at most `SUBJECT_LIMIT` characters."""
    from_address: str
    """The first address of the first From field; empty when none can be made out."""
    from_domain: str
    """Its domain, lower case."""
    received: int
    """Number of Received fields: how many hosts it has come through."""
    date: bool
    """It has a Date field."""


class Arrival(Struct, frozen=True, gc=False):
    """How a client is connected: the part of a trace that all messages of one session share."""

    helo: str
    """What it called itself; anything may be in it."""
    remote: str
    """Its IP address, without port."""
    by: str
    """Our name."""
    protocol: str
    """``ESMTP``, ``ESMTPSA``, ``UTF8SMTPS`` ... (RFC 3848, RFC 6531 §4.3)."""
    tls: str = ""
    """``TLSv1.3 TLS_AES_256_GCM_SHA384``; empty without TLS."""


def header_end(octets: bytes) -> int:
    """The length of the header with its blank line; all of a message without one; 0 when it begins with its body.

    After 0 a header that is put in front needs a blank line of its own, unless the message begins with one.
    """
    first_line = octets[: octets.find(b"\r\n")] if b"\r\n" in octets else octets
    if not _field_name(first_line[: first_line.find(b":") + 1]):
        return 0
    end = octets.find(b"\r\n\r\n")
    return end + 4 if end >= 0 else len(octets)


_FIELD = re.compile(rb"(?!\Z)([^:\r]*:)?[^\r]*(?:\r(?:\n[ \t]|(?!\n))[^\r]*)*(?:\r\n|\Z)")
"""Up to a CRLF that no white space follows (RFC 5322 §2.2.3: folding); one regex is twice as fast as finds."""


def parse_header(octets: bytes) -> HeaderBlock:
    """The fields up to the first blank line; a line that is no field is kept under an empty name."""
    if octets.startswith(b"\r\n"):
        return HeaderBlock(())
    blank = octets.find(b"\r\n\r\n")
    found = _FIELD.finditer(octets, 0, blank + 2 if blank >= 0 else len(octets))
    return HeaderBlock(tuple([(_COMMON.get(field[1]) or _field_name(field[1]), field[0]) for field in found]))


def facts(block: HeaderBlock) -> HeaderFacts:
    """What stands in the header, as far as it concerns us; of fields that occur twice the topmost counts."""
    topmost = dict(reversed(block.fields))
    address = first_address(_value(topmost.get("from", b"")))
    return HeaderFacts(
        message_id=_message_id(_value(topmost.get("message-id", b""))),
        subject=readable(_value(topmost.get("subject", b"")))[:SUBJECT_LIMIT].rstrip(),
        from_address=address,
        from_domain=address.rpartition("@")[2].lower(),
        received=block.count("received"),
        date="date" in topmost,
    )


def additions(block: HeaderBlock, *, message_id: str, now: float) -> bytes:
    """The Date and Message-ID lines a submitted message lacks; ``message_id`` comes with its angle brackets."""
    names = {name for name, _ in block.fields}
    lines = b""
    if "date" not in names:  # RFC 6409 §8.2
        lines += b"Date: %b\r\n" % date_time(now).encode()
    if "message-id" not in names:  # RFC 6409 §8.3
        lines += b"Message-ID: %b\r\n" % message_id.encode()
    return lines


def received_line(arrival: Arrival, *, message_name: str, recipient: str = "", now: float) -> bytes:
    """The trace field for a message that came in (RFC 5321 §4.4), folded; it never tells who had logged in.

    ``recipient`` is given only when the message has a single one, or it would betray a blind copy.
    """
    literal = f"IPv6:{arrival.remote}" if ":" in arrival.remote else arrival.remote  # RFC 5321 §4.1.3
    clauses = ["Received:", f"from {_host(arrival.helo)} ([{literal}])"]
    if arrival.tls:
        version, _, cipher = arrival.tls.partition(" ")
        clauses.append(f"(using {version} with cipher {cipher})")
    clauses += [f"by {arrival.by} (goodstanding)", f"with {arrival.protocol}", f"id {message_name}"]
    if recipient and _ADDRESS_CHARACTERS.issuperset(recipient):
        clauses.append(f"for <{recipient}>")
    clauses[-1] += ";"
    clauses.append(date_time(now))
    return folded(clauses).encode("ascii", "replace") + b"\r\n"


def folded(clauses: Iterable[str], width: int = 77) -> str:
    """Clauses joined by spaces, on as many lines as needed to stay below ``width`` columns where they can be."""
    lines: list[str] = []
    line = ""
    for clause in clauses:
        if line and len(line) + len(clause) >= width:
            lines.append(line)
            line = ""
        line += f" {clause}" if line or lines else clause
    lines.append(line)
    return "\r\n".join(lines)


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date_time(when: float) -> str:
    """A second (Unix time) as a header writes it, in UTC (RFC 5322 §3.3)."""
    return _date_time(int(when))


@lru_cache(maxsize=8)
def _date_time(second: int) -> str:
    """Many messages share a second."""
    day = datetime.fromtimestamp(second, UTC)
    return (
        f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTHS[day.month]} {day.year:04d} "
        f"{day.hour:02d}:{day.minute:02d}:{day.second:02d} +0000"
    )


def _field_name(spelling: bytes | None) -> str:
    """The lower-case name of what stands up to the colon, or an empty one when it cannot be the name of a field."""
    name = (
        spelling[:-1].rstrip(b" \t") if spelling else b""
    )  # RFC 5322 §4.5: white space before the colon is obsolete, not wrong
    return "" if name.translate(None, _NAME_OCTETS) else name.lower().decode("ascii")


def _value(raw: bytes) -> bytes:
    return raw[raw.find(b":") + 1 :].strip(b" \t\r\n")


def _message_id(value: bytes) -> str:
    text, bracket, _ = value[: _LONGEST + 1].decode("ascii", "replace").partition(">")
    return visible(text + bracket) if len(text) < _LONGEST else ""


_HOST_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]")
_ADDRESS_CHARACTERS = _HOST_CHARACTERS | frozenset("@!#$%&'*+/=?^`{|}~")
"""Nothing that ends a trace clause early; of an address with quotes or outside ASCII the trace is silent."""


def _host(helo: str) -> str:
    """A name as the client gave it, unable to do harm inside a header field."""
    if helo and len(helo) <= 255 and _HOST_CHARACTERS.issuperset(helo):
        return helo
    return "".join([char if char in _HOST_CHARACTERS else "?" for char in helo[:255]]) or "unknown"


# --- text that people read -------------------------------------------------------------------------------------------

_WORD = re.compile(rb"=\?([^?\s]{1,40})\?([BbQq])\?([^?]*)\?=")  # RFC 2047 §2
_TEXT_LIMIT = 4_000
"""Octets of a value that are decoded: far more than `SUBJECT_LIMIT` characters need, and a bound on the work."""

CHARSETS: dict[bytes, str] = {
    b"us-ascii": "utf-8",
    b"iso-8859-1": "cp1252",
    **{b"iso-8859-%d" % part: f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)},
    **{b"windows-%d" % page: f"cp{page}" for page in (874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{
        name.encode(): name
        for name in ("koi8-r", "koi8-u", "iso-2022-jp", "euc-jp", "euc-kr", "gb18030", "hz", "utf-7")
    },
    b"gb2312": "gb18030",
    b"gbk": "gb18030",
    b"big5": "cp950",
    b"shift_jis": "cp932",
    b"ks_c_5601-1987": "cp949",
}
"""Everything else is read as UTF-8: looking up any name a stranger sends would fill Python's cache of codecs."""


def readable(value: bytes) -> str:
    """A header value as people read it: unfolded, encoded words decoded, control characters gone."""
    return visible(written(value))


def written(value: bytes) -> str:
    """The same with everything in it, what cannot be seen too."""
    line = value[:_TEXT_LIMIT].replace(b"\r\n", b"")
    return _decoded(line) if b"=?" in line else line.decode("utf-8", "replace")


def visible(text: str) -> str:
    """Text that cannot do more than be seen: no control characters, line breaks or reversals of direction."""
    if text.isprintable():
        return text
    return "".join([char for char in text.replace("\t", " ") if char in _JOINERS or not _is_control(char)])


_JOINERS = "\u200c\u200d"  # invisible, but part of how emoji and many scripts are written


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _decoded(line: bytes) -> str:
    runs: list[tuple[bytes, bytes]] = []
    end = 0
    for word in _WORD.finditer(line):
        between = line[end : word.start()]
        if end == 0 or between.strip():  # RFC 2047 §6.2: white space between two encoded words is not shown
            runs.append((b"", between))
        runs.append((word[1].partition(b"*")[0].lower(), _word_octets(word[2], word[3])))  # RFC 2231 §5: language
        end = word.end()
    runs.append((b"", line[end:]))
    # Words of one charset are joined before they are decoded: many mailers split inside a character.
    return "".join(
        b"".join(octets for _, octets in run).decode(CHARSETS.get(charset, "utf-8"), "replace")
        for charset, run in groupby(runs, key=itemgetter(0))
    )


def _word_octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Qq":
        return binascii.a2b_qp(text, header=True)
    try:
        return binascii.a2b_base64(text + b"==")
    except binascii.Error:  # one character too many: shown as it came
        return text


# --- addresses -------------------------------------------------------------------------------------------------------

_UNUSUAL = frozenset('"(),:;[\\')
"""Without these a value is ``address`` or ``words <address>``."""

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\[\]]*\]|\\.|[^"\\()\[\],:;<>]+|.', re.DOTALL)
"""A quoted string, a domain literal, a quoted pair, plain text, or one special character (RFC 5322 §3.2.3)."""


def first_address(value: bytes) -> str:
    """The first address of a From or To value (RFC 5322 §3.4, obsolete forms too); empty when there is none."""
    text = value[:_TEXT_LIMIT].decode("utf-8", "replace")
    if _UNUSUAL.isdisjoint(text):
        before, bracket, after = text.partition("<")
        address = after.partition(">")[0] if bracket else before
    else:
        address = _scanned_address(text)
    if " " in address or not address.isprintable():
        address = visible(address).strip() if '"' in address else _without_spaces(address)
    local, _, domain = address.rpartition("@")
    sound = local and domain and '"' not in domain and " " not in domain and len(address) <= _LONGEST
    return address if sound else ""


def _scanned_address(text: str) -> str:
    """Read piece by piece: what is quoted or in a comment separates nothing."""
    address, depth, in_angle = "", 0, False
    for piece in _PIECE.findall(text):
        if depth or piece == "(":  # RFC 5322 §3.2.2: comments nest
            depth += (piece == "(") - (piece == ")")
        elif piece == ">" or (piece in (",", ";") and not in_angle):
            if "@" in address:
                return address
            address, in_angle = "", False
        elif piece in ("<", ":"):  # what came before was a display name, the name of a group or a source route
            address, in_angle = "", in_angle or piece == "<"
        else:
            address += piece
    return address


def unquoted(value: bytes) -> str:
    """An address field without quoted strings and comments: all that some reader may take for an address.

    A comment that nothing closes is kept: readers disagree on where it ends.
    """
    kept: list[str] = []
    comment: list[str] = []
    depth = 0
    for piece in _PIECE.findall(value.decode("utf-8", "replace")):
        if depth or piece == "(":
            comment.append(piece)
            depth += (piece == "(") - (piece == ")")
            if not depth:
                comment.clear()
        elif not (piece[0] == '"' and len(piece) > 1):
            kept.append(piece)
    return "".join((*kept, *comment))


def _without_spaces(address: str) -> str:
    """RFC 5322 §4.4: obsolete addresses have white space around dots and the at sign; else the word with the at."""
    line = " ".join(address.split())
    for mark in ("@", "."):
        line = line.replace(f" {mark}", mark).replace(f"{mark} ", mark)
    return next((word for word in visible(line).split() if "@" in word), "")

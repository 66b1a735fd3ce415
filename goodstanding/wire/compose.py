"""A message made from its parts, as programs name them: addresses, texts, files (RFC 5322, 2045-2047, 2231, 2387).

What goes in has been looked at by `flaws`; what comes out ends every line in CRLF, has none longer than 998 octets and
is ASCII, but for addresses that cannot be (RFC 6532).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from email.header import Header

from msgspec import Struct

from goodstanding.wire.address import Flaw, as_ascii, parse_path, read_path

NAME_LIMIT = 255
"""Characters of a display name or a file name."""
SUBJECT_LIMIT = 4000
FIELD_LIMIT = 2000
"""Characters of the value of a field a program adds."""
FIELDS_LIMIT = 100
WORD_LIMIT = 800
LINE = 998
"""Octets of a line without its end (RFC 5322 §2.1.1)."""

OURS = frozenset(
    b"from to cc bcc subject sender reply-to mime-version return-path received dkim-signature authentication-results "
    b"arc-seal arc-message-signature arc-authentication-results".decode().split()
)
"""Fields that have a place of their own among the parts, or that only a transport writes."""


class Mailbox(Struct, frozen=True):
    """An address with the name people read."""

    address: str
    name: str = ""


class Attachment(Struct, frozen=True):
    """One file; with ``content_id`` it is part of the HTML text, which names it ``cid:...`` (RFC 2392)."""

    name: str
    media_type: str
    octets: bytes
    content_id: str = ""


class Draft(Struct, frozen=True):
    """What a program wants to send."""

    sender: Mailbox
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()


class Wrong(Struct, frozen=True):
    """Why a draft cannot be sent: which part (``recipients.to[2].address``), and what to do about it."""

    part: str
    words: str


_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]")
"""What a field must not hold: with a line end in it, a value would begin a field of its own."""
_FIELD_NAME = re.compile(r"[!-9;-~]{1,126}")  # RFC 5322 §2.2: ftext
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}")  # RFC 6838 §4.2
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,200}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
"""A phrase that needs no quotes (RFC 5322 §3.2.3)."""


def flaws(draft: Draft) -> Iterator[Wrong]:
    """Everything that keeps a draft from being sent; none: `compose` takes it."""
    yield from _wrong_mailbox("senderAddress", draft.sender)
    for name, mailboxes in _roles(draft):
        for i, one in enumerate(mailboxes):
            yield from _wrong_mailbox(f"{name}[{i}]", one)
    if not draft.text and not draft.html:
        yield Wrong("content", "is empty; give plainText, html or both")
    yield from _wrong_text("content.subject", draft.subject, SUBJECT_LIMIT)
    if max(map(len, draft.subject.split()), default=0) > WORD_LIMIT:
        yield Wrong("content.subject", f"has a word of more than {WORD_LIMIT} characters, which fits on no line")
    if len(draft.fields) > FIELDS_LIMIT:
        yield Wrong("headers", f"has more than {FIELDS_LIMIT} fields")
    for name, value in draft.fields:
        yield from _wrong_field(name, value)
    for i, attachment in enumerate(draft.attachments):
        yield from wrong_attachment(f"attachments[{i}]", attachment)


def _roles(draft: Draft) -> tuple[tuple[str, Sequence[Mailbox]], ...]:
    return (
        *(("recipients.to", draft.to), ("recipients.cc", draft.cc), ("recipients.bcc", draft.bcc)),
        ("replyTo", draft.reply_to),
    )


def _wrong_mailbox(part: str, mailbox: Mailbox) -> Iterator[Wrong]:
    read = read_path(mailbox.address, smtputf8=True)
    if isinstance(read, Flaw):
        yield Wrong(f"{part}.address" if part != "senderAddress" else part, f"{read.text}")
    elif mailbox.address[:1] == "<":
        yield Wrong(part, "has angle brackets; write local@domain")
    yield from _wrong_text(f"{part}.displayName", mailbox.name, NAME_LIMIT)


def _wrong_text(part: str, text: str, most: int) -> Iterator[Wrong]:
    if len(text) > most:
        yield Wrong(part, f"is longer than {most} characters")
    elif _CONTROL.search(text):
        yield Wrong(part, "has a line end or a control character in it; take it out")


def _wrong_field(name: str, value: str) -> Iterator[Wrong]:
    lower = name.lower()
    if _FIELD_NAME.fullmatch(name) is None:
        yield Wrong("headers", f"{name[:60]!a} is no name of a field (RFC 5322)")
    elif lower in OURS or lower.startswith("content-"):
        yield Wrong(f"headers.{name}", "is not yours to set here; it is made from the other parts of the message")
    else:
        yield from _wrong_text(f"headers.{name}", value, FIELD_LIMIT)
        if max(map(len, value.split()), default=0) > WORD_LIMIT:
            yield Wrong(f"headers.{name}", f"has a word of more than {WORD_LIMIT} characters, which fits on no line")


def wrong_attachment(part: str, attachment: Attachment) -> Iterator[Wrong]:
    """What is wrong with one file."""
    if not attachment.name:
        yield Wrong(f"{part}.name", "is empty")
    yield from _wrong_text(f"{part}.name", attachment.name, NAME_LIMIT)
    if _MEDIA_TYPE.fullmatch(attachment.media_type) is None:
        yield Wrong(f"{part}.contentType", "is no media type such as application/pdf")
    if attachment.content_id and _CONTENT_ID.fullmatch(attachment.content_id) is None:
        yield Wrong(f"{part}.contentId", "has characters other than printable ASCII, or brackets, or is too long")


def compose(draft: Draft, boundary: Callable[[], str]) -> bytes:
    """The octets of a draft without `flaws`; ``boundary`` makes some 20 random characters, so that no text holds them.

    Date and Message-ID are left to whoever accepts it. Blind copies are in the envelope only.
    """
    lines = [_field("From", _written(draft.sender))]
    for name, mailboxes in (("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to)):
        if mailboxes:
            lines.append(_field(name, ",\r\n ".join(map(_written, mailboxes))))
    lines.append(_field("Subject", _unstructured(draft.subject, "Subject")))
    lines += [_field(name, _unstructured(value, name)) for name, value in draft.fields]
    lines.append(b"MIME-Version: 1.0\r\n")
    return b"".join(lines) + _body(draft, boundary)


def recipients_of(draft: Draft) -> list[str]:
    """Everybody it goes to, each once, in the order they are named and in the form SMTP would have them in."""
    once: dict[str, str] = {}
    for one in (*draft.to, *draft.cc, *draft.bcc):
        address = plain_address(one)
        once.setdefault(_folded(address), address)
    return list(once.values())


def plain_address(mailbox: Mailbox) -> str:
    """Its address without quotes and backslashes that change nothing: who is suppressed is so in any spelling."""
    return parse_path(mailbox.address, smtputf8=True) or mailbox.address


def wants_smtputf8(draft: Draft) -> bool:
    """Whether a draft can go only to servers that know addresses beyond ASCII: to one, or with one in its header."""
    people = (draft.sender, *draft.to, *draft.cc, *draft.bcc)
    return not all(one.address.isascii() for one in people) or not all(
        one.address.rpartition("@")[0].isascii() for one in draft.reply_to
    )


def _folded(address: str) -> str:
    """As envelopes compare recipients: the domain without case."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{as_ascii(domain)}"


def _field(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode()


def _written(mailbox: Mailbox) -> str:
    """One mailbox as a header writes it (RFC 5322 §3.4)."""
    local, _, domain = mailbox.address.rpartition("@")
    address = f"{local}@{as_ascii(domain)}"
    if not mailbox.name:
        return address
    if not mailbox.name.isascii() or len(mailbox.name) > 60:
        return f"{_words(mailbox.name, '')}\r\n <{address}>"
    if _ATOMS.fullmatch(mailbox.name):
        return f"{mailbox.name} <{address}>"
    quoted = mailbox.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'


def _unstructured(text: str, name: str) -> str:
    """A value that is text: ASCII as it is, on as many lines as it takes, anything else in encoded words (RFC 2047).

    ASCII is never encoded but where a subject would be read as encoded: fields such as List-Unsubscribe and References
    have a syntax, in which an encoded word has no place (RFC 2047 §5).
    """
    if not text.isascii() or (name == "Subject" and "=?" in text):
        return _words(text, name)
    if len(name) + 2 + len(text) <= 78:
        return text
    lines = [""]
    for word in _WORD.findall(_BLANKS.sub(" ", text)):
        if lines[-1].strip() and len(lines[-1]) + len(word) + (len(name) + 2 if len(lines) == 1 else 0) > 76:
            lines.append("")
        lines[-1] += word
    return "\r\n".join(lines)


_WORD = re.compile(r"[ \t]*[^ \t]+(?:[ \t]+$)?|[ \t]+")
_BLANKS = re.compile(r"[ \t]{31,}")
"""Blanks that might not fit on a line with the words beside them; they mean no more than one does (RFC 5322 §2.2.3)."""


def _words(text: str, name: str) -> str:
    return Header(text, "utf-8", 76, name or None).encode(linesep="\r\n")


def _body(draft: Draft, boundary: Callable[[], str]) -> bytes:
    """The content with its fields: alternative texts, within related files, within other files (RFC 2046 §5.1)."""
    texts = [_text(kind, text) for kind, text in (("plain", draft.text), ("html", draft.html)) if text]
    content = texts[0] if len(texts) == 1 else _multipart("alternative", texts, f"{boundary()}a")
    inline = [one for one in draft.attachments if one.content_id]
    if inline:
        content = _multipart("related", [content, *map(_file, inline)], f"{boundary()}r")
    apart = [one for one in draft.attachments if not one.content_id]
    if apart:
        content = _multipart("mixed", [content, *map(_file, apart)], f"{boundary()}m")
    return content


def _multipart(kind: str, parts: Sequence[bytes], boundary: str) -> bytes:
    mark = f"--=_{boundary}".encode()  # "=_" is in no quoted-printable and no base64 text (RFC 2045 §6.7)
    head = f'Content-Type: multipart/{kind};\r\n boundary="=_{boundary}"\r\n\r\n'.encode()
    return head + b"".join([mark + b"\r\n" + part + b"\r\n" for part in parts]) + mark + b"--\r\n"


def _text(kind: str, text: str) -> bytes:
    """A text part in the encoding that suits it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    octets = lines.replace("\n", "\r\n").encode("utf-8", "replace")
    if not octets.endswith(b"\r\n"):
        octets += b"\r\n"
    charset, encoding = ("us-ascii", "7bit") if octets.isascii() else ("utf-8", "quoted-printable")
    if encoding == "7bit" and (len(octets.translate(None, _UNFIT)) != len(octets) or _has_long_line(octets)):
        encoding = "quoted-printable"
    if encoding == "quoted-printable":
        beginning = octets[:4096]
        if 6 * len(beginning.translate(None, _ASCII)) > len(beginning):
            encoding, octets = "base64", _base64(octets)
        else:
            octets = binascii.b2a_qp(octets, istext=True)
    head = f"Content-Type: text/{kind}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + octets


_ASCII = bytes(range(128))
_UNFIT = bytes(octet for octet in (*range(32), 127) if octet not in b"\t\r\n")


def _has_long_line(octets: bytes) -> bool:
    """Whether a line has more than `LINE` octets, without its CRLF; one line in a thousand octets is looked at."""
    start, window = 0, LINE + 2
    while len(octets) - start > window:
        start = octets.rfind(b"\n", start, start + window) + 1
        if not start:
            return True
    return False


def _file(attachment: Attachment) -> bytes:
    lines = [
        f"Content-Type: {attachment.media_type}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {'inline' if attachment.content_id else 'attachment'};{_file_name(attachment.name)}",
    ]
    if attachment.content_id:
        lines.append(f"Content-ID: <{attachment.content_id}>")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + _base64(attachment.octets)


def _file_name(name: str) -> str:
    """The parameter with a file's name: in quotes where that is short ASCII, in pieces of RFC 2231 otherwise."""
    if name.isascii() and len(name) < 60:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'\r\n filename="{quoted}"'
    escaped = "".join(
        chr(octet) if octet in _ATTRIBUTE else f"%{octet:02X}" for octet in name.encode("utf-8", "replace")
    )
    pieces = re.findall(r"(?:%..|.){1,18}", escaped)
    written = [f"\r\n filename*{n}*={'utf-8' + chr(39) * 2 if n == 0 else ''}{piece}" for n, piece in enumerate(pieces)]
    return ";".join(written)


_ATTRIBUTE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")
"""RFC 2231 §7: attribute-char."""


def _base64(octets: bytes) -> bytes:
    """In lines of 76 (RFC 2045 §6.8)."""
    return b"".join([binascii.b2a_base64(octets[i : i + 57])[:-1] + b"\r\n" for i in range(0, len(octets), 57)])

"""A message with merge fields, filled for some recipients, so that it is seen as those see it who get and compare it.

A field is ``{{first_name}}``, or ``{{first_name|there}}`` with what stands there where nothing is known; it is found in
the header, in plain text and in HTML. Its value is that of the recipient's column of this name, or a sample's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from email import message_from_bytes

from msgspec import Struct

from goodstanding.admission.facts import Content, Fingerprint
from goodstanding.admission.fingerprint import SAME, similarity
from goodstanding.admission.reading import read
from goodstanding.simulator.recipients_file import SAMPLES, column_of
from goodstanding.wire.message import parse_header

Row = Mapping[str, str]
"""Values by the name of a field."""

_ANY = re.compile(rb"\{\{([^{}]{0,300})\}\}")
_FIELD = re.compile(r"\s*([^\W\d][\w .-]{0,60}?)\s*(?:\|(.*))?", re.DOTALL)


class Field(Struct, frozen=True):
    """One place to be filled."""

    name: str
    otherwise: str | None
    """What stands there where nothing is known; None: nothing was said."""


class Letters(Struct, frozen=True):
    """What a template came to."""

    contents: tuple[Content, ...]
    """By recipient it was filled for, as admission reads it."""
    fields: tuple[str, ...]

    @property
    def alike(self) -> float:
        """The share of them that are of the largest campaign, to whoever compares texts."""
        firsts: list[tuple[Fingerprint, list[int]]] = []
        for one in self.contents:
            same = next((count for first, count in firsts if similarity(first, one.fingerprint) >= SAME), None)
            if same is None:
                firsts.append((one.fingerprint, [1]))
            else:
                same[0] += 1
        return max(count[0] for _, count in firsts) / len(self.contents)


def as_sent(octets: bytes) -> bytes:
    """With the ends of lines that mail has; editors write others."""
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def composed(subject: str, text: str, html: str) -> bytes:
    """A message of these parts."""
    head = f"Subject: {' '.join(subject.split())}\nMIME-Version: 1.0\n"
    parts = [(kind, part) for kind, part in (("plain", text), ("html", html)) if part] or [("plain", "")]
    if len(parts) == 1:
        kind, part = parts[0]
        return f"{head}Content-Type: text/{kind}; charset=utf-8\n\n{part}".encode("utf-8", "replace")
    body = "".join(f"--=next=\nContent-Type: text/{kind}; charset=utf-8\n\n{part}\n" for kind, part in parts)
    head += 'Content-Type: multipart/alternative; boundary="=next="\n'
    return f"{head}\n{body}--=next=--\n".encode("utf-8", "replace")


def flaws_of(octets: bytes, rows: Sequence[Row], samples: Mapping[str, Sequence[str]]) -> list[str]:
    """What cannot be filled, and why; ``rows``: some recipients with their columns."""
    found: list[str] = []
    columns = {name for row in rows for name in row} | samples.keys()
    for written in dict.fromkeys(_ANY.findall(_opened(octets))):
        field = _field(written)
        shown = "{{" + written.decode("utf-8", "replace") + "}}"
        if field is None:
            found.append(f"{shown} is no field; only {{{{name}}}} and {{{{name|otherwise}}}} are filled")
        elif field.name not in columns and field.otherwise is None:
            remedy = f'add the column, write {field.name} = "..." under [sample], or {{{{{field.name}|otherwise}}}}'
            found.append(f"{shown}: no recipient has {field.name!r}; {remedy}")
    return found


def letters(octets: bytes, rows: Sequence[Row], samples: Mapping[str, Sequence[str]]) -> Letters:
    """The message as some recipients get it; one letter where there is nothing to fill."""
    opened = _opened(octets)
    fields = tuple(dict.fromkeys(one.name for one in map(_field, _ANY.findall(opened)) if one is not None))
    if not fields:
        return Letters((_read(as_sent(octets)),), ())
    filled = [_filled(opened, row, samples, place) for place, row in enumerate(_recipients(rows, samples))]
    return Letters(tuple(_read(as_sent(one)) for one in filled), fields)


def _recipients(rows: Sequence[Row], samples: Mapping[str, Sequence[str]]) -> Iterable[Row]:
    """Those of a list; where there is none, as many as there are different samples."""
    return rows[:SAMPLES] or [{}] * min(SAMPLES, max((len(values) for values in samples.values()), default=1))


def _filled(octets: bytes, row: Row, samples: Mapping[str, Sequence[str]], place: int) -> bytes:
    def value(match: re.Match[bytes]) -> bytes:
        field = _field(match[1])
        if field is None:
            return match[0]
        usual = samples.get(field.name, ())
        told = row.get(field.name) or field.otherwise or (usual[place % len(usual)] if usual else "")
        return " ".join(told.split()).encode("utf-8", "surrogateescape")

    return _ANY.sub(value, octets)


def _field(written: bytes) -> Field | None:
    found = _FIELD.fullmatch(written.decode("utf-8", "replace"))
    return Field(column_of(found[1]), found[2] and found[2].strip()) if found else None


def _read(octets: bytes) -> Content:
    return read(parse_header(octets), octets, len(octets))


def _opened(octets: bytes) -> bytes:
    """The same with no text in quoted-printable or base64, where a field might not be seen."""
    if b"\ncontent-transfer-encoding:" not in octets.lower():
        return octets
    message = message_from_bytes(octets)
    for part in message.walk():
        payload = part.get_payload(decode=True) if part.get_content_maintype() == "text" else None
        if isinstance(payload, bytes):
            del part["Content-Transfer-Encoding"]
            part["Content-Transfer-Encoding"] = "8bit"
            part.set_payload(payload.decode("ascii", "surrogateescape"))
    return message.as_bytes()

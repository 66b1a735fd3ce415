"""What an application says with a message about its recipients: the control headers, read into ledger entries.

``X-Goodstanding-Trigger: what=password-reset; at=2026-11-23T10:00:00Z; from=203.0.113.9`` and
``X-Goodstanding-Permission: basis=double-opt-in; at=...; source=...; text=...; country=IT; class=individual``.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from goodstanding.admission.entries import Entry, read_entry
from goodstanding.admission.facts import Action, Finding
from goodstanding.admission.law import BASES
from goodstanding.errors import GoodstandingError
from goodstanding.wire.message import readable

TRIGGER_FIELD, PERMISSION_FIELD = "x-goodstanding-trigger", "x-goodstanding-permission"
CLAIMS_LIMIT = 8
"""Fields of a message that are read; nobody has more to say of one message."""
_KEYS = {
    TRIGGER_FIELD: {"what": "purpose", "at": "at", "from": "ip", "text": "text", "source": "source"},
    PERMISSION_FIELD: {
        "basis": "what",
        "at": "at",
        "expires": "expires",
        "source": "source",
        "text": "text",
        "ip": "ip",
        "country": "country",
        "class": "class",
        "purpose": "purpose",
        "stream": "stream",
        "from": "ip",
    },
}


class Claims(Struct, frozen=True, gc=False):
    """What the control headers of a message say of its recipients."""

    entries: tuple[Entry, ...] = ()
    """Without addresses: they are about every recipient of the message."""
    findings: tuple[Finding, ...] = ()
    """What could not be read; remarks only, because a claim that counts for nothing is harm enough."""


def claims_of(fields: Iterable[tuple[str, bytes]], stream: str, now: float) -> Claims:
    """The claims in a header (`HeaderBlock.fields`: lower-case name, raw field). Never raises; linear time."""
    found = [(name, raw) for name, raw in fields if name in _KEYS]
    if not found:
        return _NO_CLAIMS
    entries, findings = list[Entry](), list[Finding]()
    for name, raw in found[:CLAIMS_LIMIT]:
        try:
            entries.append(_claim(name, readable(raw.partition(b":")[2].strip()), stream, now))
        except GoodstandingError as exc:
            findings.append(_unreadable(name, str(exc)))
    if len(found) > CLAIMS_LIMIT:
        findings.append(_unreadable(found[0][0], f"more than {CLAIMS_LIMIT} claims; send those that matter"))
    return Claims(tuple(entries), tuple(findings))


_NO_CLAIMS = Claims()


def _claim(name: str, value: str, stream: str, now: float) -> Entry:
    words = _parts(value, _KEYS[name])
    if name == TRIGGER_FIELD:
        if not words.get("purpose"):
            raise GoodstandingError("what is missing; say what they did, e.g. what=password-reset")
        return read_entry({**words, "kind": "interaction", "what": "trigger", "stream": stream}, now)
    if not words.get("at"):
        raise GoodstandingError("at is missing; say when they gave it, e.g. at=2026-11-23T10:00:00Z")
    if words.get("what") == "user-triggered":
        raise GoodstandingError("user-triggered is no permission that lasts; use X-Goodstanding-Trigger")
    carried = BASES.get(words.get("what", ""))
    usual = stream if carried is not None and stream in carried.streams else ""
    return read_entry({"stream": usual, **words, "kind": "permission"}, now)


def _parts(value: str, keys: dict[str, str]) -> dict[str, str]:
    """``key=value; key="a value; with signs"`` by the names entries use."""
    words = dict[str, str]()
    for part in _split(value):
        key, equals, word = part.partition("=")
        name = keys.get(key.strip().lower())
        if not equals or name is None:
            known = ", ".join(keys)
            raise GoodstandingError(f"{part.strip()[:40]!r} is not understood; write key=value with a key of: {known}")
        words[name] = word.strip().strip('"')
    return words


def _split(value: str) -> list[str]:
    """The parts between semicolons that are not in quotes."""
    parts, quoted, start = list[str](), False, 0
    for at, char in enumerate(value):
        if char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            parts.append(value[start:at])
            start = at + 1
    parts.append(value[start:])
    return [part for part in parts if part.strip()]


def _unreadable(name: str, problem: str) -> Finding:
    what, _, remedy = problem.partition("; ")
    return Finding(
        slug="claim-unreadable",
        action=Action.ACCEPT,
        because=f"{'-'.join(part.capitalize() for part in name.split('-'))} counts for nothing: {what}",
        remedy=remedy or "see docs/trust.md, What an application can say with a message",
    )

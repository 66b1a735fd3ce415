"""What a header gives away: what is malformed, what misleads, what pretends to be an answer."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from goodstanding.wire.message import HeaderBlock, first_address, readable, written

_ONCE = ("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references")
"""RFC 5322 §3.6: fields that may stand there once."""

LONGEST_LINE = 998
"""RFC 5322 §2.1.1, in octets without CRLF."""

_ANSWER = re.compile(
    r"\s*(?:re|fwd?|aw|wg|antw|sv|vs|vb|vl|vá|továbbítás|odp|pd|ynt|ilt|tr|réf?|ri?f|rif|i|r|enc|res|rv|ref|bls|trs|atb|"
    r"回复|回覆|答复|转发|轉寄|返信|転送)\s*(?:\[\d+\]|\(\d+\)|\d{1,2})?\s*[:：]",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,8}[\w-]{2,63})")
_ADDRESSES_ONLY = re.compile(r"\s*<?[\w.+-]{1,64}@[\w.-]{1,253}>?(?:\s*[,;]\s*<?[\w.+-]{1,64}@[\w.-]{1,253}>?)*\s*\Z")
_REVERSALS = re.compile("[\u202d\u202e]")  # the overrides: Arabic and Hebrew names may well have the others
_ENCODED_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROL = bytes(range(9)) + b"\x0b\x0c" + bytes(range(14, 32)) + b"\x7f"


def malformed(header: HeaderBlock, subject: str) -> tuple[str, ...]:
    """What is wrong with a header, in words; empty when nothing is (RFC 5322)."""
    names = [name for name, _ in header.fields]
    wrong = [] if len(set(names)) == len(names) else _repeated(names)
    if "from" not in names:
        wrong.append("there is no From field")
    if "" in names:
        wrong.append("a line is no field")
    raw = b"".join([field for _, field in header.fields])
    if len(raw.translate(None, _CONTROL)) != len(raw):
        wrong.append("it holds control characters")
    if len(raw) > LONGEST_LINE and max(map(len, raw.split(b"\r\n"))) > LONGEST_LINE:
        wrong.append(f"a line is longer than {LONGEST_LINE} octets")
    if "@" in subject and _ADDRESSES_ONLY.match(subject[:2_000]):
        wrong.append("the subject is a bare list of addresses")
    return tuple(wrong)


def _repeated(names: list[str]) -> list[str]:
    return [f"{count} {name.title()} fields" for name in _ONCE if (count := names.count(name)) > 1]


@lru_cache(maxsize=1_024)
def deceptive_sender(value: bytes) -> tuple[str, ...]:
    """What misleads in a From value: a display name with another address, alphabets mixed in a domain."""
    text = readable(value)
    shown = text.rpartition("<")[0]
    domain = first_address(value).rpartition("@")[2].lower()
    wrong: list[str] = []
    named = _ADDRESS.search(shown)
    if named and not _related(named[1].lower(), domain):
        wrong.append(f"the display name shows an address of {named[1].lower()}, the mail is from {domain or 'nobody'}")
    if mixed_alphabets(domain):
        wrong.append(f"the domain {domain} mixes alphabets")
    if _REVERSALS.search(written(value)):
        wrong.append("the sender's name turns its reading direction round")
    return tuple(wrong)


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith("." + other) or other.endswith("." + one)


def mixed_alphabets(domain: str) -> bool:
    """Whether a label of a domain is written in more than one of Latin, Greek and Cyrillic (Unicode UTS #39 §5)."""
    return any(_mixed_label(label) for label in domain.split(".") if not label.isascii() or label.startswith("xn--"))


def _mixed_label(label: str) -> bool:
    if label.startswith("xn--"):
        try:
            label = label[4:].encode("ascii").decode("punycode")
        except UnicodeError:
            return False
    names = {unicodedata.name(char, "").partition(" ")[0] for char in label[:63] if char.isalpha()}
    return len(names & {"LATIN", "GREEK", "CYRILLIC"}) > 1


def forged_thread(header: HeaderBlock, subject: str) -> bool:
    """Whether a subject begins Re:, Fwd: or their like in any language, and no field refers to an earlier message."""
    if ":" not in subject[:24] and "：" not in subject[:24]:
        return False
    if _ANSWER.match(subject) is None:
        return False
    return not any(name in ("in-reply-to", "references") and b"<" in raw for name, raw in header.fields)

"""What the words of a message hint at, in several languages: optional evidence, never proof.

A phrase is found by its longest word, so that a message costs one look-up per word and not one search per phrase.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from importlib import resources
from typing import Any

from msgspec import Struct

TOP, END = 180, 120
"""Words of a message that are looked at, from its top and from its end."""


class _Phrase(Struct, frozen=True, gc=False):
    """Words that hint at something when they stand together."""

    written: bytes
    """With a space on either side."""
    words: frozenset[bytes]
    cue: str
    strength: float


WAY_OUT = "way-out"
"""Not a cue of recognition: the text offers a way out."""

_MONEY = 4_096  # characters from the top
_CURRENCIES = ("€", "$", "£", "EUR", "USD", "GBP", "CHF")
_SPINTAX = re.compile(r"\{[^{}|\n]{1,60}(?:\|[^{}|\n]{0,60}){1,12}\}")

_DIGIT = re.compile(r"\d")
_POST_CODE = re.compile(
    r"\b[A-Z]{2}[ ,]{1,2}\d{5}(?:-\d{4})?\b"  # CA 94043
    r"|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b"  # SW1A 1AA
    r"|\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b"  # K1A 0B1
    r"|\b(?:[A-Z]{1,2}-)?\d{4,5} [A-ZÄÖÜÉ][a-zäöüßéèàí]{2,}"  # 10115 Berlin, 1010 Wien, 20121 Milano
)
_POSTAL_TAIL, _POSTAL_WORDS, _POST_CODE_TAIL = 1_200, 200, 500
"""Characters, words and characters again from the end of a text, where addresses stand."""
_NEAR = 24  # characters between a number and its street

_READ = tomllib.loads(resources.files("goodstanding.admission").joinpath("cues.toml").read_text("utf-8"))
_STREETS = frozenset([word.encode("cp1252") for word in _READ["postal"]["words"].split()])
_STREET_ENDS: tuple[str, ...] = tuple(_READ["postal"]["ends"])


def _table() -> dict[bytes, list[_Phrase]]:
    phrases: dict[bytes, list[_Phrase]] = {}
    rows: list[dict[str, Any]] = [*_READ["cue"], {"name": WAY_OUT, "strength": 1.0, **_READ["wayout"]}]
    for row in rows:
        for phrase in row["phrases"]:
            for written in {phrase.encode("utf-8"), phrase.encode("cp1252")}:
                words = written.split()
                one = _Phrase(b" %b " % written, frozenset(words), row["name"], row["strength"])
                phrases.setdefault(max(words, key=len), []).append(one)
    return phrases


_PHRASES = _table()
_RAREST = frozenset(_PHRASES)


def cues(words: list[bytes]) -> dict[str, float]:
    """Cues and their strength, 0 to 1, found in masked words of subject and text; `WAY_OUT` is among them."""
    if len(words) > TOP + END:
        words = words[:TOP] + words[-END:]
    there = set(words)
    likely = [phrase for word in _RAREST & there for phrase in _PHRASES[word] if phrase.words <= there]
    if not likely:
        return {}
    text = b" %b " % b" ".join(words)
    missing: dict[str, float] = {}
    for phrase in likely:
        if phrase.written in text:
            missing[phrase.cue] = missing.get(phrase.cue, 1.0) * (1.0 - phrase.strength)
    return {cue: round(1.0 - rest, 12) for cue, rest in missing.items()}  # whatever order they were found in


def literal_cues(text: str) -> dict[str, float]:
    """Cues in a text as it was written: sums of money, templates that nobody filled."""
    text = text[:_MONEY]
    strengths: dict[str, float] = {}
    if any(_sum_of(text, sign) for sign in _CURRENCIES if sign in text):
        strengths["amount"] = 0.5
    if "{" in text and "|" in text and _SPINTAX.search(text):
        strengths["spintax"] = 1.0
    return strengths


def _sum_of(text: str, sign: str) -> bool:
    """Whether a digit stands beside the first occurrence of a currency."""
    at = text.find(sign)
    return any(map(str.isdigit, text[max(0, at - 2) : at + len(sign) + 2]))


def streets(words: list[bytes]) -> list[str]:
    """Words at the end of a text that may be of an address; ``words``: masked."""
    return [word.decode("cp1252") for word in _STREETS.intersection(words[-_POSTAL_WORDS:])]


def has_postal_address(text: str, streets: Sequence[str]) -> bool:
    """Whether the end of a text seems to hold a postal address, by rule of thumb."""
    tail = text[-_POSTAL_TAIL:].lower()
    if _DIGIT.search(tail) is None:
        return False
    ends = [end for end in _STREET_ENDS if end in tail]
    if any(_numbered(tail, street) for street in (*streets, *ends)):
        return True
    last = text[-_POST_CODE_TAIL:]
    return _DIGIT.search(last) is not None and _POST_CODE.search(last) is not None


def _numbered(tail: str, street: str) -> bool:
    """Whether a number stands near one of the last places of a word."""
    at = len(tail)
    for _ in range(4):
        at = tail.rfind(street, 0, at)
        if at < 0:
            return False
        if any(map(str.isdigit, tail[max(0, at - _NEAR) : at + len(street) + _NEAR])):
            return True
    return False

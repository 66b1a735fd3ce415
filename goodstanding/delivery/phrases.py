"""Phrases as data: how the rules of refusals and the shapes of bounces are written, and how they are found in a text.

A phrase is lower-case words. ``*`` within it stands for up to `GAP` characters; it begins and ends at a word, unless it
begins or ends with ``*``. There is nothing else in the language, so no phrase can be slow.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

GAP = 60
"""Characters that a ``*`` within a phrase stands for at most."""

TEXT_LIMIT = 2_000
"""Characters of a text that are looked at."""

_ADDRESS = re.compile(r"<?[^\s<>\"'(),;:@]{1,100}@[^\s<>\"'(),;:@]{1,200}>?")
_APOSTROPHES = str.maketrans("’‘`´", "''''")
_WORDS = re.compile(r"[a-z0-9]+")
_LATIN = range(0xC0, 0x250)
_BARE = {
    code: bare for code in _LATIN if (bare := unicodedata.normalize("NFD", chr(code))[0]).isascii() and bare.isalpha()
} | {0x142: "l", 0xF8: "o", 0x111: "d", 0x131: "i", 0xDF: "ss", 0xE6: "ae", 0x153: "oe", 0x307: ""}
"""Latin letters without their marks: servers leave them out as often as not."""
_NOBODY: frozenset[int] = frozenset()


class _Phrase(NamedTuple):
    owner: int
    """Number of the list it stands in."""
    literal: str
    """The longest part that must occur: looking for it first is what makes phrases fast."""
    pattern: re.Pattern[str]


class Phrases:
    """Lists of phrases in their order of precedence, compiled; immutable.

    Most phrases hold a whole word, and are looked at only when the text holds it too; those with letters that ASCII
    has not are not looked for in a text of ASCII.
    """

    __slots__ = ("_ascii", "_by_word", "_rest", "written")

    def __init__(self, *lists: Sequence[str]) -> None:
        self.written = tuple(tuple(phrases) for phrases in lists)
        by_word: dict[str, list[_Phrase]] = {}
        rest: list[_Phrase] = []
        for owner, phrases in enumerate(self.written):
            for phrase in phrases:
                bare = unmarked(phrase)
                word = _whole_word(bare)
                place = by_word.setdefault(word, []) if word else rest
                place.append(_Phrase(owner, _literal(bare), _pattern(bare)))
        self._by_word, self._rest = by_word, rest
        self._ascii = [phrase for phrase in rest if phrase.literal.isascii()]

    def __repr__(self) -> str:
        return f"<Phrases: {sum(map(len, self.written))} in {len(self.written)} lists>"

    def are_in(self, text: str) -> bool:
        """Whether a `normalised` text holds one of them."""
        return self.first(text) is not None

    def first(self, text: str, without: frozenset[int] = _NOBODY) -> int | None:
        """The number of the first list of which a `normalised` text holds a phrase; ``without`` are left out."""
        best = len(self.written)
        for word in self._by_word.keys() & set(_WORDS.findall(text)):
            best = _first_in(self._by_word[word], text, best, without)
        best = _first_in(self._ascii if text.isascii() else self._rest, text, best, without)
        return best if best < len(self.written) else None


def _first_in(phrases: Iterable[_Phrase], text: str, best: int, without: frozenset[int]) -> int:
    """The lowest owner below ``best`` of a phrase that the text holds; phrases come in the order of their owners."""
    for owner, literal, pattern in phrases:
        if owner >= best:
            break
        if literal in text and owner not in without and pattern.search(text):
            return owner
    return best


def normalised(text: str) -> str:
    """How phrases see a text: lower case, single spaces, no marks on Latin letters, every address as ``@``."""
    line = " ".join(text[:TEXT_LIMIT].split()).translate(_APOSTROPHES).lower()
    line = unmarked(line)
    return _ADDRESS.sub("@", line) if "@" in line else line


def unmarked(line: str) -> str:
    """Latin letters without their marks."""
    return line if line.isascii() else line.translate(_BARE)


def _literal(phrase: str) -> str:
    return max((part.strip() for part in phrase.split("*")), key=len)


def _whole_word(phrase: str) -> str:
    """The longest word that any text with the phrase holds as a word of its own; empty when there is none."""
    words = [
        match[0]
        for match in re.finditer(r"\w+", phrase)
        if phrase[match.start() - 1 : match.start()] != "*" and phrase[match.end() : match.end() + 1] != "*"
    ]
    return max((word for word in words if _WORDS.fullmatch(word)), key=len, default="")


def _pattern(phrase: str) -> re.Pattern[str]:
    inner = phrase.strip("*")
    parts = re.escape(inner).replace(r"\ \*\ ", rf"\b.{{0,{GAP}}}?\b").replace(r"\*", rf".{{0,{GAP}}}?")
    before = r"(?<!\w)" if not phrase.startswith("*") and inner[0].isalnum() and inner[0].isascii() else ""
    after = r"(?!\w)" if not phrase.endswith("*") and inner[-1].isalnum() and inner[-1].isascii() else ""
    return re.compile(before + parts + after)

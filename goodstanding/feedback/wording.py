"""Phrases as `answers.toml` writes them, and texts made plain enough to be compared with them.

    a/b    either word        [a]    the word may be missing        *    up to four words

Every repetition is bounded, so a search costs no more than the text is long, whatever is in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

_JOINED = str.maketrans(
    {"'": "", "’": "", "`": "", "´": "", "ʼ": "", "ß": "ss", "ø": "o", "æ": "ae", "ł": "l", "ı": "i"}
)
_TOGETHER = re.compile(r"\be-mail|\bcan-spam")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Kana, Han and Hangul: words are not parted by spaces, or may not be."""


def plain(text: str) -> str:
    """Without case, accents, hyphens, apostrophes and punctuation; words parted by one space."""
    text = _TOGETHER.sub(lambda match: match[0].replace("-", ""), text.casefold())
    parts = unicodedata.normalize("NFKD", text.translate(_JOINED))
    bare = "".join([char for char in parts if not unicodedata.combining(char)])
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFC", bare).replace("_", " ")))


class Wording:
    """Phrases of one meaning, found by their first word: four hundred phrases cost no more than one."""

    def __init__(self, phrases: Collection[str]) -> None:
        self._unspaced = [plain(phrase).replace(" ", "") for phrase in phrases if _UNSPACED.search(phrase)]
        by_word: dict[str, list[str]] = {}
        for phrase in phrases:
            for first, rest in [] if _UNSPACED.search(phrase) else _starts(phrase.split()):
                by_word.setdefault(first, []).append(rest)
        self._by_word = {
            word: re.compile("|".join(sorted(rests, key=len, reverse=True))) for word, rests in by_word.items()
        }

    def find(self, text: str, until: int) -> tuple[int, int] | None:
        """Where the first phrase that begins in the first ``until`` characters of a plain text stands."""
        return next(self._found(text, until), None)

    def without(self, text: str, until: int) -> str:
        """A plain text with its phrases taken out."""
        kept, at = [], 0
        for start, end in self._found(text, until):
            if start >= at:
                kept.append(text[at:start])
                at = end
        return " ".join("".join([*kept, text[at:]]).split())

    def _found(self, text: str, until: int) -> Iterator[tuple[int, int]]:
        head = text[:until]
        for phrase in self._unspaced if not head.isascii() else ():
            at = head.replace(" ", "").find(phrase)
            if at >= 0:
                yield at, at + len(phrase)  # spaces left out, so this is where it stands at the earliest
        spaced = text + " "
        for word in _WORD.finditer(head):
            rest = self._by_word.get(word[0])
            if rest is not None and (found := rest.match(spaced, word.end() + 1)):
                yield word.start(), found.end() - 1


_WORD = re.compile(r"\w+")


def _starts(words: list[str]) -> list[tuple[str, str]]:
    """Each word that a phrase may begin with, and a pattern for what follows it."""
    choices = [plain(choice) for choice in words[0].strip("[]").split("/")]
    rest = "".join([_following(word) for word in words[1:]])
    found = [(choice, rest) for choice in choices]
    return found + _starts(words[1:]) if words[0].startswith("[") and len(words) > 1 else found


def _following(word: str) -> str:
    """One word of a phrase with the space behind it."""
    if word == "*":
        return r"(?:\w+ ){0,4}"
    choices = "|".join([re.escape(plain(choice)) for choice in word.strip("[]").split("/")])
    return rf"(?:(?:{choices}) )?" if word.startswith("[") else rf"(?:{choices}) "

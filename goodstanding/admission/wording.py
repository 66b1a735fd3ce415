"""The words of a text that all recipients of a campaign share: what is personal, decorative or invisible is masked.

Order of masking: invisible characters, look-alikes, links and addresses, greeting and sign-off, merge-like names, then
everything that holds a digit, with the month or weekday beside it. What is left are lower-case words: in Windows-1252
where that can hold the text (one octet a letter, so that one table does everything), else in UTF-8.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import pairwise

from msgspec import Struct

HEAD, TAIL = 2_048, 1_024
"""Characters of a long text that are looked at, from its top and from its end."""

MASKED_NAMES = 2_048
"""Characters of a text from which on merge fields no longer weigh, so that names are left where they are."""

_WORDS_A_DIGIT = 6  # with fewer it is cheaper to look at every word
_GREETED, _CLOSED = 1_500, 800  # characters from the top and from the end
_LONGEST_GREETING, _GREETED_LINES = 100, 60  # its characters, and the lines from the top among which it is
_NOT_WESTERN = 20
"""One in so many characters outside Windows-1252, and a text is read as UTF-8; below, they are signs and emoji."""

_TABLE = tomllib.loads(resources.files("goodstanding.admission").joinpath("wording.toml").read_text("utf-8"))

_UNSEEN = (
    "\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e01ef"
)
_INVISIBLES = re.compile(f"[{_UNSEEN}]")
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_FLAG = "\U0001f3f4"  # begins the flags of Unicode TR51, the one honest use of tag characters
_VEIL = "\u200b"

_OTHER_ALPHABET = re.compile("[\u0370-\u03ff\u0400-\u052f]")
_MIXED = re.compile("[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z]")
_LOOKALIKES = str.maketrans(dict(pair for pairs in _TABLE["lookalike"].values() for pair in pairs))
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{2,400}")
"""Scripts that put no space between words."""

_LINK_END = re.compile(r"[^\s<>\"]{1,2000}")
_BEFORE_AT, _AFTER_AT = re.compile(r"[\w.+%'-]{1,64}\Z"), re.compile(r"[\w.-]{1,255}")
_GREETING = re.compile(
    rf"[^\w]{{0,12}}(?:{'|'.join(_TABLE['greeting']['begins'])})\b([^,!:.?]{{0,60}})(?:[,!:.?]|\Z)", re.IGNORECASE
)
_GREETINGS = frozenset([begin[:2] for begin in _TABLE["greeting"]["begins"]])
_CLOSINGS = frozenset(_TABLE["closing"]["lines"])
_AROUND = " \t\r,.!*_-–—>"
_LONGEST_NAME = 40
_CAPITALISED = "[A-Z\u00c0-\u00de][\\w&'\u2019-]{1,30}"
_NAME = re.compile(rf"[A-Z\u00c0-\u00de](?<=[a-z,;\u00df-\u00ff] .)[\w&'\u2019-]{{1,30}}(?: {_CAPITALISED}){{0,2}}")
_WORD_OF_NAME = re.compile(r"[^\W\d_]{3,}")

_ASCII = bytes(range(128))
_WESTERN = frozenset(bytes(range(128, 256)).decode("cp1252", "ignore"))
_PUNCTUATION = tuple(char.encode() for char in "‘‚“”„–—…•→\u00a0«»·\u202f\u2009€£、。，")


def _letters(encoding: str) -> bytes:
    """A table for `bytes.translate`: letters small, digits 0, octets of longer characters as they are, else spaces."""
    table = bytearray(b" " * 256)
    for octet in range(256):
        char = bytes((octet,)).decode(encoding, "ignore")
        if char.isalpha():
            table[octet] = (char.lower().encode(encoding, "ignore") or b" ")[0]
        elif char in set("0123456789"):
            table[octet] = ord("0")
        elif not char and encoding == "utf-8":
            table[octet] = octet
    return bytes(table)


_LETTERS, _WESTERN_LETTERS = _letters("utf-8"), _letters("cp1252")


def spelled(words: Iterable[str]) -> frozenset[bytes]:
    """Words in each of the encodings a masked text may have."""
    return frozenset([word.encode(encoding, "ignore") for word in words for encoding in ("utf-8", "cp1252")])


_DATES = spelled(_TABLE["date"]["words"].split())

_FOOTERS: dict[bytes, list[bytes]] = {}
"""Phrases by their longest word."""
for _phrase in sorted(spelled(_TABLE["footer"]["begins"])):
    _FOOTERS.setdefault(max(_phrase.split(), key=len), []).append(b" %b " % _phrase)
_FOOTER_WORDS = frozenset(_FOOTERS)
_FOOTER, _BODY, _SENTENCE = 140, 4, 8
"""Words from the end within which a footer may begin, words that must stand before it, words of one of its phrases."""


class Wording(Struct, frozen=True, gc=False):
    """A text as the fingerprint and the cues see it."""

    masked: bytes
    """Words between spaces, in the order they stand there; lower case, nothing personal."""
    invisible: int
    """Places where a character nobody sees breaks a word, and tag characters."""
    mixed: int
    """Places where two alphabets meet inside a word."""
    links: tuple[str, ...]
    """Links as they stand in the text."""
    names: tuple[bytes, ...]
    """What was masked as the name of somebody."""

    @property
    def words(self) -> list[bytes]:
        """The masked words, one by one."""
        return self.masked.split()


def wording(text: str, names: Sequence[bytes] = ()) -> Wording:
    """Mask a text; linear in its length, of which it looks at `HEAD` and `TAIL` characters.

    ``names`` are words known to be personal, as `names_in` gives them.
    """
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]} \n {text[-TAIL:]}"
    invisible = mixed = 0
    if not text.isascii():
        text, invisible, mixed = _seen(text)
    links: list[str] = []
    for sign in ("://", "www."):
        if sign in text:
            text = _without_links(text, sign, links)
    if "@" in text:
        text = _without_addresses(text)
    text, greeted = _without_greeting(text)
    text = _without_closing(text)
    if len(text) <= MASKED_NAMES:
        text = _without_names(text)
    known = (*names, *greeted)
    return Wording(_masked(text, known), invisible, mixed, tuple(links), known)


def without_footer(words: list[bytes]) -> list[bytes]:
    """Words without those of the footer that all mails of a sender share: some words from each of its phrases on.

    Not all that follows the first phrase: sentences in another order would leave other words.
    """
    begins = max(_BODY, len(words) - _FOOTER)
    last = words[begins:]
    found = _FOOTER_WORDS.intersection(last)
    if not found:
        return words
    tail = b" %b " % b" ".join(last)
    places = [tail.find(phrase) for word in found for phrase in _FOOTERS[word]]
    kept, at = words[:begins], begins
    for place in sorted(place for place in places if place >= 0):
        starts = begins + tail.count(b" ", 0, place)
        kept += words[at:starts]
        at = max(at, starts + _SENTENCE)
    return kept + words[at:]


def names_in(text: str) -> tuple[bytes, ...]:
    """Words of somebody's name, as they are masked in a text."""
    found: list[str] = _WORD_OF_NAME.findall(text[:200])
    return tuple(spelled([name.lower() for name in found[:4]]))


def _seen(text: str) -> tuple[str, int, int]:
    """Text without what nobody sees, look-alikes written in Latin; how much of both there was."""
    odd = set(text.encode("utf-8", "replace").translate(None, _ASCII).decode("utf-8", "ignore")) - _WESTERN
    if not odd:
        return text, 0, 0
    invisible = mixed = 0
    rare = "".join(odd)
    veils = _INVISIBLES.findall(rare)
    if veils:
        text, invisible = _unveiled(text, veils)
    if not unicodedata.is_normalized("NFKC", rare) or any(map(unicodedata.combining, rare)):
        text = unicodedata.normalize("NFKC", text)[: 2 * (HEAD + TAIL)]
    if _OTHER_ALPHABET.search(rare):
        mixed = len(_MIXED.findall(text))
        if mixed or 4 * len(_OTHER_ALPHABET.findall(text)) < len(text):  # else it is Russian, and stays so
            text = text.translate(_LOOKALIKES)
    if _UNSPACED.search(2 * rare):
        text = _UNSPACED.sub(_spaced, text)
    return text, invisible, mixed


def _unveiled(text: str, veils: list[str]) -> tuple[str, int]:
    """Text without invisible characters, and how often they broke a word of an alphabet that needs none, or were tags.

    What pads the preview line of a newsletter stands between spaces and is not counted.
    """
    tags = 0 if _FLAG in text else sum([text.count(veil) for veil in veils if _TAGS.match(veil)])
    for veil in veils:
        text = text.replace(veil, _VEIL)
    while 2 * _VEIL in text:
        text = text.replace(2 * _VEIL, _VEIL)
    pieces = text.split(_VEIL)
    broken = [1 for left, right in pairwise(pieces) if _lettered_end(left[-1:]) and _lettered_end(right[:1])]
    return "".join(pieces), tags + len(broken)


def _lettered_end(char: str) -> bool:
    return char.isalpha() and char <= "\u052f"  # Latin, Greek, Cyrillic


def _spaced(run: re.Match[str]) -> str:
    """Overlapping pairs of characters stand for the words of a script without spaces."""
    return f" {' '.join(map(''.join, pairwise(run[0])))} "


def _without_links(text: str, sign: str, links: list[str]) -> str:
    """Text without the links in which a sign stands; they are added to ``links``."""
    kept: list[str] = []
    start, at = 0, text.find(sign)
    while at >= 0:
        scheme = text[max(start, at - 5) : at].lower() if sign == "://" else ""
        begins = at - (5 if scheme == "https" else 4 if scheme.endswith("http") else 0)
        end = _LINK_END.match(text, at)
        ends = end.end() if end else at + len(sign)
        links.append(text[begins:ends])
        kept.append(text[start:begins])
        start = ends
        at = text.find(sign, start)
    kept.append(text[start:])
    return " ".join(kept)


def _without_addresses(text: str) -> str:
    """Text without e-mail addresses; walks from one @ to the next, because a pattern would be slow on long words."""
    kept: list[str] = []
    start, at = 0, text.find("@")
    while at >= 0:
        before, after = _BEFORE_AT.search(text[max(start, at - 64) : at]), _AFTER_AT.match(text, at + 1)
        kept.append(text[start : at - len(before[0]) if before else at])
        start = after.end() if after else at + 1
        at = text.find("@", start)
    kept.append(text[start:])
    return " ".join(kept)


def _without_greeting(text: str) -> tuple[str, tuple[bytes, ...]]:
    """Text without its greeting, and the names that were greeted."""
    start = 0
    for line in text[: _GREETED + _LONGEST_GREETING].split("\n", _GREETED_LINES)[:_GREETED_LINES]:
        if line and line.lstrip(_AROUND)[:2].lower() in _GREETINGS:
            found = _GREETING.match(line[:_LONGEST_GREETING])
            if found:
                return f"{text[:start]} {text[start + found.end() :]}", names_in(found[1])
        start += len(line) + 1
        if start >= _GREETED:
            break
    return text, ()


def _without_closing(text: str) -> str:
    """Text without its sign-off and the name below it."""
    tail = max(0, len(text) - _CLOSED)
    lines = text[tail:].split("\n")
    for number, line in enumerate(lines):
        if len(line) <= _LONGEST_NAME and line.strip(_AROUND).lower() in _CLOSINGS:
            below = number + 1 if number + 1 < len(lines) and lines[number + 1].strip() else number + 2
            named = below < len(lines) and len(lines[below]) <= _LONGEST_NAME
            return "\n".join((text[:tail], *lines[:number], *lines[below + 1 if named else number + 1 :]))
    return text


def _without_names(text: str) -> str:
    """Text without capitalised words inside sentences, unless they are so many that the language writes nouns so."""
    found = _NAME.findall(text)
    return text if not found or 8 * len(found) > text.count(" ") else _NAME.sub(" ", text)


def _masked(text: str, names: Sequence[bytes]) -> bytes:
    raw = _lettered(text)
    if names:
        raw = b" %b " % raw
        for name in names:
            raw = raw.replace(b" %b " % name, b" ")
    digits = raw.count(b"0")
    if not digits:
        return raw
    return _without_numbers(raw) if _WORDS_A_DIGIT * digits < raw.count(b" ") else _without_many_numbers(raw.split())


def _lettered(text: str) -> bytes:
    """Lower-case letters, zeros for digits, and spaces."""
    if text.isascii():
        return text.encode("ascii").translate(_LETTERS, b"'")
    raw = text.encode("cp1252", "replace")
    if raw.count(b"?") - text.count("?") <= len(raw) // _NOT_WESTERN:
        return raw.translate(_WESTERN_LETTERS, b"'\x92\xad")
    raw = text.lower().encode("utf-8", "replace")
    for sign in _PUNCTUATION:
        raw = raw.replace(sign, b" ")
    for nothing in ("’", "\u00ad"):
        raw = raw.replace(nothing.encode(), b"")
    return raw.translate(_LETTERS, b"'")


def _without_many_numbers(words: list[bytes]) -> bytes:
    """The same as `_without_numbers`, a word at a time."""
    numbered = [n for n, word in enumerate(words) if b"0" in word]
    gone = set(numbered)
    gone.update([n for at in numbered for n in (at - 1, at + 1) if 0 <= n < len(words) and words[n] in _DATES])
    return b" ".join([word for n, word in enumerate(words) if n not in gone])


def _without_numbers(raw: bytes) -> bytes:
    """Words without those that hold a digit, and without months, weekdays and hours beside them."""
    kept: list[bytes] = []
    start, at = 0, raw.find(b"0")
    while at >= 0:
        begins, ends = raw.rfind(b" ", start, at) + 1 or start, raw.find(b" ", at)
        ends = ends if ends >= 0 else len(raw)
        before = raw[max(start, begins - 12) : begins].split()
        if before and before[-1] in _DATES:
            begins = raw.rfind(before[-1], start, begins)
        after = raw[ends : ends + 14].split()
        if after and after[0] in _DATES:
            ends = raw.find(after[0], ends) + len(after[0])
        kept.append(raw[start:begins])
        start = ends
        at = raw.find(b"0", ends)
    kept.append(raw[start:])
    return b"".join(kept)

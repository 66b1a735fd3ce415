"""HTML as people see it: visible text, what was hidden from them, links, and the skeleton of tags.

A scanner of its own and no HTML parser: the fingerprint needs the words of a page, not its tree. It takes as long as
the fastest parser measured (selectolax) takes for text alone, and gives links, hidden text and tags with it.
Everything is linear: no search begins twice at what it has failed on before.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import pairwise, repeat

from msgspec import Struct

LONGEST_PAGE = 102_400
"""Characters of a page that are read: Gmail shows the first 102 KB of a message."""

MOST_LINKS = 500
"""Links of a page that are looked at."""

MOST_HIDDEN = 50
"""Hidden elements that are taken out; a page with more is noise anyway."""

PREVIEW = 250
"""Letters of the first hidden element that count as what mailboxes show beside the subject: honest, and usual."""

_LONGEST_TAG = 2_000
_SKELETON = 150  # tags from the top

_UNSEEN = (("<!--", "-->"), ("<style", "</style"), ("<script", "</script"), ("<title", "</title"))
_TAG = re.compile(r"<([a-zA-Z/!?][^\s>]*)[^>]*>?")  # a tag ends with > and nothing else (WHATWG HTML §13.2.5)
_INLINE = """
span b i a u s em strong font small big sub sup abbr code mark wbr wbr/ ins del label o:p bdo bdi tt kbd var q
"""
_GAP = {side + name: "" for tag in _INLINE.split() for name in (tag, tag.upper()) for side in ("", "/")}
"""Tags that leave no gap between letters; all others begin a line."""
_INDENTED = re.compile(r"\n[ \t\r\n]+")
"""How the source is laid out, which nobody sees: it must not use up the characters that are compared."""

_HIDING = re.compile(
    r"(?:display\s*:\s*none|visibility\s*:\s*hidden|(?:font-size|opacity)\s*:\s*0+(?:\.0+)?(?:px|pt|r?em|%)?(?![.\d])"
    r"|(?<=\s)hidden(?=[\s>=/]))"
)
_SIGNS = ("none", "hidden", "font-size:0", "font-size: 0", "opacity:0", "opacity: 0")
_NO_LETTERS = re.compile(r"[\W_]+")
_ELEMENT = re.compile(r"<([a-z][a-z0-9]{0,15})[\s/]")
_EMPTY_ELEMENTS = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"))


class Page(Struct, frozen=True, gc=False):
    """What is left of HTML."""

    text: str
    """Visible text; blocks are on lines of their own, inline tags leave no gap."""
    hidden: int
    """Letters and digits in elements that are styled out of sight, the preview line aside."""
    links: tuple[str, ...]
    """Targets of links as written, entities decoded."""
    skeleton: frozenset[str]
    """Pairs of tags that follow each other."""


def page(source: str) -> Page:
    """Read HTML, however broken; never raises."""
    source = source[:LONGEST_PAGE]
    lower = source.lower()
    if len(lower) != len(source):  # a few letters grow: places would no longer agree
        source = lower
    unseen = [span for opening, closing in _UNSEEN if opening in lower for span in _spans(lower, opening, closing)]
    if unseen:
        source, lower = _without(source, unseen), _without(lower, unseen)
    hidden, spans = _hidden(lower)
    if spans:
        source, lower = _without(source, spans), _without(lower, spans)
    pieces = _TAG.split(source)
    tags = pieces[1::2]
    pieces[1::2] = map(_GAP.get, tags, repeat("\n"))
    text = _INDENTED.sub("\n", "".join(pieces))
    skeleton = frozenset(map("".join, pairwise(tags[:_SKELETON])))
    return Page(_unescaped(text), hidden, tuple(_links(source, lower)), skeleton)


def _spans(lower: str, opening: str, closing: str) -> Iterator[tuple[int, int]]:
    """From each opening to behind its closing; the last one without closing goes to the end."""
    begins = lower.find(opening)
    while begins >= 0:
        ends = lower.find(closing, begins + len(opening))
        ends = lower.find(">", ends) + 1 if ends >= 0 else 0
        yield begins, ends or len(lower)
        begins = lower.find(opening, ends) if ends else -1


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text outside all of these."""
    kept: list[str] = []
    at = 0
    for begins, ends in sorted(spans):
        if begins >= at:
            kept.append(text[at:begins])
        at = max(at, ends)
    kept.append(text[at:])
    return " ".join(kept)


def _unescaped(text: str) -> str:
    return html.unescape(text.replace("&nbsp;", " ")) if "&" in text else text


def _links(source: str, lower: str) -> Iterator[str]:
    at = -1
    for _ in range(MOST_LINKS):
        at = lower.find("href=", at + 1)
        if at < 0:
            return
        quote = source[at + 5 : at + 6]
        if quote in ("'", '"'):
            end = source.find(quote, at + 6, at + _LONGEST_TAG)
            target = source[at + 6 : end] if end > 0 else ""
        else:
            target = source[at + 5 : at + _LONGEST_TAG].partition(">")[0].partition(" ")[0]
        yield _unescaped(target).strip()


def _hidden(lower: str) -> tuple[int, list[tuple[int, int]]]:
    """How many letters and digits are styled out of sight, and where."""
    places = sorted({at for sign in _SIGNS if sign in lower for at in _places(lower, sign)})
    count = end = 0
    spans: list[tuple[int, int]] = []
    for place in places:
        begins = lower.rfind("<", max(end, place - _LONGEST_TAG), place)
        closes = lower.find(">", place, place + _LONGEST_TAG)
        element = _ELEMENT.match(lower, begins) if 0 <= begins < closes else None
        if element is None or element[1] in _EMPTY_ELEMENTS or not _HIDING.search(lower, begins, closes + 1):
            continue
        ends = _end_of(lower, element[1], closes + 1)
        inside = lower[closes + 1 : ends]
        if "font-size" in inside and "none" not in lower[begins:closes]:
            continue  # a container that only takes the gaps between its columns away
        letters = len(_NO_LETTERS.sub("", _unescaped(_TAG.sub("", inside))))
        count += letters if spans or letters > PREVIEW else 0
        spans.append((begins, ends))
        end = ends
        if len(spans) == MOST_HIDDEN:
            break
    return count, spans


def _places(lower: str, sign: str) -> Iterator[int]:
    at = lower.find(sign)
    for _ in range(4 * MOST_HIDDEN):
        if at < 0:
            return
        yield at
        at = lower.find(sign, at + 1)


def _end_of(lower: str, name: str, at: int) -> int:
    """Where an element ends that begins before ``at``: behind its closing tag, elements of its name inside counted."""
    opening, closing, depth = f"<{name}", f"</{name}", 1
    for _ in range(64):
        close = lower.find(closing, at)
        if close < 0:
            return len(lower)
        depth += lower.count(opening, at, close) - 1
        at = close + len(closing)
        if depth <= 0:
            break
    return lower.find(">", at) + 1 or len(lower)

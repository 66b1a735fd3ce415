"""Where links of a page lead, found without building a tree: as edits, so that all that is not edited stays as it is.

A page is octets in any charset that is ASCII where it looks like it. Comments, scripts and styles are stepped over,
tags are read as browsers read them (WHATWG HTML §13.2.5), and each octet a bounded number of times.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from html.entities import html5

from msgspec import Struct


class Edit(Struct, frozen=True, gc=False):
    """Octets from ``start`` to ``end`` become ``text``; at ``fold`` a line break would mean nothing."""

    start: int
    end: int
    text: bytes
    fold: int


_ATTRIBUTE = re.compile(
    rb"[\s/]*+(=[^\s/>=]*+|[^\s/>=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"'][^\s>]*+)))?+"
)
_NAME = re.compile(rb"/?[a-z][^\s/>]*+", re.IGNORECASE)
_CLOSE = re.compile(rb"[\s/]*+>")
_RAW = frozenset((b"script", b"style", b"title", b"textarea", b"xmp", b"iframe", b"noembed", b"noframes", b"noscript"))
"""Elements whose content is no markup, or none that a mail program shows."""
_LEAVING = re.compile(
    rb"unsubscri|opt[-_ +]?(?:me[-_ +]?)?out|preferenc|abmeld|abbestell|austrag|sabonn|sinscri|disiscri|cancella"
    rb"|darse de baja|uitschrijv|afmeld|avregistrer|wypisz|list-manage",
    re.IGNORECASE,
)
"""Marks of a link by which people leave, in its address or its words."""
_WORDS = 500
"""Octets of what stands in a link that are looked at."""
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")
_LOOSE = re.compile(r"&(#|[A-Za-z0-9]+(?![A-Za-z0-9=;]))")


def edits(page: bytes, link: Callable[[str], str | None], picture: bytes) -> list[Edit]:
    """Edits in order: the address of each link that ``link`` replaces, and the picture before the end of the body."""
    found: list[Edit] = []
    at, body_ends = 0, -1
    while (at := page.find(b"<", at)) >= 0:
        if page.startswith((b"<!", b"<?"), at):
            at = _comment_end(page, at)
        elif name := _NAME.match(page, at + 1):
            tag, href = name[0].lower(), Edit(-1, -1, b"", -1)
            if tag == b"/body":
                body_ends = at
            at, href = _tag(page, name.end())
            if tag in _RAW and at >= 0:
                at = _raw_end(page, at, tag)
            if tag == b"a" and at >= 0 and href.start >= 0 and (new := _replaced(page, at, href, link)) is not None:
                found.append(new)
        else:
            at += 1
        if at < 0:  # what began does not end: nobody knows how the rest is read
            break
    if picture and body_ends >= 0:
        found.append(Edit(body_ends, body_ends, picture, body_ends))
        found.sort(key=lambda edit: edit.start)
    return found


def applied(page: bytes, wanted: Sequence[Edit], *, folded: bool = False) -> bytes:
    """The page with its edits; ``folded``: each on a line of its own."""
    pieces: list[bytes] = []
    at = 0
    for edit in wanted:
        if folded:
            pieces += [page[at : edit.fold], b"\r\n"]
            at = edit.fold
        pieces += [page[at : edit.start], edit.text]
        at = edit.end
    return b"".join([*pieces, page[at:]])


def _comment_end(page: bytes, at: int) -> int:
    """After a comment or what browsers take for one."""
    dashed = page.startswith(b"<!--", at)
    end = page.find(b"-->" if dashed else b">", at + 2)
    return -1 if end < 0 else end + (3 if dashed else 1)


def _raw_end(page: bytes, at: int, tag: bytes) -> int:
    """Where the end tag of such an element begins."""
    end = re.compile(rb"</" + tag + rb"(?=[\s/>])", re.IGNORECASE).search(page, at)
    return end.start() if end else -1


def _tag(page: bytes, at: int) -> tuple[int, Edit]:
    """After a tag whose attributes begin here, and its first ``href``; -1 for one that does not end."""
    href = Edit(-1, -1, b"", -1)
    seen = False
    while (close := _CLOSE.match(page, at)) is None:
        attribute = _ATTRIBUTE.match(page, at)
        if attribute is None:
            return -1, href
        if not seen and attribute[1].lower() == b"href":  # of two the first counts
            seen = True
            if attribute.lastindex and attribute.lastindex > 1:
                start, end = attribute.span(attribute.lastindex)
                href = Edit(start, end, page[start:end], attribute.start(1))
        at = attribute.end()
    return close.end(), href


def _replaced(page: bytes, after: int, href: Edit, link: Callable[[str], str | None]) -> Edit | None:
    """The edit of one link; None where it stays as it is. ``after``: where its words begin."""
    url = address(href.text)
    if not url[:8].lower().startswith(("http://", "https://")):
        return None
    words = page[after : after + _WORDS]
    end = re.search(rb"</a[\s/>]", words, re.IGNORECASE)
    if _LEAVING.search(href.text) or _LEAVING.search(words[: end.start()] if end else words):
        return None
    new = link(url)
    return Edit(href.start, href.end, new.encode("ascii"), href.fold) if new is not None else None


def address(value: bytes) -> str:
    """The address an attribute holds; empty where it is not ASCII or readers may disagree on it."""
    if not value.isascii():
        return ""
    text = value.decode("ascii").strip(" \t\r\n\f")
    if any(loose == "#" or loose in html5 for loose in _LOOSE.findall(_REFERENCE.sub("\0", text))):
        return ""
    url = _REFERENCE.sub(lambda found: html.unescape(found[0]) if _is_known(found[0]) else found[0], text)
    return url if url.isascii() else ""


def _is_known(reference: str) -> bool:
    return reference[1] == "#" or reference[1:] in html5

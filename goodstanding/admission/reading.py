"""Reading a message: from octets to `Content`, everything the rules look at in what it says.

It runs in the event loop for every message, so each step has a cheap way for what is common, and a bound for what is
not: `mime.LOOKED_AT` octets are read, `wording.HEAD` and `wording.TAIL` characters of them compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from goodstanding.admission.cues import WAY_OUT, cues, has_postal_address, literal_cues, streets
from goodstanding.admission.facts import Content, Fingerprint
from goodstanding.admission.fingerprint import fingerprint
from goodstanding.admission.heading import deceptive_sender, forged_thread, malformed
from goodstanding.admission.identities import registrable
from goodstanding.admission.markup import Page, page
from goodstanding.admission.mime import texts
from goodstanding.admission.wording import Wording, names_in, without_footer, wording
from goodstanding.wire.message import SUBJECT_LIMIT, HeaderBlock, readable

FEW_WORDS = 5
"""Words of a page below which the plain text counts as well: it may be one picture."""

MOST_DOMAINS = 32
"""Link domains kept of a message."""

MIXED_FROM = 3
"""Places where two alphabets meet inside a word from which it is no accident; below, it is ``μm``."""

_NAME_LIMIT = 100  # characters of what a sender declares
_NO_PAGE = Page("", 0, (), frozenset())
_NO_WORDING = wording("")


def read(header: HeaderBlock, octets: bytes, size: int) -> Content:
    """What a message says; never raises, and takes time linear in at most `mime.LOOKED_AT` octets.

    ``octets`` are the message with its header, or its beginning; ``size`` is the whole in octets.
    """
    names = dict(reversed(header.fields))
    subject = readable(_value(names, "subject")) if "subject" in names else ""
    parts = texts(header, octets)
    seen = page(parts.html) if parts.html else _NO_PAGE
    text = _shown(seen, parts.plain)
    body = wording(text, _addressee(names))
    title = wording(subject, body.names) if subject else _NO_WORDING
    links = [link for link in (*seen.links, *body.links) if link[:4].lower() in ("http", "www.", "//")]
    told = said(body.masked, title.masked, seen.skeleton, _domains(links))
    found = dict(told.cues) | literal_cues(text)
    way_out = told.way_out or "unsubscri" in "\n".join(links).lower()
    forged = forged_thread(header, subject)
    if forged:
        found["forged-thread"] = 1.0
    posting = names.get("list-unsubscribe")
    return Content(
        subject=subject[:SUBJECT_LIMIT].rstrip(),
        size=size,
        fingerprint=told.fingerprint,
        urls=len(links),
        one_click=posting is not None and _one_click(posting, _value(names, "list-unsubscribe-post")),
        unsubscribe=posting is not None,
        unsubscribe_text=way_out,
        postal_address=has_postal_address(text, told.streets),
        forged_thread=forged,
        invisible=seen.hidden + _unseen(body) + _unseen(title),
        malformed=malformed(header, subject),
        deceptive=deceptive_sender(_value(names, "from")) if "from" in names else (),
        cues=tuple(sorted(found.items())),
        auto_submitted="auto-submitted" in names and _value(names, "auto-submitted")[:2].lower() != b"no",
        declared=_declared(names, "x-goodstanding-campaign"),
        incident=_declared(names, "x-goodstanding-incident"),
    )


class Said(Struct, frozen=True, gc=False):
    """What follows from masked words alone, and so is the same for all recipients of most campaigns."""

    fingerprint: Fingerprint
    cues: tuple[tuple[str, float], ...]
    way_out: bool
    streets: tuple[str, ...]


@lru_cache(maxsize=256)
def said(body: bytes, title: bytes, skeleton: frozenset[str], domains: tuple[str, ...]) -> Said:
    """Kept, because it is most of the work; by all that it is made of, so that nothing can be mixed up."""
    words, subject = body.split(), title.split()
    found = cues(subject + words)
    way_out = found.pop(WAY_OUT, 0.0) > 0.0
    print_ = fingerprint(without_footer(words), subject, skeleton, domains)
    return Said(print_, tuple(found.items()), way_out, tuple(streets(words)))


def _value(names: dict[str, bytes], name: str) -> bytes:
    return names.get(name, b"").partition(b":")[2].strip(b" \t\r\n")


def _shown(seen: Page, plain: str) -> str:
    """What people see: the page, which is the better alternative (RFC 2046 §5.1.4), unless there is next to nothing."""
    if not plain or seen.text.count(" ") >= FEW_WORDS:
        return seen.text
    return f"{seen.text}\n{plain}" if seen.text.strip() else plain


def _addressee(names: dict[str, bytes]) -> tuple[bytes, ...]:
    """The name in To, which the text may greet; none when it went to several."""
    shown, bracket, _ = _value(names, "to").partition(b"<")
    return names_in(readable(shown)) if bracket and shown and b"," not in shown else ()


def _unseen(one: Wording) -> int:
    return one.invisible + (one.mixed if one.mixed >= MIXED_FROM else 0)


def _one_click(posting: bytes, how: bytes) -> bool:
    """RFC 8058 §3.1: an https URI, and the one value the second field may have."""
    return b"<https://" in posting.lower() and how.lower() == b"list-unsubscribe=one-click"


def _declared(names: dict[str, bytes], name: str) -> str:
    return readable(_value(names, name))[:_NAME_LIMIT].strip() if name in names else ""


def _domains(links: Iterable[str]) -> tuple[str, ...]:
    """Registrable domains of links, sorted."""
    hosts = {(link.partition("//")[2] or link)[:300].partition("/")[0].lower() for link in links}
    domains = set(map(owner, hosts))
    return tuple(sorted(domains - {""})[:MOST_DOMAINS])


@lru_cache(maxsize=4_096)
def owner(host: str) -> str:
    """The domain somebody registered, of the host of a link with or without user and port; an address as it is."""
    host = host.partition("?")[0].partition("#")[0].rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    host = host.partition(":")[0].rstrip(".")
    if not host or host.replace(".", "").isdecimal():
        return host
    return registrable(host) or host

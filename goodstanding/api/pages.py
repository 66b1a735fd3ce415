"""The page as text: words by language, one template, one style. Nothing in it runs, loads or remembers anything."""

from __future__ import annotations

import tomllib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import resources

from jinja2 import DictLoader, Environment
from litestar import Response
from litestar.enums import MediaType

from goodstanding.model import Stream
from goodstanding.operate.enforcement import Page as StandingPage
from goodstanding.operate.suppression import Left
from goodstanding.wire.list_unsubscribe import Token

_ROOM = resources.files("goodstanding.api")
_WORDS: dict[str, dict[str, str]] = tomllib.loads(_ROOM.joinpath("words.toml").read_text("utf-8"))
_STYLE = _ROOM.joinpath("templates", "page.css").read_text("utf-8")
_TEMPLATES = Environment(
    loader=DictLoader(
        {name: _ROOM.joinpath("templates", f"{name}.html").read_text("utf-8") for name in ("page", "standing")}
    ),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["utc"] = lambda at: utc(at)
LANGUAGES = tuple(_WORDS)
"""The first is the one for everybody else."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the token stands in the address
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept-Language",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What one page says."""

    title: str
    paragraphs: Sequence[str]
    button: str = ""
    small: str = ""


def language(accepted: str) -> str:
    """The language of ours that an Accept-Language field prefers (RFC 9110 §12.5.4)."""
    wishes: list[tuple[float, str]] = []
    for wish in accepted[:200].split(","):
        tag, _, weight = wish.partition(";")
        try:
            quality = float(weight.partition("=")[2] or 1)
        except ValueError:
            quality = 0.0
        wishes.append((-quality, tag.strip().lower().partition("-")[0]))
    return next((tag for quality, tag in sorted(wishes, key=lambda wish: wish[0]) if tag in _WORDS and quality), "en")


def question(words: str, token: Token) -> Page:
    """What a link asks before anything is done."""
    own = _WORDS[words]
    return Page(own["ask"], [_filled(own, "question", token)], own["button"], own["kept"])


def done(words: str, token: Token, left: Left, before: bool = False) -> Page:
    """What was done, since when, and how a mistake is undone."""
    own = _WORDS[words]
    told = [_filled(own, "since", token, utc(left.at)), own["kept"]]
    return Page(own["already" if before else "done"], told, small=_filled(own, "undo", token))


def trouble(words: str, what: str) -> Page:
    """Why nothing was done: ``wrong``, ``post``, ``busy``, ``many``, ``nowhere``."""
    own = _WORDS[words]
    paragraphs = [own[f"{what}_why"], *([own["nothing"]] if what == "wrong" else [])]
    return Page(own[what], paragraphs)


def drawn(page: Page, words: str, status: int = 200, headers: dict[str, str] | None = None) -> Response[str]:
    """The page as an answer."""
    text = _TEMPLATES.get_template("page").render(
        words={"lang": words},
        style=_Plain(_STYLE),
        title=page.title,
        paragraphs=page.paragraphs,
        button=page.button,
        small=page.small,
    )
    more = {**HEADERS, "Content-Language": words, **(headers or {})}
    return Response(text, media_type=MediaType.HTML, status_code=status, headers=more)


def standing(page: StandingPage, taken: bool, status: int = 200) -> Response[str]:
    """A standing page as an answer; ``taken``: answers have just been stored."""
    text = _TEMPLATES.get_template("standing").render(style=_Plain(_STYLE), page=page, taken=taken)
    more = {**HEADERS, "Content-Language": "en", "Vary": "Accept"}
    return Response(text, media_type=MediaType.HTML, status_code=status, headers=more)


def utc(at: float) -> str:
    """``2026-11-23 14:05 UTC``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


class _Plain(str):
    """Our own style: not to be escaped, or its hash would be another one."""

    def __html__(self) -> str:
        return self


def _filled(own: dict[str, str], name: str, token: Token, when: str = "") -> str:
    mail = own["outreach" if token.stream is Stream.OUTREACH else "bulk"]
    return own[name].format(who=hidden(token.address), sender=token.tenant, mail=mail, when=when)


def hidden(address: str) -> str:
    """Enough of an address for its owner to know it, not for a stranger to write to it: ``a…@example.com``."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"

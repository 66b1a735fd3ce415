"""The page that describes the API to people: made from the document, in plain HTML; it loads nothing from anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import Any

from jinja2 import DictLoader, Environment

from goodstanding.api.native.problems import KINDS

_ROOM = resources.files("goodstanding.api").joinpath("templates")
_STYLE = _ROOM.joinpath("native.css").read_text("utf-8")
_TEMPLATES = Environment(
    loader=DictLoader({"native": _ROOM.joinpath("native.html").read_text("utf-8")}),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
POLICY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
    "Referrer-Policy": "no-referrer",
}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """One method of one path, as the page shows it."""

    method: str
    path: str
    about: Json

    @property
    def fails(self) -> str:
        """The statuses besides success."""
        return ", ".join(status for status in self.about["responses"] if status[0] not in "23")

    @property
    def body(self) -> str:
        """Name of the schema of its body."""
        return _kind(self.about.get("requestBody", {}).get("content", {}))

    @property
    def answer(self) -> str:
        """Status, and name of the schema of what it answers with."""
        status, found = next((code, one) for code, one in self.about["responses"].items() if code[0] in "23")
        return f"{status} {_kind(found.get('content', {}))}".strip()


def drawn(document: Json) -> tuple[bytes, dict[str, str]]:
    """The page, and the headers that go with it."""
    groups = [(tag, list(_of(document, tag["name"]))) for tag in document["tags"]]
    schemas = [
        (name, list(_fields(schema)), schema) for name, schema in sorted(document["components"]["schemas"].items())
    ]
    text = _TEMPLATES.get_template("native").render(
        style=_Plain(_STYLE), document=document, groups=groups, schemas=schemas, kinds=KINDS
    )
    return text.encode(), POLICY


def _of(document: Json, family: str) -> Iterator[Shown]:
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            if family in about["tags"]:
                yield Shown(method.upper(), path, about)


def _fields(schema: Json) -> Iterator[tuple[str, str, bool, str]]:
    """(name, type in words, whether it must be there, meaning)."""
    needed = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        yield name, words(inner), name in needed, str(inner.get("description", ""))


def words(schema: Json) -> str:
    """A schema in a few words: ``list of Finding``, ``one of a, b``."""
    match schema:
        case {"$ref": str(where)}:
            return where.rpartition("/")[2]
        case {"anyOf": list(several)}:
            return " or ".join(words(one) for one in several)
        case {"enum": list(several)}:
            return "one of " + ", ".join(map(repr, several))
        case {"type": "array", "items": dict(inner)}:
            return f"list of {words(inner)}"
        case {"type": str(kind)}:
            return kind
    return "anything"


def _kind(content: Json) -> str:
    media, found = next(iter(content.items()), ("", Json()))
    return words(found.get("schema", {})) if media.endswith("json") else media


class _Plain(str):
    """Our own style: not to be escaped, or its hash would be another one."""

    def __html__(self) -> str:
        return self

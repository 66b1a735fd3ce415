"""From the octets of a request to checked values; whatever is wrong becomes a problem that says where.

Every text of every request goes through `guarded`: no control character comes in by any field but those in which
lines are meant, and nothing nests deeply. What a field may be besides is its type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from goodstanding.api.native.fields import MULTILINE
from goodstanding.api.native.problems import Fault, ProblemError

DEPTH = 8
"""Levels a body may nest; the deepest that is documented has four."""
S = TypeVar("S", bound=Struct)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_PLACE = re.compile(r"^(.*) - at `(?:key in )?\$(.*)`$", re.DOTALL)


def body_of(octets: bytes, content_type: str, kind: type[Any]) -> Any:
    """The body as a value of a kind."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ProblemError("wrong-media-type", "send the body as Content-Type: application/json")
    try:
        tree = msgspec.json.decode(octets)
    except RecursionError:
        raise ProblemError("malformed", f"the body nests deeper than {DEPTH} levels") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ProblemError("malformed", f"the body is not JSON: {exc}") from None
    guarded(tree)
    return _converted(_whole(tree), kind, strict=True, where="#")


def _whole(tree: object) -> object:
    """The same with 40.0 as 40: to JSON Schema both are integers."""
    match tree:
        case float() if tree.is_integer() and abs(tree) < 2**53:
            return int(tree)
        case dict():
            return {name: _whole(value) for name, value in tree.items()}
        case list():
            return [_whole(value) for value in tree]
    return tree


def query_of(given: Sequence[tuple[str, str]], kind: type[S] | None) -> S | None:
    """The query string as a struct; a name that is not known, or comes twice, is refused."""
    names = [name for name, _ in given]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise _invalid([Fault("it is there twice", f"query {twice}")])
    if kind is None:
        if names:
            raise _invalid([Fault("there is no such parameter", f"query {names[0][:100]}")])
        return None
    tree = dict(given)
    guarded(tree)
    found: S = _converted(tree, kind, strict=False, where="query ")
    return found


def guarded(tree: object, field: str = "", depth: int = 0) -> None:
    """Nothing when a tree is flat enough, its numbers are finite, and its texts hold no control characters."""
    if depth >= DEPTH and isinstance(tree, dict | list):
        raise ProblemError("malformed", f"the body nests deeper than {DEPTH} levels")
    match tree:
        case str():
            if (_CONTROL_IN_LINES if field in MULTILINE else _CONTROL).search(tree):
                raise _invalid([Fault("control characters and line breaks are not allowed here", field[:100])])
        case float() if not math.isfinite(tree):
            raise _invalid([Fault("not a number", field[:100])])
        case dict():
            for name, value in tree.items():
                guarded(name, "")
                guarded(value, field if field in MULTILINE else name, depth + 1)
        case list():
            for value in tree:
                guarded(value, field, depth + 1)


def _converted(tree: object, kind: Any, *, strict: bool, where: str) -> Any:
    try:
        return msgspec.convert(tree, kind, strict=strict)
    except (msgspec.ValidationError, OverflowError) as exc:
        found = _PLACE.match(str(exc))
        detail, place = (found[1], found[2]) if found else (str(exc), "")
        pointer = re.sub(r"\[(\d+|\.\.\.)\]", r"/\1", place).replace(".", "/").lstrip("/" if where != "#" else "")
        raise _invalid([Fault(detail, f"{where}{pointer}")]) from None


def _invalid(faults: list[Fault]) -> ProblemError:
    first = faults[0]
    return ProblemError("invalid", f"{first.pointer}: {first.detail}" if first.pointer else first.detail, errors=faults)


# --- the path --------------------------------------------------------------------------------------------------------

PLAIN = re.compile("[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,300}")
SHAPES: Mapping[str, str] = {
    "tenant": "[a-z0-9][a-z0-9-]{0,63}",
    "application": "[a-z0-9][a-z0-9-]{0,63}",
    "message": "[0-9a-z]{13}",
    "id": "[0-9a-z]{12}",
    "webhook": "[0-9]{1,9}",
}
"""Shapes of parameters of paths, by name; what has another is not there. Others are one line of 300 characters."""


def path_of(given: Mapping[str, object], names: Sequence[str]) -> dict[str, str]:
    """The parameters of a path as texts; one that cannot be anything's name is not found."""
    texts = {name: str(given[name]).removeprefix("/") for name in names}
    for name, text in texts.items():
        if not PLAIN.fullmatch(text) or (name in SHAPES and not re.fullmatch(SHAPES[name], text)):
            raise ProblemError("not-found", f"there is no such {name}")
    return texts

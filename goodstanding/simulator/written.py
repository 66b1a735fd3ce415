"""A TOML document and the value it describes: every problem at once, each with its path and what would be right."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from enum import EnumType
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct

from goodstanding.errors import SettingsError

Written = TypeVar("Written", bound=Struct)


def read_partly(text: str, kind: type[Written]) -> tuple[Written, list[str]]:
    """The struct that a TOML document describes, without what is wrong with it, and all of that.

    So other checks can go on. Unknown keys are problems. ``kind`` needs a default for every field.
    SettingsError: it is no TOML.
    """
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:  # numbers of thousands of digits, thousands of brackets
        raise SettingsError([f"not TOML: {exc}; put text into quotes, and each key on a line of its own"]) from exc
    problems: list[str] = []
    found = _struct(kind, tree, "", problems)
    made: Written = found if found is not None else kind()
    return made, problems


def _struct(kind: type[Struct], tree: Mapping[str, object], path: str, problems: list[str]) -> Any:
    """A struct without what is wrong with it, which is added to ``problems``; None where it cannot do without."""
    fields = {one.encode_name: one for one in msgspec.structs.fields(kind)}
    hints = get_type_hints(kind, include_extras=True)
    for key in [one for one in tree if one not in fields]:
        near = get_close_matches(key, fields, 1)
        choices = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields)}"
        problems.append(f"{_join(path, key)}: unknown; {choices}")
    values: dict[str, object] = {}
    whole = True
    for key, one in fields.items():
        needed = one.default is NODEFAULT and one.default_factory is NODEFAULT
        before = len(problems)
        if key in tree:
            values[one.name] = _value(hints[one.name], tree[key], _join(path, key), problems)
        elif needed:
            problems.append(f"{_join(path, key)}: missing; {_needed(hints[one.name])}")
        if len(problems) > before:
            whole = whole and not needed
            if values.get(one.name) is None:
                values.pop(one.name, None)
    return kind(**values) if whole else None


def _value(hint: Any, given: object, path: str, problems: list[str]) -> object:
    """A checked value of the wanted type; None where it is wrong."""
    hint = _given_of(hint)
    inner = _table_in(hint)
    if inner is not None and get_origin(hint) is tuple and isinstance(given, list):
        found = [_value(inner, item, f"{path}[{place}]", problems) for place, item in enumerate(given)]
        return tuple([one for one in found if one is not None])
    if inner is not None and isinstance(given, dict) and get_origin(hint) is not tuple:
        return _struct(inner, given, path, problems)
    if inner is not None and hint is inner:
        problems.append(f"{path}: a table is needed, not {given!r}")
        return None
    try:
        converted: object = msgspec.convert(given, hint)
    except msgspec.ValidationError as exc:
        reason = str(exc).partition(" - at ")[0]
        problems.append(f"{path}: {given!r} does not do ({reason}); {_needed(hint)}")
        return None
    if isinstance(converted, float) and not abs(converted) < float("inf"):
        problems.append(f"{path}: {given!r} is no number to reckon with; {_needed(hint)}")
        return None
    return converted


def _given_of(hint: Any) -> Any:
    """What ``tuple[...] | None`` is when it is given."""
    shapes = [one for one in get_args(hint) if one is not type(None)]
    return shapes[0] if get_origin(hint) in (Union, UnionType) and len(shapes) == 1 else hint


def _table_in(hint: Any) -> type[Struct] | None:
    """The struct that a field holds: alone, in a list, or as one of its shapes."""
    args = get_args(hint)
    for one in (hint, *args):
        if isinstance(one, type) and issubclass(one, Struct) and get_origin(hint) in (None, tuple, UnionType):
            return one
    return None


_WORDS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}


def _needed(hint: Any) -> str:
    """What would be right, in words."""
    if get_origin(hint) is Annotated:
        plain, *marks = get_args(hint)
        limits = [mark for mark in marks if isinstance(mark, msgspec.Meta)]
        bounds = [f"at least {mark.ge:,}" for mark in limits if mark.ge is not None]
        bounds += [f"above {mark.gt:,}" for mark in limits if mark.gt is not None]
        bounds += [f"at most {mark.le:,}" for mark in limits if mark.le is not None]
        return " ".join([_needed(plain), " and ".join(bounds)]).rstrip()
    if get_origin(hint) is Literal:
        return f"write one of: {', '.join(one for one in get_args(hint) if one)}"
    if isinstance(hint, EnumType):
        return f"write one of: {', '.join(map(str, hint.__members__.values()))}"
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_needed(one) for one in get_args(hint) if one is not type(None)).replace("or write", "or")
    if get_origin(hint) in (tuple, dict, list) or (isinstance(hint, type) and issubclass(hint, Struct)):
        return "write a list" if get_origin(hint) in (tuple, list) else "write a table"
    return f"write {_WORDS[hint]}" if hint in _WORDS else "see docs/simulator.md"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key

"""A TOML document and the value it describes: every problem at once, each with its path and what would be right."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from enum import EnumType
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct

from goodstanding.errors import SettingsError

Written = TypeVar("Written", bound=Struct)


def read_document(text: str, kind: type[Written]) -> Written:
    """The struct that a TOML document describes; unknown keys are problems. SettingsError with all of them."""
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:  # numbers of thousands of digits, thousands of brackets
        raise SettingsError([f"not TOML: {exc}"]) from exc
    problems: list[str] = []
    found = _struct(kind, tree, "", problems)
    if problems:
        raise SettingsError(problems)
    made: Written = found
    return made


def _struct(kind: type[Struct], tree: Mapping[str, object], path: str, problems: list[str]) -> Any:
    """A struct; None where something is wrong with it, which is added to ``problems``."""
    before = len(problems)
    fields = {one.encode_name: one for one in msgspec.structs.fields(kind)}
    hints = get_type_hints(kind, include_extras=True)
    for key in tree.keys() - fields.keys():
        near = get_close_matches(key, fields, 1)
        choices = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields)}"
        problems.append(f"{_join(path, key)}: unknown; {choices}")
    values: dict[str, object] = {}
    for key, one in fields.items():
        if key in tree:
            values[one.name] = _value(hints[one.name], tree[key], _join(path, key), problems)
        elif one.default is NODEFAULT and one.default_factory is NODEFAULT:
            problems.append(f"{_join(path, key)}: missing; {_needed(hints[one.name])}")
    return kind(**values) if len(problems) == before else None


def _value(hint: Any, given: object, path: str, problems: list[str]) -> object:
    """A checked value of the wanted type; None where it is wrong."""
    inner = _table_in(hint)
    if inner is not None and get_origin(hint) is tuple and isinstance(given, list):
        return tuple([_value(inner, item, f"{path}[{place}]", problems) for place, item in enumerate(given)])
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
        problems.append(f"{path}: {given!r} is no number to reckon with")
    return converted


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
        bounds = [f"at least {mark.ge:g}" for mark in limits if mark.ge is not None]
        bounds += [f"above {mark.gt:g}" for mark in limits if mark.gt is not None]
        bounds += [f"at most {mark.le:g}" for mark in limits if mark.le is not None]
        return " ".join([_needed(plain), " and ".join(bounds)]).rstrip()
    if get_origin(hint) is Literal:
        return f"write one of: {', '.join(one for one in get_args(hint) if one)}"
    if isinstance(hint, EnumType):
        return f"write one of: {', '.join(map(str, hint.__members__.values()))}"
    return f"write {_WORDS[hint]}" if hint in _WORDS else "see docs/simulator.md"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key

"""What this installation is, who asks, and what its words mean."""

from __future__ import annotations

import re
from importlib.metadata import version as installed_version
from typing import Any

from msgspec import Struct

from goodstanding.api.native.keys import KeyShown
from goodstanding.api.native.keys import shown as key_shown
from goodstanding.api.native.problems import missing
from goodstanding.api.native.routes import Call, Routes
from goodstanding.operate import explaining, isolation, readiness
from goodstanding.settings import walk

routes = Routes("about", "What this installation is, who asks, and what its words mean. Any key may ask.")


class Version(Struct, frozen=True, kw_only=True):
    """Which goodstanding answers."""

    version: str


class ReasonShown(Struct, frozen=True, kw_only=True):
    """One reason that replies and findings name: what it means, why, and what to do."""

    slug: str
    title: str
    actions: list[str]
    what: str
    why: str
    do: str


class SettingShown(Struct, frozen=True, kw_only=True):
    """One setting."""

    path: str
    value: Any
    default: bool


class Checked(Struct, frozen=True, kw_only=True):
    """The settings this process runs with, and what is wrong."""

    settings: list[SettingShown]
    problems: list[str]
    """Overlaps that stop mail."""
    refused: list[str]
    """Subscriptions whose every message would be refused."""


@routes.get("/version", "")
def version(call: Call) -> Version:
    """Tell the version."""
    return Version(version=installed_version("goodstanding"))


@routes.get("/me", "")
def me(call: Call) -> KeyShown:
    """Tell which key asks, and what it may do."""
    return key_shown(call.key)


@routes.get("/reasons", "")
def reasons(call: Call) -> list[ReasonShown]:
    """List the reasons that replies and findings name."""
    return [_shown(slug) for slug in explaining.reasons()]


@routes.get("/reasons/{slug}", "")
def reason(call: Call, slug: str) -> ReasonShown:
    """Explain one reason."""
    if slug not in explaining.reasons():
        raise missing("reason", slug)
    return _shown(slug)


@routes.get("/check", "estate:read", operator=True)
def check(call: Call) -> Checked:
    """Tell every setting, and what is wrong with the estate."""
    proof = isolation.prove(call.place.settings, call.place.database)
    return Checked(
        settings=[
            SettingShown(path=path, value=_public(value), default=same)
            for path, value, same, _ in walk(call.place.settings)
        ],
        problems=[f"{one.because}; {one.remedy}" for one in proof.refused],
        refused=readiness.refusals(call.place.settings, call.place.database),
    )


def _public(value: object) -> object:
    """A value of the settings without the password that an address of a store may hold."""
    return re.sub(r"//[^/@]*@", "//...@", value) if isinstance(value, str) else value


def _shown(slug: str) -> ReasonShown:
    found = explaining.meaning(slug)
    actions = [action.value for action in found.actions]
    return ReasonShown(slug=slug, title=found.title, actions=actions, what=found.what, why=found.why, do=found.do)

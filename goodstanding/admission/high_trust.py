"""Smart hosts of providers that outreach must never touch, recognised by their names (``high_trust.toml``)."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib import resources

import msgspec
from msgspec import Struct


class Provider(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A provider that many senders share and that ends accounts over unsolicited mail."""

    name: str
    hosts: tuple[str, ...]
    """Host names in lower case; ``*`` stands for anything."""
    source: str
    """The page that names the hosts."""
    because: str
    """What it does about unsolicited mail, in words."""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    provider: tuple[Provider, ...]


@lru_cache(maxsize=256)
def provider_of(host: str) -> Provider | None:
    """The high-trust provider a smart host belongs to, by its name; None for an address or an unknown name."""
    name = host.rstrip(".").lower()
    return next((provider for pattern, provider in _patterns() if pattern.fullmatch(name)), None)


@cache
def providers() -> tuple[Provider, ...]:
    """All of the table, in its order."""
    text = resources.files("goodstanding.admission").joinpath("high_trust.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _File).provider


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Provider], ...]:
    return tuple(
        (re.compile(re.escape(host).replace(r"\*", ".+")), provider)
        for provider in providers()
        for host in provider.hosts
    )

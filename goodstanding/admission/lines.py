"""The lines that rules draw, read from `rules.toml`, where each has its source."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import msgspec
from msgspec import Struct

from goodstanding.model import Stream


class Cold(Struct, frozen=True, forbid_unknown_fields=True):
    """P(cold | campaign) from which strangers are held, and refused."""

    quarantine: float
    refuse: float


class Spread(Struct, frozen=True, forbid_unknown_fields=True):
    """How many From domains, and other subscriptions, one text may come from."""

    identities: int
    kin: int


class Spun(Struct, frozen=True, forbid_unknown_fields=True):
    """Which cues mean wording varied by machine, and from which weight (nats)."""

    cues: tuple[str, ...]
    weight: float


class Lines(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    cold: Cold
    invisible: Mapping[Stream, int]
    """Invisible characters a message may hold."""
    spread: Mapping[Stream, Spread]
    spun: Spun


LINES = msgspec.toml.decode(resources.files("goodstanding.admission").joinpath("rules.toml").read_bytes(), type=Lines)

"""What is said about a key: its standing under one signal, and the charges that enforcement acts on."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from goodstanding.model import Key, Signal

Line = Literal["target", "ceiling", "limit"]
Level = Literal["watched", "slowed", "penalty", "suspended"]

LEVELS: tuple[Level, ...] = ("watched", "slowed", "penalty", "suspended")
"""Mildest first; each but the first asks for something to be done."""


class Standing(Struct, frozen=True, gc=False):
    """What the evidence says about one key, on one stream, under one signal, everything it touched included."""

    key: Key
    tenant: str
    """Empty: mail of several tenants touched it."""
    stream: str
    signal: Signal
    events: int
    """Complaints, bounces ... within the window, since the last reinstatement."""
    exposure: float
    """Deliveries (or attempts) they are held against, as far as these have matured."""
    e_target: float
    """Evidence that the rate is above the line: at or below it, so much is reached less than once in so many days."""
    e_ceiling: float
    e_limit: float
    estimate: float
    """Events per exposure."""
    low: float
    """The rate lies between this and the next, with 95 % confidence (Garwood)."""
    high: float
    since: float
    """Second from which evidence counts: the last reinstatement, or 0."""
    words: str
    lines: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Target, ceiling and limit it is held to, as fractions."""


class Charge(Struct, frozen=True, gc=False):
    """One key that has to answer for harm, after narrower keys have answered for theirs."""

    key: Key
    tenant: str
    """Empty: mail of several tenants touched it."""
    stream: str
    signal: Signal
    line: Line
    """The line that was crossed."""
    level: Level
    """What crossing it means."""
    evidence: float
    """E-value against that line."""
    events: int
    exposure: float
    estimate: float
    low: float
    high: float
    words: str
    """All of it in one sentence, the same wherever it is shown."""

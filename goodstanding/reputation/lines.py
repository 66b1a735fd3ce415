"""The lines a rate is held against, read from `lines.toml` where each has its source, and what crossing them means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import msgspec
from msgspec import Struct

from goodstanding.model import Signal, Stream
from goodstanding.reputation.standing import Level, Line
from goodstanding.settings import ReputationSettings


class Lines(Struct, frozen=True):
    """The three lines of one signal on one stream, as fractions."""

    target: float
    ceiling: float
    limit: float

    def at(self, line: Line) -> float:
        """One of them by its name."""
        return {"target": self.target, "ceiling": self.ceiling, "limit": self.limit}[line]


@dataclass(frozen=True, slots=True)
class Step:
    """Evidence of so much against this line means this level."""

    level: Level
    line: Line
    evidence: float


STEPS: tuple[Step, ...] = (
    Step("suspended", "limit", 100.0),
    Step("penalty", "ceiling", 100.0),
    Step("slowed", "target", 1000.0),
    Step("watched", "target", 20.0),
)
"""Strictest first (ARCHITECTURE.md, Reputation)."""

Policy = Mapping[tuple[Signal, str], Lines]
"""Lines by signal and stream."""


class _Written(Struct, frozen=True, forbid_unknown_fields=True):
    target: float
    ceiling: float
    limit: float
    transactional: Lines | None = None
    bulk: Lines | None = None
    outreach: Lines | None = None

    def on(self, stream: Stream) -> Lines:
        own = {Stream.TRANSACTIONAL: self.transactional, Stream.BULK: self.bulk, Stream.OUTREACH: self.outreach}[stream]
        return own or Lines(self.target, self.ceiling, self.limit)


def _read() -> Policy:
    octets = resources.files("goodstanding.reputation").joinpath("lines.toml").read_bytes()
    written = msgspec.toml.decode(octets, type=dict[Signal, _Written])
    return {(signal, stream.value): written[signal].on(stream) for signal in Signal for stream in Stream}


USUAL: Policy = _read()


def lines_of(policy: Policy, signal: Signal, stream: str) -> Lines:
    """The lines for a signal on a stream; mail of no known stream is held to those of transactional mail."""
    return policy.get((signal, stream)) or policy[signal, Stream.TRANSACTIONAL.value]


def policy_of(settings: ReputationSettings) -> Policy:
    """The lines that came with the program, but for those an operator has set."""
    policy = dict(USUAL)
    for own in settings.lines:
        streams = tuple(Stream) if own.stream == "every" else (Stream(own.stream),)
        for stream in streams:
            policy[Signal(own.signal), stream.value] = Lines(own.target, own.ceiling, own.limit)
    return policy

"""What became of the demo's mail: a fold of the journal, by provider and by stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil

from goodstanding.events import Accepted, Bounced, Deferred, Delivered, Event, Quarantined, QuarantineEnded, Refused
from goodstanding.model import MessageId

NO_PROVIDER = "no such host"
"""Where mail counts whose domain belongs to nobody."""


@dataclass(slots=True)
class Row:
    """Recipients of one provider."""

    accepted: int = 0
    delivered: int = 0
    deferred: int = 0
    """Put off just now; tried again later."""
    held: int = 0
    """In quarantine."""
    bounced: int = 0

    @property
    def under_way(self) -> int:
        """Neither ended nor put off nor held."""
        return self.accepted - self.delivered - self.deferred - self.held - self.bounced

    def __iadd__(self, other: Row) -> Row:
        self.accepted += other.accepted
        self.delivered += other.delivered
        self.deferred += other.deferred
        self.held += other.held
        self.bounced += other.bounced
        return self


Key = tuple[MessageId, int]


@dataclass(slots=True)
class Tally:
    """Counts so far; feed it events in the order of the journal."""

    provider_of: Mapping[str, str]
    """Domain -> provider; ``*.`` in front of a domain stands for what is below it."""
    endless: frozenset[str] = frozenset()
    """Recipients nobody waits for."""
    rows: dict[str, Row] = field(default_factory=dict)
    delays: dict[str, list[float]] = field(default_factory=dict)
    """By stream: seconds from acceptance to delivery."""
    streams: dict[str, Row] = field(default_factory=dict)
    notices: int = 0
    refused: int = 0
    deferrals: Counter[Key] = field(default_factory=Counter)
    open: dict[Key, tuple[str, str, str]] = field(default_factory=dict)
    """Recipients that have not reached their end: provider, stream, address."""
    stories: dict[str, MessageId] = field(default_factory=dict)
    """The first message of each interesting kind."""
    _put_off: set[Key] = field(default_factory=set)
    _held: set[Key] = field(default_factory=set)

    def take(self, events: Iterable[Event]) -> None:
        """Count what happened."""
        for event in events:
            match event:
                case Accepted():
                    self._accepted(event)
                case Delivered() | Bounced():
                    self._ended(event)
                case Deferred():
                    self._deferred(event)
                case Quarantined() | QuarantineEnded():
                    self._quarantined(event, isinstance(event, Quarantined))
                case Refused():
                    self.refused += 1
                case _:
                    pass  # operators do not appear in the demo

    @property
    def total(self) -> Row:
        """All providers together."""
        total = Row()
        for row in self.rows.values():
            total += row
        return total

    @property
    def waited_for(self) -> int:
        """Recipients that should end soon and have not, and endless ones that have not been put off yet."""
        return sum(
            key not in self._held and (key not in self._put_off or address not in self.endless)
            for key, (_, _, address) in self.open.items()
        )

    def provider(self, address: str) -> str:
        """Who receives for an address."""
        domain = address.rpartition("@")[2].lower()
        name = self.provider_of.get(domain)
        while name is None and domain:
            domain = domain.partition(".")[2]
            name = self.provider_of.get(f"*.{domain}")
        return name or NO_PROVIDER

    def _accepted(self, event: Accepted) -> None:
        if event.notice_for:
            self.notices += 1
            return
        provider, key = self.provider(event.recipient), (event.message, event.n)
        self.open[key] = (provider, event.stream, event.recipient)
        self.rows.setdefault(provider, Row()).accepted += 1
        self.streams.setdefault(event.stream, Row()).accepted += 1

    def _quarantined(self, event: Quarantined | QuarantineEnded, held: bool) -> None:
        """Held by the guard, or not any more."""
        key = (event.message, event.n)
        if key not in self.open or held == (key in self._held):
            return
        (self._held.add if held else self._held.discard)(key)
        provider, stream, _ = self.open[key]
        for row in (self.rows[provider], self.streams[stream]):
            row.held += 1 if held else -1
        if held:
            self.stories.setdefault("held", event.message)

    def _ended(self, event: Delivered | Bounced) -> None:
        key = (event.message, event.n)
        if key not in self.open:
            return  # a notice
        provider, stream, _ = self.open.pop(key)
        rows = (self.rows[provider], self.streams[stream])
        if key in self._put_off:
            self._put_off.discard(key)
            for row in rows:
                row.deferred -= 1
        if isinstance(event, Delivered):
            for row in rows:
                row.delivered += 1
            self.delays.setdefault(stream, []).append(event.delay)
            self.stories.setdefault("retried" if self.deferrals[key] else "delivered", event.message)
        else:
            for row in rows:
                row.bounced += 1
            self.stories.setdefault("bounced", event.message)

    def _deferred(self, event: Deferred) -> None:
        key = (event.message, event.n)
        if key not in self.open:
            return
        self.deferrals[key] += 1
        provider, stream, address = self.open[key]
        if key not in self._put_off:
            self._put_off.add(key)
            self.rows[provider].deferred += 1
            self.streams[stream].deferred += 1
        if address in self.endless:
            self.stories.setdefault("deferred", event.message)


def quantile(values: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed; 0 for none."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)] if values else 0.0

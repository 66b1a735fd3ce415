"""The ladder as people read it: every rung, every edge, in the words of notices; docs/ladder.md is drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

from goodstanding.enforcement.ladder import HANDS, STRICTNESS, Hand, edges
from goodstanding.enforcement.orders import ordered
from goodstanding.enforcement.trigger import CAUSES
from goodstanding.enforcement.words import WORDS
from goodstanding.model import KeyKind, Rung


@dataclass(frozen=True, slots=True)
class RungTold:
    """One rung: what it is called, what it orders, and what it means."""

    rung: Rung
    title: str
    sender: tuple[str, ...]
    """Orders about mail of a sender."""
    address: tuple[str, ...]
    """Orders about an egress address."""
    means: str


@dataclass(frozen=True, slots=True)
class EdgeTold:
    """One edge: from where, by which cause and hand, to where, and what is said of it."""

    rung: Rung
    cause: str
    to: Rung
    hands: tuple[Hand, ...]
    level: str
    """The level of evidence behind it; empty: it is not evidence."""
    happened: str


def rungs() -> list[RungTold]:
    """Every rung, the mildest first."""
    told = []
    for rung in sorted(Rung, key=STRICTNESS.__getitem__):
        sender, address = (ordered(kind, rung) for kind in (KeyKind.SUBSCRIPTION, KeyKind.IP))
        words = WORDS.rung[rung]
        means = words.means.format(rate="the rate of the rung")
        told.append(RungTold(rung, words.title, tuple(sender), tuple(address), means))
    return told


def edges_told() -> list[EdgeTold]:
    """Every edge, in the order of the table."""
    levels = {cause: level for level, cause in CAUSES.items()}
    return [
        EdgeTold(rung, cause.value, to, HANDS[cause], levels.get(cause, ""), WORDS.cause[cause].happened)
        for rung, cause, to in edges()
    ]

"""Requests for our own pictures and links: as the page keeps them, and whose each was, seen beside those around it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec
from msgspec import Struct

from goodstanding.feedback import engagement
from goodstanding.feedback.engagement import BURST
from goodstanding.feedback.reading import Reading
from goodstanding.model import MessageId

WAY = "hit"
"""How such a report came in; nothing but our page keeps reports of this way."""
PICTURE = -1
"""Stands for the picture among the links of a copy."""


class Seen(Struct, frozen=True, gc=False, omit_defaults=True):
    """One request whose token is ours."""

    at: float
    kind: Literal["open", "click"]
    message: MessageId
    n: int
    method: str
    agent: str
    ip: str
    link: int = 0
    hidden: bool = False
    before: tuple[tuple[float, int], ...] = ()
    """Second and link of the hits of the same copy within `BURST` before it; the picture is `PICTURE`."""
    target: str = ""
    """Where the link leads."""

    @property
    def copy(self) -> str:
        """Names the copy it is about."""
        return copy_name(self.message, self.n)


def copy_name(message: MessageId, n: int) -> str:
    """One name for one copy of one message."""
    return f"{message}.{n}"


def encoded(seen: Seen) -> bytes:
    """As it is kept."""
    return msgspec.json.encode(seen)


def read_hit(octets: bytes) -> Seen:
    """What was kept; msgspec.DecodeError for anything else."""
    return msgspec.json.decode(octets, type=Seen)


def judged(seen: Seen, others: Sequence[Seen], delivered: float) -> Reading:
    """What a hit tells, and of whom. ``others``: hits of the same copy, itself among them or not.

    ``delivered``: 0 when the journal knows of no delivery yet. Nobody has read then: servers look before they accept.
    """
    followed = _followed(seen, others)
    hit = engagement.Hit(
        kind=seen.kind,
        seconds=seen.at - delivered if delivered else 0.0,
        method=seen.method,
        user_agent=seen.agent,
        ip=seen.ip,
        links_hit=max(1, len(set(followed))),
        in_order=len(followed) > 1 and all(a < b for a, b in pairwise(followed)),
        hidden=seen.hidden,
    )
    return Reading(
        *(seen.kind, WAY),
        detail=engagement.judge(hit).who,
        reporter=seen.ip,
        user_agent=seen.agent,
        target=seen.target,
    )


def _followed(seen: Seen, others: Sequence[Seen]) -> list[int]:
    """The links followed within `BURST` around it, in the order of time, the same one after another once."""
    moments: set[tuple[float, int]] = set()
    for one in (seen, *[one for one in others if abs(one.at - seen.at) <= BURST]):
        moments.update(one.before)
        moments.add((one.at, PICTURE if one.kind == "open" else one.link))
    found: list[int] = []
    for at, link in sorted(moments):
        if link != PICTURE and abs(at - seen.at) <= BURST and found[-1:] != [link]:
            found.append(link)
    return found

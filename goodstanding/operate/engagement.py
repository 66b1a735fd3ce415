"""Opens and clicks of our own pictures and links: tokens opened, and each hit made into a report that is read later."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache

from msgspec import Struct, structs

from goodstanding.feedback.engagement import BURST
from goodstanding.feedback.hits import PICTURE, WAY, Seen, copy_name, encoded
from goodstanding.model import MessageId
from goodstanding.sealed import derive
from goodstanding.store.reports import Report
from goodstanding.wire.engagement_links import Clicked, Opened, open_click, open_open

PURPOSE = "engagement"
KNOWN = 10_000
"""Copies whose newest hits are remembered; what was hit longest ago is forgotten first."""
MOST = 20
"""Hits of one copy within `BURST` that are kept; more tell nothing, and somebody may be flooding us."""
LONGEST_AGENT = 500
LONGEST_TARGET = 2000


class Visitor(Struct, frozen=True, gc=False):
    """Who asked, and how."""

    at: float
    method: str
    agent: str
    ip: str


@lru_cache(maxsize=8)
def tracking_key(master: bytes) -> bytes:
    """The key that tokens of pictures and links are sealed with."""
    return derive(master, PURPOSE)


def opened(master: bytes, token: str) -> Opened | None:
    """What the token of a picture says; None when it is not one of ours."""
    return open_open(tracking_key(master), token)


def clicked(master: bytes, token: str) -> Clicked | None:
    """What the token of a link says; None when it is not one of ours."""
    return open_click(tracking_key(master), token)


class Hits:
    """The hits of the last seconds, so that each can tell what came before it."""

    def __init__(self) -> None:
        self._newest: OrderedDict[tuple[MessageId, int], list[tuple[float, int]]] = OrderedDict()

    def report(self, what: Opened | Clicked, visitor: Visitor) -> Report | None:
        """The report to keep of a hit; None for one too many."""
        about = (what.message, what.n)
        before = [hit for hit in self._newest.pop(about, ()) if visitor.at - hit[0] <= BURST]
        self._newest[about] = before
        if len(before) >= MOST:
            return None
        place = what.link if isinstance(what, Clicked) else PICTURE
        seen = Seen(
            *(visitor.at, "open" if place == PICTURE else "click", what.message, what.n),
            *(visitor.method, visitor.agent[:LONGEST_AGENT], visitor.ip),
            before=tuple(before),
        )
        if isinstance(what, Clicked):
            seen = structs.replace(
                seen, kind="click", link=what.link, hidden=what.link < 0, target=what.target[:LONGEST_TARGET]
            )
        before.append((visitor.at, place))
        if len(self._newest) > KNOWN:
            self._newest.popitem(last=False)
        return Report(visitor.at, WAY, visitor.ip, copy_name(*about), "", encoded(seen))

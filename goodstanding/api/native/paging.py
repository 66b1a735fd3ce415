"""Cursors: a position in a list, signed, so that nobody can make one up or use it elsewhere."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from goodstanding.api.native.problems import Fault, ProblemError
from goodstanding.api.native.routes import Call, Page
from goodstanding.sealed import derive

T = TypeVar("T")
PURPOSE = "api cursors"
TAG = 16
"""Octets of the signature that a cursor carries."""


class Cursors:
    """Makes and reads cursors of one installation."""

    def __init__(self, master: bytes) -> None:
        self._key = derive(master, PURPOSE)

    def made(self, where: str, position: Sequence[Any]) -> str:
        """The cursor of a position; ``where`` names the list, its filters and who reads it."""
        octets = msgspec.msgpack.encode(list(position))
        return urlsafe_b64encode(self._tag(where, octets) + octets).decode().rstrip("=")

    def read(self, where: str, text: str) -> tuple[Any, ...]:
        """The position in a cursor; a problem when it was not made here, for this list."""
        try:
            octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            octets = b""
        tag, said = octets[:TAG], octets[TAG:]
        if not said or not hmac.compare_digest(tag, self._tag(where, said)):
            detail = "not a cursor of this list; take `next` of the page before, with the same filters"
            raise ProblemError("refused", detail, errors=[Fault(detail, "query cursor")])
        return tuple(msgspec.msgpack.decode(said))

    def _tag(self, where: str, octets: bytes) -> bytes:
        return hmac.new(self._key, where.encode("utf-8", "surrogatepass") + b"\0" + octets, sha256).digest()[:TAG]


def page(call: Call, items: Iterable[T], limit: int, position: Callable[[T], Sequence[Any]]) -> Page[T]:
    """A page of a whole list that is sorted by position."""
    after = call.after
    rest = [item for item in items if after is None or tuple(position(item)) > after]
    return turned(call, rest, limit, position)


def turned(call: Call, found: Sequence[T], limit: int, position: Callable[[T], Sequence[Any]]) -> Page[T]:
    """A page of entries that begin behind the cursor; one more than the limit says that there is another page."""
    shown = list(found[:limit])
    return Page(shown, call.turn(position(shown[-1])) if len(found) > limit else "")

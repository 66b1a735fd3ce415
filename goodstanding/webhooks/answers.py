"""What an endpoint's answer means for the event, and for the endpoint.

Only 2xx is success. Redirects are not followed: where events go is what the tenant has written down, and nobody else.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Literal

from msgspec import Struct

Meaning = Literal["delivered", "event", "endpoint", "gone"]
"""``event``: it does not take this one. ``endpoint``: it takes none at present. ``gone``: no more, for good."""

KEPT = 200
"""Characters of an answer that are kept for the tenant to read."""
LONGEST_WAIT = 86_400.0
"""Seconds of Retry-After that are honoured."""

_ABOUT_THE_EVENT = frozenset({400, 406, 409, 413, 415, 422})


class Answer(Struct, frozen=True):
    """How a POST ended: with an answer, or with a failure in words."""

    status: int = 0
    """0: there was no answer."""
    body: bytes = b""
    """As far as it was read."""
    retry_after: str = ""
    failure: str = ""

    @property
    def words(self) -> str:
        """In one line, for people."""
        if self.failure:
            return self.failure[:KEPT]
        said = " ".join(self.body[: 4 * KEPT].decode("utf-8", "replace").split())
        shown = "".join(char if char.isprintable() else "\ufffd" for char in said)
        return f"{self.status} {shown}"[:KEPT].strip()


def meaning(answer: Answer) -> Meaning:
    """What an answer means."""
    if 200 <= answer.status < 300:
        return "delivered"
    if answer.status == 410:
        return "gone"
    return "event" if answer.status in _ABOUT_THE_EVENT else "endpoint"


def wait_asked(answer: Answer, now: float) -> float:
    """Seconds that Retry-After asks for (RFC 9110 §10.2.3: seconds, or a date); 0: it asks for nothing."""
    text = answer.retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(text).timestamp() if text else now
    except (ValueError, OverflowError, OSError):
        return 0.0
    return min(max(0.0, when - now), LONGEST_WAIT)

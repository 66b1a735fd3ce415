"""What a report comes to, once it is known which delivery of ours it is about: events, and whom not to write to again.

Pure. Nothing a report says is believed without proof: a token that nobody else can seal, found in the report, or a hook
whose address is secret. What proves nothing changes nothing, and is journalled as unmatched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct, structs

from goodstanding.events import Accepted, Bounced, Delivered, Event
from goodstanding.evidence import Complained, Engaged, Returned, Unmatched
from goodstanding.feedback.reading import Reading
from goodstanding.model import NOTHING_TOUCHED, BounceClass, MessageId, Touched
from goodstanding.wire.return_path import EVERYBODY


class Found(Struct, frozen=True, gc=False):
    """The delivery a report is about, as our journal knows it."""

    tenant: str
    message: MessageId
    n: int
    """`EVERYBODY`: the message went to several, and the report does not say whom it speaks of."""
    recipient: str
    """Empty with `EVERYBODY`."""
    touched: Touched = NOTHING_TOUCHED
    source: str = ""
    delivered: float = 0.0
    host: str = ""
    """The server that took it."""
    shared: bool = False
    """The token stands for all recipients of the message: whom the report means is only what it says."""


def found_in(story: Sequence[Event]) -> Found | None:
    """A delivery by what the journal says of one recipient; None when it says nothing (any more).

    What it touched is known from the beginning: a complaint can be faster than the answer of the server it came from.
    """
    found: Found | None = None
    for event in story:
        if isinstance(event, Accepted):
            touched = event.touched if event.touched.stream else Touched(event.subscription, event.stream)
            found = Found(event.tenant, event.message, event.n, event.recipient, touched)
        elif isinstance(event, Delivered | Bounced) and found is not None:
            delivered = event.at if isinstance(event, Delivered) else 0.0
            touched = event.touched if event.touched.stream else found.touched
            found = structs.replace(found, touched=touched, source=event.source, delivered=delivered, host=event.host)
    return found


class Heard(Struct, frozen=True, gc=False):
    """What one reading comes to."""

    events: tuple[Event, ...] = ()
    suppress: Literal["", "complained", "bounced"] = ""
    """Cause to suppress the recipient for."""
    leaves: bool = False
    """The recipient asked in words to be left alone."""


class Told(Struct, frozen=True, gc=False):
    """Circumstances of one report."""

    at: float
    reporter: str
    """Address or host that sent it."""


SILENT = frozenset({"delay", "success"})
"""Say nothing that delivery does not know."""


def hear(reading: Reading, found: Found | None, told: Told) -> Heard:
    """What a reading comes to; ``found`` is None when nothing in it proves which delivery it is about."""
    if reading.kind in SILENT:
        return Heard()
    if reading.kind == "unreadable":
        return Heard((unmatched(reading, told, "nothing in it is a report that can be read"),))
    if found is None:
        return Heard((unmatched(reading, told, "nothing in it proves which message of ours it is about"),))
    known = found.n != EVERYBODY
    proven = known and not found.shared
    match reading.kind:
        case "bounce":
            if not known:
                return Heard((unmatched(reading, told, "it names nobody the message went to"),))
            gone = reading.hard and reading.reach == "recipient"
            return Heard((_returned(reading, found, told),), "bounced" if gone and proven else "")
        case "complaint":
            return Heard((_complained(reading, found, told, _kind(reading)),), "complained" if proven else "")
        case "reply":
            return _answered(reading, found, told)
        case "unsubscribe":
            return Heard(leaves=proven)
        case "auto-reply" | "not-spam" | "open" | "click":
            how = {"auto-reply": "away", "open": "opened", "click": "clicked"}.get(reading.kind, "not-spam")
            return Heard((_engaged(reading, found, told, how),))
        case _:
            return Heard((unmatched(reading, told, "it reports nothing we know how to use"),))


def _answered(reading: Reading, found: Found, told: Told) -> Heard:
    """A person wrote back; ``detail`` says what for (`feedback.answers`)."""
    return Heard((_engaged(reading, found, told, "interested" if reading.detail == "interested" else "replied"),))


def unmatched(reading: Reading, told: Told, because: str) -> Unmatched:
    """The entry of a report that changes nothing."""
    return Unmatched("", told.at, reading.kind, reading.source, because, told.reporter)


def _kind(reading: Reading) -> str:
    """The feedback type, in the words of RFC 5965 §7.3."""
    if reading.source == "answers":
        return "reply"
    return reading.feedback_type if reading.feedback_type in ("abuse", "fraud", "virus") else "abuse"


def _returned(reading: Reading, found: Found, told: Told) -> Returned:
    return Returned(
        *(found.tenant, found.message, found.n, told.at, found.recipient),
        *((reading.klass or BounceClass.UNDETERMINED).value, reading.hard, reading.reach, reading.reply[:1000]),
        *(reading.source, found.touched, found.source, found.delivered),
    )


def _complained(reading: Reading, found: Found, told: Told, kind: str) -> Complained:
    n = 0 if found.n == EVERYBODY else found.n
    return Complained(
        *(found.tenant, found.message, n, told.at, found.recipient, kind, reading.reporter or told.reporter),
        *(reading.source, found.touched, found.source, found.delivered, found.host),
    )


def _engaged(reading: Reading, found: Found, told: Told, how: str) -> Engaged:
    n = 0 if found.n == EVERYBODY else found.n
    by = reading.detail if reading.detail in ("scanner", "proxy") else "person"
    agent = reading.user_agent if how in ("opened", "clicked") else ""
    return Engaged(
        *(found.tenant, found.message, n, told.at, found.recipient, how, by),
        *(found.touched, found.source, found.delivered, reading.target, agent),
    )

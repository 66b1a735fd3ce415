"""Which journal events are told, as what, and what must be told in order."""

from __future__ import annotations

from hashlib import blake2b

from msgspec import Struct

from goodstanding.events import (
    Bounced,
    Delivered,
    Dropped,
    Event,
    Held,
    Judged,
    Quarantined,
    QuarantineEnded,
    Refused,
    Released,
    Unsubscribed,
)
from goodstanding.evidence import Complained, Engaged, LadderMoved, Returned, Reviewed
from goodstanding.model import KeyKind, parse_key
from goodstanding.webhooks.endpoint import BY_NUMBER, NUMBERS, Kind

SUPPRESSED = "[suppressed]"
"""How a reply ends that turned a recipient away because they are suppressed: with the slug of its reason."""

WORDS = frozenset(
    {
        *("delivered", "bounced", "returned", "dropped", "quarantined", "quarantine-ended", "refused", "judged"),
        *("held", "released", "complained", "unsubscribed", "engaged", "ladder-moved", "reviewed"),
    }
)
"""Words of the journal behind which something to tell may be."""


def kinds_told(event: Event) -> tuple[Kind, ...]:
    """As what an event is told; empty: not at all."""
    match event:
        case Delivered() | Bounced() | Returned():
            return (Kind.DELIVERY,)
        case Quarantined() | Dropped():
            return (Kind.DELIVERY, Kind.VERDICT)
        case Refused():
            return (Kind.DELIVERY, Kind.VERDICT) if turned_away(event) else (Kind.VERDICT,)
        case Judged():  # what is held or returned of it is told by recipient
            return (Kind.VERDICT,) if event.action != "accept" and (event.shadow or event.action == "refuse") else ()
        case QuarantineEnded() | Held() | Released():
            return (Kind.VERDICT,)
        case Complained():
            return (Kind.COMPLAINT,)
        case Unsubscribed():
            return (Kind.UNSUBSCRIBE,)
        case Engaged():
            return (Kind.ENGAGEMENT,) if event.how in ("opened", "clicked") and event.by != "scanner" else ()
        case LadderMoved():  # as with the notice: what is only noted, or changes nothing for the mail, is not told
            return () if event.shadow or event.came_from == event.rung else (Kind.STANDING,)
        case Reviewed():
            return (Kind.REVIEW,)
        case _:
            return ()


def turned_away(event: Refused) -> bool:
    """Whether it was refused because the recipient is suppressed, which ACS has a status for."""
    return bool(event.recipient) and (event.reply.endswith(SUPPRESSED) or '"slug":"suppressed"' in event.findings)


def subscription_of(event: Event) -> str:
    """Whose mail or standing an event is about; empty: it does not say, or it is of the whole tenant."""
    match event:
        case Refused() | Quarantined() | Judged():
            return event.subscription
        case Delivered() | Bounced() | Returned() | Complained() | Unsubscribed() | Engaged():
            return event.touched.subscription
        case LadderMoved() | Reviewed():
            key = parse_key(event.key)
            return key.name if key is not None and key.kind is KeyKind.SUBSCRIPTION else ""
        case _:
            return ""


def chain(event: Event, seq: int) -> int:
    """What is told in the order it happened shares a number: a message, an account. Negative: not a message."""
    if event.message:
        return event.message
    if isinstance(event, LadderMoved | Reviewed):
        digest = blake2b(f"{event.tenant}\n{event.key}".encode(), digest_size=7).digest()
        return -(int.from_bytes(digest) | 1 << 56)
    return -seq


# --- names -----------------------------------------------------------------------------------------------------------

IDS = "webhook event ids"
"""Purpose of the key from which an installation's tag is taken."""
_SEQ_BITS, _TAG_BITS = 40, 22
_VERSION, _VARIANT = 8 << 76, 2 << 62


class Numbered(Struct, frozen=True):
    """What the name of an outgoing event says."""

    seq: int
    """Of the journal entry it tells of."""
    kind: Kind


def name_of(seq: int, kind: Kind, at: float, tag: int) -> str:
    """The id of an outgoing event, the same each time it is posted and to whomever: a UUID (RFC 9562, version 8).

    Time first, so that ids sort; then the kind; last the installation's ``tag`` (22 bits) and the journal entry.
    """
    time = int(at * 1000) & (1 << 48) - 1
    said = (tag & (1 << _TAG_BITS) - 1) << _SEQ_BITS | seq & (1 << _SEQ_BITS) - 1
    number = time << 80 | _VERSION | NUMBERS[kind] << 64 | _VARIANT | said
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def read_name(name: str) -> Numbered | None:
    """What `name_of` wrote; None when it is no such id."""
    try:
        number = int(name.replace("-", ""), 16)
    except ValueError:
        return None
    kind = number >> 64 & 0xFFF
    if len(name) != 36 or number >> 76 & 15 != 8 or kind >= len(BY_NUMBER):
        return None
    return Numbered(number & (1 << _SEQ_BITS) - 1, BY_NUMBER[kind])


def tag_of(key: bytes) -> int:
    """The tag of an installation, from a key derived for this purpose."""
    return int.from_bytes(key[:3]) & (1 << _TAG_BITS) - 1

"""What happened, in the past tense: the vocabulary of the journal. One frozen dataclass each.

The journal is append-only and is the truth; every count can be rebuilt from it. Each event names its tenant first,
so that the table can be cut by tenant, and carries ``at``, the second (Unix time) it happened.
"""

from __future__ import annotations

from msgspec import Struct

from goodstanding.evidence import (
    Complained,
    Engaged,
    LadderMoved,
    Measured,
    OrderEnded,
    OrderIssued,
    Returned,
    Reviewed,
    Unmatched,
)
from goodstanding.model import NO_MESSAGE, NOTHING_TOUCHED, MessageId, Touched


class Accepted(Struct, frozen=True, gc=False):
    """We took responsibility for one recipient of a message (the 250 followed the fsync of this)."""

    tenant: str
    message: MessageId
    n: int
    """Ordinal of the recipient within the message, from 0."""
    at: float
    recipient: str
    subscription: str
    stream: str
    sender: str
    """Return path as submitted; empty for ``<>``."""
    size: int
    """Bytes of the message as submitted."""
    header_from: str = ""
    header_message_id: str = ""
    subject: str = ""
    remote: str = ""
    """Address of the client."""
    notice_for: str = ""
    """Name of the message this one reports on, when it is a delivery status notification."""
    because: str = ""
    """What spoke for writing to this recipient; empty where admission is off."""
    touched: Touched = NOTHING_TOUCHED
    """What the message is held to account by: a report can come before the delivery is known."""
    operation: str = ""
    """The id by which a program asked for it over HTTP."""


class Refused(Struct, frozen=True, gc=False):
    """A submission was turned away; the reply says why and what to do."""

    tenant: str
    at: float
    subscription: str
    remote: str
    sender: str
    recipient: str
    reply: str
    message: MessageId = NO_MESSAGE
    n: int = 0
    findings: str = ""
    """JSON list of findings, when admission refused it."""
    operation: str = ""
    """The id by which a program asked for it over HTTP; its other recipients may have been taken."""


class Quarantined(Struct, frozen=True, gc=False):
    """Accepted, but held by the guard until evidence or an operator releases it."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    subscription: str
    campaign: int
    findings: str
    """JSON list of findings: slug, action, because, remedy."""


class Judged(Struct, frozen=True, gc=False):
    """What admission found about a message, beyond plain acceptance; with ``shadow`` it was not applied."""

    tenant: str
    message: MessageId
    at: float
    subscription: str
    action: str
    findings: str
    shadow: bool = False
    n: int = 0
    recipient: str = ""


class QuarantineEnded(Struct, frozen=True, gc=False):
    """What became of a quarantined recipient: released, moved, refused or expired, by evidence or by somebody."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    how: str
    by: str
    because: str = ""


class Suppressed(Struct, frozen=True, gc=False):
    """A recipient will not be written to any more, or not for a while."""

    tenant: str
    at: float
    recipient: str
    scope: str
    cause: str
    source: str
    expires: float = 0.0
    message: MessageId = NO_MESSAGE
    n: int = 0


class Unsuppressed(Struct, frozen=True, gc=False):
    """A suppression was lifted."""

    tenant: str
    at: float
    recipient: str
    scope: str
    by: str
    because: str = ""
    message: MessageId = NO_MESSAGE
    n: int = 0


class Unsubscribed(Struct, frozen=True, gc=False):
    """A recipient asked to be left alone, and the suppression is in the same transaction: the proof of when."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    stream: str
    way: str
    """``one-click``, ``page``, ``mailto``, ``reply``, ``report``, ``operator``."""
    remote: str = ""
    touched: Touched = NOTHING_TOUCHED
    source: str = ""
    """Egress IP it had left from, as far as it is known."""
    delivered: float = 0.0
    """Second the message had been delivered; 0: not known."""


class DomainChecked(Struct, frozen=True, gc=False):
    """A domain's records were looked at and its state changed."""

    tenant: str
    at: float
    domain: str
    state: str
    because: str
    message: MessageId = NO_MESSAGE
    n: int = 0
    recipient: str = ""


class EstateChanged(Struct, frozen=True, gc=False):
    """An operator changed who may send, as what, or on which terms."""

    tenant: str
    at: float
    what: str
    """``subscription shop/otp``, ``pool outreach`` ..."""
    change: str
    by: str
    message: MessageId = NO_MESSAGE
    n: int = 0
    recipient: str = ""


class Delivered(Struct, frozen=True, gc=False):
    """The remote server took responsibility."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    host: str
    """``mx1.example.net [203.0.113.7]``."""
    reply: str
    tls: str = ""
    attempts: int = 1
    delay: float = 0.0
    """Seconds since acceptance."""
    source: str = ""
    """Egress IP."""
    touched: Touched = NOTHING_TOUCHED


class Deferred(Struct, frozen=True, gc=False, rename={"klass": "class"}):
    """An attempt failed for now; ``due`` is the next one."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    host: str
    reply: str
    reach: str
    attempts: int
    due: float
    source: str = ""
    """Egress IP."""
    touched: Touched = NOTHING_TOUCHED
    klass: str = ""
    """What the reply means (`model.BounceClass`)."""


class Bounced(Struct, frozen=True, gc=False, rename={"klass": "class"}):
    """Given up for good: refused by the remote, or expired."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    host: str
    reply: str
    reach: str
    attempts: int
    expired: bool = False
    notified: bool = False
    """A delivery status notification went to the return path."""
    source: str = ""
    """Egress IP; empty when none was used."""
    touched: Touched = NOTHING_TOUCHED
    klass: str = ""
    """What the reply means (`model.BounceClass`)."""
    hard: bool = False
    """The recipient takes no mail, and will not."""


class DelayWarned(Struct, frozen=True, gc=False):
    """The sender was told that delivery is late."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str


class Held(Struct, frozen=True, gc=False):
    """An operator stopped it; it waits until released."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    by: str
    because: str = ""


class Released(Struct, frozen=True, gc=False):
    """An operator let it go on."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    by: str


class Retried(Struct, frozen=True, gc=False):
    """An operator asked for an attempt now."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    by: str


class Dropped(Struct, frozen=True, gc=False):
    """An operator removed it from the queue; nobody was told unless a notice was asked for."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    by: str
    because: str = ""


Event = (
    Accepted
    | Refused
    | Quarantined
    | Judged
    | QuarantineEnded
    | Suppressed
    | Unsuppressed
    | Unsubscribed
    | DomainChecked
    | EstateChanged
    | Delivered
    | Deferred
    | Bounced
    | DelayWarned
    | Held
    | Released
    | Retried
    | Dropped
    | Returned
    | Complained
    | Engaged
    | Unmatched
    | Measured
    | LadderMoved
    | OrderIssued
    | OrderEnded
    | Reviewed
)

KINDS: dict[str, type[Event]] = {
    "accepted": Accepted,
    "refused": Refused,
    "quarantined": Quarantined,
    "judged": Judged,
    "quarantine-ended": QuarantineEnded,
    "suppressed": Suppressed,
    "unsuppressed": Unsuppressed,
    "unsubscribed": Unsubscribed,
    "domain-checked": DomainChecked,
    "estate-changed": EstateChanged,
    "delivered": Delivered,
    "deferred": Deferred,
    "bounced": Bounced,
    "delay-warned": DelayWarned,
    "held": Held,
    "released": Released,
    "retried": Retried,
    "dropped": Dropped,
    "returned": Returned,
    "complained": Complained,
    "engaged": Engaged,
    "unmatched": Unmatched,
    "measured": Measured,
    "ladder-moved": LadderMoved,
    "order-issued": OrderIssued,
    "order-ended": OrderEnded,
    "reviewed": Reviewed,
}
"""The word under which each event stands in the journal, the mail log and the metrics."""

KIND_OF: dict[type[Event], str] = {kind: word for word, kind in KINDS.items()}

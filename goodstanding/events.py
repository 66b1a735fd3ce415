"""What happened, in the past tense: the vocabulary of the journal. One frozen dataclass each.

The journal is append-only and is the truth; every count can be rebuilt from it. Each event names its tenant first,
so that the table can be cut by tenant, and carries ``at``, the second (Unix time) it happened.
"""

from __future__ import annotations

from msgspec import Struct

from goodstanding.model import MessageId

NO_MESSAGE = MessageId(0)
"""Stands in events that never became a message."""


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


class Deferred(Struct, frozen=True, gc=False):
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


class Bounced(Struct, frozen=True, gc=False):
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


Event = Accepted | Refused | Delivered | Deferred | Bounced | DelayWarned | Held | Released | Retried | Dropped

KINDS: dict[str, type[Event]] = {
    "accepted": Accepted,
    "refused": Refused,
    "delivered": Delivered,
    "deferred": Deferred,
    "bounced": Bounced,
    "delay-warned": DelayWarned,
    "held": Held,
    "released": Released,
    "retried": Retried,
    "dropped": Dropped,
}
"""The word under which each event stands in the journal, the mail log and the metrics."""

KIND_OF: dict[type[Event], str] = {kind: word for word, kind in KINDS.items()}

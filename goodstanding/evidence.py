"""Events of what came back, of what it meant, and of what was done about it; `events` lists them with the rest.

Each names its tenant first, carries ``at``, and speaks of a recipient of a message where there is one.
"""

from __future__ import annotations

from msgspec import Struct

from goodstanding.model import NO_MESSAGE, NOTHING_TOUCHED, MessageId, Touched


class Returned(Struct, frozen=True, gc=False, rename={"klass": "class"}):
    """A server that had taken responsibility reported that it could not deliver after all."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    klass: str
    """Class of the bounce (`feedback.reading.BounceClass`)."""
    hard: bool
    reach: str
    reply: str
    """What the report quotes."""
    reader: str = ""
    """Which source of `feedback` read it."""
    touched: Touched = NOTHING_TOUCHED
    source: str = ""
    delivered: float = 0.0


class Complained(Struct, frozen=True, gc=False):
    """A recipient, or their provider for them, called the message unwanted."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    """Empty: the report does not say which of several."""
    kind: str
    """``abuse``, ``fraud``, ``virus``, ``other`` (RFC 5965 §7.3), ``reply`` when they wrote it themselves."""
    reporter: str
    """Who sent the report."""
    reader: str = ""
    touched: Touched = NOTHING_TOUCHED
    source: str = ""
    """Egress IP it had left from, as far as it is known."""
    delivered: float = 0.0
    """Second the message had been delivered; 0: not known."""
    host: str = ""
    """The server that had taken it, as in `Delivered`; empty: not known."""


class Engaged(Struct, frozen=True, gc=False):
    """A recipient did something with a message that says it was expected, or not."""

    tenant: str
    message: MessageId
    n: int
    at: float
    recipient: str
    how: str
    """``opened``, ``clicked``, ``replied``, ``interested``, ``away`` (automatic answer), ``not-spam``."""
    by: str = "person"
    """``person``, ``scanner`` or ``proxy``."""
    touched: Touched = NOTHING_TOUCHED
    source: str = ""
    delivered: float = 0.0
    target: str = ""
    """Of a click: where the link leads."""
    agent: str = ""
    """Of an open or a click: what the reader's program says of itself."""


class Unmatched(Struct, frozen=True, gc=False):
    """A report came in that belongs to no message of ours, or does not prove that it does; it changed nothing."""

    tenant: str
    at: float
    kind: str
    reader: str
    because: str
    reporter: str = ""
    message: MessageId = NO_MESSAGE
    n: int = 0
    recipient: str = ""


class Measured(Struct, frozen=True, gc=False):
    """A provider's own figures for an address or a domain of ours over some time."""

    tenant: str
    at: float
    key: str
    """``ip:203.0.113.7``, ``domain:example.com``."""
    provider: str
    since: float
    until: float
    messages: int = 0
    """How many the figures speak of; 0: the provider does not say."""
    complaints: int = 0
    traps: int = 0
    junked: int = 0
    because: str = ""
    """The figures as the provider gave them, in words."""
    message: MessageId = NO_MESSAGE
    n: int = 0
    recipient: str = ""


class LadderMoved(Struct, frozen=True, gc=False):
    """A key changed its rung; the orders and the notice are in the same transaction."""

    tenant: str
    at: float
    key: str
    came_from: str
    rung: str
    cause: str
    because: str
    """The evidence in words and numbers."""
    by: str = "system"
    """``system``, or who decided."""
    message: MessageId = NO_MESSAGE
    n: int = 0
    recipient: str = ""
    stream: str = ""
    """The stream the account is on; empty: every stream."""
    shadow: bool = False
    """It was only noted: nothing is ordered, and nobody was told."""


class OrderIssued(Struct, frozen=True, gc=False):
    """The rest of the program was told what a rung means for mail."""

    tenant: str
    at: float
    key: str
    what: str
    """``refuse``, ``hold``, ``pace``, ``reroute``."""
    rate: float = 0.0
    """Recipients an hour, for ``pace``."""
    until: float = 0.0
    """0: until a later order."""
    because: str = ""
    message: MessageId = NO_MESSAGE
    n: int = 0
    recipient: str = ""
    shadow: bool = False
    """It would have been; nobody obeys it."""


class OrderEnded(Struct, frozen=True, gc=False):
    """An order is no more in force."""

    tenant: str
    at: float
    key: str
    what: str
    because: str
    message: MessageId = NO_MESSAGE
    n: int = 0
    recipient: str = ""


class Reviewed(Struct, frozen=True, gc=False):
    """A step of a review: opened, answered or decided, by whom and with which words."""

    tenant: str
    at: float
    key: str
    step: str
    """``opened``, ``answered``, ``reinstated``, ``refused``, ``closed``."""
    by: str
    because: str
    message: MessageId = NO_MESSAGE
    n: int = 0
    recipient: str = ""
    stream: str = ""
    """The stream the account is about; empty: every one."""

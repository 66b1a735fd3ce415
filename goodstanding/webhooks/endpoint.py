"""Endpoints: where a tenant wants to hear what happened, of which kinds, in which shape."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, cast, get_args

from msgspec import Struct

Shape = Literal["eventgrid", "cloudevents"]
State = Literal["unproven", "active", "disabled", "gone"]
"""``unproven``: has not answered the handshake yet. ``gone``: answered 410, told nothing until enabled again."""

SHAPES = cast(tuple[Shape, ...], get_args(Shape))


class Kind(StrEnum):
    """What an endpoint can be told; the order is that of the numbers in stored rows and ids, so only add at the end."""

    DELIVERY = "delivery"
    """What became of a recipient: ACS's delivery report."""
    ENGAGEMENT = "engagement"
    """A recipient opened the message or followed a link: ACS's engagement report."""
    COMPLAINT = "complaint"
    """A recipient, or their provider for them, called the message unwanted."""
    UNSUBSCRIBE = "unsubscribe"
    """A recipient asked to be left alone."""
    VERDICT = "verdict"
    """What admission or an operator decided about mail: refused, quarantined, held, released, with reasons."""
    STANDING = "standing-changed"
    """An account moved on the ladder."""
    REVIEW = "review"
    """A step of a review."""
    TEST = "test"
    """Asked for by ``goodstanding webhook test``; tells of nothing."""


NUMBERS: dict[Kind, int] = {kind: number for number, kind in enumerate(Kind)}
BY_NUMBER: tuple[Kind, ...] = tuple(Kind)
TOLD: tuple[Kind, ...] = tuple(kind for kind in Kind if kind is not Kind.TEST)
"""Kinds an endpoint can choose from."""

TYPES: dict[Kind, str] = {
    Kind.DELIVERY: "Microsoft.Communication.EmailDeliveryReportReceived",
    Kind.ENGAGEMENT: "Microsoft.Communication.EmailEngagementTrackingReportReceived",
} | {kind: f"goodstanding.{kind}" for kind in Kind if kind not in (Kind.DELIVERY, Kind.ENGAGEMENT)}
"""The type of an outgoing event: ACS's own names for what ACS has, ours for the rest."""


class Endpoint(Struct, frozen=True):
    """One address of a tenant that wants to hear."""

    number: int
    tenant: str
    url: str
    shape: Shape
    subscription: str = ""
    """``tenant/application``; empty: all of the tenant."""
    kinds: tuple[Kind, ...] = ()
    """Empty: all."""
    batch: int = 1
    """Events of one POST at most."""
    state: State = "unproven"
    because: str = ""
    """Why it is in that state."""
    since: int = 0
    """Number of the journal entry it hears of nothing before."""
    created: float = 0.0
    sealed: bytes = b""
    """Secrets and headers, see `secrets`."""

    def wants(self, kind: Kind, subscription: str) -> bool:
        """Whether it is to hear of this; ``subscription`` empty: not known, or of none."""
        return (not self.kinds or kind in self.kinds) and subscription in ("", self.subscription or subscription)


class Figures(Struct, frozen=True):
    """How an endpoint has answered so far."""

    delivered: int = 0
    failed: int = 0
    """Attempts that did not succeed."""
    last_success: float = 0.0
    last_failure: float = 0.0
    last_reply: str = ""
    """What the last failure was, in words."""
    waiting: int = 0
    dead: int = 0

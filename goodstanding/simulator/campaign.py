"""What is asked about: a campaign, who it goes to, who sends it, and by which routes it might go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from goodstanding.model import Stream
from goodstanding.sandbox.behaviour import Expectation

Provider = Literal["google", "microsoft", "yahoo", "other"]
"""Whose mailboxes: Gmail and Workspace, Outlook.com and Microsoft 365, Yahoo and AOL, everybody else."""
PROVIDERS: tuple[Provider, ...] = ("google", "microsoft", "yahoo", "other")
Source = Literal["asked", "customers", "collected", "bought"]
"""Where addresses come from: their owners gave them to be written to; they bought something; they were gathered by
hand or program; a list was bought. Decides how many do not exist, and how many belong to nobody but a trap."""
SOURCES: tuple[Source, ...] = ("asked", "customers", "collected", "bought")

Way = Literal["application", "mailboxes"]
"""How other mail of the tenant goes: by programs over the sending platform, or by people over its own mailboxes."""


class Group(Struct, frozen=True):
    """Recipients that the simulation need not tell apart."""

    expectation: Expectation
    provider: Provider
    source: Source
    count: int
    country: str = ""
    """ISO 3166; empty: unknown."""


class Flow(Struct, frozen=True):
    """Other mail of the same tenant: what a campaign may drag down."""

    name: str
    per_day: float
    """Recipients a day."""
    expectation: Expectation = Expectation.AWAITED
    over: Way = "application"
    """Sent by programs over the sending platform, or by people and systems over the tenant's own mailboxes."""


class Message(Struct, frozen=True):
    """What of the message matters."""

    subject: str = ""
    one_click: bool = False
    """It carries a one-click unsubscribe (RFC 8058)."""
    leads_out: bool = False
    """It names some way to leave."""
    follow_ups: int = 0
    """Further messages to those who did not answer, leave or complain."""
    follow_up_after: float = 3.0
    """Days between two."""
    fields: tuple[str, ...] = ()
    """Of a template: what differs from recipient to recipient."""
    filled: int = 0
    """Recipients it was filled for, to see what it looks like; 0: it is no template."""
    alike: float = 1.0
    """Share of those letters that whoever compares texts takes for one campaign."""


class Sender(Struct, frozen=True):
    """Who sends, and how they stand before the first message."""

    tenant: str = "your organisation"
    domain: str = ""
    age_days: float = 365.0
    """How long the domain and its addresses have sent wanted mail; 0: a new one."""
    usual_per_day: float = 1000.0
    """Wanted recipients a day it has sent in that time, all flows together."""
    complaint_rate: float = 0.0005
    """Of that mail."""
    licences: int = 100
    """Microsoft 365 licences of the tenant: its limit of external recipients follows from them."""


class Campaign(Struct, frozen=True):
    """What is asked about."""

    name: str
    groups: tuple[Group, ...]
    message: Message = Message()
    sender: Sender = Sender()
    flows: tuple[Flow, ...] = ()
    per_day: float = 0.0
    """Recipients a day at most, by the sender's own will; 0: as fast as the platform takes them."""
    stream: Stream = Stream.OUTREACH
    """What it is sent as, where a platform asks."""

    @property
    def recipients(self) -> int:
        """Everybody, each counted once."""
        return sum(group.count for group in self.groups)


FLOWS: tuple[Flow, ...] = (
    Flow("one-time codes", 400.0),
    Flow("invoices", 150.0),
    Flow("support replies", 200.0, Expectation.AWAITED, "mailboxes"),
    Flow("HR mail", 60.0, Expectation.AWAITED, "mailboxes"),
    Flow("system notifications", 190.0, Expectation.AWAITED),
)
"""What a tenant sends that says nothing of it. Assumption: a company of a hundred people."""


def merged(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The same with those that are alike counted together, in a fixed order."""
    counts: dict[tuple[Expectation, Provider, Source, str], int] = {}
    for one in groups:
        alike = one.expectation, one.provider, one.source, one.country
        counts[alike] = counts.get(alike, 0) + one.count
    return tuple(Group(e, p, s, count, c) for (e, p, s, c), count in sorted(counts.items()) if count)

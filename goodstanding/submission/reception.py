"""What all listeners of a worker share: limits, credentials, counts, the clock that ends silent connections."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from goodstanding.model import Reply
from goodstanding.outside import Clock
from goodstanding.settings import SubmissionSettings, TokenSettings
from goodstanding.store.spool import Spool
from goodstanding.submission.accept import FrontDoor
from goodstanding.submission.authentication import Credentials, GuessBrake, TrustedNetworks
from goodstanding.submission.incoming import Memory
from goodstanding.submission.login import Login
from goodstanding.wire.smtp_events import ServerPolicy

GOING = Reply(421, "4.3.2", "the server is shutting down; try again in a moment")
IDLE = Reply(421, "4.4.2", "you were silent for too long; connect again when you are ready")
TOO_SLOW = Reply(421, "4.4.2", "the message took too long to arrive; connect again")

SWEEP = 1.0
"""Seconds between looks at the clock for silent connections."""


class Guest(Protocol):
    """A connection, as far as the reception is concerned."""

    deadline: float
    """Loop time at which its silence ends our patience."""
    message_deadline: float
    """Loop time at which the message it is sending must have arrived."""

    def end(self, reply: Reply) -> None: ...
    def leave_when_done(self) -> None: ...


SIZE_ADVICE = (
    "Send a link instead of the attachment, or ask the operator for a larger submission.size_limit [too-large]"
)
"""What to do about a message that is larger than any here may be; subscriptions have limits of their own."""


@dataclass(slots=True)
class Reception:
    """What all listeners of a worker share."""

    settings: SubmissionSettings
    hostname: str
    clock: Clock
    door: FrontDoor
    spool: Spool
    credentials: Credentials
    """Replaced when credentials change."""
    trusted: TrustedNetworks
    tls: ssl.SSLContext | None
    tokens: TokenSettings = field(default_factory=TokenSettings)
    brake: GuessBrake = field(init=False)
    login: Login = field(init=False)
    memory: Memory = field(init=False)
    open: set[Guest] = field(default_factory=set)
    by_address: Counter[str] = field(default_factory=Counter)
    closing: bool = False
    sessions: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Final 4xx and 5xx answers to messages and recipients, by enhanced code."""

    def __post_init__(self) -> None:
        self.brake = GuessBrake(self.settings.failed_logins)
        self.login = Login(self.clock, self.brake)
        self.memory = Memory(self.settings.memory_limit)

    def policy(self, tls: str) -> ServerPolicy:
        """What a listener of this kind offers."""
        first = next(iter(self.tokens.issuers), None)
        return ServerPolicy(
            hostname=self.hostname,
            size_limit=self.settings.size_limit,
            size_advice=SIZE_ADVICE,
            recipients_limit=self.settings.recipients_limit,
            error_budget=self.settings.error_budget,
            auth=tls != "none",
            bearer=first is not None,
            bearer_scope=first.scope if first else "",
            bearer_configuration=first.discovery if first else "",
            auth_required=True,
            tls=tls == "starttls",
        )

    async def sweep(self) -> None:
        """Close connections that have been silent too long; runs until cancelled."""
        while True:
            await self.clock.sleep_until(self.clock.now() + SWEEP)
            now = asyncio.get_running_loop().time()
            for conversation in [c for c in self.open if now > c.deadline or now > c.message_deadline]:
                conversation.end(IDLE if now > conversation.deadline else TOO_SLOW)

    async def close(self, patience: float) -> None:
        """Say goodbye to everybody; a message that is arriving may finish within ``patience`` seconds."""
        self.closing = True
        for conversation in list(self.open):
            conversation.leave_when_done()
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while self.open and loop.time() < until:
            await asyncio.sleep(0.02)
        for conversation in list(self.open):
            conversation.end(GOING)

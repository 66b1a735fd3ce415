"""AUTH: a claim in, and out comes whom it opens, or the refusal; the brake on guessing is in between for every kind.

What is proven here is never written down. The log tells where a failed login came from, how it was tried and which
rule it failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from goodstanding.model import Identity, Reply
from goodstanding.outside import Clock
from goodstanding.submission.authentication import Credentials, GuessBrake, TokenRefused, folded
from goodstanding.submission.replies import NOT_YOU, SLOW_DOWN, WRONG
from goodstanding.wire.smtp_auth import BEARER
from goodstanding.wire.smtp_events import AuthGiven

if TYPE_CHECKING:
    from goodstanding.submission.bearer import Bearer  # its PyJWT is loaded only where an issuer is set

log = structlog.get_logger("submission")

FAILED_LOGIN_PAUSE = 1.0
"""Seconds until a wrong password or token is answered."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody who proved who they are."""

    identity: Identity
    until: float = float("inf")
    """Second from which their token proves it no more."""


@dataclass(slots=True)
class Login:
    """The door of one worker for those who submit."""

    clock: Clock
    brake: GuessBrake
    bearer: Bearer | None = None
    """None: no issuer is set, and tokens are not offered."""
    pause: float = field(default=FAILED_LOGIN_PAUSE)

    def check(
        self, credentials: Credentials, household: str, event: AuthGiven
    ) -> Admitted | Reply | Coroutine[Any, Any, Admitted | Reply]:
        """The answer to a claim, or what will come to it. ``household``: whom a failure is counted against."""
        if self.brake.closed_to(household, self.clock.now()):
            return SLOW_DOWN
        if event.mechanism in BEARER:
            return self._prove(credentials, household, event)
        identity = credentials.check(event.user, event.password)
        if identity is None:
            return self._failed(household, event.mechanism, "wrong-password", WRONG)
        return Admitted(identity) if folded(event.authzid) in ("", folded(event.user)) else NOT_YOU

    async def _prove(self, credentials: Credentials, household: str, event: AuthGiven) -> Admitted | Reply:
        """What a token comes to. Its reasons may be told: whoever made it true knows what is in it."""
        if self.bearer is None:
            return WRONG
        found = await self.bearer.open(event.password, credentials, event.user)
        if not isinstance(found, TokenRefused):
            return Admitted(found.identity, found.until)
        reply = Reply(454, "4.7.0", found.because) if found.passing else Reply(535, "5.7.8", found.because)
        return await self._failed(household, event.mechanism, found.slug, reply)

    async def _failed(self, household: str, mechanism: str, why: str, reply: Reply) -> Reply:
        """Count a failure, and answer it a little later."""
        self.brake.failed(household, self.clock.now())
        log.info("login failed", client=household, mechanism=mechanism, because=why)
        await asyncio.sleep(self.pause)
        return reply

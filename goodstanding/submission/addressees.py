"""The recipients of a message as a client names them (RCPT): each is known or looked up, and welcome or not."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from goodstanding.errors import StoreError
from goodstanding.model import Identity, Reply
from goodstanding.store.people import Known
from goodstanding.submission.accept import FrontDoor, store_reply
from goodstanding.submission.doorkeeper import Doorkeeper
from goodstanding.submission.replies import OK_RCPT

FRESH = 1.0
"""Seconds for which what was found out at RCPT is believed: who takes long to send may be sending to who left."""


class Addressees:
    """Those of one message, from MAIL to the end of its data."""

    __slots__ = ("_door", "_identity", "_keeper", "_remote", "_sender", "_since", "known")

    def __init__(self, door: FrontDoor, keeper: Doorkeeper, identity: Identity, remote: str, sender: str) -> None:
        self._door = door
        self._keeper = keeper
        self._identity = identity
        self._remote = remote
        self._sender = sender
        self._since = 0.0
        self.known: list[Known] = []
        """What is known of those who were let in, in the order of the envelope."""

    def objection(self) -> Reply | None:
        """Why their sender is turned away before any of them is named; None: it is not."""
        refusal = self._keeper.objection(self._identity, self._sender)
        if refusal is not None:
            self._journal(refusal)
        return refusal

    def add(self, address: str) -> Reply | Coroutine[Any, Any, Reply]:
        """The answer to one RCPT, or what will come to it."""
        if not self.known:
            self._since = self._keeper.clock.now()
        terms = self._keeper.premises.terms(self._identity)
        limit = terms.recipients_limit
        if len(self.known) >= limit and not terms.shadow:  # in shadow the finding is journalled, and that is all
            # RFC 5321 §4.5.3.1.10: the client sends the rest in another transaction
            words = f"{limit} recipients a message is the limit here; send the others separately [too-many-recipients]"
            return Reply(452, "4.5.3", words)
        try:
            known = self._keeper.ask_at_once(self._identity, address)
        except StoreError as exc:
            return store_reply(exc)
        return self._look_up(address) if known is None else self._answer(known)

    def recently_known(self) -> tuple[Known, ...]:
        """What is known of them, in the order of the envelope; nothing when it must be found out again."""
        return tuple(self.known) if self._keeper.clock.now() < self._since + FRESH else ()

    async def _look_up(self, address: str) -> Reply:
        try:
            (known,) = await self._keeper.ask(self._identity, [address])
        except StoreError as exc:
            return store_reply(exc)
        domain = address.rpartition("@")[2].lower()
        return self._answer(known, await self._keeper.null_mx(self._identity, [domain]))

    def _answer(self, known: Known, null_mx: frozenset[str] = frozenset()) -> Reply:
        refusal = self._keeper.welcome(self._identity, known, null_mx)
        if refusal is None:
            self.known.append(known)
            return OK_RCPT
        self._journal(refusal, known.address)
        return refusal

    def _journal(self, refusal: Reply, address: str = "") -> None:
        entry = self._door.refuse(self._identity, self._remote, self._sender, address, refusal)
        asyncio.ensure_future(entry)  # noqa: RUF006 - the unit itself lives in the writer's list

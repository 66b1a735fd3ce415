"""What is thought of again after a message was accepted: suppressions that came later, strangers who do not exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from goodstanding.admission import trust
from goodstanding.admission.suppression import Suppression, because, remedy, strongest
from goodstanding.events import Bounced, Event
from goodstanding.model import Reply
from goodstanding.operate.suppression import enter
from goodstanding.outside import Clock
from goodstanding.store import conduct, suppression
from goodstanding.store.db import Tx
from goodstanding.store.queue import Claimed, ClaimedRecipient


@dataclass(frozen=True, slots=True)
class Afterthoughts:
    """Asked in the writer's thread, within its transactions."""

    person_key: bytes
    clock: Clock

    def claimed(self, tx: Tx, claims: Sequence[Claimed]) -> list[Claimed]:
        """Claims as they should be carried out: who was suppressed meanwhile is returned to the sender."""
        asked = [(claim, one) for claim in claims for one in claim.recipients if one.bounce is None]
        key, now = self.person_key, self.clock.now()
        people = [
            (
                claim.identity.tenant,
                trust.person(key, claim.identity.tenant, one.recipient.address),
                trust.person(key, "", one.recipient.address),
            )
            for claim, one in asked
        ]
        stopped: dict[tuple[int, int], Reply] = {}
        for (claim, one), rows in zip(asked, suppression.among(tx, people), strict=True):
            found = strongest(rows, claim.identity.stream, now) if rows else None
            if found is not None:
                words = f"suppressed since this was accepted: {because(found)}; {remedy(found)}"
                stopped[claim.message, one.n] = Reply(550, "5.7.1", words)
        return [_marked(claim, stopped) for claim in claims] if stopped else list(claims)

    def settled(self, tx: Tx, events: Sequence[Event]) -> None:
        """Suppress for a while who does not exist, and tell the guard of strangers among them: bought lists have many.

        Mail that we ourselves kept from being attempted (`claimed`) names no host, and says nothing about a mailbox.
        """
        for event in events:
            if isinstance(event, Bounced) and event.hard and event.host:
                person = trust.person(self.person_key, event.tenant, event.recipient)
                conduct.bounced(tx, event.tenant, person, event.at)
                source = f"reply of {event.host.partition(' ')[0]}"
                row = Suppression(event.tenant, person, "", "bounced", source, event.at, address=event.recipient)
                enter(tx, [row], event.at)


def _marked(claim: Claimed, stopped: dict[tuple[int, int], Reply]) -> Claimed:
    def marked(one: ClaimedRecipient) -> ClaimedRecipient:
        reply = stopped.get((claim.message, one.n))
        return one if reply is None else structs.replace(one, bounce=reply)

    return structs.replace(claim, recipients=tuple(map(marked, claim.recipients)))

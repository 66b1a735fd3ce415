"""Verbs on quarantine: release, refuse, move; and what an operator decides about a whole campaign.

Like the verbs of the queue they work in batches, each one transaction with its journal entries. A verb whose terms
name nothing but a campaign decides about the campaign: messages that come later follow it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from goodstanding.admission.facts import DomainFacts
from goodstanding.errors import GoodstandingError
from goodstanding.events import Accepted, Event
from goodstanding.model import RANK, Identity, MessageId, Stream, message_name
from goodstanding.store import conduct, domains, estate, journal, people, quarantine, queue
from goodstanding.store.db import Database, Tx
from goodstanding.store.listing import FIRST_KEY, Key
from goodstanding.store.quarantine import Ending, Kept, Which
from goodstanding.store.spool import Spool
from goodstanding.wire.message import parse_header

BATCH = 500
"""Recipients changed in one transaction."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whom a verb concerns, who gives it, and why."""

    which: Which
    by: str
    because: str = ""
    told: Callable[[Sequence[Event]], None] = lambda events: None  # hears of the journal entries of every commit


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb came to."""

    changed: int = 0
    """Recipients that left quarantine."""
    campaign: int = 0
    """The campaign that was decided as a whole; 0: none was."""
    left: tuple[str, ...] = ()
    """Messages that stayed, and why."""


Watch = Callable[[int], None]
"""Told how many recipients are done after each batch."""


def unwatched(done: int) -> None:
    """Nobody looks."""


def release(database: Database, decision: Decision, watch: Watch = unwatched) -> Outcome:
    """Let recipients go on at once; a campaign released as a whole is not recognised or rationed any more."""

    def batch(tx: Tx, keys: list[Key], ending: Ending) -> list[Kept]:
        return conduct.let_go(tx, keys, ending)

    return _carry_out(database, decision, _Verb("released", "released", batch), watch)


def refuse(database: Database, decision: Decision, watch: Watch = unwatched) -> Outcome:
    """Give recipients back to their senders; what comes later of a campaign refused as a whole is refused at once."""
    why = f"refused by the operator: {decision.because}" if decision.because else "refused by the operator"

    def batch(tx: Tx, keys: list[Key], ending: Ending) -> list[Kept]:
        return quarantine.refuse(tx, keys, ending, why)

    return _carry_out(database, decision, _Verb("refused", "refused", batch), watch)


def undecide(database: Database, decision: Decision) -> Outcome:
    """Leave a campaign to the guard again; what is in quarantine stays there."""
    number = decision.which.campaign
    if number is None or not decision.which.whole_campaign:
        raise GoodstandingError("only a campaign can be left to the guard again: name it as campaign=ID")
    with database.tx() as tx:
        _decide(tx, number, "", Ending("undecided", decision.by, time.time(), decision.because))
    decision.told(tx.appended)
    return Outcome(0, number)


@dataclass(frozen=True, slots=True)
class _Verb:
    how: str
    state: str
    """What it makes of a campaign that is meant as a whole."""
    batch: Callable[[Tx, list[Key], Ending], list[Kept]]


def _carry_out(database: Database, decision: Decision, verb: _Verb, watch: Watch) -> Outcome:
    number = decision.which.campaign or 0
    whole = decision.which.whole_campaign
    if whole:  # first, so that nothing of it is quarantined behind our back
        with database.tx() as tx:
            _decide(tx, number, verb.state, _ending(decision, verb.how))
        decision.told(tx.appended)
    changed = 0
    for keys in _batches(database, decision.which):
        with database.tx() as tx:
            changed += len(verb.batch(tx, keys, _ending(decision, verb.how)))
        decision.told(tx.appended)
        watch(changed)
    return Outcome(changed, number if whole else 0)


def _decide(tx: Tx, number: int, state: str, ending: Ending) -> None:
    if not quarantine.decide_campaign(tx, number, state, ending):
        raise GoodstandingError(f"there is no campaign {number}; goodstanding quarantine list shows those that wait")


def _ending(decision: Decision, how: str) -> Ending:
    return Ending(how, decision.by, time.time(), decision.because)


def _batches(database: Database, which: Which) -> Iterator[list[Key]]:
    """Keys of what is meant; looking needs no write lock, so it does not hold up those who write."""
    last = FIRST_KEY
    while True:
        with database.read() as tx:
            keys: list[Key] = [(row.message, row.n) for row in quarantine.listing(tx, which, last, BATCH)]
        if not keys:
            return
        last = keys[-1]
        yield keys


# --- moving ----------------------------------------------------------------------------------------------------------


def move(database: Database, spool: Spool, decision: Decision, to: str, watch: Watch = unwatched) -> Outcome:
    """Give messages to another subscription of their tenant, and release them there.

    A message that cannot go stays, the reason is in the outcome. GoodstandingError when there is no such subscription.
    """
    with database.read() as tx:
        target = estate.subscription(tx, to)
    if target is None:
        raise GoodstandingError(f"there is no subscription {to}; goodstanding subscription list shows them")
    changed, left, seen = 0, [], set[MessageId]()
    moved = replace(decision, because=f"to {to}" + (f", {decision.because}" if decision.because else ""))
    for keys in _batches(database, decision.which):
        for message in dict.fromkeys(MessageId(message) for message, _ in keys):
            if message in seen:
                continue
            seen.add(message)
            with database.tx() as tx:
                objection = _objection(tx, spool, message, decision.which, target)
                if not objection:
                    changed += len(_reassign(tx, message, target, _ending(moved, "moved")))
            decision.told(tx.appended)
            left += [f"{message_name(message)}: {objection}"] if objection else []
        watch(changed)
    return Outcome(changed, 0, tuple(left))


def _reassign(tx: Tx, message: MessageId, target: Identity, ending: Ending) -> list[Kept]:
    held = quarantine.listing(tx, Which(message=message), FIRST_KEY, BATCH * 100)
    quarantine.reassign(tx, message, target.subscription, target.stream.value, RANK[target.stream])
    return quarantine.release(tx, [(row.message, row.n) for row in held], ending)


def _objection(tx: Tx, spool: Spool, message: MessageId, which: Which, target: Identity) -> str:
    """Why a message cannot be the target's; empty: it can."""
    held = quarantine.count(tx, Which(message=message))
    if not held:
        return "it has left quarantine meanwhile"
    chosen = quarantine.count(tx, Which(which.campaign, message, which.tenant, which.subscription, which.recipient))
    if chosen < held or quarantine.others_of(tx, message):
        return "only whole messages move, and other recipients of it are not meant or already under way; refuse these"
    told = next((event for event in journal.of_message(tx, message) if isinstance(event, Accepted)), None)
    if told is None:
        return "the journal does not know who sent it any more; refuse it and have it sent anew"
    if told.tenant != target.tenant:
        return f"it is tenant {told.tenant}'s, and {target.subscription} is not"
    if told.subscription == target.subscription:
        return f"it is {target.subscription}'s already; release it"
    domain = _claim(tx, told.header_from.rpartition("@")[2].lower())
    return (
        _wrong_stream(domain, told, target)
        or _without_permission(tx, message, target)
        or _without_way_out(tx, spool, message, told, target)
    )


def _claim(tx: Tx, name: str) -> DomainFacts | None:
    """The claim on a domain or the nearest above it."""
    while "." in name:
        found = domains.claimed(tx, name)
        if found:
            return found[0].facts
        name = name.partition(".")[2]
    return None


def _wrong_stream(domain: DomainFacts | None, told: Accepted, target: Identity) -> str:
    wanted = f"refuse it, and have it sent from a domain of stream {target.stream.value}"
    if domain is None or domain.tenant != target.tenant:
        return f"its From address {told.header_from} is in no domain of tenant {target.tenant}; {wanted}"
    if domain.stream != target.stream:
        has = f"is for {domain.stream} mail" if domain.stream else "is not given to a stream"
        sends = f"{target.subscription} sends {target.stream.value} mail"
        return f"its From domain {domain.name} {has}, and {sends}; {wanted}"
    return ""


def _without_permission(tx: Tx, message: MessageId, target: Identity) -> str:
    """Who may not be written to on the target's stream."""
    held = quarantine.listing(tx, Which(message=message), FIRST_KEY, BATCH)
    terms, now = estate.view(tx).subscriptions[target.subscription].terms, time.time()
    # Without the platform's key of a person: suppression is looked at once more when the message is claimed.
    known = people.read(tx, target.tenant, target.stream, [(row.recipient, row.person, b"") for row in held])
    for one in known:
        if not (grant := one.facts(terms, now).grant).allowed:
            return f"{one.address}: {grant.because}; {grant.remedy or 'refuse it'}"
    return ""


def _without_way_out(tx: Tx, spool: Spool, message: MessageId, told: Accepted, target: Identity) -> str:
    """Bulk and outreach must carry one click; headers are not added after signing."""
    if target.stream is Stream.TRANSACTIONAL or told.stream == target.stream:
        return ""
    place = queue.place_of(tx, message)
    octets = b"".join(spool.read(message, place, tx)) if place else b""
    if parse_header(octets).count("list-unsubscribe-post"):
        return ""
    return f"it has no one-click unsubscribe, which {target.stream.value} mail needs; refuse it and have it sent anew"

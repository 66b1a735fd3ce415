"""From the answers of one attempt to what is recorded of it: settlements for the queue, and whom to notify.

Pure. A failure is tried again or given up by `queue.schedule`; a notice is due when the sender asked for it or did not
say otherwise (RFC 3461 §4.1), never for a null return path (RFC 5321 §6.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from goodstanding.delivery.classify import classify_reply
from goodstanding.delivery.outcome import Bounced as BouncedOutcome
from goodstanding.delivery.outcome import Delivered as DeliveredOutcome
from goodstanding.delivery.outcome import Outcome
from goodstanding.events import Bounced, Deferred, DelayWarned, Delivered, Event
from goodstanding.model import NOTHING_TOUCHED, MessageId, Notify, Recipient, Reply, Touched, accepted_at
from goodstanding.queue.schedule import GiveUp, Patience, next_try
from goodstanding.wire.dsn import Action, DsnRecipient

REPLY_LIMIT = 1000
"""Characters of a remote reply that are kept in the journal and the queue."""


class Attempted(Struct, frozen=True, gc=False):
    """One recipient with the outcome of its attempt."""

    n: int
    recipient: Recipient
    attempts: int
    warned: bool
    outcome: Outcome


class Circumstances(Struct, frozen=True, gc=False):
    """Where and how the attempt was made."""

    message: MessageId
    tenant: str
    sender: str
    host: str
    """``mx1.example.net [203.0.113.7]``; empty when none was reached."""
    tls: str
    source: str
    passed_on: bool
    """The next hop took over the duty to notify of success (it offers DSN)."""
    now: float
    touched: Touched = NOTHING_TOUCHED


class Ruling(Struct, frozen=True, gc=False):
    """What is to be recorded for one recipient."""

    n: int
    final: bool
    due: float
    reply: str
    warned: bool
    event: Event | None
    """None: nothing happened worth a line; it was not tried."""
    more: tuple[Event, ...] = ()
    notice: DsnRecipient | None = None
    """What to tell the sender."""
    unbook: bool = False
    """The attempt that was booked was not made."""


def rule(
    attempted: Sequence[Attempted], circumstances: Circumstances, patience: Patience, jitter: float
) -> list[Ruling]:
    """A ruling for each recipient of an attempt."""
    return [_rule_one(one, circumstances, patience, jitter) for one in attempted]


def postpone(
    waiting: Sequence[Attempted], circumstances: Circumstances, patience: Patience, until: float
) -> list[Ruling]:
    """A ruling for each recipient whose lane is closed until then: not tried, so no attempt is counted.

    A message whose time is up is given up nevertheless, with the words that closed the lane.
    """
    rulings: list[Ruling] = []
    for one in waiting:
        ruling = _rule_one(one, circumstances, patience, 1.0)
        if not ruling.final:
            event = ruling.event if ruling.notice else None
            ruling = structs.replace(ruling, due=min(until, ruling.due), event=event, unbook=True)
        rulings.append(ruling)
    return rulings


def _rule_one(one: Attempted, about: Circumstances, patience: Patience, jitter: float) -> Ruling:
    outcome, recipient = _shortened(one.outcome), one.recipient
    if isinstance(outcome, DeliveredOutcome):
        return _delivered(one, about, outcome.reply)
    if isinstance(outcome, BouncedOutcome):
        return _bounced(one, about, outcome, expired=False)
    step = next_try(patience, one.attempts, about.now - accepted_at(about.message), about.now, jitter)
    if isinstance(step, GiveUp):
        return _bounced(one, about, BouncedOutcome(outcome.reply, outcome.reach), expired=True)
    event = Deferred(
        *(about.tenant, about.message, one.n, about.now, recipient.address, about.host, str(outcome.reply)),
        *(outcome.reach, one.attempts, step.due, about.source, about.touched),
        klass=classify_reply(outcome.reply).klass.value,
    )
    warn = step.warn and not one.warned and wants(recipient, "DELAY", about.sender)
    if not warn:
        return Ruling(one.n, False, step.due, str(outcome.reply), one.warned, event)
    until = accepted_at(about.message) + patience.give_up_after
    warning = DelayWarned(about.tenant, about.message, one.n, about.now, recipient.address)
    notice = _notice(one, about, "delayed", outcome.reply, _status(outcome.reply, "4"), until)
    return Ruling(one.n, False, step.due, str(outcome.reply), True, event, (warning,), notice)


def _shortened(outcome: Outcome) -> Outcome:
    """The outcome with no more of the remote's words than somebody will read: they are kept for every recipient."""
    reply = outcome.reply
    if len(reply.text) <= REPLY_LIMIT:
        return outcome
    return structs.replace(outcome, reply=structs.replace(reply, text=f"{reply.text[:REPLY_LIMIT]} ..."))


def _delivered(one: Attempted, about: Circumstances, reply: Reply) -> Ruling:
    event = Delivered(
        *(about.tenant, about.message, one.n, about.now, one.recipient.address, about.host, str(reply), about.tls),
        *(one.attempts, round(about.now - accepted_at(about.message), 3), about.source, about.touched),
    )
    notice = None
    if "SUCCESS" in one.recipient.notify and not about.passed_on and about.sender:
        notice = _notice(one, about, "relayed", reply, "2.0.0", None)
    return Ruling(one.n, True, 0.0, "", one.warned, event, (), notice)


def _bounced(one: Attempted, about: Circumstances, outcome: BouncedOutcome, *, expired: bool) -> Ruling:
    told = wants(one.recipient, "FAILURE", about.sender)
    means = classify_reply(outcome.reply)
    hard = means.hard and outcome.reach == "recipient" and not expired
    event = Bounced(
        *(about.tenant, about.message, one.n, about.now, one.recipient.address, about.host, str(outcome.reply)),
        *(outcome.reach, one.attempts, expired, told, about.source, about.touched),
        klass=means.klass.value,
        hard=hard,
    )
    status = "4.4.7" if expired else _status(outcome.reply, "5")  # RFC 3463 §3.5: delivery time expired
    notice = _notice(one, about, "failed", outcome.reply, status, None) if told else None
    return Ruling(one.n, True, 0.0, str(outcome.reply), one.warned, event, (), notice)


def wants(recipient: Recipient, what: Notify, sender: str) -> bool:
    """Whether the sender is to be told of this."""
    if not sender:
        return False
    return what in recipient.notify if recipient.notify else what in ("FAILURE", "DELAY")


def _status(reply: Reply, klass: str) -> str:
    """The enhanced code of a reply, with the class of our judgement."""
    return klass + reply.enhanced[1:] if reply.enhanced else f"{klass}.0.0"


def _notice(
    one: Attempted, about: Circumstances, action: Action, reply: Reply, status: str, until: float | None
) -> DsnRecipient:
    recipient = one.recipient
    return DsnRecipient(recipient.address, recipient.orcpt, action, reply, status, about.host, about.now, until)

"""Why a message was accepted, held or refused: every finding, from the journal; and what each slug means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from goodstanding.admission.facts import STRICTNESS, Action, Finding
from goodstanding.admission.reasons import REASONS, Reason, reason
from goodstanding.enforcement.reasons import ORDER_REASONS
from goodstanding.errors import GoodstandingError
from goodstanding.events import Accepted, Event, Judged, Quarantined, QuarantineEnded, Refused
from goodstanding.model import NO_MESSAGE, MessageId, message_name, parse_message_name
from goodstanding.store import journal
from goodstanding.store.db import Database, Tx

Fate = Literal["accepted", "held", "refused", "deferred", "released", "returned"]


@dataclass(frozen=True, slots=True)
class Explained:
    """What admission made of one recipient of one message."""

    message: str
    """Name of the message; empty when it never became one."""
    recipient: str
    subscription: str
    stream: str
    sender: str
    header_from: str
    subject: str
    at: float
    fate: Fate
    because: str
    """What happened, in one sentence."""
    shadow: bool
    """The findings were not applied."""
    would_be: Action
    findings: tuple[Finding, ...]
    """The strictest first."""


def reasons() -> Mapping[str, Reason]:
    """Every reason by slug: of admission in the order of the rules, then of orders in that of the ladder."""
    return {**REASONS, **ORDER_REASONS}


def meaning(slug: str) -> Reason:
    """What a slug means; GoodstandingError names the nearest when there is none."""
    return reason(slug, reasons())


def why(database: Database, what: str, limit: int = 20, tenant: str = "") -> list[Explained]:
    """What admission found about a message, or about the newest messages to a recipient, oldest first.

    ``tenant``: only about mail of theirs. GoodstandingError when the journal knows neither.
    """
    message = parse_message_name(what)
    with database.read() as tx:
        found = _of_recipient(tx, what, limit, tenant) if message is None else _of_message(tx, message, "", tenant)
    if not found:
        raise GoodstandingError(f"the journal knows nothing of {what}: name a message id or the address of a recipient")
    return found


def _of_recipient(tx: Tx, address: str, limit: int, tenant: str) -> list[Explained]:
    known = dict.fromkeys(message for message in journal.messages_to(tx, address, limit, tenant) if message)
    found = [one for message in known for one in _of_message(tx, message, address, tenant)]
    refusals = journal.refusals_of(tx, address, limit, tenant)
    turned_away = [_refusal(event) for event in refusals if isinstance(event, Refused)]
    return sorted([*found, *turned_away], key=lambda one: one.at)[-limit:]


def _of_message(tx: Tx, message: MessageId, only: str, tenant: str) -> list[Explained]:
    """One entry for each recipient, or only for those with an address."""
    events = journal.of_message(tx, message, tenant) if message != NO_MESSAGE else []
    explained = [_acceptance(event, events) for event in events if isinstance(event, Accepted)]
    explained += [_refusal(event) for event in events if isinstance(event, Refused)]
    return [one for one in explained if not only or one.recipient.lower() == only.lower()]


def _acceptance(told: Accepted, events: Sequence[Event]) -> Explained:
    """The story of one recipient, as far as admission goes."""
    findings, shadow, because = list[Finding](), False, told.because or "admission was off, or it is a notice of ours"
    fate: Fate = "accepted"
    for event in events:
        match event:
            case Judged() if not event.recipient or event.n == told.n:
                findings += _about(event.findings, told.recipient)
                shadow = shadow or event.shadow
                because = f"{because}; in shadow mode findings are not applied" if shadow else because
            case Quarantined() if event.n == told.n:
                findings += _about(event.findings, told.recipient)
                fate, because = "held", "it waits in quarantine until evidence or an operator releases it"
            case QuarantineEnded() if event.n == told.n:
                fate = "released" if event.how in ("released", "moved") else "returned"
                because = f"{event.how} by {event.by}" + (f": {event.because}" if event.because else "")
            case _:
                pass
    ordered = _ordered(findings)
    names = (message_name(told.message), told.recipient, told.subscription, told.stream, told.sender)
    mail = (told.header_from, told.subject, told.at)
    return Explained(*names, *mail, fate, because, shadow, _strictest(ordered), ordered)


def _refusal(told: Refused) -> Explained:
    findings = _ordered(_about(told.findings, told.recipient))
    fate: Fate = "deferred" if told.reply.startswith("4") else "refused"
    name = message_name(told.message) if told.message else ""
    return Explained(
        *(name, told.recipient, told.subscription, "", told.sender, "", "", told.at),
        *(fate, told.reply, False, _strictest(findings), findings),
    )


def _about(findings: str, recipient: str) -> list[Finding]:
    """Findings of a journal entry that concern a recipient, or everybody."""
    found = msgspec.json.decode(findings or "[]", type=list[Finding])
    return [one for one in found if one.recipient.lower() in ("", recipient.lower()) or not recipient]


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each once, the strictest first."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda one: -STRICTNESS[one.action]))


def _strictest(ordered: Sequence[Finding]) -> Action:
    return ordered[0].action if ordered else Action.ACCEPT

"""Events of the journal as a person would tell them."""

from __future__ import annotations

from typing import assert_never

import msgspec

from goodstanding.admission.facts import Finding
from goodstanding.cli.terminal import octets, span
from goodstanding.events import (
    Accepted,
    Bounced,
    Deferred,
    DelayWarned,
    Delivered,
    DomainChecked,
    Dropped,
    EstateChanged,
    Event,
    Held,
    Judged,
    Quarantined,
    QuarantineEnded,
    Refused,
    Released,
    Retried,
    Suppressed,
    Unsubscribed,
    Unsuppressed,
)
from goodstanding.evidence import (
    Complained,
    Engaged,
    LadderMoved,
    Measured,
    OrderEnded,
    OrderIssued,
    Returned,
    Reviewed,
    Unmatched,
)

ASIDE = (
    *(Judged, Suppressed, Unsuppressed, Unsubscribed, DomainChecked, EstateChanged),
    *(Complained, Engaged, Unmatched, Measured, LadderMoved, OrderIssued, OrderEnded, Reviewed),
)
"""Events that do not move a recipient: a delivered message stays so when its reader unsubscribes."""


def words(event: Event) -> str:
    """What happened, in one sentence; the reply of another server is quoted as it was given."""
    match event:
        case Accepted():
            return _accepted(event)
        case Refused():
            return f"refused from {event.remote}: {event.reply}"
        case Delivered():
            tls = f" over {event.tls.split(' ')[0]}" if event.tls else " without TLS"
            again = f", attempt {event.attempts}" if event.attempts > 1 else ""
            return f"{event.host} took it{tls}{again}, {span(event.delay)} after acceptance: {event.reply}"
        case Deferred():
            at = f" by {event.host}" if event.host else ""
            return f"attempt {event.attempts} put off{at}, next in {span(event.due - event.at)}: {event.reply}"
        case Bounced():
            return _bounced(event)
        case DelayWarned():
            return "the sender was told that delivery is late"
        case Held() | Dropped():
            verb = "held" if isinstance(event, Held) else "dropped"
            return f"{verb} by {event.by}" + (f", because {event.because}" if event.because else "")
        case Released():
            return f"released by {event.by}"
        case Retried():
            return f"{event.by} asked for an attempt at once"
        case Returned() | Complained() | Engaged() | Unmatched() | Measured():
            return _of_what_came_back(event)
        case LadderMoved() | OrderIssued() | OrderEnded() | Reviewed():
            return _of_enforcement(event)
        case _:
            return _of_trust(event)


TrustEvent = (
    Quarantined | Judged | QuarantineEnded | Suppressed | Unsuppressed | Unsubscribed | DomainChecked | EstateChanged
)


def _of_trust(event: TrustEvent) -> str:
    """What admission, recipients and operators did."""
    match event:
        case Quarantined():
            return f"quarantined: {reasons(event.findings)}"
        case Judged():
            if event.action == "quarantine" and not event.shadow:  # told in full of each recipient that is held
                return f"judged: {slugs(event.findings)}"
            return f"{'would be: ' if event.shadow else ''}{event.action}: {reasons(event.findings)}"
        case QuarantineEnded():
            return f"out of quarantine, {event.how} by {event.by}" + (f": {event.because}" if event.because else "")
        case Suppressed():
            return f"suppressed for the {event.scope}: {event.cause}, says {event.source}"
        case Unsuppressed():
            why = f", because {event.because}" if event.because else ""
            return f"no longer suppressed for the {event.scope}, by {event.by}{why}"
        case Unsubscribed():
            return f"unsubscribed from {event.stream} by {event.way}"
        case DomainChecked():
            return f"{event.domain} is {event.state}" + (f": {event.because}" if event.because else "")
        case EstateChanged():
            return f"{event.by} changed {event.what}: {event.change}"
        case _:
            assert_never(event)


def _of_what_came_back(event: Returned | Complained | Engaged | Unmatched | Measured) -> str:
    """What recipients and their providers reported."""
    match event:
        case Returned():
            kind = "hard" if event.hard else "soft"
            return f"sent back afterwards, {event.klass} ({kind}): {event.reply}"
        case Complained():
            return f"complaint ({event.kind}), reported by {event.reporter or 'somebody'}"
        case Engaged():
            return f"{event.how} by a {event.by}" + (f": {event.target}" if event.target else "")
        case Unmatched():
            return f"a report of {event.reporter or 'somebody'} changed nothing: {event.because}"
        case Measured():
            return f"{event.provider} says of {event.key}: {event.because}"
        case _:
            assert_never(event)


def _of_enforcement(event: LadderMoved | OrderIssued | OrderEnded | Reviewed) -> str:
    """What was done about it."""
    match event:
        case LadderMoved():
            went = "would have gone, but for shadow," if event.shadow else "went"
            return f"{event.key} {went} from {event.came_from} to {event.rung}, by {event.by}: {event.because}"
        case OrderIssued():
            said = "would have been ordered for" if event.shadow else "ordered for"
            return f"{said} {event.key}: {event.what}" + (f", because {event.because}" if event.because else "")
        case OrderEnded():
            return f"no longer ordered for {event.key}: {event.what}, because {event.because}"
        case Reviewed():
            return f"review of {event.key} {event.step} by {event.by}: {event.because}"
        case _:
            assert_never(event)


def slugs(findings: str) -> str:
    """The names of findings, each once."""
    found = msgspec.json.decode(findings or "[]", type=list[Finding])
    return ", ".join(dict.fromkeys(one.slug for one in found))


def reasons(findings: str) -> str:
    """Findings as they stand in the journal, as text."""
    found = msgspec.json.decode(findings or "[]", type=list[Finding])
    return "; ".join(f"{one.because} [{one.slug}]; {one.remedy}" for one in found)


def _accepted(event: Accepted) -> str:
    """Who handed what in."""
    if event.notice_for:
        return f"we wrote a notice about {event.notice_for} ({octets(event.size)})"
    subject = f"“{event.subject}” " if event.subject else ""
    return (
        f"{subject}from {event.remote or 'this machine'} for {event.subscription} ({event.stream}), "
        f"{octets(event.size)}, return path <{event.sender}>"
    )


def _bounced(event: Bounced) -> str:
    """Why it was given up, and whether the sender knows."""
    told = "; the sender was told" if event.notified else ""
    if event.expired:
        last = f", the last by {event.host}" if event.host else ""
        return f"given up after {event.attempts} attempts{last}{told}: {event.reply}"
    return f"{f'refused for good by {event.host}' if event.host else 'undeliverable'}{told}: {event.reply}"


def fate(events: list[Event]) -> str:
    """Where the story of one recipient stands, in one word."""
    last = next((event for event in reversed(events) if not isinstance(event, ASIDE)), events[-1])
    match last:
        case Bounced():
            return "expired" if last.expired else "bounced"
        case Held():
            return "held"
        case Accepted() | Released() | Retried() | DelayWarned():
            return "waiting"
        case Deferred():
            return "deferred"
        case Delivered() | Dropped() | Refused() | Quarantined() | Returned():
            return type(last).__name__.lower()
        case QuarantineEnded():
            return "refused" if last.how in ("refused", "expired") else "waiting"
        case _:
            return "waiting"

"""Events of the journal as a person would tell them."""

from __future__ import annotations

from typing import assert_never

from goodstanding.cli.terminal import octets, span
from goodstanding.events import (
    Accepted,
    Bounced,
    Deferred,
    DelayWarned,
    Delivered,
    Dropped,
    Event,
    Held,
    Refused,
    Released,
    Retried,
)

FINAL = (Delivered, Bounced, Dropped)
"""Events after which a recipient waits no more."""


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
        case _:
            assert_never(event)


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
    last = events[-1]
    match last:
        case Bounced():
            return "expired" if last.expired else "bounced"
        case Held():
            return "held"
        case Accepted() | Released() | Retried() | DelayWarned():
            return "waiting"
        case Deferred():
            return "deferred"
        case Delivered() | Dropped() | Refused():
            return type(last).__name__.lower()
        case _:
            assert_never(last)

"""What the SMTP replies of mailbox providers make us do: pause or pace one lane for a while, and blame nobody yet.

A provider that says "too much" or "your address is blocked" speaks of an egress address or a domain, and of mail to
itself. So the order is about that key and that provider only, it ends by itself, and each one that follows soon after
is twice as long. The key is watched meanwhile; who sent the mail is judged by their own evidence alone.
"""

from __future__ import annotations

from msgspec import Struct, structs

from goodstanding.enforcement.ladder import Cause, Position, step
from goodstanding.enforcement.orders import Order, What
from goodstanding.enforcement.policy import DAY, Policy
from goodstanding.enforcement.trigger import SYSTEM, Move
from goodstanding.enforcement.words import named, per_hour
from goodstanding.model import Key, Reach

BLOCKED_LEAST, BLOCKED_SHARE = 3, 0.1
"""Refusals for reputation, and their share of all attempts, that count as being blocked: one may be a stray rule."""
SLOWED_LEAST, SLOWED_SHARE = 5, 0.1
"""The same for replies that ask for less at a time; delivery itself slows down at the first (`delivery.shaping`)."""
FIRST = 1_800.0
"""Seconds of a first pause: delisting by providers takes hours, but half an hour shows whether it was a burst."""
LONGEST = 0.5 * DAY
REMEMBERED = 1 * DAY
"""Seconds after its end within which a pause makes the next one longer."""
LEAST_RATE = 60.0
"""Recipients an hour that a paced lane keeps, so that it can show that it is welcome again."""


class LaneReplies(Struct, frozen=True, gc=False):
    """How one provider answered mail of one address or domain during a while."""

    key: Key
    """``ip:203.0.113.7`` or ``domain:shop.example``: whom the replies blame."""
    provider: str
    span: float = 3_600.0
    """Seconds over which it was counted."""
    attempts: int = 0
    delivered: int = 0
    blocked: int = 0
    slowed: int = 0
    reply: str = ""
    """The latest that blocked or slowed."""


def with_reply(seen: LaneReplies, klass: str, reach: Reach, reply: str) -> LaneReplies:
    """The count with one failed attempt more; ``klass`` is its class (`model.BounceClass`)."""
    blocked = klass == "reputation" or (klass == "policy" and reach == "lane")
    slowed = klass == "rate-limit" and not blocked
    return structs.replace(
        seen,
        attempts=seen.attempts + 1,
        blocked=seen.blocked + blocked,
        slowed=seen.slowed + slowed,
        reply=reply if blocked or slowed else seen.reply,
    )


def with_delivery(seen: LaneReplies) -> LaneReplies:
    """The count with one delivery more."""
    return structs.replace(seen, attempts=seen.attempts + 1, delivered=seen.delivered + 1)


def provider_cause(seen: LaneReplies) -> Cause | None:
    """What the replies amount to; None: nothing that the usual retries do not cure."""
    attempts = max(1, seen.attempts)
    if seen.blocked >= BLOCKED_LEAST and seen.blocked >= BLOCKED_SHARE * attempts:
        return Cause.PROVIDER_BLOCKED
    if seen.slowed >= SLOWED_LEAST and seen.slowed >= SLOWED_SHARE * attempts:
        return Cause.PROVIDER_SLOWED
    return None


def provider_moves(
    position: Position, seen: LaneReplies, before: Order | None, now: float, policy: Policy
) -> list[Move]:
    """What to do about the replies: at most one order for that key and provider.

    ``before``: the latest order about them, in force or ended; one in force is not given again.
    """
    cause = provider_cause(seen)
    given = before is not None and not before.ended(now) and before.shadow is position.shadow
    if cause is None or given:
        return []
    because = f"{seen.provider} answered {seen.blocked + seen.slowed} of {seen.attempts} attempts with: {seen.reply}"
    after = step(position, cause, now)
    if after is not None:
        after = structs.replace(after, because=because, by=SYSTEM)
    order = _order(position, seen, cause, now + _length(before, now), because)
    order = structs.replace(order, issued=now, link=policy.link(position.account))
    return [Move(position, after or position, SYSTEM, cause.value, because, (order,), adds=True)]


def _order(position: Position, seen: LaneReplies, cause: Cause, until: float, because: str) -> Order:
    account = position.account
    about = f"{named(account)}: mail to {seen.provider}"
    if cause is Cause.PROVIDER_BLOCKED:
        what, rate, slug, means = What.HOLD, 0.0, "provider-paused", "waits for a while"
    else:
        rate = max(LEAST_RATE, seen.delivered / (2 * seen.span) * 3_600)
        what, slug, means = What.PACE, "provider-paced", f"is slowed to {per_hour(rate)} for a while"
    return Order(
        *(account.key, account.tenant, account.stream, what),
        rate=rate,
        until=until,
        words=f"{about} {means}: {because}",
        slug=slug,
        provider=seen.provider,
        shadow=position.shadow,
    )


def _length(before: Order | None, now: float) -> float:
    """Seconds of the next pause: doubled when the last one ended not long ago."""
    if before is None or now - before.until > REMEMBERED:
        return FIRST
    return min(LONGEST, 2 * (before.until - before.issued))

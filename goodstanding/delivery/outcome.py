"""What an answer means: delivered, to be tried again, or given up; and how far the blame reaches.

After Postfix's smtp_trouble. What the words and codes of a refusal mean is in `classify`; here stands what follows for
the attempt, where a stage or a basic code may narrow the reach. Reach decides who is slowed:

- ``recipient``: nobody else; this mailbox is the trouble.
- ``message``: nobody else; this message or its sender is the trouble.
- ``host``: this destination is out of order; another exchanger may do.
- ``lane``: the destination objects to *us*: our address, our reputation or our speed.
"""

from __future__ import annotations

from msgspec import Struct

from goodstanding.delivery.classify import classify_reply
from goodstanding.errors import LocalProtocolError
from goodstanding.model import BounceClass, NetworkFailure, Reach, Reply


class Delivered(Struct, frozen=True, gc=False):
    """The remote server took responsibility."""

    reply: Reply


class Deferred(Struct, frozen=True, gc=False):
    """Not now; to be tried again. The reply may be a 5xx where another try can go better (a greeting, a login)."""

    reply: Reply
    reach: Reach


class Bounced(Struct, frozen=True, gc=False):
    """Refused for good."""

    reply: Reply
    reach: Reach


Outcome = Delivered | Deferred | Bounced

OPENING = frozenset(("dns", "connect", "greeting", "hello", "tls", "auth"))
"""Stages before any message is named: whatever fails here is about the host."""

ENHANCED_OF_FAILURE = {"dns": "4.4.3", "connect": "4.4.1", "tls": "4.7.5"}
"""RFC 3463 codes for conversations that ended without a reply; every other stage is 4.4.2, connection lost."""

OUT_OF_ORDER = frozenset(("4.3.1", "4.3.2", "4.4.5"))
"""Mail system full, not accepting messages, congested (RFC 3463 §3.4-3.5): said of a message, meant for all."""


def judge(answer: Reply | NetworkFailure, stage: str) -> Outcome:
    """What the last answer for a recipient, heard at ``stage``, makes of the attempt."""
    if isinstance(answer, NetworkFailure):
        # Lost in the middle of a message, perhaps because of it: whoever keeps count of the lane may still be wary.
        return Deferred(failure_reply(answer), "host" if answer.stage in OPENING else "message")
    if answer.positive:
        if stage != "final":
            raise LocalProtocolError(f"{answer} at {stage} settles nothing: only the final reply delivers")
        return Delivered(answer)
    if stage in OPENING:
        # Postfix: a 5xx greeting or login is about this host, now; the mail must not pay for it.
        against_us = _is_policy(answer) or classify_reply(answer, stage).reach == "lane"
        return Deferred(answer, "lane" if against_us else "host")
    if answer.transient:
        return Deferred(answer, _reach_of_transient(answer, stage))
    return Bounced(answer, _reach_of_permanent(answer, stage))


def failure_reply(failure: NetworkFailure) -> Reply:
    """The reply we give ourselves for a conversation that ended without one."""
    return Reply(451, ENHANCED_OF_FAILURE.get(failure.stage, "4.4.2"), failure.text)


def wants_another_transaction(answer: Reply | NetworkFailure) -> bool:
    """The server takes this recipient, but not in the same transaction (RFC 5321 §4.5.3.1.10)."""
    if isinstance(answer, NetworkFailure) or answer.code not in (452, 552):
        return False
    return answer.enhanced[1:] == ".5.3" or (not answer.enhanced and "too many" in answer.text.lower())


def _reach_of_transient(reply: Reply, stage: str) -> Reach:
    klass, _, reach = classify_reply(reply, stage)
    if klass is BounceClass.GREYLISTED:
        return "recipient"
    if reach == "lane" or _is_policy(reply):
        return "lane"
    if reply.code == 421 or reply.enhanced in OUT_OF_ORDER:
        return "host"
    return "recipient" if stage == "rcpt" else "message"


def _reach_of_permanent(reply: Reply, stage: str) -> Reach:
    if classify_reply(reply, stage).reach == "lane":
        return "lane"
    return "recipient" if stage == "rcpt" and not _is_policy(reply) else "message"


def _is_policy(reply: Reply) -> bool:
    return reply.enhanced[1:4] == ".7."

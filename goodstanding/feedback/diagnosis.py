"""From what a report quotes to what it means: the reply that tells most, judged as delivery would have judged it."""

from __future__ import annotations

from msgspec import Struct

from goodstanding.delivery.classify import MEANINGS, classify_reply, classify_words
from goodstanding.feedback.quoted import Quoted, stage_of, worst
from goodstanding.model import BounceClass, Reach, Reply

VAGUE = frozenset((BounceClass.UNDETERMINED, BounceClass.POLICY, BounceClass.EXPIRED, BounceClass.SYSTEM))
"""Classes that more words may still make precise."""

OF_ADDRESSES = frozenset((551, 553))
"""Basic codes that RFC 5321 §4.3.2 knows of commands that name an address, and not of DATA."""


class Diagnosis(Struct, frozen=True, gc=False):
    """What one recipient's failure comes to."""

    klass: BounceClass = BounceClass.UNDETERMINED
    hard: bool = False
    reach: Reach = "recipient"
    status: str = ""
    code: int = 0
    reply: str = ""


def diagnose(text: str, status: str = "", failed: bool = True, stage: str = "") -> Diagnosis:
    """What a diagnostic text and a status mean, together; ``stage`` as other words of the report tell it.

    Without ``failed`` something will still be tried, and nothing is hard.
    """
    found = worst(text)
    reply = _completed(found, text, status)
    stage = (found.stage if found is not None else stage_of(text)) or stage
    judged = classify_reply(reply, stage)
    if judged.klass is BounceClass.UNDETERMINED and (words := classify_words(text)) is not None:
        judged = words._replace(hard=words.hard and reply.permanent)
    return Diagnosis(
        klass=judged.klass,
        hard=failed and judged.hard and _confirmed(judged.klass, reply, stage),
        reach=judged.reach,
        status=reply.enhanced or status,
        code=found.reply.code if found is not None and found.full else 0,
        reply=" ".join(str(found.reply).split() if found is not None and found.full else text.split())[:500],
    )


def diagnose_reply(text: str) -> Diagnosis:
    """What one SMTP reply means that somebody noted down: as `diagnose`; words that quote no reply are believed."""
    found = worst(text)
    reply = _completed(found, text, "")
    judged = classify_reply(reply, found.stage if found is not None else stage_of(text))
    hard = judged.hard and (found is None or _confirmed(judged.klass, reply, found.stage))
    code = found.reply.code if found is not None and found.full else 0
    return Diagnosis(judged.klass, hard, judged.reach, reply.enhanced, code, " ".join(text.split())[:500])


def _confirmed(klass: BounceClass, reply: Reply, stage: str) -> bool:
    """Whether more than words speaks for it: a report is hearsay, and a false hard bounce costs somebody their mail.

    An unknown user takes a code about addresses, or that it was RCPT that was refused.
    """
    if klass is not BounceClass.NO_SUCH_USER or stage == "rcpt":
        return True
    return reply.enhanced[1:4] in (".1.", ".4.") or reply.code in OF_ADDRESSES


def refined(first: Diagnosis, words: str) -> Diagnosis:
    """A diagnosis that said little, with what other words of the report say; under a status of delay it stays soft."""
    if first.klass not in VAGUE:
        return first
    second = diagnose(words)
    if second.klass in VAGUE and first.klass is not BounceClass.UNDETERMINED:
        return first
    hard = MEANINGS[second.klass].hard and second.hard and first.status[:1] != "4"
    return Diagnosis(
        second.klass,
        hard,
        second.reach,
        first.status if specific(first.status) else second.status or first.status,
        first.code or second.code,
        first.reply or second.reply,
    )


def specific(status: str) -> bool:
    """Whether an enhanced code says more than that something happened."""
    return bool(status) and not status.endswith(".0.0")


def _completed(found: Quoted | None, text: str, status: str) -> Reply:
    """The quoted reply with the report's status where it has none of its own; without a reply, the words under it."""
    if found is None:
        return Reply(450 if status.startswith("4") else 550, status, text)
    enhanced = found.reply.enhanced
    if not specific(enhanced) and (specific(status) or not enhanced):
        enhanced = status
    return Reply(found.reply.code, enhanced, found.reply.text)

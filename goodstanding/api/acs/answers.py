"""Verdicts as ACS says them: status, code, message; and in the details every reason with its remedy."""

from __future__ import annotations

from msgspec import Struct

from goodstanding.admission.facts import Action, Finding
from goodstanding.api.acs.shapes import Detail, Envelope, Fate, Result, Trouble, encode
from goodstanding.store.operations import Operation
from goodstanding.submission.accept import Refused
from goodstanding.submission.operation import Document, Reason, decoded

HELD_RETRY = 60
"""Seconds until it is worth asking again about a message that is in quarantine."""
LATER = 30
"""Seconds after which the store or a shutting down server may be tried again."""


class Answer(Struct, frozen=True, gc=False):
    """One HTTP response."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


NOT_LINKED = frozenset({"unclaimed-sender", "foreign-sender", "unverified-sender", "stopped-sender"})
"""Findings that ACS calls a domain that is not linked."""
BLOCKED = frozenset({"suspended", "closed"})
SENDER = frozenset({"unlisted-sender", "no-from", "several-from"})
_CODES: dict[str, tuple[int, str, str]] = {
    **dict.fromkeys(NOT_LINKED, (404, "DomainNotLinked", "The specified sender domain has not been linked.")),
    **dict.fromkeys(SENDER, (400, "InvalidSenderUserName", "Invalid email sender username.")),
    **dict.fromkeys(BLOCKED, (403, "SubscriptionBlocked", "All requests from this subscription are blocked.")),
    "too-many-recipients": (400, "TooManyRecipients", "The message has too many recipients."),
    "too-large": (413, "RequestEntityTooLarge", "The message is too large."),
}


def trouble(status: int, code: str, message: str, target: str = "", details: tuple[Detail, ...] = ()) -> Answer:
    """An error."""
    body = encode(Envelope(Trouble(code, message, target, details)))
    return Answer(status, body, {"x-ms-error-code": code})


def failed() -> Answer:
    """The store cannot at present."""
    answer = trouble(503, "ServiceUnavailable", "mail cannot be stored at present; nothing was sent; try again later")
    return Answer(answer.status, answer.body, answer.headers | {"retry-after": str(LATER)})


def refused(verdict: Refused) -> Answer:
    """A message that was not accepted. The first finding that turned it away decides the code, all are told."""
    action = Action.DEFER if verdict.reply.transient else Action.REFUSE
    told = [one for one in verdict.findings if one.action is action]
    if not told:  # no rule, but the message or the server itself
        if verdict.reply.transient:
            return failed()
        return trouble(400, "BadRequest", verdict.reply.text)
    first = next((one for one in told if one.slug in _CODES), told[0])
    details = tuple([_detail(one) for one in told])
    if action is Action.DEFER:
        wait = max(1, round(max(one.wait for one in told)) or LATER)
        answer = trouble(429, "TooManyRequests", _sentence(first), "", details)
        return Answer(answer.status, answer.body, answer.headers | {"retry-after": str(wait)})
    status, code, words = _CODES.get(first.slug, (403, "EmailRefused", "The message was refused; the details say why."))
    return trouble(status, code, f"{words} {_sentence(first)}", "", details)


def messages_of(operation: Operation) -> tuple[int, ...]:
    """The messages that were accepted for it."""
    return decoded(operation.document).messages if operation.document else ()


def result_of(operation: Operation, waits: bool) -> tuple[Result, str]:
    """An operation as it stands, and after how many seconds to ask again ("": it has ended)."""
    document = decoded(operation.document) if operation.document else Document()
    fates = tuple([Fate(one.address, one.fate, tuple(map(_reason, one.reasons))) for one in document.recipients])
    remarks = tuple(map(_reason, document.remarks))
    kinds = {one.fate for one in document.recipients}
    if not document.messages:
        code = "EmailDroppedAllRecipientsSuppressed" if kinds == {"suppressed"} else "EmailDropped"
        words = (
            "Message dropped because all recipients were suppressed" if kinds == {"suppressed"} else "Message refused"
        )
        details = tuple([detail for fate in fates for detail in fate.reasons])
        return Result(operation.id, "Failed", Trouble(code, words, "", details), fates), ""
    if "queued" not in kinds and waits:
        return Result(operation.id, "Running", None, fates, remarks), str(HELD_RETRY)
    return Result(operation.id, "Succeeded", None, fates, remarks), ""


def _sentence(finding: Finding) -> str:
    return f"{finding.because}; {finding.remedy}."


def _detail(finding: Finding) -> Detail:
    return Detail(finding.slug, _sentence(finding), finding.recipient)


def _reason(reason: Reason) -> Detail:
    return Detail(reason.slug, f"{reason.because}; {reason.remedy}.", reason.recipient)

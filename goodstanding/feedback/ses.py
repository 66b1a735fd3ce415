"""Amazon SES: what became of mail that was routed over it, as notifications and as published events.

The same document comes by HTTP in an envelope of SNS, by mail from SNS, or raw from SNS, Firehose or EventBridge.
Amazon says "permanent" of some addresses that it merely declines to write to, so hard needs the diagnosis to agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from msgspec.structs import replace

from goodstanding.delivery.classify import MEANINGS
from goodstanding.feedback.diagnosis import diagnose
from goodstanding.feedback.engagement import Hit, who
from goodstanding.feedback.json_tree import EMPTY, Node, parse, seconds
from goodstanding.feedback.mail import Mail
from goodstanding.feedback.reading import BounceClass, Reading, Source
from goodstanding.feedback.sns import envelope
from goodstanding.feedback.tokens import tokens_in

NAME = "ses"
_MOST = 1_000
"""Recipients of one event that are kept; SES takes fifty a message."""


def matches(mail: Mail) -> bool:
    """A notification that SNS sends by mail."""
    return bool(mail.root.first("x-amz-sns-message-id")) or mail.root.address("from").endswith("@sns.amazonaws.com")


def read(mail: Mail) -> list[Reading]:
    """What it says; empty when it is none."""
    text = mail.words.partition("\n--\n")[0]  # the footer of SNS
    text = text[max(text.find("{"), 0) :]
    document = parse(text)
    if not document.is_object:  # sendmail breaks lines of more than 990 octets with "!" and a space
        document = parse(text.replace("!\n ", "").replace("\n", ""))
    return read_document(document)


def read_json(octets: bytes) -> list[Reading]:
    """What a document says, in whatever envelope; empty when it is none of SES."""
    return read_document(parse(octets))


def read_document(document: Node) -> list[Reading]:
    """The same of a document that has been parsed."""
    outer = envelope(document)
    event = parse(outer.message) if outer else document
    if "detail" in event and event.get("source").text == "aws.ses":  # EventBridge
        event = event.get("detail")
    kind = event.get("eventType", "notificationType").text
    reader = _READERS.get(kind)
    if reader is None or "mail" not in event:
        return []
    about = _about(event.get("mail"), kind)
    if outer and outer.message_id:
        about = replace(about, report_id=outer.message_id)
    return reader(about, event)


def _about(mail: Node, kind: str) -> Reading:
    """What every event says of the mail it is about."""
    headers = [f"{h.get('name').text}: {h.get('value').text}" for h in mail.get("headers").each[:500]]
    return Reading(
        "ordinary",
        source=NAME,
        recipients=_addresses(mail.get("destination").each),
        message_id=(mail.at("commonHeaders", "messageId").text or mail.get("messageId").text).strip("<> "),
        report_id=f"{mail.get('messageId').text} {kind}",
        tokens=tokens_in(mail.get("source").text, *headers),
        reporter="Amazon SES",
        detail=kind,
    )


def _bounce(about: Reading, event: Node) -> list[Reading]:
    bounce = event.get("bounce")
    permanent, kind = bounce.get("bounceType").text == "Permanent", bounce.get("bounceSubType").text
    about = replace(
        about,
        kind="bounce",
        detail=f"{bounce.get('bounceType').text} {kind}".strip(),
        arrived=seconds(bounce.get("timestamp").text),
        reporter=bounce.get("reportingMTA").text.partition(";")[2].strip() or about.reporter,
    )
    return [_refused(about, one, kind, permanent) for one in bounce.get("bouncedRecipients").each[:_MOST]]


_SUBTYPES = {
    "NoEmail": BounceClass.NO_SUCH_USER,
    "Suppressed": BounceClass.SUPPRESSED,
    "OnAccountSuppressionList": BounceClass.SUPPRESSED,
    "UnsubscribedRecipient": BounceClass.SUPPRESSED,
    "MailboxFull": BounceClass.MAILBOX_FULL,
    "MessageTooLarge": BounceClass.TOO_LARGE,
    "ContentRejected": BounceClass.CONTENT,
    "AttachmentRejected": BounceClass.CONTENT,
    "InternalFailure": BounceClass.SYSTEM,
    "RecipientServerError": BounceClass.SYSTEM,
    "SpamDetected": BounceClass.CONTENT,
    "TransientCommunicationFailure": BounceClass.NETWORK,
    "BYOIPHostNameLookupUnavailable": BounceClass.AUTHENTICATION,
}
"""Subtypes of bounces and types of delays that name the reason; ``General`` and ``Undetermined`` do not."""


def _refused(about: Reading, recipient: Node, kind: str, permanent: bool) -> Reading:
    """One recipient of a bounce or delay. Hard: Amazon calls it permanent, and what the host said does not gainsay."""
    words = recipient.get("diagnosticCode").text
    said = diagnose(words.partition(";")[2] or words, recipient.get("status").text, permanent)
    klass = _SUBTYPES.get(kind, said.klass)
    named = klass is not said.klass
    return replace(
        about,
        recipients=_addresses([recipient.get("emailAddress")]),
        status=said.status,
        code=said.code,
        reply=said.reply,
        klass=klass,
        hard=permanent and (MEANINGS[klass].hard if named else said.hard),
        reach=MEANINGS[klass].reach if named else said.reach,
    )


def _delay(about: Reading, event: Node) -> list[Reading]:
    delay = event.get("deliveryDelay")
    kind = delay.get("delayType").text
    about = replace(about, kind="delay", detail=kind, arrived=seconds(delay.get("timestamp").text))
    return [_refused(about, one, kind, False) for one in delay.get("delayedRecipients").each[:_MOST]]


def _complaint(about: Reading, event: Node) -> list[Reading]:
    """Recipients are those who may have complained: providers withhold who did, so Amazon names all it sent there."""
    complaint = event.get("complaint")
    named = _addresses([one.get("emailAddress") for one in complaint.get("complainedRecipients").each])
    several = f"; names {len(named)} recipients: who of them complained is not known" if len(named) > 1 else ""
    about = replace(
        about,
        arrived=seconds(complaint.get("arrivalDate").text or complaint.get("timestamp").text),
        recipients=named,
        user_agent=complaint.get("userAgent").text,
        feedback_type=complaint.get("complaintFeedbackType").text,
        detail=(complaint.get("complaintFeedbackType").text or "complaint") + several,
    )
    if complaint.get("complaintSubType").text == "OnAccountSuppressionList":  # never sent, so nobody complained of it
        return [replace(about, kind="bounce", klass=BounceClass.SUPPRESSED, detail="OnAccountSuppressionList")]
    kinds = {"not-spam": "not-spam", "auth-failure": "auth-failure"}
    return [replace(about, kind=kinds.get(about.feedback_type, "complaint"))]


def _delivery(about: Reading, event: Node) -> list[Reading]:
    delivery = event.get("delivery")
    reply = delivery.get("smtpResponse").text
    coded = _CODED.match(reply)
    return [
        replace(
            about,
            kind="success",
            recipients=_addresses(delivery.get("recipients").each) or about.recipients,
            arrived=seconds(delivery.get("timestamp").text),
            reply=reply[:500],
            status=(coded[2] or "") if coded else "",
            code=int(coded[1]) if coded else 0,
        )
    ]


_CODED = re.compile(r"(2[0-9][0-9])(?:[ -](2\.[0-9]{1,3}\.[0-9]{1,3}))?")


def _open(about: Reading, event: Node) -> list[Reading]:
    return [_engaged(about, "open", event, "")]


def _click(about: Reading, event: Node) -> list[Reading]:
    return [_engaged(about, "click", event, event.at("click", "link").text)]


def _engaged(about: Reading, kind: Literal["open", "click"], event: Node, link: str) -> Reading:
    """The detail says who it was, unless a person; then the link."""
    node = event.get(kind)
    when, sent = seconds(node.get("timestamp").text), seconds(event.at("mail", "timestamp").text)
    since = when - sent if when is not None and sent is not None else None
    agent, ip = node.get("userAgent").text, node.get("ipAddress").text
    by = who(Hit(kind=kind, seconds=since, user_agent=agent, ip=ip))
    detail = link if by == "person" else by
    return replace(about, kind=kind, arrived=when, source_ip=ip, user_agent=agent, detail=detail)


def _reject(about: Reading, event: Node) -> list[Reading]:
    """Amazon found malware in it and did not send it."""
    because = event.at("reject", "reason").text
    return [replace(about, kind="bounce", klass=BounceClass.CONTENT, reach="message", detail=because)]


def _failure(about: Reading, event: Node) -> list[Reading]:
    """A template that could not be filled in: nothing was sent."""
    because = event.at("failure", "errorMessage").text
    return [replace(about, kind="bounce", klass=BounceClass.UNDETERMINED, reach="message", detail=because)]


def _subscription(about: Reading, event: Node) -> list[Reading]:
    """Somebody used the page that Amazon offers for its lists."""
    change = event.get("subscription")
    wanted = change.get("newTopicPreferences")
    topics = [one.get("subscriptionStatus").text for one in wanted.get("topicSubscriptionStatus").each]
    left = wanted.get("unsubscribeAll").value is True or "OptOut" in topics
    kind = "unsubscribe" if left else "ordinary"
    return [replace(about, kind=kind, arrived=seconds(change.get("timestamp").text))]


def _sent(about: Reading, _event: Node) -> list[Reading]:
    return [about]


_READERS: dict[str, Callable[[Reading, Node], list[Reading]]] = {
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Delivery": _delivery,
    "DeliveryDelay": _delay,
    "Open": _open,
    "Click": _click,
    "Reject": _reject,
    "Rendering Failure": _failure,
    "RenderingFailure": _failure,
    "Subscription": _subscription,
    "Send": _sent,
}


def _addresses(nodes: list[Node]) -> tuple[str, ...]:
    return tuple([text for node in (nodes or [EMPTY])[:_MOST] if "@" in (text := node.text.strip("<>"))])


SOURCE = Source(NAME, matches, read)

"""What a program learns of a message it handed in over HTTP: who it is queued for, held for, and who is turned away.

The document is written in the transaction that accepts the message, so whoever asks after a crash gets one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from goodstanding.admission.decide import Verdict
from goodstanding.admission.facts import Action, Finding
from goodstanding.model import MessageId, Recipient

Fate = Literal["queued", "held", "suppressed", "refused"]
"""``held``: in quarantine, with reasons; ``suppressed`` and ``refused`` recipients are not written to."""


class Reason(Struct, frozen=True, gc=False, omit_defaults=True):
    """One finding, in the words it has everywhere."""

    slug: str
    because: str
    remedy: str
    recipient: str = ""


class Share(Struct, frozen=True, gc=False, omit_defaults=True):
    """One recipient."""

    address: str
    fate: Fate
    reasons: tuple[Reason, ...] = ()


class Document(Struct, frozen=True, gc=False, omit_defaults=True):
    """What became of an operation."""

    messages: tuple[int, ...] = ()
    """None: nothing was accepted."""
    recipients: tuple[Share, ...] = ()
    remarks: tuple[Reason, ...] = ()
    """Findings about the message that did not stop it."""


class Begun(Struct, frozen=True, gc=False):
    """An operation as a program asked for it."""

    subscription: str
    id: str
    digest: bytes
    """Of the request's body: another body is another request."""
    proof: bytes
    """Of the signature it came with; empty: it was signed by none."""
    at: float


class Asked(Struct, frozen=True, gc=False):
    """An operation that a submission is to be the answer to."""

    begun: Begun
    turned_away: tuple[Share, ...] = ()
    """Recipients that were named and are not in the envelope any more."""


_encode = msgspec.json.Encoder().encode
decoded = msgspec.json.Decoder(Document).decode


def reason(finding: Finding) -> Reason:
    """A finding as programs read it."""
    return Reason(finding.slug, finding.because, finding.remedy, finding.recipient)


def turned_away(address: str, findings: Sequence[Finding]) -> Share:
    """A recipient that is not written to, and why."""
    suppressed = any(one.slug == "suppressed" for one in findings)
    return Share(address, "suppressed" if suppressed else "refused", tuple(map(reason, findings)))


Sent = tuple[tuple[MessageId, ...], tuple[Recipient, ...]]
"""Messages, and the recipients of all of them in the order of the facts a verdict is about."""


def described(asked: Asked, sent: Sent, verdict: Verdict) -> Document:
    """What became of an operation that was accepted."""
    messages, recipients = sent
    shares = [_share(n, one.address, verdict) for n, one in enumerate(recipients)]
    remarks = tuple(reason(one) for one in verdict.findings if not one.recipient)
    return Document(messages, (*shares, *asked.turned_away), remarks)


def document(asked: Asked, sent: Sent, verdict: Verdict) -> str:
    """The same as JSON."""
    return _encode(described(asked, sent, verdict)).decode()


def nobody(asked: Asked) -> str:
    """JSON of an operation whose recipients were all turned away."""
    return _encode(all_turned_away(asked)).decode()


def all_turned_away(asked: Asked) -> Document:
    """What became of it."""
    return Document(recipients=asked.turned_away)


def _share(n: int, address: str, verdict: Verdict) -> Share:
    if n not in verdict.quarantined and n not in verdict.refused:
        return Share(address, "queued")
    own = [one for one in verdict.findings if one.recipient == address]
    if n in verdict.refused:
        return turned_away(address, [one for one in own if one.action is Action.REFUSE])
    held = own or [one for one in verdict.findings if not one.recipient]
    return Share(address, "held", tuple(reason(one) for one in held if one.action is Action.QUARANTINE))

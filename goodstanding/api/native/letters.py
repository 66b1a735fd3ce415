"""Messages as programs post them below /v1, and what they are told of each."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from goodstanding.admission.facts import Finding
from goodstanding.api.native.fields import PRINTABLE, SubscriptionName
from goodstanding.api.native.problems import Problem, ProblemError
from goodstanding.api.native.routes import MIB, Call, Routes
from goodstanding.submission.operation import Document, Reason
from goodstanding.wire.compose import Attachment, Draft, Mailbox

BATCH_MOST = 1000
"""Messages of one batch."""
BODY_MOST = 40 * MIB
"""Octets of a batch; a single message has `api.size_limit`."""
PEOPLE_MOST = 1000

Word = Annotated[str, Meta(max_length=64, pattern="^[A-Za-z0-9-]*(?!\\n)$")]
Text = Annotated[str, Meta(max_length=10 * MIB)]


class Person(Struct, forbid_unknown_fields=True, kw_only=True):
    """An address with the name people read."""

    address: Annotated[str, Meta(min_length=3, max_length=320, pattern=PRINTABLE)]
    name: Annotated[str, Meta(max_length=255, pattern=PRINTABLE)] = ""


class File(Struct, forbid_unknown_fields=True, kw_only=True):
    """An attachment; with ``content_id`` the HTML text shows it as ``cid:...``."""

    name: Annotated[str, Meta(min_length=1, max_length=255, pattern=PRINTABLE)]
    media_type: Annotated[str, Meta(max_length=130, pattern="^[!-~]+/[!-~]+$")]
    content: Annotated[bytes, Meta(description="Base64.")]
    content_id: Annotated[str, Meta(max_length=200, pattern="^[!-~]*$")] = ""


People = Annotated[list[Person], Meta(max_length=PEOPLE_MOST)]


class Letter(Struct, forbid_unknown_fields=True, kw_only=True):
    """A message to send."""

    subscription: SubscriptionName
    sender: Person
    to: Annotated[list[Person], Meta(min_length=1, max_length=PEOPLE_MOST)]
    cc: People = []
    bcc: People = []
    reply_to: People = []
    subject: Annotated[str, Meta(max_length=4000, pattern=PRINTABLE)]
    text: Text = ""
    html: Text = ""
    attachments: Annotated[list[File], Meta(max_length=100)] = []
    headers: Annotated[
        dict[str, Annotated[str, Meta(max_length=2000, pattern=PRINTABLE)]],
        Meta(max_length=100, description="Fields of your own; X-Goodstanding-... speak to the guard."),
    ] = {}
    id: Annotated[Word, Meta(description="Names it: the same again is not sent again, for seven days.")] = ""
    untracked: Annotated[bool, Meta(description="Opens and clicks are not tracked, whatever the stream's custom.")] = (
        False
    )

    def draft(self) -> Draft:
        """As it is to be composed."""
        return Draft(
            _mailbox(self.sender),
            tuple(map(_mailbox, self.to)),
            tuple(map(_mailbox, self.cc)),
            tuple(map(_mailbox, self.bcc)),
            tuple(map(_mailbox, self.reply_to)),
            self.subject,
            self.text,
            self.html,
            tuple([Attachment(one.name, one.media_type, one.content, one.content_id) for one in self.attachments]),
            tuple(self.headers.items()),
        )


class Letters(Struct, forbid_unknown_fields=True, kw_only=True):
    """Up to a thousand messages; each has its own outcome."""

    messages: Annotated[list[Letter], Meta(min_length=1, max_length=BATCH_MOST)]


class Fate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one recipient: ``queued``, ``held``, ``suppressed`` or ``refused``."""

    address: str
    status: str
    reasons: tuple[Reason, ...] = ()


class Taken(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that was accepted: on disk, fsynced."""

    id: str
    messages: tuple[str, ...]
    """Ids for `trace` and `why`; several where each recipient got a copy of their own, none if all were turned away."""
    recipients: tuple[Fate, ...]
    remarks: tuple[Reason, ...] = ()


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a batch: either it was taken, or there is a problem."""

    taken: Taken | None = None
    problem: Problem | None = None


class Outcomes(Struct, frozen=True, kw_only=True):
    """Of a batch, in its order."""

    outcomes: tuple[Outcome, ...]


routes = Routes(
    "sending", "Mail from programs. Served at the addresses in api.listeners, by the processes that send it."
)


@routes.post("/messages", "messages:write", status=202, limit=10 * MIB)
def send(call: Call, body: Letter) -> Taken:
    """Send a message; 202 means that it is on disk.

    Whoever must not be written to is left out and told in `recipients`. The same `id` again is answered as before.
    """
    raise _elsewhere()


@routes.post("/messages:batch", "messages:write", limit=BODY_MOST)
def send_batch(call: Call, body: Letters) -> Outcomes:
    """Send up to 1,000 messages; each has an outcome of its own, in the order given."""
    raise _elsewhere()


def _elsewhere() -> ProblemError:
    return ProblemError("refused", "messages are posted where api.listeners says, not here")


def taken(name: str, document: Document, names: tuple[str, ...]) -> Taken:
    """What is told of an accepted message."""
    fates = tuple([Fate(address=one.address, status=one.fate, reasons=one.reasons) for one in document.recipients])
    return Taken(id=name, messages=names, recipients=fates, remarks=document.remarks)


def told(findings: tuple[Finding, ...]) -> str:
    """The first sentence of a refusal."""
    return "; ".join(f"{one.because}, {one.remedy}" for one in findings[:1])


def _mailbox(person: Person) -> Mailbox:
    return Mailbox(person.address, person.name)

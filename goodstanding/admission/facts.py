"""Facts: everything a rule may see of one message, frozen; and what rules answer with.

Facts come in two parts. What is known when the message has arrived (sender, content, recipients) is enough for most
rules. `Conduct` is what only the shared books of the installation know (rates, the campaign, the trust budget); it is
None until the message is judged inside the transaction that would accept it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from goodstanding.model import Identity, Stream


class Action(StrEnum):
    """What a finding asks for; a verdict takes the strictest."""

    ACCEPT = "accept"
    """Only a remark: the message goes on."""
    QUARANTINE = "quarantine"
    """Accepted, but held until evidence or an operator releases it."""
    DEFER = "defer"
    """Not now (4xx): the same message is welcome later."""
    REFUSE = "refuse"
    """Not at all (5xx)."""


STRICTNESS: dict[Action, int] = {Action.ACCEPT: 0, Action.QUARANTINE: 1, Action.DEFER: 2, Action.REFUSE: 3}


class Finding(Struct, frozen=True, gc=False):
    """One reason: what was found, what follows, and what the sender can do."""

    slug: str
    """Names the rule in `docs/reasons.md`: ``foreign-sender``."""
    action: Action
    because: str
    """One sentence without a full stop, with the figures."""
    remedy: str
    """What to do, as an instruction, without a full stop."""
    recipient: str = ""
    """The one address it is about; empty: the whole message."""
    code: str = "5.7.1"
    """Enhanced status code (RFC 3463) when it refuses or defers; the first digit follows the action."""
    wait: float = 0.0
    """Seconds after which the same is welcome, where that is known."""


UNLINKED = "5.1.7"
"""Enhanced code of findings about a domain that is not the tenant's, or not verified: SMTP says 501, as ACS does."""


class Proof(StrEnum):
    """Why a recipient is believed to expect mail of this tenant; the order is the order of strength."""

    NONE = "none"
    INTERACTION = "interaction"
    """They did something with earlier mail or with the application."""
    PERMISSION = "permission"
    """They said yes, for this stream, and it holds."""
    TRIGGER = "trigger"
    """They caused this very message, says the application."""


class Grant(Struct, frozen=True, gc=False):
    """What the ledger and the law say about writing to one recipient on one stream."""

    allowed: bool
    proof: Proof
    because: str
    """``double opt-in of 2026-03-01 via shop.example/join`` or ``no permission is recorded``."""
    remedy: str = ""
    basis: str = ""
    expires: float = 0.0
    """Second at which the grant ends; 0: it does not."""


class Suppressed(Struct, frozen=True, gc=False):
    """A recipient that must not be written to."""

    scope: Literal["stream", "tenant", "platform"]
    cause: str
    """``unsubscribed``, ``complained``, ``bounced``, ``operator``, ``erased`` ... see `admission.suppression`."""
    source: str
    at: float
    expires: float = 0.0
    """0: it does not."""


class RecipientFacts(Struct, frozen=True, gc=False):
    """One recipient as admission sees it."""

    address: str
    domain: str
    person: bytes
    """Keyed hash of tenant and folded address: how ledger, suppression and contacts name people."""
    grant: Grant
    suppressed: Suppressed | None = None
    contacts: int = 0
    """Messages this tenant has sent them while they were unproven."""
    last_contact: float = 0.0
    role: bool = False
    """info@, sales@ and their like (RFC 2142)."""
    disposable: bool = False
    null_mx: bool = False
    """Their domain says it takes no mail (RFC 7505); looked up for outreach only."""

    @property
    def proven(self) -> bool:
        """Whether anything says that they expect it."""
        return self.grant.proof is not Proof.NONE


DomainState = Literal["pending", "verified", "warned", "stopped"]
"""``warned``: records have gone missing lately; it still sends. ``stopped``: they stayed away; it does not."""


class DomainFacts(Struct, frozen=True, gc=False):
    """A domain somebody has claimed."""

    name: str
    tenant: str
    stream: str
    """Empty: not given to a stream yet."""
    kind: Literal["sending", "link", "bounce"] = "sending"
    state: DomainState = "pending"
    because: str = ""
    """Why it is not verified, or what is about to be lost."""


class SenderFacts(Struct, frozen=True, gc=False):
    """Who the message says it is from."""

    sender: str
    """Return path as submitted; empty for ``<>``."""
    from_address: str
    from_count: int
    """Addresses in From; RFC 5322 §3.6.2 allows several, mailbox providers do not."""
    from_domain: DomainFacts | None
    """The claimed domain of the From address: itself or its nearest claimed parent. None: nobody's."""
    return_domain: DomainFacts | None
    """The same for the return path; None too when it is ``<>``."""
    signed_by: str
    """DKIM domain we shall sign with; empty: none."""
    listed: bool = True
    """The From address is one of the subscription's sender addresses, or it has no list."""
    reply_to: tuple[str, ...] = ()
    """Domains in Reply-To."""
    pool: str = ""
    """Name of the pool it will leave from."""
    isolation: str = ""
    """Why this stream shares an identity with another; empty: it does not."""
    route: str = ""
    """Name of the high-trust provider its pool routes over (``Azure Communication Services``); empty: none."""


class Fingerprint(Struct, frozen=True, gc=False):
    """What near-identical messages have in common; see `admission.fingerprint`."""

    sketch: bytes
    """How many words there were, then 256 MinHash values cut to an octet, over words and HTML skeleton."""
    bands: tuple[int, ...]
    """LSH buckets, 63-bit: two messages that share one are candidates."""
    links: tuple[str, ...] = ()
    """Registrable domains of links, sorted."""


class Content(Struct, frozen=True, gc=False):
    """What the message says, as far as rules look at it."""

    subject: str
    size: int
    fingerprint: Fingerprint
    urls: int = 0
    one_click: bool = False
    """List-Unsubscribe with an https URI and List-Unsubscribe-Post (RFC 8058)."""
    unsubscribe: bool = False
    """Any List-Unsubscribe field."""
    unsubscribe_text: bool = False
    """The body offers a way out."""
    postal_address: bool = False
    """The body looks as if it held one."""
    forged_thread: bool = False
    """Subject begins Re:/Fwd: in some language, and no field refers to an earlier message."""
    invisible: int = 0
    """Zero-width and tag characters, and hidden text, that only a machine sees."""
    malformed: tuple[str, ...] = ()
    """What is wrong with the header, in words: two From fields, a bare address list in Subject ..."""
    deceptive: tuple[str, ...] = ()
    """A display name that shows another address, mixed scripts in a domain ..."""
    cues: tuple[tuple[str, float], ...] = ()
    """Text cues found, (cue of `admission.recognise`, strength 0 to 1): persuasion, meeting-ask, code, order ..."""
    auto_submitted: bool = False
    declared: str = ""
    """Campaign the sender declared (X-Goodstanding-Campaign)."""
    incident: str = ""
    """Declared incident this belongs to (X-Goodstanding-Incident), if an operator has recorded it."""


class Rates(Struct, frozen=True, gc=False):
    """How much of its allowance a subscription has used, in recipients, before this message."""

    minute: int
    minute_limit: int
    hour: int
    hour_limit: int
    retry_after: float = 0.0
    """Seconds until there is room again, when there is none."""


class Weight(Struct, frozen=True, gc=False):
    """Evidence of one cue, in nats: positive speaks for a list, negative for mail that somebody triggered."""

    cue: str
    value: float
    because: str


Looks = Literal["triggered", "unclear", "list"]


class Assessment(Struct, frozen=True, gc=False):
    """What a campaign looks like."""

    campaign: int
    name: str
    """As people read it: the commonest subject, or the declared name."""
    messages: int
    recipients: int
    unproven: int
    probability: float
    """P(cold | campaign)."""
    looks: Looks
    weights: tuple[Weight, ...] = ()
    kin: int = 0
    """Other subscriptions, of any tenant, that send the same."""
    identities: int = 1
    """From domains it is spread over."""
    state: Literal["", "released", "refused"] = ""
    """What an operator decided about it."""


class Ration(Struct, frozen=True, gc=False):
    """The trust budget for the unproven recipients of one message."""

    wanted: int
    allowed: int
    outstanding: int
    """Unproven recipients of the campaign whose evidence has not come yet."""
    budget: int
    """How many the tightest key allows outstanding."""
    key: str
    """That key: ``subscription shop/otp``."""
    because: str


class Unusual(Struct, frozen=True, gc=False):
    """Something a subscription has not done before."""

    what: Literal["volume", "novelty", "hour"]
    because: str


class Conduct(Struct, frozen=True, gc=False):
    """What the books of the installation know."""

    rates: Rates
    assessment: Assessment
    ration: Ration
    unusual: tuple[Unusual, ...] = ()


class Terms(Struct, frozen=True, gc=False):
    """What was agreed with a subscription, and how strictly it is held to it."""

    recipients_limit: int = 50
    size_limit: int = 25 * 1024 * 1024
    minute_limit: int = 30
    hour_limit: int = 100
    shadow: bool = False
    """Verdicts are journalled, not applied."""
    country: str = ""
    """Where the tenant sits (ISO 3166), for laws that ask."""
    postal_address: str = ""
    """The tenant's, for findings to quote."""


class SiteOpinion(Struct, frozen=True, gc=False):
    """What the site's own policy service said."""

    action: Action
    because: str
    remedy: str = ""


class Facts(Struct, frozen=True, gc=False):
    """Everything a rule may see."""

    identity: Identity
    terms: Terms
    sender: SenderFacts
    content: Content
    recipients: tuple[RecipientFacts, ...]
    now: float
    conduct: Conduct | None = None
    site: SiteOpinion | None = None

    @property
    def stream(self) -> Stream:
        """The stream of the subscription."""
        return self.identity.stream

    @property
    def unproven(self) -> tuple[RecipientFacts, ...]:
        """Recipients nothing speaks for."""
        return tuple(one for one in self.recipients if not one.proven)

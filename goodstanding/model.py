"""The nouns every room shares. Values only: no behaviour but checking and parsing of themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NewType

from msgspec import Struct

MessageId = NewType("MessageId", int)
"""63-bit number, ordered by time of acceptance; written for people as in `message_name`."""

NO_MESSAGE = MessageId(0)
"""Stands in events that never became a message."""

TenantName = NewType("TenantName", str)
OUR_TENANT = TenantName("goodstanding")
"""Whose mail our own notices are. No tenant may be called so, and nothing counts against it."""
SubscriptionName = NewType("SubscriptionName", str)
"""``tenant/application``: unique in the whole installation."""

WorkerId = NewType("WorkerId", int)
"""One life of one worker process; owns the recipients it has claimed."""


class Stream(StrEnum):
    """What kind of mail this is; streams never share an identity. The order is the order of service."""

    TRANSACTIONAL = "transactional"
    BULK = "bulk"
    OUTREACH = "outreach"


RANK: dict[str, int] = {Stream.TRANSACTIONAL: 0, Stream.BULK: 1, Stream.OUTREACH: 2}
"""Order of service by stream: the lower goes first."""

Body = Literal["7BIT", "8BITMIME"]
Ret = Literal["FULL", "HDRS"]
Notify = Literal["NEVER", "SUCCESS", "FAILURE", "DELAY"]
Reach = Literal["recipient", "message", "host", "lane"]
"""How far the blame of a failure reaches (Postfix smtp_trouble): it alone decides whether others are slowed."""


class BounceClass(StrEnum):
    """Why a mail was not taken; `delivery.classify` says what follows: hard or soft, and how far it reaches."""

    NO_SUCH_USER = "no-such-user"
    """The domain does not know the mailbox."""
    MOVED = "moved"
    """The mailbox has gone elsewhere for good, or belongs to somebody else now."""
    DOMAIN_GONE = "domain-gone"
    """The domain does not exist, or says that it takes no mail (RFC 7505)."""
    MAILBOX_FULL = "mailbox-full"
    """Over quota."""
    MAILBOX_DISABLED = "mailbox-disabled"
    """The mailbox is there, but blocked, frozen, suspended or long unused."""
    RESTRICTED = "restricted"
    """The recipient takes mail only from certain senders, and we are none of them."""
    SUPPRESSED = "suppressed"
    """A provider on the way keeps its own list of addresses it does not write to."""
    REPUTATION = "reputation"
    """A blocklist, or what the receiver thinks of our address or domain."""
    AUTHENTICATION = "authentication"
    """SPF, DKIM, DMARC, reverse DNS (``iprev``, RFC 8601 §2.7.3) or TLS of ours did not satisfy."""
    RATE_LIMIT = "rate-limit"
    """Too much at once: connections, messages or recipients in a time."""
    GREYLISTED = "greylisted"
    """Come back in a few minutes (RFC 6647)."""
    POLICY = "policy"
    """Some other rule of the receiver, or an objection to the sender of this message."""
    CONTENT = "content"
    """Taken for spam or malware, or an attachment that is not let in."""
    TOO_LARGE = "too-large"
    """Larger than the receiver or the mailbox takes."""
    RELAYING_DENIED = "relaying-denied"
    """The host we were sent to says that it does not handle this domain."""
    PROTOCOL = "protocol"
    """A command, an address or a header was not understood."""
    NETWORK = "network"
    """No route, no answer, no usable DNS, a lost connection."""
    SYSTEM = "system"
    """The receiving system is out of order, out of space or misconfigured."""
    EXPIRED = "expired"
    """Tried until time ran out, and nothing better is known."""
    LOOP = "loop"
    """It went round in circles."""
    UNDETERMINED = "undetermined"
    """Nothing that can be relied on was said."""


class Reply(Struct, frozen=True, gc=False):
    """One SMTP reply: code, enhanced code (RFC 3463, "" when the peer gave none) and text lines without either."""

    code: int
    enhanced: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        """A reply without a sane code is our bug (Postfix dsn_create insists on the same)."""
        if not 200 <= self.code <= 599:
            raise ValueError(f"not an SMTP reply code: {self.code}")

    def __str__(self) -> str:
        """As a mail log shows it: one line, newlines of a multi-line text as spaces."""
        return " ".join(part for part in (str(self.code), self.enhanced, " ".join(self.text.split())) if part)

    @property
    def positive(self) -> bool:
        """2xx and 3xx."""
        return self.code < 400

    @property
    def transient(self) -> bool:
        """4xx: the same may go through later."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5xx: the same will not go through later."""
        return self.code >= 500


def parse_reply(text: str) -> Reply:
    """A reply from its one-line form, as `Reply.__str__` writes it; what is none becomes the text of a 550."""
    found = _REPLY.fullmatch(text)
    if found is None:
        return Reply(550, "5.7.1", text)
    return Reply(int(found[1]), found[2] or "", found[3] or "")


_REPLY = re.compile(r"([2-5]\d\d)(?: ([245]\.\d{1,3}\.\d{1,3}))?(?: (.*))?", re.DOTALL)


class Recipient(Struct, frozen=True, gc=False):
    """One envelope recipient as submitted (RFC 5321 RCPT TO with the parameters of RFC 3461)."""

    address: str
    """``local@domain`` as given; the domain is compared without case, the local part never is."""
    notify: tuple[Notify, ...] = ()
    """Empty: the sender said nothing, and gets failure notices (RFC 3461 §4.1)."""
    orcpt: str = ""
    """``rfc822;user@example`` still xtext-encoded, or empty."""

    @property
    def domain(self) -> str:
        """The part behind the last ``@``, lower case."""
        return self.address.rpartition("@")[2].lower()


class Envelope(Struct, frozen=True, gc=False):
    """What MAIL and RCPT said."""

    sender: str
    """Return path; empty for the null reverse-path ``<>``."""
    recipients: tuple[Recipient, ...] = ()
    body: Body = "7BIT"
    smtputf8: bool = False
    ret: Ret | None = None
    envid: str = ""
    """xtext-encoded, as given."""
    size: int = 0
    """Bytes the client announced with SIZE=; 0 when it did not."""


class KeyKind(StrEnum):
    """What can be held to account for mail, the narrowest first: blame goes to the first that explains the harm."""

    CAMPAIGN = "campaign"
    SUBSCRIPTION = "subscription"
    LINK = "link"
    DOMAIN = "domain"
    IP = "ip"
    TENANT = "tenant"

    __hash__ = str.__hash__
    """Keys are looked up for every event that is folded, and the hash that Enum gives its members is slow."""


class Key(Struct, frozen=True, gc=False, order=True):
    """One thing that is held to account: a campaign, an egress address, a From domain ..."""

    kind: KeyKind
    name: str

    def __str__(self) -> str:
        """``campaign:17``, ``ip:203.0.113.7``: as commands, notices and the journal write it."""
        return f"{self.kind.value}:{self.name}"


def parse_key(text: str) -> Key | None:
    """The key behind its written form; None when it is none."""
    kind, colon, name = text.partition(":")
    return Key(KeyKind(kind), name) if colon and name and kind in _KEY_KINDS else None


_KEY_KINDS = frozenset(kind.value for kind in KeyKind)


class Signal(StrEnum):
    """What counts against a key."""

    COMPLAINTS = "complaints"
    HARD_BOUNCES = "hard-bounces"
    FAILURES = "failures"
    UNSUBSCRIBES = "unsubscribes"
    TRAPS = "traps"
    JUNK = "junk"


class Rung(StrEnum):
    """The enforcement state of a key (ARCHITECTURE.md, Enforcement), mildest first but for reinstated."""

    GOOD = "good"
    WATCHED = "watched"
    SLOWED = "slowed"
    PENALTY = "penalty"
    SUSPENDED = "suspended"
    REINSTATED = "reinstated"
    CLOSED = "closed"


class Touched(Struct, frozen=True, gc=False):
    """What one message is held to account by, besides its tenant and the address it left from."""

    subscription: str = ""
    stream: str = ""
    domain: str = ""
    """Of the From address, in ASCII."""
    campaign: int = 0
    """0: not known."""
    links: str = ""
    """Registrable domains of its links, sorted, a space between them."""


NOTHING_TOUCHED = Touched()


class Identity(Struct, frozen=True, gc=False):
    """The known sender behind a session: credential -> subscription -> stream."""

    tenant: TenantName
    subscription: SubscriptionName
    stream: Stream
    credential: str = ""
    """User name it came in with; empty for a trusted network."""


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One DKIM key of a domain; the private key is sealed."""

    domain: str
    selector: str
    kind: str
    sealed: bytes
    created: float
    retired: float | None = None


class NetworkFailure(Struct, frozen=True, gc=False):
    """The conversation ended without a reply: what was being tried, and what went wrong, in words."""

    stage: str
    """One word: dns, connect, tls, greeting, hello, auth, mail, rcpt, data, body, final, quit."""
    text: str

    def __str__(self) -> str:
        """As a mail log shows it."""
        return f"{self.stage}: {self.text}"


ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u to misread
PAIRS = [first + second for first in ALPHABET for second in ALPHABET]


def message_name(message: MessageId) -> str:
    """The id as people read and type it: 13 characters, ordered like the number."""
    digits = [PAIRS[message >> shift & 1023] for shift in (50, 40, 30, 20, 10, 0)]
    return ALPHABET[message >> 60 & 31] + "".join(digits)


def parse_message_name(name: str) -> MessageId | None:
    """The id behind a name, or None when it is not one. Case does not matter."""
    digits = [ALPHABET.find(char) for char in name.lower()]
    if len(digits) != 13 or min(digits) < 0:
        return None
    number = 0
    for digit in digits:
        number = number << 5 | digit
    return MessageId(number) if number < 1 << 63 else None


def accepted_at(message: MessageId) -> float:
    """The second (Unix time) a message id was made; see `submission.identifiers`."""
    return (message >> 22) / 1000 + ID_EPOCH


ID_EPOCH = 1_577_836_800  # 2020-01-01: 41 bits of milliseconds last until 2089


def joined(items: Sequence[str]) -> str:
    """Words as a sentence lists them: ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]

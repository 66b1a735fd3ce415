"""The nouns every room shares. Values only: no behaviour but checking and parsing of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NewType

from msgspec import Struct

MessageId = NewType("MessageId", int)
"""63-bit number, ordered by time of acceptance; written for people as in `message_name`."""

TenantName = NewType("TenantName", str)
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

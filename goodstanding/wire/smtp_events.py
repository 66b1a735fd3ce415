"""What a server session tells its shell, and the policy it is run under; `smtp_server` explains how they play."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct

from goodstanding.model import Envelope, Recipient, Reply

EXTENSIONS = frozenset(
    {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "LIMITS"}
)


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """What one listener offers and endures; the same for all its sessions."""

    hostname: str
    banner: str = "ESMTP goodstanding"
    size_limit: int = 26_214_400
    """Octets of one message."""
    size_advice: str = "Make it smaller"
    """What to do about a larger one; ends the sentence that refuses it."""
    recipients_limit: int = 1000
    """RCPT commands of one transaction, refused ones included (RFC 9422 RCPTMAX)."""
    transactions_limit: int = 0
    """MAIL commands of one session (RFC 9422 MAILMAX); 0: as many as they like."""
    auth: bool = True
    """Offer AUTH once TLS is on."""
    auth_without_tls: bool = False
    """Offer it before, too: for tests on loopback, never for a network."""
    bearer: bool = False
    """Offer AUTH by token, too: over TLS only, whatever ``auth_without_tls`` says."""
    bearer_scope: str = ""
    """What clients whose token is refused are told to ask for, and where (RFC 7628 §3.2.2); empty: not told."""
    bearer_configuration: str = ""
    auth_required: bool = True
    tls: bool = True
    """Offer STARTTLS while TLS is not on."""
    error_budget: int = 20
    """Commands without sense before the session is closed; a failed login counts as several."""
    idle_commands_limit: int = 200
    """Commands in a row that bring no message."""
    line_limit: int = 2048
    """Octets of one command with its CRLF; an AUTH line may have 12,288 (RFC 4954 §4)."""
    extensions: frozenset[str] = EXTENSIONS


class StartTls(Struct, frozen=True, gc=False):
    """The 220 is in the output: send it, upgrade the connection, call `Session.tls_started`."""


@dataclass(frozen=True, slots=True)
class AuthGiven:
    """Somebody claims to be ``user``. Answer 235 to believe it, 535 or 454 not to."""

    mechanism: str
    user: str
    """Empty where a token comes without a name."""
    password: str = field(repr=False)
    """Or the token, by its mechanism."""
    authzid: str = ""


class MailFrom(Struct, frozen=True, gc=False):
    """A transaction wants to begin. Needs an answer."""

    sender: str
    envelope: Envelope
    """Without recipients yet."""


class RcptTo(Struct, frozen=True, gc=False):
    """One more recipient. Needs an answer."""

    recipient: Recipient


class BodyStart(Struct, frozen=True, gc=False):
    """The body is about to come. Any positive answer lets it; a negative one ends the transaction."""

    envelope: Envelope
    """With every recipient that was accepted."""


class BodyPart(Struct, frozen=True, gc=False):
    """The next octets of the body, dot-unstuffed. No answer."""

    octets: bytes


class MessageReceived(Struct, frozen=True, gc=False):
    """The body is complete and in order. The answer is the final word on the message."""

    size: int
    """Octets of all the parts."""


class MessageAborted(Struct, frozen=True, gc=False):
    """The body was refused, and the peer told: forget its parts. The transaction is over. No answer."""

    reply: Reply


class Reset(Struct, frozen=True, gc=False):
    """The transaction is over without a message. No answer."""


class Quit(Struct, frozen=True, gc=False):
    """The peer is leaving; an open transaction is over. No answer."""


Event = (
    StartTls | AuthGiven | MailFrom | RcptTo | BodyStart | BodyPart | MessageReceived | MessageAborted | Reset | Quit
)

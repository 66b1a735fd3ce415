"""Where one server session stands, and the small acts its commands are made of. Internal to `smtp_server`."""

from __future__ import annotations

from functools import lru_cache

from goodstanding.model import Envelope, Recipient, Reply
from goodstanding.wire import smtp_answers as answers
from goodstanding.wire.reply import encode_reply
from goodstanding.wire.smtp_auth import Exchange
from goodstanding.wire.smtp_data import ChunkedBody, DataBody, Wasted
from goodstanding.wire.smtp_events import Event, Reset, ServerPolicy
from goodstanding.wire.smtp_input import Input

NOTHING: frozenset[str] = frozenset()
_encoded = lru_cache(maxsize=256)(encode_reply)
"""Nearly every reply is said word for word again, command after command."""


class Transaction:
    """From MAIL to the end of its message."""

    __slots__ = ("chunks", "commands", "envelope", "recipients")

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.recipients: list[Recipient] = []
        self.commands = 0
        """RCPT commands, refused ones included."""
        self.chunks: ChunkedBody | None = None
        """The body so far, when it comes by BDAT; also between the chunks."""

    def whole_envelope(self) -> Envelope:
        """The envelope with its recipients."""
        sent = self.envelope
        recipients = tuple(self.recipients)
        return Envelope(sent.sender, recipients, sent.body, sent.smtputf8, sent.ret, sent.envid, sent.size)


class Dialogue:
    """The state of one session. Acts return the event they cause, if any."""

    __slots__ = (
        "asked",
        "authenticated",
        "body",
        "closing",
        "errors",
        "esmtp",
        "exchange",
        "helo",
        "idle",
        "input",
        "output",
        "policy",
        "tls",
        "transaction",
        "transactions",
    )

    def __init__(self, policy: ServerPolicy, tls: bool) -> None:
        self.policy = policy
        self.tls = tls
        self.helo = ""
        self.esmtp = False
        self.authenticated = False
        self.closing = False
        self.input = Input()
        self.output: list[bytes] = []
        self.asked: Event | None = None
        self.exchange: Exchange | None = None
        self.transaction: Transaction | None = None
        self.body: DataBody | ChunkedBody | Wasted | None = None
        self.errors = 0
        self.idle = 0
        """Commands since the last message that brought none nearer."""
        self.transactions = 0

    @property
    def extensions(self) -> frozenset[str]:
        """What this client may use: nothing before EHLO (RFC 5321 §4.1.1.1)."""
        return self.policy.extensions if self.esmtp else NOTHING

    def say(self, reply: Reply) -> None:
        """Queue a reply."""
        if reply.enhanced and "ENHANCEDSTATUSCODES" not in self.policy.extensions:
            reply = Reply(reply.code, "", reply.text)
        self.output.append(_encoded(reply))

    def ask(self, event: Event) -> Event:
        """Stand still until the shell has answered."""
        self.asked = event
        return event

    def refuse(self, reply: Reply, cost: int | None = None) -> Event | None:
        """Say a refusal, and charge it if the protocol was hurt (RFC 3463 X.5 and X.7) rather than a wish denied."""
        self.say(reply)
        if cost is None:
            cost = 1 if reply.enhanced[1:3] in (".5", ".7") else 0
        self.errors += cost
        return self.hang_up(answers.TOO_MANY_ERRORS) if self.errors >= self.policy.error_budget else None

    def out_of_turn(self, reply: Reply) -> Event | None:
        """Say that something must come before: no fault of a client that pipelined it behind a refused command."""
        self.say(reply)
        return self.idle_on()

    def idle_on(self) -> Event | None:
        """Count a command that brings no message nearer."""
        self.idle += 1
        return self.hang_up(answers.TOO_MANY_IDLE) if self.idle > self.policy.idle_commands_limit else None

    def hang_up(self, why: str) -> Event | None:
        """Close with a 421 (RFC 5321 §3.8)."""
        self.say(Reply(421, "4.7.0", f"{self.policy.hostname} {why}"))
        return self.close()

    def close(self) -> Event | None:
        """Read no more."""
        self.closing = True
        self.input.replace(b"")
        self.asked = self.exchange = self.body = None
        return self.forget()

    def forget(self) -> Event | None:
        """End the transaction; tells of it if there was one."""
        transaction, self.transaction = self.transaction, None
        return Reset() if transaction else None

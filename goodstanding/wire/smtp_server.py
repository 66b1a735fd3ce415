"""The server side of SMTP as a state machine without I/O (RFC 5321, 3207, 4954, 1870, 2920, 3030, 3461, 6531, 9422).

Bytes of the client go into `Session.receive`, events come out; the shell answers those that ask for it with
`Session.answer`, and sends whatever `Session.output` holds after either. While an answer is awaited the session stands
still: what the client pipelined waits, and a shell that does not read meanwhile bounds it.

The states, in the order in which they are looked at:
``closing``   nothing is read any more
``asked``     an event waits for its answer (StartTls: for `tls_started`)
``body``      octets belong to a body
``exchange``  the next line belongs to AUTH
otherwise     the next line is a command; a transaction is open while ``transaction`` is set

Peers cannot make this raise: nonsense is answered 5xx and charged to their error budget. Only misuse by the shell is an
exception (`LocalProtocolError`). `smtp_verbs` holds the commands, `smtp_dialogue` the state, `smtp_data` the bodies,
`smtp_answers` the words.
"""

from __future__ import annotations

from typing import Literal

from goodstanding.errors import LocalProtocolError
from goodstanding.model import Reply
from goodstanding.wire import smtp_answers as answers
from goodstanding.wire.smtp_data import ChunkedBody, DataBody, Scrutiny, Wasted
from goodstanding.wire.smtp_dialogue import Dialogue, Transaction
from goodstanding.wire.smtp_events import (
    EXTENSIONS,
    AuthGiven,
    BodyPart,
    BodyStart,
    Event,
    MailFrom,
    MessageAborted,
    MessageReceived,
    Quit,
    RcptTo,
    Reset,
    ServerPolicy,
    StartTls,
)
from goodstanding.wire.smtp_verbs import authenticate, authenticated, obey, refuse_early_body

__all__ = [
    "EXTENSIONS",
    "AuthGiven",
    "BodyPart",
    "BodyStart",
    "Event",
    "MailFrom",
    "MessageAborted",
    "MessageReceived",
    "Quit",
    "RcptTo",
    "Reset",
    "ServerPolicy",
    "Session",
    "StartTls",
]

TLS_HELLO = b"\x16\x03"  # how every TLS handshake begins; no command does


class Session:
    """One connection, from the greeting to the end."""

    __slots__ = ("_dialogue",)

    def __init__(self, policy: ServerPolicy, *, tls: bool = False) -> None:
        self._dialogue = Dialogue(policy, tls)

    def __repr__(self) -> str:
        asked = self._dialogue.asked
        waits = f" waiting for an answer to {type(asked).__name__}" if asked else ""
        return f"<Session with {self.helo or 'a stranger'}, tls={self.tls}, in {self.phase} phase{waits}>"

    @property
    def helo(self) -> str:
        """The name the client gave itself; empty before it did."""
        return self._dialogue.helo

    @property
    def esmtp(self) -> bool:
        """Whether it said EHLO."""
        return self._dialogue.esmtp

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self._dialogue.tls

    @property
    def authenticated(self) -> bool:
        """Whether the shell believed a claim."""
        return self._dialogue.authenticated

    @property
    def closing(self) -> bool:
        """Whether the connection is to be closed once the output is sent."""
        return self._dialogue.closing

    @property
    def phase(self) -> Literal["command", "data"]:
        """What the client is expected to send next: they have different timeouts (RFC 5321 §4.5.3.2.7)."""
        return "command" if self._dialogue.body is None else "data"

    def greet(self, reply: Reply | None = None) -> None:
        """Say the first word; a negative one is the last, too (RFC 5321 §3.1)."""
        policy = self._dialogue.policy
        if reply is None:
            reply = Reply(220, "", f"{policy.hostname} {policy.banner}")
        self._dialogue.say(reply)
        if not reply.positive:
            self._dialogue.close()

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes mean, up to and including the first event that needs an answer."""
        dialogue = self._dialogue
        if dialogue.closing or isinstance(dialogue.asked, StartTls):  # RFC 3207 §5: plaintext behind STARTTLS
            return []
        dialogue.input.add(data)
        return self._advance()

    def answer(self, reply: Reply) -> list[Event]:
        """Answer the event that asked, and go on with what the client sent meanwhile."""
        dialogue = self._dialogue
        if dialogue.closing:  # ended while the shell was thinking
            return []
        asked, dialogue.asked = dialogue.asked, None
        if asked is None or isinstance(asked, StartTls):
            raise LocalProtocolError("no event waits for an answer")
        if reply.code == 421:  # RFC 5321 §4.2.1: whoever says it closes
            self.end(reply)
            return []
        event = _settle(dialogue, asked, reply)
        return [event, *self._advance()] if event else self._advance()

    def output(self) -> bytes:
        """Everything to be sent, once."""
        queued = self._dialogue.output
        if not queued:
            return b""
        octets = queued[0] if len(queued) == 1 else b"".join(queued)
        queued.clear()
        return octets

    def tls_started(self) -> None:
        """The connection is encrypted now: forget everything said before (RFC 3207 §4.2)."""
        dialogue = self._dialogue
        if not isinstance(dialogue.asked, StartTls):
            raise LocalProtocolError("TLS was not asked for")
        dialogue.asked = None
        dialogue.tls = True
        dialogue.helo = ""
        dialogue.esmtp = dialogue.authenticated = False

    def end(self, reply: Reply) -> None:
        """Say a last word and read no more."""
        if not self._dialogue.closing:
            self._dialogue.say(reply)
            self._dialogue.close()

    def _advance(self) -> list[Event]:
        """Read until an event asks, the session ends or the input does."""
        dialogue = self._dialogue
        events: list[Event] = []
        if not dialogue.input and (dialogue.body is None or dialogue.body.wants):  # an empty chunk ends without input
            return events
        more = True
        while more and dialogue.asked is None and not dialogue.closing:
            more = _read_line(dialogue, events) if dialogue.body is None else _read_body(dialogue, events)
        if dialogue.asked is None or not dialogue.input:  # with many lines waiting, cutting once is enough
            dialogue.input.compact()
        return events


def _read_line(dialogue: Dialogue, events: list[Event]) -> bool:
    """Read a command line and obey it; False when it wants more input."""
    if not dialogue.helo and dialogue.input.begins_with(TLS_HELLO):
        dialogue.hang_up(answers.TLS_ON_PLAIN_PORT)
        return False
    line = dialogue.input.next_line(dialogue.policy.line_limit, in_auth=dialogue.exchange is not None)
    if line is None:
        return False
    event = _take_line(dialogue, line)
    if event is not None:
        events.append(event)
    return True


def _take_line(dialogue: Dialogue, line: bytes) -> Event | None:
    """Obey one line, if it is one."""
    if dialogue.input.line_is_long:
        within_auth, dialogue.exchange = dialogue.exchange, None
        return dialogue.refuse(answers.AUTH_LINE_TOO_LONG if within_auth else answers.LINE_TOO_LONG)
    content, _, end = line.partition(b"\r")
    if end != b"\n":
        return dialogue.hang_up(answers.BARE_LINE_END)
    text = _decoded(content)
    if text is None:
        dialogue.exchange = None
        return dialogue.refuse(answers.NO_TEXT)
    if dialogue.exchange is not None:
        return authenticate(dialogue, dialogue.exchange.take(text))
    return obey(dialogue, text)


def _decoded(line: bytes) -> str | None:
    """The line as text; None where it is none."""
    if b"\0" in line:
        return None
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def _read_body(dialogue: Dialogue, events: list[Event]) -> bool:
    """Read a stretch of a body; False when it wants more input."""
    body = dialogue.body
    assert body is not None
    part, rest = body.read(dialogue.input.take(body.wants))
    if rest:
        dialogue.input.replace(rest)
    if part:
        events.append(BodyPart(part))
    if rest is None:
        return False
    dialogue.body = None
    event = _end_body(dialogue, body.scrutiny) if isinstance(body, DataBody) else _end_chunk(dialogue, body)
    if event is not None:
        events.append(event)
    return True


def _end_chunk(dialogue: Dialogue, body: Wasted | ChunkedBody) -> Event | None:
    """Judge a BDAT chunk that is complete; every one has its own reply (RFC 3030 §2)."""
    if isinstance(body, Wasted):
        return dialogue.out_of_turn(body.refusal)
    if body.is_last or body.scrutiny.is_refused:
        return _end_body(dialogue, body.scrutiny)
    dialogue.say(Reply(250, "2.0.0", f"{body.scrutiny.size} octets received so far"))
    return dialogue.idle_on() if body.is_empty else None


def _end_body(dialogue: Dialogue, scrutiny: Scrutiny) -> Event:
    """Judge a body that is complete."""
    refusal = scrutiny.refusal
    if refusal is None:
        return dialogue.ask(MessageReceived(scrutiny.size))
    dialogue.say(refusal)
    dialogue.forget()
    return MessageAborted(refusal)


def _settle(dialogue: Dialogue, asked: Event, reply: Reply) -> Event | None:
    """Go where an answer leads."""
    match asked:
        case BodyStart():
            return _start_body(dialogue, reply)
        case AuthGiven():
            return authenticated(dialogue, reply)
        case MailFrom() if reply.positive:
            dialogue.transaction = Transaction(asked.envelope)
        case RcptTo() if reply.positive and dialogue.transaction:
            dialogue.transaction.recipients.append(asked.recipient)
        case RcptTo() if dialogue.authenticated or not dialogue.policy.auth_required:
            dialogue.idle = 0  # a known client may have a thousand recipients who are turned away one by one
        case MessageReceived():
            dialogue.forget()
            dialogue.idle = 0
    dialogue.say(reply)
    return None


def _start_body(dialogue: Dialogue, reply: Reply) -> Event | None:
    """Let the body come, or refuse it; a chunk that was announced comes in any case."""
    chunks = dialogue.transaction.chunks if dialogue.transaction else None
    if reply.positive:
        dialogue.body = chunks or DataBody(dialogue.policy.size_limit, dialogue.policy.size_advice)
        if chunks is None:
            dialogue.say(answers.GO_AHEAD)
        return None
    dialogue.forget()
    if chunks is not None:
        dialogue.body = Wasted(chunks.wants, reply)
        return None
    dialogue.say(reply)
    return refuse_early_body(dialogue)

"""The shortest shell a server session can have: it answers every event at once and keeps what it was told."""

from base64 import b64encode
from collections.abc import Callable, Iterable

from goodstanding.model import Envelope, Recipient, Reply
from goodstanding.wire.reply import ReplyReader
from goodstanding.wire.smtp_server import (
    AuthGiven,
    BodyPart,
    BodyStart,
    Event,
    MailFrom,
    MessageAborted,
    MessageReceived,
    RcptTo,
    ServerPolicy,
    Session,
    StartTls,
)

ANSWERED = AuthGiven | MailFrom | RcptTo | BodyStart | MessageReceived
OPEN = ServerPolicy("mx.test", auth_required=False)
ENVELOPE = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n"
STARTED = Envelope("a@x.test")
SENT = Envelope("a@x.test", (Recipient("b@y.test"),))
PLAIN = b"AUTH PLAIN " + b64encode(b"\0user\0secret")


def accept_all(event: ANSWERED) -> Reply:
    match event:
        case AuthGiven():
            return Reply(235, "2.7.0", "Welcome") if event.password == "secret" else Reply(535, "5.7.8", "No")
        case MessageReceived():
            return Reply(250, "2.0.0", "Queued")
        case MailFrom():
            return Reply(250, "2.1.0", "OK")
        case RcptTo():
            return Reply(250, "2.1.5", "OK")
        case BodyStart():
            return Reply(354, "", "Go")


class Conversation:
    """A session, everything it said, and every message it took."""

    def __init__(
        self,
        policy: ServerPolicy = OPEN,
        *,
        tls: bool = False,
        decide: Callable[[ANSWERED], Reply] = accept_all,
    ) -> None:
        self.session = Session(policy, tls=tls)
        self.decide = decide
        self.events: list[Event] = []
        """All of them, the parts of a body joined."""
        self.envelopes: list[BodyStart] = []
        self.messages: list[bytes] = []
        self.said = b""
        self._body = b""
        self.session.greet()
        self.said += self.session.output()

    def send(self, octets: bytes, size: int = 0) -> list[Reply]:
        """The replies to some bytes, received in pieces of ``size`` (0: at once)."""
        pieces = [octets] if not size else [octets[at : at + size] for at in range(0, len(octets), size)]
        return self.send_pieces(pieces)

    def send_pieces(self, pieces: Iterable[bytes]) -> list[Reply]:
        heard = b""
        for piece in pieces:
            events = self.session.receive(piece)
            while events:
                events = self._take(events)
            heard += self.session.output()
        self.said += heard
        return ReplyReader().receive(heard)

    def codes(self, octets: bytes) -> list[int]:
        """The reply codes to some bytes."""
        return [reply.code for reply in self.send(octets)]

    def line(self, text: str) -> Reply:
        """The one reply to one line."""
        (reply,) = self.send(text.encode() + b"\r\n")
        return reply

    def _take(self, events: list[Event]) -> list[Event]:
        more: list[Event] = []
        for event in events:
            if isinstance(event, BodyPart):
                self._body += event.octets
                continue
            if self._body and isinstance(event, MessageReceived):
                self.events.append(BodyPart(self._body))
            self.events.append(event)
            if isinstance(event, BodyStart):
                self.envelopes.append(event)
            if isinstance(event, MessageReceived):
                self.messages.append(self._body)
            if isinstance(event, MessageReceived | MessageAborted):
                self._body = b""
            if isinstance(event, StartTls):
                self.said += self.session.output()
                self.session.tls_started()
            if isinstance(event, ANSWERED):
                more = self.session.answer(self.decide(event))
        return more


def greeted(policy: ServerPolicy = OPEN, **kwargs: object) -> Conversation:
    """A conversation behind its EHLO."""
    conversation = Conversation(policy, **kwargs)  # type: ignore[arg-type]
    conversation.line("EHLO client.test")
    return conversation


def in_transaction(policy: ServerPolicy = OPEN) -> Conversation:
    """A conversation behind ENVELOPE."""
    conversation = greeted(policy)
    assert conversation.codes(ENVELOPE) == [250, 250]
    return conversation

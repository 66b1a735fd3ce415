"""The SMTP client as a state machine without a socket (RFC 5321, 2920, 3207, 4954).

The shell writes what `Client.output` gives, feeds what it reads to `Client.receive` and acts on the events that come
back. The client always knows which command each reply belongs to: ``_unanswered`` lists the commands on the wire,
oldest first. States, in order of life:

    opening   greeting, EHLO (or HELO), STARTTLS and EHLO again, AUTH       ends in Ready or Refused
    ready     waits for `transact` or `quit`
    mailing   MAIL, RCPT and DATA, in one write where PIPELINING is offered, then the body    ends in Finished
    over      the server closed, said 421, or broke the protocol: nothing more can be sent

What can go wrong: a positive reply of the wrong kind is nonsense and raises RemoteProtocolError; the shell then calls
`broken`, which closes the books of the transaction without forgetting what was already learned about single recipients.
A reply to a command not sent yet ends the connection, but not what came before: some servers confirm a message twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

from goodstanding.errors import LocalProtocolError, RemoteProtocolError
from goodstanding.model import NetworkFailure, Reply
from goodstanding.wire.capabilities import Capabilities, command_line, read_capabilities
from goodstanding.wire.client_events import BodyWanted, ClientEvent, Closed, Finished, Ready, Refused, TlsWanted
from goodstanding.wire.reply import ReplyReader
from goodstanding.wire.transaction import Books, Transaction, TransactionResult, is_positive

__all__ = [
    "BodyWanted",
    "Client",
    "ClientEvent",
    "Closed",
    "Finished",
    "Ready",
    "Refused",
    "TlsWanted",
    "Transaction",
    "TransactionResult",
]

Tls = Literal["never", "opportunistic", "required"]


OPENING = frozenset(("greeting", "hello", "tls", "auth"))


class Client:
    """One SMTP connection seen from the sending side."""

    def __init__(self, hello: str, *, tls: Tls = "opportunistic", auth: tuple[str, str] | None = None) -> None:
        """``hello`` is our name; ``tls`` how much TLS matters; ``auth`` user name and password, if we must log in."""
        self.capabilities = Capabilities()
        self.secured = False
        self.ready = False
        self.over = False
        self.transactions = 0
        """Transactions begun."""
        self.replies = 0
        """Replies heard: tells a slow answer from none."""
        self._hello = hello
        self._tls = tls
        self._auth = auth
        self._login_lines: list[bytes] = []
        self._reader = ReplyReader()
        self._output: list[bytes] = []
        self._unanswered: deque[str] = deque(("greeting",))
        self._unsent: deque[tuple[str, bytes]] = deque()
        """Commands that wait for the reply to the one before: without PIPELINING only."""
        self._books: Books | None = None
        self._next: Books | None = None
        """Those of a transaction begun behind a message whose final reply is still out."""
        self._sending = False
        self._handshaking = False
        self._uncertain = False
        """The server may still hold a transaction of ours: RSET before the next."""

    def __repr__(self) -> str:
        state = "over" if self.over else "ready" if self.ready else f"waiting for {self.waiting or 'nothing'}"
        return f"<Client {self._hello}: {state}, {self.transactions} transactions>"

    @property
    def waiting(self) -> str:
        """The stage whose time-out runs now (RFC 5321 §4.5.3.2); empty when nothing is awaited."""
        if self._sending:
            return "body"
        stage = self._unanswered[0] if self._unanswered else ""
        return STAGE_OF.get(stage, stage)

    @property
    def exhausted(self) -> bool:
        """The server allows no further transaction on this connection."""
        return 0 < self.capabilities.mails_limit <= self.transactions

    def output(self) -> bytes:
        """Everything to be written now; asking empties it."""
        octets = b"".join(self._output)
        self._output.clear()
        return octets

    def receive(self, octets: bytes) -> list[ClientEvent]:
        """Events that follow from bytes of the server; no bytes mean that it closed."""
        events: list[ClientEvent] = []
        if not octets:
            self._end(events)
        for reply in self._reader.receive(octets):
            if self.over or self._handshaking:
                break  # RFC 3207 §4.2: what was said in the clear behind the 220 counts for nothing
            self.replies += 1
            self._take(reply, events)
        return events

    def tls_started(self) -> None:
        """The handshake is done: everything learned in the clear is forgotten, and EHLO is said again."""
        if not self._handshaking:
            raise LocalProtocolError("TLS was started, but the server was not asked for it")
        self._handshaking = False
        self.secured = True
        self.capabilities = Capabilities()
        self._reader = ReplyReader()
        self._say("hello", command_line(f"EHLO {self._hello}"))

    def transact(self, transaction: Transaction) -> list[ClientEvent]:
        """Begin a transaction; it is Finished at once when this server cannot take such a message."""
        if not self.ready or not transaction.recipients:
            raise LocalProtocolError(
                f"{self!r} cannot begin a transaction with {len(transaction.recipients)} recipients"
            )
        books = Books([None] * len(transaction.recipients))
        if objection := self.capabilities.objection(transaction):
            books.settle(objection, "mail")
            return [self._finish(books)]
        commands = self.capabilities.commands(transaction)
        self._books = books
        if self._uncertain:
            commands.insert(0, ("rset", b"RSET\r\n"))
        self.ready = self._uncertain = False
        self.transactions += 1
        if self.capabilities.pipelining:  # RFC 2920 §3.1: all the way to DATA in one write
            self._unanswered.extend([stage for stage, _ in commands])
            self._output.extend([line for _, line in commands])
        else:
            self._unsent.extend(commands)
            self._say(*self._unsent.popleft())
        return []

    def follow(self, transaction: Transaction) -> bool:
        """Begin the next transaction behind a message that awaits its final reply; False where that cannot be done.

        The end of a message may be the first of a group of commands (RFC 2920 §3.1): it saves a round trip a message.
        """
        if (
            not self.capabilities.pipelining
            or not self._awaits_final
            or self.exhausted
            or self.capabilities.objection(transaction)
        ):
            return False
        commands = self.capabilities.commands(transaction)
        self._next = Books([None] * len(transaction.recipients))
        self.transactions += 1
        self._unanswered.extend([stage for stage, _ in commands])
        self._output.extend([line for _, line in commands])
        return True

    @property
    def _awaits_final(self) -> bool:
        """A message has been sent whole, and nothing is owed but the final word on it."""
        return not self.over and not self._sending and len(self._unanswered) == 1 and self._unanswered[0] == "final"

    def body_sent(self) -> None:
        """The message, stuffed and ended by its dot, has been handed to the network."""
        if not self._sending and not self.over:  # over: refused in the same breath as it was wanted
            raise LocalProtocolError("a body was sent, but none was wanted")
        self._sending = False

    def quit(self) -> None:
        """Say goodbye; Closed follows when the server answers."""
        if not self.over:
            self.ready = False
            self._say("quit", b"QUIT\r\n")

    def broken(self, failure: NetworkFailure) -> TransactionResult | None:
        """The connection is lost: what that makes of the transaction on the wire, if there is one."""
        self._end([])
        books, self._books, self._next = self._books, None, None
        if books is None:
            return None
        books.settle(failure, failure.stage)
        return books.result()

    # The opening

    def _take_greeting(self, reply: Reply, events: list[ClientEvent]) -> None:
        if self._welcomed(reply, "greeting", events):
            self._say("hello", command_line(f"EHLO {self._hello}"))

    def _take_hello(self, reply: Reply, events: list[ClientEvent]) -> None:
        if reply.permanent and not self.secured:  # RFC 5321 §3.2: a server that does not know EHLO
            self._say("helo", command_line(f"HELO {self._hello}"))
        elif self._welcomed(reply, "hello", events):
            self.capabilities = read_capabilities(reply.text)
            self._secure(events)

    def _take_helo(self, reply: Reply, events: list[ClientEvent]) -> None:
        if self._welcomed(reply, "hello", events):
            self._secure(events)

    def _secure(self, events: list[ClientEvent]) -> None:
        """TLS if we want it and it is to be had."""
        if self._tls == "never" or self.secured:
            self._log_in(events)
        elif "STARTTLS" in self.capabilities.extensions:
            self._say("tls", b"STARTTLS\r\n")
        elif self._tls == "required":
            events.append(Refused(Reply(451, "4.7.4", "TLS is required, but this server does not offer it"), "tls"))
        else:
            self._log_in(events)

    def _take_tls(self, reply: Reply, events: list[ClientEvent]) -> None:
        if is_positive(reply, 2, "tls"):
            self._handshaking = True
            events.append(TlsWanted())
        elif self._tls == "required":
            events.append(Refused(reply, "tls"))
        else:
            self._log_in(events)

    def _log_in(self, events: list[ClientEvent]) -> None:
        """The login, if we owe one; a password never goes in the clear unless TLS was ruled out on purpose."""
        if self._auth is None:
            self._open_up(events)
        elif not self.secured and self._tls != "never":
            events.append(Refused(Reply(451, "4.7.4", "the login needs TLS, which this server does not offer"), "auth"))
        elif lines := self.capabilities.login_lines(*self._auth):
            self._login_lines = lines
            self._say("auth", lines.pop(0))
        else:
            events.append(
                Refused(Reply(451, "4.7.4", "the login needs AUTH PLAIN or LOGIN, which is not offered"), "auth")
            )

    def _take_auth(self, reply: Reply, events: list[ClientEvent]) -> None:
        if reply.code == 334 and self._login_lines:  # RFC 4954 §4
            self._say("auth", self._login_lines.pop(0))
        elif self._welcomed(reply, "auth", events):
            self._open_up(events)

    def _welcomed(self, reply: Reply, stage: str, events: list[ClientEvent]) -> bool:
        """Whether the opening goes on; a refusal becomes an event."""
        if is_positive(reply, 2, stage):
            return True
        events.append(Refused(reply, stage))
        return False

    def _open_up(self, events: list[ClientEvent]) -> None:
        self.ready = True
        events.append(Ready())

    # One transaction

    def _take_rset(self, reply: Reply, events: list[ClientEvent]) -> None:
        self._go_on()

    def _take_mail(self, reply: Reply, events: list[ClientEvent]) -> None:
        if is_positive(reply, 2, "mail"):
            self._go_on()
        else:
            self._open_books().settle(reply, "mail")
            self._cut_short(events)

    def _take_rcpt(self, reply: Reply, events: list[ClientEvent]) -> None:
        books = self._open_books()
        books.settle_next(reply)
        if books.heard == len(books.answers) and not books.taken:
            self._uncertain = True
            self._cut_short(events)
        else:
            self._go_on()

    def _take_data(self, reply: Reply, events: list[ClientEvent]) -> None:
        books = self._open_books()
        if not is_positive(reply, 3, "data"):
            books.settle(reply, "data")
            self._uncertain = True
            events.append(self._finish(books))
            return
        self._uncertain = False  # the final reply ends the transaction, whatever it is
        self._unanswered.append("final")
        if books.taken:
            self._sending = True
            events.append(BodyWanted())
        else:
            self._output.append(b".\r\n")  # RFC 2920 §3.1: nobody is to have it, but the server waits for the dot

    def _take_final(self, reply: Reply, events: list[ClientEvent]) -> None:
        books = self._open_books()
        accepted = is_positive(reply, 2, "final") and books.taken > 0
        if self._sending and accepted:
            raise RemoteProtocolError(f"the message was taken before it was sent: {reply}")
        books.settle(reply, "final")
        cut_off = self._sending  # refused in mid-body: the rest would be read as commands
        events.append(self._finish(books, accepted=accepted))
        if cut_off:
            self._end(events)

    def _take_quit(self, reply: Reply, events: list[ClientEvent]) -> None:
        self._end(events)

    # What all stages share

    def _take(self, reply: Reply, events: list[ClientEvent]) -> None:
        """Hand a reply to the command it answers: the oldest on the wire."""
        stage = self._unanswered.popleft() if self._unanswered else ""
        if reply.code == 421:  # RFC 5321 §3.8: may answer any command, or none, and ends the connection
            self._dismissed(reply, STAGE_OF.get(stage, stage), events)
        elif stage and not self._output:
            TAKERS[stage](self, reply, events)
        else:  # an answer before the question: nothing it says next can be trusted, but what is settled stays settled
            self._end(events)

    def _dismissed(self, reply: Reply, stage: str, events: list[ClientEvent]) -> None:
        """The server hangs up: its reply is the answer to everything still open."""
        if self._books:
            self._books.settle(reply, stage)
            events.append(self._finish(self._books))
        elif stage in OPENING:
            events.append(Refused(reply, stage))
        self._end(events)

    def _say(self, stage: str, line: bytes) -> None:
        self._output.append(line)
        self._unanswered.append(stage)

    def _go_on(self) -> None:
        """Without PIPELINING: the next command."""
        if self._unsent:
            self._say(*self._unsent.popleft())

    def _cut_short(self, events: list[ClientEvent]) -> None:
        """Nobody is left to send to: done, as soon as no reply is due any more."""
        self._unsent.clear()
        if not self._unanswered:
            events.append(self._finish(self._open_books()))

    def _open_books(self) -> Books:
        if self._books is None:
            raise LocalProtocolError(f"{self!r} has no transaction")
        return self._books

    def _finish(self, books: Books, *, accepted: bool = False) -> Finished:
        self._books, self._next = self._next, None
        self._sending = False
        self.ready = self._books is None
        return Finished(books.result(accepted=accepted))

    def _end(self, events: list[ClientEvent]) -> None:
        self.over = True
        self.ready = self._sending = False
        self._output.clear()
        events.append(Closed())


STAGE_OF = {"helo": "hello", "rset": "mail"}
"""Commands that people know as part of another stage."""

TAKERS: dict[str, Callable[[Client, Reply, list[ClientEvent]], None]] = {
    "greeting": Client._take_greeting,
    "hello": Client._take_hello,
    "helo": Client._take_helo,
    "tls": Client._take_tls,
    "auth": Client._take_auth,
    "rset": Client._take_rset,
    "mail": Client._take_mail,
    "rcpt": Client._take_rcpt,
    "data": Client._take_data,
    "final": Client._take_final,
    "quit": Client._take_quit,
}
"""Who takes the reply to which command."""

"""Applications that submit: one message, or a crowd of sessions that notes which ones got their 250."""

import contextlib
import itertools
import smtplib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

SENDER = "app@acme.example"
_tokens = itertools.count(1)


def new_token() -> str:
    """A name for a message that no other in this run has."""
    return f"t{next(_tokens)}"


def letter(token: str, size: int = 500) -> bytes:
    """A message with its token in the header and in every line of its body."""
    head = f"From: {SENDER}\r\nTo: somebody@example.net\r\nSubject: {token}\r\nX-Token: {token}\r\n\r\n".encode()
    line = f"this is {token}, and a line that says so\r\n".encode()
    return head + line * max(1, size // len(line))


@contextlib.contextmanager
def session(port: int, timeout: float = 30.0, source: str = "127.0.0.1") -> Iterator[smtplib.SMTP]:
    """A greeted session; however it ends, the socket is closed."""
    client = smtplib.SMTP("127.0.0.1", port, "client.example", timeout, (source, 0))
    try:
        yield client
    finally:
        client.close()


def submit(port: int, *recipients: str, token: str = "", size: int = 500, sender: str = SENDER) -> str:
    """Send one message; its token. Raises what smtplib raises when it is not taken."""
    token = token or new_token()
    with session(port) as client:
        refused = client.sendmail(sender, recipients or ("somebody@example.net",), letter(token, size))
    assert not refused
    return token


def submit_many(port: int, count: int, recipient: str, source: str = "127.0.0.1") -> list[str]:
    """Send messages over one session; their tokens."""
    tokens = [new_token() for _ in range(count)]
    with session(port, source=source) as client:
        for token in tokens:
            client.sendmail(SENDER, [recipient], letter(token))
    return tokens


@dataclass
class Crowd:
    """Sessions that submit as fast as they are answered, and go on whatever happens to the relay."""

    port: int
    sessions: int = 8
    recipients: tuple[str, ...] = ("somebody@example.net",)
    acknowledged: set[str] = field(default_factory=set)
    """Tokens that got their 250."""
    replies: set[tuple[int, str]] = field(default_factory=set)
    """Refusals that were met."""
    broken: int = 0
    """Conversations that ended without an answer."""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(self.sessions)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with session(self.port, 40.0) as client:
                    while not self._stop.is_set():
                        self._send(client)
            except (OSError, smtplib.SMTPException):
                self.broken += 1
                self._stop.wait(0.05)  # as an application would: not at once

    def _send(self, client: smtplib.SMTP) -> None:
        token = new_token()
        try:
            client.sendmail(SENDER, self.recipients, letter(token))
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPResponseException as exc:
            self._note(exc.smtp_code, exc.smtp_error)
        except smtplib.SMTPRecipientsRefused as exc:
            self._note(*next(iter(exc.recipients.values())))
        else:
            self.acknowledged.add(token)

    def _note(self, code: int, text: bytes) -> None:
        self.replies.add((code, text.decode(errors="replace")))
        self._stop.wait(0.05)

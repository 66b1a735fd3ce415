"""The shop's programs: each hands its mail to the relay as anything that speaks SMTP would, and notes the answers."""

from __future__ import annotations

import smtplib
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from goodstanding.cli.demo_mail import Letter

SENDERS = 2
"""Connections of each application."""
CLOSING = 421
"""The server says goodbye; a client comes again (RFC 5321 §3.8)."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the relay takes mail (STARTTLS), and its certificate."""

    port: int
    certificate: Path

    def trust(self) -> ssl.SSLContext:
        """Believes the relay's own certificate and no other."""
        return ssl.create_default_context(cafile=self.certificate)

    def connect(self, username: str, secret: str) -> smtplib.SMTP:
        """A session of somebody who has logged in."""
        smtp = smtplib.SMTP("localhost", self.port, timeout=30)
        smtp.starttls(context=self.trust())
        smtp.login(username, secret)
        return smtp


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt to hand a message in."""

    letter: Letter
    code: int
    text: str
    """As the client read it, lines without the code."""
    at: float
    """Second of the monotonic clock when it began."""
    took: float
    """Seconds from MAIL to the last word."""

    @property
    def fate(self) -> str:
        """``accepted``, ``held``, ``refused`` or ``deferred``."""
        if 200 <= self.code < 300:
            return "held" if "2.7.0" in self.text.partition("\n")[0] else "accepted"
        return "refused" if self.code >= 500 else "deferred"

    def __str__(self) -> str:
        """The reply with its code, without its further lines."""
        return f"{self.code} {self.text.partition(chr(10))[0]}"


def hand_in(smtp: smtplib.SMTP, letter: Letter) -> Answer:
    """One transaction. Raises OSError or SMTPException when the connection does not live through it."""
    begun = time.monotonic()
    options = ["SMTPUTF8"] if letter.smtputf8 else []
    code, said = smtp.mail(letter.sender, options)
    for recipient in letter.recipients if code < 300 else ():
        code, said = smtp.rcpt(recipient)
        if code >= 300:
            break
    if code < 300:
        code, said = smtp.data(letter.octets)
    elif code != CLOSING:
        smtp.rset()
    return Answer(letter, code, said.decode("utf-8", "replace"), begun, time.monotonic() - begun)


Dated = tuple[float, Letter]
"""A letter with the second (monotonic) at which it is to go."""


@dataclass(slots=True)
class Submission:
    """Letters on their way into the relay, from several connections at once."""

    door: Door
    wanted: int = 0
    answers: list[Answer] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Connections that ended early, and why."""
    stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, login: tuple[str, str], letters: Iterable[Dated], connections: int = SENDERS) -> None:
        """Begin to send, each letter when it is due."""
        line: SimpleQueue[Dated] = SimpleQueue()
        for dated in letters:
            line.put(dated)
        self.wanted += line.qsize()
        for _ in range(connections):
            thread = threading.Thread(target=self._send, args=(login, line), daemon=True)
            self._threads.append(thread)
            thread.start()

    @property
    def running(self) -> bool:
        """Whether anything is left to submit."""
        return any(thread.is_alive() for thread in self._threads)

    def _send(self, login: tuple[str, str], line: SimpleQueue[Dated]) -> None:
        """One connection after the other, as any program that uses smtplib would have it."""
        again: list[Dated] = []
        try:
            while not self.stopping.is_set():
                with self.door.connect(*login) as smtp:
                    again = self._converse(smtp, line, again)
        except Empty:
            return
        except (OSError, smtplib.SMTPException) as exc:
            self.broken.append(str(exc))

    def _converse(self, smtp: smtplib.SMTP, line: SimpleQueue[Dated], first: list[Dated]) -> list[Dated]:
        """Hand in until the server says goodbye, or Empty is raised; what is to be said again to the next."""
        while not self.stopping.is_set():
            due, letter = first.pop() if first else line.get_nowait()
            self.stopping.wait(max(0.0, due - time.monotonic()))
            answer = hand_in(smtp, letter)
            if answer.code == CLOSING:
                smtp.close()
                return [(due, letter)]
            self.answers.append(answer)
        return []


def delays(answers: Iterable[Answer], spans: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Seconds that accepted letters took which began within one of the spans, and those of the others."""
    inside: list[float] = []
    outside: list[float] = []
    for answer in answers:
        if answer.fate == "accepted":
            during = any(start <= answer.at <= end for start, end in spans)
            (inside if during else outside).append(answer.took)
    return inside, outside

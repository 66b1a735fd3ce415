"""What is measured and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.children import Child, stop

Mode = Literal["accept", "relay"]
"""``accept``: durable acceptance without delivery; ``relay``: from the first connection to the last arrival."""

Kind = Literal["same", "filled", "letter", "page"]
"""What is sent. ``same``: the octets of smtp-source, every time; ``filled``: a text whose name, numbers, date and link
are each recipient's (fingerprints mask all of them); ``letter``: with articles too, words that nothing masks; ``page``:
a letter as text and HTML."""

SENDER = "bench@bench.example"
RECIPIENT = "reader@sink.example"
DOMAIN = "bench.example"
SELECTOR = "bench"


@dataclass(frozen=True, slots=True)
class Workload:
    """One row of the table."""

    mode: Mode = "relay"
    size: int = 10 * 1024
    """Bytes of the message body."""
    sessions: int = 50
    reuse: bool = False
    """Many messages per connection (smtp-source -d) instead of one."""
    signed: bool = False
    recipients: int = 1
    """Per message."""
    kind: Kind = "same"

    def __str__(self) -> str:
        signed = "signed " if self.signed else ""
        what = self.mode if self.kind == "same" else f"{self.mode} of {self.kind}s"
        return f"{signed}{what} {self.size // 1024} KiB x {self.sessions} {'reuse' if self.reuse else 'reconnect'}"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a system under test is started for; its port and directory are its own."""

    directory: Path
    port: int
    sink_port: int
    mode: Mode
    signed: bool = False
    key: Path | None = None
    """RSA private key (PEM) when signed."""
    workers: int = 0
    """goodstanding only; 0: its default."""
    wrapper: tuple[str, ...] = ()
    """Words put before the command: strace and its options."""
    admission: Literal["off", "enforce"] = "off"
    """goodstanding only: Postfix judges nobody, so the comparison is without."""


@dataclass(frozen=True, slots=True)
class System:
    """A system under test that is up: where it listens and which processes are its own."""

    name: str
    port: int
    children: tuple[Child, ...]

    @property
    def roots(self) -> tuple[int, ...]:
        """Process ids at the top of its trees."""
        return tuple(child.pid for child in self.children)

    def stop(self) -> None:
        """Stop all of it, the last started first: OpenDKIM waits for Postfix to hang up."""
        for child in reversed(self.children):
            stop(child)


@dataclass(frozen=True, slots=True)
class Result:
    """One run; ``problem`` is empty when it went well, and no other figure means anything when it did not."""

    system: str
    messages: int = 0
    seconds: float = 0.0
    """From starting the source to its end (accept) or to the last arrival at the sink (relay)."""
    accepted_in: float = 0.0
    """From starting the source to its end."""
    user_ms: float = 0.0
    """CPU of the whole system under test, per message."""
    system_ms: float = 0.0
    pss: int = 0
    """Peak bytes over the whole tree."""
    rss: int = 0
    processes: int = 0
    problem: str = ""

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds if self.seconds else 0.0

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds per message."""
        return self.user_ms + self.system_ms

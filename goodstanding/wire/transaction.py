"""One mail transaction as the sending side keeps it: what is asked, and what became of each recipient."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct

from goodstanding.errors import RemoteProtocolError
from goodstanding.model import NetworkFailure, Recipient, Reply, Ret


class Transaction(Struct, frozen=True, gc=False):
    """One message for one or more recipients, as MAIL and RCPT say it."""

    sender: str
    """Return path; empty for the null reverse-path ``<>``."""
    recipients: tuple[Recipient, ...]
    size: int = 0
    """Bytes of the message before dot-stuffing."""
    eight_bit: bool = False
    """The message has bytes over 127."""
    smtputf8: bool = False
    """An address or a header needs UTF-8."""
    ret: Ret | None = None
    envid: str = ""
    """xtext-encoded."""


class TransactionResult(Struct, frozen=True, gc=False):
    """What became of each recipient, in the order of the transaction."""

    recipients: tuple[Reply | NetworkFailure, ...]
    """What settled it: a refusal of MAIL, RCPT or DATA, or the final reply; a failure if the connection broke first."""
    stages: tuple[str, ...]
    """What that answered: mail, rcpt, data or final; for a failure, where it happened."""
    accepted: bool
    """The server took the message for those recipients whose stage is final."""


@dataclass(slots=True)
class Books:
    """The transaction on the wire: which recipient is settled by what."""

    answers: list[Reply | NetworkFailure | None]
    stages: list[str] = field(init=False)
    heard: int = 0
    """RCPT replies heard so far."""
    taken: int = 0
    """Recipients the server agreed to."""

    def __post_init__(self) -> None:
        self.stages = [""] * len(self.answers)

    def settle(self, answer: Reply | NetworkFailure, stage: str) -> None:
        """Whoever is not settled yet gets this answer."""
        for n, known in enumerate(self.answers):
            if known is None:
                self.answers[n] = answer
                self.stages[n] = stage

    def settle_next(self, reply: Reply) -> None:
        """A RCPT reply; it changes nothing for those whom a refusal of MAIL has settled before."""
        if self.answers[self.heard] is None:
            if is_positive(reply, 2, "rcpt"):
                self.taken += 1
            else:
                self.answers[self.heard] = reply
                self.stages[self.heard] = "rcpt"
        self.heard += 1

    def result(self, *, accepted: bool = False) -> TransactionResult:
        settled = tuple(answer for answer in self.answers if answer is not None)
        return TransactionResult(settled, tuple(self.stages), accepted)


def is_positive(reply: Reply, kind: int, stage: str) -> bool:
    """Whether it is the kind of yes (2xx or 3xx) that belongs here; the other kind is nonsense."""
    if not reply.positive:
        return False
    if reply.code // 100 != kind:
        raise RemoteProtocolError(f"a {kind}xx reply was due at {stage}, not {reply}")
    return True

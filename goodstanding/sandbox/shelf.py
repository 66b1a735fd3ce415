"""(shell) The mail a provider accepted: the newest in memory, all of it in a folder when one is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from goodstanding.sandbox.control import MailSummary
from goodstanding.wire.message import facts, header_end, parse_header

MESSAGES_KEPT = 2_000
OCTETS_KEPT = 16 * 1024 * 1024
"""Per provider, in memory; beyond either the oldest is let go, but never the newest."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted message with the circumstances of its arrival."""

    id: str
    provider: str
    host: str
    at: float
    client: str
    tls: str
    sender: str
    recipients: tuple[str, ...]
    authentication: str
    """``spf=pass dkim=pass dmarc=pass``; empty when it was not checked."""
    octets: bytes
    """The message as received, below the trace fields this provider put on top."""

    def concerns(self, where: str) -> bool:
        """Whether a provider, an address or a domain (or nothing at all: everything) names this mail."""
        where = where.lower()
        addresses = (self.sender.lower(), *(recipient.lower() for recipient in self.recipients))
        return where in ("", self.provider, self.id) or any(
            where == address or where == address.rpartition("@")[2] for address in addresses
        )

    def summary(self) -> MailSummary:
        """What a list shows of it."""
        known = facts(parse_header(self.octets[: header_end(self.octets)]))
        return MailSummary(
            id=self.id,
            provider=self.provider,
            host=self.host,
            at=self.at,
            client=self.client,
            tls=self.tls,
            sender=self.sender,
            recipients=self.recipients,
            authentication=self.authentication,
            size=len(self.octets),
            from_address=known.from_address,
            subject=known.subject,
            message_id=known.message_id,
        )


class Shelf:
    """Where one provider puts its mail."""

    def __init__(self, folder: Path | None, *, messages: int = MESSAGES_KEPT, octets: int = OCTETS_KEPT) -> None:
        """``folder`` is made when missing: one file per message and ``index.jsonl``."""
        self._folder = folder
        self._messages = messages
        self._octets = octets
        self._mail: deque[Mail] = deque()
        self._size = 0

    def __repr__(self) -> str:
        """State in one line."""
        return f"<Shelf: {len(self._mail)} messages, {self._size} octets, folder {self._folder}>"

    def keep(self, mail: Mail) -> None:
        """Put a message on top."""
        self._mail.append(mail)
        self._size += len(mail.octets)
        while len(self._mail) > 1 and (len(self._mail) > self._messages or self._size > self._octets):
            self._size -= len(self._mail.popleft().octets)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{mail.id}.eml").write_bytes(mail.octets)
            with (self._folder / "index.jsonl").open("ab") as index:
                index.write(msgspec.json.encode(mail.summary()) + b"\n")

    def newest(self) -> Iterable[Mail]:
        """The mail still in memory, newest first."""
        return reversed(self._mail)

"""Queues the notices that enforcement has written down: mail of our own to tenants, from the null return path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email.charset import QP, Charset
from email.message import Message

import structlog

from goodstanding.delivery.run import Means
from goodstanding.enforcement.notices import Notice
from goodstanding.errors import StoreError
from goodstanding.events import Accepted
from goodstanding.model import (
    OUR_TENANT,
    Envelope,
    Identity,
    MessageId,
    Recipient,
    Stream,
    SubscriptionName,
    WorkerId,
    message_name,
)
from goodstanding.store import notices, queue
from goodstanding.store.db import Tx
from goodstanding.store.notices import Due
from goodstanding.store.queue import NOTICE, Entry
from goodstanding.store.spool import Content
from goodstanding.store.writer import Places
from goodstanding.wire.message import date_time

log = structlog.get_logger("delivery")

EVERY = 1.0
"""Seconds between looks."""
MOST = 50
OURS = Identity(OUR_TENANT, SubscriptionName(f"{OUR_TENANT}/notices"), Stream.TRANSACTIONAL)
"""Who writes them: nobody's subscription, so that no order keeps a tenant's notices from it, whoever refuses them."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One worker's way of sending them; several may look, one of them queues each."""

    means: Means
    next_id: Callable[[float], MessageId]

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                for due in await asyncio.to_thread(self._due):
                    await self._post(due)
            except StoreError as exc:
                log.error("notices put off", error=str(exc))
            except Exception as exc:  # our bug, but no reason never to look again
                log.error("notices put off", exc_info=exc)

    def _due(self) -> list[Due]:
        with self.means.database.read() as tx:
            return notices.due(tx, MOST)

    async def _post(self, due: Due) -> None:
        now = self.means.clock.now()
        message = self.next_id(now)
        ours = self.means.record.ours
        octets = letter(due.notice, ours.hostname, message_name(message), now)
        content = Content(message, [octets], len(octets), ours.seal(octets, OURS.stream, now))
        await self.means.writer.submit(self._queue, (due, entry(due.notice, message, len(octets), now)), content)

    def _queue(self, tx: Tx, batch: list[tuple[tuple[Due, Entry], Places]]) -> None:
        """Unit of work: notices that no other worker has queued."""
        for (due, about), places in batch:
            if notices.take(tx, due.id):
                queue.add(tx, [(about, places[0])])
            else:
                self.means.spool.forget(tx, [(about.message, places[0].segment)])


def entry(notice: Notice, message: MessageId, size: int, now: float) -> Entry:
    """A notice as it is queued."""
    event = Accepted(
        *(OURS.tenant, message, 0, now, notice.to, OURS.subscription, OURS.stream.value, "", size),
        subject=notice.subject,
    )
    envelope = Envelope("", (Recipient(notice.to, ("NEVER",)),))
    return Entry(message, OURS, envelope, NOTICE, WorkerId(0), now, [event])


def letter(notice: Notice, hostname: str, name: str, now: float) -> bytes:
    """The octets of a notice, in ASCII."""
    charset = Charset("utf-8")
    charset.header_encoding = charset.body_encoding = QP
    mail = Message()
    mail["From"] = f"goodstanding <postmaster@{hostname}>"
    mail["To"] = notice.to
    mail["Subject"] = notice.subject if notice.subject.isascii() else charset.header_encode(notice.subject)
    mail["Date"] = date_time(now)
    mail["Message-ID"] = f"<{name}@{hostname}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5
    mail.set_payload(notice.text, None if notice.text.isascii() else charset)
    if notice.text.isascii():
        mail["MIME-Version"] = "1.0"
        mail["Content-Type"] = 'text/plain; charset="us-ascii"'
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

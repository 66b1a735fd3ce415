"""A queue with known messages in it, put there as the front door does."""

from collections.abc import Sequence
from pathlib import Path

from goodstanding.events import Accepted
from goodstanding.model import Envelope, Identity, MessageId, Recipient, Stream, SubscriptionName, TenantName, WorkerId
from goodstanding.store import queue, workers
from goodstanding.store.db import Database, Tx
from goodstanding.store.queue import Entry, Want
from goodstanding.store.spool import Content, Spool
from goodstanding.submission.identifiers import Identifiers

NOW = 1_790_000_000.0
SHOP = Identity(TenantName("shop"), SubscriptionName("shop/otp"), Stream.TRANSACTIONAL, "shop-otp-1")
NEWS = Identity(TenantName("shop"), SubscriptionName("shop/news"), Stream.BULK, "shop-news-1")
BANK = Identity(TenantName("bank"), SubscriptionName("bank/alerts"), Stream.TRANSACTIONAL, "bank-1")


class Stock:
    """A database and spool with one registered worker that can put mail in and claim it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        with database.tx() as tx:
            self.worker = workers.register(tx, "here", 1, NOW)
        self.spool = Spool(folder, database, owner=self.worker.id, segment_size=1 << 20)
        self._identifiers = Identifiers(self.worker.slot)

    def put(self, identity: Identity, sender: str, recipients: Sequence[str], due: float = NOW) -> MessageId:
        """Queue one message, durably."""
        message = self._identifiers.next(NOW)
        envelope = Envelope(sender, tuple(Recipient(address) for address in recipients))
        body = b"Subject: hello\r\n\r\nHello.\r\n"
        content = Content(message, [body], len(body), b"Received: by a test\r\n")
        events = [_accepted(message, n, address, identity, sender, len(body)) for n, address in enumerate(recipients)]
        (place,) = self.spool.write([content])
        with self.database.tx() as tx:
            self.spool.book(tx, [content], [place])
            queue.add(tx, [(Entry(message, identity, envelope, 0, WorkerId(0), due, events), place)])
        self.spool.committed()
        return message

    def claim(self, room: int = 100) -> int:
        """Claim what is due; how many recipients that were."""
        with self.database.tx() as tx:
            want = Want(self.worker.id, NOW + 1, room, room, queue.FIRST_LANE, lambda lane: False)
            claimed, _ = queue.claim(tx, want)
        return sum(len(message.recipients) for message in claimed)

    def give_back(self, message: MessageId, n: int) -> None:
        """What a worker does with a claim that an operator wants."""
        with self.database.tx() as tx:
            queue.give_back(tx, self.worker.id, [(message, n)])

    def claim_held(self, message: MessageId) -> None:
        """Release what is held and claim it again, quietly."""
        with self.database.tx() as tx:
            tx.run("UPDATE recipient SET state = 'claimed', owner = ? WHERE message = ?", (self.worker.id, message))

    def tx_rows(self, sql: str) -> list[tuple[object, ...]]:
        """What a statement finds."""
        with self.database.read() as tx:
            return _rows(tx, sql)


def _rows(tx: Tx, sql: str) -> list[tuple[object, ...]]:
    return tx.rows(sql)


def _accepted(message: MessageId, n: int, address: str, identity: Identity, sender: str, size: int) -> Accepted:
    names = (address, identity.subscription, identity.stream.value, sender)
    return Accepted(identity.tenant, message, n, NOW, *names, size, sender, "<1@example>", "hello", "127.0.0.1")

"""Reads the reports that came in and writes what they come to: events, suppressions, unsubscribes, in one transaction.

A report is heard once: who sends it again, by accident or to make it count twice, changes nothing. Its octets go with
the transaction that wrote what it came to; of a body that says very much, with the last of several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import structlog
from msgspec import structs

from goodstanding.admission.suppression import Suppression
from goodstanding.admission.trust import person
from goodstanding.events import Accepted
from goodstanding.evidence import Unmatched
from goodstanding.feedback import bodies, hits, mail, sources
from goodstanding.feedback.bodies import Report as Measures
from goodstanding.feedback.hits import Seen
from goodstanding.feedback.matching import Found, Told, found_in, hear
from goodstanding.feedback.measured import measured
from goodstanding.feedback.reading import Reading, printable
from goodstanding.model import MessageId, Stream
from goodstanding.operate import suppression
from goodstanding.store import domains, journal, reports
from goodstanding.store.db import Tx
from goodstanding.store.reports import Report
from goodstanding.wire import return_path
from goodstanding.wire.list_unsubscribe import Token
from goodstanding.wire.return_path import EVERYBODY

log = structlog.get_logger("feedback")

UNPRINTABLE = re.compile(r"[^ -~]")
MOST = 50
"""Readings of one mail that are acted on: nobody has more to say of one message of ours."""
PORTION = 500
"""Readings of one posted body that a transaction acts on: bounds how long mail waits for the database."""

Said = Measures | Seen


class ReadReport(NamedTuple):
    """A report and what it says."""

    report: Report
    said: list[Said]
    digest: bytes = b""
    """Of its octets."""
    more: bool = False
    """More of it is heard in later transactions: it is kept until then."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens tokens and hides people."""

    report: bytes
    unsubscribe: bytes
    person: bytes


@dataclass(slots=True)
class Hearing:
    """Hears the reports of one transaction."""

    keys: Keys
    opened: Callable[[str], Token | None]
    """Opens the token of an unsubscribe link."""
    known: dict[tuple[int, int], Found | None] = field(default_factory=dict)

    def hear(self, tx: Tx, batch: Sequence[ReadReport], now: float) -> int:
        """Write what reports come to that nobody has acted on yet; how many readings changed something."""
        self.known.clear()
        near = _beside(tx, batch)
        mine = reports.take(tx, [read.report.id for read in batch if not read.more])
        mine |= reports.there(tx, [read.report.id for read in batch if read.more])
        changed = 0
        for read in batch:
            if read.report.id in mine:
                for one in read.said:
                    if isinstance(one, Seen):
                        changed += self._hit(tx, one, near[one.copy], now)
                    elif isinstance(one, Reading):
                        changed += self._one(tx, read, one, now)
                    else:
                        changed += self._many(tx, read.report, one, now)
        return changed

    def set_aside(self, tx: Tx, report: Report, now: float) -> None:
        """Hear a report no more that cannot be acted on, because of a bug of ours; it is shown."""
        if reports.take(tx, [report.id]):
            reporter = UNPRINTABLE.sub("?", report.sender or report.remote)[:200]
            journal.append(tx, [Unmatched("", now, "unreadable", report.way, "it could not be acted on", reporter)])

    def _hit(self, tx: Tx, seen: Seen, near: Sequence[Seen], now: float) -> bool:
        """One of our own pictures or links was asked for; counts once for each copy, way and kind of visitor."""
        found = self._recipient(tx, seen.message, seen.n)
        reading = hits.judged(seen, near, found.delivered if found is not None else 0.0)
        once = f"hit {seen.copy} {reading.kind} {reading.detail}".encode()
        if not reports.first_heard(tx, [blake2b(once, digest_size=16).digest()], now):
            return False
        journal.append(tx, hear(reading, found, Told(now, seen.ip)).events)
        return found is not None

    def _many(self, tx: Tx, report: Report, said: Measures, now: float) -> bool:
        """Figures about a domain or an address; mailed ones in words only, and of domains that are known here."""
        events = measured(said, now)
        if report.way == "smtp":
            claimed = {name for name, _ in domains.domains(tx)}
            events = [one for one in events if one.key.removeprefix("domain:") in claimed]
        digest = blake2b(msgspec.msgpack.encode(said), digest_size=16).digest()
        if not events or not reports.first_heard(tx, [digest], now):
            return False
        journal.append(tx, events)
        return True

    def _one(self, tx: Tx, read: ReadReport, reading: Reading, now: float) -> bool:
        report = read.report
        told = Told(now, reading.reporter or report.sender or report.remote)
        if reading.kind == "unsubscribe" and (token := self._unsubscribe_token(reading)):
            return self._leave(tx, suppression.of_token(token, "mailto", report.at, report.sender), now)
        found = self._found(tx, report, reading)
        heard = hear(reading, found, told)
        if not _fresh(tx, read, reading, found, now):
            return False
        journal.append(tx, heard.events)
        if found is not None and heard.suppress:
            self._suppress(tx, found, heard.suppress, told)
        if found is not None and heard.leaves:
            stream = Stream(found.touched.stream or Stream.BULK)
            ask = (found.tenant, stream, found.recipient, "reply", report.at, found.message, found.n, told.reporter)
            self._leave(tx, suppression.Request(*ask), now)
        return not all(isinstance(event, Unmatched) for event in heard.events) or heard.leaves

    def _unsubscribe_token(self, reading: Reading) -> Token | None:
        return next((token for text in reading.tokens if (token := self.opened(text)) is not None), None)

    def _leave(self, tx: Tx, request: suppression.Request, now: float) -> bool:
        who = person(self.keys.person, request.tenant, request.address)
        return not suppression.leave(tx, who, request, now).again

    def _suppress(self, tx: Tx, found: Found, cause: str, told: Told) -> None:
        suppression.enter(tx, [suppressed(self.keys.person, found.tenant, found.recipient, cause, told)], told.at)

    # Which delivery it is about.

    def _found(self, tx: Tx, report: Report, reading: Reading) -> Found | None:
        """The delivery a token of the report names, or, of a hook, the message id and the recipient."""
        texts = (report.recipient.partition("@")[0], *reading.tokens) if report.way == "smtp" else reading.tokens
        for text in texts:
            about = return_path.decode(self.keys.report, text)
            if about is not None:
                return self._delivery(tx, report, about, reading)
        if report.way == "smtp" or not reading.message_id or len(reading.recipients) != 1:
            return None
        return self._by_message_id(tx, reading)

    def _delivery(self, tx: Tx, report: Report, about: tuple[MessageId, int], reading: Reading) -> Found | None:
        message, n = about
        if n != EVERYBODY:
            return self._recipient(tx, message, n)
        named = {address.lower() for address in reading.recipients}
        everybody = [event for event in journal.of_message(tx, message) if isinstance(event, Accepted)]
        meant = [event.n for event in everybody if event.recipient.lower() in named]
        first = self._recipient(tx, message, (meant or [event.n for event in everybody])[0]) if everybody else None
        if first is None:
            return None
        # By SMTP anybody who got the message can name any other of them. Who knows the address of a hook is believed.
        first = structs.replace(first, shared=report.way == "smtp" and len(everybody) > 1)
        return first if len(meant) == 1 else structs.replace(first, n=EVERYBODY, recipient="", shared=True)

    def _recipient(self, tx: Tx, message: MessageId, n: int) -> Found | None:
        if (message, n) not in self.known:
            self.known[message, n] = found_in(journal.of_recipient(tx, message, n))
        return self.known[message, n]

    def _by_message_id(self, tx: Tx, reading: Reading) -> Found | None:
        """Hooks know the Message-ID and the recipient: the newest message to them that has it."""
        for message in journal.messages_to(tx, reading.recipients[0]):
            for event in journal.of_message(tx, message):
                if isinstance(event, Accepted) and event.header_message_id.strip("<>") == reading.message_id:
                    return self._recipient(tx, message, event.n)
        return None


def suppressed(key: bytes, tenant: str, recipient: str, cause: str, told: Told) -> Suppression:
    """The row that a report or a reply asks for."""
    who = person(key, tenant, recipient)
    return Suppression(tenant, who, "", cause, f"reported by {told.reporter}"[:200], told.at, address=recipient)


def read(report: Report) -> ReadReport:
    """A report with what it says, whatever it came as; done before the transaction, because it takes the time."""
    try:
        said = [printable(one) for one in _said(report)]
    except Exception as exc:
        log.error("report not read", report=report.id, exc_info=exc)
        said = [Reading("unreadable", detail=type(exc).__name__)]
    return ReadReport(report, said, blake2b(report.octets, digest_size=16).digest())


def portions(read: Sequence[ReadReport]) -> list[list[ReadReport]]:
    """What is heard in one transaction each: all reports that say little, then each that says much, part by part.

    Who stops in between hears the whole report again; each thing in it is heard once (`_fresh`).
    """
    little = [one for one in read if len(one.said) <= MOST]
    parts = [
        [one._replace(said=one.said[at : at + PORTION], more=at + PORTION < len(one.said))]
        for one in read
        if len(one.said) > MOST
        for at in range(0, len(one.said), PORTION)
    ]
    return [little, *parts] if little else parts


def _said(report: Report) -> list[Said]:
    if report.way == hits.WAY:
        return [hits.read_hit(report.octets)]
    if report.way == "smtp":
        return _mailed(mail.parse(report.octets, (report.recipient,), report.sender))[:MOST]
    return [*bodies.read_body(report.octets, report.recipient)] or [Reading("unreadable")]


def _beside(tx: Tx, batch: Sequence[ReadReport]) -> dict[str, list[Seen]]:
    """All hits that wait, by the copy they are about; only copies the batch speaks of."""
    near: dict[str, list[Seen]] = {one.copy: [] for read in batch for one in read.said if isinstance(one, Seen)}
    for octets in reports.hits_about(tx, list(near)):
        seen = hits.read_hit(octets)
        near[seen.copy].append(seen)
    return near


def _mailed(letter: mail.Mail) -> list[Said]:
    """What a mail says; of reports about many messages the whole."""
    readings = sources.read(letter)
    whole = bodies.within(letter) if readings[0].kind in ("aggregate", "tls-report") else []
    return [*(whole or readings)]


def _fresh(tx: Tx, read: ReadReport, reading: Reading, found: Found | None, now: float) -> bool:
    """Whether this was never heard before.

    One message bounces, is complained about, answered ... once a token: once for each recipient, or once for all whose
    copy has the same one, whatever is reported. Who asks again to be left alone may have come back in between.
    """
    if found is None or reading.kind == "unsubscribe":
        about = found and (found.message, found.n)
        once = f"{reading.kind} {read.report.way} {about} ".encode() + read.digest
    else:
        how = reading.detail if reading.detail in ("interested", "scanner", "proxy") else ""
        once = f"{reading.kind} {found.message} {EVERYBODY if found.shared else found.n} {how}".rstrip().encode()
    return bool(reports.first_heard(tx, [blake2b(once, digest_size=16).digest()], now))

"""What a provider thinks of addresses and domains, and what that does to mail: inbox, junk, nowhere, later, never.

Each identity (client address; organisational domain that DKIM or SPF proved) has a record: counts that fade with a
half-life of days. From them follow two rates, each against some neutral messages, and a complaint or two are nothing
yet, so that chance does not condemn a newcomer:

    complaint rate = (weight x complaints + prior) / (messages in the inbox + neutral messages)
    unknown rate   = (unknown users + prior) / (recipients tried + neutral messages)

What lies in junk gets no complaints and counts for none: as at Google, only the inbox is in the denominator, so a
sender does not look better for being in junk. Rates make a grade, in the words of Google's Postmaster Tools:

    high     below the target, with a history and readers    inbox
    medium   anything else below the junk line; newcomers    inbox, but for some cold mail; newcomers are rationed
    low      at the junk line                                junk, and more than the ration is put off
    bad      at the block line                               refused at the door

A fall is at once; a rise takes `Lines.patience` without a rate at the line. The worst grade among a message's
identities decides: whoever shares an address or a domain shares its grade. That is what isolation is for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf, log, log2
from typing import Literal

import msgspec

from goodstanding.sandbox.behaviour import Act, Draw, Expectation, Past, Placement

DAY = 86_400.0
KEYS_REMEMBERED = 20_000

Kind = Literal["ip", "domain"]
Key = tuple[Kind, str]
Objection = Literal["", "rationed", "put_off", "blocked_ip", "blocked_domain"]
"""What a provider holds against a message at its door; empty: nothing."""


class Grade(IntEnum):
    """The higher the better; the words are those of Google's Postmaster Tools (API v1, HIGH to BAD)."""

    BAD = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Lines(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a provider draws its lines. Rates and shares are fractions; a ration of 0 is none."""

    target: float = 0.001
    """Complaint rate below which a sender is good. Google: keep it below 0.1 %."""
    junk: float = 0.003
    """Complaint rate from which mail goes to junk. Google and Yahoo: never 0.3 % or more."""
    block: float = 0.02
    """Complaint rate from which mail is refused. Assumption: nobody publishes one."""
    unknown_junk: float = 0.15
    """Share of unknown users from which mail goes to junk. Assumption, above the 10 % at which Amazon SES pauses
    senders: the sandbox's providers lack 3 to 5 % of their mailboxes, and Clientium measured 3.14 % for cold mail."""
    unknown_block: float = 0.30
    """Share of unknown users from which mail is refused. Assumption."""
    half_life: float = 3 * DAY
    """Seconds in which what happened counts half. Assumption: Google's spam rate is daily, a grade moves in days."""
    patience: float = 7 * DAY
    """Seconds below a line until its grade is lifted. Google, by secondary sources: 7 days in a row below 0.3 %."""
    least: float = 2.5
    """Complaints (faded) below which no rate is looked at: three of one day. Assumption."""
    neutral: float = 200.0
    """Messages a newcomer is credited with. Assumption."""
    neutral_complaints: float = 0.0005
    """Complaint rate of those. Assumption, half the target."""
    neutral_unknown: float = 0.02
    """Share of unknown users among those. Assumption, the 2 % Amazon SES calls ideal."""
    engaged: float = 0.15
    """Share of inbox messages that are opened or answered, below which a complaint weighs more. Assumption."""
    indifference: float = 2.0
    """What a complaint weighs where nobody reads. Assumption: complaints are commonly said to weigh more then."""
    trusted: float = 50.0
    """Messages in the inbox (faded) from which the grade can be high. Assumption."""
    ration: int = 500
    """Recipients of a newcomer's first day. SendGrid's warm-up begins with 20 an hour."""
    growth: float = 1.4
    """How much more each day of age allows. SendGrid's warm-up: 1.4 a day."""
    low_ration: int = 200
    """Recipients a day of whoever has the grade low. Assumption."""
    stranger_junk: float = 0.1
    """Share of mail to strangers who never opened anything of the sender that is junked unless the grade is high.
    Assumption: nobody publishes it."""
    low_junk: float = 0.95
    """Share of mail of the grade low that goes to junk. Google's words for it: likely to be marked as spam."""
    yellow: float = 0.1
    """Share of accepted mail outside the inbox from which an address is shown yellow. Microsoft SNDS: 10 %."""
    red: float = 0.9
    """Share of accepted mail outside the inbox above which an address is shown red. Microsoft SNDS: 90 %."""
    vanish: float = 0.0
    """Share of what would be junk that is accepted and never seen again. Assumption for those that are known for it."""


@dataclass(slots=True)
class Record:
    """What a provider remembers of one identity; the counts of the first block fade."""

    since: float
    at: float
    """Second to which the counts have faded."""
    inboxed: float = 0.0
    complaints: float = 0.0
    tried: float = 0.0
    unknown: float = 0.0
    engaged: float = 0.0
    low_until: float = -inf
    bad_until: float = -inf
    day: int = 0
    today: int = 0
    """Recipients taken on that day."""
    totals: Counter[str] = field(default_factory=Counter)
    """Placements, refusals and acts ever, by name."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a provider thinks of one identity now."""

    grade: Grade
    complaint_rate: float
    unknown_rate: float
    engaged: float
    """Share of inbox messages that were opened or answered."""
    ration: float
    """Recipients it may have a day; infinity: as many as it likes."""
    filtered: float = 0.0
    """Share of what was accepted that is not in the inbox."""

    def colour(self, lines: Lines) -> Literal["green", "yellow", "red"]:
        """How Microsoft's SNDS would show it."""
        return "red" if self.filtered > lines.red else "yellow" if self.filtered >= lines.yellow else "green"


def fade(record: Record, lines: Lines, now: float) -> None:
    """Let time pass for a record."""
    if now <= record.at:
        return
    share = 0.5 ** ((now - record.at) / lines.half_life)
    record.inboxed *= share
    record.complaints *= share
    record.tried *= share
    record.unknown *= share
    record.engaged *= share
    record.at = now


def standing(record: Record, lines: Lines, now: float) -> Standing:
    """What the record says; a line that is reached is remembered in it."""
    fade(record, lines, now)
    engaged = (record.engaged + lines.engaged * lines.neutral) / (record.inboxed + lines.neutral)
    weight = 1 + (lines.indifference - 1) * (1 - min(1.0, engaged / lines.engaged))
    complaints = _Rate(weight * record.complaints, record.inboxed, lines.neutral_complaints, lines.neutral)
    unknown = _Rate(record.unknown, record.tried, lines.neutral_unknown, lines.neutral)
    looked_at = [(unknown, lines.unknown_junk, lines.unknown_block)]
    if record.complaints >= lines.least:
        looked_at.append((complaints, lines.junk, lines.block))
    for rate, low, bad in looked_at:
        record.low_until = max(record.low_until, now + rate.lasts(low, lines))
        record.bad_until = max(record.bad_until, now + rate.lasts(bad, lines))
    grade = _grade(record, lines, complaints.now, engaged)
    accepted = record.tried - record.unknown
    filtered = max(0.0, 1 - record.inboxed / accepted) if accepted > 0 else 0.0
    return Standing(grade, complaints.now, unknown.now, engaged, _ration(record, lines, grade), filtered)


@dataclass(frozen=True, slots=True)
class _Rate:
    """A rate with its prior."""

    count: float
    of: float
    prior: float
    weight: float

    @property
    def now(self) -> float:
        return (self.count + self.prior * self.weight) / (self.of + self.weight)

    def lasts(self, line: float, lines: Lines) -> float:
        """Seconds until the grade of a line is lifted if nothing more happens; minus infinity below the line.

        The counts fade by a factor d, so the rate is back at the line L when (c d + p w) / (n d + w) = L.
        """
        if self.now < line or self.count <= line * self.of:
            return -inf
        share: float = (line - self.prior) * self.weight / (self.count - line * self.of)
        return lines.patience - lines.half_life * log2(share)


def _grade(record: Record, lines: Lines, complaint_rate: float, engaged: float) -> Grade:
    if record.at < record.bad_until:
        return Grade.BAD
    if record.at < record.low_until:
        return Grade.LOW
    proven = record.inboxed >= lines.trusted and engaged >= lines.engaged
    return Grade.HIGH if proven and complaint_rate < lines.target else Grade.MEDIUM


def _ration(record: Record, lines: Lines, grade: Grade) -> float:
    """Recipients a day: newcomers grow into it, the grade low has little, and the grade high has all it wants."""
    if grade is Grade.HIGH or not lines.ration:
        return inf
    days = min(100.0, (record.at - record.since) // DAY)
    grown: float = lines.ration * lines.growth**days
    return min(grown, lines.low_ration) if grade <= Grade.LOW and lines.low_ration else grown


@dataclass(slots=True)
class Reputations:
    """The memory of one provider; every method takes the second (of the sandbox's time) at which it happens."""

    lines: Lines
    records: dict[Key, Record] = field(default_factory=dict)

    def __repr__(self) -> str:
        """State in one line."""
        return f"<Reputations: {len(self.records)} identities>"

    def door(self, keys: Sequence[Key], now: float) -> Objection:
        """Whether mail of these identities is taken at all."""
        for key in keys:
            record = self._record(key, now)
            found = standing(record, self.lines, now)
            if found.grade is Grade.BAD:
                return "blocked_ip" if key[0] == "ip" else "blocked_domain"
            today = record.today if record.day == int(now // DAY) else 0
            if today >= found.ration:
                return "put_off" if found.grade is Grade.LOW else "rationed"
        return ""

    def grade(self, keys: Iterable[Key], now: float) -> Grade:
        """The worst among a message's identities."""
        return min((self.standing(key, now).grade for key in keys), default=Grade.MEDIUM)

    def standing(self, key: Key, now: float) -> Standing:
        """What this provider thinks of an identity."""
        return standing(self._record(key, now), self.lines, now)

    def unknown_user(self, keys: Iterable[Key], now: float) -> None:
        """A recipient was tried that does not exist."""
        for key in keys:
            record = self._faded(key, now)
            record.tried += 1
            record.unknown += 1
            record.totals["unknown"] += 1

    def refused(self, keys: Iterable[Key], why: str, recipients: int, now: float) -> None:
        """Mail was turned away at the door; told for the record, it changes no rate."""
        for key in keys:
            self._faded(key, now).totals[why] += recipients

    def placed(self, keys: Iterable[Key], place: Placement, now: float) -> None:
        """A recipient's copy was accepted and put somewhere."""
        for key in keys:
            record = self._faded(key, now)
            record.tried += 1
            record.inboxed += place == "inbox"
            record.totals[place] += 1
            day = int(now // DAY)
            record.today = record.today + 1 if record.day == day else 1
            record.day = day

    def acted(self, keys: Iterable[Key], act: Act, now: float) -> None:
        """A recipient did something with a message of these identities."""
        for key in keys:
            record = self._faded(key, now)
            record.totals[act] += 1
            record.complaints += act is Act.COMPLAINED
            record.engaged += act in (Act.OPENED, Act.REPLIED)
            standing(record, self.lines, now)  # a line that is reached now is remembered, however soon the rate falls

    def established(self, key: Key, days: float, per_day: float, now: float) -> None:
        """Pretend that an identity has sent wanted mail for days: read by half, no complaints beyond the neutral."""
        record = self._record(key, now)
        record.since = min(record.since, now - days * DAY)
        fades_to = 1 - 0.5 ** (days * DAY / self.lines.half_life)
        steady = per_day * self.lines.half_life / DAY / log(2) * fades_to
        fade(record, self.lines, now)
        record.inboxed += steady
        record.tried += steady
        record.engaged += steady / 2

    def _faded(self, key: Key, now: float) -> Record:
        record = self._record(key, now)
        fade(record, self.lines, now)
        return record

    def _record(self, key: Key, now: float) -> Record:
        record = self.records.get(key)
        if record is None:
            if len(self.records) >= KEYS_REMEMBERED:
                del self.records[next(iter(self.records))]
            record = self.records[key] = Record(now, now)
        return record


@dataclass(frozen=True, slots=True)
class Arriving:
    """One recipient's copy, as the filter sees it."""

    grade: Grade
    expectation: Expectation
    past: Past


def place(copy: Arriving, lines: Lines, draw: Draw) -> Placement:
    """Where a copy goes: a person's own word first, then the sender's grade, then chance."""
    if copy.past.complained:
        return "junk"
    if copy.past.replied and copy.grade > Grade.BAD:
        return "inbox"
    if copy.grade <= Grade.LOW:
        junk = copy.grade is Grade.BAD or draw("junk") < lines.low_junk
    else:
        first_contact = copy.expectation is Expectation.COLD and not copy.past.opened
        junk = copy.grade is Grade.MEDIUM and first_contact and draw("stranger") < lines.stranger_junk
    if not junk:
        return "inbox"
    return "dropped" if draw("vanish") < lines.vanish else "junk"

"""What a person does with one message in their mailbox: a pure draw, the same for the same seed and message.

Two things decide: whether they expected it, and where their provider put it. Every figure here has its source beside
it, or says that it is an assumption; docs/sandbox-rates.md lists them. What is drawn is a plan: acts with the seconds
after arrival at which each happens. Nobody complains of, or answers, what lies in junk.

One draw per question, and the question is part of what is hashed: a higher rate never takes an act away, so two runs
that differ in one setting differ in nothing else (common random numbers).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from math import log
from typing import Literal

HOUR = 3600.0

Placement = Literal["inbox", "junk", "dropped"]
"""Where an accepted message went; dropped: the provider said 250 and nobody ever sees it."""


class Expectation(StrEnum):
    """What a recipient thinks of a sender before reading."""

    AWAITED = "awaited"
    """They caused it: a code, a receipt, an answer."""
    SUBSCRIBED = "subscribed"
    """A list they joined."""
    KNOWN = "known"
    """They know the sender, and did not ask for this."""
    COLD = "cold"
    """A stranger."""


class Act(StrEnum):
    """What somebody did with a message."""

    OPENED = "opened"
    CLICKED = "clicked"
    REPLIED = "replied"
    DELETED = "deleted"
    """Without reading."""
    COMPLAINED = "complained"
    """Pressed "report spam"."""
    UNSUBSCRIBED = "unsubscribed"
    """Pressed the provider's unsubscribe button."""
    RESCUED = "rescued"
    """Found it in junk and said that it is none."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How often people act on one kind of message; shares of messages in the inbox, ``rescued`` of those in junk."""

    opened: float
    clicked: float
    replied: float
    deleted: float
    complained: float
    unsubscribed: float
    rescued: float


@dataclass(frozen=True, slots=True)
class BehaviourSettings:
    """How people behave. Shares are fractions, times seconds."""

    awaited: Habits = Habits(0.85, 0.10, 0.004, 0.02, 0.00005, 0.0, 0.10)
    """Complaints near zero are what high-trust platforms take for granted of transactional mail; 1 in 20,000 and the
    rest are assumptions."""
    subscribed: Habits = Habits(0.30, 0.03, 0.001, 0.30, 0.0005, 0.002, 0.02)
    """Complaints: below the 0.08 % that operators call typical of good senders (postalserver/postal issue 3084) and the
    0.1 % Google asks for; the rest are assumptions."""
    known: Habits = Habits(0.20, 0.01, 0.001, 0.45, 0.002, 0.006, 0.005)
    """Own customers who did not ask for this: assumptions, between those of a list and those of a stranger."""
    cold: Habits = Habits(0.25, 0.005, 0.017, 0.55, 0.02, 0.008, 0.0)
    """Replies: median of 556 campaigns in Italy, 1.71 % (Clientium, Osservatorio Outbound Italia 2026, CC BY 4.0;
    middle half 1.05 to 2.59 %). Complaints: nobody publishes a figure; cold campaigns are commonly
    said to cross 1 %, so 2 % is an assumption. The rest are assumptions."""
    complain_instead: float = 0.5
    """Share of those who would unsubscribe that report spam where a message offers no one-click way out. Assumption:
    "report spam" is commonly said to stand in for unsubscribe."""
    annoyance: float = 0.5
    """How much likelier a complaint becomes with each earlier message of the sender that was deleted. Assumption."""
    annoyance_most: float = 4.0
    """How often likelier it becomes at most. Assumption."""
    after_leaving: float = 10.0
    """How often likelier somebody complains who has unsubscribed and is written to again. Assumption."""
    welcome: float = 0.3
    """How often as likely somebody complains who has answered the sender before. Assumption."""
    fast_share: float = 0.6
    """Share of complaints and unsubscribes that come fast. Assumption: the distribution goodstanding itself
    starts from until it has learned the real one."""
    fast_mean: float = 2 * HOUR
    """Mean seconds of the fast ones (exponential). Assumption, as fast_share."""
    slow_mean: float = 24 * HOUR
    """Mean seconds of the others (exponential). Assumption, as fast_share."""
    awaited_open_mean: float = 60.0
    """Mean seconds until awaited mail is opened. Assumption: people stand in front of the form that wants the code."""
    open_mean: float = 4 * HOUR
    """Mean seconds until other mail is opened or deleted. Assumption."""
    reply_mean: float = 12 * HOUR
    """Mean seconds from opening to an answer. Assumption."""

    interested: float = 0.25
    """Share of answers to cold mail that want to hear more. Assumption."""
    remove_me: float = 0.3
    """Share of answers to cold mail that ask to be taken off the list. Assumption; the rest decline."""

    def habits(self, expectation: Expectation) -> Habits:
        """How people act on mail they expect this much."""
        return {
            Expectation.AWAITED: self.awaited,
            Expectation.SUBSCRIBED: self.subscribed,
            Expectation.KNOWN: self.known,
            Expectation.COLD: self.cold,
        }[expectation]


@dataclass(frozen=True, slots=True)
class Letter:
    """What matters of a message to the one who reads it."""

    expectation: Expectation
    one_click: bool = False
    """Their provider can offer an unsubscribe button (RFC 8058)."""


@dataclass(slots=True)
class Past:
    """What one person has been through with one sender."""

    ignored: int = 0
    """Messages deleted unread."""
    opened: int = 0
    replied: bool = False
    """They answered, or took a message out of junk."""
    left: bool = False
    """They unsubscribed."""
    complained: bool = False


@dataclass(frozen=True, slots=True)
class Reaction:
    """One act, ``after`` seconds from arrival."""

    act: Act
    after: float


Draw = Callable[[str], float]
"""A number in [0, 1) for a question; the same question gets the same number."""


def draws(seed: str, *identity: str) -> Draw:
    """The dice of one message for one recipient: a keyed hash of who, what and the question."""
    key = blake2b("\0".join((seed, *identity)).encode("utf-8", "surrogateescape"), digest_size=32).digest()

    def draw(question: str) -> float:
        return int.from_bytes(blake2b(question.encode(), digest_size=6, key=key).digest()) / 2**48

    return draw


def react(letter: Letter, place: Placement, past: Past, draw: Draw, settings: BehaviourSettings) -> list[Reaction]:
    """What somebody will do with a message, in the order they do it."""
    habits = settings.habits(letter.expectation)
    if place == "dropped":
        return []
    if place == "junk":
        rescued = draw("rescued") < habits.rescued
        return _read(letter, draw, settings, [Act.RESCUED, Act.OPENED]) if rescued else []
    found: list[Reaction] = []
    if draw("opened") < habits.opened:
        found += _read(letter, draw, settings, [Act.OPENED])
        found += _more(habits, found[0].after, draw, settings)
    elif draw("deleted") * (1 - habits.opened) < habits.deleted:
        found += _read(letter, draw, settings, [Act.DELETED])
    found += _objection(letter, past, draw, settings)
    return sorted(found, key=lambda reaction: reaction.after)


def complaint_rate(letter: Letter, past: Past, settings: BehaviourSettings) -> float:
    """The share of such messages in the inbox that are reported as spam."""
    habits = settings.habits(letter.expectation)
    rate = habits.complained * min(settings.annoyance_most, 1 + settings.annoyance * past.ignored)
    if past.left:
        rate *= settings.after_leaving
    if past.replied:
        rate *= settings.welcome
    if not letter.one_click:
        rate += habits.unsubscribed * settings.complain_instead
    return min(1.0, rate)


def _objection(letter: Letter, past: Past, draw: Draw, settings: BehaviourSettings) -> list[Reaction]:
    """A complaint or an unsubscribe, never both."""
    complains = complaint_rate(letter, past, settings)
    leaves = settings.habits(letter.expectation).unsubscribed if letter.one_click else 0.0
    drawn = draw("objection")
    if drawn < complains:
        return [Reaction(Act.COMPLAINED, objection_delay(draw, settings))]
    if 1 - drawn <= leaves:  # from the other end, so that more complaints do not move those who leave
        return [Reaction(Act.UNSUBSCRIBED, objection_delay(draw, settings))]
    return []


def objection_delay(draw: Draw, settings: BehaviourSettings) -> float:
    """Seconds until somebody complains or leaves: a mixture of two exponentials."""
    mean = settings.fast_mean if draw("fast") < settings.fast_share else settings.slow_mean
    return _exponential(mean, draw("objection after"))


def _read(letter: Letter, draw: Draw, settings: BehaviourSettings, acts: list[Act]) -> list[Reaction]:
    """Acts of the moment they look at it."""
    mean = settings.awaited_open_mean if letter.expectation is Expectation.AWAITED else settings.open_mean
    after = _exponential(mean, draw("read after"))
    return [Reaction(act, after) for act in acts]


def _more(habits: Habits, opened: float, draw: Draw, settings: BehaviourSettings) -> list[Reaction]:
    """Clicks and answers of those who opened; rates are of all messages, so they are scaled up to the opened ones."""
    found = []
    if draw("clicked") * habits.opened < habits.clicked:
        found.append(Reaction(Act.CLICKED, opened + 30.0))
    if draw("replied") * habits.opened < habits.replied:
        found.append(Reaction(Act.REPLIED, opened + _exponential(settings.reply_mean, draw("reply after"))))
    return found


def _exponential(mean: float, drawn: float) -> float:
    return -mean * log(1 - drawn)


Tone = Literal["thanks", "interested", "declined", "remove-me"]


def tone(expectation: Expectation, draw: Draw, settings: BehaviourSettings) -> Tone:
    """What an answer says."""
    if expectation is not Expectation.COLD:
        return "thanks"
    drawn = draw("tone")
    if drawn < settings.interested:
        return "interested"
    return "remove-me" if drawn < settings.interested + settings.remove_me else "declined"


@dataclass(slots=True)
class Pasts:
    """What people have been through with senders, as far as the memory goes."""

    most: int = 200_000
    _known: dict[tuple[str, str], Past] = field(default_factory=dict)

    def of(self, person: str, sender: str) -> Past:
        """The past of a person (address, lower case) with a sender (organisational domain); the oldest is forgotten."""
        past = self._known.get((person, sender))
        if past is None:
            if len(self._known) >= self.most:
                del self._known[next(iter(self._known))]
            past = self._known[person, sender] = Past()
        return past


def remember(past: Past, act: Act) -> None:
    """What an act leaves behind."""
    match act:
        case Act.DELETED:
            past.ignored += 1
        case Act.OPENED:
            past.opened += 1
        case Act.REPLIED | Act.RESCUED:
            past.replied = True
        case Act.UNSUBSCRIBED:
            past.left = True
        case Act.COMPLAINED:
            past.complained = True
        case Act.CLICKED:
            pass

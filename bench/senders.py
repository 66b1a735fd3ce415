"""Simulated senders, and rules that watch them: ours, and those that other platforms describe.

A sender writes at a constant pace; each mail is complained about with the same probability, after a delay drawn from
the curve of the start. A rule is asked whenever a complaint comes in, for only then can it find something new. When it
acts, the sender is reinstated at once: every rule then begins anew, and complaints about earlier mail do not count.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean, median

from goodstanding.reputation import evidence
from goodstanding.reputation.delay import START

HOUR, WEEK = 1 / 24, 7.0  # days, as every time here


@dataclass(frozen=True, slots=True)
class Sender:
    """So many mails a day, of which such a share is complained about."""

    per_day: float
    rate: float
    delayed: bool = True

    def complaints(self, dice: random.Random, days: float) -> list[tuple[float, float]]:
        """Arrival and time of sending of every complaint, by arrival."""
        found, number = [], 0
        while True:
            number += skip(dice, self.rate)
            sent = number / self.per_day
            if sent > days:
                return sorted(found)
            found.append((sent + (delay(dice) if self.delayed else 0.0), sent))


def skip(dice: random.Random, rate: float) -> int:
    """Mails up to and with the next one that is complained about."""
    return 1 + int(math.log(1.0 - dice.random()) / math.log1p(-rate))


def delay(dice: random.Random) -> float:
    """Days until a complaint comes."""
    quick = dice.random() < START[0][0]
    return dice.expovariate(1.0) * START[0 if quick else 1][1] / 86400


def matured(per_day: float, age: float, delayed: bool = True) -> float:
    """Matured exposure of mail sent at this pace for so long."""
    if not delayed:
        return per_day * age
    late = sum(share * seconds / 86400 * -math.expm1(-age * 86400 / seconds) for share, seconds in START)
    return per_day * max(0.0, age - late)


@dataclass(slots=True)
class History:
    """What a rule may look at: complaints since it began anew, and the pace of sending."""

    sender: Sender
    began: float
    arrivals: list[float]

    def sent(self, now: float, days: float) -> float:
        """Mails of the last so many days."""
        return self.sender.per_day * min(now - self.began, days)

    def came(self, now: float, days: float) -> int:
        """Complaints of the last so many days."""
        return sum(1 for at in self.arrivals if at > now - days)


Rule = Callable[[History, float], bool]


def ours(line: float, threshold: float, measure: Callable[[list[evidence.Day], float], float]) -> Rule:
    """Evidence against a line, day by day for thirty days."""

    def look(history: History, now: float) -> bool:
        first, last = max(math.floor(history.began), math.floor(now) - 29), math.floor(now)
        came = dict.fromkeys(range(first, last + 1), 0)
        for at in history.arrivals:
            if math.floor(at) >= first:
                came[math.floor(at)] += 1
        ends = [max(0.0, min(now, day) - history.began) for day in range(first, last + 2)]
        so_far = [matured(history.sender.per_day, end, history.sender.delayed) for end in ends]
        days = [(came[first + place], so_far[place + 1] - so_far[place]) for place in range(last - first + 1)]
        return measure(days, line) >= threshold

    return look


def plunk(history: History, now: float) -> bool:
    """useplunk/plunk SecurityService: 0.15 % of 7 days and 5, 0.12 % of all and 5; new projects 7 in 24 h; of 100."""
    if now < 30 and history.came(now, 1) >= 7:
        return True
    week, ever = history.sent(now, WEEK), history.sent(now, math.inf)
    by_week = week >= 100 and history.came(now, WEEK) >= max(5, 0.0015 * week)
    return by_week or (ever >= 100 and len(history.arrivals) >= max(5, 0.0012 * ever))


def posthog(history: History, now: float) -> bool:
    """PostHog/posthog#89879, pause: 1 % of 1 h, 200 sends and 5; 0.3 % of 24 h, 1,000 sends and 10."""
    hour, day = history.sent(now, HOUR), history.sent(now, 1)
    by_hour = hour >= 200 and history.came(now, HOUR) >= max(5, 0.01 * hour)
    return by_hour or (day >= 1000 and history.came(now, 1) >= max(10, 0.003 * day))


def ses(share: float, window: float) -> Rule:
    """Amazon SES: a share of a "representative volume" (a notice names the last 10,192), here of so many mails."""

    def look(history: History, now: float) -> bool:
        days = window / history.sender.per_day
        return now - history.began >= days and history.came(now, days) >= share * window

    return look


def coss(history: History, now: float) -> bool:
    """coss.com, suspend: 0.3 % of 7 days, 200 mails."""
    sent = history.sent(now, WEEK)
    return sent >= 200 and history.came(now, WEEK) >= 0.003 * sent


def warmbly(history: History, now: float) -> bool:
    """Warmbly guardrail: 0.1 % of what a campaign has sent, 50 mails."""
    sent = history.sent(now, math.inf)
    return sent >= 50 and len(history.arrivals) >= 0.001 * sent


RULES: dict[str, Rule] = {
    "goodstanding, slowed": ours(0.001, 1000.0, evidence.restarted),
    "goodstanding, suspended": ours(0.01, 100.0, evidence.restarted),
    "Amazon SES, review: 0.1 % of 1,000": ses(0.001, 1000),
    "Amazon SES, review: 0.1 % of 10,000": ses(0.001, 10_000),
    "Amazon SES, pause: 0.5 % of 1,000": ses(0.005, 1000),
    "Amazon SES, pause: 0.5 % of 10,000": ses(0.005, 10_000),
    "Plunk, disabled": plunk,
    "PostHog, paused": posthog,
    "coss.com, suspended": coss,
    "Warmbly, paused": warmbly,
}


def actions(sender: Sender, rule: Rule, dice: random.Random, days: float) -> Iterator[float]:
    """When a rule acts, again and again."""
    history = History(sender, 0.0, [])
    for at, sent in sender.complaints(dice, days):
        if at > days:
            return
        if sent >= history.began:
            history.arrivals.append(at)
            if rule(history, at):
                yield at
                history = History(sender, at, [])


def per_year(sender: Sender, rule: Rule, years: int, seed: int = 1) -> float:
    """How often a rule acts against a sender in a year."""
    dice = random.Random(seed)
    return sum(1 for _ in range(years) for _ in actions(sender, rule, dice, 365.0)) / years


def mails_before(sender: Sender, rule: Rule, runs: int, most: float, seed: int = 1) -> float:
    """Mails sent when a rule first acts, in the median of so many runs; infinite: not within ``most`` mails."""
    dice = random.Random(seed)
    found = []
    for _ in range(runs):
        first = next(actions(sender, rule, dice, most / sender.per_day), math.inf)
        found.append(first * sender.per_day)
    return median(found)


@dataclass(frozen=True, slots=True)
class Wait:
    """How long it takes to be sure, in mails, without delays."""

    median: float
    mean: float
    complaints: float
    """In the median."""
    reached: float
    """Share of runs that got there at all."""


def wait(rate: float, line: float, threshold: float, runs: int, most: int = 40_000, seed: int = 1) -> Wait:
    """Mails of one sender until the plain e-value reaches a threshold, looking after every mail."""
    dice = random.Random(seed)
    ends = [_until(dice, rate, line, threshold, most) for _ in range(runs)]
    there = [end for end in ends if end is not None]
    mails = [end[0] if end else math.inf for end in ends]
    counts = [end[1] if end else math.inf for end in ends]
    average = mean(end[0] for end in there) if there else math.inf
    return Wait(median(mails), average, median(counts), len(there) / runs)


def _until(dice: random.Random, rate: float, line: float, threshold: float, most: int) -> tuple[int, int] | None:
    mails = events = 0
    while (mails := mails + skip(dice, rate)) <= most:
        events += 1
        if evidence.plain(events, mails, line) >= threshold:
            return mails, events
    return None


def after_change(good: Sender, bad: float, rule: Rule, runs: int, seed: int = 1) -> float:
    """Mails from the day a sender turns bad, after twenty good ones, until a rule acts, in the median."""
    dice, turn = random.Random(seed), 20.0
    found = []
    for _ in range(runs):
        later = Sender(good.per_day, bad).complaints(dice, 40_000 / good.per_day)
        mail = good.complaints(dice, turn) + [(at + turn, sent + turn) for at, sent in later]
        history = History(good, 0.0, [])
        for at, _sent in sorted(mail):
            history.arrivals.append(at)
            if at > turn and rule(history, at):
                found.append((at - turn) * good.per_day)
                break
        else:
            found.append(math.inf)
    return median(found)


def wald(rate: float, line: float, threshold: float) -> float:
    """Least mails, on average, of any test that is wrong once in ``threshold`` (Wald 1945): ln(threshold) / KL."""
    divergence = rate * math.log(rate / line) + (1 - rate) * math.log((1 - rate) / (1 - line))
    return math.log(threshold) / divergence


def ever_reached(rate: float, line: float, threshold: float, runs: int, mails: int, seed: int = 1) -> float:
    """Share of senders whose plain e-value ever reaches a threshold: with delays, looking at every complaint."""
    sender, reached = Sender(2000.0, rate), 0
    dice = random.Random(seed)
    for _ in range(runs):
        came = sender.complaints(dice, mails / sender.per_day)
        pairs = ((events, matured(sender.per_day, at)) for events, (at, _) in enumerate(came, 1))
        reached += any(evidence.plain(events, exposure, line) >= threshold for events, exposure in pairs)
    return reached / runs

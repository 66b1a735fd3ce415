"""One route, many runs: a campaign goes out by the hour, and platform, providers and people answer.

    queue -> platform (quota, stages) -> unknown? -> provider's door -> inbox, junk, nowhere -> people -> what they tell

Every step takes the state to the next one; nothing but the dice is random, and they are numbered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.sandbox.placement import DAY, Grade
from goodstanding.simulator.assumptions import Dice, Drawn, Numbers
from goodstanding.simulator.campaign import PROVIDERS, Campaign
from goodstanding.simulator.flows import Flows
from goodstanding.simulator.guarded import Guarded
from goodstanding.simulator.identities import Identity, identities
from goodstanding.simulator.memory import Lines, View, lines_of
from goodstanding.simulator.outcome import STAGES
from goodstanding.simulator.people import Acts, Arrived, Counts, People, none
from goodstanding.simulator.platforms import Platform, Signal, tenant_limit
from goodstanding.simulator.record import Record
from goodstanding.simulator.watch import Flags, Platformed

HOUR = 3600.0
LONGEST = 60
"""Days a campaign may take; what is not sent by then stays unsent."""
AFTERWARDS = 45
"""Days that are looked at after the last message, to see who recovers."""
FINE, LONG = 3, 14
"""Steps are an hour until so many days after the last message, and no longer than so many days in all; then they are"""
COARSE = 6 * HOUR
QUIET = 8
"""Days after the last message from which it may end: whatever is told of flows, is told of the first seven."""


@dataclass(slots=True)
class Batch:
    """Recipients that differ in nothing that is simulated, and what waits to be sent to them."""

    expectation: Expectation
    people: People
    invalid: Numbers
    traps: Numbers
    waiting: list[Counts]
    """By message: the first, the first follow-up, and so on."""
    later: dict[tuple[float, int], Counts] = field(default_factory=dict)
    """Follow-ups by the second they are due, and their number."""

    def fall_due(self, now: float) -> None:
        """Follow-ups whose time has come wait to be sent."""
        for due, number in [one for one in self.later if one[0] <= now]:
            self.waiting[number] += self.later.pop((due, number))

    def follow_up(self, due: float, number: int, written: Counts, arrived: Arrived) -> None:
        """Write again to those who got a message and will neither object nor answer, if there is another."""
        if number < len(self.waiting):
            again = np.maximum(0, written - arrived.objecting - arrived.answering)
            known = self.later.get((due, number))
            self.later[due, number] = again if known is None else known + again


@dataclass(slots=True)
class World:
    """A route in all its runs."""

    campaign: Campaign
    platform: Platform
    drawn: Drawn
    dice: Dice
    lines: Lines
    identities: list[Identity]
    """What providers hold to account for it."""
    batches: list[Batch]
    flows: Flows
    watch: Platformed
    guard: Guarded | None
    record: Record
    now: float = 0.0

    @property
    def runs(self) -> int:
        """How many."""
        return self.drawn.runs

    @property
    def stopped(self) -> Flags:
        """Runs whose campaign is over because the platform suspended its sender: nobody goes on with it after that."""
        over: Flags = np.isfinite(self.watch.reached["suspended"])
        return over | self.guard.stopped if self.guard is not None else over

    @property
    def sending(self) -> bool:
        """Somebody is still to be written to, in some run that has not been stopped."""
        going = ~self.stopped
        return any(counts[going].any() for one in self.batches for counts in (*one.waiting, *one.later.values()))


def world(campaign: Campaign, platform: Platform, drawn: Drawn, dice: Dice) -> World:
    """A route before its first hour."""
    runs = drawn.runs
    lines = lines_of(drawn)
    one_click = campaign.message.one_click or platform.one_click
    held = identities(campaign, platform, drawn, lines)
    flows = Flows(campaign.flows, drawn, lines, [one.memory for one in held if one.shared])
    guard = Guarded.of(runs, campaign.stream) if platform.guarded else None
    batches = _batches(campaign, drawn, one_click)
    watch = Platformed(platform, drawn)
    record = Record(runs, tuple(flow.name for flow in campaign.flows))
    return World(campaign, platform, drawn, dice, lines, held, batches, flows, watch, guard, record)


def _batches(campaign: Campaign, drawn: Drawn, one_click: bool) -> list[Batch]:
    found: list[Batch] = []
    kinds = sorted({(group.expectation, group.source) for group in campaign.groups})
    for expectation, source in kinds:
        first = none(drawn.runs, len(PROVIDERS))
        for group in campaign.groups:
            if (group.expectation, group.source) == (expectation, source):
                first[:, PROVIDERS.index(group.provider)] += group.count
        people = People(expectation, drawn, len(PROVIDERS), one_click)
        later = [none(drawn.runs, len(PROVIDERS)) for _ in range(campaign.message.follow_ups)]
        shares = drawn.of(f"invalid.{source}"), drawn.of(f"traps.{source}")
        found.append(Batch(expectation, people, *shares, waiting=[first, *later]))
    return found


def run(it: World) -> Record:
    """Simulate until everything has been sent, said and forgiven, or the time that is looked at is over."""
    ended, sending = 0.0, True
    while it.now < ended + AFTERWARDS * DAY:
        sending = sending and it.now < LONGEST * DAY and it.sending
        ended = it.now if sending else ended
        if not sending and it.now >= ended + QUIET * DAY and _quiet(it):
            break
        _step(it, HOUR if it.now < ended + FINE * DAY and it.now < LONG * DAY else COARSE, sending=sending)
    _close(it)
    return it.record


def _step(it: World, seconds: float, *, sending: bool) -> None:
    for one in it.identities:
        one.memory.pass_to(it.now)
    views = [one.memory.view() for one in it.identities] if sending else []
    out = _Step(it.runs)
    budget = _budget(it, seconds) if sending else np.zeros(it.runs)
    for batch in it.batches if sending else ():
        batch.fall_due(it.now)
        for number in range(len(batch.waiting)):
            _send(it, batch, number, budget, views, out)
    acts = _acts(it, seconds)
    fates, written = it.flows.step(it.watch, seconds)
    it.now += seconds
    _tell(it, acts, out, written)
    it.record.note(it.now, seconds, {**out.counts, **acts.by_run()}, fates)


def _acts(it: World, seconds: float) -> Acts:
    """What all recipients do in the next seconds."""
    acts = Acts.none(it.runs, len(PROVIDERS))
    for batch in it.batches:
        acts = acts.plus(batch.people.act(seconds, it.dice))
    return acts


class _Step:
    """What the messages of one step come to, by run."""

    def __init__(self, runs: int) -> None:
        names = ("sent", "bounced", "refused", "traps", "inbox", "junk", "unseen")
        self.counts: dict[str, Numbers] = {name: np.zeros(runs) for name in names}

    def add(self, **counts: Counts) -> None:
        """Count more of each, over all providers."""
        for name, more in counts.items():
            self.counts[name] = self.counts[name] + more.sum(axis=1)


def _budget(it: World, seconds: float) -> Numbers:
    """Recipients that may still be written to in this step, by run: the platform's word, and the sender's."""
    of, platform, campaign = it.drawn.of, it.platform, it.campaign
    share = seconds / DAY
    hourly, daily = of(f"{platform.slug}.hourly"), of(f"{platform.slug}.daily")
    limits = [np.where(hourly > 0.0, hourly * seconds / HOUR, np.inf), np.where(daily > 0.0, daily * share, np.inf)]
    if platform.tenant_limit:
        limits.append(np.full(it.runs, tenant_limit(campaign.sender.licences) * share))
    if campaign.per_day > 0.0:
        limits.append(np.full(it.runs, campaign.per_day * share))
    if it.guard is not None:
        limits.append(it.guard.may_send(it.now, seconds))
    found: Numbers = np.minimum.reduce(limits)
    slow = it.watch.in_stage("throttled", it.now)
    found = np.where(slow, np.minimum(found, 1e9) * of(f"{platform.slug}.throttled-to"), found)
    return np.where(it.stopped, 0.0, found)


def _send(it: World, batch: Batch, number: int, budget: Numbers, views: Sequence[View], out: _Step) -> None:
    """Write to whoever is next: the budget of the step is shared out over the providers as the recipients are."""
    waiting = batch.waiting[number]
    total = waiting.sum(axis=1)
    if not total.any():
        return
    share = np.minimum(1.0, budget / np.maximum(1, total))
    wanted = np.floor(waiting * share[:, None] + it.dice.random(waiting.shape)).astype(np.int64)
    wanted = np.minimum(wanted, waiting)
    taken = np.minimum(wanted, _room(it, views))
    grade = np.minimum.reduce([view.grade for view in views])
    blocked = np.where(grade == Grade.BAD, taken, 0)
    bounced, trapped = _nobody(it, batch, taken - blocked, number)
    real = taken - blocked - bounced
    inbox, junk, unseen = _placed(it, batch, grade, real - trapped, number)
    for one in it.identities:
        one.tried(bounced, real, inbox)
    arrived = batch.people.arrive(inbox, number, it.dice)
    rescued = batch.people.rescue(junk, it.dice)
    waiting -= taken
    budget -= taken.sum(axis=1)
    np.maximum(budget, 0.0, out=budget)
    batch.follow_up(it.now + it.campaign.message.follow_up_after * DAY, number + 1, real - trapped, arrived)
    out.add(sent=taken, bounced=bounced, refused=blocked, traps=trapped)
    out.add(inbox=inbox + rescued, junk=junk - rescued, unseen=unseen)


def _nobody(it: World, batch: Batch, tried: Counts, number: int) -> tuple[Counts, Counts]:
    """Addresses that do not exist, and those that are traps: found with the first message."""
    if number:
        return np.zeros_like(tried), np.zeros_like(tried)
    bounced = it.dice.binomial(tried, batch.invalid[:, None])
    return bounced, it.dice.binomial(tried - bounced, batch.traps[:, None])


def _room(it: World, views: Sequence[View]) -> Counts:
    """Recipients that providers still take today of the identities, by run and provider."""
    asked = zip(views, it.identities, strict=True)
    left = [np.maximum(0.0, view.ration - one.memory.today) for view, one in asked]
    room: Counts = np.minimum(np.minimum.reduce(left), 1e15).astype(np.int64)
    return room


def _placed(it: World, batch: Batch, grade: Numbers, real: Counts, number: int) -> tuple[Counts, Counts, Counts]:
    """Inbox, junk and nowhere: the provider's word first, then what the platform does without one."""
    lines, dice, slug = it.lines, it.dice, it.platform.slug
    junked = np.where(grade == Grade.LOW, lines.low_junk, 0.0)
    if batch.expectation is Expectation.COLD:  # who has opened an earlier message is a stranger no more
        unread = (1.0 - batch.people.rate("opened")[:, None]) ** number
        junked = np.where(grade == Grade.MEDIUM, lines.stranger_junk * unread, junked)
    junk = dice.binomial(real, junked)
    vanish = np.stack([it.drawn.of(f"vanish.{name}") for name in PROVIDERS], axis=1)
    unseen = dice.binomial(junk, vanish)
    inbox, junk = real - junk, junk - unseen
    silent = it.watch.in_stage("degraded", it.now)
    if silent.any():
        lost = np.where(silent, it.drawn.of(f"{slug}.degraded-lost"), 0.0)[:, None]
        more = np.where(silent, it.drawn.of(f"{slug}.degraded-junk"), 0.0)[:, None]
        gone = dice.binomial(inbox, np.broadcast_to(lost, inbox.shape))
        moved = dice.binomial(inbox - gone, np.broadcast_to(more, inbox.shape))
        inbox, junk, unseen = inbox - gone - moved, junk + moved, unseen + gone
    return inbox, junk, unseen


def _tell(it: World, acts: Acts, out: _Step, written: Numbers) -> None:
    """What people did reaches the providers at once, and the platform as far as it hears of it."""
    for one in it.identities:
        one.acted(acts)
    shares = np.stack([it.drawn.of(f"{it.platform.slug}.hears.{name}") for name in PROVIDERS], axis=1)
    heard = it.dice.binomial(acts.complained, shares).sum(axis=1).astype(float)
    counts = out.counts
    failed = counts["bounced"] + counts["refused"]
    events: dict[Signal, Numbers] = {
        "complaints": heard,
        "bounces": counts["bounced"],
        "failures": failed,
        "traps": counts["traps"],
    }
    it.watch.hear(it.now, counts["sent"] + written, events)
    if it.guard is not None:
        delivered = counts["inbox"] + counts["junk"] + counts["unseen"]
        it.guard.hear(it.now, np.stack([counts["sent"], delivered, heard, counts["bounced"]]).astype(np.int64))


def _quiet(it: World) -> bool:
    """Nobody acts any more, every grade is back, and no stage holds."""
    if not all(batch.people.idle for batch in it.batches):
        return False
    if any(it.watch.in_stage(stage, it.now).any() for stage in STAGES):
        return False
    return all((one.memory.view().grade >= Grade.MEDIUM).all() for one in it.identities)


def _close(it: World) -> None:
    """What is known at the end only."""
    record = it.record
    record.unsent = np.zeros(it.runs)
    for batch in it.batches:
        record.unsent = record.unsent + batch.waiting[0].sum(axis=1)
    for stage in STAGES:
        reached = it.watch.reached[stage]
        if it.guard is not None and stage != "degraded":
            reached = np.minimum(reached, it.guard.reached(stage))
        record.reached[stage] = reached

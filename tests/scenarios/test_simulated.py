"""The same campaign sent over real SMTP to the sandbox, and simulated: complaints, placement and ladder agree.

One provider, one sender with a past, strangers, no way out. The sandbox draws each person by a hash of who and what,
the simulator counts people in classes, so they share every model and no dice: a few runs of the sandbox have to lie
among the simulator's many. The ladder is goodstanding's own, fed with what the sandbox's people did and when.
"""

import asyncio
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage

import numpy as np
import pytest

from goodstanding.model import Stream
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.sandbox.control import SandboxClient
from goodstanding.sandbox.settings import Ready, SandboxSettings
from goodstanding.sandbox.society import CopyStatus
from goodstanding.sandbox.world import Sandbox
from goodstanding.simulator.assess import perform
from goodstanding.simulator.assumptions import Drawn, Numbers, Range
from goodstanding.simulator.campaign import PROVIDERS, Campaign, Group, Message, Sender
from goodstanding.simulator.guarded import Guard, Guarded
from goodstanding.simulator.platforms import Platform
from goodstanding.simulator.question import Question, Task
from goodstanding.simulator.run import run, world
from goodstanding.simulator.summary import Runs
from goodstanding.simulator.watch import Flags
from tests.simulator.worlds import settled

SPEED = 36_000.0
"""Ten hours of the sandbox a second."""
HOUR = 3600.0
LETTERS, AN_HOUR = 1500, 40
PAST_DAYS, PAST_PER_DAY = 60.0, 40.0
SEEDS = ("1", "2", "3")
LATER = 6 * 24 * HOUR
"""How long people are given after the last letter."""
SENDER, CLIENT = "dana@meet-shop.example", "127.0.5.1"


@contextmanager
def sandbox(seed: str) -> Iterator[Ready]:
    """A sandbox in a thread, without limits that are not modelled."""
    settings = SandboxSettings(
        seed=seed, smtp_port=0, dns_port=0, control_port=0, limits=False, patience=0.0, speed=SPEED
    )
    started, found = threading.Event(), list[Ready]()

    async def run() -> None:
        world = Sandbox(settings)
        found.append(await world.start())
        started.set()
        await world.stopping.wait()
        await world.stop()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert started.wait(10)
    try:
        yield found[0]
    finally:
        with SandboxClient(found[0].control_port) as client:
            client.stop()
        thread.join(10)


def send(ready: Ready) -> int:
    """The campaign, at its pace in the sandbox's time; how many recipients do not exist."""
    began, unknown = time.monotonic(), 0
    where = f"{ready.host_prefix}.1", ready.smtp_port
    with smtplib.SMTP(*where, "mail.meet-shop.example", 10, source_address=(CLIENT, 0)) as smtp:
        for n in range(LETTERS):
            due = began + n / AN_HOUR * HOUR / SPEED
            time.sleep(max(0.0, due - time.monotonic()))
            letter = EmailMessage()
            letter["From"], letter["Subject"], letter["Message-ID"] = SENDER, "A word", f"<{n}@meet-shop.example>"
            letter["Date"] = "Thu, 26 Nov 2026 10:00:00 +0000"
            letter.set_content("May I show you our paper?")
            try:
                smtp.send_message(letter, SENDER, [f"reader-{n}@gmail.example"])
            except smtplib.SMTPRecipientsRefused:
                unknown += 1
    return unknown


def question(runs: int, hourly: float) -> Question:
    """The same for the simulator, at the pace the sandbox saw."""
    platform = Platform(
        slug="relay",
        title="a relay",
        words="test",
        source="test",
        hourly=Range(hourly, hourly, hourly),
        daily=Range(0.0, 0.0, 0.0),
        addresses="tenant",
        domain="tenant",
        one_click=False,
        suppresses=False,
        hears={name: Range(1.0, 1.0, 1.0) for name in PROVIDERS},
    )
    known = (
        settled({"invalid.collected": 0.005, "traps.collected": 0.0, "provider.fingerprint": 0.0})
        | platform.assumptions()
    )
    past = Sender(age_days=PAST_DAYS, usual_per_day=PAST_PER_DAY * len(PROVIDERS), complaint_rate=0.0)
    everybody = (Group(Expectation.COLD, "google", "collected", LETTERS),)
    return Question(Campaign("agreement", everybody, Message(), past), ("relay",), {"relay": platform}, known, runs, 11)


class Unheeded(Guarded):
    """A guard that judges and stops nobody, as nobody stops the sender of the sandbox."""

    def may_send(self, now: float, seconds: float) -> Numbers:
        return np.full(len(self.guards), np.inf)

    @property
    def stopped(self) -> Flags:
        return np.zeros(len(self.guards), bool)


def guards(asked: Question) -> list[Guard]:
    """What goodstanding makes of each simulated run."""
    drawn, dice = Drawn(asked.assumptions, asked.runs, 3), np.random.default_rng(3)
    it = world(asked.campaign, asked.platforms["relay"], drawn, dice)
    it.guard = Unheeded([Guard(Stream.OUTREACH) for _ in range(asked.runs)])
    run(it)
    return it.guard.guards


def judged(copies: list[CopyStatus]) -> Guard:
    """What goodstanding's guard makes of what people did, by the hour."""
    began = min(copy.at for copy in copies)
    delivered, complained = Counter[int](), Counter[int]()
    for copy in copies:
        arrived = (copy.at - began) * SPEED
        delivered[int(arrived // HOUR)] += 1
        for deed in copy.deeds:
            if deed.act == "complained":
                complained[int((arrived + deed.after) // HOUR)] += 1
    guard = Guard(Stream.OUTREACH)
    for hour in range(max([*delivered, *complained]) + 1):
        guard.hear((hour + 1) * HOUR, delivered[hour], delivered[hour], complained[hour], 0)
    return guard


@dataclass(frozen=True)
class Sent:
    """What became of the campaign in one sandbox."""

    copies: list[CopyStatus]
    unknown: int
    """Recipients that do not exist."""

    def placed(self, where: str) -> int:
        return sum(copy.placement == where for copy in self.copies)

    def did(self, what: str) -> int:
        return sum(deed.act == what for copy in self.copies for deed in copy.deeds)


def played(seed: str) -> Sent:
    with sandbox(seed) as ready, SandboxClient(ready.control_port) as client:
        client.add_zone("meet-shop.example", [("@", "TXT", "v=spf1 ip4:127.0.0.0/8 -all"), ("@", "A", "127.0.0.1")])
        client.establish([f"ip:{CLIENT}", "domain:meet-shop.example"], PAST_DAYS, PAST_PER_DAY)
        unknown = send(ready)
        time.sleep(LATER / SPEED)
        return Sent(client.copies("gmail", limit=LETTERS), unknown)


@pytest.fixture(scope="module")
def sent() -> list[Sent]:
    return [played(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def hourly(sent: list[Sent]) -> float:
    """Letters an hour of the sandbox's time."""
    seconds = [[copy.at for copy in one.copies] for one in sent]
    return LETTERS / (sum(max(one) - min(one) for one in seconds) / len(seconds) * SPEED / HOUR)


@pytest.fixture(scope="module")
def runs(hourly: float) -> Runs:
    return perform(question(600, hourly), Task("relay", "", 0, 600))


def agree(values: Sequence[float], numbers: Numbers) -> bool:
    """Whether the mean of some runs could well be that of as many others: one in a hundred is not believed."""
    dice = np.random.default_rng(1)
    low, high = np.percentile(dice.choice(numbers, (4000, len(values))).mean(axis=1), [0.5, 99.5])
    return bool(low <= np.mean(values) <= high)


def test_placement_agrees(sent: list[Sent], runs: Runs) -> None:
    for one in sent:
        assert one.placed("inbox") + one.placed("junk") + one.unknown == LETTERS
    assert agree([one.unknown for one in sent], runs.sums["bounced"])
    for where in ("inbox", "junk"):
        placed = [one.placed(where) for one in sent]
        assert agree(placed, runs.sums[where]), (placed, np.percentile(runs.sums[where], [1, 50, 99]))


@pytest.mark.parametrize(("act", "name"), [("complained", "complained"), ("replied", "replied")])
def test_what_people_do_agrees(sent: list[Sent], runs: Runs, act: str, name: str) -> None:
    did = [one.did(act) for one in sent]
    assert agree(did, runs.sums[name]), (did, np.percentile(runs.sums[name], [1, 50, 99]))


def test_the_ladder_agrees(sent: list[Sent], hourly: float) -> None:
    theirs = [judged(one.copies).reached for one in sent]
    ours = [guard.reached for guard in guards(question(200, hourly))]
    for stage in ("throttled", "suspended"):
        assert agree([stage in one for one in theirs], np.array([float(stage in one) for one in ours])), stage
        reached = [one[stage] for one in theirs if stage in one]
        if reached:
            simulated = np.array([one[stage] for one in ours if stage in one])
            assert agree(reached, simulated), (stage, [one / HOUR for one in reached], np.median(simulated) / HOUR)

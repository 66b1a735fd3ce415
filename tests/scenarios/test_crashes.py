"""kill -9 at random moments under load: what got a 250 is delivered or still queued, always.

A message may be delivered twice only when a crash fell between the remote's 250 and our commit of it: its journal then
tells of one delivery, and a crash lies between its two arrivals. The counts are printed; docs/reliability.md has them.
"""

import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest

from goodstanding.events import Delivered
from tests.scenarios.client import Crowd
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink

KILLS = int(os.environ.get("GOODSTANDING_KILLS", "50"))
WORKER_KILLS = max(1, KILLS // 5)


LAST_WORDS = 0.5
"""Seconds after our death within which a remote still takes what we had said to it."""
HEADINGS = "| kills | accepted | delivered | lost | twice | unexplained | unacknowledged | window |"


@dataclass(frozen=True)
class Balance:
    """What became of the messages that got a 250."""

    kills: int
    accepted: int
    delivered: int
    lost: Sequence[str]
    twice: int
    unexplained: Sequence[str]
    unacknowledged: int
    """Delivered, though the crash kept their 250 from reaching the client: it would send them again."""
    window: float
    """Most seconds between the first arrival of a message that came twice and a crash."""

    def __str__(self) -> str:
        return (
            f"| {self.kills} | {self.accepted} | {self.delivered} | {len(self.lost)} | {self.twice} | "
            f"{len(self.unexplained)} | {self.unacknowledged} | {1000 * self.window:.0f} ms |"
        )


def balance(relay: Relay, sink: Sink, acknowledged: set[str], crashes: Sequence[float]) -> Balance:
    """The books, once the queue is empty."""
    arrivals = sink.arrivals()
    twice = {token: times for token, times in arrivals.items() if len(times) > 1}
    journalled = [event.message for event in relay.events() if isinstance(event, Delivered)]
    assert len(journalled) == len(set(journalled)), "the journal tells of each delivery once"
    unexplained = [
        token
        for token, times in twice.items()
        if not all(any(a - LAST_WORDS <= crash <= b for crash in crashes) for a, b in pairwise(times))
    ]
    windows = [min(abs(crash - times[0]) for crash in crashes) for times in twice.values()]
    return Balance(
        kills=len(crashes),
        accepted=len(acknowledged),
        delivered=len(acknowledged & arrivals.keys()),
        lost=sorted(acknowledged - arrivals.keys()),
        twice=len(twice),
        unexplained=unexplained,
        unacknowledged=len(arrivals.keys() - acknowledged),
        window=max(windows, default=0.0),
    )


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Prints although pytest captures."""

    def out(title: str, books: Balance) -> None:
        with capsys.disabled():
            print(f"\n{title}:\n{HEADINGS}\n{books}")

    return out


def test_kill_9_of_everything_loses_nothing(make_relay: MakeRelay, sink: Sink, say) -> None:  # type: ignore[no-untyped-def]
    relay, lottery, crashes = make_relay(), random.Random(), list[float]()
    sink.manners.delay = 0.003  # a remote takes a moment to answer, so that crashes find conversations under way
    relay.start()
    with Crowd(relay.plain, sessions=6) as crowd:
        for _ in range(KILLS):
            before = len(crowd.acknowledged)
            eventually(lambda before=before: len(crowd.acknowledged) > before, "mail flows")  # type: ignore[misc]
            time.sleep(lottery.uniform(0.0, 1.0))  # the random moment
            relay.kill()
            crashes.append(time.monotonic())
            relay.start()
    relay.wait_until_empty(120.0)
    books = balance(relay, sink, crowd.acknowledged, crashes)
    say("kill -9 of supervisor and workers", books)
    assert not books.lost
    assert not books.unexplained
    assert relay.stop() == 0


def test_kill_9_of_one_worker_loses_nothing_and_the_supervisor_replaces_it(  # type: ignore[no-untyped-def]
    make_relay: MakeRelay, sink: Sink, say
) -> None:
    relay, lottery, crashes = make_relay(), random.Random(), list[float]()
    sink.manners.delay = 0.003
    relay.start()
    with Crowd(relay.plain, sessions=6) as crowd:
        for _ in range(WORKER_KILLS):
            time.sleep(lottery.uniform(0.0, 1.0))  # the random moment
            victim = lottery.choice(relay.workers())
            os.kill(victim, signal.SIGKILL)
            crashes.append(time.monotonic())
            eventually(
                lambda victim=victim: len(relay.workers()) == 2 and victim not in relay.workers(),  # type: ignore[misc]
                "a new worker",
            )
            before = len(crowd.acknowledged)
            eventually(lambda before=before: len(crowd.acknowledged) > before, "mail flows")  # type: ignore[misc]
    relay.wait_until_empty(120.0)
    books = balance(relay, sink, crowd.acknowledged, crashes)
    say("kill -9 of one worker", books)
    assert not books.lost
    assert not books.unexplained
    assert relay.stop() == 0


def test_a_crash_leaves_no_bytes_behind(make_relay: MakeRelay, sink: Sink) -> None:
    relay = make_relay()
    relay.start()
    with Crowd(relay.plain, sessions=6) as crowd:
        eventually(lambda: len(crowd.acknowledged) > 50, "mail flows")
        relay.kill()
    relay.start()
    relay.wait_until_empty()
    relay.stop()
    relay.start()  # sweeps what the second life left
    assert relay.segments() == 0

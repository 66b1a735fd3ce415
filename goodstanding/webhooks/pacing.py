"""When an event is posted again, and how much an endpoint bears: pure arithmetic over `now`.

What an endpoint says of one event delays that event. What it says of itself delays the endpoint: then one POST at a
time asks whether it is back, and nothing else of it is tried; with the first success all goes on, in slow start.
"""

from __future__ import annotations

from msgspec import Struct, structs


class Schedule(Struct, frozen=True):
    """How patient we are; seconds."""

    first: float = 5.0
    factor: float = 3.0
    most: float = 4 * 3600.0
    probe: float = 300.0
    """Longest wait between looks at an endpoint that does not answer."""
    give_up: float = 86_400.0


class Again(Struct, frozen=True):
    """It is posted again."""

    due: float


class Dead(Struct, frozen=True):
    """It is not posted again unless somebody asks for it."""


def wait(schedule: Schedule, attempts: int, jitter: float, most: float) -> float:
    """Seconds after so many attempts (from 1); ``jitter``: a factor around 1."""
    return min(schedule.first * schedule.factor ** min(attempts - 1, 40), most) * jitter


def next_try(schedule: Schedule, created: float, now: float, earliest: float) -> Again | Dead:
    """What becomes of an event after a failed attempt; ``earliest``: the second before which it is not tried.

    The last attempt is at the end of the time, not some hours before it.
    """
    end = created + schedule.give_up
    if now >= end:
        return Dead()
    return Again(min(max(earliest, now), end))


class Health(Struct, frozen=True):
    """How an endpoint has answered of late."""

    window: int = 4
    """POSTs at the same time."""
    failures: int = 0
    """Rounds without a success."""
    until: float = 0.0
    """Nothing is posted before this second."""


def room(health: Health, under_way: int, now: float) -> int:
    """How many POSTs may be begun now."""
    return 0 if now < health.until else max(0, health.window - under_way)


def succeeded(health: Health, most: int) -> Health:
    """After an answer that says: I am here."""
    if not health.failures and health.window >= most:
        return health
    return Health(window=min(most, 2 * health.window))


def failed(health: Health, schedule: Schedule, now: float, jitter: float, asked: float) -> Health:
    """After a failure of the endpoint itself; ``asked``: seconds it wants to be left alone.

    What was under way when it began to fail does not count again.
    """
    if now < health.until:
        return structs.replace(health, until=max(health.until, now + asked))
    failures = health.failures + 1
    pause = max(wait(schedule, failures, jitter, schedule.probe), asked)
    return Health(window=1, failures=failures, until=now + pause)

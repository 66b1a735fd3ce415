"""How many connections a site gets: a window that rises slowly with success and falls at once with trouble.

After Postfix's scheduler (its SCHEDULER_README): one more connection after a window's worth of successes, half as many
after a failure that blames the site. A site that cannot be reached, or that keeps refusing us, is closed for a while;
what waits for it is deferred with the site's own words instead of being tried one by one. Lanes with limits from data
come later; this is their first simple form. Pure: a window goes in with ``now``, a window comes out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from goodstanding.model import Reach, Reply

LANE_FAILURES = 4
"""Refusals of us in a row after which the site is left alone for a while."""
FIRST_PAUSE = 20.0
LONGEST_PAUSE = 1800.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker may do at one site."""

    start: int
    most: int


@dataclass(frozen=True, slots=True)
class Window:
    """What is known of a site."""

    size: float
    in_use: int = 0
    failures: int = 0
    """In a row."""
    closed_until: float = 0.0
    because: Reply | None = None
    """What closed it."""


@dataclass(frozen=True, slots=True)
class Go:
    """A connection is granted and already counted."""

    window: Window


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now."""

    until: float
    """Second at which it makes sense to ask again; 0: when a connection ends."""


def ask(window: Window, now: float) -> Go | Wait:
    """Ask for one connection."""
    if now < window.closed_until:
        return Wait(window.closed_until)
    if window.in_use >= int(window.size) or (window.failures and window.in_use):
        return Wait(0.0)  # after a failure a single probe shows whether the site is back
    return Go(replace(window, in_use=window.in_use + 1))


def ended(window: Window) -> Window:
    """A connection is no more."""
    return replace(window, in_use=window.in_use - 1)


def succeeded(window: Window, limits: Limits) -> Window:
    """A message was taken."""
    if window.failures == 0 and window.size >= limits.most:
        return window
    return replace(window, size=min(window.size + 1 / window.size, limits.most), failures=0, because=None)


def failed(window: Window, reach: Reach, reply: Reply, now: float) -> Window:
    """An answer blamed the host or our lane to it; blame of less is nobody's business here."""
    if reach not in ("host", "lane"):
        return window
    failures = window.failures + 1
    until = window.closed_until
    if reach == "host" or failures >= LANE_FAILURES:
        steps = failures if reach == "host" else failures - LANE_FAILURES + 1
        until = now + min(FIRST_PAUSE * 2 ** min(steps - 1, 10), LONGEST_PAUSE)
    return replace(window, size=max(1.0, window.size / 2), failures=failures, closed_until=until, because=reply)

"""Waiting for events: asks again and again, never sleeps for luck."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
ASK_EVERY = 0.02


def eventually(ask: Callable[[], T], what: str | Callable[[], str], patience: float = 30.0) -> T:
    """The first truthy answer; fails with ``what`` did not happen when there is none for so many seconds."""
    deadline = time.monotonic() + patience
    while not (answer := ask()):
        if time.monotonic() > deadline:
            words = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {patience:g} s: {words}; the last answer was {answer!r}")
        time.sleep(ASK_EVERY)
    return answer

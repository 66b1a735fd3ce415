"""The states of one recipient, as a table: what may happen in which state, and what comes of it.

``waiting``: due now or later. ``claimed``: a worker has booked an attempt. ``held``: an operator stopped it.
``stopped``: an order of enforcement did. The rest are ends: the row is gone, the journal keeps the story.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where a recipient stands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    HELD = "held"
    STOPPED = "stopped"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    DROPPED = "dropped"


LIFECYCLE: Mapping[State, Mapping[str, State]] = {
    State.WAITING: {
        "claim": State.CLAIMED,
        "hold": State.HELD,
        "drop": State.DROPPED,
        "retry": State.WAITING,
    },
    State.CLAIMED: {
        "deliver": State.DELIVERED,
        "defer": State.WAITING,
        "bounce": State.BOUNCED,
        "give back": State.WAITING,
        "stop": State.STOPPED,
        "hold": State.HELD,
        "drop": State.DROPPED,
    },
    State.HELD: {"release": State.WAITING, "drop": State.DROPPED},
    State.STOPPED: {"resume": State.WAITING, "give up": State.WAITING, "drop": State.DROPPED},
    State.DELIVERED: {},
    State.BOUNCED: {},
    State.DROPPED: {},
}
"""State -> what may happen -> state."""

OPEN = frozenset(state for state, moves in LIFECYCLE.items() if moves)
"""States that have a row in the queue."""

"""The journal in the time of those who read mail, where that runs faster than the clock: beside a sandbox only.

Complaints come hours and days after a delivery. In a sandbox that lives a day in 3.6 seconds they come after a moment,
and whoever weighed them by the clock would find every sender guilty. So seconds are stretched before they are weighed.
"""

from __future__ import annotations

from msgspec.structs import replace

from goodstanding.events import Event, Unsubscribed
from goodstanding.evidence import Complained, Engaged, Measured, Returned
from goodstanding.model import accepted_at


def stretched(second: float, speed: float) -> float:
    """A second of the clock in their time."""
    return second * speed


def lived(event: Event, speed: float) -> Event:
    """The event with its seconds in their time."""
    at = stretched(event.at, speed)
    match event:
        case Returned() | Complained() | Engaged() | Unsubscribed():
            delivered = event.delivered or accepted_at(event.message)
            return replace(event, at=at, delivered=stretched(delivered, speed))
        case Measured():
            return replace(event, at=at, since=stretched(event.since, speed), until=stretched(event.until, speed))
        case _:
            return replace(event, at=at)

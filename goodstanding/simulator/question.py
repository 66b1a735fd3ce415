"""One question and how it is answered: the runs it takes, in pieces that any pool of processes can work on."""

from __future__ import annotations

from msgspec import Struct

from goodstanding.simulator.assumptions import Assumption
from goodstanding.simulator.campaign import Campaign
from goodstanding.simulator.platforms import Platform


class Question(Struct, frozen=True):
    """What is asked: this campaign, over these routes, in this world."""

    campaign: Campaign
    routes: tuple[str, ...]
    """Slugs of platforms."""
    platforms: dict[str, Platform]
    assumptions: dict[str, Assumption]
    """Everybody's and the platforms', with what the user has set."""
    runs: int = 1000
    seed: int = 1


class Task(Struct, frozen=True):
    """A piece of the work: some runs of one route."""

    route: str
    change: str
    """A `outcome.Change` slug: the campaign as it would be with that change; empty: as it is."""
    start: int
    """Number of the first run."""
    runs: int

"""Questions that tests of the simulator ask."""

from collections.abc import Mapping

from goodstanding.model import Stream
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator import assumptions, platforms
from goodstanding.simulator.assumptions import Assumption, Range, given
from goodstanding.simulator.campaign import FLOWS, PROVIDERS, Campaign, Group, Message, Source
from goodstanding.simulator.question import Question

PLATFORMS = platforms.usual()


def everything() -> dict[str, Assumption]:
    """Everybody's assumptions and the platforms'."""
    found = assumptions.usual()
    for platform in PLATFORMS.values():
        found.update(platform.assumptions())
    return found


def settled(wanted: Mapping[str, float] | None = None) -> dict[str, Assumption]:
    """The same with every range at its likely number, but for those given: nothing but dice differs between runs."""
    known = everything()
    numbers = {slug: Range(one.likely, one.likely, one.likely) for slug, one in known.items()}
    numbers |= {slug: Range(value, value, value) for slug, value in (wanted or {}).items()}
    return given(known, numbers, "test")


def campaign(
    expectation: Expectation = Expectation.COLD,
    count: int = 2000,
    source: Source = "collected",
    message: Message = Message(),
    stream: Stream = Stream.OUTREACH,
) -> Campaign:
    """A campaign to as many at each provider."""
    groups = tuple(Group(expectation, provider, source, count // len(PROVIDERS)) for provider in PROVIDERS)
    return Campaign("spring", groups, message, flows=FLOWS, stream=stream)


def question(asked: Campaign, *routes: str, runs: int = 40, known: dict[str, Assumption] | None = None) -> Question:
    """A question about it."""
    return Question(asked, routes, PLATFORMS, known if known is not None else everything(), runs, 7)

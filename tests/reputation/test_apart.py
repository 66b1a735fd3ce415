"""A subscription is told apart into so many cells at most, and whoever answers for all of it answers for the same."""

from itertools import pairwise

import pytest

from goodstanding.events import Event
from goodstanding.model import Key, KeyKind, Signal
from goodstanding.reputation.blame import charges, standings
from goodstanding.reputation.cells import APART, State, is_apart
from goodstanding.reputation.fold import fold
from tests.reputation.mail import (
    ADDRESS,
    DAY,
    DOMAIN,
    START,
    SUBSCRIPTION,
    TENANT,
    bounced,
    campaign,
    complained,
    delivered,
    of,
    reinstated,
)

DAYS = 12
END = START + DAYS * DAY


def every_message_its_own(days: int = DAYS, a_day: int = 40) -> list[Event]:
    """Each message a campaign of its own with a link of its own; some bounce, some are complained about days later."""
    events: list[Event] = []
    for number in range(days * a_day):
        at = START + number * DAY / a_day
        touched = of(campaign=number + 1, links=f"link{number}.example")
        events.append(bounced(at, touched=touched) if number % 20 == 19 else delivered(at, touched))
        if number % 25 == 7:
            events.append(complained(at + 1.3 * DAY, at, touched))
    return sorted(events, key=lambda event: event.at)


def told_apart(events: list[Event], most_apart: int) -> State:
    state = State(most_apart=most_apart)
    for event in events:
        fold(state, event)
    return state


@pytest.mark.parametrize("most_apart", [0, 1, 7, 60])
def test_all_but_campaigns_and_links_answer_for_the_same(most_apart: int) -> None:
    events = [*every_message_its_own(), reinstated(END, SUBSCRIPTION), delivered(END + 60, of(campaign=9999))]
    few, all_of_them = told_apart(events, most_apart), told_apart(events, APART)
    for key in (SUBSCRIPTION, TENANT, ADDRESS, DOMAIN):
        for now in (END + 61, END + 3 * DAY):
            said = [one.words for one in standings(few, key, now)]
            assert said == [one.words for one in standings(all_of_them, key, now)]
            assert said or key == SUBSCRIPTION
    assert len(all_of_them.cells) == 40 * DAYS + 1
    assert len(few.cells) <= most_apart + 2  # and a rest for each reinstatement


def test_what_something_counts_against_and_what_has_much_mail_stays_apart() -> None:
    large = campaign(START, 30, 0, of(campaign=5001))
    bad = campaign(START, 2, 1, of(campaign=5002))
    ones = [delivered(START + 60 + place, of(campaign=place + 1)) for place in range(10)]
    events = sorted([*large, *bad, *ones], key=lambda event: event.at)
    state = told_apart([*events, delivered(START + 2 * DAY, of(campaign=6000))], 12)
    kept = {cell.footprint[2].campaign for cell in state.cells.values()}
    assert {5001, 5002, 6000, 0} < kept
    assert len(kept) == 12 / 2 + 2  # half of them, the newest, and the rest


def test_a_bad_campaign_is_found_among_thousands_of_messages_that_are_their_own() -> None:
    """Room is made for it at midnight: it answers, and not the subscription."""
    bad = campaign(END + 3600, 40, 8, of(campaign=7777))
    noise = [event for event in every_message_its_own() if event.at < END]
    events = sorted([*noise, delivered(END + 1), *bad], key=lambda event: event.at)
    found = charges(told_apart(events, 60), END + 2 * DAY)
    assert Key(KeyKind.CAMPAIGN, "7777") in {one.key for one in found if one.signal is Signal.COMPLAINTS}


def test_when_no_more_can_be_told_apart_the_subscription_answers() -> None:
    ones = [complained(START + place, START + place, of(campaign=place + 1, links="")) for place in range(20)]
    state = told_apart(ones, 5)
    assert sum(is_apart(cell.footprint) for cell in state.cells.values()) == 5
    assert SUBSCRIPTION in {one.key for one in charges(state, START + 3600)}


def test_what_is_told_apart_does_not_hang_on_who_has_looked_when() -> None:
    events = every_message_its_own()
    looked, quiet = State(most_apart=30), told_apart(events, 30)
    for event, after in pairwise([*events, events[-1]]):
        fold(looked, event)
        if after.at // 3600 > event.at // 3600:
            charges(looked, event.at)
    assert list(looked.cells) == list(quiet.cells)

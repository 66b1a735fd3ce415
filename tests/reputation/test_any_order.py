"""Whatever the journal holds, in whatever order: totals stay sums of their cells, and every question has an answer."""

from hypothesis import given, settings
from hypothesis import strategies as st

from goodstanding.events import Event
from goodstanding.model import Key, KeyKind
from goodstanding.reputation.blame import charges, standings
from goodstanding.reputation.budget import load_line
from goodstanding.reputation.cells import APART, State, Total, is_apart, since
from goodstanding.reputation.fold import fold
from tests.reputation import mail
from tests.reputation.mail import ADDRESS, CAMPAIGN, DAY, DOMAIN, START, SUBSCRIPTION, TENANT, of

MOMENTS = st.floats(0, 100 * DAY).map(lambda after: START + after)
TOUCHED = st.builds(
    of,
    campaign=st.integers(0, 3),
    subscription=st.sampled_from(("shop/news", "shop/otp", "bank/app", "")),
    stream=st.sampled_from(("bulk", "transactional", "")),
    domain=st.sampled_from(("a.example", "")),
    links=st.sampled_from(("", "x.example", "x.example y.example")),
)
KEYS = st.sampled_from((ADDRESS, CAMPAIGN, DOMAIN, SUBSCRIPTION, TENANT))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(mail.delivered, MOMENTS, TOUCHED, host=st.sampled_from((mail.GOOGLE, "", "mx.x.example [192.0.2.9]"))),
    st.builds(mail.complained, MOMENTS, st.one_of(st.just(0.0), MOMENTS), TOUCHED),
    st.builds(mail.bounced, MOMENTS, touched=TOUCHED, hard=st.booleans()),
    st.builds(mail.deferred, MOMENTS, touched=TOUCHED),
    st.builds(mail.returned, MOMENTS, MOMENTS, touched=TOUCHED),
    st.builds(mail.unsubscribed, MOMENTS, MOMENTS, TOUCHED),
    st.builds(mail.engaged, MOMENTS, st.just("clicked"), touched=TOUCHED),
    st.builds(mail.measured, MOMENTS, KEYS, messages=st.integers(0, 99), junked=st.integers(0, 99)),
    st.builds(mail.reinstated, MOMENTS, KEYS),
)


@given(st.lists(EVENTS, max_size=60), st.booleans(), st.sampled_from((0, 1, 2, 5, APART)))
@settings(max_examples=100)
def test_totals_are_sums_and_questions_have_answers(events: list[Event], in_order: bool, most_apart: int) -> None:
    state, now = State(most_apart=most_apart), START
    for event in sorted(events, key=lambda one: one.at) if in_order else events:
        fold(state, event)
        now = max(now, event.at)
        charges(state, now, kin={1: (2, 3), 2: (1,)})
    for (key, stream), total in state.totals.items():
        assert sums(total, state) == own(total, state)
        assert all(cell.epoch >= since(state, key, cell.footprint[0], stream) for cell in total.cells.values())
        assert load_line(state, key, stream, now).most >= 0.0
        for one in standings(state, key, now):
            assert 0.0 <= one.low <= one.estimate <= one.high <= 1.0
    assert not standings(state, Key(KeyKind.IP, "198.51.100.1"), now)
    assert max(state.apart.values(), default=0) <= most_apart
    assert sum(state.apart.values()) == sum(is_apart(cell.footprint) for cell in state.cells.values())


def own(total: Total, state: State) -> tuple[dict[int, int], dict[int, list[float]]]:
    total.tally.settle(state.day, state.curves)
    return total.tally.slots, {day: rounded for day, rounded in rounded_days(total.tally.days).items() if any(rounded)}


def sums(total: Total, state: State) -> tuple[dict[int, int], dict[int, list[float]]]:
    """What its cells come to together."""
    slots, days = dict[int, int](), dict[int, list[float]]()
    for cell in total.cells.values():
        cell.tally.settle(state.day, state.curves)
        for code, number in cell.tally.slots.items():
            slots[code] = slots.get(code, 0) + number
        for day, columns in cell.tally.days.items():
            held = days.setdefault(day, [0.0] * len(columns))
            days[day] = [mine + theirs for mine, theirs in zip(held, columns, strict=True)]
    return slots, {day: rounded for day, rounded in rounded_days(days).items() if any(rounded)}


def rounded_days(days: dict[int, list[float]]) -> dict[int, list[float]]:
    return {day: [round(value, 6) + 0.0 for value in columns] for day, columns in days.items()}

"""What counts for what: one event after the other, and the counts it leaves."""

import pytest
from msgspec import structs

from goodstanding.events import Event
from goodstanding.model import Key, KeyKind, Signal, Touched
from goodstanding.reputation.blame import standings
from goodstanding.reputation.cells import State, keys_of
from goodstanding.reputation.exposure import ATTEMPTS, COLUMN, WANTED
from tests.reputation.mail import (
    ADDRESS,
    CAMPAIGN,
    DAY,
    DOMAIN,
    IP,
    LINK,
    MICROSOFT,
    START,
    SUBSCRIPTION,
    TENANT,
    bounced,
    complained,
    deferred,
    delivered,
    engaged,
    folded,
    measured,
    of,
    reinstated,
    returned,
    unsubscribed,
)


def counted(state: State, key: Key, column: int, stream: str = "bulk") -> float:
    total = state.totals.get((key, stream))
    if total is None:
        return 0.0
    by_day = sum(columns[column] for columns in total.tally.days.values())
    return total.tally.attempts() if column == ATTEMPTS else by_day


def events(state: State, key: Key, signal: Signal, stream: str = "bulk") -> float:
    return counted(state, key, COLUMN[signal], stream)


def test_a_message_is_held_to_account_by_everything_it_touched_narrowest_first() -> None:
    two_links = of(links="a.example b.example")
    assert keys_of(("shop", IP, two_links)) == [
        CAMPAIGN,
        SUBSCRIPTION,
        Key(KeyKind.LINK, "a.example"),
        Key(KeyKind.LINK, "b.example"),
        DOMAIN,
        ADDRESS,
        TENANT,
    ]
    assert keys_of(("shop", "", Touched())) == [TENANT]


def test_what_nobody_can_place_on_a_stream_counts_against_nobody() -> None:
    unknown = Touched()
    state = folded(
        complained(START, 0.0, unknown), unsubscribed(START, 0.0, unknown), returned(START, 0.0, touched=unknown)
    )
    assert not state.cells
    assert not state.harms


@pytest.mark.parametrize("key", [CAMPAIGN, SUBSCRIPTION, LINK, DOMAIN, ADDRESS, TENANT], ids=str)
def test_one_complaint_counts_for_every_key_its_message_touched(key: Key) -> None:
    state = folded(delivered(START), complained(START + 60, START))
    assert events(state, key, Signal.COMPLAINTS) == 1
    assert counted(state, key, ATTEMPTS) == 1


@pytest.mark.parametrize(
    ("event", "signal"),
    [
        (bounced(START), Signal.HARD_BOUNCES),
        (bounced(START, "552 5.2.2 mailbox full", hard=False), Signal.FAILURES),
        (bounced(START, "451 4.4.1 no answer", hard=False, expired=True), Signal.FAILURES),
        (bounced(START, "550 5.7.1 blocked", hard=False, reach="lane"), Signal.FAILURES),
        (deferred(START), Signal.FAILURES),
        (structs.replace(deferred(START), klass="policy"), Signal.FAILURES),
        (structs.replace(deferred(START), klass="rate-limit"), None),
        (structs.replace(deferred(START), klass="greylisted"), None),
        (deferred(START, attempts=2), None),
        (deferred(START, reach="recipient"), None),
        (returned(START, START - 60), Signal.HARD_BOUNCES),
        (returned(START, START - 60, hard=False), Signal.FAILURES),
        (complained(START, START - 60), Signal.COMPLAINTS),
        (unsubscribed(START, START - 60), Signal.UNSUBSCRIBES),
        (unsubscribed(START, START - 60, way="operator"), None),
        (engaged(START, "replied"), None),
        (delivered(START), None),
    ],
)
def test_each_end_counts_under_one_signal_at_most(event: Event, signal: Signal | None) -> None:
    state = folded(event)
    against = [one for one in Signal if events(state, SUBSCRIPTION, one)]
    assert against == ([signal] if signal else [])
    assert [harm.signal for harm in state.harms] == against


@pytest.mark.parametrize(
    ("how", "by", "wanted"),
    [("clicked", "person", 1), ("replied", "person", 1), ("opened", "person", 0), ("clicked", "scanner", 0)],
)
def test_only_what_people_do_shows_that_mail_was_wanted(how: str, by: str, wanted: int) -> None:
    assert counted(folded(engaged(START, how, by)), SUBSCRIPTION, WANTED) == wanted


def test_streams_are_counted_apart() -> None:
    state = folded(delivered(START), delivered(START, of(subscription="shop/otp", stream="transactional")))
    assert (counted(state, TENANT, ATTEMPTS), counted(state, TENANT, ATTEMPTS, "transactional")) == (1, 1)


def test_figures_of_a_provider_count_for_the_address_and_the_stream_it_sends_on() -> None:
    state = folded(delivered(START), measured(START + DAY, ADDRESS, messages=1000, junked=900, traps=2, complaints=3))
    assert [events(state, ADDRESS, one) for one in (Signal.JUNK, Signal.TRAPS, Signal.COMPLAINTS)] == [900, 2, 3]
    assert events(state, SUBSCRIPTION, Signal.JUNK) == 0
    (junk,) = [one for one in standings(state, ADDRESS, START + DAY + 1) if one.signal is Signal.JUNK]
    assert (junk.events, junk.exposure) == (900, 1000)


def test_figures_are_held_against_the_messages_they_are_about() -> None:
    """An address that has just moved here: 0.4 % of yesterday's mail, of which our journal has one delivery."""
    told = measured(START + DAY, ADDRESS, messages=3850, traps=2, complaints=15)
    found = {one.signal: one for one in standings(folded(delivered(START), told), ADDRESS, START + DAY + 1)}
    complaints, traps = found[Signal.COMPLAINTS], found[Signal.TRAPS]
    assert (complaints.events, complaints.exposure) == (15, pytest.approx(3851, abs=1))
    assert (traps.events, traps.exposure) == (2, 3850)
    assert found[Signal.HARD_BOUNCES].exposure == 1


def test_complaints_that_also_come_one_by_one_are_not_counted_twice() -> None:
    mail = delivered(START, host=MICROSOFT), complained(START + 60, START, host=MICROSOFT)
    state = folded(*mail, measured(START + DAY, ADDRESS, provider="microsoft", messages=1000, complaints=1))
    assert events(state, ADDRESS, Signal.COMPLAINTS) == 1


@pytest.mark.parametrize(("sent", "domain"), [(START, "evil.example"), (START - 9 * DAY, "news.example")])
def test_a_complaint_about_others_or_of_another_time_takes_nothing_from_the_figures(sent: float, domain: str) -> None:
    """Nobody hides the figures of a domain by complaining once, of a Gmail account, about mail of their own."""
    evil = of(subscription="evil/x", domain=domain, campaign=9, links="")
    mail = delivered(sent, evil), complained(sent + 60, sent, evil), delivered(START)
    state = folded(*mail, measured(START + DAY, DOMAIN, provider="google", messages=1000, complaints=40))
    counted_singly = 0 if domain == "evil.example" else 1
    assert events(state, DOMAIN, Signal.COMPLAINTS) == 40 + counted_singly


def test_of_the_figures_only_what_came_one_by_one_is_left_out() -> None:
    mail = delivered(START), complained(START + 60, START), complained(START + 90, START, kind="reply")
    state = folded(*mail, measured(START + DAY, DOMAIN, provider="google", messages=1000, complaints=40))
    assert events(state, DOMAIN, Signal.COMPLAINTS) == 2 + 39


def test_a_complaint_that_comes_after_the_figures_of_its_day_counts_beside_them() -> None:
    """Nobody can tell it from a new one: docs/reputation.md says so. Only what the figures are about has it twice."""
    mail = delivered(START), measured(START + DAY, ADDRESS, provider="google", messages=1000, complaints=1)
    state = folded(*mail, complained(START + DAY + 3600, START))
    assert [events(state, key, Signal.COMPLAINTS) for key in (ADDRESS, SUBSCRIPTION, CAMPAIGN)] == [2, 1, 1]


def test_what_came_one_by_one_is_forgotten_with_the_rest() -> None:
    state = folded(delivered(START), complained(START + 60, START), delivered(START + 80 * DAY))
    assert not state.singly


def test_figures_about_something_else_are_left_alone() -> None:
    assert not folded(measured(START, SUBSCRIPTION, messages=5), measured(START, Key(KeyKind.LINK, "a.example"))).cells


def test_nothing_reaches_back_before_a_reinstatement() -> None:
    state = folded(
        delivered(START),
        reinstated(START + DAY, SUBSCRIPTION),
        complained(START + DAY + 60, START),
        delivered(START + DAY + 120),
        complained(START + DAY + 180, START + DAY + 120),
    )
    assert events(state, SUBSCRIPTION, Signal.COMPLAINTS) == 1
    assert events(state, CAMPAIGN, Signal.COMPLAINTS) == 2
    assert events(state, TENANT, Signal.COMPLAINTS) == 1  # nobody wider is charged with what it was forgiven
    (first, *_) = standings(state, SUBSCRIPTION, START + 2 * DAY)
    assert first.since == START + DAY


@pytest.mark.parametrize(
    ("tenant", "stream", "left"),
    [("shop", "bulk", (1, 1)), ("shop", "", (1, 0)), ("", "bulk", (0, 1)), ("", "", (0, 0)), ("zoo", "", (2, 1))],
)
def test_a_reinstatement_clears_what_its_tenant_did_on_its_stream(
    tenant: str, stream: str, left: tuple[int, int]
) -> None:
    """A link that two tenants use, and one of them on two streams."""
    others, otp = of(subscription="bank/app"), of(subscription="shop/otp", stream="transactional")
    told = [complained(START + 60, START, touched) for touched in (of(), others, otp)]
    state = folded(delivered(START), *told, reinstated(START + DAY, LINK, tenant, stream))
    found = tuple(events(state, LINK, Signal.COMPLAINTS, name) for name in ("bulk", "transactional"))
    assert found == left
    suspects = {total.stream for total in state.suspects[Signal.COMPLAINTS] if total.key == LINK}
    assert suspects == {name for name, count in zip(("bulk", "transactional"), left, strict=True) if count}


def test_the_key_that_is_reinstated_is_the_one_that_no_longer_counts() -> None:
    """All counts of a first cell are equal; each is told from the others all the same."""
    state = folded(delivered(START), reinstated(START + DAY, ADDRESS), complained(START + DAY + 60, START))
    assert [events(state, key, Signal.COMPLAINTS) for key in (ADDRESS, TENANT, CAMPAIGN)] == [0, 1, 1]
    (cell,) = state.cells.values()
    assert sum(columns[COLUMN[Signal.COMPLAINTS]] for columns in cell.tally.days.values()) == 1


def test_a_reinstated_domain_is_rid_of_its_providers_old_figures_too() -> None:
    """They name no tenant."""
    figures = structs.replace(measured(START, DOMAIN, provider="google", complaints=40), tenant="")
    state = folded(delivered(START), figures, reinstated(START + DAY, DOMAIN, stream="bulk"))
    assert events(state, DOMAIN, Signal.COMPLAINTS) == 0


def test_a_complaint_that_does_not_say_when_its_mail_was_delivered_counts_by_its_acceptance() -> None:
    """The id of a message tells when it was accepted: here long before."""
    state = folded(delivered(START), reinstated(START + DAY, SUBSCRIPTION), complained(START + DAY + 60, 0.0))
    assert events(state, SUBSCRIPTION, Signal.COMPLAINTS) == 0


def test_two_reinstatements_make_two_fresh_starts() -> None:
    state = folded(
        *(delivered(START), complained(START + 60, START), reinstated(START + DAY, CAMPAIGN)),
        *(
            delivered(START + DAY + 1),
            complained(START + DAY + 2, START + DAY + 1),
            reinstated(START + 2 * DAY, TENANT),
        ),
        *(delivered(START + 2 * DAY + 1), complained(START + 2 * DAY + 2, START + 2 * DAY + 1)),
    )
    found = [events(state, key, Signal.COMPLAINTS) for key in (CAMPAIGN, TENANT, SUBSCRIPTION)]
    assert found == [2, 1, 2]


def test_our_own_notices_are_held_against_nobody() -> None:
    ours = of(subscription="goodstanding/notices", stream="transactional")
    state = folded(*[bounced(START + n, touched=ours) for n in range(20)])
    assert (state.cells, state.totals) == ({}, {})
    of_theirs = folded(delivered(START, touched=Touched()), bounced(START + 1, touched=Touched()))  # sent back to them
    assert (of_theirs.cells, of_theirs.totals) == ({}, {})


def test_what_we_give_back_ourselves_is_no_failure_of_the_sender() -> None:
    back = bounced(START, "550 5.7.1 the operator refused it", hard=False, host="")
    assert events(folded(delivered(START), back), CAMPAIGN, Signal.FAILURES) == 0
    nowhere = bounced(START, "550 5.1.2 no such domain", hard=True, host="")
    assert events(folded(delivered(START), nowhere), CAMPAIGN, Signal.HARD_BOUNCES) == 1


def test_other_events_say_nothing() -> None:
    from tests.store.test_journal import accepted

    assert folded(accepted(1, "a@example.net", START)).day == 0


def test_totals_are_the_sums_of_their_cells() -> None:
    state = folded(
        *(delivered(START + place, of(campaign=place % 3)) for place in range(30)), complained(START + 99, START)
    )
    total = state.totals[SUBSCRIPTION, "bulk"]
    assert sum(sum(cell.tally.slots.values()) for cell in total.cells.values()) == sum(total.tally.slots.values()) == 30


def test_news_of_yesterday_is_counted_yesterday() -> None:
    state = folded(delivered(START), delivered(START + DAY), complained(START + 60, START), delivered(START + 90))
    tally = state.totals[SUBSCRIPTION, "bulk"].tally
    tally.settle(20_002, state.curves)
    columns = [(columns[COLUMN[Signal.COMPLAINTS]], columns[ATTEMPTS]) for columns in tally.days.values()]
    assert dict(zip(tally.days, columns, strict=True)) == {20_000: (1.0, 2.0), 20_001: (0.0, 1.0)}


def test_a_second_cell_parts_a_total_from_its_first() -> None:
    """A total of one cell has no tally of its own: what happens to other cells must not reach the first one's."""
    first, second = of(), of(campaign=8)
    state = folded(delivered(START, first), delivered(START + 1, second), delivered(START + 2, first))
    assert [counted(state, key, ATTEMPTS) for key in (CAMPAIGN, SUBSCRIPTION)] == [2, 3]
    assert [cell.tally.attempts() for cell in state.cells.values()] == [2, 1]


@pytest.mark.parametrize(
    "block",
    [bounced(START, "553 5.7.1 blocked", hard=False, reach="lane"), deferred(START)],
    ids=["for good", "for now"],
)
def test_a_block_of_our_address_is_the_address_s_alone(block: Event) -> None:
    state = folded(delivered(START), structs.replace(block, klass="reputation"))
    against = [
        key for key in (CAMPAIGN, LINK, SUBSCRIPTION, DOMAIN, ADDRESS, TENANT) if events(state, key, Signal.FAILURES)
    ]
    assert against == [ADDRESS]
    assert (counted(state, ADDRESS, ATTEMPTS), counted(state, CAMPAIGN, ATTEMPTS)) == (2, 1)
    unknown = structs.replace(block, klass="reputation", source="")
    assert events(folded(unknown), CAMPAIGN, Signal.FAILURES) == 1

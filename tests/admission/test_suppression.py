"""Who is not written to: scopes, causes that meet, leases that grow, and what the sender is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission import suppression
from goodstanding.admission.suppression import CAUSES, DAY, HOUR, Suppression, strongest, suppress
from goodstanding.model import Stream

NOW = 1_795_000_000.0
ANNA = b"anna" * 4
BULK, OUTREACH, OTP = Stream.BULK, Stream.OUTREACH, Stream.TRANSACTIONAL


def row(cause: str = "unsubscribed", stream: str = "", tenant: str = "shop", at: float = NOW, expires: float = 0.0):
    return Suppression(tenant, ANNA, stream, cause, "test", at, expires)


def test_nobody_is_suppressed_by_nothing() -> None:
    assert strongest([], BULK, NOW) is None


def test_codes_still_reach_somebody_who_left_the_newsletter() -> None:
    rows = [row(stream=stream) for stream in suppression.streams_left(BULK)]
    assert strongest(rows, BULK, NOW)
    assert strongest(rows, OUTREACH, NOW)
    assert strongest(rows, OTP, NOW) is None


def test_who_leaves_outreach_keeps_the_newsletter_they_asked_for() -> None:
    rows = [row(stream=stream) for stream in suppression.streams_left(OUTREACH)]
    assert strongest(rows, OUTREACH, NOW)
    assert strongest(rows, BULK, NOW) is None


@pytest.mark.parametrize("stream", Stream)
def test_no_unsubscribe_ever_stops_codes(stream: Stream) -> None:
    assert OTP not in suppression.streams_left(stream)


@pytest.mark.parametrize("stream", Stream)
def test_a_complaint_stops_every_stream_of_the_tenant(stream: Stream) -> None:
    found = strongest([row("complained")], stream, NOW)
    assert found is not None
    assert (found.scope, found.cause) == ("tenant", "complained")


def test_only_an_operator_suppresses_the_platform() -> None:
    assert not [cause.name for cause in CAUSES.values() if cause.scope == "platform"]


def test_a_lease_that_ran_out_stops_nothing() -> None:
    assert strongest([row("bounced", expires=NOW)], BULK, NOW) is None
    assert strongest([row("bounced", expires=NOW + 1)], BULK, NOW) is not None


def test_what_does_not_end_is_told_before_what_does_and_the_wider_scope_first() -> None:
    rows = [row("bounced", tenant="", expires=NOW + 9), row("unsubscribed", "bulk"), row("complained")]
    found = strongest(rows, BULK, NOW)
    assert found is not None
    assert found.cause == "complained"


def test_leases_double_as_those_of_azure_do() -> None:
    at, before, lengths = NOW, None, []
    for _ in range(7):
        before = suppress(before, row("bounced", at=at), at)
        lengths.append((before.expires - at) / HOUR)
        at = before.expires - 1
    assert lengths == [24, 48, 96, 168, 336, 336, 336]


def test_bounces_of_mail_that_was_under_way_are_one_strike() -> None:
    first = suppress(None, row("bounced"), NOW)
    assert suppress(first, row("bounced", at=NOW + 60), NOW + 60) is first


def test_a_strike_counts_for_ninety_days_after_its_lease() -> None:
    first = suppress(None, row("bounced"), NOW)
    soon, late = first.expires + 89 * DAY, first.expires + 91 * DAY
    assert suppress(first, row("bounced", at=soon), soon).strikes == 2
    assert suppress(first, row("bounced", at=late), late).strikes == 1


def test_asking_twice_changes_nothing() -> None:
    first = suppress(None, row(stream="bulk"), NOW)
    assert suppress(first, row(stream="bulk", at=NOW + DAY), NOW + DAY) is first


@pytest.mark.parametrize("weaker", ["unsubscribed", "bounced", "imported"])
def test_the_stronger_cause_stays(weaker: str) -> None:
    complaint = suppress(None, row("complained"), NOW)
    assert suppress(complaint, row(weaker), NOW) is complaint
    assert suppress(suppress(None, row(weaker), NOW), row("complained"), NOW).cause == "complained"


def test_a_wish_is_not_lost_to_a_stronger_cause_that_ends() -> None:
    until = row("complained", expires=NOW + DAY)
    assert suppress(until, row("unsubscribed"), NOW).cause == "unsubscribed"
    wish = suppress(None, row("unsubscribed"), NOW)
    assert suppress(wish, until, NOW) is wish


def test_a_hard_cause_takes_over_what_ran_out() -> None:
    old = row("operator", expires=NOW - 1)
    assert suppress(old, row("unsubscribed"), NOW).cause == "unsubscribed"


def test_lifting_takes_one_stream_or_all() -> None:
    rows = [row(stream="bulk"), row("bounced")]
    assert suppression.lift(rows, "bulk") == rows[:1]
    assert suppression.lift(rows, "") == rows[1:]
    assert suppression.lift(rows, None) == rows


def test_the_sender_reads_why_since_when_and_what_to_do() -> None:
    found = strongest([row("bounced", at=0.0, expires=NOW + DAY)], BULK, NOW)
    assert found is not None
    assert (
        suppression.because(found)
        == "has no mailbox there: mail to it came back on 1970-01-01, until 2026-11-19 (test)"
    )
    assert "correct the address" in suppression.remedy(found)


def test_a_cause_of_a_newer_release_is_obeyed() -> None:
    found = strongest([row("telepathy")], BULK, NOW)
    assert found is not None
    assert "telepathy" in suppression.because(found)
    assert suppression.remedy(found)
    assert suppress(row("telepathy"), row("bounced"), NOW).cause == "telepathy"


CASES = st.tuples(st.sampled_from(list(CAUSES)), st.sampled_from([0.0, NOW - 5, NOW + 50]))


@given(st.lists(CASES, min_size=1, max_size=6))
def test_whatever_meets_nobody_who_was_to_be_left_alone_for_good_is_written_to(cases: list[tuple[str, float]]) -> None:
    before = None
    for cause, expires in cases:
        before = suppress(before, row(cause, expires=expires), NOW)
    assert before is not None
    for_good = [cause for cause, expires in cases if not CAUSES[cause].soft and not expires]
    if for_good:
        assert before.expires == 0
        assert before.cause == min(for_good, key=lambda cause: CAUSES[cause].rank)

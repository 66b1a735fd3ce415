"""What providers think of senders: lines, memory, rations, and who is dragged down with whom."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.sandbox.behaviour import Act, Expectation, Past, Placement, draws
from goodstanding.sandbox.placement import DAY, Arriving, Grade, Key, Lines, Reputations, place

LINES = Lines()
IP: Key = ("ip", "127.0.1.1")
SHOP: Key = ("domain", "shop.example")
OTHER: Key = ("domain", "other.example")


def sent(reputations: Reputations, keys: list[Key], number: int, now: float = 0.0, *, opened: float = 0.5) -> None:
    """So many messages in the inbox, some of which are read."""
    for n in range(number):
        reputations.placed(keys, "inbox", now)
        if n < number * opened:
            reputations.acted(keys, Act.OPENED, now)


def complained(reputations: Reputations, keys: list[Key], number: int, now: float = 0.0) -> None:
    for _ in range(number):
        reputations.acted(keys, Act.COMPLAINED, now)


def test_a_newcomer_is_neutral_and_rationed() -> None:
    found = Reputations(LINES).standing(IP, 0.0)
    assert (found.grade, found.ration) == (Grade.MEDIUM, LINES.ration)
    assert found.complaint_rate == pytest.approx(LINES.neutral_complaints)


@pytest.mark.parametrize(
    ("messages", "complaints", "grade"),
    [
        (40, 0, Grade.MEDIUM),
        (900, 0, Grade.HIGH),
        (10_000, 5, Grade.HIGH),
        (10_000, 20, Grade.MEDIUM),
        (10_000, 35, Grade.LOW),
        (900, 5, Grade.LOW),
        (900, 25, Grade.BAD),
        (20, 2, Grade.MEDIUM),
        (20, 3, Grade.LOW),
    ],
)
def test_the_grade_follows_the_complaint_rate(messages: int, complaints: int, grade: Grade) -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP], messages)
    complained(reputations, [IP], complaints)
    assert reputations.standing(IP, 0.0).grade is grade


def test_a_complaint_weighs_more_where_nobody_reads() -> None:
    read, ignored = Reputations(LINES), Reputations(LINES)
    sent(read, [IP], 2000, opened=0.5)
    sent(ignored, [IP], 2000, opened=0.0)
    complained(read, [IP], 5)
    complained(ignored, [IP], 5)
    assert (read.standing(IP, 0).grade, ignored.standing(IP, 0).grade) == (Grade.MEDIUM, Grade.LOW)


def test_what_lies_in_junk_makes_no_rate_look_better() -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP], 300)
    complained(reputations, [IP], 4)
    before = reputations.standing(IP, 0.0).complaint_rate
    for _ in range(5000):
        reputations.placed([IP], "junk", 0.0)
    assert reputations.standing(IP, 0.0).complaint_rate == before


def test_writing_to_people_who_do_not_exist_costs_reputation() -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP, SHOP], 200)
    for _ in range(80):
        reputations.unknown_user([IP, SHOP], 0.0)
    assert reputations.grade([SHOP], 0.0) is Grade.LOW
    for _ in range(200):
        reputations.unknown_user([IP, SHOP], 0.0)
    assert reputations.door([SHOP], 0.0) == "blocked_domain"


def test_a_list_as_good_as_lists_are_does_not_cross_the_line_of_unknown_users() -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP], 950)
    for _ in range(50):
        reputations.unknown_user([IP], 0.0)
    assert reputations.standing(IP, 0.0).grade is Grade.HIGH


def test_a_fall_is_at_once_and_a_rise_takes_seven_days_below_the_line() -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP], 1000)
    complained(reputations, [IP], 5)
    assert reputations.standing(IP, 0.0).grade is Grade.LOW
    sent(reputations, [IP], 20_000, 60.0)
    assert reputations.standing(IP, 60.0).complaint_rate < LINES.target
    assert reputations.standing(IP, 6.9 * DAY).grade is Grade.LOW
    assert reputations.standing(IP, 40 * DAY).grade >= Grade.MEDIUM


@given(st.integers(1, 3000), st.integers(1, 100), st.floats(0.1, 60))
def test_a_grade_that_nobody_looks_at_comes_back_no_earlier_than_one_that_is_watched(
    messages: int, complaints: int, days: float
) -> None:
    watched, unwatched = Reputations(LINES), Reputations(LINES)
    for one in (watched, unwatched):
        sent(one, [IP], messages, opened=1.0)
        complained(one, [IP], complaints)
    for hour in range(int(days * 24)):
        watched.standing(IP, hour * 3600.0)
    assert unwatched.standing(IP, days * DAY).grade <= watched.standing(IP, days * DAY).grade


@given(st.lists(st.tuples(st.sampled_from(["sent", "complained", "unknown"]), st.floats(0, 5 * DAY)), max_size=80))
def test_more_complaints_never_make_a_better_grade(events: list[tuple[str, float]]) -> None:
    fewer, more = Reputations(LINES), Reputations(LINES)
    now = 0.0
    for kind, later in events:
        now += later
        for one in (fewer, more):
            if kind == "unknown":
                one.unknown_user([IP], now)
            elif kind == "sent":
                one.placed([IP], "inbox", now)
        if kind == "complained":
            more.acted([IP], Act.COMPLAINED, now)
        assert more.standing(IP, now).grade <= fewer.standing(IP, now).grade


def test_counts_fade_to_half_in_three_days() -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP], 1000)
    reputations.standing(IP, LINES.half_life)
    assert reputations.records[IP].inboxed == pytest.approx(500)


def test_whoever_shares_an_address_or_a_domain_shares_its_grade() -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP, SHOP], 1000)
    sent(reputations, [("ip", "127.0.1.9"), OTHER], 1000)
    complained(reputations, [IP, OTHER], 30)
    assert reputations.grade([IP, SHOP], 0.0) is Grade.BAD
    assert reputations.grade([("ip", "127.0.1.9"), SHOP], 0.0) is Grade.HIGH
    assert reputations.grade([("ip", "127.0.1.9"), OTHER], 0.0) is Grade.BAD
    assert reputations.grade([], 0.0) is Grade.MEDIUM


@pytest.mark.parametrize(("days", "allowed"), [(0, 500), (1, 700), (2, 980), (10, 14_463)])
def test_the_ration_of_a_newcomer_grows_by_the_day(days: int, allowed: int) -> None:
    reputations = Reputations(LINES)
    reputations.standing(IP, 0.0)
    assert reputations.standing(IP, days * DAY).ration == pytest.approx(allowed, rel=0.001)


def test_a_newcomer_who_sends_more_is_put_off_until_the_next_day() -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP], LINES.ration - 1, opened=0.0)
    assert reputations.door([IP], 0.0) == ""
    sent(reputations, [IP], 1)
    assert reputations.door([IP], 0.0) == "rationed"
    assert reputations.door([IP], DAY) == ""


def test_the_low_have_a_ration_too_and_the_bad_none() -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP], 900)
    complained(reputations, [IP], 5)
    assert reputations.standing(IP, 0.0).ration == LINES.low_ration
    assert reputations.door([IP], 0.0) == "put_off"
    complained(reputations, [IP], 30)
    assert (reputations.door([IP], 0.0), reputations.door([IP, SHOP], 0.0)) == ("blocked_ip", "blocked_ip")


def test_an_established_sender_is_trusted_and_has_no_ration() -> None:
    reputations = Reputations(LINES)
    reputations.established(SHOP, days=90, per_day=100, now=1e9)
    found = reputations.standing(SHOP, 1e9)
    assert (found.grade, found.ration) == (Grade.HIGH, inf)
    assert reputations.records[SHOP].inboxed == pytest.approx(433, abs=1)


@pytest.mark.parametrize(
    ("copy", "where"),
    [
        (Arriving(Grade.HIGH, Expectation.COLD, Past()), "inbox"),
        (Arriving(Grade.MEDIUM, Expectation.AWAITED, Past()), "inbox"),
        (Arriving(Grade.HIGH, Expectation.AWAITED, Past(complained=True)), "junk"),
        (Arriving(Grade.LOW, Expectation.AWAITED, Past(replied=True)), "inbox"),
        (Arriving(Grade.BAD, Expectation.AWAITED, Past(replied=True)), "junk"),
        (Arriving(Grade.BAD, Expectation.AWAITED, Past()), "junk"),
    ],
)
def test_a_persons_own_word_comes_first_then_the_grade(copy: Arriving, where: Placement) -> None:
    assert {place(copy, LINES, draws("s", str(n))) for n in range(200)} == {where}


def test_low_goes_to_junk_nearly_always_and_medium_seldom_and_only_to_strangers() -> None:
    def junked(grade: Grade, expectation: Expectation, lines: Lines = LINES) -> list[Placement]:
        return [place(Arriving(grade, expectation, Past()), lines, draws("s", str(n))) for n in range(4000)]

    assert junked(Grade.LOW, Expectation.AWAITED).count("junk") / 4000 == pytest.approx(LINES.low_junk, abs=0.02)
    assert junked(Grade.MEDIUM, Expectation.COLD).count("junk") / 4000 == pytest.approx(LINES.stranger_junk, abs=0.02)
    vanishing = Lines(vanish=0.2)
    assert junked(Grade.BAD, Expectation.COLD, vanishing).count("dropped") / 4000 == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(
    ("junked", "colour"), [(0, "green"), (9, "green"), (11, "yellow"), (90, "yellow"), (91, "red")]
)
def test_an_address_has_the_colour_snds_would_show(junked: int, colour: str) -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP], 100 - junked)
    for _ in range(junked):
        reputations.placed([IP], "junk", 0.0)
    for _ in range(20):
        reputations.unknown_user([IP], 0.0)
    assert reputations.standing(IP, 0.0).colour(LINES) == colour


def test_totals_are_kept_for_good() -> None:
    reputations = Reputations(LINES)
    sent(reputations, [IP], 3)
    reputations.refused([IP], "put_off", 2, 0.0)
    reputations.placed([IP], "junk", 90 * DAY)
    assert reputations.records[IP].totals == {"inbox": 3, "junk": 1, "put_off": 2, "opened": 2}

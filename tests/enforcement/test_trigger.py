"""Up at once, down slowly; evidence that stays keeps the rung, and nothing is decided twice."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from goodstanding.enforcement.ladder import Cause, Impact, OpenFinding, Position, step
from goodstanding.enforcement.notices import notice_for
from goodstanding.enforcement.orders import What, ordered
from goodstanding.enforcement.policy import DAY
from goodstanding.enforcement.trigger import Move, decide, moved
from goodstanding.model import Rung, Signal
from goodstanding.reputation.standing import Level
from tests.enforcement.accounts import CAMPAIGN, IP, NOW, POLICY, WORDS, after, at, charge, run, rungs

UP: list[tuple[Rung, Level, Rung]] = [
    (Rung.GOOD, "watched", Rung.WATCHED),
    (Rung.GOOD, "slowed", Rung.SLOWED),
    (Rung.GOOD, "penalty", Rung.SLOWED),
    (Rung.GOOD, "suspended", Rung.SLOWED),
    (Rung.WATCHED, "slowed", Rung.SLOWED),
    (Rung.WATCHED, "penalty", Rung.SLOWED),
    (Rung.WATCHED, "suspended", Rung.SLOWED),
    (Rung.REINSTATED, "slowed", Rung.SLOWED),
    (Rung.REINSTATED, "penalty", Rung.SUSPENDED),
]


@pytest.mark.parametrize(("rung", "level", "to"), UP)
def test_evidence_leads_up_at_once(rung: Rung, level: Level, to: Rung) -> None:
    (move,) = decide(at(rung), [charge(level)], NOW, POLICY)
    assert (move.before.effective, move.after.effective, move.told) == (rung, to, True)
    assert (move.by, move.because, move.after.because) == ("system", WORDS, WORDS)


WARNED: list[tuple[Rung, Level, Rung]] = [
    (Rung.SLOWED, "penalty", Rung.PENALTY),
    (Rung.SLOWED, "suspended", Rung.SUSPENDED),
    (Rung.PENALTY, "suspended", Rung.SUSPENDED),
]


@pytest.mark.parametrize(("rung", "level", "to"), WARNED)
def test_evidence_leads_further_only_when_the_time_of_a_warning_is_over(rung: Rung, level: Level, to: Rung) -> None:
    assert decide(at(rung), [charge(level)], NOW + POLICY.warning - 1, POLICY) == []
    (move,) = decide(at(rung), [charge(level)], NOW + POLICY.warning, POLICY)
    assert (move.before.effective, move.after.effective, move.told) == (rung, to, True)


def test_evidence_that_comes_all_at_once_climbs_in_order_and_tells_each_step() -> None:
    moves = run(Position(CAMPAIGN), "suspended", days=1, hours=0.25)
    assert rungs(moves) == ["slowed", "suspended"]
    assert moves[1].after.since - moves[0].after.since == POLICY.warning
    assert {order.what for order in moves[0].orders} == {What.PACE}
    warned = notice_for(moves[0], "postmaster@shop.example")
    assert warned is not None and "suspension follows" in warned.text


def test_a_warning_that_was_heeded_leads_no_further() -> None:
    (move,) = decide(Position(CAMPAIGN), [charge("suspended")], NOW, POLICY)
    assert rungs(run(move.after, "slowed", days=1)) == []


def test_who_was_warned_is_slowed_once_however_often_evidence_is_weighed() -> None:
    moves = run(Position(CAMPAIGN), "suspended", days=POLICY.warning / DAY - 0.001, hours=1 / 3600)
    assert rungs(moves) == ["slowed"]


STAY: list[tuple[Rung, Level | None]] = [
    (Rung.GOOD, None),
    (Rung.WATCHED, "watched"),
    (Rung.SLOWED, "slowed"),
    (Rung.SLOWED, "watched"),
    (Rung.PENALTY, "slowed"),
    (Rung.PENALTY, "penalty"),
    (Rung.SUSPENDED, "suspended"),
    (Rung.SUSPENDED, None),
]


@pytest.mark.parametrize(("rung", "level"), STAY)
def test_a_rung_stays_while_evidence_does(rung: Rung, level: Level | None) -> None:
    assert rungs(run(at(rung), level, days=30)) == []


@pytest.mark.parametrize(
    ("rung", "level", "down"),
    [
        (Rung.WATCHED, None, ["good"]),
        (Rung.SLOWED, None, ["watched", "good"]),
        (Rung.PENALTY, None, ["slowed", "watched", "good"]),
        (Rung.PENALTY, "watched", ["slowed"]),
    ],
)
def test_clean_time_leads_down_a_step_at_a_time(rung: Rung, level: Level | None, down: list[str]) -> None:
    moves = [move for move in run(at(rung), level, days=30) if move.told]
    assert rungs(moves) == down
    assert [move.after.since - NOW for move in moves] == [2 * DAY * (n + 1) for n in range(len(down))]


def test_evidence_in_the_clean_time_begins_it_anew() -> None:
    slowed = at(Rung.SLOWED)
    (noted,) = decide(slowed, [charge("watched")], NOW + 1.5 * DAY, POLICY)[:1]
    assert not noted.told
    assert rungs(decide(noted.after, [], NOW + 2.5 * DAY, POLICY)) == []
    assert rungs(decide(noted.after, [], NOW + 3.6 * DAY, POLICY)) == ["watched"]


def test_evidence_around_a_line_makes_nobody_swing() -> None:
    levels: list[Level] = ["slowed", "watched"] * 100
    position, told = Position(CAMPAIGN), 0
    for hour, level in enumerate(levels):
        for move in decide(position, [charge(level)], NOW + hour * 3600, POLICY):
            position, told = move.after, told + move.told
    assert (position.effective, told) == (Rung.SLOWED, 1)


def test_nothing_is_decided_twice_of_the_same_evidence() -> None:
    (move,) = decide(Position(CAMPAIGN), [charge("suspended")], NOW, POLICY)
    assert decide(move.after, [charge("suspended")], NOW + 1, POLICY) == []


def test_the_gravest_charge_decides_and_each_kind_is_found() -> None:
    charges = [charge("watched"), charge("penalty", signal=Signal.TRAPS), charge("slowed", signal=Signal.HARD_BOUNCES)]
    (move,) = decide(at(Rung.SLOWED), charges, NOW + POLICY.warning, POLICY)
    assert move.after.effective is Rung.PENALTY
    assert {one.signal: one.impact for one in move.after.findings} == {
        Signal.COMPLAINTS: Impact.LOW,
        Signal.TRAPS: Impact.HIGH,
        Signal.HARD_BOUNCES: Impact.LOW,
    }
    assert move.after.unanswered


def test_orders_of_evidence_are_renewed_while_it_stays() -> None:
    (first,) = decide(Position(CAMPAIGN), [charge("slowed")], NOW, POLICY)
    ends = [first, *run(first.after, "slowed", days=5)]
    reordered = [move for move in ends if move.reorders]
    assert len(reordered) == 6
    for sooner, later in pairwise(reordered):
        assert later.orders[0].issued < sooner.orders[0].until
    assert all(not move.told and not move.cause for move in reordered[1:])


def test_a_suspension_is_never_renewed_and_never_ends_by_itself() -> None:
    (move,) = decide(at(Rung.SLOWED), [charge("suspended")], NOW + POLICY.warning, POLICY)
    assert {order.until for order in move.orders} == {0.0}
    assert run(move.after, "suspended", days=90, hours=24) == []


# --- probation -------------------------------------------------------------------------------------------------------


def reinstated() -> Position:
    stopped = at(Rung.SUSPENDED)
    return moved(stopped, after(stopped, Cause.REVIEW_GRANTED), NOW, POLICY).after


def rates(moves: list[Move]) -> list[float]:
    """The rates ordered one after the other, each once."""
    found = [order.rate for move in moves for order in move.orders]
    return [rate for n, rate in enumerate(found) if n == 0 or rate != found[n - 1]]


def test_the_rate_of_a_probation_doubles_until_it_is_the_usual_one() -> None:
    moves = run(reinstated(), None, days=15)
    assert rates(moves) == [100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0]
    assert rungs(moves) == ["good"]
    assert moves[-1].orders == ()
    assert moves[-1].after.since - NOW == 14 * DAY


def test_rising_evidence_begins_the_probation_anew() -> None:
    moves = run(reinstated(), None, days=5)
    back = decide(moves[-1].after, [charge("watched")], NOW + 5.1 * DAY, POLICY)
    assert [order.rate for move in back for order in move.orders] == [100.0]
    assert rungs(back) == []


def test_a_probation_with_an_unanswered_finding_is_not_served() -> None:
    (stopped,) = decide(Position(CAMPAIGN), [charge("suspended")], NOW, POLICY)
    back = moved(stopped.after, after(stopped.after, Cause.OPERATOR_REINSTATED), NOW, POLICY)
    assert rungs(run(back.after, None, days=60)) == []


# --- an operator's term ----------------------------------------------------------------------------------------------


def test_what_was_decided_for_a_time_ends_with_it() -> None:
    held = Position(CAMPAIGN, operator=Rung.SUSPENDED, since=NOW, term=NOW + DAY, cause=Cause.OPERATOR_SUSPENDED)
    assert decide(held, [], NOW + DAY - 1, POLICY) == []
    (move,) = decide(held, [], NOW + DAY, POLICY)
    assert (move.after.effective, move.orders, move.after.term) == (Rung.GOOD, (), 0.0)


def test_an_address_is_judged_by_the_same_ladder() -> None:
    (move,) = decide(at(Rung.SLOWED, IP), [charge("suspended", IP)], NOW + POLICY.warning, POLICY)
    assert [order.what.value for order in move.orders] == ["hold"]


# --- whatever comes --------------------------------------------------------------------------------------------------

LEVELS: list[Level | None] = [None, "watched", "slowed", "penalty", "suspended"]
OF_OPERATORS = [
    Cause.OPERATOR_SLOWED, Cause.OPERATOR_SUSPENDED, Cause.OPERATOR_CLOSED, Cause.OPERATOR_REINSTATED,
    Cause.REVIEW_GRANTED,
]  # fmt: skip
THINGS = st.lists(
    st.tuples(st.floats(0, 5 * DAY), st.one_of(st.sampled_from(LEVELS), st.sampled_from(OF_OPERATORS))), max_size=40
)


@given(THINGS)
def test_whatever_comes_every_move_is_told_and_the_orders_fit_the_rung(things: list[tuple[float, object]]) -> None:
    position, now, orders = Position(CAMPAIGN), NOW, ()
    for pause, what in things:
        now += pause
        if isinstance(what, Cause):
            stepped = step(position, what, now)
            moves = [moved(position, stepped, now, POLICY)] if stepped else []
        else:
            charges = [charge(what)] if what in LEVELS[1:] else []  # type: ignore[arg-type]
            moves = decide(position, charges, now, POLICY)
        for move in moves:
            assert move.before == position
            assert move.told == bool(move.cause)
            assert notice_for(move, "a@shop.example") is not None or move.before.effective is move.after.effective
            position, orders = move.after, move.orders if move.reorders else orders
        assert [order.what for order in orders] == [what for what in ordered_now(position) if what != "reroute"]
        assert runs_dry(position, now)


def runs_dry(position: Position, now: float) -> bool:
    """Whether asking again and again at one moment comes to an end."""
    for _ in range(3):
        moves = decide(position, [charge("watched")], now, POLICY)
        if not moves:
            return True
        position = moves[0].after
    return False


def ordered_now(position: Position) -> tuple[What, ...]:
    return ordered(position.account.key.kind, position.effective)


FOUND = (OpenFinding(Signal.COMPLAINTS, Impact.HIGH, WORDS, NOW),)


def said(before: Position, cause: Cause, because: str) -> Position:
    """Where a move leads, and what is said of it from then on."""
    to = structs.replace(after(before, cause), because=because, by="eve")
    move = moved(before, to, NOW, POLICY, "eve")
    assert move.because == because
    assert all(move.after.because in order.words for order in move.orders)
    return move.after


def test_the_reason_told_is_that_of_the_hand_in_effect() -> None:
    suspended = at(Rung.SUSPENDED, findings=FOUND, cause="over-limit", by="system")
    slowed_too = said(suspended, Cause.OPERATOR_SLOWED, "come slowly")
    assert (slowed_too.operator, slowed_too.because, slowed_too.by) == (Rung.SLOWED, WORDS, "system")
    assert said(slowed_too, Cause.OPERATOR_LIFTED, "enough").because == WORDS
    assert said(suspended, Cause.OPERATOR_SUSPENDED, "traps").because == "traps"
    both = said(suspended, Cause.OPERATOR_SUSPENDED, "traps")
    assert said(both, Cause.OPERATOR_LIFTED, "a mistake").because == WORDS
    by_hand = said(at(Rung.SLOWED, findings=FOUND), Cause.OPERATOR_SUSPENDED, "traps")
    assert said(by_hand, Cause.CLEAN_PERIOD, "no evidence in 2 days").because == "traps"
    assert said(by_hand, Cause.OPERATOR_LIFTED, "a mistake").because == WORDS

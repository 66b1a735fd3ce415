"""Nothing happens in silence, and what is told is told in the same words everywhere."""

import pytest
from msgspec import structs

from goodstanding.enforcement.ladder import HANDS, LADDER, Cause, Position, edges
from goodstanding.enforcement.notices import notice_for
from goodstanding.enforcement.orders import What
from goodstanding.enforcement.page import page
from goodstanding.enforcement.providers import LaneReplies, provider_moves
from goodstanding.enforcement.trigger import Move, decide, moved
from goodstanding.enforcement.words import WORDS as TEXTS
from goodstanding.evidence import LadderMoved
from goodstanding.model import KeyKind, Rung
from tests.enforcement.accounts import CAMPAIGN, DOMAIN, NEWS, NOW, POLICY, WORDS, after, at, charge

WHO = "postmaster@shop.example"


def move_along(rung: Rung, cause: Cause) -> Move:
    """The move of the hand that a cause moves, along one edge."""
    hand = "operator" if HANDS[cause] == ("operator",) or rung is Rung.CLOSED else "system"
    before = structs.replace(Position(CAMPAIGN, since=NOW, provoked=NOW), **{hand: rung})
    stepped = after(before, cause)
    return moved(before, structs.replace(stepped, because=WORDS), NOW, POLICY)


@pytest.mark.parametrize(("rung", "cause", "to"), edges())
def test_no_move_is_without_a_notice(rung: Rung, cause: Cause, to: Rung) -> None:
    move = move_along(rung, cause)
    notice = notice_for(move, WHO)
    assert (move.before.effective, move.after.effective) == (rung, to)
    assert notice is not None
    assert (notice.to, WORDS.lower() in " ".join(notice.text.split()).lower()) == (WHO, True)
    for heading in ("What happened", "What it means for the mail", "What to do"):
        assert f"\n{heading}\n" in notice.text
    assert "{" not in notice.text


def test_a_notice_reads_like_this() -> None:
    (move,) = decide(Position(CAMPAIGN), [charge("slowed")], NOW, POLICY)
    notice = notice_for(move, WHO)
    assert notice is not None
    assert notice.subject == "Slowed: campaign:17 of shop"
    assert notice.text.splitlines()[:6] == [
        "campaign:17 of shop: slowed.",
        "",
        "What happened",
        "-------------",
        "There is solid evidence that a rate is above its target.",
        "Complaint evidence 1 in 2,400 against 0.1 %: 5 complaints in 310 matured",
    ]
    assert "100 recipients an hour" in notice.text
    assert "Only this campaign is concerned." in notice.text
    assert "- low (no answer is needed): complaint evidence" in notice.text
    assert notice.text.splitlines()[-1] == POLICY.link(CAMPAIGN)


def test_lines_of_a_notice_are_short_but_for_links() -> None:
    (move,) = decide(Position(NEWS), [charge("suspended", NEWS)], NOW, POLICY)
    notice = notice_for(move, WHO)
    assert notice is not None
    assert max(len(line) for line in notice.text.splitlines() if "://" not in line) <= 76


def test_every_kind_of_account_is_told_what_goes_on_as_before() -> None:
    assert set(TEXTS.scope) == set(KeyKind)


def test_renewed_orders_tell_nobody() -> None:
    (first,) = decide(Position(CAMPAIGN), [charge("slowed")], NOW, POLICY)
    (renewed,) = decide(first.after, [charge("slowed")], NOW + 86_401, POLICY)
    assert renewed.reorders
    assert notice_for(renewed, WHO) is None


def test_who_has_no_contact_gets_no_mail() -> None:
    assert notice_for(move_along(Rung.GOOD, Cause.OVER_LIMIT), "") is None


def test_a_paused_lane_is_told_in_its_own_words() -> None:
    replies = LaneReplies(DOMAIN.key, "google", attempts=9, blocked=9, reply="550 5.7.1 blocked")
    (move,) = provider_moves(at(Rung.SLOWED, DOMAIN), replies, None, NOW, POLICY)
    notice = notice_for(move, WHO)
    assert notice is not None
    assert "mail to google waits for a while" in " ".join(notice.text.split())


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_says_what_reply_and_notice_say() -> None:
    (move,) = decide(at(Rung.SLOWED), [charge("suspended")], NOW + POLICY.warning, POLICY)
    history = [LadderMoved("shop", NOW, "campaign:17", "slowed", "suspended", "over-limit", WORDS)]
    shown = page(move.after, move.orders, history, None)
    assert (shown.title, shown.effective, shown.because) == ("Suspended", Rung.SUSPENDED, WORDS)
    assert [order.what for order in shown.orders] == [What.REFUSE, What.HOLD]
    assert len(shown.questions) == 7
    assert shown.means[-1].startswith("Only this campaign")
    assert shown.history == tuple(history)


@pytest.mark.parametrize("rung", [Rung.GOOD, Rung.WATCHED, Rung.REINSTATED, Rung.CLOSED])
def test_there_are_no_questions_where_a_review_changes_nothing(rung: Rung) -> None:
    hand = "operator" if rung is Rung.CLOSED else "system"
    assert page(structs.replace(Position(CAMPAIGN), **{hand: rung}), [], [], None).questions == ()


def test_the_ladder_has_no_rung_that_the_page_cannot_show() -> None:
    assert {page(structs.replace(Position(CAMPAIGN), system=rung), [], [], None).effective for rung in LADDER} == set(
        Rung
    )

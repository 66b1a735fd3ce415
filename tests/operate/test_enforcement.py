"""The operator's hand and reviews: one transaction each, journalled with who and why, and the tenant told."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from goodstanding.admission.estate import Tenant
from goodstanding.enforcement.notices import Notice
from goodstanding.enforcement.review import State
from goodstanding.errors import GoodstandingError
from goodstanding.events import Event
from goodstanding.evidence import LadderMoved, OrderEnded, OrderIssued, Reviewed
from goodstanding.model import Rung, Stream
from goodstanding.operate import enforcement, opening, reviews
from goodstanding.operate.enforcement import Desk, policy_of
from goodstanding.settings import Pool, Settings, StoreSettings, WebSettings
from goodstanding.store import enforcement as store
from goodstanding.store import estate, journal
from goodstanding.store.db import Tx

NEWS = "subscription:shop/news"
EVERY = dict.fromkeys(reviews.QUESTIONS, "as asked")
APART = Pool("apart", Stream.BULK, ("203.0.113.9",), penalty=True)


class Post:
    """What was to be sent."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def __call__(self, tx: Tx, notices: Sequence[Notice]) -> None:
        self.notices += notices


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def desk(database_url: str, tmp_path: Path, post: Post) -> Iterator[Desk]:
    at = StoreSettings(url="" if database_url.startswith("sqlite") else database_url)
    web = WebSettings(port=8443, url="https://relay.example")
    settings = Settings(data_dir=str(tmp_path / "data"), store=at, web=web, pools=(APART,))
    database, master = opening.open_estate(settings)
    with database.tx() as tx:
        estate.add_subscription(tx, "shop/news", Stream.BULK, 0.0)
        estate.put_tenant(tx, Tenant("shop", contact="postmaster@shop.example"), 0.0)
        register = estate.view(tx)
    yield Desk(database, policy_of(settings, master, register), "eve", post)
    database.close()


def journalled(desk: Desk) -> list[Event]:
    with desk.database.read() as tx:
        return journal.after(tx, 0)[0]


def whats(desk: Desk) -> list[str]:
    """What is ordered about the subscription."""
    return [order.what.value for position, orders in enforcement.listing(desk.database) for order in orders if position]


def test_an_operator_suspends_and_the_tenant_is_told_why(desk: Desk, post: Post) -> None:
    position = enforcement.impose(desk, NEWS, "suspend", "traps in the list")
    assert (position.effective, position.account.stream) == (Rung.SUSPENDED, "bulk")
    moved = journalled(desk)[0]
    assert isinstance(moved, LadderMoved)
    assert (moved.by, moved.because, moved.rung) == ("eve", "traps in the list", "suspended")
    assert sorted(whats(desk)) == ["hold", "refuse"]
    (notice,) = post.notices
    assert (notice.to, "Traps in the list." in notice.text) == ("postmaster@shop.example", True)
    assert "https://relay.example/standing/" in notice.text


def test_what_is_said_again_takes_the_place_of_what_was_said(desk: Desk, post: Post) -> None:
    enforcement.impose(desk, NEWS, "suspend", "first")
    again = enforcement.impose(desk, NEWS, "suspend", "second", seconds=3600)
    (shown,) = enforcement.show(desk, NEWS)
    assert (shown.page.because, {order.until for order in shown.page.orders}) == ("second", {again.term})
    assert len(post.notices) == 1


def test_a_tenant_may_be_stopped_on_one_stream(desk: Desk) -> None:
    enforcement.impose(desk, "tenant:shop", "suspend", "cold mail", stream="outreach")
    ((position, orders),) = enforcement.listing(desk.database)
    assert position.account.stream == "outreach"
    assert {order.stream for order in orders} == {"outreach"}


def test_slowing_what_is_closed_needs_a_reinstatement_first(desk: Desk) -> None:
    enforcement.impose(desk, NEWS, "close", "gone")
    with pytest.raises(GoodstandingError, match="reinstate it first"):
        enforcement.impose(desk, NEWS, "slow", "a little")


def test_a_reinstatement_is_on_probation_and_restarts_the_evidence(desk: Desk) -> None:
    enforcement.impose(desk, NEWS, "close", "gone")
    (back,) = enforcement.reinstate(desk, NEWS, "they are back")
    assert back.effective is Rung.REINSTATED
    last = [event for event in journalled(desk) if isinstance(event, LadderMoved)][-1]
    assert (last.rung, last.key) == ("reinstated", NEWS)
    assert whats(desk) == ["pace"]
    assert [type(event) for event in journalled(desk)][-3:] == [OrderEnded, OrderEnded, OrderIssued]


@pytest.mark.parametrize(
    ("key", "because", "words"),
    [
        ("shop/news", "x", "is no key"),
        ("subscription:bank/x", "x", "there is no subscription bank/x"),
        (NEWS, "  ", "needs a reason"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(desk: Desk, key: str, because: str, words: str) -> None:
    with pytest.raises(GoodstandingError, match=words):
        enforcement.impose(desk, key, "suspend", because)
    assert journalled(desk) == []


def test_nobody_is_reinstated_who_was_not_stopped(desk: Desk) -> None:
    with pytest.raises(GoodstandingError, match="is not slowed"):
        enforcement.reinstate(desk, NEWS, "please")


def test_what_an_operator_imposed_is_lifted_without_probation(desk: Desk, post: Post) -> None:
    enforcement.impose(desk, NEWS, "slow", "the list of the fair")
    (position,) = enforcement.lift(desk, NEWS, "it was another list")
    assert (position.effective, whats(desk)) == (Rung.GOOD, [])
    moved = [event for event in journalled(desk) if isinstance(event, LadderMoved)]
    assert [(one.came_from, one.rung, one.cause, one.by) for one in moved] == [
        ("good", "slowed", "operator-slowed", "eve"),
        ("slowed", "good", "operator-lifted", "eve"),
    ]
    assert post.notices[-1].subject == "In good standing: subscription:shop/news"
    assert "It was another list." in post.notices[-1].text


def test_what_evidence_led_to_is_not_lifted(desk: Desk) -> None:
    from goodstanding.enforcement.trigger import decide
    from tests.enforcement.accounts import NEWS as ACCOUNT
    from tests.enforcement.accounts import NOW, charge

    with desk.database.tx() as tx:
        moves = decide(store.position(tx, ACCOUNT), [charge("slowed", ACCOUNT)], NOW, desk.policy)
        enforcement.carry_out(desk, tx, moves, NOW)
    with pytest.raises(GoodstandingError, match="no operator has slowed or suspended"):
        enforcement.lift(desk, NEWS, "please")
    enforcement.impose(desk, NEWS, "suspend", "until we have talked")
    (position,) = enforcement.lift(desk, NEWS, "we have talked")
    assert (position.effective, position.operator, whats(desk)) == (Rung.SLOWED, Rung.GOOD, ["pace"])


def test_what_is_closed_is_not_lifted(desk: Desk) -> None:
    enforcement.impose(desk, NEWS, "close", "for good")
    with pytest.raises(GoodstandingError, match="reinstate"):
        enforcement.lift(desk, NEWS, "please")


def test_in_shadow_an_operator_is_noted_and_the_tenant_not_told(desk: Desk, post: Post) -> None:
    quiet = replace(desk, policy=structs.replace(desk.policy, shadowed=frozenset({"shop/news"})))
    position = enforcement.impose(quiet, NEWS, "suspend", "traps")
    assert (position.shadow, post.notices) == (True, [])
    with desk.database.read() as tx:
        assert store.view(tx).by_kind == {}


def test_settings_and_estate_make_the_policy(desk: Desk) -> None:
    assert desk.policy.penalty_pools == {("", "bulk"): "apart"}
    assert (desk.policy.slowed_rate, desk.policy.url) == (100.0, "https://relay.example")


def test_who_is_in_good_standing_has_a_page_too(desk: Desk) -> None:
    (shown,) = enforcement.show(desk, NEWS)
    assert (shown.page.effective, shown.page.orders) == (Rung.GOOD, ())


# --- reviews ---------------------------------------------------------------------------------------------------------


def stopped(desk: Desk) -> str:
    enforcement.impose(desk, NEWS, "suspend", "traps")
    return reviews.open_case(desk, NEWS).case.name


def test_a_review_goes_from_question_to_probation(desk: Desk, post: Post) -> None:
    name = stopped(desk)
    assert name == "shop-1"
    part = reviews.answer(desk, name, {"kind": "a newsletter"})
    assert (part.case.state, len(part.missing)) == (State.OPENED, 6)
    whole = reviews.answer(desk, name, EVERY)
    assert (whole.case.state, whole.missing) == (State.ANSWERED, ())
    done = reviews.decide(desk, name, State.REINSTATED, "double opt-in since May")
    assert (done.state, done.decided_by) == (State.REINSTATED, "eve")
    assert [event.step for event in journalled(desk) if isinstance(event, Reviewed)] == [
        "opened",
        "answered",
        "answered",
        "reinstated",
    ]
    assert post.notices[-1].subject == "Reinstated, on probation: subscription:shop/news"


def test_nobody_is_reinstated_by_a_review_with_open_questions_unless_it_is_said(desk: Desk) -> None:
    name = stopped(desk)
    reviews.answer(desk, name, {question: "as asked" for question in EVERY if question != "changed"})
    with pytest.raises(GoodstandingError, match=r"no answer to: changed; .*--anyway"):
        reviews.decide(desk, name, State.REINSTATED, "they sound honest")
    done = reviews.decide(desk, name, State.REINSTATED, "they sound honest", anyway=True)
    assert (done.state, reviews.missing(done)) == (State.REINSTATED, ("changed",))


def test_a_refused_review_is_told_and_changes_nothing(desk: Desk, post: Post) -> None:
    name = stopped(desk)
    reviews.decide(desk, name, State.REFUSED, "the list is still bought")
    assert sorted(whats(desk)) == ["hold", "refuse"]
    assert "The list is still bought." in post.notices[-1].text
    with pytest.raises(GoodstandingError, match="was decided"):
        reviews.answer(desk, name, EVERY)
    assert reviews.open_case(desk, NEWS).case.name == "shop-2"


def test_a_reinstatement_decides_the_case_that_waits(desk: Desk) -> None:
    name = stopped(desk)
    enforcement.reinstate(desk, NEWS, "talked to them")
    case, _ = reviews.show(desk, name)
    assert (case.state, case.because, reviews.listing(desk)) == (State.REINSTATED, "talked to them", [])


def test_a_case_is_opened_once(desk: Desk) -> None:
    assert stopped(desk) == reviews.open_case(desk, NEWS).case.name


def test_a_closed_account_is_not_reviewed(desk: Desk) -> None:
    reviews.decide(desk, stopped(desk), State.CLOSED, "for good")
    with pytest.raises(GoodstandingError, match="only an operator"):
        reviews.open_case(desk, NEWS)


@pytest.mark.parametrize("name", ["", "shop", "shop-", "shop-9", "shop-x", "-1", "shop-99999999999999999999"])
def test_a_case_that_is_not_there_is_not_found(desk: Desk, name: str) -> None:
    with pytest.raises(GoodstandingError, match="there is no case"):
        reviews.show(desk, name)


def test_the_form_of_the_page_opens_and_answers_at_once(desk: Desk) -> None:
    position = enforcement.impose(desk, NEWS, "suspend", "traps")
    guest = reviews.tenants_desk(desk.database)
    assert reviews.answer_by_link(guest, position.account, {"kind": "a newsletter", "other": "x"})
    (case,) = reviews.listing(desk)
    assert (case.opened_by, case.answers) == ("tenant", {"kind": "a newsletter"})
    told = len(journalled(desk))
    assert reviews.answer_by_link(guest, position.account, {"kind": "a newsletter"})
    assert len(journalled(desk)) == told


def test_answers_settle_the_findings_that_wait_for_them(desk: Desk) -> None:
    from goodstanding.enforcement.trigger import decide
    from tests.enforcement.accounts import NEWS as ACCOUNT
    from tests.enforcement.accounts import NOW, charge

    with desk.database.tx() as tx:
        moves = decide(store.position(tx, ACCOUNT), [charge("suspended", ACCOUNT)], NOW, desk.policy)
        enforcement.carry_out(desk, tx, moves, NOW)
    reviews.answer(desk, reviews.open_case(desk, NEWS).case.name, EVERY)
    with desk.database.read() as tx:
        assert not store.position(tx, ACCOUNT).unanswered

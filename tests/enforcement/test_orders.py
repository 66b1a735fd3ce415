"""What each rung does to mail: paced, moved apart, refused and held; and only for those whom it concerns."""

from dataclasses import dataclass

import pytest
from msgspec import structs

from goodstanding.enforcement.in_force import InForce, in_force, reply_for
from goodstanding.enforcement.ladder import Account, Position
from goodstanding.enforcement.orders import LIFE, Order, What, orders_for
from goodstanding.model import Key, KeyKind, Rung, Touched
from tests.enforcement.accounts import CAMPAIGN, DOMAIN, IP, NEWS, NOW, POLICY, SHOP, WORDS, at

POOLS = structs.replace(POLICY, penalty_pools={("", "outreach"): "apart", ("shop", "outreach"): "own"})


@pytest.mark.parametrize(
    ("rung", "whats"),
    [
        (Rung.GOOD, []),
        (Rung.WATCHED, []),
        (Rung.SLOWED, ["pace"]),
        (Rung.PENALTY, ["reroute", "pace"]),
        (Rung.SUSPENDED, ["refuse", "hold"]),
        (Rung.REINSTATED, ["pace"]),
        (Rung.CLOSED, ["refuse", "hold"]),
    ],
)
def test_a_rung_means_the_same_every_time(rung: Rung, whats: list[str]) -> None:
    assert [order.what.value for order in orders_for(at(rung), POOLS, NOW)] == whats


@pytest.mark.parametrize("rung", Rung)
def test_nothing_is_refused_for_an_address(rung: Rung) -> None:
    whats = {order.what for order in orders_for(at(rung, IP), POOLS, NOW)}
    assert not whats & {What.REFUSE, What.REROUTE}


def test_a_slowed_rate_is_visible() -> None:
    (order,) = orders_for(at(Rung.SLOWED), POLICY, NOW)
    assert (order.rate, order.until) == (100.0, NOW + LIFE)
    assert order.words == f"campaign:17 of shop is slowed to 100 recipients an hour: {WORDS}"


def test_an_address_carries_the_mail_of_many() -> None:
    (order,) = orders_for(at(Rung.SLOWED, IP), POLICY, NOW)
    assert order.rate == 1000.0


def test_the_penalty_pool_is_the_tenants_own_before_a_shared_one() -> None:
    assert orders_for(at(Rung.PENALTY), POOLS, NOW)[0].pool == "own"
    others = structs.replace(CAMPAIGN, tenant="bank")
    assert orders_for(at(Rung.PENALTY, others), POOLS, NOW)[0].pool == "apart"


def test_a_penalty_pool_is_never_that_of_another_stream() -> None:
    assert [order.what for order in orders_for(at(Rung.PENALTY, NEWS), POOLS, NOW)] == [What.PACE]


def test_an_operators_order_lasts_as_long_as_they_said() -> None:
    held = Position(SHOP, operator=Rung.SUSPENDED, since=NOW, term=NOW + 60)
    assert {order.until for order in orders_for(held, POLICY, NOW)} == {NOW + 60}


# --- looking up ------------------------------------------------------------------------------------------------------

MAIL = Touched("shop/cold", "outreach", "shop-cold.example", 17, "a.example b.example")


def order(account: Account, what: What = What.REFUSE, **fields: object) -> Order:
    made = Order(account.key, account.tenant, account.stream, what, words="stopped", slug="suspended", issued=NOW)
    return structs.replace(made, **fields)


def of(orders: list[Order], mail: Touched = MAIL, tenant: str = "shop", provider: str = "") -> list[Order]:
    return list(in_force(orders).of(mail, tenant, "203.0.113.7", NOW, provider))


@pytest.mark.parametrize(
    "account",
    [
        CAMPAIGN,
        Account("shop", Key(KeyKind.SUBSCRIPTION, "shop/cold")),
        Account("shop", Key(KeyKind.DOMAIN, "shop-cold.example")),
        Account("", Key(KeyKind.LINK, "b.example")),
        Account("shop", Key(KeyKind.TENANT, "shop")),
        Account("shop", Key(KeyKind.TENANT, "shop"), "outreach"),
        IP,
    ],
)
def test_an_order_finds_the_mail_it_is_about(account: Account) -> None:
    assert of([order(account)]) == [order(account)]


@pytest.mark.parametrize(
    "account",
    [
        structs.replace(CAMPAIGN, key=Key(KeyKind.CAMPAIGN, "18")),
        structs.replace(CAMPAIGN, tenant="bank"),
        Account("shop", Key(KeyKind.SUBSCRIPTION, "shop/otp")),
        Account("shop", Key(KeyKind.TENANT, "shop"), "transactional"),
        Account("", Key(KeyKind.IP, "203.0.113.8")),
        Account("", Key(KeyKind.LINK, "c.example")),
        DOMAIN,
    ],
)
def test_an_order_finds_no_other_mail(account: Account) -> None:
    assert of([order(account)]) == []


def test_a_suspended_campaign_leaves_the_rest_of_the_subscription_sending() -> None:
    stopped = list(orders_for(at(Rung.SUSPENDED), POLICY, NOW))
    assert len(of(stopped)) == 2
    assert of(stopped, structs.replace(MAIL, campaign=18)) == []
    assert of(stopped, structs.replace(MAIL, campaign=0)) == []


def test_the_strictest_order_comes_first() -> None:
    slow, slower = order(NEWS, What.PACE, rate=100.0), order(SHOP, What.PACE, rate=50.0)
    orders = [slow, order(CAMPAIGN, What.HOLD), slower, order(SHOP, What.REFUSE), order(IP, What.REROUTE)]
    found = of(orders, structs.replace(MAIL, subscription="shop/news", stream="bulk"))
    assert [(one.what.value, one.rate) for one in found] == [
        ("refuse", 0.0),
        ("reroute", 0.0),
        ("pace", 50.0),
        ("pace", 100.0),
    ]


@pytest.mark.parametrize(("until", "counts"), [(0.0, 1), (NOW + 1, 1), (NOW, 0), (NOW - 1, 0)])
def test_an_order_ends_by_itself(until: float, counts: int) -> None:
    assert len(of([order(CAMPAIGN, until=until)])) == counts


def test_an_order_about_one_provider_concerns_no_other() -> None:
    paused = order(IP, What.HOLD, provider="google")
    assert of([paused]) == of([paused], provider="yahoo") == []
    assert of([paused], provider="google") == [paused]
    assert in_force([paused]).lane("203.0.113.7", "shop", "google", NOW) == (paused,)
    assert in_force([paused]).lane("203.0.113.7", "shop", "yahoo", NOW) == ()


def test_an_order_about_a_tenants_address_concerns_no_other_tenant() -> None:
    own = order(structs.replace(IP, tenant="shop"), What.HOLD)
    lane = in_force([own]).lane
    assert (lane("203.0.113.7", "shop", "google", NOW), lane("203.0.113.7", "bank", "google", NOW)) == ((own,), ())


def test_without_orders_nothing_is_looked_up() -> None:
    assert InForce().of(MAIL, "shop", "203.0.113.7", NOW) == ()


# --- what is said ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    what: What
    code: int
    enhanced: str


@pytest.mark.parametrize(
    "said",
    [Said(What.REFUSE, 550, "5.7.1"), Said(What.HOLD, 450, "4.7.1"), Said(What.PACE, 450, "4.7.1")],
)
def test_a_reply_says_what_is_ordered_why_and_where_to_read_on(said: Said) -> None:
    (first, *_) = orders_for(at(Rung.SUSPENDED), POLICY, NOW)
    reply = reply_for(structs.replace(first, what=said.what))
    assert (reply.code, reply.enhanced) == (said.code, said.enhanced)
    assert " ".join(reply.text.split()) == (
        f"campaign:17 of shop is suspended: {WORDS} [suspended] See {POLICY.link(CAMPAIGN)}"
    )
    assert reply.text.splitlines()[-1].startswith("See https://relay.example/standing/")


def test_a_reply_stays_within_the_lines_of_smtp() -> None:
    reply = reply_for(order(CAMPAIGN, words="wörter " * 300))
    assert reply.text.isascii()
    assert max(len(line) for line in reply.text.splitlines()) <= 400

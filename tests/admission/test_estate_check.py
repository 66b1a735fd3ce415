"""What an estate may not say: each contradiction with its remedy."""

from dataclasses import replace

import pytest

from goodstanding.admission.estate import Domain, Estate, Pool, Sender, Subscription, Tenant, TokenCredential
from goodstanding.admission.estate_check import objections
from goodstanding.model import Stream
from goodstanding.settings import Pool as MachinePool
from goodstanding.settings import RouteSettings, Settings, TokenIssuer, TokenSettings

SETTINGS = Settings(
    pools=(MachinePool("machine", Stream.BULK),),
    routes=(RouteSettings("out", "relay.example"),),
    tokens=TokenSettings((TokenIssuer("https://id.example", ("us",)),)),
)
ROBOT = TokenCredential("robot|app", "shop/news", "https://id.example", "app")
GOOD = Estate(
    tenants=(Tenant("shop"), Tenant("bank")),
    pools=(Pool("own", Stream.BULK, "shop", route="out"), Pool("banks", Stream.BULK, "bank")),
    domains=(
        Domain("shop.example", "shop", "bulk"),
        Domain("links.example", "shop", "bulk", "link"),
        Domain("idle.example", "shop"),
        Domain("bank.example", "bank", "transactional"),
    ),
    subscriptions=(Subscription("shop/news", Stream.BULK, pool="own"),),
    senders=(Sender("a@eu.shop.example", "shop/news"),),
    token_credentials=(ROBOT,),
)


def test_an_estate_that_holds_has_no_objections() -> None:
    assert objections(GOOD, SETTINGS) == []
    assert objections(with_pool("machine"), SETTINGS) == []


def with_pool(name: str) -> Estate:
    return replace(GOOD, subscriptions=(Subscription("shop/news", Stream.BULK, pool=name),))


def with_sender(address: str, subscription: str = "shop/news") -> Estate:
    return replace(GOOD, senders=(Sender(address, subscription),))


def more(**lists: object) -> Estate:
    added = {name: (*getattr(GOOD, name), entry) for name, entry in lists.items()}
    return replace(GOOD, **added)  # type: ignore[arg-type]


CASES: list[tuple[Estate, str]] = [
    (
        more(token_credentials=replace(ROBOT, username="two", subscription="shop/nwes", application="b")),
        "did you mean shop/news?",
    ),
    (
        more(token_credentials=replace(ROBOT, username="two", issuer="https://id.exmaple")),
        "did you mean https://id.example?",
    ),
    (
        more(token_credentials=replace(ROBOT, username="", application="b")),
        "token credential without a name: a user name has",
    ),
    (more(token_credentials=replace(ROBOT, username="a b", application="b")), "a user name has"),
    (more(token_credentials=replace(ROBOT, username="two", application="")), "application: '' is no name"),
    (more(token_credentials=replace(ROBOT, username="two", application="b", issuer_tenant="a\nb")), "issuer_tenant"),
    (more(token_credentials=replace(ROBOT, username="robot.app", application="b")), "it means the same as robot|app"),
    (more(token_credentials=replace(ROBOT, username="two")), "is linked already, as robot|app"),
    (more(tenants=Tenant("Big Shop")), "tenant Big Shop: a name has small letters"),
    (more(tenants=Tenant("goodstanding")), "tenant goodstanding: this is the name our own notices go out under"),
    (more(tenants=Tenant()), "tenant without a name: a name has"),
    (more(subscriptions=Subscription("shop")), "subscription shop: write it as tenant/application"),
    (more(subscriptions=Subscription("shpo/otp")), "no tenant 'shpo'; did you mean shop?"),
    (with_pool("onw"), "no pool 'onw'; did you mean own?"),
    (with_pool("nowhere"), "goodstanding pool add nowhere --stream bulk"),
    (with_pool("banks"), "reserved for tenant bank"),
    (replace(with_pool("cold"), pools=(Pool("cold", Stream.OUTREACH),)), "serves stream outreach, this is bulk"),
    (more(pools=Pool("two", Stream.BULK, "nobody")), "pool two: there is no tenant 'nobody'"),
    (more(pools=Pool("two", Stream.BULK, route="uot")), "no route 'uot'; did you mean out?"),
    (more(pools=Pool("machine", Stream.OUTREACH)), "the settings have a pool of this name for stream bulk"),
    (more(domains=Domain("new.example", "nobody")), "domain new.example: there is no tenant 'nobody'"),
    (more(domains=Domain("a.shop.example", "bank")), "shop.example, above a.shop.example, belongs to tenant shop"),
    (more(domains=Domain("co.uk", "shop")), "co.uk is a public suffix"),
    (with_sender("a@shop.example", "shop/new"), "no subscription 'shop/new'; did you mean shop/news?"),
    (with_sender("a@nobody.example"), "goodstanding domain add nobody.example --tenant shop --stream bulk"),
    (with_sender("a@bank.example"), "belongs to tenant bank; use a domain of shop"),
    (with_sender("a@links.example"), "is a link domain; use a sending domain"),
    (with_sender("a@idle.example"), "has no stream yet and shop/news sends bulk"),
    (
        replace(
            with_sender("a@shop.example", "shop/otp"), subscriptions=(Subscription("shop/otp"),), token_credentials=()
        ),
        "is for stream bulk and shop/otp sends transactional",
    ),
]


@pytest.mark.parametrize(("estate", "words"), CASES, ids=[words for _, words in CASES])
def test_a_contradiction_is_named_with_its_remedy(estate: Estate, words: str) -> None:
    found = objections(estate, SETTINGS)
    assert len(found) == 1
    assert words in found[0]

"""A blast radius names every flow that shares something, by which link and how far, and those out of reach."""

import pytest

from goodstanding.admission.blast import Blast, Graph, blast, campaign_key, graph_of
from goodstanding.admission.isolation import DomainView, FlowView, PoolView, SenderView, View
from goodstanding.errors import GoodstandingError

VIEW = View(
    "mta.example.net",
    (
        PoolView(
            "otp", "transactional", addresses=("192.0.2.1",), hello="a.out1.example", bounce_domain="b.out1.example"
        ),
        PoolView("news", "bulk", addresses=("192.0.2.2",), hello="a.out2.example"),
        PoolView("cold", "outreach", tenant="agency", addresses=("192.0.2.3",), hello="a.out3.example"),
    ),
    (
        FlowView("shop/otp", "shop", "transactional", "Login codes"),
        FlowView("shop/hr", "shop", "transactional", "HR"),
        FlowView("shop/news", "shop", "bulk", "Newsletter"),
        FlowView("bank/otp", "bank", "transactional"),
        FlowView("club/letters", "club", "bulk"),
        FlowView("agency/cold", "agency", "outreach"),
    ),
    (
        DomainView("shop.example", "shop", "transactional"),
        DomainView("hr.shop.example", "shop", "transactional"),
        DomainView("shop-letters.example", "shop", "bulk"),
    ),
    (SenderView("jobs@hr.shop.example", "shop/hr"), SenderView("login@shop.example", "shop/otp")),
)
VOLUMES = {"shop/otp": 5000, "shop/hr": 40, "shop/news": 700, "bank/otp": 900}


def graph() -> Graph:
    return graph_of(VIEW, VOLUMES, 30)


def names(found: Blast, distance: int) -> list[str]:
    return [one.flow.subscription for one in found.reached if one.distance == distance]


def links(found: Blast, subscription: str) -> list[str]:
    return [str(link) for one in found.reached if one.flow.subscription == subscription for link in one.links]


def test_a_subscription_reaches_what_shares_its_identities_then_its_tenant_then_one_step_further() -> None:
    found = blast(graph(), "shop/otp")
    assert names(found, 1) == ["bank/otp", "shop/hr", "shop/news"]  # by identity and volume, the tenant last
    assert names(found, 2) == ["club/letters"]
    assert links(found, "shop/news") == ["same tenant shop"]
    assert links(found, "club/letters")[0] == "same IP address 192.0.2.2 as shop/news"
    assert [flow.subscription for flow in found.untouched] == ["agency/cold"]
    assert found.headline == (
        "2 other mail flows share an identity with it: 940 messages in 30 days. 1 more belongs to the same tenant: "
        "700 messages in 30 days. 1 is one step further. 1 is out of reach."
    )


def test_a_link_is_named_once_by_its_strongest_word() -> None:
    assert links(blast(graph(), "shop/otp"), "shop/hr") == [
        "same IP address 192.0.2.1",
        "same return path b.out1.example",
        "same EHLO name a.out1.example",
        "same registered domain shop.example",
        "same tenant shop",
    ]


def test_who_shares_nothing_harms_nobody() -> None:
    found = blast(graph(), "agency/cold")
    assert (found.reached, len(found.untouched)) == ((), 5)
    assert "harm stays where it is done" in found.headline


@pytest.mark.parametrize(
    ("key", "kind", "reached"),
    [
        ("192.0.2.1", "address", ["shop/otp", "bank/otp", "shop/hr"]),
        ("::ffff:192.0.2.3", "address", ["agency/cold"]),
        ("hr.shop.example", "domain", ["shop/hr", "shop/otp"]),
        ("Jobs@HR.Shop.example", "domain", ["shop/hr", "shop/otp"]),
        ("cold", "pool", ["agency/cold"]),
        ("shop", "tenant", ["shop/otp", "shop/news", "shop/hr"]),
    ],
)
def test_addresses_domains_pools_and_tenants_are_keys_too(key: str, kind: str, reached: list[str]) -> None:
    found = blast(graph(), key, depth=1)
    assert (found.kind, names(found, 1), found.own) == (kind, reached, ())


def test_a_campaign_is_its_subscription_and_whoever_sends_the_same_text() -> None:
    asked = graph().with_campaign("42", "Quick question", "agency/cold", ["club/letters"])
    found = blast(asked, "42", depth=1)
    assert (found.kind, found.name) == ("campaign", "Quick question")
    assert links(found, "club/letters") == ["same message text Quick question"]
    assert blast(graph().with_campaign("42", "", "agency/cold", []), "42").reached == ()


@pytest.mark.parametrize(
    ("key", "number"),
    [("42", 42), ("campaign 42", 42), ("campaign:7", 7), ("campaign=7", 7), ("shop", None), ("", None)],
)
def test_campaigns_are_numbers(key: str, number: int | None) -> None:
    assert campaign_key(key) == number


def test_an_unknown_key_gets_near_names() -> None:
    with pytest.raises(GoodstandingError, match="did you mean shop/otp"):
        blast(graph(), "shop/opt")
    with pytest.raises(GoodstandingError, match="goodstanding check"):
        blast(graph(), "")


def test_an_estimate_says_so() -> None:
    found = blast(graph_of(VIEW, {"shop/otp": 48_213, "shop/hr": 3, "bank/otp": 2_345_678}, 30, least=30), "shop/hr")
    assert [found.number(one.flow.volume) for one in found.reached][:2] == ["about 2.3 million", "about 48,000"]
    assert found.number(3) == found.number(0) == "under 30"

"""Isolation is proved or refused: every kind of sharing is planted once, and each is found."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from goodstanding.admission.identities import domains_of, nearest, plain_address, registrable
from goodstanding.admission.isolation import (
    Allowed,
    DomainView,
    FlowView,
    Overlap,
    Owner,
    PoolView,
    RouteView,
    SenderView,
    View,
    isolation_of,
    overlaps,
    refused,
)

OTP = FlowView("shop/otp", "shop", "transactional")
NEWS = FlowView("shop/news", "shop", "bulk")
COLD = FlowView("shop/cold", "shop", "outreach")
BANK = FlowView("bank/otp", "bank", "transactional")


def pool(name: str, stream: str, **what: Any) -> PoolView:
    """A pool that shares nothing, but for what is planted."""
    usual = {
        "addresses": (f"192.0.2.{len(name)}",),
        "hello": f"out.{name}-mta.example",
        "bounce_domain": f"b.{name}-return.example",
    }
    return PoolView(name, stream, **{**usual, **what})


APART = View(
    "mta.example.net",
    (pool("otp", "transactional"), pool("news", "bulk"), pool("outer", "outreach")),
    (OTP, NEWS, COLD, BANK),
    (
        DomainView("shop.example", "shop", "transactional"),
        DomainView("shop-letters.example", "shop", "bulk"),
        DomainView("meet-shop.example", "shop", "outreach"),
        DomainView("bank.example", "bank", "transactional"),
    ),
)


def with_pools(*pools: PoolView, flows: Sequence[FlowView] = APART.flows) -> View:
    """The estate that is apart, with these pools in place of those of the same name."""
    return View(APART.hostname, (*APART.pools, *pools), tuple(flows), APART.domains)


def with_domains(*domains: DomainView, **what: Any) -> View:
    return View(APART.hostname, APART.pools, APART.flows, (*APART.domains, *domains), **what)


def only(view: View) -> Overlap:
    found = refused(overlaps(view))
    assert len(found) == 1, [one.because for one in found]
    return found[0]


def test_what_is_apart_is_proved() -> None:
    assert overlaps(APART) == []
    assert isolation_of(APART).why("shop/news", "bulk", "shop-letters.example") == ""


def test_a_penalty_pool_is_proved_apart_and_is_nobodys_usual_one() -> None:
    own = APART.pools[0]
    apart = PoolView("apart", own.stream, addresses=("203.0.113.99",), hello=own.hello, penalty=True)
    assert not overlaps(with_pools(apart))
    others = next(pool for pool in APART.pools if pool.stream != own.stream)
    assert overlaps(with_pools(PoolView("apart", own.stream, addresses=others.addresses, penalty=True)))


def test_streams_whose_pools_have_no_link_domain_share_the_page_s_host() -> None:
    shared = structs.replace(APART, web="page.example")
    found = only(shared)
    assert (found.kind, found.name, found.second.stream, found.pool) == ("link", "page.example", "outreach", "outer")
    own = (
        pool("news", "bulk", link_domain="l.shop-letters.example"),
        pool("outer", "outreach", link_domain="l.x.example"),
    )
    assert refused(overlaps(structs.replace(shared, pools=(*APART.pools, *own)))) == []


@pytest.mark.parametrize(
    ("planted", "kind", "name"),
    [
        (pool("news", "bulk", addresses=("198.51.100.1", "192.0.2.3")), "ip", "192.0.2.3"),
        (pool("news", "bulk", addresses=("::ffff:192.0.2.3",)), "ip", "192.0.2.3"),
        (pool("news", "bulk", hello="OUT.otp-mta.example"), "hello", "out.otp-mta.example"),
        (pool("news", "bulk", bounce_domain="b.otp-return.example"), "return-path", "b.otp-return.example"),
        (pool("news", "bulk", bounce_domain="shop.example"), "return-path", "shop.example"),
        (pool("news", "bulk", link_domain="shop.example"), "link", "shop.example"),
        (pool("news", "bulk", hello="mx.shop.example"), "registrable", "shop.example"),
        (pool("news", "bulk", bounce_domain="b.shop.example"), "registrable", "shop.example"),
    ],
)
def test_a_pool_that_shares_with_another_stream_is_refused_and_stops(planted: PoolView, kind: str, name: str) -> None:
    view = with_pools(planted)
    found = only(view)
    assert (found.kind, found.name, found.first.stream, found.second.stream) == (kind, name, "transactional", "bulk")
    isolation = isolation_of(view)
    assert isolation.why("shop/news", "bulk") == found.because
    assert isolation.why("shop/otp", "transactional", "shop.example") == ""  # the mistake stops the riskier only
    assert isolation.why("shop/cold", "outreach") == ""


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        (DomainView("news.shop.example", "shop", "bulk"), "registrable"),
        (DomainView("go.shop.example", "shop", "bulk", "link"), "registrable"),
        (DomainView("b.shop.example", "shop", "bulk", "bounce"), "registrable"),
    ],
)
def test_subdomains_alone_do_not_keep_streams_apart(planted: DomainView, kind: str) -> None:
    view = with_domains(planted)
    found = only(view)
    assert (found.kind, found.name, found.severity) == (kind, "shop.example", "refuse")
    assert "isolation allow shop.example" in found.remedy
    assert planted.name in isolation_of(view).why("shop/news", "bulk", planted.name)
    assert isolation_of(view).why("shop/news", "bulk", "shop-letters.example") == ""  # its other domains go on


@pytest.mark.parametrize("pair", [("shop.example", "news.shop.example"), ("news.shop.example", "shop.example")])
def test_a_recorded_exception_is_shown_and_stops_nothing(pair: tuple[str, str]) -> None:
    view = with_domains(
        DomainView("news.shop.example", "shop", "bulk"), allowed=(Allowed(*pair, "ann", "moving in May", 1.0),)
    )
    (found,) = overlaps(view)
    assert found.severity == "exception"
    assert "allowed by ann: moving in May" in found.because
    assert isolation_of(view).why("shop/news", "bulk", "news.shop.example") == ""


def test_an_exception_excuses_nothing_but_its_two_domains() -> None:
    view = with_domains(
        DomainView("news.shop.example", "shop", "bulk"),
        DomainView("cold.shop.example", "shop", "outreach"),
        allowed=(Allowed("shop.example", "cold.shop.example", "ann", "why not", 1.0),),
    )
    assert {one.domain for one in refused(overlaps(view))} == {"news.shop.example", "cold.shop.example"}


def test_an_exception_never_excuses_the_very_same_name() -> None:
    view = View(
        APART.hostname,
        (*APART.pools, pool("news", "bulk", bounce_domain="shop.example")),
        APART.flows,
        APART.domains,
        allowed=(Allowed("shop.example", "shop.example", "ann", "please", 1.0),),
    )
    assert only(view).kind == "return-path"


def test_a_tenant_may_be_set_to_keep_streams_apart_by_subdomain() -> None:
    news = DomainView("news.shop.example", "shop", "bulk")
    assert [one.severity for one in overlaps(with_domains(news, lenient=frozenset({"shop"})))] == ["exception"]
    assert only(with_domains(news, lenient=frozenset({"bank"}))).kind == "registrable"


def test_a_domain_without_a_stream_belongs_to_all_its_tenant_sends_on() -> None:
    found = overlaps(with_domains(DomainView("both.example", "shop")))
    assert {(one.first.stream, one.second.stream) for one in found} == {
        ("transactional", "bulk"),
        ("transactional", "outreach"),
        ("bulk", "outreach"),
    }
    assert all("--stream" in one.remedy for one in found)
    assert overlaps(with_domains(DomainView("one.example", "bank"))) == []


def test_a_domain_of_a_tenant_that_sends_nothing_yet_harms_nobody() -> None:
    assert overlaps(with_domains(DomainView("new.example", "newcomer"), DomainView("b.new.example", "newcomer"))) == []


@pytest.mark.parametrize("name", ["eu.shop.example", "a.b.shop.example"])
def test_tenants_never_share_a_registered_domain_even_on_one_stream(name: str) -> None:
    found = only(with_domains(DomainView(name, "bank", "transactional", since=5.0)))
    assert (found.kind, found.second) == ("registrable", Owner("bank", "transactional"))


def test_a_sender_address_of_another_stream_is_refused_for_that_domain_alone() -> None:
    view = with_domains(senders=(SenderView("hi@shop.example", "shop/news"),))
    assert (only(view).kind, only(view).second.stream) == ("from", "bulk")
    assert isolation_of(view).why("shop/news", "bulk", "shop.example")
    assert not isolation_of(view).why("shop/news", "bulk", "shop-letters.example")
    assert not isolation_of(view).why("shop/otp", "transactional", "shop.example")


def test_mail_from_below_a_domain_stops_with_it_unless_that_is_a_domain_by_itself() -> None:
    isolation = isolation_of(
        with_domains(DomainView("both.example", "shop"), DomainView("bank.both.example", "bank", since=5.0))
    )
    assert isolation.why("shop/news", "bulk", "deep.both.example")
    assert isolation.why("bank/otp", "transactional", "bank.both.example")
    allowed = Allowed("both.example", "news.both.example", "ann", "moving", 1.0)
    planted = (DomainView("both.example", "shop", "transactional"), DomainView("news.both.example", "shop", "bulk"))
    sender = SenderView("hi@both.example", "shop/news")
    isolation = isolation_of(with_domains(*planted, senders=(sender,), allowed=(allowed,)))
    assert isolation.why("shop/news", "bulk", "both.example")
    assert not isolation.why("shop/news", "bulk", "a.news.both.example")


@pytest.mark.parametrize("address", ["ceo@bank.example", "ceo@mail.bank.example"])
def test_a_sender_address_in_another_tenants_domain_is_refused(address: str) -> None:
    found = only(with_domains(senders=(SenderView(address, "shop/otp"),)))
    assert (found.kind, found.first.tenant, found.second.tenant) == ("tenant", "bank", "shop")


def test_a_subscription_may_not_be_set_to_another_tenants_pool() -> None:
    theirs = pool("bankers", "transactional", tenant="bank")
    found = only(with_pools(theirs, flows=[FlowView("shop/otp", "shop", "transactional", pool="bankers"), BANK]))
    assert (found.kind, found.subscription) == ("tenant", "shop/otp")


def test_a_subscription_may_not_be_set_to_another_streams_pool() -> None:
    view = with_pools(flows=[OTP, FlowView("shop/cold", "shop", "outreach", pool="otp")])
    assert only(view).subscription == "shop/cold"
    assert "is for transactional mail" in isolation_of(view).why("shop/cold", "outreach")
    assert not isolation_of(view).why("shop/otp", "transactional")


def test_an_address_reserved_for_a_tenant_is_nobody_elses() -> None:
    mine = pool("own", "transactional", tenant="shop", addresses=("203.0.113.5",))
    theirs = pool("bankers", "transactional", tenant="bank", addresses=("203.0.113.5",), since=9.0)
    found = only(with_pools(mine, theirs))
    assert (found.kind, found.first.tenant, found.second.tenant) == ("ip", "shop", "bank")


def test_tenants_share_the_shared_pool_of_a_stream() -> None:
    assert overlaps(with_pools(flows=[OTP, BANK])) == []


def test_a_shared_pool_named_in_a_tenants_domain_is_shown_once_others_use_it() -> None:
    planted = pool("otp", "transactional", hello="mx.shop.example")
    assert overlaps(with_pools(planted, flows=[OTP])) == []
    (found,) = overlaps(with_pools(planted, flows=[OTP, BANK]))
    assert (found.severity, found.kind) == ("warning", "registrable")


@pytest.mark.parametrize(
    "host", ["smtp.azurecomm.net", "Email-SMTP.eu-west-1.amazonaws.com", "x.mail.protection.outlook.com"]
)
def test_outreach_over_a_high_trust_provider_is_refused(host: str) -> None:
    view = with_pools(pool("outer", "outreach", route=RouteView("out", host, 587)))
    assert only(view).kind == "route"
    assert isolation_of(view).route("shop/cold")
    assert not isolation_of(view).why("shop/cold", "outreach")  # its own rule says so, once
    for stream in ("transactional", "bulk"):
        assert refused(overlaps(with_pools(pool("own", stream, tenant="shop", route=RouteView("out", host))))) == []


def test_a_route_is_high_trust_by_declaration_too_and_ones_own_never_is() -> None:
    declared = with_pools(pool("outer", "outreach", route=RouteView("out", "relay.example", trust="high")))
    assert "relay.example (declared)" in only(declared).because
    assert overlaps(with_pools(pool("outer", "outreach", route=RouteView("out", "smtp.gmail.com", trust="own")))) == []


def test_one_smart_host_for_two_streams_is_refused_unless_it_is_ones_own() -> None:
    def shared(trust: Any) -> View:
        return with_pools(
            pool("otp", "transactional", route=RouteView("a", "Relay.example", trust=trust)),
            pool("news", "bulk", route=RouteView("b", "relay.example", trust=trust)),
        )

    assert (only(shared("auto")).kind, only(shared("auto")).name) == ("route", "relay.example:25")
    assert [one.severity for one in overlaps(shared("own"))] == ["warning"]


def test_streams_without_pools_leave_as_the_same_machine() -> None:
    bare = View("mta.example.net", (), (OTP, NEWS))
    assert "goodstanding pool add bulk" in only(bare).remedy
    assert isolation_of(bare).why("shop/news", "bulk")
    assert not isolation_of(bare).why("shop/otp", "transactional")
    assert overlaps(View("mta.example.net", (), (OTP, BANK))) == []


def test_an_address_the_kernel_chooses_cannot_be_proved_apart() -> None:
    (found,) = overlaps(View("mta.example.net", (pool("news", "bulk"),), (OTP, NEWS)))
    assert (found.severity, found.kind) == ("warning", "ip")


def test_neighbours_in_one_ipv6_network_are_shown() -> None:
    (found,) = overlaps(
        with_pools(
            pool("otp", "transactional", addresses=("2001:db8:1:2::1",)),
            pool("news", "bulk", addresses=("2001:db8:1:2::2",)),
        )
    )
    assert (found.severity, found.name) == ("warning", "2001:db8:1:2::/64")


def test_private_suffixes_count_as_suffixes() -> None:
    assert registrable("shop.github.io") == "shop.github.io"
    assert registrable("mail.shop.co.uk") == "shop.co.uk"
    assert registrable("localhost") == registrable("") == ""
    view = with_domains(DomainView("a.github.io", "shop", "transactional"), DomainView("b.github.io", "shop", "bulk"))
    assert overlaps(view) == []


def test_thousands_of_tenants_are_proved_in_one_pass() -> None:
    flows = tuple(FlowView(f"t{n}/a", f"t{n}", "transactional") for n in range(3000))
    same = PoolView("bulk", "bulk", addresses=APART.pools[0].addresses)
    view = View("m.example", (*APART.pools[:1], same), (*flows, NEWS))
    assert len(refused(overlaps(view))) == 1


def test_mail_may_bear_the_domains_of_its_senders_or_else_of_its_stream() -> None:
    shop = [domain for domain in APART.domains if domain.tenant == "shop"]
    assert [one.name for one in domains_of(OTP, shop, [])] == ["shop.example"]
    below = [*shop, DomainView("hr.shop.example", "shop", "transactional")]
    assert [one.name for one in domains_of(OTP, below, ["hr.shop.example"])] == ["hr.shop.example"]
    claimed = {domain.name: domain for domain in below}
    assert nearest(claimed, "a.hr.shop.example") is claimed["hr.shop.example"]
    assert nearest(claimed, "example") is None


names = st.sampled_from(["a.example", "b.a.example", "c.a.example", "d.example", "e.d.example"])
streams = st.sampled_from(["transactional", "bulk", "outreach"])
tenants = st.sampled_from(["shop", "bank"])


@given(st.lists(st.tuples(names, tenants, streams), unique_by=lambda one: one[0]))
def test_two_streams_below_one_registered_domain_are_never_proved(claims: list[tuple[str, str, str]]) -> None:
    view = View("m.example.net", APART.pools, APART.flows, tuple(DomainView(*claim) for claim in claims))
    owners: dict[str, set[tuple[str, str]]] = {}
    for name, tenant, stream in claims:
        owners.setdefault(registrable(name), set()).add((tenant, stream))
    assert bool(refused(overlaps(view))) == any(len(found) > 1 for found in owners.values())


@given(st.text())
def test_any_text_has_a_registered_domain_or_none(text: str) -> None:
    assert isinstance(registrable(text), str)
    assert isinstance(plain_address(text), str)

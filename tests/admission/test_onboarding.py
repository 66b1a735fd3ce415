"""Who may claim a domain, and what is to be published for it."""

from dataclasses import replace

import pytest

from goodstanding import settings as machine
from goodstanding.admission.estate import Member, Pool, Register
from goodstanding.admission.facts import DomainFacts, Terms
from goodstanding.admission.onboarding import (
    DAY,
    Ground,
    Key,
    control_token,
    ground,
    objection,
    selector,
    wanted,
)
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.settings import FeedbackSettings, Settings, WebSettings

SHOP = DomainFacts("shop.example", "shop", "transactional")
NOVEMBER = 1_795_000_000.0
KEYS = (Key("a", "rsa-sha256", "signing", "v=DKIM1; k=rsa; p=AAAA"),)
OTP = Pool("otp", Stream.TRANSACTIONAL, "", ("192.0.2.1", "2001:db8::1"), "otp.shop.example", "b.shop.example")
GROUND = Ground("mta.shop.example", (OTP,), "mail.shop.example", "goodstanding-domain=1")

CLAIMS = [
    ("shop.example", "shop", [], ""),
    ("shop.example", "shop", [("shop.example", "shop")], ""),
    ("a.shop.example", "shop", [("shop.example", "shop")], ""),
    ("shop.example", "bank", [("shop.example", "shop")], "belongs to tenant shop"),
    ("a.shop.example", "bank", [("shop.example", "shop")], "above a.shop.example"),
    ("shop.example", "bank", [("a.b.shop.example", "shop")], "below shop.example"),
    ("co.uk", "shop", [], "public suffix"),
    ("github.io", "shop", [], "public suffix"),
]


@pytest.mark.parametrize(("name", "tenant", "around", "said"), CLAIMS)
def test_a_claim_is_objected_to(name: str, tenant: str, around: list[tuple[str, str]], said: str) -> None:
    found = objection(name, tenant, around)
    assert said in found and bool(found) == bool(said)


def test_a_selector_is_never_used_twice() -> None:
    assert selector(NOVEMBER, "r", ()) == "gs202611r"
    assert selector(NOVEMBER, "r", ("gs202611r", "gs202611e")) == "gs202611r2"
    assert selector(NOVEMBER, "r", ("gs202611r", "gs202611r2", "gs202611r3")) == "gs202611r4"


def test_a_control_token_is_of_one_tenant_and_domain() -> None:
    tokens = {
        control_token(bytes(32), DomainFacts(name, tenant, ""))
        for name in ("shop.example", "bank.example")
        for tenant in ("shop", "bank")
    }
    assert len(tokens) == 4


def listed(claim: DomainFacts, where: Ground, reports: float = 0.0) -> list[tuple[str, str, str]]:
    return [(record.name, record.type, record.value) for record in wanted(claim, KEYS, where, reports).records]


def test_a_sending_domain_gets_keys_return_path_dmarc_and_links() -> None:
    assert listed(SHOP, GROUND) == [
        ("a._domainkey.shop.example", "TXT", "v=DKIM1; k=rsa; p=AAAA"),
        ("b.shop.example", "MX", "10 mta.shop.example."),
        ("b.shop.example", "TXT", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"),
        ("shop.example", "TXT", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"),
        ("otp.shop.example", "TXT", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"),
        ("_dmarc.shop.example", "TXT", "v=DMARC1; p=none; rua=mailto:dmarc-reports@shop.example"),
        ("shop.example", "MX", "10 mta.shop.example."),
        ("links.shop.example", "CNAME", "mail.shop.example."),
    ]


def test_every_record_says_why() -> None:
    assert all(record.why for record in wanted(SHOP, KEYS, GROUND, NOVEMBER).records)


def test_records_for_tls_reports_are_added_when_asked_for() -> None:
    more = listed(SHOP, GROUND, NOVEMBER)[-2:]
    assert more == [
        ("_smtp._tls.shop.example", "TXT", "v=TLSRPTv1; rua=mailto:tls-reports@shop.example"),
        ("_mta-sts.shop.example", "TXT", "v=STSv1; id=20261118110640"),
    ]


def test_reports_come_to_the_report_domain_where_there_is_one() -> None:
    found = listed(SHOP, replace(GROUND, reports="reports.example.com"), NOVEMBER)
    assert ("_dmarc.shop.example", "TXT", "v=DMARC1; p=none; rua=mailto:dmarc@reports.example.com") in found
    assert ("reports.example.com", "MX", "10 mta.shop.example.") in found
    assert ("shop.example._report._dmarc.reports.example.com", "TXT", "v=DMARC1") in found
    assert ("_smtp._tls.shop.example", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@reports.example.com") in found


def test_a_report_domain_of_the_same_organization_needs_no_leave() -> None:
    found = listed(SHOP, replace(GROUND, reports="reports.shop.example"))
    assert ("reports.shop.example", "MX", "10 mta.shop.example.") in found
    assert not [name for name, _, _ in found if "_report." in name]


def test_the_report_domain_is_that_of_the_settings() -> None:
    settings = Settings(hostname="mta.example", feedback=FeedbackSettings(domain="Reports.Example.com"))
    assert ground(settings, Register(), SHOP, bytes(32)).reports == "reports.example.com"


def test_a_bounce_domain_gets_control_mx_and_spf() -> None:
    assert listed(DomainFacts("b.shop.example", "shop", "transactional", "bounce"), GROUND) == [
        ("_goodstanding.b.shop.example", "TXT", "goodstanding-domain=1"),
        ("b.shop.example", "MX", "10 mta.shop.example."),
        ("b.shop.example", "TXT", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"),
    ]


def test_a_link_domain_leads_to_the_page() -> None:
    link = DomainFacts("l.shop.example", "shop", "bulk", "link")
    assert listed(link, GROUND)[1:] == [("l.shop.example", "CNAME", "mail.shop.example.")]
    assert listed(link, Ground("mta", web="192.0.2.9"))[1:] == [("l.shop.example", "A", "192.0.2.9")]
    assert wanted(link, (), Ground("mta")).notes


NOTES = [
    (DomainFacts("shop.example", "shop", ""), Ground("mta.example"), "no stream yet"),
    (SHOP, Ground("mta.example"), "no pool sends"),
    (SHOP, Ground("mta.example", (Pool("otp"),)), "names no addresses"),
    (SHOP, Ground("mta.example", (Pool("otp", addresses=("192.0.2.1",), route="azure"),)), "route azure"),
    (SHOP, Ground("localhost", (OTP,)), "hostname is localhost"),
]


@pytest.mark.parametrize(("claim", "where", "note"), NOTES)
def test_what_is_not_known_is_told_and_not_guessed(claim: DomainFacts, where: Ground, note: str) -> None:
    found = wanted(claim, KEYS, where)
    assert any(note in said for said in found.notes)


def test_a_retired_key_is_listed_with_its_last_day() -> None:
    (record, *_) = wanted(SHOP, (Key("old", "rsa-sha256", "retired", "v=DKIM1; p=A", NOVEMBER),), GROUND).records
    assert "until 2026-11-25" in record.why and DAY == 86_400


def member(name: str, stream: Stream, pool: str = "") -> Member:
    return Member(Identity(TenantName("shop"), SubscriptionName(name), stream), Terms(), pool=pool)


def test_mail_leaves_from_the_pools_of_the_tenant_subscriptions() -> None:
    settings = Settings(
        hostname="mta.example",
        pools=(machine.Pool("shared", addresses=("192.0.2.7",)), machine.Pool("news", Stream.BULK)),
        web=WebSettings(port=443, url="https://u.example/x"),
    )
    own = Pool("own", Stream.TRANSACTIONAL, "shop", ("192.0.2.8",))
    register = Register(
        subscriptions={"shop/a": member("shop/a", Stream.TRANSACTIONAL), "shop/n": member("shop/n", Stream.BULK)},
        pools=(own,),
    )
    found = ground(settings, register, SHOP, bytes(32))
    assert (found.pools, found.web) == ((own,), "u.example")
    assert [pool.name for pool in ground(settings, Register(), SHOP, bytes(32)).pools] == ["shared"]
    assert ground(settings, register, DomainFacts("shop.example", "shop", ""), bytes(32)).pools == ()


def test_the_penalty_pool_is_in_the_records_before_it_is_needed() -> None:
    apart = machine.Pool("apart", addresses=("192.0.2.9",), penalty=True)
    settings = Settings(hostname="mta.example", pools=(machine.Pool("shared", addresses=("192.0.2.7",)), apart))
    assert ground(settings, Register(), SHOP, bytes(32)).addresses == ("192.0.2.9", "192.0.2.7")


def test_a_return_path_elsewhere_is_told_with_its_records() -> None:
    shared = Pool("news", Stream.TRANSACTIONAL, "", ("192.0.2.1",), "out.mta.example", "b.mta.example")
    (note,) = wanted(SHOP, KEYS, Ground("mta.example", (shared,))).notes
    assert "b.mta.example" in note and "MX 10 mta.example." in note and "v=spf1 ip4:192.0.2.1 -all" in note

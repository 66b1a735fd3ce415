"""What DNS records prove, check by check."""

from dataclasses import replace

import pytest

from goodstanding.admission.domain_state import Evidence
from goodstanding.admission.estate import Pool
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.onboarding import Ground, Key
from goodstanding.admission.verification import Case, Judgement, judge
from goodstanding.model import Stream
from tests.wire.zones import Zones, book

IP = "192.0.2.1"
POOL = Pool("otp", Stream.TRANSACTIONAL, "", (IP,), "otp.shop.example", "b.shop.example")
GROUND = Ground("mta.shop.example", (POOL,), "mail.shop.example", "goodstanding-domain=1")
RSA = Key("r", "rsa-sha256", "signing", "v=DKIM1; k=rsa; p=AAAA")
ED = Key("e", "ed25519-sha256", "signing", "v=DKIM1; k=ed25519; p=BBBB")
SHOP = Case(DomainFacts("shop.example", "shop", "transactional"), (RSA, ED), GROUND)
WHOLE: Zones = {
    "r._domainkey.shop.example TXT": ["k=rsa; p=AA AA"],
    "e._domainkey.shop.example TXT": ["v=DKIM1; k=ed25519; p=BBBB"],
    "b.shop.example TXT": [f"v=spf1 ip4:{IP} -all"],
    "_dmarc.shop.example TXT": ["v=DMARC1; p=reject"],
    "shop.example MX": ["mx.shop.example"],
    f"{IP} PTR": ["otp.shop.example"],
    "otp.shop.example A": [IP],
    "otp.shop.example TXT": [f"v=spf1 ip4:{IP} -all"],
}


def judged(changes: Zones, case: Case = SHOP) -> Judgement:
    return judge(case, book({**WHOLE, **changes}))


def failing(found: Judgement) -> set[str]:
    return {check.slug for check in found.checks if check.ok is not True}


def test_a_domain_with_everything_is_verified() -> None:
    found = judged({})
    assert (found.evidence, found.because, failing(found)) == (Evidence.PRESENT, "", set())


BROKEN: list[tuple[str, Zones, str]] = [
    ("dkim", {"r._domainkey.shop.example TXT": []}, "there is no record"),
    ("dkim", {"r._domainkey.shop.example TXT": ["v=DKIM1; p=CCCC"]}, "another key"),
    ("dkim", {"r._domainkey.shop.example TXT": ["v=DKIM1; p="]}, "revoked"),
    ("dkim", {"r._domainkey.shop.example TXT": ["v=DKIM1; k=rsa; p=AAAA", "v=DKIM1; k=rsa; p=AAAA"]}, "2 records"),
    ("dkim", {"r._domainkey.shop.example TXT": ["v=DKIM1; k=rsa; h=sha1; p=AAAA"]}, "SHA-256"),
    ("dkim", {"r._domainkey.shop.example TXT": ["v=DKIM1; k=rsa; s=tlsrpt; p=AAAA"]}, "not for mail"),
    ("dkim", {"r._domainkey.shop.example TXT": ["v=DKIM2; p=AAAA"]}, "not a DKIM key"),
    ("dkim-ed25519", {"e._domainkey.shop.example TXT": []}, "no record"),
    ("spf", {"b.shop.example TXT": []}, "publishes no SPF"),
    ("spf", {"b.shop.example TXT": ["v=spf1 ip4:198.51.100.1 -all"]}, f"fail to {IP}"),
    ("spf", {"b.shop.example TXT": ["v=spf1 -all", f"v=spf1 ip4:{IP} -all"]}, "2 SPF records"),
    ("dmarc", {"_dmarc.shop.example TXT": []}, "no DMARC record"),
    ("dmarc", {"_dmarc.shop.example TXT": ["v=DMARC1; p=none", "v=DMARC1; p=none"]}, "2 DMARC records"),
    ("alignment", {"_dmarc.shop.example TXT": ["v=DMARC1; p=none; aspf=s"]}, "aspf=s"),
    ("mx", {"shop.example MX": []}, "neither MX nor address"),
    ("mx", {"shop.example MX": ["."]}, "null MX"),
    ("ptr", {f"{IP} PTR": []}, "no PTR"),
    ("ptr", {f"{IP} PTR": ["host.isp.example"]}, "does not lead back"),
    ("hello", {"otp.shop.example A": ["192.0.2.9"]}, "does not have the address"),
    ("hello-spf", {"otp.shop.example TXT": []}, "our bounces may be refused"),
    ("hello-spf", {"otp.shop.example TXT": ["v=spf1 -all"]}, "does not pass"),
]


@pytest.mark.parametrize(("slug", "zones", "because"), BROKEN)
def test_what_is_missing_is_found_with_its_reason_and_remedy(slug: str, zones: Zones, because: str) -> None:
    found = judged(zones)
    (check,) = [check for check in found.checks if check.slug == slug and check.ok is False]
    assert because in check.because and check.remedy


ESSENTIAL: list[tuple[Zones, str, Evidence]] = [
    ({"r._domainkey.shop.example TXT": []}, "transactional", Evidence.GONE),
    ({"r._domainkey.shop.example TXT": "failed"}, "transactional", Evidence.UNKNOWN),
    ({"e._domainkey.shop.example TXT": []}, "transactional", Evidence.PRESENT),
    ({"b.shop.example TXT": []}, "transactional", Evidence.GONE),
    ({"b.shop.example TXT": "failed"}, "transactional", Evidence.UNKNOWN),
    ({"b.shop.example TXT": "failed", "r._domainkey.shop.example TXT": []}, "transactional", Evidence.GONE),
    ({"_dmarc.shop.example TXT": []}, "transactional", Evidence.PRESENT),
    ({"_dmarc.shop.example TXT": []}, "bulk", Evidence.GONE),
    ({"_dmarc.shop.example TXT": []}, "outreach", Evidence.GONE),
    ({"_dmarc.shop.example TXT": "failed"}, "bulk", Evidence.UNKNOWN),
    ({"shop.example MX": [], f"{IP} PTR": []}, "bulk", Evidence.PRESENT),
]


@pytest.mark.parametrize(("zones", "stream", "evidence"), ESSENTIAL)
def test_only_what_is_essential_moves_a_domain(zones: Zones, stream: str, evidence: Evidence) -> None:
    assert judged(zones, replace(SHOP, claim=DomainFacts("shop.example", "shop", stream))).evidence is evidence


def test_a_return_path_of_another_domain_is_wanted_and_not_essential() -> None:
    pool = replace(POOL, bounce_domain="b.platform.example")
    found = judged({}, replace(SHOP, ground=replace(GROUND, pools=(pool,))))
    assert found.evidence is Evidence.PRESENT
    assert failing(found) == {"spf", "alignment"}


def test_alignment_is_judged_before_dmarc_is_published() -> None:
    assert failing(judged({"_dmarc.shop.example TXT": []})) == {"dmarc"}
    elsewhere = replace(SHOP, ground=replace(GROUND, pools=(replace(POOL, bounce_domain="b.platform.example"),)))
    assert "alignment" in failing(judged({"_dmarc.shop.example TXT": []}, elsewhere))


REPORTS = replace(SHOP, ground=replace(GROUND, reports="reports.example.com"))
OURS = "v=DMARC1; p=reject; rua=mailto:dmarc@reports.example.com!10m"
HEARD: Zones = {
    "_dmarc.shop.example TXT": [OURS],
    "reports.example.com MX": ["mta.shop.example"],
    "shop.example._report._dmarc.reports.example.com TXT": ["v=DMARC1;"],
}
DEAF: list[tuple[Zones, bool | None, str]] = [
    ({"_dmarc.shop.example TXT": ["v=DMARC1; p=none; rua=mailto:me@else.example"]}, False, "me@else.example, not here"),
    ({"_dmarc.shop.example TXT": ["v=DMARC1; p=none"]}, False, "go to nobody"),
    ({"reports.example.com MX": []}, False, "no MX"),
    ({"reports.example.com MX": "failed"}, None, "no MX"),
    ({"shop.example._report._dmarc.reports.example.com TXT": []}, False, "reporters send none"),
    ({}, True, "allows"),
]


@pytest.mark.parametrize(("zones", "ok", "because"), DEAF)
def test_dmarc_reports_are_followed_to_the_report_domain(zones: Zones, ok: bool | None, because: str) -> None:
    found = judged({**HEARD, **zones}, REPORTS)
    (check,) = [check for check in found.checks if check.slug == "dmarc-reports"]
    assert (check.ok, because in check.because, bool(check.remedy)) == (ok, True, ok is not True)
    assert found.evidence is Evidence.PRESENT


def test_a_report_domain_of_the_same_organization_is_not_asked_for_leave() -> None:
    near = replace(SHOP, ground=replace(GROUND, reports="r.shop.example"))
    policy = "v=DMARC1; p=reject; rua=mailto:dmarc@r.shop.example"
    assert (
        failing(judged({"_dmarc.shop.example TXT": [policy], "r.shop.example MX": ["mta.shop.example"]}, near)) == set()
    )


def test_a_domain_without_a_key_of_ours_proves_nothing() -> None:
    assert judged({}, replace(SHOP, keys=())).evidence is Evidence.GONE


def test_too_many_look_ups_are_counted_over_the_whole_record() -> None:
    includes = " ".join(f"include:i{n}.example" for n in range(11))
    zones: Zones = {f"i{n}.example TXT": ["v=spf1 ?all"] for n in range(11)}
    found = judged({**zones, "b.shop.example TXT": [f"v=spf1 ip4:{IP} {includes} -all"]})
    assert (found.evidence, failing(found)) == (Evidence.PRESENT, {"spf-limits"})


def test_a_waiting_key_signs_once_it_is_seen() -> None:
    case = replace(SHOP, keys=(*SHOP.keys, replace(RSA, selector="r2", stage="waiting", text="v=DKIM1; k=rsa; p=CCCC")))
    assert judged({}, case).seen == ()
    assert judged({"r2._domainkey.shop.example TXT": ["v=DKIM1; k=rsa; p=CCCC"]}, case).seen == ("r2",)


def test_a_new_key_in_the_place_of_the_old_still_proves_control() -> None:
    case = replace(SHOP, keys=(*SHOP.keys, replace(RSA, selector="r2", stage="waiting", text="v=DKIM1; k=rsa; p=CCCC")))
    zones: Zones = {"r._domainkey.shop.example TXT": [], "r2._domainkey.shop.example TXT": ["v=DKIM1; k=rsa; p=CCCC"]}
    assert judged(zones, case).evidence is Evidence.PRESENT


LISTS: list[tuple[Zones, bool | None]] = [
    ({}, True),
    ({"1.2.0.192.zen.example A": ["127.0.0.2"]}, False),
    ({"1.2.0.192.zen.example A": ["127.255.255.254"]}, None),
    ({"1.2.0.192.zen.example A": "failed"}, None),
]


@pytest.mark.parametrize(("zones", "ok"), LISTS)
def test_block_lists_are_asked_when_named(zones: Zones, ok: bool | None) -> None:
    found = judged(zones, replace(SHOP, lists=("zen.example",)))
    assert [check.ok for check in found.checks if check.slug == "dnsbl"] == [ok]
    assert found.evidence is Evidence.PRESENT


LINK = Case(DomainFacts("l.shop.example", "shop", "bulk", "link"), (), GROUND)
BOUNCE = Case(DomainFacts("b.shop.example", "shop", "transactional", "bounce"), (), GROUND)
OTHERS: list[tuple[Case, Zones, Evidence]] = [
    (LINK, {}, Evidence.GONE),
    (LINK, {"l.shop.example A": [IP]}, Evidence.GONE),
    (LINK, {"l.shop.example A": [IP], "_goodstanding.l.shop.example TXT": ["goodstanding-domain=1"]}, Evidence.PRESENT),
    (LINK, {"l.shop.example A": [IP], "_goodstanding.l.shop.example TXT": ["goodstanding-domain=2"]}, Evidence.GONE),
    (LINK, {"l.shop.example A": "failed", "_goodstanding.l.shop.example TXT": "failed"}, Evidence.UNKNOWN),
    (replace(LINK, parents=("shop.example",)), {"l.shop.example A": [IP]}, Evidence.PRESENT),
    (replace(BOUNCE, parents=("shop.example",)), {}, Evidence.GONE),
    (replace(BOUNCE, parents=("shop.example",)), {"b.shop.example MX": ["mta.shop.example"]}, Evidence.PRESENT),
    (BOUNCE, {"b.shop.example MX": ["mta.shop.example"]}, Evidence.GONE),
]


@pytest.mark.parametrize(("case", "zones", "evidence"), OTHERS)
def test_link_and_bounce_domains_prove_control_and_lead_here(case: Case, zones: Zones, evidence: Evidence) -> None:
    assert judged(zones, case).evidence is evidence

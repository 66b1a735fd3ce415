"""DMARC: records, the tree walk of RFC 9989, and alignment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.wire.dmarc import QUERIES, Policy, aligned, read_record, request, steps, walk
from goodstanding.wire.questions import Book
from tests.wire.zones import Answers, Zones, book

TWO_PLACES = ("mailto:a@b.example", "mailto:c@d.example!10m")
RECORDS: list[tuple[str, Policy | None]] = [
    ("v=DMARC1; p=reject", Policy("reject")),
    ("v=DMARC1;p=QUARANTINE;sp=none;np=reject;", Policy("quarantine", "none", "reject")),
    (" v = DMARC1 ; p = none ", Policy("none")),
    ("v=DMARC1; p=none; adkim=s; aspf=s; t=y", Policy("none", strict_dkim=True, strict_spf=True, testing=True)),
    ("v=DMARC1; p=none; psd=y; pct=20; rf=afrf; ri=1", Policy("none", psd="y")),
    ("v=DMARC1; p=monitor", Policy(None)),
    ("v=DMARC1; rua=mailto:a@b.example, mailto:c@d.example!10m", Policy(rua=TWO_PLACES)),
    ("v=dmarc1; p=reject", None),
    ("p=reject; v=DMARC1", None),
    ("v=DMARC10; p=reject", None),
    ("v=spf1 -all", None),
    ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "policy"), RECORDS)
def test_a_record_is_read_as_receivers_read_it(text: str, policy: Policy | None) -> None:
    assert read_record(text) == policy


@given(st.text(max_size=300))
def test_any_text_is_a_record_or_none(text: str) -> None:
    read_record(text)
    read_record(f"v=DMARC1;{text}")


def test_a_walk_asks_for_the_name_and_all_above_it() -> None:
    assert list(steps("a.mail.example.com")) == ["a.mail.example.com", "mail.example.com", "example.com", "com"]


def test_a_long_name_jumps_to_its_last_seven_labels() -> None:
    found = list(steps("a.b.c.d.e.f.g.h.i.j.mail.example.com"))
    assert len(found) == QUERIES == 8
    assert found[:2] == ["a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com"]


@given(st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True), min_size=1, max_size=30))
def test_no_name_costs_more_than_eight_queries(labels: list[str]) -> None:
    found = list(steps(".".join(labels)))
    assert len(found) <= QUERIES and found[-1] == labels[-1] and len(set(found)) == len(found)


NONE = "v=DMARC1; p=none"
ORGANIZATIONS: list[tuple[str, Zones]] = [
    ("shop.example", {"_dmarc.shop.example TXT": [NONE]}),
    ("shop.example", {"_dmarc.shop.example TXT": [NONE], "_dmarc.m.shop.example TXT": [NONE]}),
    ("m.shop.example", {"_dmarc.shop.example TXT": [NONE], "_dmarc.m.shop.example TXT": [f"{NONE}; psd=n"]}),
    ("shop.example", {"_dmarc.example TXT": ["v=DMARC1; p=none; psd=y"]}),
    ("a.m.shop.example", {}),
    ("a.m.shop.example", {"_dmarc.shop.example TXT": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}),
]  # fmt: skip


@pytest.mark.parametrize(("organization", "zones"), ORGANIZATIONS)
def test_the_organization_is_found_by_walking(organization: str, zones: Zones) -> None:
    assert walk("a.m.shop.example", book(zones)).organizational == organization


def test_the_domain_own_record_comes_before_its_organization() -> None:
    zones: Zones = {
        "_dmarc.shop.example TXT": ["v=DMARC1; p=reject; sp=quarantine"],
        "_dmarc.m.shop.example TXT": ["v=DMARC1; p=none"],
    }
    assert request(walk("m.shop.example", book(zones))) == "none"
    assert request(walk("x.shop.example", book(zones))) == "quarantine"
    assert request(walk("shop.example", book(zones))) == "reject"


def test_a_record_that_asks_for_nothing_valid_applies_only_with_a_report_address() -> None:
    assert walk("shop.example", book({"_dmarc.shop.example TXT": ["v=DMARC1; p=maybe"]})).applies is None
    with_reports = walk("shop.example", book({"_dmarc.shop.example TXT": ["v=DMARC1; rua=mailto:a@b.example"]}))
    assert with_reports.applies is not None and request(with_reports) == "none"


def test_a_walk_does_not_go_past_a_name_that_cannot_be_looked_up() -> None:
    zones: Zones = {"_dmarc.m.shop.example TXT": "failed", "_dmarc.shop.example TXT": ["v=DMARC1; p=reject"]}
    found = walk("m.shop.example", book(zones))
    assert found.failed and found.found == ()


def test_a_walk_stops_at_a_public_suffix() -> None:
    answers = Answers({"_dmarc.shop.example TXT": ["v=DMARC1; p=none; psd=n"]})
    walk("shop.example", Book(answers))
    assert answers.asked == [("txt", "_dmarc.shop.example")]


ALIGNED = [
    ("shop.example", False, True),
    ("shop.example", True, True),
    ("bounces.shop.example", False, True),
    ("bounces.shop.example", True, False),
    ("other.example", False, False),
]


@pytest.mark.parametrize(("domain", "strict", "expected"), ALIGNED)
def test_alignment(domain: str, strict: bool, expected: bool) -> None:
    known = book({"_dmarc.shop.example TXT": ["v=DMARC1; p=none"]})
    assert aligned(domain, walk("shop.example", known), known, strict=strict) is expected

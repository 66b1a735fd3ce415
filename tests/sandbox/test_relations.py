"""Who knows whom, and what a message says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.sandbox.relations import AddressBook, Kind, Relation, Traits, organisation, traits_of
from goodstanding.wire.message import parse_header


def traits(*fields: str, sender: str = "a@shop.example") -> Traits:
    lines = [f"From: {sender}", "Subject: Hello", *fields]
    return traits_of(parse_header("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"))


LIST = "List-Id: <monthly.shop.example>"


@pytest.mark.parametrize(
    ("kinds", "fields", "expectation"),
    [
        ([], [], Expectation.COLD),
        ([], [LIST], Expectation.COLD),
        (["customer"], [], Expectation.AWAITED),
        (["customer"], [LIST], Expectation.KNOWN),
        (["subscriber"], [LIST], Expectation.SUBSCRIBED),
        (["subscriber"], [], Expectation.KNOWN),
        (["customer", "subscriber"], [LIST], Expectation.SUBSCRIBED),
        (["customer", "subscriber"], [], Expectation.AWAITED),
        (["contact"], [LIST], Expectation.AWAITED),
    ],
)
def test_what_is_expected_follows_from_the_relation_and_the_kind_of_mail(
    kinds: list[Kind], fields: list[str], expectation: Expectation
) -> None:
    book = AddressBook()
    book.add(Relation("Ann@Gmail.example", "SHOP.example", kind) for kind in kinds)
    assert book.expectation("ann@gmail.example", traits(*fields)) is expectation
    assert book.expectation("bob@gmail.example", traits(*fields)) is Expectation.COLD
    assert book.expectation("ann@gmail.example", traits(*fields, sender="a@shop-deals.example")) is Expectation.COLD


def test_domains_below_the_known_one_belong_to_it_and_those_above_do_not() -> None:
    book = AddressBook()
    book.add([Relation("*", "mail.shop.example", "customer")])
    assert book.expectation("anybody@x.example", traits(sender="a@eu.mail.shop.example")) is Expectation.AWAITED
    assert book.expectation("anybody@x.example", traits(sender="a@shop.example")) is Expectation.COLD


@pytest.mark.parametrize(
    ("field", "is_list", "is_automatic"),
    [
        ("X: y", False, False),
        ("List-Id: <a.b>", True, False),
        ("List-Unsubscribe: <https://x.example/u>", True, False),
        ("Precedence: Bulk", True, False),
        ("Auto-Submitted: no", False, False),
        ("Auto-Submitted: auto-replied", False, True),
        ('Content-Type: multipart/report; report-type=delivery-status; boundary="x"', False, True),
    ],
)
def test_a_message_says_what_it_is(field: str, is_list: bool, is_automatic: bool) -> None:
    found = traits(field)
    assert (found.is_list, found.is_automatic) == (is_list, is_automatic)


def test_where_reports_and_answers_go() -> None:
    found = traits("CFBL-Address: fbl@shop.example; report=arf", "Reply-To: Sales <sales@shop.example>")
    assert (found.report_to, found.reply_to) == ("fbl@shop.example", "sales@shop.example")
    assert (traits().report_to, traits().reply_to) == ("", "a@shop.example")
    assert traits("CFBL-Address: nobody").report_to == ""


@pytest.mark.parametrize(
    ("domain", "registrable"),
    [
        ("shop.example", "shop.example"),
        ("bounces.Mail.shop.example.", "shop.example"),
        ("a.b.co.uk", "b.co.uk"),
        ("example", "example"),
        ("", ""),
    ],
)
def test_mail_is_added_up_by_registrable_domain(domain: str, registrable: str) -> None:
    assert organisation(domain) == registrable


@pytest.mark.fuzz
@given(st.binary(max_size=400))
def test_any_header_has_traits(octets: bytes) -> None:
    assert isinstance(traits_of(parse_header(octets)), Traits)

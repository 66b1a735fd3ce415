"""SPF as receivers evaluate it (RFC 7208), and as they count its look-ups."""

import ipaddress
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.wire.questions import Book
from goodstanding.wire.spf import SURVEY_ENDS, Macros, evaluate, expand, read_record, survey
from tests.wire.zones import Answers, Zones, book

HERE, THERE, SIX = "192.0.2.1", "198.51.100.9", "2001:db8::1"


def zone(record: str, **others: list[str] | str) -> Zones:
    names = {key.replace("__", " ").replace("_", "."): value for key, value in others.items()}
    return {"a.example TXT": [record], **names}


RESULTS: list[tuple[str, str, Zones]] = [
    ("pass", HERE, zone("v=spf1 ip4:192.0.2.0/24 -all")),
    ("fail", THERE, zone("v=spf1 ip4:192.0.2.0/24 -all")),
    ("softfail", THERE, zone("V=SPF1 ip4:192.0.2.0/24 ~ALL")),
    ("neutral", THERE, zone("v=spf1 ip4:192.0.2.1")),
    ("neutral", THERE, zone("v=spf1")),
    ("pass", SIX, zone("v=spf1 ip6:2001:db8::/32 -all")),
    ("fail", SIX, zone("v=spf1 ip4:192.0.2.0/24 -all")),
    ("pass", HERE, zone("v=spf1 a -all", a_example__A=[HERE, SIX])),
    ("pass", HERE, zone("v=spf1 a:b.example/24 -all", b_example__A=["192.0.2.200"])),
    ("fail", SIX, zone("v=spf1 a:b.example/24//64 -all", b_example__A=["2001:db8:1::1"])),
    ("pass", SIX, zone("v=spf1 a:b.example//64 -all", b_example__A=["2001:db8::ff"])),
    ("pass", HERE, zone("v=spf1 mx -all", a_example__MX=["mx.example"], mx_example__A=[HERE])),
    ("pass", HERE, zone("v=spf1 include:b.example -all", b_example__TXT=["v=spf1 ip4:192.0.2.1 -all"])),
    ("fail", HERE, zone("v=spf1 include:b.example -all", b_example__TXT=["v=spf1 -all"])),
    ("permerror", HERE, zone("v=spf1 include:b.example -all")),
    ("pass", HERE, zone("v=spf1 redirect=b.example", b_example__TXT=["v=spf1 ip4:192.0.2.1 -all"])),
    ("permerror", HERE, zone("v=spf1 redirect=b.example")),
    ("pass", HERE, zone("v=spf1 exists:%{ir}.%{d} -all", **{"1_2_0_192_a_example__A": ["127.0.0.2"]})),
    ("fail", HERE, zone("v=spf1 ptr -all")),
    ("permerror", HERE, zone("v=spf1 ipv4:192.0.2.1 -all")),
    ("permerror", HERE, zone("v=spf1 ip4:192.0.2.300 -all")),
    ("permerror", HERE, zone("v=spf1 all:b.example")),
    ("permerror", HERE, zone("v=spf1 include -all")),
    ("permerror", HERE, zone("v=spf1 redirect=b.example redirect=c.example")),
    ("pass", HERE, zone("v=spf1 unknown=x.example ip4:192.0.2.1 -all")),
    ("none", HERE, {"a.example TXT": ["google-site-verification=1", "v=spf10 -all"]}),
    ("none", HERE, {}),
    ("permerror", HERE, {"a.example TXT": ["v=spf1 -all", "v=spf1 ip4:192.0.2.1"]}),
    ("temperror", HERE, {"a.example TXT": "failed"}),
    ("temperror", HERE, zone("v=spf1 include:b.example -all", b_example__TXT="failed")),
    ("temperror", HERE, zone("v=spf1 a:b.example -all", b_example__A="failed")),
]


@pytest.mark.parametrize(("result", "client", "zones"), RESULTS)
def test_an_address_gets_the_result_receivers_come_to(result: str, client: str, zones: Zones) -> None:
    assert evaluate(client, "a.example", book(zones)).result == result


def test_the_eleventh_look_up_is_a_permanent_error() -> None:
    includes = " ".join(f"include:i{n}.example" for n in range(11))
    zones: Zones = {f"i{n}.example TXT": ["v=spf1 ?all"] for n in range(11)}
    found = evaluate(HERE, "a.example", book({**zones, "a.example TXT": [f"v=spf1 {includes} -all"]}))
    assert (found.result, "10 look-ups" in found.because) == ("permerror", True)


def test_a_match_before_the_limit_passes() -> None:
    includes = " ".join(f"include:i{n}.example" for n in range(11))
    assert evaluate(HERE, "a.example", book(zone(f"v=spf1 ip4:{HERE} {includes} -all"))).result == "pass"


def test_the_third_look_up_that_finds_nothing_is_a_permanent_error() -> None:
    assert evaluate(HERE, "a.example", book(zone("v=spf1 a:x.example a:y.example -all"))).result == "fail"
    found = evaluate(HERE, "a.example", book(zone("v=spf1 a:x.example a:y.example a:z.example -all")))
    assert found.result == "permerror"


def test_a_record_that_includes_itself_ends() -> None:
    assert evaluate(HERE, "a.example", book(zone("v=spf1 include:a.example -all"))).result == "permerror"
    assert survey("a.example", book(zone("v=spf1 include:a.example include:a.example"))).lookups == SURVEY_ENDS


def test_a_survey_counts_everything_a_stranger_can_make_receivers_ask() -> None:
    record = "v=spf1 ip4:192.0.2.1 include:b.example a:gone.example mx -all"
    more = {"b_example__TXT": ["v=spf1 a redirect=c.example"], "c_example__TXT": ["v=spf1 -all"]}
    found = survey("a.example", book(zone(record, b_example__A=[HERE], **more)))
    assert (found.lookups, found.voids, found.problem) == (5, 2, "")


def test_a_survey_names_the_first_fault_wherever_it_is() -> None:
    found = survey("a.example", book(zone("v=spf1 include:b.example -all", b_example__TXT=["v=spf1 ip5:1"])))
    assert "b.example" in found.problem and "ip5:1" in found.problem


def test_what_is_not_known_yet_is_asked_for() -> None:
    asking = Book({})
    evaluate(HERE, "a.example", asking)
    assert list(asking.missing) == [("txt", "a.example")]


def test_a_match_asks_for_nothing_behind_it() -> None:
    answers = Answers(zone(f"v=spf1 ip4:{HERE} include:b.example -all"))
    evaluate(HERE, "a.example", Book(answers))
    assert answers.asked == [("txt", "a.example")]


EXAMPLES = [  # RFC 7208 §7.4
    ("%{s}", "strong-bad@email.example.com"),
    ("%{o}", "email.example.com"),
    ("%{d4}", "email.example.com"),
    ("%{d2}", "example.com"),
    ("%{d1}", "com"),
    ("%{dr}", "com.example.email"),
    ("%{d2r}", "example.email"),
    ("%{l}", "strong-bad"),
    ("%{l-}", "strong.bad"),
    ("%{lr-}", "bad.strong"),
    ("%{l1r-}", "strong"),
    ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
    ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
    ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
    ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
]


@pytest.mark.parametrize(("text", "name"), EXAMPLES)
def test_macros_expand_as_the_rfc_shows(text: str, name: str) -> None:
    assert expand(text, Macros("strong-bad@email.example.com", "email.example.com", "192.0.2.3")) == name


def test_a_name_that_grew_too_long_loses_labels_on_the_left() -> None:
    assert len(expand("%{l}." * 40 + "example", Macros("abcdefgh@x.example", "x.example", HERE))) <= 253


@given(st.text(alphabet=string.ascii_letters + string.digits + " :=/.%{}+-~?_@", max_size=200))
def test_any_text_is_a_record_or_a_complaint(text: str) -> None:
    found = read_record(f"v=spf1 {text}")
    assert isinstance(found, str) == (not isinstance(found, list))
    evaluate(HERE, "a.example", book(zone(f"v=spf1 {text}")))
    survey("a.example", book(zone(f"v=spf1 {text}")))


@given(st.ip_addresses())
def test_an_address_written_out_passes(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    record = f"v=spf1 ip{address.version}:{address} -all"
    assert evaluate(str(address), "a.example", book(zone(record))).result == "pass"

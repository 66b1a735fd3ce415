"""From DNS to addresses: every case of RFC 5321 §5.1, 7505 and our own caution, as tables."""

import pytest

from goodstanding.delivery.plan import (
    HERE,
    Family,
    Route,
    Target,
    Unroutable,
    exchangers,
    literal_address,
    site_of,
    targets,
)
from goodstanding.errors import LocalProtocolError
from goodstanding.outside import Answer, LookupStatus

DIRECT = Route("direct")
RELAY = Route("relay", host="Smart.Example.Net", port=587)


def mx(*records: str) -> Answer:
    pairs = [record.split() for record in records]
    return Answer("found", tuple(host for _, host in pairs), tuple(int(preference) for preference, _ in pairs))


def at(*addresses: str) -> Answer:
    return Answer("found", addresses)


NODATA, NXDOMAIN, FAILED = Answer("nodata"), Answer("nxdomain"), Answer("failed", text="down")


@pytest.mark.parametrize(
    ("domain", "route", "answer", "hosts"),
    [
        ("example.com", DIRECT, mx("10 a.example", "20 b.example"), ["a.example", "b.example"]),
        ("example.com", DIRECT, mx("10 A.Example.", "10 a.example"), ["a.example"]),
        ("Example.com", DIRECT, NODATA, ["example.com"]),
        ("example.com", DIRECT, mx("0 .", "10 a.example"), ["a.example"]),
        ("example.com", RELAY, None, ["smart.example.net"]),
        ("example.com", Route("relay", host="192.0.2.9"), None, ["[192.0.2.9]"]),
        ("example.com", Route("relay", host="2001:db8::9"), None, ["[2001:db8::9]"]),
        ("[192.0.2.1]", DIRECT, None, ["[192.0.2.1]"]),
        ("[IPv6:2001:DB8::1]", DIRECT, None, ["[2001:db8::1]"]),
        ("[192.0.2.1]", RELAY, None, ["smart.example.net"]),
    ],
)
def test_hosts_come_in_the_order_of_preference(
    domain: str, route: Route, answer: Answer | None, hosts: list[str]
) -> None:
    assert exchangers(domain, route, answer) == hosts


@pytest.mark.parametrize(
    ("domain", "answer", "reply", "permanent"),
    [
        ("example.com", NXDOMAIN, "550 5.1.2 the domain example.com does not exist", True),
        ("example.com", mx("0 ."), "556 5.1.10 the domain example.com accepts no mail (null MX)", True),
        ("example.com", FAILED, "450 4.4.3 the mail exchangers of example.com cannot be looked up now: down", False),
        ("example.com", mx("10 [foo", "20 [192.0.2.1]", "30 a,b", "40 a\\032b"),
         "550 5.4.4 the mail exchangers of example.com are no host names: [foo, [192.0.2.1], a,b, a\\032b", True),
        ("[192.0.2]", None, "550 5.1.2 [192.0.2] is not an address this server can reach", True),
    ],
)  # fmt: skip
def test_a_domain_that_leads_nowhere(domain: str, answer: Answer | None, reply: str, permanent: bool) -> None:
    nowhere = exchangers(domain, DIRECT, answer)
    assert isinstance(nowhere, Unroutable)
    assert (str(nowhere.reply), nowhere.permanent, nowhere.reach) == (reply, permanent, "recipient")


def test_direct_delivery_without_a_lookup_is_our_bug() -> None:
    with pytest.raises(LocalProtocolError):
        exchangers("example.com", DIRECT, None)


@pytest.mark.parametrize(
    ("domain", "route", "answer", "site"),
    [
        ("a.example", DIRECT, mx("10 mx2.host.example", "10 MX1.host.example.", "20 far.example"),
         "mx1.host.example,mx2.host.example;far.example"),
        ("b.example", DIRECT, mx("5 mx1.host.example", "5 mx2.host.example"), "mx1.host.example,mx2.host.example"),
        ("c.example", DIRECT, mx("0 .", "10 mx1.host.example"), "mx1.host.example"),
        ("c.example", DIRECT, mx("10 mx1.host.example", "10 a,b.example"), "mx1.host.example"),
        ("D.example", DIRECT, NODATA, "d.example"),
        ("[192.0.2.1]", DIRECT, None, "[192.0.2.1]"),
        ("a.example", RELAY, None, "route:relay"),
        ("nowhere.example", RELAY, NXDOMAIN, "route:relay"),
    ],
)  # fmt: skip
def test_domains_with_the_same_hosts_are_one_site(domain: str, route: Route, answer: Answer | None, site: str) -> None:
    hosts = exchangers(domain, route, answer)
    assert not isinstance(hosts, Unroutable)
    assert site_of(hosts, route, answer) == site


def addresses_of(found: tuple[Target, ...] | Unroutable) -> list[str]:
    assert not isinstance(found, Unroutable)
    return [target.address for target in found]


ANSWERS = {
    "a": at("2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"),
    "b": at("192.0.2.3"),
    "six": at("2001:db8::6"),
    "loop": at("192.0.2.99", "192.0.2.4"),
    "local": at("127.0.0.53"),
    "wrapped": at("::ffff:127.0.0.1"),
    "any": at("0.0.0.0"),
    "nodata": NODATA,
    "nxdomain": NXDOMAIN,
    "failed": FAILED,
}
OWN = HERE | {"192.0.2.99"}


@pytest.mark.parametrize(
    ("hosts", "addresses"),
    [
        (["a", "b"], ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"]),
        (["a", "a"], ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::1"]),
        (["failed", "nxdomain", "b"], ["192.0.2.3"]),
        (["b", "loop", "six"], ["192.0.2.3"]),
        (["[192.0.2.7]"], ["192.0.2.7"]),
    ],
)
def test_at_most_five_addresses_of_both_families_in_turn(hosts: list[str], addresses: list[str]) -> None:
    assert addresses_of(targets(hosts, ANSWERS, 25, own=OWN)) == addresses


def test_a_target_knows_its_host_and_port() -> None:
    assert targets(["b"], ANSWERS, 2525) == (Target("b", "192.0.2.3", 2525),)


def test_addresses_that_cannot_be_left_for_are_left_out() -> None:
    four: frozenset[Family] = frozenset({4})
    assert addresses_of(targets(["a", "six"], ANSWERS, 25, families=four)) == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(
    ("hosts", "reply"),
    [
        (["nodata", "nxdomain"], "550 5.4.4"),
        (["nodata", "failed"], "450 4.4.3"),
        (["loop", "b"], "554 5.4.6"),
        (["local"], "554 5.4.6"),
        (["wrapped"], "554 5.4.6"),
        (["any"], "554 5.4.6"),
        (["[127.0.0.1]"], "554 5.4.6"),
        (["failed", "loop"], "450 4.4.3"),
        (["six"], "450 4.4.4"),
        ([], "550 5.4.4"),
    ],
)
def test_no_address_is_left(hosts: list[str], reply: str) -> None:
    nowhere = targets(hosts, ANSWERS, 25, own=OWN, families=frozenset({4}))
    assert isinstance(nowhere, Unroutable)
    assert str(nowhere.reply).startswith(reply)


def test_loopback_is_an_address_like_any_other_in_the_sandbox() -> None:
    assert addresses_of(targets(["local"], ANSWERS, 25)) == ["127.0.0.53"]


@pytest.mark.parametrize(
    ("domain", "address"),
    [
        ("[192.0.2.1]", "192.0.2.1"),
        ("[ipv6:::1]", "::1"),
        ("[::1]", "::1"),
        ("[IPv6:::ffff:192.0.2.1]", "192.0.2.1"),
        ("192.0.2.1", None),
        ("[192.0.2.256]", None),
        ("[]", None),
        ("[tag:x]", None),
    ],
)
def test_address_literals(domain: str, address: str | None) -> None:
    assert literal_address(domain) == address


@pytest.mark.parametrize("status", ["found", "nodata", "nxdomain", "failed"])
def test_every_answer_leads_somewhere(status: LookupStatus) -> None:
    assert exchangers("example.com", DIRECT, Answer(status))

"""Where webhooks may go: the public internet and what the operator allowed, whatever a URL or a name server says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.webhooks.guard import Rules, Target, networks_of, objection, safe, target_of

PUBLIC = Rules()
LOOPBACK = Rules(networks_of(["127.0.0.0/8", "10.1.0.0/16"]), http=True, ports=(443, 8080, 80))


def test_a_usual_url_leads_to_its_host() -> None:
    assert target_of("https://Hooks.Example.com/a/b?code=1%2F2", PUBLIC) == Target(
        True, "hooks.example.com", 443, "/a/b?code=1%2F2"
    )


def test_an_allowed_port_is_in_the_host_header() -> None:
    found = target_of("https://hooks.example.com:8443", PUBLIC)
    assert isinstance(found, Target)
    assert (found.authority, found.path) == ("hooks.example.com:8443", "/")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "//hooks.example.com/",
        "hooks.example.com",
        "https://",
        "https:///path",
        "https://user:secret@hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nX-Injected: 1",
        "https://hooks.example.com\\@10.0.0.1/",
        "https://hooks.exämple.com/",
        "https://-hooks.example.com/",
        "https://hooks..example.com/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://hooks.example.com/" + "a" * 2048,
    ],
)
def test_a_url_that_could_lead_astray_is_refused(url: str) -> None:
    assert isinstance(target_of(url, PUBLIC), str)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:830::200e"])
def test_public_addresses_are_connected(address: str) -> None:
    assert objection(address, PUBLIC) == ""


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("100.64.0.1", "100.127.255.255", "169.254.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1"),
        *("203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "64:ff9b:1::a00:1"),
        *("2001::1", "2002:a00:1::", "2002:808:808::", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1"),
        *("2001:db8::1", "100::1", "fe80::1%eth0"),
        *("not an address", "", "1.2.3", "1.2.3.4.5"),
    ],
)
def test_everything_else_is_not(address: str) -> None:
    assert objection(address, PUBLIC)


METADATA = ["169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "169.254.170.2"]


@pytest.mark.parametrize("address", [*METADATA, "::ffff:169.254.169.254", "::ffff:168.63.129.16"])
def test_the_secrets_of_machines_are_out_of_reach_even_where_everything_is_allowed(address: str) -> None:
    assert objection(address, Rules(networks_of(["0.0.0.0/0", "::/0"]), http=True))


def test_an_allowed_network_is_connected_and_its_neighbour_is_not() -> None:
    assert objection("10.1.2.3", LOOPBACK) == ""
    assert objection("10.2.0.1", LOOPBACK)


def test_an_allowed_ipv4_network_does_not_open_its_ipv6_disguises() -> None:
    assert objection("::ffff:10.1.2.3", LOOPBACK)


def test_http_goes_to_allowed_networks_only() -> None:
    assert objection("127.0.0.1", LOOPBACK, tls=False) == ""
    assert objection("8.8.8.8", LOOPBACK, tls=False)


def test_of_mixed_answers_only_what_may_be_connected_is_left() -> None:
    target = target_of("https://hooks.example.com/", PUBLIC)
    assert isinstance(target, Target)
    assert safe(["10.0.0.1", "8.8.8.8", "::1"], target, PUBLIC) == (["8.8.8.8"], "")
    assert safe(["10.0.0.1"], target, PUBLIC)[0] == []
    assert "no address" in safe([], target, PUBLIC)[1]


@given(st.text(max_size=60))
def test_no_text_becomes_a_target_that_could_break_out_of_its_line(rest: str) -> None:
    found = target_of("https://hooks.example.com" + rest, PUBLIC)
    assert isinstance(found, str) or (found.path + found.host).isprintable()


@given(st.ip_addresses())
def test_what_is_connected_is_global_and_stands_for_nothing_else(address: object) -> None:
    if objection(str(address), PUBLIC) == "":
        assert address.is_global and not address.is_multicast and not getattr(address, "ipv4_mapped", None)

"""Who guesses waits, and nobody else."""

import pytest

from goodstanding.api.patience import KNOWN, MISSES, REFILL, Patience, network


def test_thirty_wrong_links_are_listened_to_and_then_one_every_half_second() -> None:
    patience = Patience()
    for _ in range(MISSES):
        assert patience.wait("192.0.2.1", 0.0) == 0
        patience.missed("192.0.2.1", 0.0)
    assert patience.wait("192.0.2.1", 0.0) == REFILL
    assert patience.wait("192.0.2.1", REFILL) == 0
    assert patience.wait("192.0.2.2", 0.0) == 0


def test_a_host_cannot_dodge_within_its_ipv6_network() -> None:
    patience = Patience()
    for n in range(MISSES):
        patience.missed(f"2001:db8::{n:x}", 0.0)
    assert patience.wait("2001:db8::ffff", 0.0) > 0
    assert patience.wait("2001:db8:0:1::1", 0.0) == 0


def test_only_so_many_clients_are_remembered() -> None:
    patience = Patience()
    for n in range(KNOWN + 50):
        patience.missed(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 0.0)
    assert len(patience._misses) == KNOWN


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_what_counts_as_one_client(address: str, client: str) -> None:
    assert network(address) == client

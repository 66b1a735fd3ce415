"""Patience with clients that guess: how many wrong links one address may try before it has to wait.

Right links are never counted. Mailbox providers post for all their users from a few addresses, and an unsubscribe that
is turned away because a neighbour was quick would be one that is not honoured.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

MISSES = 30
"""Wrong links an address may try at once."""
REFILL = 0.5
"""Seconds to earn one more."""
KNOWN = 10_000
"""Addresses remembered; the one that has been quiet for longest is forgotten first."""


class Patience:
    """A leaky bucket for each client address."""

    def __init__(self) -> None:
        self._misses: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Seconds this client has to wait before it is listened to; 0: none."""
        misses, _ = self._level(network(address), now)
        return max(0.0, misses - MISSES + 1) * REFILL if misses > MISSES - 1 else 0.0

    def missed(self, address: str, now: float) -> None:
        """It tried a wrong link."""
        name = network(address)
        misses, _ = self._level(name, now)
        self._misses[name] = (misses + 1, now)
        self._misses.move_to_end(name)
        if len(self._misses) > KNOWN:
            self._misses.popitem(last=False)

    def _level(self, name: str, now: float) -> tuple[float, float]:
        misses, since = self._misses.get(name, (0.0, now))
        return max(0.0, misses - (now - since) / REFILL), now


def network(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 one, of which a host has all."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)

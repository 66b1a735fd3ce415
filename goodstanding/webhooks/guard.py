"""Where an endpoint may be: the guard against requests into networks that a tenant must not reach through us (SSRF).

The URL is checked when it is given and again at every connection, and the connection goes to the very address that was
checked: no name is resolved twice. An address is public or the operator's settings allow its network by name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from msgspec import Struct

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST = 2048
"""Characters of a URL."""
REMEDY = "an operator can allow its network in webhooks.allow_networks"

METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google, DigitalOcean ...
            "169.254.170.2",  # AWS container credentials
            "fd00:ec2::254",  # AWS over IPv6
            "168.63.129.16",  # Azure's wire server, in the midst of public space
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
        ),
    )
)
"""Where clouds tell machines their secrets: never, whatever the settings allow."""

_NOT_PUBLIC = tuple(
    map(
        ipaddress.IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
"""IANA's special-purpose registry (RFC 6890), carriers' networks (RFC 6598) and multicast. By name, because what
`ipaddress` calls global differs between releases of Python."""
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is given out of IPv6 (RFC 4291 §2.4): mapped, compatible, NAT64, local and multicast are outside of it."""
_NOT_UNICAST = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Teredo and other protocols (RFC 2928), documentation, 6to4: nobody's, or another address in disguise."""


class Rules(Struct, frozen=True):
    """What the operator has decided."""

    networks: tuple[Network, ...] = ()
    """Allowed although they are not public."""
    http: bool = False
    """Without TLS, to those networks only."""
    ports: tuple[int, ...] = (443, 8443)


class Target(Struct, frozen=True):
    """A URL that may be posted to, if its host has an address that may."""

    tls: bool
    host: str
    """Lower case, without brackets."""
    port: int
    path: str
    """With the query."""

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


_URL = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")


@lru_cache(maxsize=4096)
def target_of(url: str, rules: Rules) -> Target | str:
    """Where a URL leads, or why nothing is posted there."""
    if len(url) > LONGEST or not _URL.fullmatch(url) or "\\" in url:
        return f"a URL has at most {LONGEST} characters, all of them printable ASCII, and no backslash"
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as exc:
        return f"{url} is no URL: {exc}"
    if parts.scheme not in ("https", "http"):
        return "a webhook URL begins with https://"
    if parts.scheme == "http" and not rules.http:
        return "http:// would send events in the clear: use https:// (or let the operator set webhooks.allow_http)"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "a webhook URL has no user, password or fragment; use --header for a token"
    port = port if port is not None else 443 if parts.scheme == "https" else 80
    if port not in rules.ports:
        return f"port {port} is none of webhooks.ports ({', '.join(map(str, rules.ports))})"
    literal = _literal(host)
    if literal is None and not (_HOST.fullmatch(host) and len(host) <= 253 and not host.rstrip(".")[-1:].isdigit()):
        return f"{host or 'nothing'} is no host name"
    if literal is not None and (why := objection(str(literal), rules)):
        return why
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", host.rstrip("."), port, path)


def objection(address: str, rules: Rules, *, tls: bool = True) -> str:
    """Why nobody may be connected at this IP address; empty: they may."""
    one = _literal(address)
    if one is None:
        return f"{address} is no IP address"
    inner = one.ipv4_mapped if isinstance(one, ipaddress.IPv6Address) and one.ipv4_mapped else one
    if one in METADATA or inner in METADATA:
        return f"{address} is where clouds keep the secrets of machines"
    allowed = any(one in network for network in rules.networks if network.version == one.version)
    if not tls and not allowed:
        return f"{address} is in none of webhooks.allow_networks, so http:// may not go there"
    if allowed:
        return ""
    return "" if _is_public(one) else f"{address} is not a public address ({REMEDY})"


def _is_public(one: Address) -> bool:
    if isinstance(one, ipaddress.IPv4Address):
        return one.is_global and not any(one in network for network in _NOT_PUBLIC)
    return one.is_global and one in _UNICAST and not any(one in network for network in _NOT_UNICAST)


def safe(addresses: Sequence[str], target: Target, rules: Rules) -> tuple[list[str], str]:
    """The addresses of a host that may be connected, or none and why."""
    objections = {address: objection(address, rules, tls=target.tls) for address in addresses}
    good = [address for address, why in objections.items() if not why]
    return good, "" if good else "; ".join(sorted(set(objections.values()))) or f"{target.host} has no address"


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """CIDR networks as settings write them. ValueError when one is none."""
    return tuple(map(ipaddress.ip_network, texts))


def _literal(text: str) -> Address | None:
    """``%`` scopes are none: they name an interface of ours."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None

"""Where mail for a domain goes: from what DNS said to the addresses to try, in order (RFC 5321 §5.1).

Three steps, so that the caller can do the look-ups in between: `exchangers` lists the hosts of a domain by preference,
`site_of` names the place they are (mail for one site shares connections), `targets` lists the addresses of those hosts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby, zip_longest
from operator import itemgetter
from typing import Literal

from goodstanding.admission.identities import registrable
from goodstanding.errors import LocalProtocolError
from goodstanding.model import Reach, Reply
from goodstanding.outside import Answer
from goodstanding.wire.address import domain_to_ascii

Tls = Literal["never", "opportunistic", "required"]
Family = Literal[4, 6]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BOTH_FAMILIES: frozenset[Family] = frozenset((4, 6))
HERE = frozenset(("127.0.0.0/8", "::1", "0.0.0.0/8", "::", "169.254.0.0/16", "fe80::/10"))
"""Addresses that always mean this machine or its link; add them to the machine's own ones outside the sandbox."""


@lru_cache(maxsize=4096)
def provider_of(host: str) -> str:
    """Whose a mail exchanger is, by the registrable domain of its name: ``google.com``; an address is its own."""
    name = host.partition(" ")[0].lower().rstrip(".")
    return name if name.startswith("[") or name.replace(".", "").isdigit() else registrable(name) or name


@dataclass(frozen=True, slots=True)
class Route:
    """How a stream's mail leaves: straight to the recipients' exchangers, or through a smart host."""

    name: str
    host: str = ""
    """Empty: direct. Else the smart host, a name (its addresses are looked up, never its MX) or an IP address."""
    port: int = 25
    tls: Tls = "opportunistic"
    auth: tuple[str, str] | None = None
    """User name and password for the smart host."""
    verify: bool = False
    """Demand a certificate that proves the host's name."""


@dataclass(frozen=True, slots=True)
class Target:
    """One address to try."""

    host: str
    """Name the address belongs to: for TLS (SNI), the logs and the journal."""
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a connection needs to know about a destination."""

    site: str
    targets: tuple[Target, ...]
    tls: Tls = "opportunistic"
    auth: tuple[str, str] | None = None
    verify: bool = False


@dataclass(frozen=True, slots=True)
class Unroutable:
    """There is nowhere to go, and why; for good when the reply is a 5xx."""

    reply: Reply
    reach: Reach = "recipient"

    @property
    def permanent(self) -> bool:
        """No later attempt will find a way either."""
        return self.reply.permanent


def site_of(hosts: Sequence[str], route: Route, mx: Answer | None) -> str:
    """The place mail for these exchangers goes to: domains with the same ones in the same order are one site.

    All of them count, not the best ones only: mail of one site shares connections, and a domain that names a stranger's
    hosts first and its own last would be handed the stranger's mail whenever those hosts are busy.
    """
    if route.host:
        return f"route:{route.name}"
    if mx is None or len(hosts) == 1:
        return hosts[0]
    first: dict[str, int] = {}
    for preference, host in zip(mx.preferences, map(_plain, mx.records), strict=True):
        first.setdefault(host, preference)
    ranked = sorted((first[host], host) for host in hosts)  # those of equal preference come shuffled
    return ";".join(",".join(host for _, host in equal) for _, equal in groupby(ranked, key=itemgetter(0)))


def exchangers(domain: str, route: Route, mx: Answer | None) -> list[str] | Unroutable:
    """The hosts to try for a domain, best first; an address, literal or configured, comes in brackets."""
    if route.host:
        address = _parsed(route.host)
        return [f"[{address}]" if address else _plain(route.host)]
    if domain.startswith("["):
        literal = literal_address(domain)
        return [f"[{literal}]"] if literal else _no(550, "5.1.2", f"{domain} is not an address this server can reach")
    if mx is None:
        raise LocalProtocolError(f"the exchangers of {domain} were asked for before its MX was looked up")
    return _exchangers_by_mx(_plain(domain), mx)


def _exchangers_by_mx(domain: str, mx: Answer) -> list[str] | Unroutable:
    match mx.status:
        case "found":
            # RFC 7505 §3: a null MX says that the domain takes no mail; beside others it means nothing.
            named = list(dict.fromkeys(filter(None, map(_plain, mx.records))))
            if not named:
                return _no(556, "5.1.10", f"the domain {domain} accepts no mail (null MX)")
            # What is no host name has no address; and it could be taken for an address in brackets, or for two hosts.
            hosts = [host for host in named if _is_host_name(host)]
            return hosts or _no(550, "5.4.4", f"the mail exchangers of {domain} are no host names: {', '.join(named)}")
        case "nodata":
            return [domain]  # RFC 5321 §5.1: the implicit MX
        case "nxdomain":
            return _no(550, "5.1.2", f"the domain {domain} does not exist")
        case "failed":
            return _no(
                450, "4.4.3", f"the mail exchangers of {domain} cannot be looked up now: {mx.text or 'no answer'}"
            )


def targets(
    hosts: Sequence[str],
    answers: Mapping[str, Answer],
    port: int,
    limit: int = 5,
    own: frozenset[str] = frozenset(),
    families: frozenset[Family] = BOTH_FAMILIES,
) -> tuple[Target, ...] | Unroutable:
    """At most ``limit`` addresses in the order to try them, of the ``families`` we can leave from.

    ``own`` are addresses and networks of ourselves: mail must not come back, so a host that has one of them is left out
    together with every host after it.
    """
    found: list[Target] = []
    missed: list[Answer] = []
    loops = unreachable = False
    for host in hosts:
        answer = _addresses_of(host, answers)
        if any(_is_own(address, own) for address in answer.records):
            loops = True
            break  # RFC 5321 §5.1: ourselves and everything of equal or worse preference is discarded
        usable = [address for address in answer.records if _family(address) in families]
        found += [Target(host, address, port) for address in _interleaved(usable)]
        unreachable = unreachable or len(usable) < len(answer.records)
        if answer.status != "found":
            missed.append(answer)
    if found:
        return tuple(found[:limit])
    return _nowhere(hosts, missed, loops=loops, unreachable=unreachable)


def _nowhere(hosts: Sequence[str], missed: Sequence[Answer], *, loops: bool, unreachable: bool) -> Unroutable:
    """Why no address is left; what may heal by itself comes first."""
    names = ", ".join(hosts)
    for answer in missed:
        if answer.status == "failed":
            return _no(450, "4.4.3", f"the addresses of {names} cannot be looked up now: {answer.text or 'no answer'}")
    if loops:
        return _no(554, "5.4.6", f"mail for {names} would loop back to this server")
    if unreachable:
        return _no(450, "4.4.4", f"{names} has addresses only in a family this pool has no egress address for")
    return _no(550, "5.4.4", f"no address is known for {names}")


def literal_address(domain: str) -> str | None:
    """The address in ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]``, or None when there is none (RFC 5321 §4.1.3)."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    inside = domain[1:-1]
    if inside[:5].lower() == "ipv6:":
        inside = inside[5:]
    address = _parsed(inside)
    return str(address) if address else None


def _no(code: int, enhanced: str, text: str) -> Unroutable:
    return Unroutable(Reply(code, enhanced, text))


def _plain(host: str) -> str:
    return host.rstrip(".").lower()


@lru_cache(maxsize=4096)
def _is_host_name(host: str) -> bool:
    return domain_to_ascii(host) == host


@lru_cache(maxsize=4096)
def _parsed(address: str) -> Address | None:
    """The address with IPv4 taken out of its IPv6 wrapping, so that ``::ffff:127.0.0.1`` fools nobody."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _family(address: str) -> int:
    parsed = _parsed(address)
    return parsed.version if parsed else 0


def _addresses_of(host: str, answers: Mapping[str, Answer]) -> Answer:
    literal = literal_address(host)
    return Answer("found", (literal,)) if literal else answers[host]


def _interleaved(addresses: Sequence[str]) -> list[str]:
    """IPv6 and IPv4 in turn, the family of the first address first: one dead family costs one attempt, not five."""
    first = [address for address in addresses if _family(address) == _family(addresses[0])]
    second = [address for address in addresses if _family(address) != _family(addresses[0])]
    return [address for address in chain.from_iterable(zip_longest(first, second)) if address]


@lru_cache(maxsize=64)
def _networks(own: frozenset[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(entry) for entry in sorted(own))


def _is_own(address: str, own: frozenset[str]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in _networks(own))

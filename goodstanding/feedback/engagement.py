"""Who fetched a picture or followed a link: a person, a scanner that looked for harm, or a proxy that hides people.

Mail is opened by machines before people see it. RFC 8058 exists because anti-spam software follows every link. Apple's
Mail Privacy Protection (2021) loads all pictures of all mail through relays when it likes, so such a hit
says nothing; Gmail and Yahoo load them through proxies, mostly when somebody reads. Scanners of firms come within
seconds, ask with HEAD, follow many links at once, in the order they stand, also one that nobody can see.

What counts as a person's makes us trust a sender more, so doubt is decided against it. The signs, in this order:

==================================================  =======  ==========================================================
sign                                                verdict  why
==================================================  =======  ==========================================================
not GET                                             scanner  browsers that follow a link send GET (RFC 9110 §9.3.1)
a link that no reader can see                       scanner  only who reads the source finds it
no agent, or the name of a program                  scanner  `engagement.toml`
from the network of a security product              scanner  `engagement.toml`
a picture, by the name or network of a proxy,       proxy    Apple's bare agent is ``Mozilla/5.0`` and nothing else
`MANY` links within `BURST`, or 2 in their order    scanner  people read between clicks
sooner than `SOONEST` after delivery                scanner  mail must be fetched, seen and read first
from a server, and soon or before any picture       scanner  a person may sit behind a firm's VPN: one sign is too few
anything else                                       person
==================================================  =======  ==========================================================
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

from msgspec import Struct

Who = Literal["person", "scanner", "proxy"]
Role = Literal["proxy", "security", "hosting", ""]

BURST = 10.0
"""Seconds in which hits count as one burst."""
MANY = 3
"""Links followed within `BURST` that no person follows."""
SOONEST = {"open": 2.0, "click": 5.0}
"""Seconds after delivery before which nobody has read. A code that is waited for is opened within ten."""
SOON = 120.0
"""Seconds after delivery in which scanners of firms come."""

_LONGEST_AGENT = 1_000


class Hit(Struct, frozen=True, kw_only=True, gc=False):
    """One request for a picture or a link, and what is known around it."""

    kind: Literal["open", "click"]
    seconds: float | None = None
    """Since the mail was delivered; None where that is not known."""
    method: str = "GET"
    user_agent: str = ""
    ip: str = ""
    asn: int = 0
    """Number of the autonomous system the address belongs to, where the caller knows; 0: unknown."""
    links_hit: int = 1
    """Different links of the same copy followed within `BURST` around this hit."""
    in_order: bool = False
    """They were followed in the order they stand in the mail."""
    opened_before: bool | None = None
    """A picture of the same copy was fetched before; None where it has none."""
    hidden: bool = False
    """The link is one that no reader can see."""


class Judged(Struct, frozen=True, gc=False):
    """Who it was, and the sign that told."""

    who: Who
    because: str


class _Table(Struct, frozen=True):
    agents: tuple[tuple[str, str], ...]
    """Part of an agent in lower case, and its role."""
    networks: tuple[tuple[IPv4Network | IPv6Network, Role], ...]
    systems: dict[int, Role]


def _load() -> _Table:
    table = tomllib.loads(resources.files(__package__).joinpath("engagement.toml").read_text("utf-8"))
    agents = [(name.lower(), entry["role"]) for entry in table["agent"] for name in entry["names"]]
    networks = [(ip_network(cidr), entry["role"]) for entry in table["network"] for cidr in entry.get("cidr", ())]
    systems = {number: entry["role"] for entry in table["network"] for number in entry.get("asn", ())}
    return _Table(tuple(agents), tuple(networks), systems)


_TABLE = _load()


def who(hit: Hit) -> Who:
    """A person, a scanner or a proxy."""
    return judge(hit).who


def judge(hit: Hit) -> Judged:
    """The same, with the sign that told."""
    role, network = agent_role(hit.user_agent), network_role(hit.ip, hit.asn)
    if hit.method.upper() != "GET":
        return Judged("scanner", "asked with another method than GET")
    if hit.hidden:
        return Judged("scanner", "followed a link that no reader can see")
    if role == "scanner":
        return Judged("scanner", "gives the name of a program")
    if network == "security":
        return Judged("scanner", "comes from a security product")
    if hit.kind == "open" and (role == "proxy" or network == "proxy"):
        return Judged("proxy", "comes through a proxy that hides its reader")
    return _by_behaviour(hit, network)


def _by_behaviour(hit: Hit, network: Role) -> Judged:
    """What is left when neither name nor network tells."""
    if hit.links_hit >= MANY or (hit.links_hit >= 2 and hit.in_order):
        return Judged("scanner", f"followed {hit.links_hit} links within {BURST:.0f} seconds")
    if hit.seconds is not None and hit.seconds < SOONEST[hit.kind]:
        return Judged("scanner", "came before anybody can have read")
    soon = hit.seconds is not None and hit.seconds < SOON
    if network in ("hosting", "proxy") and (soon or hit.opened_before is False):
        return Judged("scanner", "comes from a server, and " + ("soon" if soon else "before any picture"))
    return Judged("person", "nothing speaks against it")


@lru_cache(maxsize=4096)
def agent_role(user_agent: str) -> Literal["proxy", "scanner", ""]:
    """What an agent says of itself; one that is missing is a program's."""
    agent = user_agent[:_LONGEST_AGENT].strip()
    if agent == "Mozilla/5.0":  # Apple Mail Privacy Protection
        return "proxy"
    lower = agent.lower()
    found = next((role for name, role in _TABLE.agents if name in lower), "")
    return "proxy" if found == "proxy" else "scanner" if found or not agent else ""


@lru_cache(maxsize=4096)
def network_role(ip: str, asn: int = 0) -> Role:
    """What is known of the network; the number of its system is believed over its address."""
    if asn:
        return _TABLE.systems.get(asn, "")
    try:
        address = ip_address(ip)
    except ValueError:
        return ""
    return next((role for network, role in _TABLE.networks if address in network), "")

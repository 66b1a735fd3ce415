"""Blast radius: which other mail flows can be harmed by something, because they share an identity or a tenant with it.

Flows (subscriptions) and what they share form a graph. A radius starts at a key (a subscription, campaign, domain,
address, pool or tenant) and walks from flow to flow over shared things: distance 1 shares something with the key
itself, distance 2 with a flow at distance 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from goodstanding.admission.identities import (
    KERNELS_CHOICE,
    DomainView,
    View,
    bare_pool,
    domains_of,
    plain_address,
    pool_of,
    registrable,
    uses,
)
from goodstanding.errors import GoodstandingError
from goodstanding.model import joined

LinkKind = Literal["ip", "route", "domain", "return-path", "link", "hello", "registrable", "text", "tenant"]
KeyKind = Literal["subscription", "campaign", "domain", "address", "pool", "tenant"]
Node = tuple[LinkKind, str]

WORDS: dict[LinkKind, str] = {
    "ip": "IP address",
    "route": "smart host",
    "domain": "sending domain",
    "return-path": "return path",
    "link": "link domain",
    "hello": "EHLO name",
    "registrable": "registered domain",
    "text": "message text",
    "tenant": "tenant",
}
"""What each link is, in the order of how much harm it carries: a blocked address comes first, a tenant's name last."""
_STRENGTH: dict[str, int] = {kind: at for at, kind in enumerate(WORDS)}
_AS_LINK: dict[str, LinkKind] = {
    "ip": "ip",
    "route": "route",
    "return-path": "return-path",
    "link": "link",
    "hello": "hello",
}
_AS_DOMAIN: dict[str, LinkKind] = {"sending": "domain", "bounce": "return-path", "link": "link"}


class Flow(Struct, frozen=True, gc=False):
    """One mail flow as people know it."""

    subscription: str
    tenant: str
    stream: str
    name: str
    """HR, support, invoices; empty: nobody has named it."""
    volume: int
    """Recipients accepted over the days of the radius."""

    @property
    def title(self) -> str:
        """``HR (shop/hr)``, or the subscription alone."""
        return f"{self.name} ({self.subscription})" if self.name else self.subscription


class Link(Struct, frozen=True, gc=False):
    """One thing that two flows share."""

    kind: LinkKind
    name: str
    via: str = ""
    """Subscription it is shared with; empty: the key itself."""

    def __str__(self) -> str:
        """``same IP address 192.0.2.1``."""
        return f"same {WORDS[self.kind]} {self.name}" + (f" as {self.via}" if self.via else "")


class Reach(Struct, frozen=True, gc=False):
    """A flow within the radius, and how harm gets there."""

    flow: Flow
    distance: int
    links: tuple[Link, ...]
    """Strongest first."""

    @property
    def by_identity(self) -> bool:
        """Whether receivers see the tie; a common tenant they do not."""
        return any(link.kind != "tenant" for link in self.links)


class Blast(Struct, frozen=True, gc=False):
    """Everything within reach of a key, nearest first, and what is not."""

    key: str
    kind: KeyKind
    name: str
    """The key in words, e.g. the subject of a campaign; empty: the key says it."""
    own: tuple[Flow, ...]
    """The flow the key is; empty for a domain, address, pool or tenant."""
    bears: tuple[Node, ...]
    """What the key consists of or bears."""
    reached: tuple[Reach, ...]
    untouched: tuple[Flow, ...]
    """Flows that share nothing with the key or its neighbours, by volume."""
    days: int
    least: int = 0
    """Volumes are estimates, and what reads 0 is below this; 0: they were counted."""

    @property
    def estimated(self) -> bool:
        """Whether volumes come from a sample."""
        return self.least > 0

    @property
    def headline(self) -> str:
        """The whole in a few short sentences."""
        direct = [one for one in self.reached if one.distance == 1]
        if not self.reached:
            return f"No other mail flow shares anything with {self.key}: harm stays where it is done."
        tied = [one.flow for one in direct if not one.by_identity and self.own]
        first = [one.flow for one in direct if one.by_identity or not self.own]
        further, rest = len(self.reached) - len(direct), len(self.untouched)
        said = [
            f"{_counted(len(first), 'other mail flow' if self.own else 'mail flow')} {self._how(len(first))}"
            + (f": {self.amount(first)}." if first else "."),
            f"{len(tied)}{' more' * bool(first)} {_verb('belong', len(tied))} to the same tenant: {self.amount(tied)}."
            if tied
            else "",
            f"{further} {_are(further)} one step further." if further else "",
            f"{rest or 'None'} {_are(rest or 1)} out of reach.",
        ]
        return " ".join(filter(None, said))

    def _how(self, number: int) -> str:
        if self.own:
            return f"{_verb('share', number or 1)} an identity with it"
        return f"{_verb('belong', number)} to it" if self.kind == "tenant" else f"{_verb('bear', number)} it"

    def amount(self, flows: Iterable[Flow]) -> str:
        """Their messages in words: ``48,210 messages in 30 days``."""
        return f"{self.number(sum(flow.volume for flow in flows))} messages in {self.days} days"

    def number(self, volume: int) -> str:
        """A volume; an estimate is rounded to two digits and says so."""
        if not self.estimated:
            return f"{volume:,}"
        if volume < self.least:
            return f"under {self.least:,}"
        if volume >= 1_000_000:
            return f"about {volume / 1e6:.2g} million" if volume < 1e8 else f"about {volume / 1e6:,.0f} million"
        unit = 10 ** max(0, len(str(volume)) - 2)
        return f"about {round(volume / unit) * unit:,}"


class Graph(Struct, frozen=True):
    """Flows and what each of them bears."""

    flows: tuple[Flow, ...]
    bears: Mapping[str, tuple[Node, ...]]
    """By subscription, strongest first."""
    pools: Mapping[str, tuple[Node, ...]]
    days: int
    least: int = 0
    campaign: tuple[str, str, str] = ("", "", "")
    """Key, name and subscription of the campaign that is asked about."""

    def with_campaign(self, key: str, name: str, subscription: str, kin: Sequence[str]) -> Graph:
        """The same with a campaign as key, and the subscriptions that may send the same text tied to its own."""
        node: Node = ("text", name or key)
        tied = {subscription, *kin} if kin else set()
        bears = {one: (*nodes, node) if one in tied else nodes for one, nodes in self.bears.items()}
        return replace(self, bears=bears, campaign=(key, name, subscription))


def graph_of(view: View, volumes: Mapping[str, int], days: int, least: int = 0) -> Graph:
    """The graph of an installation; ``least``: volumes are estimates, and flows without one have stayed below it."""
    of_pool: dict[str, list[Node]] = {}
    for use in uses(view):
        if use.pool:
            of_pool.setdefault(use.pool, []).append((_AS_LINK[use.kind], use.name))
    flows = [
        Flow(one.subscription, one.tenant, one.stream, one.flow, volumes.get(one.subscription, 0)) for one in view.flows
    ]
    claimed: dict[str, list[DomainView]] = {}
    for domain in view.domains:
        claimed.setdefault(domain.tenant, []).append(domain)
    listed: dict[str, list[str]] = {}
    for sender in view.senders:
        listed.setdefault(sender.subscription, []).append(sender.domain)
    bears: dict[str, tuple[Node, ...]] = {}
    for one in view.flows:
        senders = listed.get(one.subscription, [])
        domains = domains_of(one, claimed.get(one.tenant, ()), senders)
        pool = pool_of(view, one) or bare_pool(one.stream)
        names = _named(domains, senders)
        bears[one.subscription] = _completed([*of_pool.get(pool.name, ()), *names], one.tenant)
    named = {pool: tuple(nodes) for pool, nodes in of_pool.items()}
    return Graph(tuple(sorted(flows, key=_by_volume)), bears, named, days, least)


def _named(domains: Sequence[DomainView], senders: Sequence[str]) -> list[Node]:
    claimed = [(_AS_DOMAIN[domain.kind], domain.name.lower()) for domain in domains]
    return [*claimed, *(("domain", name) for name in senders)]


def _completed(found: Sequence[Node], tenant: str) -> tuple[Node, ...]:
    """With the registered domains of all names, and the tenant."""
    domains = {registrable(name) for kind, name in found if kind not in ("ip", "route")} - {""}
    nodes: set[Node] = {*found, *(("registrable", domain) for domain in domains), ("tenant", tenant)}
    return tuple(sorted(nodes, key=_by_strength))


def campaign_key(key: str) -> int | None:
    """The number of a campaign as people write it: ``42``, ``campaign 42``, ``campaign=42``; None: it is none."""
    digits = key.strip().removeprefix("campaign").strip(" :#=")
    return int(digits) if digits.isdecimal() and len(digits) < 19 else None


def blast(graph: Graph, key: str, depth: int = 2) -> Blast:
    """Everything within ``depth`` steps of a key. Raises GoodstandingError when nothing is known by that name."""
    kind, own, nodes = _start(graph, key)
    holders: dict[Node, list[Flow]] = {}
    for flow in graph.flows:
        for node in graph.bears[flow.subscription]:
            holders.setdefault(node, []).append(flow)
    reached: list[Reach] = []
    known, walked = {flow.subscription for flow in own}, set[Node]()
    edge: dict[Node, str] = dict.fromkeys(nodes, "")
    for distance in range(1, depth + 1):
        found = _step(edge, holders, known)
        ring = [Reach(flow, distance, links) for flow, links in found]
        reached.extend(sorted(ring, key=_by_harm))
        known |= {one.flow.subscription for one in ring}
        walked |= edge.keys()
        edge = _edge(graph, ring, walked)
    rest = tuple(flow for flow in graph.flows if flow.subscription not in known)
    name = graph.campaign[1] if kind == "campaign" else ""
    return Blast(key, kind, name, own, nodes, tuple(reached), rest, graph.days, graph.least)


def _step(
    edge: Mapping[Node, str], holders: Mapping[Node, list[Flow]], known: set[str]
) -> list[tuple[Flow, tuple[Link, ...]]]:
    """Flows not known yet that hold something of the edge, each with all it holds."""
    found: dict[str, tuple[Flow, list[Link]]] = {}
    for node, via in edge.items():
        for flow in holders.get(node, ()):
            if flow.subscription not in known:
                found.setdefault(flow.subscription, (flow, []))[1].append(Link(*node, via))
    return [(flow, tuple(_telling(links))) for flow, links in found.values()]


def _telling(links: list[Link]) -> Iterator[Link]:
    """Strongest first, without a registered domain or EHLO name that another link has said already."""
    said: set[str] = set()
    for link in sorted(links, key=lambda one: (_STRENGTH[one.kind], one.name)):
        if link.kind == "registrable" and link.name in said:
            continue
        said |= {link.name, registrable(link.name)} if link.kind != "ip" else set()
        yield link


def _edge(graph: Graph, ring: Sequence[Reach], walked: set[Node]) -> dict[Node, str]:
    """What the flows of a ring bear and nobody before them did, each with the largest flow that does."""
    edge: dict[Node, str] = {}
    for one in sorted(ring, key=lambda reach: -reach.flow.volume):
        for node in graph.bears[one.flow.subscription]:
            if node not in walked:
                edge.setdefault(node, one.flow.subscription)
    return edge


def _start(graph: Graph, key: str) -> tuple[KeyKind, tuple[Flow, ...], tuple[Node, ...]]:
    """What a key is: the flow it stands for, and what it bears."""
    if key and key == graph.campaign[0]:
        own = tuple(flow for flow in graph.flows if flow.subscription == graph.campaign[2])
        return "campaign", own, graph.bears.get(graph.campaign[2], ())
    if key in graph.bears:
        return "subscription", tuple(flow for flow in graph.flows if flow.subscription == key), graph.bears[key]
    everything = {node for nodes in graph.bears.values() for node in nodes} | {
        node for nodes in graph.pools.values() for node in nodes
    }
    for kind, nodes in _candidates(graph, key):
        found = tuple(sorted(everything & nodes, key=_by_strength))
        if found:
            return kind, (), found
    raise GoodstandingError(_unknown(graph, key, everything))


def _candidates(graph: Graph, key: str) -> Iterator[tuple[KeyKind, set[Node]]]:
    address, name = plain_address(key), key.lower().rstrip(".").rpartition("@")[2]
    yield "address", {("ip", address)}
    if "." in name:
        exact: tuple[LinkKind, ...] = ("domain", "return-path", "link", "hello")
        yield "domain", {*((kind, name) for kind in exact), ("registrable", registrable(name))}
    yield "pool", set(graph.pools.get(key, ()))
    yield "tenant", {("tenant", key)}


def _unknown(graph: Graph, key: str, everything: Iterable[Node]) -> str:
    names = sorted({*graph.bears, *graph.pools, *(name for _, name in everything)} - {KERNELS_CHOICE})
    close = get_close_matches(key, names, 3, 0.5)
    hint = f"did you mean {joined(close)}?" if close else "goodstanding check lists what there is"
    return f"nothing is known as {key!r} (subscription, campaign number, domain, address, pool or tenant): {hint}"


def _by_volume(flow: Flow) -> tuple[int, str]:
    return -flow.volume, flow.subscription


def _by_strength(node: Node) -> tuple[int, str]:
    return _STRENGTH[node[0]], node[1]


def _by_harm(reach: Reach) -> tuple[int, int, int, str]:
    return reach.distance, _STRENGTH[reach.links[0].kind], *_by_volume(reach.flow)


def _counted(number: int, noun: str) -> str:
    return f"{number or 'No'} {noun}{'' if number < 2 else 's'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _verb(word: str, number: int) -> str:
    return f"{word}s" if number == 1 else word

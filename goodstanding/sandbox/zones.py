"""The name space of the sandbox: zones as values, and what an authoritative server says about a name.

Whatever lies in no zone does not exist: to the relay this server is the whole Internet. Wildcards (RFC 4592), empty
non-terminals (RFC 8020) and aliases are answered as the RFCs ask; there is no DNSSEC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT
import dns.rrset

from goodstanding.errors import SettingsError
from goodstanding.outside import Answer, LookupStatus
from goodstanding.sandbox.catalogue import Catalogue, Provider

TTL = 30
"""Seconds every record of the sandbox may be kept."""
ALIASES_FOLLOWED = 8

Line = tuple[str, str, str]
"""Owner (``@``: the zone itself; relative without a final dot), type, value. A TXT value is plain text, unquoted."""

Lookup = Callable[[str, str], Answer]
"""Name and type to records, as the checks of `authentication` ask."""

Node = Mapping[str, dns.rrset.RRset]


@dataclass(frozen=True, slots=True)
class Zone:
    """A domain and all names in it; ``broken``: its servers fail."""

    apex: str
    nodes: Mapping[str, Node]
    soa: dns.rrset.RRset
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about a question: records of every step of an alias; the SOA where the last step is empty."""

    status: LookupStatus
    records: tuple[dns.rrset.RRset, ...] = ()
    soa: dns.rrset.RRset | None = None


@dataclass(slots=True)
class Zones:
    """All zones; replacing one takes effect at the next question."""

    zones: dict[str, Zone] = field(default_factory=dict)
    root: dns.rrset.RRset = field(default_factory=lambda: _soa("."))

    def add(self, zone: Zone) -> None:
        """Add or replace a zone."""
        self.zones[zone.apex] = zone

    def find(self, name: str, kind: str) -> Found:
        """The answer to a question about a name (lower case, no final dot)."""
        chain: list[dns.rrset.RRset] = []
        for _ in range(ALIASES_FOLLOWED):
            zone = self._zone_of(name)
            if zone is None:
                return Found("nxdomain", tuple(chain), self.root)
            if zone.broken:
                return Found("failed")
            node = _node(zone, name)
            if node is None:
                return Found("nxdomain", tuple(chain), zone.soa)
            if kind in node:
                return Found("found", (*chain, _owned(node[kind], name)))
            if "CNAME" not in node:
                return Found("nodata", tuple(chain), zone.soa)
            chain.append(_owned(node["CNAME"], name))
            name = chain[-1][0].target.to_text(omit_final_dot=True).lower()
        return Found("failed")

    def lookup(self, name: str, kind: str) -> Answer:
        """The same for one of our own who needs no packet: records as text."""
        found = self.find(name.rstrip(".").lower(), kind)
        if found.status != "found":
            return Answer(found.status)
        records = sorted(found.records[-1], key=lambda record: record.preference) if kind == "MX" else found.records[-1]
        return Answer("found", tuple(_text(record) for record in records))

    def _zone_of(self, name: str) -> Zone | None:
        """The closest enclosing zone."""
        while name not in self.zones:
            _, dot, name = name.partition(".")
            if not dot:
                return None
        return self.zones[name]


def zone(apex: str, lines: Iterable[Line], *, broken: bool = False) -> Zone:
    """A zone from its lines, or SettingsError naming each line that cannot be read. SOA and NS are added."""
    apex = apex.rstrip(".").lower()
    try:
        origin = dns.name.from_text(apex)
    except dns.exception.DNSException as problem:
        raise SettingsError([f"zone {apex}: {problem}"]) from problem
    nodes: dict[str, dict[str, dns.rrset.RRset]] = {}
    problems = []
    for owner, kind, value in [("@", "NS", "ns.example."), *lines]:
        try:
            name = dns.name.from_text(owner, origin)
            if not name.is_subdomain(origin):
                raise ValueError("the name lies outside the zone")
            kind = kind.upper()
            record = dns.rdata.from_text(
                "IN", kind, _quoted(value) if kind == "TXT" else value, origin, relativize=False
            )
        except (dns.exception.DNSException, ValueError) as problem:
            problems.append(f"zone {apex}: {owner} {kind} {value!r}: {problem}")
            continue
        node = nodes.setdefault(name.to_text(omit_final_dot=True).lower(), {})
        node.setdefault(kind, dns.rrset.RRset(name, record.rdclass, record.rdtype)).add(record, TTL)
    if problems:
        raise SettingsError(problems)
    soa = _soa(apex)
    nodes[apex]["SOA"] = soa
    for name_in_zone in list(nodes):
        parent = name_in_zone.partition(".")[2]
        while len(parent) > len(apex):  # RFC 8020: what has names below it exists
            nodes.setdefault(parent, {})
            parent = parent.partition(".")[2]
    return Zone(apex, nodes, soa, broken)


def of_catalogue(catalogue: Catalogue, prefix: str) -> list[Zone]:
    """The zones of all providers, of the odd domains, and the reverse zone of their hosts."""
    lines: dict[str, list[Line]] = {}
    for provider in catalogue.providers:
        for domain in provider.domains:
            lines.setdefault(domain.removeprefix("*."), []).extend(_exchangers(provider, domain))
    pointers: list[Line] = [(_reversed("127.0.0.1"), "PTR", "localhost.")]
    for host in (host for provider in catalogue.providers for host in provider.hosts):
        address = f"{prefix}.{host.address}"
        home = next((d for d in _ancestors(host.name) if d in lines), ".".join(host.name.split(".")[-2:]))
        lines.setdefault(home, []).append((f"{host.name}.", "A", address))
        if host.ipv6:
            lines[home].append((f"{host.name}.", "AAAA", "::1"))
        pointers.append((_reversed(address), "PTR", f"{host.name}."))
    return [
        zone("127.in-addr.arpa", pointers),
        *(zone(apex, own) for apex, own in lines.items()),
        *(zone(odd.domain, odd.records, broken=odd.broken) for odd in catalogue.zones),
    ]


def _exchangers(provider: Provider, domain: str) -> list[Line]:
    if not provider.mx:
        return []
    owner = "*" if domain.startswith("*.") else "@"
    exchangers = dict.fromkeys((host.preference, host.name) for host in provider.hosts)
    return [(owner, "MX", f"{preference} {name}.") for preference, name in exchangers]


def _reversed(address: str) -> str:
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa."


def _ancestors(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[n:]) for n in range(len(labels))]


def _node(zone: Zone, name: str) -> Node | None:
    """The node of a name, or of the wildcard beside its closest encloser (RFC 4592 §3.3.1)."""
    node = zone.nodes.get(name)
    encloser = name
    while node is None and encloser != zone.apex:
        encloser = encloser.partition(".")[2]
        if encloser in zone.nodes:
            return zone.nodes.get(f"*.{encloser}")
    return node


def _owned(records: dns.rrset.RRset, name: str) -> dns.rrset.RRset:
    """Records under the name that was asked, which a wildcard's are not."""
    if not records.name.is_wild():
        return records
    return dns.rrset.from_rdata_list(dns.name.from_text(name), TTL, list(records))


def _soa(apex: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(
        dns.name.from_text(apex), TTL, "IN", "SOA", f"ns.example. hostmaster.example. 1 3600 600 86400 {TTL}"
    )


def _quoted(text: str) -> str:
    """Character strings of at most 255 bytes (RFC 1035 §3.3.14), quoted and escaped as zone files want."""
    octets = text.encode()
    pieces: Sequence[bytes] = [octets[n : n + 255] for n in range(0, len(octets), 255)] or [b""]
    return " ".join(
        '"'
        + "".join(f"\\{octet:03d}" if octet in b'"\\' or not 32 <= octet < 127 else chr(octet) for octet in piece)
        + '"'
        for piece in pieces
    )


def _text(record: dns.rdata.Rdata) -> str:
    match record:
        case dns.rdtypes.ANY.TXT.TXT():
            return b"".join(record.strings).decode("utf-8", "replace")
        case dns.rdtypes.ANY.MX.MX():
            return record.exchange.to_text(omit_final_dot=record.exchange != dns.name.root).lower()
        case _:
            return record.to_text().rstrip(".")

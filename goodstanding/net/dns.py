"""DNS with dnspython, as `outside.Resolver` promises it: every answer is a value, remembered as long as it holds.

One question is asked once: whoever asks the same while it is under way waits for the same answer.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from goodstanding.errors import SettingsError
from goodstanding.outside import Answer, Clock, Entropy

SHORTEST, LONGEST = 1.0, 86_400.0
"""Seconds an answer is remembered at least and at most, whatever its TTL."""
AFTER_FAILURE = 10.0
"""Seconds a failure is remembered (RFC 9520 §3.2: at least 1, at most 300)."""
CHAIN_LIMIT = 8
"""CNAMEs followed from answer to answer."""
EDNS_PAYLOAD = 1232
"""Bytes of a UDP answer that no network fragments; longer ones come by TCP."""


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """Whom to ask, and for how long."""

    nameservers: tuple[str, ...] = ()
    """IP addresses; empty: those of the system (resolv.conf)."""
    port: int = 53
    timeout: float = 10.0
    """Seconds until a question counts as failed, over all name servers and tries."""
    remembered: int = 50_000
    """Answers kept in memory at most."""


class DnsResolver:
    """A caching stub resolver; for one event loop."""

    def __init__(self, settings: ResolverSettings, *, clock: Clock, entropy: Entropy) -> None:
        """SettingsError when the system names no name server and neither do the settings."""
        self._settings = settings
        self._clock = clock
        self._entropy = entropy
        self._resolver = _configured(settings)
        self._known: dict[tuple[str, str], Answer] = {}
        self._under_way: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self._ask: dict[str, Callable[[str], Awaitable[Answer]]] = {
            "mx": self._ask_mx,
            "addresses": self._ask_addresses,
            "txt": self._ask_txt,
            "pointer": self._ask_pointer,
        }

    def __repr__(self) -> str:
        servers = ", ".join(map(str, self._resolver.nameservers))
        return f"<DnsResolver {servers}: {len(self._known)} answers known, {len(self._under_way)} questions under way>"

    async def mx(self, domain: str) -> Answer:
        """Mail exchangers by preference, equal ones shuffled (RFC 5321 §5.1)."""
        return await self._answer("mx", domain)

    async def addresses(self, host: str) -> Answer:
        """IPv6 and IPv4 addresses in turn; an address, bare or in brackets, is its own answer."""
        return await self._answer("addresses", host)

    async def txt(self, name: str) -> Answer:
        """TXT records, each with its strings joined."""
        return await self._answer("txt", name)

    async def pointer(self, address: str) -> Answer:
        """PTR names of an address."""
        return await self._answer("pointer", address)

    def cached_mx(self, domain: str, now: float) -> Answer | None:
        """What is known about a domain's exchangers without asking."""
        return self._recall(("mx", _key(domain)), now)

    def cached_addresses(self, host: str, now: float) -> Answer | None:
        """What is known about a host's addresses without asking."""
        return self._recall(("addresses", _key(host)), now)

    # Memory

    def _recall(self, key: tuple[str, str], now: float) -> Answer | None:
        answer = self._known.get(key)
        return answer if answer is not None and answer.expires > now else None

    async def _answer(self, kind: str, name: str) -> Answer:
        key = (kind, _key(name))
        if answer := self._recall(key, self._clock.now()):
            return answer
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._find_out(key))
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)  # who gives up waiting does not end the question for the others

    async def _find_out(self, key: tuple[str, str]) -> Answer:
        kind, name = key
        answer = await self._ask[kind](name)
        self._known.pop(key, None)
        while len(self._known) >= self._settings.remembered:
            del self._known[next(iter(self._known))]  # the oldest: it expires first, or nearly
        self._known[key] = answer
        return answer

    # Questions

    async def _ask_mx(self, domain: str) -> Answer:
        answer, found = await self._query(domain, "MX")
        exchangers = [cast(MX, record) for record in found]
        ordered = sorted((mx.preference, self._entropy.jitter(1.0), mx.exchange.to_text(True)) for mx in exchangers)
        return replace(
            answer, records=tuple(host for _, _, host in ordered), preferences=tuple(first for first, _, _ in ordered)
        )

    async def _ask_addresses(self, host: str) -> Answer:
        if literal := _literal(host):
            return Answer("found", (literal,), expires=self._clock.now() + LONGEST)
        (six, sixes), (four, fours) = await asyncio.gather(self._query(host, "AAAA"), self._query(host, "A"))
        in_turn = chain.from_iterable(zip_longest(sixes, fours))
        return replace(
            max(six, four, key=lambda answer: HELPFULNESS.index(answer.status)),
            records=tuple(record.to_text() for record in in_turn if record),
            expires=min(six.expires, four.expires),
            authentic=six.authentic and four.authentic,
        )

    async def _ask_txt(self, name: str) -> Answer:
        answer, found = await self._query(name, "TXT")
        joined = (b"".join(cast(TXT, record).strings) for record in found)
        return replace(answer, records=tuple(text.decode("utf-8", "replace") for text in joined))

    async def _ask_pointer(self, address: str) -> Answer:
        try:
            name = dns.reversename.from_address(address).to_text()
        except (dns.exception.DNSException, ValueError):
            return self._failed(f"{address} is not an IP address")
        answer, found = await self._query(name, "PTR")
        return replace(answer, records=tuple(record.to_text().rstrip(".") for record in found))

    async def _query(self, name: str, rdtype: str) -> tuple[Answer, list[dns.rdata.Rdata]]:
        """An answer without its records, and the records."""
        now = self._clock.now()
        try:
            asked = dns.name.from_text(name)
            reply = await self._resolver.resolve(asked, rdtype, raise_on_no_answer=False, search=False)
            for _ in range(CHAIN_LIMIT):  # a server that does not look up where its own CNAME leads
                if reply.rrset is not None or reply.canonical_name == asked:
                    break
                asked = reply.canonical_name
                reply = await self._resolver.resolve(asked, rdtype, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as none:
            responses = none.responses().values()  # type: ignore[no-untyped-call]
            ttls = [response.resolve_chaining().minimum_ttl for response in responses]
            return Answer("nxdomain", expires=now + _bounded(min(ttls, default=0))), []
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape, UnicodeError):
            return Answer("nxdomain", expires=now + LONGEST, text=f"{name} cannot be a domain name"), []
        except (dns.exception.DNSException, OSError) as exc:
            return self._failed(_words(exc)), []
        return Answer(
            "found" if reply.rrset else "nodata",
            expires=now + _bounded(reply.chaining_result.minimum_ttl),
            authentic=bool(reply.response.flags & dns.flags.AD),
        ), list(reply.rrset or ())

    def _failed(self, why: str) -> Answer:
        return Answer("failed", expires=self._clock.now() + AFTER_FAILURE, text=why)


HELPFULNESS = ("nxdomain", "nodata", "failed", "found")
"""Which of two answers about the two address families speaks for both: the later one."""


def _configured(settings: ResolverSettings) -> dns.asyncresolver.Resolver:
    try:
        resolver = dns.asyncresolver.Resolver(configure=not settings.nameservers)
        if settings.nameservers:
            resolver.port = settings.port
            resolver.nameservers = list(settings.nameservers)
    except dns.resolver.NoResolverConfiguration as exc:
        raise SettingsError([f"no name server: set nameservers, or mend the system's resolv.conf ({exc})"]) from exc
    except ValueError as exc:
        raise SettingsError([f"nameservers: {', '.join(settings.nameservers)}: IP addresses are needed"]) from exc
    resolver.lifetime = settings.timeout
    resolver.timeout = settings.timeout / 3  # a lost packet must not use up all the time
    resolver.use_edns(0, 0, EDNS_PAYLOAD)
    resolver.set_flags(dns.flags.RD | dns.flags.AD)  # RFC 6840 §5.7: AD in a question asks for AD in the answer
    return resolver


def _key(name: str) -> str:
    return name.rstrip(".").lower()


def _bounded(ttl: float) -> float:
    return min(max(ttl, SHORTEST), LONGEST)


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host.strip("[]").removeprefix("ipv6:")))
    except ValueError:
        return None


def _words(exc: Exception) -> str:
    """What went wrong, in words a bounce can carry."""
    if isinstance(exc, dns.resolver.LifetimeTimeout):
        return "the name servers did not answer in time"
    if isinstance(exc, dns.resolver.NoNameservers):
        return "all name servers failed to answer (SERVFAIL or refused)"
    return str(exc) or type(exc).__name__

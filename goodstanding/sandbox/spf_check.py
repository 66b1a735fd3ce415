"""Checks SPF (RFC 7208) as a receiver does; macros are the one part left out, a record with one is a permerror."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from itertools import chain

from goodstanding.sandbox.zones import Lookup

LOOKUPS_ALLOWED = 10  # RFC 7208 §4.6.4
EMPTY_LOOKUPS_ALLOWED = 2
RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Spf:
    """One of ``pass fail softfail neutral none permerror temperror``, and why."""

    result: str
    reason: str = ""


def check(client: str, domain: str, lookup: Lookup) -> Spf:
    """Whether ``domain`` lets ``client`` (an IP address) use its name."""
    return _Check(ipaddress.ip_address(client), lookup).evaluate(domain)


class _Check:
    """One evaluation of check_host(), with the lookups it has used and what put an end to it."""

    def __init__(self, client: Address, lookup: Lookup) -> None:
        self._client = client
        self._ask = lookup
        self._lookups = 0
        self._empty = 0
        self._broken: Spf | None = None
        """The record, or the DNS, is at fault: this is the result, whatever else matches."""

    def evaluate(self, domain: str) -> Spf:
        """RFC 7208 §4."""
        terms = self._record(domain)
        redirect = ""
        for term in terms or ():
            name, equals, value = term.partition("=")
            if equals and name.isalnum():  # a modifier; exp= and unknown ones change nothing
                redirect = value if name.lower() == "redirect" else redirect
                continue
            qualifier, mechanism = (term[0], term[1:]) if term[0] in RESULTS else ("+", term)
            matches = self._matches(mechanism, domain)
            if matches or self._broken:
                return self._broken or Spf(RESULTS[qualifier], f"{term} of {domain}")
        if redirect and self._may_look_up():
            result = self.evaluate(self._name(redirect, domain))
            return Spf("permerror", f"redirect to {redirect}: no record") if result.result == "none" else result
        if self._broken:
            return self._broken
        if terms is None:
            return Spf("none", f"{domain} publishes no SPF record")
        return Spf("neutral", f"nothing in the record of {domain} matches")

    def _record(self, domain: str) -> list[str] | None:
        answer = self._ask(domain, "TXT")
        records = [text for text in answer.records if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
        if answer.status == "failed":
            self._break("temperror", f"{domain} cannot be looked up now")
        if len(records) > 1:
            self._break("permerror", f"{domain} publishes {len(records)} SPF records")
        return records[0].split()[1:] if len(records) == 1 else None

    def _matches(self, mechanism: str, domain: str) -> bool:
        """RFC 7208 §5."""
        head, _, length = mechanism.partition("/")
        name, _, argument = head.partition(":")
        match name.lower():
            case "all":
                return True
            case "ip4" | "ip6":
                return self._within(mechanism.partition(":")[2])
            case "include":
                return self._may_look_up() and self._included(self._name(argument, domain))
            case "a":
                addresses = self._addresses(self._name(argument, domain)) if self._may_look_up() else ()
                return any(self._within(_sized(address, length)) for address in addresses)
            case "mx":
                hosts = self._found(self._name(argument, domain), "MX") if self._may_look_up() else ()
                found = chain.from_iterable(self._addresses(host) for host in hosts[:LOOKUPS_ALLOWED])
                return any(self._within(_sized(address, length)) for address in found)
            case "exists":
                return self._may_look_up() and bool(self._found(self._name(argument, domain), "A"))
            case "ptr":  # RFC 7208 §5.5: do not use
                return False
            case _:
                return self._break("permerror", f"unknown mechanism {mechanism[:40]}")

    def _included(self, domain: str) -> bool:
        """RFC 7208 §5.2."""
        result = self.evaluate(domain).result
        if result == "none":
            self._break("permerror", f"included {domain} has no record")
        return result == "pass"

    def _addresses(self, host: str) -> tuple[str, ...]:
        return self._found(host, "A" if self._client.version == 4 else "AAAA")

    def _found(self, name: str, kind: str) -> tuple[str, ...]:
        answer = self._ask(name, kind)
        if answer.status == "failed":
            self._break("temperror", f"{name} cannot be looked up now")
        elif not answer.records:
            self._empty += 1
            if self._empty > EMPTY_LOOKUPS_ALLOWED:
                self._break("permerror", "too many empty lookups")
        return answer.records

    def _may_look_up(self) -> bool:
        self._lookups += 1
        return self._lookups <= LOOKUPS_ALLOWED or self._break("permerror", "too many lookups")

    def _within(self, network: str) -> bool:
        try:
            return self._client in ipaddress.ip_network(network, strict=False)
        except ValueError:
            return self._break("permerror", f"not a network: {network[:40]}")

    def _name(self, argument: str, domain: str) -> str:
        if "%" in argument:
            self._break("permerror", "macros are not evaluated here")
        return argument.rstrip(".").lower() or domain

    def _break(self, result: str, reason: str) -> bool:
        """Note the first fault; always False: nothing matches any more."""
        self._broken = self._broken or Spf(result, reason)
        return False


def _sized(address: str, length: str) -> str:
    """An address with the prefix length of ``a/24`` or ``a/24//64``."""
    four, _, six = length.partition("//")
    wanted = six if ":" in address else four
    return f"{address}/{wanted}" if wanted else address

"""SPF (RFC 7208): records read, evaluated for an address as receivers do, and counted against their limits.

`evaluate` stops at the first match, like check_host(); `survey` walks everything a record can ever ask, which is what
somebody who is *not* listed makes receivers do. Macros are expanded (§7), but for %{p}, which nobody should use.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from goodstanding.wire.questions import Book, Said

LOOKUPS_ALLOWED = 10  # RFC 7208 §4.6.4
VOIDS_ALLOWED = 2
EXCHANGERS_ALLOWED = 10  # §4.6.4: address look-ups for one "mx"
SURVEY_ENDS = 30
"""Terms after which a survey stops counting: the record is hopeless by then."""
NAME_LIMIT = 253  # §7.3

Result = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]
RESULTS: dict[str, Result] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
ASKING = frozenset(("include", "a", "mx", "ptr", "exists", "redirect"))
"""Terms that cost a look-up (§4.6.4)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism, or a modifier with an empty qualifier."""

    qualifier: str
    name: str
    value: str = ""
    prefix: str = ""
    """``24`` or ``24//64`` of ``a/24//64``."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Spf:
    """What a receiver comes to, and why."""

    result: Result
    because: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """A record with everything it can make a receiver ask."""

    text: str
    """The record as published; empty: none."""
    lookups: int = 0
    voids: int = 0
    """Look-ups that find nothing."""
    problem: str = ""
    """The first thing wrong with it, or with a record it includes; empty: nothing."""
    failed: str = ""
    """What could not be looked up now; the counts are then too low."""


_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(
    r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?::([^/\s]+(?:/(?![\d/])[^/\s]*)*))?(?:/(\d{1,3}(?://\d{1,3})?|/\d{1,3}))?",
    re.IGNORECASE,
)
_BARE = {"all": False, "include": True, "ip4": True, "ip6": True, "exists": True}
"""Mechanisms that never (False) or always (True) have a value; the others may."""


def is_record(text: str) -> bool:
    """Whether a TXT record is meant as SPF (§4.5)."""
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def read_record(text: str) -> list[Term] | str:
    """The terms of a record, or what is wrong with it, in words."""
    terms = []
    for word in text.split(" ")[1:]:
        if not word:
            continue
        term = _read_term(word)
        if isinstance(term, str):
            return term
        terms.append(term)
    for once in ("redirect", "exp"):
        if sum(term.name == once for term in terms) > 1:
            return f"{once}= occurs twice"  # §6
    return terms


def _read_term(word: str) -> Term | str:
    shown = word[:60]
    if modifier := _MODIFIER.fullmatch(word):
        name, value = modifier[1].lower(), modifier[2]
        return Term("", name, value, text=shown) if name in ("redirect", "exp") else Term("", "", text=shown)
    mechanism = _MECHANISM.fullmatch(word)
    if mechanism is None:
        return f"{shown!r} is no mechanism"
    qualifier, name, value, prefix = mechanism[1] or "+", mechanism[2].lower(), mechanism[3] or "", mechanism[4] or ""
    if (name in _BARE and _BARE[name] != bool(value)) or (prefix and name in ("all", "include", "exists", "ptr")):
        return f"{shown!r} is not how {name} is written"
    if name in ("ip4", "ip6") and _network(name, value, prefix) is None:
        return f"{shown!r} is not a network"
    if prefix and name in ("a", "mx") and not _sizes_fit(prefix):
        return f"{shown!r}: the prefix is too long"
    return Term(qualifier, name, value, prefix, shown)


def _network(name: str, value: str, prefix: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        found = ipaddress.ip_network(f"{value}/{prefix}" if prefix else value, strict=False)
    except ValueError:
        return None
    return found if found.version == int(name[2]) else None


def _sizes_fit(prefix: str) -> bool:
    four, _, six = prefix.partition("//") if not prefix.startswith("/") else ("", "", prefix[1:])
    return int(four or 0) <= 32 and int(six or 0) <= 128


# --- evaluation ------------------------------------------------------------------------------------------------------


def evaluate(client: str, domain: str, book: Book) -> Spf:
    """Whether ``domain``, as a return path, lets ``client`` (an IP address) send: check_host() of §4."""
    return _Evaluation(ipaddress.ip_address(client), domain, book).of(domain)


class _Evaluation:
    """One check_host() with the look-ups it has used; the first fault ends it."""

    def __init__(self, client: Address, domain: str, book: Book) -> None:
        self._client = client
        self._sender = f"postmaster@{domain}"  # §4.3
        self._book = book
        self._lookups = 0
        self._voids = 0
        self._fault: Spf | None = None

    def of(self, domain: str) -> Spf:
        """The result for a domain, at the start or included."""
        record = published(self._book.ask("txt", domain), domain)
        if not isinstance(record, list):
            return self._failed(record.result, record.because) if record.result != "none" else record
        for term in record:
            if term.qualifier and (self._matches(term, domain) or self._fault):
                return self._fault or Spf(RESULTS[term.qualifier], f"{term.text} of {domain}")
        redirect = next((term for term in record if term.name == "redirect"), None)
        if redirect is None:
            return Spf("neutral", f"nothing in the record of {domain} matches")
        if not self._may_look_up():
            return self._fault or Spf("permerror")
        target = self._name(redirect.value, domain)
        result = self.of(target)
        return self._failed("permerror", f"redirect={target}: no record") if result.result == "none" else result

    def _matches(self, term: Term, domain: str) -> bool:
        if term.name == "all":
            return True
        if term.name in ("ip4", "ip6"):
            network = _network(term.name, term.value, term.prefix)
            return network is not None and self._client in network
        if not self._may_look_up() or term.name == "ptr":  # §5.5: do not use; here it matches nobody
            return False
        target = self._name(term.value, domain)
        if term.name == "include":
            result = self.of(target).result
            if result == "none":
                self._failed("permerror", f"include:{target}: no record")  # §5.2
            return result == "pass"
        if term.name == "exists":
            return any(":" not in address for address in self._asked("addresses", target))  # §5.7: A, always
        hosts = (target,) if term.name == "a" else self._asked("mx", target)
        if len(hosts) > EXCHANGERS_ALLOWED:
            self._failed("permerror", f"mx:{target} has {len(hosts)} exchangers")
            return False
        return any(self._covers(address, term.prefix) for host in hosts for address in self._asked("addresses", host))

    def _asked(self, kind: Literal["mx", "addresses"], name: str) -> tuple[str, ...]:
        said = self._book.ask(kind, name)
        if said.status == "failed":
            self._failed("temperror", f"{name} cannot be looked up now")
        elif not said.records:
            self._voids += 1
            if self._voids > VOIDS_ALLOWED:
                self._failed("permerror", f"more than {VOIDS_ALLOWED} look-ups find nothing")
        return tuple(record for record in said.records if record != ".")

    def _covers(self, address: str, prefix: str) -> bool:
        if ipaddress.ip_address(address).version != self._client.version:
            return False
        four, _, six = prefix.partition("//") if not prefix.startswith("/") else ("", "", prefix[1:])
        size = (four if self._client.version == 4 else six) or self._client.max_prefixlen
        return self._client in ipaddress.ip_network(f"{address}/{size}", strict=False)

    def _may_look_up(self) -> bool:
        self._lookups += 1
        if self._lookups > LOOKUPS_ALLOWED:
            self._failed("permerror", f"more than {LOOKUPS_ALLOWED} look-ups")
        return self._fault is None

    def _name(self, value: str, domain: str) -> str:
        return expand(value, Macros(self._sender, domain, str(self._client))) if value else domain

    def _failed(self, result: Result, because: str) -> Spf:
        self._fault = self._fault or Spf(result, because)
        return self._fault


def published(said: Said, domain: str) -> list[Term] | Spf:
    """The terms a domain publishes, or the result that follows when there are none, several, or bad ones (§4.5)."""
    if not said.definite:
        return Spf("temperror", f"{domain} cannot be looked up now{said.text and f' ({said.text})'}")
    records = [text for text in said.records if is_record(text)]
    if not records:
        return Spf("none", f"{domain} publishes no SPF record")
    if len(records) > 1:
        return Spf("permerror", f"{domain} publishes {len(records)} SPF records, and only one may be")
    terms = read_record(records[0])
    return Spf("permerror", f"the record of {domain} cannot be read: {terms}") if isinstance(terms, str) else terms


# --- macros ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Macros:
    """What macros stand for (§7.2)."""

    sender: str
    domain: str
    client: str


_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d{0,3})(r?)([.+,/_=-]*)\}|([%_-]))", re.IGNORECASE)
_ESCAPED = {"%": "%", "_": " ", "-": "%20"}


def expand(text: str, macros: Macros) -> str:
    """A domain-spec with its macros replaced, lower case, cut from the left to a name's length (§7.3)."""
    name = _MACRO.sub(lambda found: _ESCAPED.get(found[5] or "", "") or _expanded(found, macros), text)
    name = name.rstrip(".").lower()
    while len(name) > NAME_LIMIT and "." in name:
        name = name.partition(".")[2]
    return name


def _expanded(found: re.Match[str], macros: Macros) -> str:
    local, _, sender_domain = macros.sender.rpartition("@")
    address = ipaddress.ip_address(macros.client)
    dotted = macros.client if address.version == 4 else ".".join(address.exploded.replace(":", ""))
    meaning = {
        "s": macros.sender, "l": local, "o": sender_domain, "d": macros.domain, "i": dotted, "p": "unknown",
        "h": macros.domain, "c": macros.client, "r": "unknown", "t": "0",
        "v": "in-addr" if address.version == 4 else "ip6",
    }  # fmt: skip
    parts = re.split(f"[{re.escape(found[4] or '.')}]", meaning[found[1].lower()])
    if found[3]:
        parts.reverse()
    wanted = int(found[2]) if found[2] else 0
    return ".".join(parts[-wanted:] if wanted else parts)


# --- survey ----------------------------------------------------------------------------------------------------------


def survey(domain: str, book: Book) -> Survey:
    """A domain's record with all it can make a receiver ask; macros are taken as an address would fill them."""
    said = book.ask("txt", domain)
    texts = [text for text in said.records if is_record(text)]
    count = _Count(book, domain)
    count.walk(domain)
    return Survey(texts[0] if texts else "", count.lookups, count.voids, count.problem, count.failed)


class _Count:
    """Look-ups added up over a record and everything it includes."""

    def __init__(self, book: Book, domain: str) -> None:
        self._book = book
        self._sender = f"postmaster@{domain}"
        self.lookups = 0
        self.voids = 0
        self.problem = ""
        self.failed = ""

    def walk(self, domain: str) -> None:
        """Count what the record of a domain asks."""
        record = published(self._book.ask("txt", domain), domain)
        if isinstance(record, Spf):
            if record.result == "temperror":
                self.failed = self.failed or record.because
            else:
                self.problem = self.problem or record.because
            return
        for term in record:
            if term.name in ASKING and self.lookups < SURVEY_ENDS:
                self.lookups += 1
                self._follow(term, domain)

    def _follow(self, term: Term, domain: str) -> None:
        name = expand(term.value, Macros(self._sender, domain, "192.0.2.1")) if term.value else domain
        if term.name in ("include", "redirect"):
            self.walk(name)
        elif term.name == "mx":
            for host in self._asked("mx", name)[:EXCHANGERS_ALLOWED]:
                self._asked("addresses", host)
        elif term.name == "a" or (term.name == "exists" and "%" not in term.value):  # who is asked for, nobody knows
            self._asked("addresses", name)

    def _asked(self, kind: Literal["mx", "addresses"], name: str) -> tuple[str, ...]:
        said = self._book.ask(kind, name)
        if said.status == "failed":
            self.failed = self.failed or f"{name} cannot be looked up now"
        elif said.definite and not said.records:
            self.voids += 1
        return tuple(record for record in said.records if record != ".")

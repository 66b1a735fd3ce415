"""Who exists in the sandbox and how they behave: ``providers.toml`` as values, checked when read."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

import msgspec

from goodstanding.errors import SettingsError
from goodstanding.model import Reply, joined
from goodstanding.sandbox.placement import Lines
from goodstanding.sandbox.reports import Shape

Extension = Literal["PIPELINING", "CHUNKING", "SMTPUTF8", "DSN", "8BITMIME", "SIZE", "ENHANCEDSTATUSCODES", "LIMITS"]
ALL_EXTENSIONS: tuple[Extension, ...] = (
    "PIPELINING",
    "CHUNKING",
    "SMTPUTF8",
    "DSN",
    "8BITMIME",
    "SIZE",
    "ENHANCEDSTATUSCODES",
)

PLACEHOLDERS = frozenset({"recipient", "sender", "domain", "client", "host", "helo", "id"})
"""What the words of a reply may name."""


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One address of a mail exchanger; a name with several addresses is several hosts."""

    name: str
    address: int
    """Last number of its loopback address."""
    preference: int = 10
    listens: bool = True
    ipv6: bool = False
    """Also ``::1``, of which there is only one."""


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One operator of mailboxes and its manners. A limit of 0 is none."""

    name: str
    title: str
    character: str
    """One line for people."""
    domains: tuple[str, ...]
    """``*.`` in front: every name below."""
    hosts: tuple[Host, ...]
    banner: str
    replies: dict[str, str] = {}
    mx: bool = True
    greeting: Literal["welcome", "silent", "refuse", "busy"] = "welcome"
    extensions: tuple[Extension, ...] = ALL_EXTENSIONS
    esmtp: bool = True
    eight_bit: bool = True
    """False: octets above 127 in a message are refused."""
    tls: Literal["good", "none", "broken", "expired", "required"] = "good"
    authentication: Literal["ignore", "record", "require", "strict"] = "record"
    """What SPF, DKIM and DMARC are good for: nothing; a header; one of SPF and DKIM must pass; both, and aligned."""
    sender_must_resolve: bool = False
    any_domain: bool = False
    """Takes mail for every domain there is. Others take it for their own, and for those whose MX names their hosts."""
    one_domain: bool = False
    greylists: bool = False
    invalid_share: float = 0.0
    """Share of local parts without a mailbox."""
    accepts_first: bool = False
    """Says 250 to every recipient, and bounces later to the return path of those who do not exist."""
    complaints: Shape = "none"
    """How complaints of its users are reported to those who signed up."""
    reported_by: Literal["ip", "domain", "cfbl"] = "domain"
    """Who gets them: who registered the client address, or the domain; cfbl: also whoever says so in CFBL-Address."""
    reputation: Lines | None = None
    """Where it draws its lines; none: it has no memory of senders, and puts everything into the inbox."""
    size: int = 26_214_400
    recipients: int = 1_000
    """Per transaction."""
    messages_per_connection: int = 0
    messages_per_minute: int = 0
    """Per client address; a whole minute's worth may come at once."""
    connections: int = 0
    """Open at once per client address."""
    latency: float = 0.0
    """Seconds before every answer."""
    greeting_latency: float = 0.0
    idle: float = 300.0
    """Seconds of silence after which the connection is closed."""

    def serves(self, domain: str) -> bool:
        """Whether mail for a domain belongs here."""
        return (
            self.any_domain
            or domain in self.domains
            or any(own.startswith("*.") and domain.endswith(own[1:]) for own in self.domains if own[0] == "*")
        )


class OddZone(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A domain that is interesting for its DNS only."""

    domain: str
    title: str
    records: tuple[tuple[str, str, str], ...] = ()
    """Owner, type and value."""
    broken: bool = False
    """Every question about it fails."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    replies: dict[str, str]
    provider: tuple[Provider, ...]
    zone: tuple[OddZone, ...] = ()


@dataclass(frozen=True, slots=True)
class Wording:
    """A reply with blanks."""

    code: int
    enhanced: str
    text: str
    blanks: bool

    def reply(self, words: Mapping[str, str]) -> Reply:
        """The reply with its blanks filled in; every placeholder must be among ``words``."""
        return Reply(self.code, self.enhanced, self.text.format_map(words) if self.blanks else self.text)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole receiving internet as data."""

    providers: tuple[Provider, ...]
    zones: tuple[OddZone, ...]
    wordings: Mapping[str, Mapping[str, Wording]]
    """By name of provider, then by name of reply: complete for each."""


def built_in() -> Catalogue:
    """The catalogue that comes with the package."""
    return read(resources.files("goodstanding.sandbox").joinpath("providers.toml").read_text("utf-8"))


def read(text: str) -> Catalogue:
    """A catalogue from TOML, or SettingsError with every problem found."""
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as problem:
        raise SettingsError([f"providers.toml: {problem}"]) from problem
    problems = [*_reply_problems(file), *_address_problems(file)]
    if problems:
        raise SettingsError([f"providers.toml: {problem}" for problem in problems])
    return Catalogue(file.provider, file.zone, {p.name: _wordings(p, file.replies) for p in file.provider})


def _wordings(provider: Provider, usual: Mapping[str, str]) -> dict[str, Wording]:
    """Every reply of a provider. One that offers no enhanced codes may still write them, as part of its text."""
    offers = "ENHANCEDSTATUSCODES" in provider.extensions
    own = {name: _wording(words) if offers else _verbatim(words) for name, words in provider.replies.items()}
    return {name: _wording(words) for name, words in usual.items()} | own


def _verbatim(words: str) -> Wording:
    return Wording(int(words[:3]), "", words[4:], "{" in words)


def _wording(words: str) -> Wording:
    """``550 5.1.1 No such user`` apart."""
    code, _, text = words.partition(" ")
    first, _, rest = text.partition(" ")
    enhanced, text = (first, rest) if _is_enhanced(first, code) else ("", text)
    return Wording(int(code), enhanced, text, "{" in text)


def _is_enhanced(word: str, code: str) -> bool:
    parts = word.split(".")
    return len(parts) == 3 and parts[0] == code[0] and all(part.isdigit() for part in parts)


def _reply_problems(file: _File) -> list[str]:
    places = [("replies", file.replies), *((f"provider {p.name}: replies", p.replies) for p in file.provider)]
    problems = []
    for place, replies in places:
        problems += [f"{place}.{name} is not the name of a reply" for name in replies.keys() - file.replies.keys()]
        problems += [f"{place}.{name} {why}: {words!r}" for name, words in replies.items() if (why := _flaw(words))]
    return problems


def _flaw(words: str) -> str:
    """What is wrong with the words of a reply; empty when nothing is."""
    if not (words[:3].isdecimal() and 200 <= int(words[:3]) <= 599 and words[3:4] == " "):
        return "does not begin with a reply code"
    try:
        unknown = {name for _, name, _, _ in string.Formatter().parse(words) if name is not None} - PLACEHOLDERS
    except ValueError:
        return "has a brace without its partner"
    return f"names {joined(sorted(unknown))}, which nobody fills in" if unknown else ""


def _address_problems(file: _File) -> list[str]:
    owners: dict[int, str] = {}
    problems = []
    for host in (host for provider in file.provider for host in provider.hosts):
        if not 1 <= host.address <= 254:
            problems.append(f"host {host.name}: address {host.address} is not between 1 and 254")
        if owners.setdefault(host.address, host.name) != host.name:
            problems.append(f"host {host.name}: address {host.address} belongs to {owners[host.address]}")
    return problems

"""A list of recipients, counted into groups: who they are is forgotten at once, what they expect is kept.

One recipient a line, with a heading: ``address`` (or ``domain``), and as far as known ``expectation``, ``basis`` (of
the trust ledger), ``source``, ``provider``, ``country``; or just addresses. Somebody who stands there twice counts as
the first line says. A line that cannot be used is put aside with its number and reason, and stops nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Literal

from msgspec import Struct, field

from goodstanding.admission.entries import INTERACTIONS, WITHDRAWALS
from goodstanding.admission.law import BASES
from goodstanding.admission.recognise import CONSUMER
from goodstanding.errors import GoodstandingError, SettingsError
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.campaign import PROVIDERS, SOURCES, Group, Provider, Source, merged

Kind = tuple[Expectation, Provider | Literal[""], Source, str]
"""What is kept of a recipient; provider and country are empty where they are not known."""

SAMPLES = 20
"""Recipients a template is filled for."""
TOLD = 10
"""Bad lines of which the reason is told; the others are counted."""
COLUMNS = ("address", "domain", "expectation", "basis", "source", "provider", "country")
ALIASES = {
    "email": "address",
    "e_mail": "address",
    "mail": "address",
    "recipient": "address",
    "what": "basis",
    "permission": "basis",
}
"""Other names under which lists have the same columns; ``what`` is the ledger's."""
USUAL_SOURCE: dict[Expectation, Source] = {
    Expectation.AWAITED: "asked",
    Expectation.SUBSCRIBED: "asked",
    Expectation.KNOWN: "customers",
    Expectation.COLD: "collected",
}
"""Where addresses come from when nobody says."""
EXPECTED: dict[str, Expectation] = {
    **dict.fromkeys(INTERACTIONS, Expectation.KNOWN),
    "user-triggered": Expectation.AWAITED,
    "trigger": Expectation.AWAITED,
    "transaction": Expectation.AWAITED,
    "double-opt-in": Expectation.SUBSCRIBED,
    "opt-in": Expectation.SUBSCRIBED,
    "soft-opt-in": Expectation.KNOWN,
    "contract": Expectation.KNOWN,
    "inquiry": Expectation.KNOWN,
    "legitimate-interest": Expectation.COLD,
    "none": Expectation.COLD,
    "unknown": Expectation.COLD,
    "": Expectation.COLD,
}
"""What somebody expects of whom the ledger says this."""
_OWN: dict[str, Provider] = {
    **dict.fromkeys(CONSUMER, "other"),
    **dict.fromkeys(("gmail.com", "googlemail.com"), "google"),
    **dict.fromkeys(("msn.com", "passport.com"), "microsoft"),
    **dict.fromkeys(("ymail.com", "rocketmail.com", "aol.com", "aim.com"), "yahoo"),
}
_FAMILIES: dict[str, Provider] = {
    "outlook": "microsoft",
    "hotmail": "microsoft",
    "live": "microsoft",
    "yahoo": "yahoo",
    "aol": "yahoo",
}
"""First labels under which a provider has mailboxes in many countries."""


class Listed(Struct, frozen=True):
    """What a list came to."""

    counts: Mapping[Kind, int]
    recipients: int
    twice: int = 0
    """Addresses that had stood there before."""
    bad: int = 0
    """Lines that could not be used."""
    examples: tuple[str, ...] = ()
    """The first of those, with number and reason."""
    ignored: tuple[str, ...] = ()
    """Columns that mean nothing here."""
    samples: tuple[Mapping[str, str], ...] = ()
    """The first `SAMPLES` recipients with all their columns: what a template is filled with."""


class _Found(Struct):
    """Counts while they are made."""

    counts: dict[Kind, int] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    """Hashes of the addresses so far."""
    twice: int = 0
    bad: int = 0
    examples: list[str] = field(default_factory=list)
    samples: list[Mapping[str, str]] = field(default_factory=list)

    def reject(self, number: int, why: str) -> None:
        self.bad += 1
        if len(self.examples) < TOLD:
            self.examples.append(f"line {number}: {why}")


def read_recipients(lines: Iterable[str]) -> Listed:
    """The recipients of a file, line by line. SettingsError where not one line can be used."""
    heading, rest, first = _heading(iter(lines))
    found = _Found()
    for number, line in enumerate(rest, first):
        if line and not line.isspace():
            _take(found, heading, number, line)
    recipients = sum(found.counts.values())
    if not recipients:
        why = "; ".join(found.examples) or "there are no lines besides the heading; write a recipient on each"
        raise SettingsError([f"recipients: not one of {found.bad} lines can be used: {why}"])
    ignored = tuple(name for name in heading.names if name and name not in COLUMNS)
    examples, samples = tuple(found.examples), tuple(found.samples)
    return Listed(found.counts, recipients, found.twice, found.bad, examples, ignored, samples)


def groups_of(counts: Mapping[Kind, int], mailboxes: Mapping[Provider, float]) -> tuple[Group, ...]:
    """The groups that make these counts; whose provider is not known are shared out as ``mailboxes`` says."""
    found = []
    for (expectation, provider, source, country), count in sorted(counts.items()):
        parts = {provider: count} if provider else shared_out(count, mailboxes)
        found += [Group(expectation, one, source, part, country) for one, part in parts.items()]
    return merged(found)


def shared_out(count: int, shares: Mapping[Provider, float]) -> dict[Provider, int]:
    """A whole number in whole parts, the largest remainders rounded up, so that it always comes out the same."""
    total = sum(shares.values())
    exact = {one: count * share / total if total else count / len(shares) for one, share in shares.items()}
    parts = {one: int(part) for one, part in exact.items()}
    missing = count - sum(parts.values())
    for one in sorted(exact, key=lambda one: (parts[one] - exact[one], PROVIDERS.index(one)))[:missing]:
        parts[one] += 1
    return parts


def provider_of(domain: str) -> Provider | Literal[""]:
    """Whose mailboxes a domain's are, as far as its name tells."""
    family = _FAMILIES.get(domain.partition(".")[0])
    return family if family is not None else _OWN.get(domain, "")


def column_of(cell: str) -> str:
    """The name of a column, or of a field that is filled with it, however it is written."""
    name = "_".join(cell.strip().lower().replace("-", " ").split())
    return ALIASES.get(name, name)


# --- lines ------------------------------------------------------------------------------------------------------------


class _Heading(Struct):
    """Which column is where, and what lines have told so far: the same words mean the same in each."""

    names: list[str]
    separator: str
    domains: dict[str, Provider | Literal["", "?"]] = field(default_factory=dict)
    """By domain as it is written; "?": it is none."""
    kinds: dict[tuple[str, ...], Kind | str] = field(default_factory=dict)
    """By the cells that tell something; a string says why they mean nothing."""
    place: int = 0
    """Of the address, or the domain."""
    telling: list[int] = field(default_factory=list)
    """Where the other columns are that mean something here."""

    def __post_init__(self) -> None:
        """All lines of a list have the same columns."""
        known = enumerate(self.names)
        self.telling = [place for place, name in known if name in COLUMNS and place != self.place]


def _heading(lines: Iterator[str]) -> tuple[_Heading, Iterator[str], int]:
    """The columns, the lines behind them and the number of the first of those."""
    line = next(lines, "").removeprefix("\ufeff").rstrip("\r\n")
    separator = max(",;\t", key=line.count)
    names = [column_of(cell) for cell in _cells(line, separator) or [""]]
    for wanted in COLUMNS[:2]:
        if wanted in names:
            return _Heading(names, separator, place=names.index(wanted)), lines, 2
    if "@" in line:
        return _Heading(["address"], separator), chain([line], lines), 1
    remedy = "write address,basis,source, and save the list as CSV in UTF-8"
    raise SettingsError([f"recipients: the first line names no column `address` or `domain`; {remedy}"])


def _cells(line: str, separator: str) -> list[str] | None:
    """The cells of a line; None where its quotes do not close."""
    line = line.rstrip("\r\n")
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [""])
    except csv.Error:
        return None


def _take(found: _Found, heading: _Heading, number: int, line: str) -> None:
    """Count one line, or reject it."""
    cells = _cells(line, heading.separator)
    if cells is None or len(cells) > len(heading.names) > 1:
        found.reject(number, "it has more columns than the heading, or quotes that do not close")
        return
    address = cells[heading.place].strip() if heading.place < len(cells) else ""
    local, at, domain = address.rpartition("@")
    provider = heading.domains.get(domain)
    if provider is None:
        provider = heading.domains[domain] = _provider(domain)
    if (
        provider == "?"
        or (at and (not local or (" " in local and local[0] != '"')))
        or (not at and heading.names[heading.place] == "address")
    ):
        found.reject(number, "no address" if not address else f"{address[:60]!r} is no address")
        return
    told = tuple([cells[place] if place < len(cells) else "" for place in heading.telling])
    kind = heading.kinds.get(told)
    if kind is None:
        kind = heading.kinds[told] = _kind_or_why(heading, told)
    if isinstance(kind, str):
        found.reject(number, kind)
        return
    _count(found, kind if kind[1] or not provider else (kind[0], provider, kind[2], kind[3]), address if at else "")
    if len(found.samples) < SAMPLES:
        found.samples.append(dict(zip(heading.names, map(str.strip, cells), strict=False)))


def _count(found: _Found, kind: Kind, address: str) -> None:
    if address:
        known = hash(address.lower())  # 64 bits: of a million addresses no two are taken for one
        if known in found.seen:
            found.twice += 1
            return
        found.seen.add(known)
    found.counts[kind] = found.counts.get(kind, 0) + 1


def _provider(domain: str) -> Provider | Literal["", "?"]:
    name = domain.strip().rstrip(".").lower()
    plain = "." in name.strip(".") and not any(letter.isspace() or letter in '@,;<>"' for letter in name)
    return provider_of(name) if plain else "?"


def _kind_or_why(heading: _Heading, told: tuple[str, ...]) -> Kind | str:
    words = {heading.names[place]: cell.strip() for place, cell in zip(heading.telling, told, strict=True)}
    try:
        return _kind(words)
    except GoodstandingError as exc:
        return str(exc)


def _kind(words: Mapping[str, str]) -> Kind:
    """What these words say of a recipient. GoodstandingError with the remedy where they say nothing."""
    basis = words.get("basis", "").lower().replace("_", "-").replace(" ", "-")
    if basis in WITHDRAWALS:
        raise GoodstandingError(f"{WITHDRAWALS[basis].words}; take them off the list")
    if basis not in EXPECTED:
        raise GoodstandingError(f"basis {basis!r} is not known; one of: {', '.join([*BASES, 'user-triggered'])}")
    expectation = _choice("expectation", words.get("expectation", ""), [one.value for one in Expectation])
    expected = Expectation(expectation) if expectation else EXPECTED[basis]
    source = words.get("source", "").lower()
    if basis and source not in SOURCES:
        source = ""  # the ledger's source says where they said yes, and is not one word of these
    _choice("source", source, SOURCES)
    provider = _choice("provider", words.get("provider", ""), PROVIDERS)
    country = words.get("country", "").upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise GoodstandingError(f"country {country!r} is not two letters; write it as ISO 3166 does, e.g. DE or US")
    return (
        expected,
        next((one for one in PROVIDERS if one == provider), ""),
        next((one for one in SOURCES if one == source), USUAL_SOURCE[expected]),
        "GB" if country == "UK" else country,
    )


def _choice(column: str, word: str, choices: Iterable[str]) -> str:
    word = word.lower()
    if word and word not in choices:
        raise GoodstandingError(f"{column} {word[:60]!r} is not known; one of: {', '.join(choices)}")
    return word

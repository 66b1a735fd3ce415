"""What carries mail on which stream, for whom and how long: bases, laws by country and clocks, read from ``law.toml``.

Not legal advice: every row of the table has its source and how certain it is, and `goodstanding trust law` shows them.
"""

from __future__ import annotations

import calendar
import tomllib
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import Literal

import msgspec
from msgspec import Struct

Certainty = Literal["read", "secondary", "unread", "judgement"]
"""Whether a rule was checked at its source, agrees in several summaries, is known but unread, or is our own."""


class Basis(Struct, frozen=True, gc=False):
    """One reason for which mail may be sent."""

    words: str
    consent: Literal["express", "presumed", "relationship"]
    streams: tuple[str, ...]
    """What it can carry at all."""
    rank: int
    """Of several that hold, the highest is named."""
    months: int
    """Calendar months it lasts where no law says otherwise; 0: no clock."""
    because: str
    source: str
    certainty: Certainty


class Duties(Struct, frozen=True, gc=False):
    """What commercial mail must do for its recipient, besides being welcome."""

    postal_address: bool = False
    way_out_days: int = 60
    """Days an unsubscribe link must work; ours work for years. CASL's 60 is the longest known."""
    honour_business_days: int = 10
    """Business days until it must be honoured; ours act at once."""


class Law(Struct, frozen=True, gc=False):
    """What one country asks."""

    name: str
    unasked: tuple[str, ...]
    """Recipient classes that may get outreach on legitimate interest."""
    soft_opt_in: bool
    source: str
    certainty: Certainty
    countries: tuple[str, ...] = ()
    """ISO 3166; empty in the law for everybody else."""
    months: dict[str, int] = {}
    """Clocks of its own, by basis, in calendar months."""
    from_here: bool = False
    """It also binds senders that sit there."""
    duties: Duties = Duties()


class Evidence(Struct, frozen=True, gc=False):
    """How long proof of permission is kept."""

    months: int
    source: str
    certainty: Certainty


class _Tables(Struct, frozen=True):
    basis: dict[str, Basis]
    default: Law
    law: tuple[Law, ...]
    evidence: Evidence


def _read() -> _Tables:
    text = resources.files("goodstanding.admission").joinpath("law.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Tables)


_TABLES = _read()
BASES: dict[str, Basis] = _TABLES.basis
"""By the word the ledger has."""
LAWS: tuple[Law, ...] = (*_TABLES.law, _TABLES.default)
"""All of them; the last is for countries that are not known."""
EVIDENCE: Evidence = _TABLES.evidence
_BY_COUNTRY = {country: law for law in _TABLES.law for country in law.countries}


def law_of(country: str) -> Law:
    """The law of a country (ISO 3166, any case); where it is unknown: consent."""
    return _BY_COUNTRY.get(country.upper(), _TABLES.default)


@lru_cache(maxsize=1024)
def applying(country: str, sender_country: str) -> tuple[Law, ...]:
    """Every law that has a say: the recipient's, and the sender's if it binds those who send from there."""
    here, there = law_of(sender_country), law_of(country)
    return (there, here) if here.from_here and here is not there else (there,)


def forbids(laws: tuple[Law, ...], basis: str, recipient_class: str) -> Law | None:
    """The first law under which this basis carries nothing to a recipient of this class; None: all accept it."""
    if basis == "legitimate-interest":
        return next((law for law in laws if recipient_class not in law.unasked), None)
    if basis == "soft-opt-in":
        return next((law for law in laws if not law.soft_opt_in), None)
    return None


def months_of(laws: tuple[Law, ...], basis: str) -> tuple[int, str]:
    """The shortest clock that runs on a basis, in calendar months (0: none), and the law it is from (empty: ours)."""
    clocks = [(months, law.name) for law in laws if (months := law.months.get(basis, 0))]
    return min(clocks, default=(BASES[basis].months, ""))


@lru_cache(maxsize=4096)
def _months_after(day: int, months: int) -> float:
    start = datetime.fromtimestamp(day * 86400, UTC)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last)).timestamp()


def months_after(at: float, months: int) -> float:
    """The same hour, calendar months later: 31 August and six months is the last day of February."""
    day, rest = divmod(at, 86400)
    return _months_after(int(day), months) + rest

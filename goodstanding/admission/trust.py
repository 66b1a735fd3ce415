"""The trust ledger, judged: who a person is, what an entry is worth, and whether they may be written to.

A basis carries a stream while its clocks run, the laws of the recipient's country accept it for their class, and
nothing later withdrew it. Who was never asked and has done nothing is unproven: transactional mail may still go to
them (the guard rations it), bulk and outreach may not.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from unicodedata import normalize

from msgspec import Struct

from goodstanding.admission import law
from goodstanding.admission.claims import Claims, claims_of
from goodstanding.admission.entries import (
    FOLDINGS,
    INTERACTIONS,
    LIMITS,
    NAMED,
    WITHDRAWALS,
    Entry,
    evidence_of,
)
from goodstanding.admission.facts import Grant, Proof, Terms
from goodstanding.admission.law import BASES, Law
from goodstanding.wire.address import domain_to_ascii

__all__ = ["Claims", "Entry", "claims_of", "fold", "grant", "person"]

PERSON_PURPOSE = "person"
"""What the key of `person` is derived for (`sealed.derive`)."""
PERSON_SIZE = 16
"""Bytes of a person: 128 bits, so that no two of all people ever meet."""
DAY = 86400.0
MARKETING = ("bulk", "outreach")


# --- who somebody is --------------------------------------------------------------------------------------------------


def fold(address: str) -> str:
    """The address under which a mailbox is known, however it is spelled.

    Lower case (a complaint must not be dodged by a capital), the domain as an A-label, and without dots and plus tags
    only where the provider is known to ignore them (``trust.toml``). Never raises; nonsense folds to itself.
    """
    local, _, domain = address.strip().rpartition("@")
    domain = domain_to_ascii(domain) or domain.lower()
    local = _plain(local.lower())
    known = FOLDINGS.get(domain)
    if known is not None:
        domain, folding = known
        plain = local.partition("+")[0] if folding.plus else local
        plain = plain.replace(".", "") if folding.dots else plain
        local = plain or local
    return f"{local}@{domain}"


def _plain(local: str) -> str:
    """A local part without quotes that change nothing, its accents composed: one mailbox, however it is typed."""
    if local[:1] == '"' == local[-1:] and _NEEDS_QUOTES.isdisjoint(local[1:-1]) and len(local) > 2:
        local = local[1:-1]
    return local if local.isascii() else normalize("NFC", local)


_NEEDS_QUOTES = frozenset('"\\@ \t')


def person(key: bytes, tenant: str, address: str) -> bytes:
    """How ledger, suppressions and contacts name somebody: 16 bytes that say nothing without the key.

    ``key``: ``sealed.derive(master, PERSON_PURPOSE)``; ``tenant``: empty for the whole platform.
    """
    state = _keyed(key).copy()
    state.update(f"{tenant}\0{fold(address)}".encode("utf-8", "surrogatepass"))
    return state.digest()[:PERSON_SIZE]


@lru_cache(maxsize=16)
def _keyed(key: bytes) -> hmac.HMAC:
    """Copied, not made anew: ``hmac.digest`` lets the interpreter lock go, and waits for it (docs/performance.md)."""
    return hmac.new(key, None, "sha256")


# --- what may be sent to them -----------------------------------------------------------------------------------------


def grant(entries: Sequence[Entry], stream: str, terms: Terms, now: float) -> Grant:
    """What ledger and law say about writing to somebody on a stream: the strongest proof, or why there is none."""
    if not entries:
        return _STRANGERS[stream]
    case = _case(entries, stream, terms, now)
    if stream == "transactional":
        return _transactional(case)
    held, because = _best(case)
    if held is not None:
        return held
    known = _acquainted(case)
    proof = Proof.NONE if known is None else Proof.INTERACTION
    return Grant(allowed=False, proof=proof, because=because, remedy=_REMEDIES[stream])


class _Case(Struct, frozen=True, gc=False):
    """What is known of one person, put in order."""

    stream: str
    now: float
    permissions: tuple[Entry, ...]
    interactions: tuple[Entry, ...]
    withdrawals: tuple[Entry, ...]
    recipient_class: str
    """Unknown counts as individual: PECR and its like protect people, so a doubt is theirs."""
    country: str
    laws: tuple[Law, ...]


def _case(entries: Sequence[Entry], stream: str, terms: Terms, now: float) -> _Case:
    """What has happened by now; of country and class the newest word counts."""
    newest = sorted((entry for entry in entries if entry.at <= now + LIMITS.clock_error), key=_at, reverse=True)
    recipient_class = next((entry.recipient_class for entry in newest if entry.recipient_class != "unknown"), "")
    country = next((entry.country for entry in newest if entry.country), "")
    return _Case(
        stream=stream,
        now=now,
        permissions=tuple(entry for entry in newest if entry.kind == "permission" and entry.what in BASES),
        interactions=tuple(entry for entry in newest if entry.kind == "interaction" and entry.what in INTERACTIONS),
        withdrawals=tuple(entry for entry in newest if entry.kind == "withdrawal"),
        recipient_class=recipient_class or "individual",
        country=country,
        laws=law.applying(country, terms.country),
    )


def _at(entry: Entry) -> float:
    return entry.at


def _transactional(case: _Case) -> Grant:
    """They may be written to unless they said no; what differs is how well that is proven."""
    trigger = next((entry for entry in case.interactions if _is_live_trigger(entry, case.now)), None)
    if trigger is not None:
        what = trigger.purpose or "something"
        because = f"they caused it: {what} at {_minute(trigger.at)}"
        return Grant(True, Proof.TRIGGER, because, basis="trigger", expires=trigger.at + LIMITS.trigger_window)
    held, _ = _best(case)
    if held is not None:
        return held
    no = _refusal(case)
    if no is not None:
        because = f"{_withdrawn(no)}, and nothing since says that they want mail"
        return Grant(False, Proof.NONE, because, "send it only when they ask for it, with the trigger reported")
    known = _acquainted(case)
    return _STRANGERS["transactional"] if known is None else known


def _is_live_trigger(entry: Entry, now: float) -> bool:
    return entry.what == "trigger" and now - entry.at <= LIMITS.trigger_window


def _refusal(case: _Case) -> Entry | None:
    """The withdrawal that ends transactional mail, unless somebody came back after it."""
    for no in case.withdrawals:
        sweeping = no.what in WITHDRAWALS and WITHDRAWALS[no.what].everything and not no.stream
        if (sweeping or no.stream == case.stream) and not no.purpose:
            since = any(entry.at > no.at for entry in (*case.interactions, *case.permissions))
            return None if since else no
    return None


def _best(case: _Case) -> tuple[Grant | None, str]:
    """The strongest permission that carries the stream; without one: why not, in words."""
    best: Entry | None = None
    best_ends, objections = 0.0, list[str]()
    for entry in case.permissions:
        objection, ends = _standing(case, entry)
        if objection:
            objections.append(objection)
        elif best is None or (BASES[entry.what].rank, ends or math.inf) > (
            BASES[best.what].rank,
            best_ends or math.inf,
        ):
            best, best_ends = entry, ends
    if best is not None:
        return Grant(True, Proof.PERMISSION, _named(best), basis=best.what, expires=best_ends), ""
    if objections:
        return None, objections[0]
    no = next((entry for entry in case.withdrawals if not entry.stream or entry.stream in MARKETING), None)
    return None, _withdrawn(no) if no is not None else f"no permission for {case.stream} is recorded"


def _standing(case: _Case, entry: Entry) -> tuple[str, float]:
    """Why a permission does not carry the stream now, or an empty text and the second at which it ends (0: never)."""
    basis = BASES[entry.what]
    if case.stream not in basis.streams or entry.stream not in ("", case.stream):
        about = f"is for {entry.stream}" if entry.stream else "carries no mail"
        return f"{_named(entry)} {about}, not for {case.stream}", 0.0
    no = next((other for other in case.withdrawals if _ends(other, entry, case.stream)), None)
    if no is not None:
        return f"{_withdrawn(no)}, after {_named(entry)}", 0.0
    against = law.forbids(case.laws, entry.what, case.recipient_class)
    if against is not None:
        return f"{_named(entry)} does not carry {case.stream} to {_whom(case)} ({against.name})", 0.0
    ends, clock = _end(case, entry)
    if ends and ends <= case.now:
        return f"{_named(entry)} ended on {_day(ends)}{clock}", 0.0
    return "", ends


def _ends(no: Entry, entry: Entry, stream: str) -> bool:
    """Whether a withdrawal ends a permission: who objects to one kind of mail is not presumed to like another."""
    if no.at < entry.at or (no.purpose and no.purpose != entry.purpose):
        return False
    if no.stream == stream or no.what == "erasure":
        return True
    if not no.stream:
        return stream in MARKETING or (no.what in WITHDRAWALS and WITHDRAWALS[no.what].everything)
    return no.stream in MARKETING and stream in MARKETING and BASES[entry.what].consent == "presumed"


def _end(case: _Case, entry: Entry) -> tuple[float, str]:
    """When a permission ends (0: never) and, in words, by whose clock."""
    months, name = law.months_of(case.laws, entry.what)
    if entry.what == "contract":  # while it runs it has no clock; afterwards it has
        return (law.months_after(entry.expires, months), _clock(months, name)) if entry.expires else (0.0, "")
    by_clock = law.months_after(entry.at, months) if months else 0.0
    if by_clock and (not entry.expires or by_clock < entry.expires):
        return by_clock, _clock(months, name)
    return entry.expires, ""


def _clock(months: int, name: str) -> str:
    return f" ({name + ': ' if name else ''}{months} months)"


def _acquainted(case: _Case) -> Grant | None:
    """What says that they know the sender, if it is enough: things they did, or permission for another stream."""
    erased = max((no.at for no in case.withdrawals if no.what == "erasure"), default=0.0)
    deeds = [entry for entry in case.interactions if entry.at > erased]
    strength = sum(_strength(entry, case.now) for entry in deeds)
    if strength >= LIMITS.enough:
        latest = deeds[0]
        because = f"{INTERACTIONS[latest.what].words} on {_day(latest.at)}"
        because += f" and {len(deeds) - 1:,} earlier interactions" if len(deeds) > 1 else ""
        return Grant(True, Proof.INTERACTION, because, basis=latest.what, expires=_fades(deeds, case.now))
    for entry in case.permissions:
        consented = BASES[entry.what].consent == "express" and entry.stream != case.stream
        consented = consented and not 0 < entry.expires <= case.now
        if consented and not any(_ends(no, entry, entry.stream) for no in case.withdrawals):
            because = f"{_named(entry)} is for {entry.stream}, so they know the sender"
            return Grant(True, Proof.INTERACTION, because, basis=entry.what, expires=entry.expires)
    return None


def _strength(entry: Entry, now: float) -> float:
    """What an interaction is still worth."""
    kind = INTERACTIONS[entry.what]
    return kind.weight * math.exp2(-max(0.0, now - entry.at) / (kind.half_life_days * DAY))


def _fades(deeds: Sequence[Entry], now: float) -> float:
    """Until when interactions are enough at least: the one that lasts longest alone; an hour if only all together."""
    ends = (
        entry.at + kind.half_life_days * DAY * math.log2(kind.weight / LIMITS.enough)
        for entry in deeds
        for kind in (INTERACTIONS[entry.what],)
    )
    return max(max(ends), now + 3600.0)


# --- in words ---------------------------------------------------------------------------------------------------------

_REMEDIES = {
    "bulk": "record where and when they opted in (goodstanding trust import), or leave them out",
    "outreach": "record a lawful ground with country and class of the recipient (goodstanding trust import), "
    "or leave them out",
}
_STRANGERS = {
    "transactional": Grant(
        allowed=True,
        proof=Proof.NONE,
        because="no permission, interaction or trigger is recorded",
        remedy="report what they did to cause it (X-Goodstanding-Trigger), or record what you know of them",
    ),
    **{
        stream: Grant(
            allowed=False,
            proof=Proof.NONE,
            because="no permission is recorded",
            remedy=_REMEDIES[stream],
        )
        for stream in MARKETING
    },
}


def _named(entry: Entry) -> str:
    """``double opt-in of 2026-03-01 via shop.example/join``."""
    source = evidence_of(entry).source
    return f"{BASES[entry.what].words} of {_day(entry.at)}{f' via {source[:NAMED]}' if source else ''}"


def _withdrawn(no: Entry) -> str:
    manner = WITHDRAWALS.get(no.what)
    return f"{manner.words if manner else 'they withdrew'} on {_day(no.at)}"


def _whom(case: _Case) -> str:
    where = f" in {case.country}" if case.country else " whose country is not recorded"
    return ("companies" if case.recipient_class == "corporate" else "individuals") + where


def _day(at: float) -> str:
    return _date(int(at // DAY))


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")


def _minute(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")

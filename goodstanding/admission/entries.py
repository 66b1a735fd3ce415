"""Entries of the trust ledger: the value, its number, and how people and programs write it in words.

A permission says why somebody may be written to, a withdrawal ends what came before it, an interaction is something
they did. The ledger is append-only: nothing is ever changed but by erasure.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import Literal, cast, get_args

import msgspec
from msgspec import Struct

from goodstanding.admission.law import BASES
from goodstanding.errors import GoodstandingError
from goodstanding.model import Stream, joined

Kind = Literal["permission", "withdrawal", "interaction"]
RecipientClass = Literal["individual", "corporate", "unknown"]
STREAMS: tuple[str, ...] = tuple(stream.value for stream in Stream)

TEXT_LIMIT = 4_000
"""Characters of one word of an entry: the text shown to somebody may be long, but it is no book."""
PURPOSE_LIMIT = 200
"""Characters of a purpose, which every decision reads."""
NAMED = 100
"""Characters of a source by which an entry is named, and which every decision reads."""
EARLIEST, LATEST = 631_152_000.0, 7_258_118_400.0  # 1990 and 2200: what lies outside is a typing error
_EPOCH = 946_684_800  # 2000-01-01: forty bits of centiseconds from there last until 2348


class Evidence(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """What proves an entry."""

    source: str = ""
    """Where it came from: ``shop.example/join``, ``invoice 4711``."""
    text: str = ""
    """What they were shown or said."""
    ip: str = ""
    more: str = ""
    """Anything else; evidence of another shape, as it is."""


class Entry(Struct, frozen=True, gc=False):
    """One row of the ledger."""

    at: float
    """Second it happened, in whole milliseconds."""
    kind: Kind
    what: str
    """Basis of a permission, kind of an interaction, manner of a withdrawal."""
    stream: str = ""
    """The one it is about; empty: every one that it can be about."""
    purpose: str = ""
    expires: float = 0.0
    """Second at which it ends by its own words; 0: it does not say."""
    country: str = ""
    recipient_class: RecipientClass = "unknown"
    address: str = ""
    """As it was given; empty once erased."""
    evidence: str = ""
    """JSON of `Evidence`; empty once erased."""


class Interaction(Struct, frozen=True, gc=False):
    """How much one kind of interaction says."""

    words: str
    weight: float
    half_life_days: float


class Withdrawal(Struct, frozen=True, gc=False):
    """One manner of withdrawing."""

    words: str
    everything: bool
    """Without a stream it ends transactional mail too."""


class Limits(Struct, frozen=True, gc=False):
    """The figures of judging one recipient; see ``trust.toml``."""

    trigger_window: float
    enough: float
    clock_error: float
    newest: int


class Folding(Struct, frozen=True, gc=False):
    """Spellings that are one mailbox, at the domains of one provider."""

    domains: tuple[str, ...]
    dots: bool
    plus: bool
    source: str


class _Tables(Struct, frozen=True):
    recipient: Limits
    interaction: dict[str, Interaction]
    withdrawal: dict[str, Withdrawal]
    folding: dict[str, Folding]


def _read() -> _Tables:
    text = resources.files("goodstanding.admission").joinpath("trust.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Tables)


_TABLES = _read()
LIMITS = _TABLES.recipient
INTERACTIONS = _TABLES.interaction
WITHDRAWALS = _TABLES.withdrawal
FOLDINGS: dict[str, tuple[str, Folding]] = {
    domain: (mailbox, folding) for mailbox, folding in _TABLES.folding.items() for domain in folding.domains
}
"""By domain: the domain its mailboxes are counted under, and how."""

WORDS: dict[str, tuple[str, ...]] = {
    "permission": (*BASES, "user-triggered"),
    "withdrawal": tuple(WITHDRAWALS),
    "interaction": tuple(INTERACTIONS),
}
"""What each kind may be about."""
COLUMNS = (
    *("tenant", "recipient", "kind", "what", "stream", "purpose", "at", "expires", "country", "class"),
    *("source", "text", "ip", "more"),
)
"""The columns of an import or export, in this order."""
ALIASES = {
    "email": "recipient",
    "address": "recipient",
    "basis": "what",
    "type": "kind",
    "time": "at",
    "date": "at",
    "obtained": "at",
    "recipient_class": "class",
    "expiry": "expires",
    "ip_address": "ip",
}
"""Other names under which lists have the same columns."""
KINDS: tuple[str, ...] = get_args(Kind)
CLASSES: tuple[str, ...] = get_args(RecipientClass)

_encode = msgspec.json.Encoder().encode
_evidence = msgspec.json.Decoder(Evidence)


def number(entry: Entry) -> int:
    """The id of an entry: the same words have the same number, so that nothing is recorded twice.

    Read from the highest down: consents and withdrawals first, then other permissions, then interactions, each from
    the newest. So a bounded read of somebody with ten thousand clicks never misses that they withdrew.
    """
    basis = BASES.get(entry.what)
    weighty = entry.kind == "withdrawal" or (entry.kind == "permission" and basis and basis.consent == "express")
    rank = 3 if weighty else 2 if entry.kind == "permission" else 1
    centiseconds = min(max(int((entry.at - _EPOCH) * 100), 0), (1 << 40) - 1)
    words = (
        *(entry.kind, entry.what, entry.stream, entry.purpose, entry.country, entry.recipient_class, entry.evidence),
        f"{entry.at:.3f} {entry.expires:.3f}",
    )
    digest = hashlib.blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return rank << 61 | centiseconds << 21 | int.from_bytes(digest) & 0x1FFFFF


def evidence_of(entry: Entry) -> Evidence:
    """What proves it; nothing when it is erased or unreadable."""
    try:
        return _evidence.decode(entry.evidence) if entry.evidence else Evidence()
    except (msgspec.DecodeError, UnicodeEncodeError):  # ValidationError is one of them: fields of another shape
        return Evidence(more=entry.evidence)


@lru_cache(maxsize=4096)
def sourced(source: str) -> str:
    """Evidence of which only the source is known."""
    return _encode(Evidence(source=source)).decode() if source else ""


def read_entry(words: Mapping[str, str], now: float) -> Entry:
    """The entry that these words describe. Raises GoodstandingError with the remedy when they describe none.

    ``words`` has the columns of `COLUMNS`; what is missing or empty has its default. Times are ISO 8601 (without an
    offset: UTC) or Unix seconds.
    """
    kind, what = _what(_word(words, "kind").lower(), _word(words, "what").lower().replace("_", "-"))
    at = _time(_word(words, "at"), "at") or now
    if at > now + LIMITS.clock_error:
        raise GoodstandingError(f"at lies in the future ({words['at']}); write when it happened, with its time zone")
    evidence = Evidence(*(_word(words, name) for name in ("source", "text", "ip", "more")))
    entry = Entry(
        at=round(at, 3),
        kind=cast(Kind, kind),
        what=what,
        stream=_stream(kind, what, _word(words, "stream").lower()),
        purpose=_word(words, "purpose"),
        expires=round(_time(_word(words, "expires"), "expires"), 3),
        country=_country(_word(words, "country")),
        recipient_class=cast(RecipientClass, _class(_word(words, "class").lower())),
        evidence=_proof(evidence),
    )
    if len(entry.purpose) > PURPOSE_LIMIT:
        raise GoodstandingError(f"purpose has {len(entry.purpose):,} characters; keep it below {PURPOSE_LIMIT}")
    if 0 < entry.expires <= entry.at:
        raise GoodstandingError("expires is not after at; leave it empty when it does not end")
    if kind == "permission" and what in BASES and BASES[what].consent == "express" and not evidence.source:
        raise GoodstandingError(
            f"{BASES[what].words} without a source proves nothing; say where they said yes (source)"
        )
    return entry


def words_of(entry: Entry, tenant: str) -> dict[str, str]:
    """The entry in words: `read_entry` makes the same entry of them."""
    evidence = evidence_of(entry)
    return {
        "tenant": tenant,
        "recipient": entry.address,
        "kind": entry.kind,
        "what": entry.what,
        "stream": entry.stream,
        "purpose": entry.purpose,
        "at": written(entry.at),
        "expires": written(entry.expires) if entry.expires else "",
        "country": entry.country,
        "class": "" if entry.recipient_class == "unknown" else entry.recipient_class,
        "source": evidence.source,
        "text": evidence.text,
        "ip": evidence.ip,
        "more": evidence.more,
    }


def written(at: float) -> str:
    """A second in ISO 8601, UTC, with milliseconds where it has them."""
    moment = datetime.fromtimestamp(round(at, 3), UTC)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def _word(words: Mapping[str, str], name: str) -> str:
    """One word, its white space put in order, so that the same word is always written the same."""
    text = words.get(name, "")
    if not text:
        return text
    text = " ".join(text.split())
    if len(text) > TEXT_LIMIT:
        raise GoodstandingError(f"{name} has {len(text):,} characters; keep it below {TEXT_LIMIT:,}")
    if not text.isprintable():
        raise GoodstandingError(f"{name} holds characters nobody can see; remove them")
    return text


def _proof(evidence: Evidence) -> str:
    """As the ledger keeps it; what came in another shape goes back in the same."""
    if evidence == Evidence(more=evidence.more) and evidence.more.startswith("{"):
        return evidence.more
    return _encode(evidence).decode() if evidence != Evidence() else ""


def _what(kind: str, what: str) -> tuple[str, str]:
    """Kind and word; a basis or a manner of withdrawing says its kind by itself."""
    if kind and kind not in KINDS:
        raise GoodstandingError(f"kind {kind!r} is not known; write {joined(KINDS)}".replace(" and ", " or "))
    if not what:
        raise GoodstandingError("what is missing; name the basis, the interaction or the manner of withdrawing")
    kind = kind or next((known for known in KINDS if what in WORDS[known]), "permission")
    if what not in WORDS[kind]:
        raise GoodstandingError(f"{kind} {what!r} is not known; one of: {', '.join(WORDS[kind])}")
    if what == "user-triggered":  # a trigger is something that happened, not a right that lasts
        return "interaction", "trigger"
    return kind, what


def _stream(kind: str, what: str, stream: str) -> str:
    if stream and stream not in STREAMS:
        raise GoodstandingError(f"stream {stream!r} is not known; one of: {', '.join(STREAMS)}")
    if kind != "permission" or what == "none":
        return stream
    basis = BASES[what]
    if stream and stream not in basis.streams:
        raise GoodstandingError(f"{basis.words} does not carry {stream}; it carries {joined(basis.streams)}")
    if not stream and basis.consent == "express":
        raise GoodstandingError(f"{basis.words} is for one stream; say which (stream): {', '.join(basis.streams)}")
    return stream or (basis.streams[0] if len(basis.streams) == 1 else "")


def _country(text: str) -> str:
    if text and not (len(text) == 2 and text.isascii() and text.isalpha()):
        raise GoodstandingError(f"country {text!r} is not two letters; write it as ISO 3166 does, e.g. DE or US")
    return "GB" if text.upper() == "UK" else text.upper()


def _class(text: str) -> str:
    if text and text not in CLASSES:
        raise GoodstandingError(f"class {text!r} is not known; one of: {', '.join(CLASSES)}")
    return text or "unknown"


def _time(text: str, name: str) -> float:
    """A second; 0 for an empty text."""
    if not text:
        return 0.0
    try:
        at = float(text) if text.replace(".", "", 1).isdecimal() and len(text) > 8 else _moment(text)
    except (ValueError, OverflowError):
        raise GoodstandingError(f"{name} {text!r} is no time; write it like 2026-11-23T10:00:00Z") from None
    if not EARLIEST <= at < LATEST:
        raise GoodstandingError(f"{name} {text!r} lies before 1990 or after 2199; check it")
    return at


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

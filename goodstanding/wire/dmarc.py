"""DMARC (RFC 9989): records read, the tree walk of §4.10 with at most eight queries, and what is aligned (§4.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from goodstanding.wire.questions import Book

QUERIES = 8
"""Most names a walk asks for (RFC 9989 §4.10): longer names jump to their last seven labels after the first."""

Request = Literal["none", "quarantine", "reject"]
REQUESTS: dict[str, Request] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}


@dataclass(frozen=True, slots=True)
class Policy:
    """One DMARC record; tags that are absent or not understood have their defaults (§4.7)."""

    p: Request | None = None
    """None: absent or not valid; with a report address it counts as ``none``, else nothing applies (§4.10.1)."""
    sp: Request | None = None
    np: Request | None = None
    strict_dkim: bool = False
    strict_spf: bool = False
    psd: Literal["y", "n", "u"] = "u"
    testing: bool = False
    """t=y: receivers are asked for one step less than the policy says."""
    rua: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether receivers apply anything at all."""
        return self.p is not None or bool(self.rua)


@dataclass(frozen=True, slots=True)
class Walk:
    """What a tree walk from a domain came to."""

    start: str
    found: tuple[tuple[str, Policy], ...]
    """Every (name, record) on the way, from the start upwards."""
    problems: tuple[str, ...] = ()
    """Records that receivers throw away, and why."""
    failed: str = ""
    """What could not be looked up now; empty: everything could."""
    supposed: str = ""
    """A name that is taken to have a record, whether it has one or not."""

    @property
    def organizational(self) -> str:
        """The organizational domain (§4.10.2)."""
        for name, policy in self.found:
            if policy.psd == "n":
                return name
            if policy.psd == "y" and name != self.start:
                return _below(self.start, name)
        return self.found[-1][0] if self.found else self.start

    @property
    def applies(self) -> tuple[str, Policy] | None:
        """The record that applies to mail from the start (§4.10.1): its own, its organization's, its PSD's."""
        by_name = dict(self.found)
        top = self.found[-1][0] if self.found else ""
        name = next((name for name in (self.start, self.organizational, top) if name in by_name), None)
        return (name, by_name[name]) if name is not None and by_name[name].counts else None


def request(walk: Walk) -> Request:
    """What is asked of receivers for mail that fails, of an existing domain."""
    applied = walk.applies
    if applied is None:
        return "none"
    name, policy = applied
    own = policy.p or "none"
    return own if name == walk.start else policy.sp or own


def is_record(text: str) -> bool:
    """Whether a TXT record is meant as DMARC: ``v=DMARC1`` comes first, in these letters (§4.7)."""
    tag, _, _ = text.partition(";")
    name, equals, value = tag.partition("=")
    return name.strip() == "v" and bool(equals) and value.strip() == "DMARC1"


def read_record(text: str) -> Policy | None:
    """The record; None when it is not DMARC. What is not understood is ignored (§4.7)."""
    if not is_record(text):
        return None
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    word = {name: value.lower() for name, value in tags.items()}
    psd: Literal["y", "n", "u"] = "y" if word.get("psd") == "y" else "n" if word.get("psd") == "n" else "u"
    uris = tuple(uri.strip() for uri in tags.get("rua", "").split(",") if ":" in uri)
    return Policy(
        p=REQUESTS.get(word.get("p", "")),
        sp=REQUESTS.get(word.get("sp", "")),
        np=REQUESTS.get(word.get("np", "")),
        strict_dkim=word.get("adkim") == "s",
        strict_spf=word.get("aspf") == "s",
        psd=psd,
        testing=word.get("t") == "y",
        rua=uris,
    )


def walk(domain: str, book: Book, supposed: str = "") -> Walk:
    """The tree walk from a domain upwards, as far as the answers known allow; ``supposed``: see `Walk`."""
    found: list[tuple[str, Policy]] = []
    problems: list[str] = []
    for name in steps(domain):
        said = book.ask("txt", f"_dmarc.{name}")
        if not said.definite:  # going on would take a parent's record for the domain's own
            return Walk(domain, tuple(found), tuple(problems), f"_dmarc.{name} cannot be looked up now", supposed)
        records = [policy for text in said.records if (policy := read_record(text))]
        if name == supposed and len(records) != 1:
            records = [Policy()]
        if len(records) > 1:
            problems.append(f"_dmarc.{name} has {len(records)} DMARC records, so receivers ignore all of them")
        if len(records) != 1:
            continue
        found.append((name, records[0]))
        if records[0].psd != "u":
            break
    return Walk(domain, tuple(found), tuple(problems), "", supposed)


def steps(domain: str) -> Iterator[str]:
    """The names a walk asks for, in order: at most eight (§4.10)."""
    labels = domain.rstrip(".").lower().split(".")
    yield ".".join(labels)
    labels = labels[1:] if len(labels) < QUERIES else labels[-(QUERIES - 1) :]
    while labels:
        yield ".".join(labels)
        labels = labels[1:]


def aligned(one: str, other: Walk, book: Book, *, strict: bool) -> bool:
    """Whether a domain that passed a check speaks for the one walked from (§4.4): the same, or of one organization."""
    if one == other.start or strict:
        return one == other.start
    return walk(one, book, other.supposed).organizational == other.organizational


def _below(domain: str, above: str) -> str:
    """The name one label below ``above`` on the way to ``domain``."""
    rest = domain.removesuffix(f".{above}")
    return f"{rest.rpartition('.')[2]}.{above}"

"""Who knows whom: relations between mailboxes and senders, and what they make people expect of a message.

This is what a person knows and what a mailbox provider can see in a mailbox: whose customer they are, which lists they
joined, whom they write with. The sandbox is told (`AddRelations`); whoever it was not told of is a stranger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import msgspec
from publicsuffixlist import PublicSuffixList

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.wire.list_unsubscribe import Offered, parse
from goodstanding.wire.message import HeaderBlock, facts

EVERYBODY = "*"
"""Stands for every mailbox."""

Kind = Literal["customer", "subscriber", "contact"]
"""Customer: expects codes, receipts and the like. Subscriber: joined a list. Contact: expects anything."""


class Relation(msgspec.Struct, frozen=True):
    """One mailbox and one sender."""

    mailbox: str
    """Address, or ``*`` for everybody."""
    sender: str
    """Domain of From; those below it belong to it."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Traits:
    """What a mailbox and its owner see of a message."""

    from_address: str
    from_domain: str
    organisation: str
    """The registrable domain of From; empty when there is none."""
    subject: str
    message_id: str
    is_list: bool
    """It says itself that it goes to many: List-Unsubscribe, List-Id (RFC 2369, RFC 2919) or Precedence: bulk."""
    is_automatic: bool
    """An answer or report of a machine (RFC 3834 §5): nobody acts on those."""
    way_out: Offered
    report_to: str
    """The address of CFBL-Address (RFC 9477); empty without one."""
    reply_to: str


def traits_of(header: HeaderBlock) -> Traits:
    """The traits of a message; anything may be in it."""
    known, names = facts(header), {name for name, _ in header.fields}
    precedence = (header.first("precedence") or b"").lower()
    automatic = (header.first("auto-submitted") or b"no").lower()
    return Traits(
        from_address=known.from_address,
        from_domain=known.from_domain,
        organisation=organisation(known.from_domain),
        subject=known.subject,
        message_id=known.message_id,
        is_list=not names.isdisjoint(("list-unsubscribe", "list-id")) or precedence in (b"bulk", b"list"),
        is_automatic=not automatic.startswith(b"no") or "multipart/report" in _text(header, "content-type"),
        way_out=parse(header),
        report_to=_address(_text(header, "cfbl-address")),
        reply_to=_address(_text(header, "reply-to")) or known.from_address,
    )


def _text(header: HeaderBlock, name: str) -> str:
    return (header.first(name) or b"")[:1000].decode("ascii", "replace")


def _address(value: str) -> str:
    """The address in a field that holds one and perhaps parameters; empty when it is none."""
    text = value.partition("<")[2].partition(">")[0] if "<" in value else value.partition(";")[0]
    text = text.strip()
    return text if text.count("@") == 1 and text.isprintable() and " " not in text else ""


@dataclass(slots=True)
class AddressBook:
    """Every relation that was declared."""

    _kinds: dict[tuple[str, str], set[Kind]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """State in one line."""
        return f"<AddressBook: {len(self._kinds)} relations>"

    def add(self, relations: Iterable[Relation]) -> None:
        """Declare relations; one that is known already changes nothing."""
        for one in relations:
            self._kinds.setdefault((one.mailbox.lower(), one.sender.lower().rstrip(".")), set()).add(one.kind)

    def expectation(self, mailbox: str, traits: Traits) -> Expectation:
        """What the owner of a mailbox (lower case) thinks of such a message."""
        kinds = self._between(mailbox, traits.from_domain)
        if "contact" in kinds or ("customer" in kinds and not traits.is_list):
            return Expectation.AWAITED
        if "subscriber" in kinds and traits.is_list:
            return Expectation.SUBSCRIBED
        return Expectation.KNOWN if kinds else Expectation.COLD

    def _between(self, mailbox: str, domain: str) -> set[Kind]:
        found: set[Kind] = set()
        while domain:
            found |= self._kinds.get((mailbox, domain), set()) | self._kinds.get((EVERYBODY, domain), set())
            domain = domain.partition(".")[2]
        return found


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=True, only_icann=False)


@cache
def organisation(domain: str) -> str:
    """The registrable domain: what providers add a sender's mail up by; empty for none."""
    return (_suffixes().privatesuffix(domain.lower().rstrip(".")) or domain.lower()) if domain else ""

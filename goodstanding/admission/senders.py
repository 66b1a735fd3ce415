"""Who a message says it is from, put beside who has claimed those names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, structs

from goodstanding.admission.estate import Register
from goodstanding.admission.facts import SenderFacts, Terms
from goodstanding.admission.isolation import Isolation
from goodstanding.model import Identity, SubscriptionName
from goodstanding.wire.address import as_ascii
from goodstanding.wire.message import HeaderBlock, HeaderFacts, readable, unquoted

VALUE_MOST = 4096
"""Bytes of an address field that are read."""


class WayOut(Struct, frozen=True, gc=False):
    """Where one-click links lead and requests by mail go."""

    url: str = ""
    """``https://links.shop.example``; empty: there is no page."""
    mail_domain: str = ""
    """Domain whose ``unsubscribe@`` reads requests; empty: none."""


class Premises(Struct, frozen=True, gc=False):
    """What a worker judges by: one value, replaced as a whole when the estate changes."""

    register: Register = Register()
    isolation: Isolation = Isolation()
    pools: Mapping[SubscriptionName, str] = {}
    """Name of the pool each subscription's mail leaves from."""
    ways_out: Mapping[SubscriptionName, WayOut] = {}
    """How its recipients unsubscribe; bulk and outreach only, where there is a page or a mailbox for it."""
    tracked: Mapping[SubscriptionName, str] = {}
    """Address of the link domain of those whose opens and clicks are tracked; empty: of nobody."""
    shadow: bool = False
    """The whole installation judges without applying."""

    def terms(self, identity: Identity) -> Terms:
        """What was agreed with a subscription; what a new one gets, when it is not known yet."""
        member = self.register.subscriptions.get(identity.subscription)
        terms = member.terms if member is not None else Terms()
        return structs.replace(terms, shadow=True) if self.shadow and not terms.shadow else terms


def sender_facts(
    premises: Premises, identity: Identity, sender: str, block: HeaderBlock, found: HeaderFacts, signed_by: str
) -> SenderFacts:
    """What is known of the names a message bears. ``sender``: the return path; ``signed_by``: our DKIM domain."""
    register = premises.register
    from_name, return_name = as_ascii(found.from_domain), as_ascii(sender.rpartition("@")[2])
    listed = register.senders.get(identity.subscription)
    return SenderFacts(
        sender=sender,
        from_address=found.from_address,
        from_count=_count(block.first("from") or b""),
        from_domain=register.domain_of(from_name),
        return_domain=register.domain_of(return_name),
        signed_by=signed_by,
        listed=listed is None or _folded(found.from_address) in listed,
        reply_to=_domains(block.first("reply-to")),
        pool=premises.pools.get(identity.subscription, identity.stream.value),
        isolation=premises.isolation.why(identity.subscription, identity.stream, from_name, return_name, signed_by),
        route=premises.isolation.route(identity.subscription),
    )


def _folded(address: str) -> str:
    """As sender addresses are kept: the domain in small letters."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


_SEPARATOR = re.compile(r"[,;]")
_WORD_WITH_AT = re.compile(r"[^\s<>]*@[^\s<>]*")
_DOMAIN = re.compile(r"@\s*([^\s<>,;:()\[\]@]+)")


def _count(value: bytes) -> int:
    """Addresses that some reader may find in From, whether or not it is well written; a name that looks like one,
    before an address in brackets, is not counted. A field too long to be read holds several.
    """
    if len(value) > VALUE_MOST:
        return 2
    if b"=?" not in value:
        return sum(map(_authors, _SEPARATOR.split(unquoted(value)))) if value.count(b"@") > 1 else 1
    # An encoded word is a name (RFC 2047 §5); some readers decode it first, and then look for addresses.
    return max(sum(map(_authors, _SEPARATOR.split(unquoted(text)))) for text in (value, readable(value).encode()))


def _authors(part: str) -> int:
    """Addresses in a field, or in what stands between its separators."""
    _, bracket, rest = part.partition("<")
    if not bracket:
        return len(_WORD_WITH_AT.findall(part.replace(" @ ", "@")))
    inside, _, after = rest.partition(">")
    return ("@" in inside) + len(_WORD_WITH_AT.findall(after))


def _domains(value: bytes | None) -> tuple[str, ...]:
    if not value:
        return ()
    return tuple(sorted({found.lower() for found in _DOMAIN.findall(unquoted(value[:VALUE_MOST]))}))

"""Rules about one recipient: may they be written to on this stream; they run at RCPT already."""

from __future__ import annotations

from goodstanding.admission import suppression
from goodstanding.admission.facts import Action, Finding, Proof, RecipientFacts, Terms
from goodstanding.model import Identity, Stream


def is_not_suppressed(identity: Identity, terms: Terms, recipient: RecipientFacts, now: float) -> Finding | None:
    """Who asked to be left alone, or is not there, is not written to; the sender always learns it."""
    found = recipient.suppressed
    if found is None:
        return None
    because = f"{recipient.address} {suppression.because(found)}"
    return _refused("suppressed", recipient, because, suppression.remedy(found))


def has_not_objected(identity: Identity, terms: Terms, recipient: RecipientFacts, now: float) -> Finding | None:
    """Transactional mail needs no permission, but an objection stands against it."""
    grant = recipient.grant
    if identity.stream is not Stream.TRANSACTIONAL or grant.allowed:
        return None
    return _refused("objection", recipient, grant.because, grant.remedy or "do not write to them")


def has_given_permission(identity: Identity, terms: Terms, recipient: RecipientFacts, now: float) -> Finding | None:
    """Bulk needs permission, outreach a lawful ground in the recipient's country (law.toml)."""
    grant = recipient.grant
    if identity.stream is Stream.TRANSACTIONAL or grant.allowed:
        return None
    remedy = grant.remedy or "record their permission first: goodstanding trust record"
    return _refused("no-permission", recipient, grant.because, remedy)


def is_a_person(identity: Identity, terms: Terms, recipient: RecipientFacts, now: float) -> Finding | None:
    """Outreach to info@ and sales@ reaches whoever reads it today, and nobody who could have agreed."""
    if identity.stream is not Stream.OUTREACH or not recipient.role or _is_known(recipient):
        return None
    local = recipient.address.partition("@")[0]
    return _refused("role-address", recipient, f"{local}@ is a role, not a person", "write to somebody by name")


def is_there_to_stay(identity: Identity, terms: Terms, recipient: RecipientFacts, now: float) -> Finding | None:
    """Disposable addresses come from forms, not from people who want to be approached."""
    if identity.stream is not Stream.OUTREACH or not recipient.disposable:
        return None
    because = f"{recipient.domain} hands out disposable addresses"
    return _refused("disposable-address", recipient, because, "take the address off your list")


def takes_mail(identity: Identity, terms: Terms, recipient: RecipientFacts, now: float) -> Finding | None:
    """RFC 7505 §4.1: a null MX says that a domain takes no mail."""
    if not recipient.null_mx:
        return None
    because = f"{recipient.domain} says in DNS that it takes no mail"
    return _refused("null-mx", recipient, because, "take the address off your list", "5.1.10")


def _is_known(recipient: RecipientFacts) -> bool:
    """A relationship, as opposed to a lawful interest in one."""
    grant = recipient.grant
    return recipient.proven and not (grant.proof is Proof.PERMISSION and grant.basis.startswith("legitimate"))


def _refused(slug: str, recipient: RecipientFacts, because: str, remedy: str, code: str = "5.7.1") -> Finding:
    return Finding(slug, Action.REFUSE, because, remedy, recipient.address, code)

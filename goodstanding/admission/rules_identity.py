"""Rules about who a message says it is from, and what receivers will hold to account for it."""

from __future__ import annotations

from goodstanding.admission.facts import UNLINKED, Action, DomainFacts, Facts, Finding
from goodstanding.model import Identity, Stream
from goodstanding.wire.address import as_ascii


def from_is_present(facts: Facts) -> Finding | None:
    """RFC 5322 §3.6: a From field is required."""
    if facts.sender.from_address:
        return None
    return _refused("no-from", "there is no usable address in From", "give the message one From address", "5.6.0")


def from_is_one_address(facts: Facts) -> Finding | None:
    """RFC 5322 §3.6.2 allows several authors; large providers refuse them, DMARC cannot judge them."""
    count = facts.sender.from_count
    if count <= 1:
        return None
    return _refused("several-from", f"From names {count} addresses", "name one author in From", "5.6.0")


def sender_is_claimed(facts: Facts) -> Finding | None:
    """Mail is sent as a domain somebody here answers for."""
    sender = facts.sender
    if sender.from_domain is not None or not sender.from_address:
        return None
    domain = _domain(sender.from_address)
    return _refused("unclaimed-sender", f"no tenant here has claimed {domain}", _add(domain, facts.identity), UNLINKED)


def sender_is_not_foreign(facts: Facts) -> Finding | None:
    """A tenant never sends as another."""
    domain = facts.sender.from_domain
    if domain is None or domain.tenant == facts.identity.tenant:
        return None
    because = f"{domain.name} does not belong to tenant {facts.identity.tenant}"  # whose it is, is not told
    remedy = "send as a domain of your own, or with that tenant's credential"
    return _refused("foreign-sender", because, remedy, UNLINKED)


def sender_is_verified(facts: Facts) -> Finding | None:
    """Only DNS records prove that a domain is the tenant's; lost ones are forgiven for a while."""
    domain = facts.sender.from_domain
    if domain is None or domain.state == "verified" or domain.tenant != facts.identity.tenant:
        return None
    name = domain.name
    remedy = _publish(name)
    why = f": {domain.because}" if domain.because else ""
    if domain.state == "warned":
        return Finding("losing-domain", Action.ACCEPT, f"{domain.name} is about to stop sending{why}", remedy)
    slug, words = ("stopped-sender", "has lost its records") if domain.state == "stopped" else _PENDING
    return _refused(slug, f"{domain.name} {words}{why}", remedy, UNLINKED)


_NOT_VERIFIED = ("pending", "stopped")
_PENDING = ("unverified-sender", "is not verified")


def sender_is_for_sending(facts: Facts) -> Finding | None:
    """Link and bounce domains have their own work; mail from them would mix what receivers keep apart."""
    domain = facts.sender.from_domain
    if domain is None or domain.kind == "sending" or domain.tenant != facts.identity.tenant:
        return None
    because = f"{domain.name} is a {domain.kind} domain, not one to send from"
    return _refused("not-a-sending-domain", because, "use a sending domain in From")


def sender_is_of_this_stream(facts: Facts) -> Finding | None:
    """A From domain belongs to one stream: its reputation is that stream's."""
    domain = facts.sender.from_domain
    if domain is None or domain.stream == facts.stream or domain.tenant != facts.identity.tenant:
        return None
    if not domain.stream:
        because = f"{domain.name} is not given to any stream yet"
        return _refused("wrong-stream", because, f"give it to one: {_add_words(domain.name, facts.identity)}")
    because = f"{domain.name} is for {domain.stream} mail, and {facts.identity.subscription} sends {facts.stream} mail"
    remedy = f"send it with a subscription of stream {domain.stream}, or from a domain of stream {facts.stream}"
    return _refused("wrong-stream", because, remedy)


def sender_is_listed(facts: Facts) -> Finding | None:
    """A subscription with a list of sender addresses uses no others (Azure: MailFrom, 501 5.1.7)."""
    if facts.sender.listed or not facts.sender.from_address:
        return None
    address, subscription = facts.sender.from_address, facts.identity.subscription
    remedy = f"use a listed one, or: goodstanding sender add {address} --subscription {subscription}"
    return _refused("unlisted-sender", f"{address} is not a sender address of {subscription}", remedy)


def return_path_is_ours(facts: Facts) -> Finding | None:
    """Bounces go to the return path: to a stranger's they would be backscatter, and SPF would fail."""
    return return_path_of_others(facts.identity, facts.sender.sender, facts.sender.return_domain)


def return_path_of_others(identity: Identity, sender: str, domain: DomainFacts | None) -> Finding | None:
    """The same, as soon as the return path is known (MAIL FROM)."""
    if not sender or (domain is not None and domain.tenant == identity.tenant):
        return None
    name = _domain(sender)
    whose = "no tenant here has claimed it" if domain is None else f"it is not tenant {identity.tenant}'s"
    remedy = "use a return path in a domain of yours, such as that of From"
    if domain is None:
        remedy = f"use a return path in a domain of yours, or claim it, if it is yours: {_add_words(name, identity)}"
    return _refused("foreign-return-path", f"the return path is in {name}, and {whose}", remedy, UNLINKED)


def return_path_is_of_this_stream(facts: Facts) -> Finding | None:
    """A return-path domain is an identity like From: one stream's, and in good order."""
    return misaligned_return_path(facts.identity, facts.sender.sender, facts.sender.return_domain)


def misaligned_return_path(identity: Identity, sender: str, domain: DomainFacts | None) -> Finding | None:
    """The same, as soon as the return path is known (MAIL FROM)."""
    if domain is None or domain.tenant != identity.tenant or not sender:
        return None
    fault = _fault(domain, identity.stream)
    if not fault:
        return None
    remedy = f"use a return path in a verified domain of stream {identity.stream}, such as that of From"
    code = UNLINKED if domain.state in _NOT_VERIFIED else "5.7.1"
    if domain.state in _NOT_VERIFIED and domain.stream == identity.stream:
        remedy = _publish(domain.name)
    return _refused("misaligned-return-path", f"the return-path domain {domain.name} {fault}", remedy, code)


def _fault(domain: DomainFacts, stream: Stream) -> str:
    if domain.state in _NOT_VERIFIED:
        why = f": {domain.because}" if domain.because else ""
        return f"is not verified{why}" if domain.state == "pending" else f"has lost its records{why}"
    return f"is for {domain.stream or 'no'} mail, not {stream}" if domain.stream != stream else ""


def signature_is_aligned(facts: Facts) -> Finding | None:
    """DMARC (RFC 9989) asks that the signature speaks for the From domain; large providers refuse the rest."""
    sender = facts.sender
    author = _domain(sender.from_address)
    if not author or sender.from_domain is None or sender.from_domain.tenant != facts.identity.tenant:
        return None
    if not sender.signed_by:
        remedy = f"renew its keys (goodstanding domain rotate {sender.from_domain.name}) and publish them"
        return _refused("unsigned", f"{sender.from_domain.name} has no DKIM key to sign with", remedy, "5.7.20")
    if author == sender.signed_by or author.endswith("." + sender.signed_by):
        return None
    because = f"the signature would be of {sender.signed_by} and From is of {author}"
    return _refused("misaligned-signature", because, "send from the domain that signs", "5.7.20")


def identity_is_isolated(facts: Facts) -> Finding | None:
    """Streams share no address, name or domain: what harms one must not harm the other."""
    if not facts.sender.isolation:
        return None
    remedy = "separate them, or record an exception: goodstanding check shows what is shared, and with whom"
    return _refused("shared-identity", facts.sender.isolation, remedy)


def outreach_is_off_high_trust_routes(facts: Facts) -> Finding | None:
    """Azure, Microsoft 365, SES and their like forbid mail nobody asked for, and block the whole account for it."""
    if facts.stream is not Stream.OUTREACH or not facts.sender.route:
        return None
    because = f"pool {facts.sender.pool or 'of this stream'} sends over {facts.sender.route}, which forbids outreach"
    remedy = "send outreach from addresses of its own: a pool without that route (goodstanding pool set)"
    return _refused("high-trust-route", because, remedy)


def _refused(slug: str, because: str, remedy: str, code: str = "5.7.1") -> Finding:
    return Finding(slug, Action.REFUSE, because, remedy, "", code)


def _domain(address: str) -> str:
    return as_ascii(address.rpartition("@")[2])


def _publish(domain: str) -> str:
    return f"publish its records (goodstanding domain records {domain}), then: goodstanding domain verify {domain}"


def _add(domain: str, identity: Identity) -> str:
    return f"claim it, if it is yours: {_add_words(domain, identity)}"


def _add_words(domain: str, identity: Identity) -> str:
    return f"goodstanding domain add {domain} --tenant {identity.tenant} --stream {identity.stream.value}"

"""Facts to judge: a message nothing speaks against, to be varied one fact at a time."""

from typing import Any

from msgspec import structs

from goodstanding.admission.facts import (
    Assessment,
    Conduct,
    Content,
    DomainFacts,
    Facts,
    Fingerprint,
    Grant,
    Proof,
    Rates,
    Ration,
    RecipientFacts,
    SenderFacts,
    Terms,
)
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName

NOW = 1_790_000_000.0
STRANGER = Grant(True, Proof.NONE, "nothing is known of them")
KNOWN = Grant(True, Proof.PERMISSION, "double opt-in of 2026-03-01", basis="double-opt-in")


def person(address: str = "ann@mail.example", grant: Grant = KNOWN, **changes: Any) -> RecipientFacts:
    plain = RecipientFacts(address, address.rpartition("@")[2], address.encode(), grant)
    return structs.replace(plain, **changes)


def letter(stream: Stream = Stream.TRANSACTIONAL, **changes: Any) -> Facts:
    """One clean message of a stream; ``changes`` replace fields of the facts, of sender, content or terms."""
    domain = DomainFacts("shop.example", "shop", stream.value, state="verified")
    sender = SenderFacts("news@shop.example", "news@shop.example", 1, domain, domain, "shop.example")
    content = Content(
        "hello",
        1000,
        Fingerprint(b"", ()),
        one_click=True,
        unsubscribe=True,
        unsubscribe_text=True,
        postal_address=True,
    )
    identity = Identity(TenantName("shop"), SubscriptionName("shop/app"), stream)
    if "return_path" in changes:  # the field is called as its owner
        sender = structs.replace(sender, sender=changes.pop("return_path"))
    facts = Facts(identity, Terms(), sender, content, (person(),), NOW)
    for part in ("sender", "content", "terms"):
        inner = getattr(facts, part)
        own = {name: changes.pop(name) for name in list(changes) if name in inner.__struct_fields__}
        facts = structs.replace(facts, **{part: structs.replace(inner, **own)})
    return structs.replace(facts, **changes)


def conduct(**changes: Any) -> Conduct:
    """Books that know nothing against it; ``changes`` replace fields of rates, assessment, ration or the whole."""
    rates = Rates(0, 30, 0, 100)
    assessment = Assessment(7, "hello", 10, 10, 0, 0.1, "unclear")
    ration = Ration(0, 0, 0, 50, "subscription shop/app", "50 of 50 are outstanding")
    found = Conduct(rates, assessment, ration)
    for part in ("rates", "assessment", "ration"):
        inner = getattr(found, part)
        own = {name: changes.pop(name) for name in list(changes) if name in inner.__struct_fields__}
        found = structs.replace(found, **{part: structs.replace(inner, **own)})
    return structs.replace(found, **changes)

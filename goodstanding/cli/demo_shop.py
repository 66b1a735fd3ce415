"""The shop of the demo: a sender in good order, with a stream for what people caused and one for its newsletter."""

from __future__ import annotations

from collections.abc import Iterable

from goodstanding.cli.demo_house import House
from goodstanding.cli.demo_mail import FLOWS, NEWS_DOMAIN, NEWSLETTER, OTP, RECEIPTS, SHOP_DOMAIN, Letter
from goodstanding.model import Stream
from goodstanding.sandbox.relations import Relation

SHOP = House(
    tenant="shop",
    streams={OTP: Stream.TRANSACTIONAL, RECEIPTS: Stream.TRANSACTIONAL, NEWSLETTER: Stream.BULK},
    flows=FLOWS,
    domains={Stream.TRANSACTIONAL: SHOP_DOMAIN, Stream.BULK: NEWS_DOMAIN},
    sources={Stream.TRANSACTIONAL: "127.0.1.1", Stream.BULK: "127.0.1.2"},
    hears_at="127.0.1.9",
)
"""Its streams share no address and no domain."""


def acquaintances(letters: Iterable[Letter]) -> list[Relation]:
    """Whom the shop's mail is expected by: readers know the newsletter, customers everything else."""
    return [_relation(one, recipient) for one in letters for recipient in one.recipients]


def _relation(letter: Letter, recipient: str) -> Relation:
    if letter.subscription == NEWSLETTER:
        return Relation(recipient, NEWS_DOMAIN, "subscriber")
    return Relation(recipient, SHOP_DOMAIN, "customer")

"""One journal event of each kind that is told, as docs/payloads.md and ``goodstanding webhook test`` show them."""

from __future__ import annotations

from msgspec import Struct

from goodstanding.events import (
    Accepted,
    Bounced,
    Delivered,
    Event,
    Quarantined,
    Unsubscribed,
)
from goodstanding.evidence import Complained, Engaged, LadderMoved, OrderIssued, Reviewed
from goodstanding.model import BounceClass, MessageId, Touched
from goodstanding.webhooks.content import About, Content, content
from goodstanding.webhooks.endpoint import Kind

AT = 1_795_608_000.0
MESSAGE = MessageId(912_438_271_082_004_480)
TOUCHED = Touched("shop/news", "bulk", "news.shop.example", 17, "shop.example")
ACCEPTED = Accepted(
    *("shop", MESSAGE, 0, AT - 4, "ann@example.net", "shop/news", "bulk", "bounces@news.shop.example", 4_321),
    *("offers@news.shop.example", "<9f1c@news.shop.example>", "What is new in November", "198.51.100.20"),
)
FINDINGS = (
    '[{"slug":"cold-campaign","action":"quarantine","because":"412 of 500 recipients have no recorded relationship",'
    '"remedy":"record where the addresses come from, or send it on an outreach stream","recipient":"","code":"5.7.1"}]'
)


class Sample(Struct, frozen=True):
    """One of them."""

    kind: Kind
    event: Event
    about: About
    words: str
    """What it shows."""

    @property
    def content(self) -> Content:
        """What is told of it."""
        told = content(self.event, self.kind, self.about)
        assert told is not None
        return told


_WHO = ("shop", MESSAGE, 0, AT, "ann@example.net")
_MAIL = About(ACCEPTED)
_HOST = "mx1.example.net [203.0.113.7]"

SAMPLES = (
    Sample(
        Kind.DELIVERY,
        Delivered(*_WHO, _HOST, "250 2.0.0 Ok: queued as 4bX1", source="192.0.2.10", touched=TOUCHED),
        _MAIL,
        "The remote server took responsibility.",
    ),
    Sample(
        Kind.DELIVERY,
        Bounced(
            *(*_WHO, _HOST, "550 5.1.1 <ann@example.net>: Recipient address rejected: User unknown", "recipient", 1),
            touched=TOUCHED,
            klass=BounceClass.NO_SUCH_USER.value,
            hard=True,
        ),
        _MAIL,
        "A hard bounce.",
    ),
    Sample(
        Kind.ENGAGEMENT,
        Engaged(
            *(*_WHO, "clicked"),
            touched=TOUCHED,
            delivered=AT - 600,
            target="https://www.acme.example/news",
            agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
        _MAIL,
        "A recipient followed a link. Only where tracking is on (`feedback.track`).",
    ),
    Sample(
        Kind.COMPLAINT,
        Complained(*_WHO, "abuse", "Example Mail", "arf", TOUCHED, "192.0.2.10", AT - 3600),
        _MAIL,
        "A recipient pressed the junk button, and their provider reported it.",
    ),
    Sample(
        Kind.UNSUBSCRIBE,
        Unsubscribed(*_WHO, "bulk", "one-click", touched=TOUCHED),
        _MAIL,
        "A recipient unsubscribed; the suppression is already in force.",
    ),
    Sample(
        Kind.VERDICT,
        Quarantined(*_WHO, "shop/news", 17, FINDINGS),
        _MAIL,
        "Admission holds a message until evidence or an operator releases it.",
    ),
    Sample(
        Kind.STANDING,
        LadderMoved(
            *("shop", AT, "subscription:shop/news", "watched", "slowed", "evidence-rising"),
            "complaint evidence 1 in 2,400 against 0.1 %: 5 complaints in 310 matured deliveries",
            stream="bulk",
        ),
        About(
            orders=(OrderIssued("shop", AT, "subscription:shop/news", "pace", 100.0, AT + 172_800),),
            link="https://relay.example/standing/...",
        ),
        "An account moved on the ladder, in the words of the notice.",
    ),
    Sample(
        Kind.REVIEW,
        Reviewed("shop", AT, "subscription:shop/news", "reinstated", "operator", "the list was cleaned", stream="bulk"),
        About(link="https://relay.example/standing/..."),
        "A step of a review.",
    ),
)


def sample_test(tenant: str, subscription: str, at: float) -> Content:
    """What a test tells: nothing but that it arrived."""
    data = {"tenant": tenant, "subscription": subscription, "note": "sent by goodstanding webhook test"}
    return Content(Kind.TEST, at, tenant, subscription, "test", data)

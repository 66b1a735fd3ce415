"""Events as the journal has them, for tests of what they mean: one sender's mail, and what came back."""

from __future__ import annotations

from msgspec import structs

from goodstanding.events import Bounced, Deferred, Delivered, Event, Unsubscribed
from goodstanding.evidence import Complained, Engaged, LadderMoved, Measured, Returned
from goodstanding.model import Key, KeyKind, MessageId, Rung, Touched
from goodstanding.reputation.cells import State
from goodstanding.reputation.fold import fold

DAY = 86400.0
START = 20_000 * DAY
NEWS = Touched("shop/news", "bulk", "news.example", 7, "shop.example")
IP = "203.0.113.7"
GOOGLE, MICROSOFT = "aspmx.l.google.com [192.0.2.1]", "hotmail-com.olc.protection.outlook.com [192.0.2.2]"
"""Exchangers, as the journal names them."""
SUBSCRIPTION = Key(KeyKind.SUBSCRIPTION, "shop/news")
CAMPAIGN = Key(KeyKind.CAMPAIGN, "7")
DOMAIN, LINK = Key(KeyKind.DOMAIN, "news.example"), Key(KeyKind.LINK, "shop.example")
ADDRESS, TENANT = Key(KeyKind.IP, IP), Key(KeyKind.TENANT, "shop")


def of(touched: Touched = NEWS, **changes: object) -> Touched:
    """The same with something else in it."""
    return structs.replace(touched, **changes)


def tenant_of(touched: Touched) -> str:
    return touched.subscription.partition("/")[0]


def delivered(at: float, touched: Touched = NEWS, source: str = IP, host: str = GOOGLE) -> Delivered:
    who = (tenant_of(touched), MessageId(1), 0, at, "a@company.example")
    return Delivered(*who, host, "250 2.0.0 ok", source=source, touched=touched)


def complained(
    at: float, sent: float, touched: Touched = NEWS, source: str = IP, host: str = GOOGLE, kind: str = "abuse"
) -> Complained:
    who = (tenant_of(touched), MessageId(1), 0, at, "a@company.example")
    return Complained(*who, kind, "fbl@example.net", touched=touched, source=source, delivered=sent, host=host)


def bounced(
    at: float, reply: str = "550 5.1.1 no such user", touched: Touched = NEWS, hard: bool = True, **more: object
) -> Bounced:
    who = (tenant_of(touched), MessageId(1), 0, at, "a@gmail.com")
    event = Bounced(*who, "mx", reply, "recipient", 1, source=IP, touched=touched, hard=hard)
    return structs.replace(event, **more)


def deferred(at: float, reach: str = "lane", attempts: int = 1, touched: Touched = NEWS) -> Deferred:
    reply = "421 4.7.0 unusual rate"
    who = (tenant_of(touched), MessageId(1), 0, at, "a@gmail.com")
    return Deferred(*who, "mx", reply, reach, attempts, at + 300, source=IP, touched=touched)


def returned(at: float, sent: float, hard: bool = True, touched: Touched = NEWS) -> Returned:
    who = (tenant_of(touched), MessageId(1), 0, at, "a@gmail.com")
    return Returned(*who, "no-such-user", hard, "recipient", "550", touched=touched, source=IP, delivered=sent)


def unsubscribed(at: float, sent: float, touched: Touched = NEWS, way: str = "one-click") -> Unsubscribed:
    who = (tenant_of(touched), MessageId(1), 0, at, "a@gmail.com")
    return Unsubscribed(*who, touched.stream, way, touched=touched, source=IP, delivered=sent)


def engaged(at: float, how: str, by: str = "person", touched: Touched = NEWS) -> Engaged:
    who = (tenant_of(touched), MessageId(1), 0, at, "a@gmail.com")
    return Engaged(*who, how, by, touched=touched, source=IP, delivered=at - 60)


def measured(at: float, key: Key, provider: str = "snds", **figures: int) -> Measured:
    return Measured("shop", at, str(key), provider, at - DAY, at, **figures)


def reinstated(at: float, key: Key, tenant: str = "shop", stream: str = "") -> LadderMoved:
    moved = LadderMoved(tenant, at, str(key), Rung.SUSPENDED, Rung.REINSTATED, "review", "fixed", by="eve")
    return structs.replace(moved, stream=stream)


def folded(*events: Event) -> State:
    """What is known after these, in order."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def campaign(
    start: float, count: int, complaints: int, touched: Touched = NEWS, source: str = IP, hours: float = 1.0
) -> list[Event]:
    """So many deliveries within some hours, and so many complaints about them within the next day, in order."""
    sent = [start + hours * 3600 * place / count for place in range(count)]
    mail: list[Event] = [delivered(at, touched, source) for at in sent]
    every = max(1, count // max(1, complaints))
    about = [sent[(place * every) % count] for place in range(complaints)]
    news: list[Event] = [
        complained(at + 60 + DAY / 2 * place / max(1, complaints), at, touched, source)
        for place, at in enumerate(about)
    ]
    return sorted(mail + news, key=lambda event: event.at)

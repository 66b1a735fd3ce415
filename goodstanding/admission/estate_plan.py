"""What has to be done to turn one estate into another, in an order in which every step stands on the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from goodstanding.admission.estate import (
    Domain,
    Entry,
    Estate,
    IsolationException,
    Pool,
    Sender,
    Subscription,
    Tenant,
    TokenCredential,
    key_of,
)

Verb = Literal["add", "change", "remove"]
WORDS: dict[type[Entry], str] = {
    Tenant: "tenant",
    Pool: "pool",
    Domain: "domain",
    Subscription: "subscription",
    Sender: "sender",
    TokenCredential: "token credential",
    IsolationException: "isolation exception",
}
"""What an entry of each list is called."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One field that gets another value."""

    field: str
    before: object
    after: object

    def __str__(self) -> str:
        """``minute_limit 30 -> 600``."""
        return f"{self.field} {shown(self.before)} -> {shown(self.after)}"


_KEYS = frozenset({"name", "address", "username", "first", "second"})
"""Fields that `key_of` shows already."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that is added, changed or removed."""

    before: Entry | None
    after: Entry | None

    @property
    def entry(self) -> Entry:
        """The entry as it will be, or was."""
        found = self.after if self.after is not None else self.before
        assert found is not None
        return found

    @property
    def verb(self) -> Verb:
        """What happens to it."""
        return "add" if self.before is None else "remove" if self.after is None else "change"

    @property
    def what(self) -> str:
        """``subscription shop/otp``."""
        return f"{WORDS[type(self.entry)]} {key_of(self.entry)}"

    @property
    def tenant(self) -> str:
        """The tenant it concerns; empty: all of them."""
        match self.entry:
            case Tenant(name=name):
                return name
            case Sender(subscription=name) | TokenCredential(subscription=name):
                return name.partition("/")[0]
            case Domain(tenant=tenant) | Pool(tenant=tenant) | Subscription(tenant=tenant):
                return tenant
            case _:
                return ""

    @property
    def details(self) -> tuple[Detail, ...]:
        """The fields that get another value; of a new entry, those without their default, and its stream."""
        if self.after is None:
            return ()
        rows = (
            Detail(
                one.name,
                one.default if self.before is None else getattr(self.before, one.name),
                getattr(self.after, one.name),
            )
            for one in fields(self.after)
            if one.name not in _KEYS
        )
        return tuple(row for row in rows if row.before != row.after or (self.before is None and row.field == "stream"))

    @property
    def destroys(self) -> str:
        """What is lost and cannot be had back by changing it again; empty: nothing."""
        match self.before, self.after:
            case Subscription(), None:
                return "its credentials and sender addresses go with it"
            case Domain(), None:
                return "its DKIM keys are lost, and mail from it is refused"
            case Pool(), None:
                return "its addresses send no more mail"
            case TokenCredential(application=application), None:
                return f"tokens of application {application} open nothing any more"
            case _, None:
                return "it is forgotten"
            case Domain(tenant=was), Domain(tenant=now) if was != now:
                return f"{was} can send from it no more, and {now} has to prove control of it"
            case Domain(stream=was), Domain(stream=now) if was not in ("", now):
                return f"mail of stream {was} from it is refused"
            case Pool(stream=was), Pool(stream=now) if was != now:
                return f"addresses known for {was} send {now}"
            case _:
                return ""

    def __str__(self) -> str:
        """What the journal says: the details, or the verb alone."""
        return {"add": "added", "change": "", "remove": "removed"}[self.verb] + (
            (": " if self.verb == "add" and self.details else "") + ", ".join(map(str, self._told()))
        )

    def _told(self) -> Iterator[str]:
        for detail in self.details:
            yield f"{detail.field} {shown(detail.after)}" if self.before is None else str(detail)


def shown(value: object) -> str:
    """A value as people read it; nothing as a word, because an empty place says nothing."""
    match value:
        case bool():
            return "yes" if value else "no"
        case tuple():
            return " ".join(map(str, value)) or "none"
    return str(value) or "none"


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order in which they are made, and what cannot be done at all."""

    changes: tuple[Change, ...]
    impossible: tuple[str, ...] = ()

    @property
    def destructive(self) -> tuple[Change, ...]:
        """Those that destroy something."""
        return tuple(change for change in self.changes if change.destroys)


def diff(before: Estate, after: Estate) -> Plan:
    """The plan that makes one estate of the other; no changes when they are equal."""
    pairs = {kind: _pairs(before, after, kind) for kind in _LISTS}
    gone = {kind: [change for change in pairs[kind] if change.after is None] for kind in _LISTS}
    kept = {kind: [change for change in pairs[kind] if change.after is not None] for kind in _LISTS}
    order = (
        *kept["tenants"],
        *(
            change
            for kind in ("isolation_exceptions", "token_credentials", "senders", "domains")
            for change in gone[kind]
        ),
        *(change for kind in ("pools", "domains", "subscriptions") for change in kept[kind]),
        *(change for kind in ("senders", "token_credentials", "isolation_exceptions") for change in kept[kind]),
        *(change for kind in ("subscriptions", "pools", "tenants") for change in gone[kind]),
    )
    return Plan(order, tuple(_impossible(order)))


_LISTS = tuple(one.name for one in fields(Estate))


def _pairs(before: Estate, after: Estate, kind: str) -> list[Change]:
    """Entries of one list that differ, by key."""
    was: dict[str, Entry] = {key_of(one): one for one in getattr(before, kind)}
    will: dict[str, Entry] = {key_of(one): one for one in getattr(after, kind)}
    return [Change(was.get(key), will.get(key)) for key in sorted(was | will) if was.get(key) != will.get(key)]


def _impossible(changes: tuple[Change, ...]) -> Iterator[str]:
    for change in changes:
        match change.before, change.after:
            case Subscription(stream=was, name=name), Subscription(stream=now) if was != now:
                remedy = f"declare another subscription for {now}"
                yield f"subscription {name}: its stream is {was} for life, because receivers know it so; {remedy}"
            case TokenCredential(username=name), TokenCredential():
                yield f"token credential {name}: what it is linked to stays; give the new link another user name"

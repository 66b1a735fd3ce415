"""What things are called towards people: accounts, rates, and the texts of `words.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import msgspec
from msgspec import Struct

from goodstanding.enforcement.ladder import Account
from goodstanding.model import KeyKind


class RungWords(Struct, frozen=True, forbid_unknown_fields=True):
    """What a rung is called, and what it means for the mail."""

    title: str
    means: str
    address: str
    """The same of an egress address."""


class CauseWords(Struct, frozen=True, forbid_unknown_fields=True):
    """What has happened, and what to do now."""

    happened: str
    do: str


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """One question of a review."""

    ask: str
    why: str


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """All texts."""

    rung: Mapping[str, RungWords]
    cause: Mapping[str, CauseWords]
    shadow: str
    """What is said first where nothing is applied."""
    warning: Mapping[str, str]
    """What follows if evidence stays, by the cause that led to a rung on which there is time to stop."""
    signal: Mapping[str, str]
    """What to do about each kind of evidence."""
    scope: Mapping[str, str]
    """What else goes on as before, by kind of key."""
    question: Mapping[str, Question]
    """The questions of a review, in their order."""


WORDS: Words = msgspec.toml.decode(
    resources.files("goodstanding.enforcement").joinpath("words.toml").read_bytes(), type=Words
)


def named(account: Account) -> str:
    """As commands take it: ``campaign:17 of shop``, ``subscription:shop/news``, ``outreach mail of tenant:shop``."""
    kind = account.key.kind
    if kind is KeyKind.CAMPAIGN and account.tenant:
        return f"{account.key} of {account.tenant}"
    if kind is KeyKind.TENANT and account.stream:
        return f"{account.stream} mail of {account.key}"
    return str(account.key)


def per_hour(rate: float) -> str:
    """``100 recipients an hour``."""
    return f"{rate:,.0f} recipients an hour" if rate != 1 else "1 recipient an hour"

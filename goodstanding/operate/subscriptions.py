"""Verbs on who sends: subscriptions and their credentials."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from re import Pattern

from goodstanding.admission.estate import NAME as NAME
from goodstanding.admission.estate import SUBSCRIPTION, USERNAME, TokenCredential
from goodstanding.errors import GoodstandingError
from goodstanding.events import EstateChanged
from goodstanding.model import Identity, Stream
from goodstanding.sealed import derive
from goodstanding.store import estate, journal
from goodstanding.store.db import Database, Tx
from goodstanding.store.estate import Credential
from goodstanding.submission.authentication import CREDENTIAL_PURPOSE as CREDENTIAL_PURPOSE
from goodstanding.submission.authentication import digest


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A credential with its secret, which nobody can show again."""

    username: str
    secret: str
    identity: Identity

    def __repr__(self) -> str:
        """Without the secret: what is printed ends up in logs."""
        return f"NewCredential({self.username!r}, {self.identity!r})"


def add_subscription(database: Database, name: str, stream: Stream | None, by: str = "") -> Identity:
    """The subscription, made together with its tenant when absent, for which a stream must be named."""
    checked(name, SUBSCRIPTION, "write a subscription as tenant/application, in small letters, digits and hyphens")
    with database.tx() as tx:
        return ensured(tx, name, stream, by)


def ensured(tx: Tx, name: str, stream: Stream | None, by: str) -> Identity:
    """A known subscription as it is, a new one on the limits of a new one."""
    known = estate.subscription(tx, name)
    if known is None and stream is None:
        choices = ", ".join(Stream)
        raise GoodstandingError(f"there is no subscription {name} yet; say what it sends with --stream ({choices})")
    if known is not None and stream not in (None, known.stream):
        raise GoodstandingError(
            f"{name} sends on stream {known.stream} and cannot change it; make another subscription for {stream}"
        )
    if known is not None:
        return known
    now, wanted = time.time(), stream or Stream.TRANSACTIONAL
    made = estate.add_subscription(tx, name, wanted, now)
    journal.append(tx, [EstateChanged(made.tenant, now, f"subscription {name}", f"added: stream {wanted}", by)])
    return made


def add_credential(
    database: Database, master: bytes, subscription: str, stream: Stream | None, by: str = "", username: str = ""
) -> NewCredential:
    """The same as `credential`, in a transaction of its own."""
    with database.tx() as tx:
        return credential(tx, master, subscription, stream, by, username)


def credential(
    tx: Tx, master: bytes, subscription: str, stream: Stream | None, by: str = "", username: str = ""
) -> NewCredential:
    """A new user name and random secret for a subscription; ``username`` empty: one is made up.

    Raises GoodstandingError when the name is taken or was once: what is revoked never opens anything again.
    """
    checked(subscription, SUBSCRIPTION, "write a subscription as tenant/application, small letters, digits, hyphens")
    username = username or f"{subscription.replace('/', '-')}-{secrets.token_hex(3)}"
    checked(username, USERNAME, "a user name has up to 256 ASCII characters and no spaces")
    secret = secrets.token_urlsafe(32)
    hashed, now = digest(derive(master, CREDENTIAL_PURPOSE), secret), time.time()
    identity = ensured(tx, subscription, stream, by)
    unused(tx, username)
    estate.add_credential(tx, username, subscription, hashed, now)
    journal.append(tx, [EstateChanged(identity.tenant, now, f"credential {username}", "added", by)])
    return NewCredential(username, secret, identity)


def add_link(tx: Tx, link: TokenCredential, now: float) -> None:
    """A credential that tokens open, perhaps again. GoodstandingError when its user name is taken, or had a secret."""
    known = estate.credential_named(tx, link.username)
    if known is not None and known.link is not None and known.revoked is not None:
        estate.forget_credential(tx, known.username)
    unused(tx, link.username)
    estate.link_credential(tx, link, now)


def unused(tx: Tx, username: str) -> None:
    """GoodstandingError when a user name, in any spelling, names or has named a credential."""
    estate.alone(tx)
    known = estate.credential_named(tx, username)
    if known is not None:
        was = "is" if known.revoked is None else "was, and is revoked:"
        raise GoodstandingError(
            f"{username}: {known.username} {was} a credential of {known.identity.subscription}; "
            "user names are used once, choose another with --username"
        )


def link_name(link: TokenCredential) -> str:
    """A user name as ACS would make it: ``resource|application|tenant``."""
    parts = [link.subscription.replace("/", "-"), link.application, link.issuer_tenant]
    return "|".join(part for part in parts if part)


def revoke_credential(database: Database, username: str, by: str = "") -> None:
    """Let a credential open nothing any more; GoodstandingError when there is no live one of that name."""
    now = time.time()
    with database.tx() as tx:
        known = estate.live_credential(tx, username)
        if known is None or not estate.revoke_credential(tx, known.username, now):
            raise GoodstandingError(f"there is no live credential {username}; goodstanding credential list shows them")
        journal.append(tx, [EstateChanged(known.identity.tenant, now, f"credential {known.username}", "revoked", by)])


def credentials(database: Database) -> list[Credential]:
    """All credentials, revoked ones too, by user name."""
    with database.read() as tx:
        return estate.credentials(tx)


def checked(text: str, shape: Pattern[str], remedy: str) -> None:
    """Nothing when the text has the shape; else GoodstandingError with the remedy."""
    if not shape.fullmatch(text):
        raise GoodstandingError(f"{text!r}: {remedy}")

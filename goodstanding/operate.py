"""What operators may do: every act of the command line, and later of the API and the console, is one function here.

Verbs on the queue work in batches of `BATCH`, each one transaction with its journal entries: a verb over a million
recipients never keeps the writers waiting, and what an interrupted one has done so far is done properly.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from goodstanding.errors import GoodstandingError, SettingsError
from goodstanding.events import Dropped, Event, Held, Released, Retried
from goodstanding.model import DkimKey, Identity, Stream
from goodstanding.sealed import MASTER_SIZE, NONCE_SIZE, derive, seal, unseal
from goodstanding.settings import Settings
from goodstanding.store import estate, journal, listing
from goodstanding.store.db import Database, Tx
from goodstanding.store.estate import Credential
from goodstanding.store.listing import FIRST_KEY, Filter, Key, Touched
from goodstanding.store.schema import migrate
from goodstanding.store.spool import Spool
from goodstanding.submission.authentication import digest
from goodstanding.submission.signing import context_of
from goodstanding.wire.address import domain_to_ascii
from goodstanding.wire.dkim import KeyKind, dns_record, generate_key, load_key

BATCH = 500
"""Recipients a verb changes in one transaction: some ten milliseconds."""
ASK_EVERY = 0.25


def open_estate(settings: Settings) -> tuple[Database, bytes]:
    """The database with its present schema, and the master key; both are made when absent.

    Raises SettingsError or StoreError when they cannot be used.
    """
    folder, database = Path(settings.data_dir), database_of(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise SettingsError([f"data_dir: {folder} cannot be made: {exc.strerror}"]) from exc
    if database.engine == "sqlite" and not database.path.exists() and any(folder.glob("spool/*.seg")):
        lost = f"data_dir: {folder} has a spool but no {database.path.name}, and a new one would forget that mail"
        raise SettingsError([f"{lost}; restore it from your backup, or move the spool away"])
    with database.read():  # a server that is down is a StoreError here; below it would be one of SQLAlchemy's
        pass
    migrate(database)
    if not secret_path(settings).exists():
        with database.read() as tx:
            if estate.credentials(tx) or estate.dkim_keys(tx):  # a new key would open none of them
                raise SettingsError([f"secret_file: {secret_path(settings)} is missing; restore it from your backup"])
    return database, _master_key(secret_path(settings))


def database_of(settings: Settings) -> Database:
    """The database as it is, not opened yet."""
    return Database(settings.store.url or f"sqlite:///{Path(settings.data_dir) / 'goodstanding.db'}")


def secret_path(settings: Settings) -> Path:
    """The file that holds the master key."""
    return Path(settings.secret_file) if settings.secret_file else Path(settings.data_dir) / "secret.key"


def unreadable_keys(settings: Settings) -> list[str]:
    """DKIM keys that the master key does not open, in words; changes nothing, so a store not made yet has none."""
    database = database_of(settings)
    if not secret_path(settings).exists() or (database.engine == "sqlite" and not database.path.exists()):
        return []
    try:
        master = _master_key(secret_path(settings))
        for domain in domains(database):
            records(database, master, domain.name)
    except GoodstandingError as exc:
        return [str(exc)]
    finally:
        database.close()
    return []


def open_spool(settings: Settings, database: Database) -> Spool:
    """The spool, for reading and forgetting; writing is for workers."""
    return Spool(Path(settings.data_dir) / "spool", database, owner=0, segment_size=settings.store.segment_size)


def _master_key(path: Path) -> bytes:
    """The bytes in the secret file; a new one, readable by its owner only, when there is none."""
    try:
        if not path.exists():
            _write_new(path, os.urandom(MASTER_SIZE).hex())
        master = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as exc:
        raise SettingsError([f"secret_file: {path} cannot be read or made: {exc.strerror}"]) from exc
    except ValueError:
        master = b""
    if len(master) < MASTER_SIZE:
        wanted = f"at least {2 * MASTER_SIZE} hexadecimal digits"
        raise SettingsError([f"secret_file: {path} does not hold {wanted}; restore it from your backup"])
    return master


def _write_new(path: Path, text: str) -> None:
    """Create a file whole or not at all; when another process was first, its file stays."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


@dataclass(frozen=True, slots=True)
class Order:
    """Whom a verb concerns, who gives it, and why."""

    filter: Filter
    by: str
    because: str = ""
    patience: float = 3.0
    """Seconds to wait for workers to hand over what they claimed and did not begin; they look twice a second."""
    told: Callable[[Sequence[Event]], None] = lambda events: None  # hears of the journal entries of every commit


@dataclass(frozen=True, slots=True)
class Effect:
    """What a verb came to, in recipients."""

    changed: int = 0
    under_way: int = 0
    """Being attempted just now: their worker knows the wish, and grants it unless the attempt ends the matter."""


Watch = Callable[[Effect], None]
"""Told the effect so far after each batch."""


def unwatched(effect: Effect) -> None:
    """Nobody looks."""


def hold(database: Database, order: Order, watch: Watch = unwatched) -> Effect:
    """Stop what waits, until it is released."""

    def tell(tx: Tx, held: list[Touched], now: float) -> None:
        journal.append(tx, [Held(r.tenant, r.message, r.n, now, r.recipient, order.by, order.because) for r in held])

    def batch(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        held, under_way = listing.hold(tx, keys)
        tell(tx, held, now)
        return len(held), under_way

    def again(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        granted = listing.granted(tx, keys)
        tell(tx, granted, now)
        held, under_way = batch(tx, keys, now)
        return len(granted) + held, under_way

    return _Run(database, order, watch).carry_out(batch, again)


def release(database: Database, order: Order, watch: Watch = unwatched) -> Effect:
    """Let what is held go on, at once; wishes to hold or drop what is under way are withdrawn."""

    def batch(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        released, withdrawn = listing.release(tx, keys, now)
        journal.append(tx, [Released(r.tenant, r.message, r.n, now, r.recipient, order.by) for r in released])
        return len(released), withdrawn

    return _Run(database, order, watch).carry_out(batch)


def retry(database: Database, order: Order, watch: Watch = unwatched) -> Effect:
    """Try what waits for later at once. What is held stays held: release it."""

    def batch(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        retried = listing.retry(tx, keys, now)
        journal.append(tx, [Retried(r.tenant, r.message, r.n, now, r.recipient, order.by) for r in retried])
        return len(retried), []

    return _Run(database, order, watch).carry_out(batch)


def drop(database: Database, spool: Spool, order: Order, watch: Watch = unwatched) -> Effect:
    """Take recipients out of the queue for good; nobody is told."""

    def batch(tx: Tx, keys: list[Key], now: float) -> tuple[int, list[Key]]:
        dropped, under_way, gone = listing.drop(tx, keys)
        events = [Dropped(r.tenant, r.message, r.n, now, r.recipient, order.by, order.because) for r in dropped]
        journal.append(tx, events)
        spool.forget(tx, gone)
        return len(dropped), under_way

    return _Run(database, order, watch, spool).carry_out(batch, batch)


Batch = Callable[[Tx, list[Key], float], tuple[int, list[Key]]]
"""Changes recipients in a transaction: how many were changed, and which are under way."""


class _Run:
    """One verb on its way through the queue, batch by batch."""

    def __init__(self, database: Database, order: Order, watch: Watch, spool: Spool | None = None) -> None:
        self._database = database
        self._order = order
        self._watch = watch
        self._spool = spool
        self._changed = 0
        self._under_way: list[Key] = []

    def carry_out(self, batch: Batch, again: Batch | None = None) -> Effect:
        """Change every recipient meant; ask ``again`` for a while about those that were under way."""
        last = FIRST_KEY
        while keys := self._next(last):
            last = keys[-1]
            self._under_way += self._commit(batch, keys)
        deadline = time.monotonic() + self._order.patience
        while again is not None and self._under_way and time.monotonic() < deadline:
            time.sleep(ASK_EVERY)
            waiting, self._under_way = self._under_way, []
            for at in range(0, len(waiting), BATCH):
                self._under_way += self._commit(again, waiting[at : at + BATCH])
        return Effect(self._changed, len(self._under_way))

    def _next(self, last: Key) -> list[Key]:
        """Looking needs no write lock, so it does not hold up those who write."""
        with self._database.read() as tx:
            return listing.select(tx, self._order.filter, last, BATCH)

    def _commit(self, batch: Batch, keys: list[Key]) -> list[Key]:
        """One batch, durably; those under way."""
        try:
            with self._database.tx() as tx:
                changed, under_way = batch(tx, keys, time.time())
        except BaseException:
            if self._spool is not None:
                self._spool.undone()
            raise
        if self._spool is not None:
            self._spool.committed()
        self._order.told(tx.appended)
        self._changed += changed
        self._watch(Effect(self._changed, len(self._under_way)))
        return under_way


_KINDS: tuple[tuple[KeyKind, str], ...] = (("rsa-sha256", "r"), ("ed25519-sha256", "e"))
"""Both, because many receivers do not verify Ed25519 yet (RFC 8463 §6 advises the pair)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One TXT record to publish."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that a tenant may sign for."""

    name: str
    tenant: str
    selectors: tuple[str, ...]


def add_domain(database: Database, master: bytes, name: str, tenant: str) -> list[Record]:
    """Give a domain to a tenant, with two DKIM keys unless it has keys; the records to publish."""
    domain, now = _checked_domain(name), time.time()
    _checked(tenant, _NAME, "a tenant's name has small letters, digits and hyphens, e.g. shop")
    month = time.strftime("gs%Y%m", time.gmtime(now))
    made = [(f"{month}{suffix}", kind, generate_key(kind)) for kind, suffix in _KINDS]
    with database.tx() as tx:
        owner = estate.add_domain(tx, domain, tenant, now)
        if owner != tenant:
            raise GoodstandingError(f"{domain} belongs to tenant {owner}; remove it there first")
        if not estate.dkim_keys(tx, domain):
            for selector, kind, private in made:
                sealed = seal(master, private, context_of(domain, selector), os.urandom(NONCE_SIZE))
                estate.add_dkim_key(tx, DkimKey(domain, selector, kind, sealed, now))
    return records(database, master, domain)


def remove_domain(database: Database, name: str) -> None:
    """Forget a domain and its keys; GoodstandingError when there is none."""
    with database.tx() as tx:
        if not estate.remove_domain(tx, _checked_domain(name)):
            raise GoodstandingError(f"there is no domain {name}; goodstanding domain list shows them")


def domains(database: Database) -> list[Domain]:
    """All domains with the selectors of their keys, by name."""
    with database.read() as tx:
        keys = estate.dkim_keys(tx)
        found = estate.domains(tx)
    return [Domain(name, tenant, tuple(key.selector for key in keys if key.domain == name)) for name, tenant in found]


def records(database: Database, master: bytes, name: str) -> list[Record]:
    """The TXT records a domain's keys are published in (RFC 6376 §3.6.2)."""
    domain = _checked_domain(name)
    with database.read() as tx:
        keys = estate.dkim_keys(tx, domain)
    if not keys:
        raise GoodstandingError(
            f"there is no domain {domain}; add it with goodstanding domain add {domain} --tenant NAME"
        )
    return [Record(f"{key.selector}._domainkey.{domain}", dns_record(load_key(_opened(master, key)))) for key in keys]


def _opened(master: bytes, key: DkimKey) -> bytes:
    private = unseal(master, key.sealed, context_of(key.domain, key.selector))
    if private is None:
        raise GoodstandingError(
            f"the key {key.selector} of {key.domain} was sealed with another master key: "
            "restore that secret file, or remove the domain and add it again"
        )
    return private


def _checked_domain(name: str) -> str:
    domain = domain_to_ascii(name.rstrip("."))
    if domain is None or "." not in domain:
        raise GoodstandingError(f"{name!r} is not a domain; write it like example.com")
    return domain


CREDENTIAL_PURPOSE = "credentials"
"""What the key under which secrets are hashed is derived for."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_SUBSCRIPTION = re.compile(rf"{_NAME.pattern}/{_NAME.pattern}")


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A credential with its secret, which nobody can show again."""

    username: str
    secret: str
    identity: Identity

    def __repr__(self) -> str:
        """Without the secret: what is printed ends up in logs."""
        return f"NewCredential({self.username!r}, {self.identity!r})"


def add_subscription(database: Database, name: str, stream: Stream | None) -> Identity:
    """The subscription, made together with its tenant when absent, for which a stream must be named."""
    _checked(name, _SUBSCRIPTION, "write a subscription as tenant/application, in small letters, digits and hyphens")
    with database.tx() as tx:
        known = estate.subscription(tx, name)
        if known is None and stream is None:
            choices = ", ".join(Stream)
            raise GoodstandingError(f"there is no subscription {name} yet; say what it sends with --stream ({choices})")
        if known is not None and stream not in (None, known.stream):
            raise GoodstandingError(
                f"{name} sends on stream {known.stream} and cannot change it; make another subscription for {stream}"
            )
        return known or estate.add_subscription(tx, name, stream or Stream.TRANSACTIONAL, time.time())


def add_credential(database: Database, master: bytes, subscription: str, stream: Stream | None) -> NewCredential:
    """A new user name and random secret for a subscription."""
    identity = add_subscription(database, subscription, stream)
    username = f"{subscription.replace('/', '-')}-{secrets.token_hex(3)}"
    secret = secrets.token_urlsafe(32)
    hashed = digest(derive(master, CREDENTIAL_PURPOSE), secret)
    with database.tx() as tx:
        estate.add_credential(tx, username, subscription, hashed, time.time())
    return NewCredential(username, secret, identity)


def revoke_credential(database: Database, username: str) -> None:
    """Let a credential open nothing any more; GoodstandingError when there is no live one of that name."""
    with database.tx() as tx:
        if not estate.revoke_credential(tx, username, time.time()):
            raise GoodstandingError(f"there is no live credential {username}; goodstanding credential list shows them")


def credentials(database: Database) -> list[Credential]:
    """All credentials, revoked ones too, by user name."""
    with database.read() as tx:
        return estate.credentials(tx)


def _checked(text: str, shape: re.Pattern[str], remedy: str) -> None:
    if not shape.fullmatch(text):
        raise GoodstandingError(f"{text!r}: {remedy}")

"""The way in: the database with its present schema, the master key and the spool, as the settings name them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from goodstanding.admission.verification import Case, Judgement
from goodstanding.errors import SettingsError
from goodstanding.sealed import MASTER_SIZE
from goodstanding.settings import Settings
from goodstanding.store import domains, estate
from goodstanding.store.db import Database
from goodstanding.store.schema import migrate
from goodstanding.store.spool import Spool


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
            if estate.credentials(tx) or domains.dkim_keys(tx):  # a new key would open none of them
                raise SettingsError([f"secret_file: {secret_path(settings)} is missing; restore it from your backup"])
    return database, master_key(secret_path(settings))


def database_of(settings: Settings) -> Database:
    """The database as it is, not opened yet."""
    return Database(settings.store.url or f"sqlite:///{Path(settings.data_dir) / 'goodstanding.db'}")


def secret_path(settings: Settings) -> Path:
    """The file that holds the master key."""
    return Path(settings.secret_file) if settings.secret_file else Path(settings.data_dir) / "secret.key"


def open_spool(settings: Settings, database: Database) -> Spool:
    """The spool, for reading and forgetting; writing is for workers."""
    return Spool(Path(settings.data_dir) / "spool", database, owner=0, segment_size=settings.store.segment_size)


def look_up(settings: Settings, cases: Sequence[Case], done: Callable[[int], None]) -> list[Judgement]:
    """The judgements on claimed domains, in order, by the DNS of this moment; ``done`` hears how many are ready."""
    from goodstanding.net.clock import RealClock, SystemEntropy  # few commands ask DNS, and dnspython is large
    from goodstanding.net.dns import DnsResolver, ResolverSettings
    from goodstanding.submission.reverify import AT_ONCE, look

    asked = ResolverSettings(settings.dns.nameservers, settings.dns.port, settings.dns.timeout)

    async def all_of_them() -> list[Judgement]:
        resolver = DnsResolver(asked, clock=RealClock(), entropy=SystemEntropy())
        found: list[Judgement] = []
        for at in range(0, len(cases), AT_ONCE):
            found += await asyncio.gather(*(look(resolver, case) for case in cases[at : at + AT_ONCE]))
            done(len(found))
        return found

    return asyncio.run(all_of_them())


def master_key(path: Path) -> bytes:
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

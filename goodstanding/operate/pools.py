"""Every pool there is: those of the settings, which all tenants share, and those of the store."""

from __future__ import annotations

from typing import Literal

from goodstanding import settings as machine
from goodstanding.admission.estate import Pool
from goodstanding.operate.estate import present
from goodstanding.settings import Settings
from goodstanding.store.db import Database

Origin = Literal["settings", "store"]


def known(settings: Settings, database: Database) -> list[tuple[Pool, Origin]]:
    """All pools and where they are declared; one of the store takes the place of one of its name in the settings."""
    stored = present(database).pools
    names = {pool.name for pool in stored}
    rows: list[tuple[Pool, Origin]] = [(_shared(pool), "settings") for pool in settings.pools if pool.name not in names]
    return [*rows, *((pool, "store") for pool in stored)]


def _shared(pool: machine.Pool) -> Pool:
    """A pool of the settings, as one of the store."""
    names = {"hello": pool.hello, "bounce_domain": pool.bounce_domain, "route": pool.route}
    return Pool(pool.name, pool.stream, addresses=pool.addresses, penalty=pool.penalty, **names)

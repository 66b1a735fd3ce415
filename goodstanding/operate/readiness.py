"""What would keep mail from entering, told before mail comes: to whoever starts the relay, and to whoever checks it."""

from __future__ import annotations

from goodstanding.admission.readiness import unready
from goodstanding.errors import StoreError
from goodstanding.operate.opening import database_of
from goodstanding.settings import Settings
from goodstanding.store import estate
from goodstanding.store.db import Database
from goodstanding.store.schema import HEAD, revision

BEFORE_ADMISSION = "0001"
"""Schema of the release that asked nobody for a domain."""
SHADOW = 'or judge only, for now: admission.mode = "shadow" (docs/operations.md, Upgrading)'


def refusals(settings: Settings, database: Database) -> list[str]:
    """Subscriptions that admission lets send nothing, with what to do; nobody, unless it is enforced."""
    if settings.admission.mode != "enforce":
        return []
    try:
        with database.read() as tx:
            found = list(unready(estate.view(tx)))
    except StoreError:
        return []  # what is wrong with the store is said by whoever needs it
    return [*found[:-1], f"{found[-1]}; {SHADOW}"] if found else []


def refusals_at_present(settings: Settings) -> list[str]:
    """The same of what there is, making and changing nothing; of a store that is not of this release, nothing."""
    database = database_of(settings)
    try:
        return refusals(settings, database) if revision(database) == HEAD else []
    finally:
        database.close()


def upgrade(settings: Settings) -> list[str]:
    """What the first start on the store of an earlier release would do to its mail, and what to do instead."""
    database = database_of(settings)
    try:
        if revision(database) != BEFORE_ADMISSION or settings.admission.mode != "enforce":
            return []
        return [
            "the store is of a release without admission, and mail from domains that are not verified will be "
            'refused: start with admission.mode = "shadow", and keep a copy of data_dir, for the first start '
            "upgrades the store and the old release cannot read it then (docs/operations.md, Upgrading)"
        ]
    finally:
        database.close()

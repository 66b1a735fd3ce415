"""Tells a worker of other orders within a second, by looking at the number that changes with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from goodstanding.enforcement.in_force import InForce
from goodstanding.errors import StoreError
from goodstanding.store import enforcement
from goodstanding.store.db import Database

log = structlog.get_logger("enforcement")

LOOK_EVERY = 0.25
"""Seconds between looks."""


async def watch(database: Database, changed: Callable[[InForce], None]) -> None:
    """Call ``changed`` with the orders in force whenever they are others; runs until cancelled."""
    serial = -1
    while True:
        try:
            found = await asyncio.to_thread(_changed_since, database, serial)
            if found is not None:
                changed(found)
                serial = found.serial
        except StoreError as exc:
            log.error("orders not read", error=str(exc))
        except Exception as exc:  # a worker that no longer looks would obey old orders for ever
            log.error("orders not read", exc_info=exc)
        await asyncio.sleep(LOOK_EVERY)


def _changed_since(database: Database, serial: int) -> InForce | None:
    with database.read() as tx:
        return enforcement.view(tx) if enforcement.revision(tx) != serial else None

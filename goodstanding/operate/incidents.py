"""Verbs on incidents: mail that must go to many who do not expect it (a breach notice, a mass reset), on the record.

An application names the incident with its messages (``X-Goodstanding-Incident``). Until its end, and up to its number
of recipients, they are neither rationed nor judged by what a campaign looks like; everything else holds as ever.
"""

from __future__ import annotations

import re
import time

from goodstanding.admission.books import Incident as Incident
from goodstanding.errors import GoodstandingError
from goodstanding.events import EstateChanged
from goodstanding.store import estate, incidents, journal
from goodstanding.store.db import Database

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
LONGEST = 30 * 86_400.0
"""Seconds an incident may last: what takes longer is no incident."""


def declare(
    database: Database, name: str, subscription: str, recipients: int, seconds: float, words: tuple[str, str]
) -> Incident:
    """Record an incident of a subscription; ``words``: who declares it, and why. Raises GoodstandingError."""
    by, because = words
    if not NAME.fullmatch(name):
        raise GoodstandingError(
            f"{name!r}: an incident's name has letters, digits, dots and hyphens, e.g. breach-2026-11"
        )
    if not because.strip():
        raise GoodstandingError("an incident needs a reason, which is kept; give it with --because")
    if recipients < 1 or not 0 < seconds <= LONGEST:
        raise GoodstandingError(
            "say how many recipients it may reach (--recipients) and for how long (--hours, 720 at most)"
        )
    now = time.time()
    with database.tx() as tx:
        identity = estate.subscription(tx, subscription)
        if identity is None:
            raise GoodstandingError(
                f"there is no subscription {subscription}; goodstanding subscription list shows them"
            )
        found = Incident(name, identity.tenant, subscription, now, now + seconds, recipients, because.strip())
        if not incidents.put(tx, found, by):
            raise GoodstandingError(f"there was an incident {name} before; take another name, the old one is on record")
        change = f"declared for {recipients:,} recipients of {subscription}: {because.strip()}"
        journal.append(tx, [EstateChanged(identity.tenant, now, f"incident {name}", change, by)])
    return found


def end(database: Database, name: str, by: str) -> Incident:
    """Let an incident be over now."""
    now = time.time()
    with database.tx() as tx:
        found = incidents.end(tx, name, now)
        if found is None:
            raise GoodstandingError(f"no incident {name} is under way; goodstanding incident list shows them")
        journal.append(tx, [EstateChanged(found.tenant, now, f"incident {name}", "ended", by)])
    return found


def declared(database: Database) -> list[Incident]:
    """All incidents, the newest first."""
    with database.read() as tx:
        return incidents.declared(tx)

"""Addresses to which platforms post reports: secret, one a source, the same for as long as the master key is."""

from __future__ import annotations

import time
from enum import StrEnum
from hmac import compare_digest

from goodstanding.errors import GoodstandingError
from goodstanding.feedback import event_grid, sns
from goodstanding.feedback.bodies import read_body
from goodstanding.sealed import derive
from goodstanding.store import reports
from goodstanding.store.db import Database
from goodstanding.store.reports import Report

PATH = "/hooks/"
AT_ONCE = 65_536
"""Octets of a body that are read while its sender waits: some milliseconds."""


class Source(StrEnum):
    """Who posts; it stands in the journal. What is in a body decides how it is read."""

    AZURE = "azure"
    SES = "ses"
    GOOGLE = "google"
    MICROSOFT = "microsoft"
    XARF = "xarf"
    OTHER = "other"


def secret(master: bytes, source: str) -> str:
    """What makes the address of a source secret."""
    return derive(master, f"hook {source}").hex()[:32]


def is_one(master: bytes, source: str, said: str) -> bool:
    """Whether somebody knows the address of a source."""
    return source in tuple(Source) and compare_digest(secret(master, source).encode(), said.encode())


def addresses(master: bytes, base: str) -> list[tuple[Source, str]]:
    """Sources and their addresses below that of the site."""
    return [(source, f"{base}{PATH}{source}/{secret(master, source)}") for source in Source]


def keep(database: Database, source: str, octets: bytes, by: str) -> None:
    """Take a file of reports in as if its source had posted it. GoodstandingError when nobody could read it."""
    if not read_body(octets):
        raise GoodstandingError("nothing in it is a report that can be read; goodstanding feedback classify tells more")
    with database.tx() as tx:
        reports.add(tx, [Report(time.time(), source, by, "", "", octets)])


def understood(octets: bytes, content_type: str) -> bool:
    """Whether anything in a body can be read; a large one is taken at its word, for whoever posts it waits."""
    return len(octets) > AT_ONCE or bool(read_body(octets, content_type))


def challenge(octets: bytes) -> str:
    """What Azure Event Grid wants to hear back before it posts here; empty: it asks nothing."""
    return event_grid.validation_code(octets)


def to_confirm(octets: bytes) -> str | None:
    """What Amazon SNS wants to be visited before it posts here; empty: a place that is not its own; None: nothing."""
    return sns.asked(octets)

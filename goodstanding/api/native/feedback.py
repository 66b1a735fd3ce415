"""What comes back: reports read, taken in, and the addresses they are posted to."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from goodstanding.api.native.fields import LINES
from goodstanding.api.native.routes import MIB, Call, Routes
from goodstanding.operate import hooks as posted
from goodstanding.operate import reports
from goodstanding.operate.hooks import Source

routes = Routes("feedback", "Reports about mail that went out: what they say, and where they are posted.")


class Report(Struct, forbid_unknown_fields=True, kw_only=True):
    """A report: a message, a body of a request (JSON, XML, CSV), or SMTP replies, one a line."""

    content: Annotated[str, Meta(min_length=1, max_length=2_000_000, pattern=LINES)]


class ReportToKeep(Struct, forbid_unknown_fields=True, kw_only=True):
    """A report to take in, as if its source had posted it."""

    content: Annotated[str, Meta(min_length=1, max_length=2_000_000, pattern=LINES)]
    source: Source


class Hook(Struct, frozen=True, kw_only=True):
    """Where a platform posts its reports; whoever knows the address may."""

    source: Source
    address: str


class Newest(Struct, forbid_unknown_fields=True, kw_only=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="How many of the newest.")] = 20


class UnmatchedReport(Struct, frozen=True, kw_only=True):
    """A report that changed nothing."""

    at: float
    kind: str
    """What it was read as: bounce, complaint, ..., or unreadable."""
    reader: str
    """Which source understood it; empty: none did."""
    reporter: str
    because: str


class UnmatchedReports(Struct, frozen=True, kw_only=True):
    """Reports that changed nothing, newest first."""

    total: int
    """How many the journal knows of."""
    latest: list[UnmatchedReport]


class ReportTaken(Struct, frozen=True, kw_only=True):
    """It is durable; the follower reads it within a second."""

    taken: bool


@routes.post("/feedback/classify", "", limit=4 * MIB)
def classify(call: Call, body: Report) -> list[dict[str, Any]]:
    """Tell what bounces, complaints, replies and other reports say; nothing is kept."""
    return [msgspec.to_builtins(one) for one in reports.read(body.content.encode(), "request")]


@routes.get("/feedback/hooks", "feedback:read", operator=True)
def hooks(call: Call) -> list[Hook]:
    """List the secret addresses to which platforms post reports (Azure Event Grid, Amazon SNS, ...)."""
    base = call.place.settings.web.base
    found = posted.addresses(call.place.master, base) if base else []
    return [Hook(source=source, address=address) for source, address in found]


@routes.get("/feedback/unmatched", "feedback:read", operator=True)
def unmatched(call: Call, query: Newest) -> UnmatchedReports:
    """List reports that changed nothing: they belong to no message of ours, or do not prove that they do."""
    found = reports.unmatched(call.place.database, query.limit)
    latest = [
        UnmatchedReport(at=one.at, kind=one.kind, reader=one.reader, reporter=one.reporter, because=one.because)
        for one in found.latest
    ]
    return UnmatchedReports(total=found.total, latest=latest)


@routes.post("/feedback/import", "feedback:write", operator=True, limit=4 * MIB)
def import_(call: Call, body: ReportToKeep) -> ReportTaken:
    """Take figures or reports in."""
    posted.keep(call.place.database, body.source.value, body.content.encode(), call.by)
    return ReportTaken(taken=True)

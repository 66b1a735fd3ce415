"""Who is not written to, and why."""

from __future__ import annotations

import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from goodstanding.api.native.fields import (
    LINES,
    PRINTABLE,
    Address,
    Because,
    Document,
    Format,
    LongLine,
    OneStream,
    OptionalTenant,
    Paging,
)
from goodstanding.api.native.paging import turned
from goodstanding.api.native.problems import ProblemError
from goodstanding.api.native.routes import MIB, Call, Page, Raw, Routes
from goodstanding.operate import suppression as verbs
from goodstanding.operate import suppression_files, suppression_proof
from goodstanding.operate.suppression import Entry, Left, Row, Wanted
from goodstanding.operate.suppression_files import Bringer, Reject
from goodstanding.operate.suppression_proof import Sent
from goodstanding.settings import DAY
from goodstanding.store import suppression as rows_of
from goodstanding.store.suppression import FIRST_KEY, Filter

routes = Routes(
    "suppressions",
    "Who is not written to, and why. Rows of the whole platform are an operator's, as is lifting what somebody has "
    "said themselves (unsubscribed, objected, complained).",
)
Platform = Annotated[bool, Meta(description="Every tenant's mail; an operator's.")]
Cause = Annotated[str, Meta(max_length=40, pattern="^[a-z-]*$", description="operator, objected, complained, ...")]


class SuppressionShown(Struct, frozen=True, kw_only=True):
    """One row: somebody, how far it reaches, and why."""

    recipient: str
    """Empty once erased."""
    tenant: str
    """Empty: the whole platform."""
    scope: str
    stream: str
    cause: str
    source: str
    at: float
    expires: float
    strikes: int
    evidence: str
    person: str
    """Keyed hash of tenant and address."""


class SuppressionFilter(Paging, kw_only=True):
    """Which rows."""

    recipient: Annotated[str, Meta(max_length=254, pattern=PRINTABLE, description="Only this address.")] = ""
    tenant: OptionalTenant = ""
    platform: Annotated[bool, Meta(description="Only those of the whole platform.")] = False
    stream: OneStream = None
    cause: Cause = ""
    expired: Annotated[bool, Meta(description="Also leases that have run out.")] = False


class NewSuppression(Struct, forbid_unknown_fields=True, kw_only=True):
    """Somebody to leave alone."""

    recipient: Address
    tenant: OptionalTenant = ""
    platform: Platform = False
    stream: OneStream = None
    cause: Cause = "operator"
    because: LongLine = ""
    days: Annotated[float, Meta(ge=0, le=36_500, description="Ends by itself after so many days; 0: never.")] = 0.0


class Lift(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to take off the list: of one stream, or all there is against somebody."""

    recipient: Address
    because: Because
    tenant: OptionalTenant = ""
    platform: Platform = False
    stream: OneStream = None


class SuppressionFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """A list: CSV with a heading, or JSON lines; column address, and more (docs/unsubscribe.md)."""

    document: Document
    format: Format = "csv"
    tenant: OptionalTenant = ""
    platform: Platform = False
    stream: OneStream = None
    cause: Cause = "imported"


class SuppressionsTaken(Struct, frozen=True, kw_only=True):
    """What an import came to."""

    taken: int
    rejects: list[Reject]


class ExportQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which rows, and how to write them."""

    tenant: OptionalTenant = ""
    stream: OneStream = None
    format: Format = "csv"


class WhoQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Somebody."""

    recipient: Address
    tenant: OptionalTenant = ""


class ProofShown(Struct, frozen=True, kw_only=True):
    """One request to be left alone, and what became of it."""

    tenant: str
    address: str
    stream: str
    way: str
    remote: str
    asked: float
    effective: float
    lifted: float
    after: tuple[Sent, ...]
    honoured: bool


class MailedRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """A message that came to unsubscribe@, as a text."""

    content: Annotated[str, Meta(max_length=500_000, pattern=LINES)]


class MailedAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of it: who left, or why nobody did."""

    left: Left | UnsetType = UNSET
    not_asked: str = ""
    because: str = ""


@routes.get("/suppressions", "suppressions:read")
def list_(call: Call, query: SuppressionFilter) -> Page[SuppressionShown]:
    """List suppressions that hold now."""
    tenant = "" if query.platform and not call.tenant else call.whose(query.tenant) or None
    stream = query.stream.value if query.stream else None
    if query.recipient:
        wanted = Wanted(tenant, stream, query.cause, query.recipient, query.expired)
        return Page([_shown(row) for row in _rows(call, wanted, query.limit)])
    live_at = 0.0 if query.expired else time.time()
    tenant_, person, of_stream = call.after or FIRST_KEY
    with call.place.database.read() as tx:
        wanted_rows = Filter(tenant, stream, query.cause, live_at)
        found = rows_of.page(tx, wanted_rows, (tenant_, bytes(person), of_stream), query.limit + 1)
    return turned(call, [_shown(row) for row in found], query.limit, _position)


@routes.post("/suppressions", "suppressions:write")
def add(call: Call, body: NewSuppression) -> list[SuppressionShown]:
    """Put somebody on the list. With cause unsubscribed, a tenant and a stream it is what their click does."""
    now, tenant = time.time(), _tenant(call, body.tenant, body.platform)
    stream = body.stream.value if body.stream else ""
    expires = now + body.days * DAY if body.days else 0.0
    entry = Entry(body.recipient, tenant, stream, body.cause, "", expires, now, body.because)
    place = call.place
    if body.cause == "unsubscribed" and tenant and stream and not body.days:
        verbs.on_behalf(place.database, place.master, entry, call.by)
        return [_shown(row) for row in _rows(call, Wanted(tenant, None, "unsubscribed", body.recipient), 10)]
    return [_shown(row) for row in verbs.add(place.database, place.master, [entry], call.by)]


@routes.post("/suppressions/lift", "suppressions:write")
def lift(call: Call, body: Lift) -> list[SuppressionShown]:
    """Take somebody off the list; what was lifted."""
    tenant = _tenant(call, body.tenant, body.platform)
    stream = body.stream.value if body.stream else None
    entry, place = Entry(body.recipient, tenant, stream or "*", evidence=body.because), call.place
    lifted = verbs.take_off(place.database, place.master, entry, call.by, operator=not call.tenant)
    return [_shown(row) for row in lifted]


@routes.post("/suppressions/import", "suppressions:write", limit=8 * MIB)
def import_(call: Call, body: SuppressionFile) -> SuppressionsTaken:
    """Put everybody in a file on the list; twice is once. Lines that cannot be taken come back with their reasons."""
    stream = body.stream.value if body.stream else ""
    usual = Entry("", _tenant(call, body.tenant, body.platform), stream, body.cause, "import over the API")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"import.{body.format}"
        path.write_text(body.document, "utf-8")
        who = Bringer(call.by, call.tenant)
        done = suppression_files.bring_in(call.place.database, call.place.master, path, usual, who, lambda line: None)
    return SuppressionsTaken(taken=done.taken, rejects=done.rejects[:1000])


@routes.get("/suppressions/export", "suppressions:read", media="text/plain")
def export(call: Call, query: ExportQuery) -> Raw:
    """Write the list as import takes it, without erased people."""
    wanted = Wanted(call.whose(query.tenant) or None, query.stream.value if query.stream else None)
    rows = verbs.rows(call.place.database, call.place.master, wanted)
    return Raw("".join(suppression_files.written(rows, query.format == "jsonl")).encode(), "text/plain")


@routes.get("/suppressions/proof", "suppressions:read")
def proof(call: Call, query: WhoQuery) -> list[ProofShown]:
    """Prove when somebody's requests to be left alone were honoured."""
    tenant = call.whose(query.tenant)
    found = suppression_proof.proofs(call.place.database, call.place.master, query.recipient, tenant)
    return [
        ProofShown(
            tenant=one.tenant,
            address=one.address,
            stream=one.stream,
            way=one.way,
            remote=one.remote,
            asked=one.asked,
            effective=one.effective,
            lifted=one.lifted,
            after=one.after,
            honoured=one.honoured,
        )
        for one in found
    ]


@routes.post("/suppressions/from-mail", "suppressions:write", operator=True, limit=MIB)
def from_mail(call: Call, body: MailedRequest) -> MailedAnswer:
    """Take a request that came by mail to unsubscribe@."""
    found = verbs.by_mail(call.place.database, call.place.master, body.content.encode())
    if isinstance(found, Left):
        return MailedAnswer(left=found)
    return MailedAnswer(not_asked=found.kind, because=found.because)


def _tenant(call: Call, tenant: str, platform: bool) -> str:
    """Whose mail it is about; empty: the platform's, which must be said."""
    if platform and (call.tenant or tenant):
        kind = "forbidden" if call.tenant else "refused"
        raise ProblemError(kind, "the whole platform is an operator's, and of no tenant")
    return "" if platform else call.somebodys(tenant)


def _rows(call: Call, wanted: Wanted, limit: int) -> list[Row]:
    return list(islice(verbs.rows(call.place.database, call.place.master, wanted), limit))


def _shown(row: Row) -> SuppressionShown:
    return SuppressionShown(
        recipient=row.address,
        tenant=row.tenant,
        scope=row.scope,
        stream=row.stream,
        cause=row.cause,
        source=row.source,
        at=row.at,
        expires=row.expires,
        strikes=row.strikes,
        evidence=row.evidence,
        person=row.person.hex(),
    )


def _position(row: SuppressionShown) -> tuple[Any, ...]:
    return row.tenant, bytes.fromhex(row.person), row.stream

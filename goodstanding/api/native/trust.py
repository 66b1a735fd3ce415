"""Why recipients may be written to: permissions, interactions, law."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from goodstanding.admission.facts import Grant, Suppressed
from goodstanding.api.native.fields import (
    PRINTABLE,
    Address,
    Document,
    Format,
    Line,
    LongLine,
    OneStream,
    OptionalTenant,
)
from goodstanding.api.native.problems import missing
from goodstanding.api.native.routes import MIB, Call, Raw, Routes
from goodstanding.api.native.suppressions import WhoQuery
from goodstanding.model import Stream
from goodstanding.operate import ledger_files
from goodstanding.operate import trust as verbs
from goodstanding.operate.ledger_files import Import, Imported
from goodstanding.operate.trust import Account, Basis, Entry, Erasure, Law, Order
from goodstanding.store import trust as ledger

routes = Routes("trust", "Why recipients may be written to: the ledger of permissions and interactions, and the law.")
Word = Annotated[str, Meta(max_length=60, pattern=PRINTABLE)]
When = Annotated[
    str, Meta(max_length=40, pattern="^[-0-9TZ:.+ ]*$", description="E.g. 2026-11-23T10:00:00Z; empty: now.")
]
Place = Annotated[str, Meta(max_length=2, pattern="^([A-Za-z]{2})?$", description="Two letters.")]


class OutlookShown(Struct, frozen=True, kw_only=True):
    """What a stream may do to somebody."""

    stream: Stream
    allowed: bool
    grant: Grant
    suppressed: Suppressed | None


class EndingSuppression(Struct, frozen=True, kw_only=True):
    """What stands against writing to somebody."""

    scope: str
    cause: str
    source: str
    at: float
    expires: float


class KnownOf(Struct, frozen=True, kw_only=True):
    """Everything one tenant knows of a recipient."""

    tenant: str
    streams: list[OutlookShown]
    entries: tuple[Entry, ...]
    suppressions: list[EndingSuppression]
    contacts: int
    last_contact: float


class NewEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """One permission or interaction."""

    recipient: Address
    what: Annotated[Word, Meta(min_length=1, description="opt-in, transaction, login ...: /v1/laws lists bases.")]
    tenant: OptionalTenant = ""
    stream: OneStream = None
    at: When = ""
    source: Annotated[Line, Meta(description="Where it came from, e.g. shop.example/join.")] = ""
    text: Annotated[LongLine, Meta(description="What they were shown, or said.")] = ""
    ip: Annotated[str, Meta(max_length=45, pattern="^[0-9a-fA-F:.]*$", description="Address they did it from.")] = ""
    purpose: Line = ""
    expires: When = ""
    country: Place = ""
    recipient_class: Literal["", "individual", "corporate", "unknown"] = ""


class Withdrawal(Struct, forbid_unknown_fields=True, kw_only=True):
    """Somebody withdrew: from a stream, or without one from everything."""

    recipient: Address
    tenant: OptionalTenant = ""
    stream: OneStream = None
    how: Literal["withdrawal", "objection", "unsubscribed", "complaint"] = "withdrawal"
    at: When = ""
    source: Line = ""
    text: LongLine = ""


class EntryRecorded(Struct, frozen=True, kw_only=True):
    """What was recorded, and what that makes of it."""

    recorded: Entry
    new: bool
    """Whether it was not known already."""
    now: KnownOf


class PersonToErase(Struct, forbid_unknown_fields=True, kw_only=True):
    """Somebody whose data is to go; it cannot be undone."""

    recipient: Address
    tenant: OptionalTenant = ""


class LedgerFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """Permissions and interactions: CSV with a heading, or JSON lines (docs/trust.md)."""

    document: Document
    format: Format = "csv"
    tenant: OptionalTenant = ""


class LedgerTaken(Struct, frozen=True, kw_only=True):
    """What an import came to; rejects are a file that can be mended and imported itself."""

    added: int
    known: int
    rejected: int
    ignored: tuple[str, ...]
    examples: tuple[str, ...]
    rejects: str


class LedgerQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which entries, and how to write them."""

    tenant: OptionalTenant = ""
    format: Format = "csv"


class Laws(Struct, frozen=True, kw_only=True):
    """Which basis carries which stream, and what each country asks."""

    bases: dict[str, Basis]
    laws: tuple[Law, ...]


class LawQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which law."""

    country: Place = ""


@routes.get("/trust", "trust:read")
def show(call: Call, query: WhoQuery) -> list[KnownOf]:
    """Tell everything known of a recipient, and for each stream: may it write to them, why, and until when."""
    tenant = _known(call, query.tenant)
    return [_shown(one) for one in verbs.show(call.place.database, call.place.master, query.recipient, tenant)]


@routes.post("/trust/record", "trust:write")
def record(call: Call, body: NewEntry) -> EntryRecorded:
    """Record one permission or interaction; the same twice is once."""
    words = {name: str(value or "") for name, value in structs.asdict(body).items()}
    words["class"] = words.pop("recipient_class")
    return _recorded(call, words, body.tenant)


@routes.post("/trust/withdraw", "trust:write")
def withdraw(call: Call, body: Withdrawal) -> EntryRecorded:
    """Record that somebody withdrew; it ends permissions from before."""
    words = {name: str(value or "") for name, value in structs.asdict(body).items()}
    return _recorded(call, words | {"kind": "withdrawal", "what": words.pop("how")}, body.tenant)


def _recorded(call: Call, words: dict[str, str], asked: str) -> EntryRecorded:
    tenant = _known(call, call.somebodys(asked))
    recipient = words.pop("recipient")
    order = Order(recipient, tenant, call.by)
    words.pop("tenant")
    entry, new = verbs.record(call.place.database, call.place.master, order, words)
    (account,) = verbs.show(call.place.database, call.place.master, recipient, tenant)
    return EntryRecorded(recorded=entry, new=new, now=_shown(account))


@routes.post("/trust/erase", "trust:write")
def erase(call: Call, body: PersonToErase) -> Erasure:
    """Remove what names somebody, on their request; suppressions stay as keyed hashes. It cannot be undone."""
    order = Order(body.recipient, _known(call, body.tenant), call.by)
    return verbs.erase(call.place.database, call.place.master, order)


@routes.post("/trust/import", "trust:write", limit=8 * MIB)
def import_(call: Call, body: LedgerFile) -> LedgerTaken:
    """Record permissions and interactions from a file; the same line twice is once."""
    tenant = _known(call, body.tenant)
    with tempfile.TemporaryDirectory() as folder:
        path, bad = Path(folder) / f"import.{body.format}", Path(folder) / f"rejects.{body.format}"
        path.write_text(body.document, "utf-8", newline="")
        wanted = Import(path, body.format, call.by, tenant, rejects=bad)
        done = ledger_files.import_file(call.place.database, call.place.master, wanted)
        rejects = bad.read_text("utf-8", "replace") if bad.exists() else ""
    return _taken(done, rejects)


@routes.get("/trust/export", "trust:read", media="text/plain")
def export(call: Call, query: LedgerQuery) -> Raw:
    """Write the ledger so that import reads it."""
    out = io.StringIO(newline="")
    ledger_files.export(call.place.database, _known(call, query.tenant), query.format, out, lambda count: None)
    return Raw(out.getvalue().encode(), "text/plain")


@routes.get("/laws", "")
def laws(call: Call, query: LawQuery) -> Laws:
    """Show which basis carries which stream, and what each country asks; not legal advice."""
    bases, found = verbs.laws()
    return Laws(bases=bases, laws=(verbs.law_of(query.country.upper()),) if query.country else found)


def _known(call: Call, asked: str) -> str:
    """A tenant that is there; empty, for an operator, stays: every one."""
    tenant = call.whose(asked)
    with call.place.database.read() as tx:
        if tenant and all(name != tenant for name, _ in ledger.tenants(tx)):
            raise missing("tenant", tenant)
    return tenant


def _shown(account: Account) -> KnownOf:
    return KnownOf(
        tenant=account.tenant,
        streams=[
            OutlookShown(stream=one.stream, allowed=one.allowed, grant=one.grant, suppressed=one.suppressed)
            for one in account.outlook
        ],
        entries=account.entries,
        suppressions=[
            EndingSuppression(scope=row.scope_words, cause=row.cause, source=row.source, at=row.at, expires=row.expires)
            for row in account.suppressions
        ],
        contacts=account.contacts,
        last_contact=account.last_contact,
    )


def _taken(done: Imported, rejects: str) -> LedgerTaken:
    return LedgerTaken(
        added=done.added,
        known=done.known,
        rejected=done.rejected,
        ignored=done.ignored,
        examples=done.examples,
        rejects=rejects,
    )

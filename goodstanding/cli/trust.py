"""``goodstanding trust``: what is known of recipients, and what each stream may therefore do."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.errors import GoodstandingError
from goodstanding.operate import ledger_files
from goodstanding.operate import trust as verbs
from goodstanding.operate.ledger_files import Import, Imported, Shape
from goodstanding.operate.trust import Account, Order, Outlook

app = typer.Typer(help="Why recipients may be written to: permissions, interactions, law.", no_args_is_help=True)
RecipientArgument = Annotated[str, typer.Argument(metavar="RECIPIENT", help="Their address.")]
TenantOption = Annotated[str, typer.Option(help="The tenant it is about.")]
AnyTenantOption = Annotated[str, typer.Option(help="Only this tenant; else every one.", show_default=False)]
StreamOption = Annotated[str, typer.Option(help="transactional, bulk or outreach.", show_default=False)]
SourceOption = Annotated[str, typer.Option(help="Where it came from, e.g. shop.example/join.", show_default=False)]
TextOption = Annotated[str, typer.Option(help="What they were shown, or said.", show_default=False)]
AtOption = Annotated[str, typer.Option(help="When, e.g. 2026-11-23T10:00:00Z; else now.", show_default=False)]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a heading, or JSON lines (.jsonl).")],
    tenant: Annotated[str, typer.Option(help="Whose it is, if no column says.", show_default=False)] = "",
    default: Annotated[
        list[str] | None,
        typer.Option("--default", metavar="COLUMN=TEXT", help="For lines without it; repeatable.", show_default=False),
    ] = None,
    format: Annotated[Shape | None, typer.Option(help="If the name does not tell.", show_default=False)] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where to put bad lines; else FILE.rejects.csv.", show_default=False)
    ] = None,
    from_line: Annotated[int, typer.Option(help="Go on at this line of the file.", min=1)] = 1,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record permissions and interactions from a file; the same line twice is once, so run it again if it stops.

    Columns: tenant, recipient, kind, what, stream, purpose, at, expires, country, class, source, text, ip, more.
    Lines that cannot be used go, with number and reason, to a file of rejects that can be mended and imported itself.
    """
    shape = format or ledger_files.shape_of(file)
    wanted = Import(file, shape, getpass.getuser(), tenant, _pairs(default or []), rejects, from_line)
    bar, move = terminal.progress(file.name, ledger_files.lines_of(file))
    done = Imported()

    def watch(sofar: Imported) -> None:
        nonlocal done
        done = sofar
        move(sofar.line)

    try:
        with opened(config) as estate, bar:
            done = ledger_files.import_file(estate.database, estate.master, wanted, watch)
    except KeyboardInterrupt:
        again = f"run it again, or with --from-line {done.line + 1}"
        raise GoodstandingError(f"stopped after line {done.line}, which is durable; {again}") from None
    terminal.show(as_json, done, _drawn_import(done))
    if done.rejected:
        raise typer.Exit(1)


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = dict[str, str]()
    for pair in given:
        column, equals, text = pair.partition("=")
        if not equals:
            raise GoodstandingError(f"--default {pair}: write it as COLUMN=TEXT, e.g. stream=bulk")
        pairs[ledger_files.checked_column(column)] = text
    return pairs


def _drawn_import(done: Imported) -> RenderableType:
    lines: list[Text] = [Text(f"{done.added:,} recorded, {done.known:,} known already, {done.rejected:,} not usable.")]
    lines += [terminal.foreign(f"  {example}", "red") for example in done.examples]
    if done.rejected:
        lines.append(Text(f"All bad lines with their reasons: {done.rejects} (mend it and import it)", "yellow"))
    if done.ignored:
        lines.append(terminal.foreign(f"Columns without meaning here: {', '.join(done.ignored)}", "dim"))
    return Group(*lines)


@app.command()
def export(
    tenant: AnyTenantOption = "",
    format: Annotated[Shape, typer.Option(help="csv or jsonl.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; else stdout.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the ledger so that import reads it. With --json, JSON lines."""
    shape: Shape = "jsonl" if as_json else format
    with opened(config, present=True) as estate, _sink(output) as out:
        bar, move = terminal.progress("exporting", ledger_files.size(estate.database, tenant) if output else 0)
        with bar:
            written, nameless = ledger_files.export(estate.database, tenant, shape, out, move)
    gone = f"; {nameless:,} without a name (erased) left out" if nameless else ""
    terminal.console(errors=True).print(f"{written:,} entries written{gone}.")


def _sink(output: Path | None) -> AbstractContextManager[TextIO]:
    """The file to write to, or stdout, which stays open."""
    if output is None:
        return nullcontext(sys.stdout)
    try:
        return output.open("w", encoding="utf-8", newline="")
    except OSError as exc:
        raise GoodstandingError(f"{output}: {exc.strerror}; name a file that can be written") from exc


@app.command()
def show(
    recipient: RecipientArgument,
    tenant: AnyTenantOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell everything known of a recipient, and for each stream: may it write to them, why, and until when."""
    with opened(config, present=True) as estate:
        found = verbs.show(estate.database, estate.master, recipient, tenant)
    if as_json:
        terminal.print_json([_document(account) for account in found])
    elif found:
        terminal.console().print(Group(*(_drawn(account) for account in found)))
    else:
        terminal.console().print(
            f"Nobody knows {recipient}: transactional mail may go to them, rationed; bulk and outreach may not."
        )


def _document(account: Account) -> dict[str, object]:
    return {
        "tenant": account.tenant,
        "streams": [{"allowed": each.allowed, **_fields(each)} for each in account.outlook],
        "entries": account.entries,
        "suppressions": [
            {"scope": row.scope_words, "cause": row.cause, "source": row.source, "at": row.at, "expires": row.expires}
            for row in account.suppressions
        ],
        "contacts": account.contacts,
        "last_contact": account.last_contact,
    }


def _fields(outlook: Outlook) -> dict[str, object]:
    return {"stream": outlook.stream, "grant": outlook.grant, "suppressed": outlook.suppressed}


def _drawn(account: Account) -> RenderableType:
    streams = terminal.table("stream", "may it?", "why", "proof", "until", title=f"Tenant {account.tenant}")
    for each in account.outlook:
        may = Text("yes", "green") if each.allowed else Text("no", "red")
        streams.add_row(each.stream, may, _why(each), each.grant.proof, _until(each.grant.expires))
    parts: list[RenderableType] = [streams]
    if account.entries:
        known = terminal.table("when", "kind", "what", "stream", "country", "class", "until", "evidence")
        for entry in account.entries:
            place = (entry.stream or "any", entry.country, entry.recipient_class)
            until = terminal.day(entry.expires) if entry.expires else ""
            told = (entry.kind, entry.what + (f" ({entry.purpose})" if entry.purpose else ""))
            cells = (*told, *place, until, entry.evidence)
            known.add_row(terminal.moment(entry.at, seconds=False), *(terminal.foreign(cell) for cell in cells))
        parts.append(known)
    for row in account.suppressions:
        ends = f", until {terminal.moment(row.expires, seconds=False)}" if row.expires else ""
        words = f"Suppressed ({row.scope_words}): {row.cause} on {terminal.day(row.at)}, by {row.source}{ends}"
        parts.append(terminal.foreign(words, "yellow"))
    if account.contacts:
        last = terminal.moment(account.last_contact, seconds=False)
        parts.append(Text(f"Written to {account.contacts:,} times without proof, last on {last}."))
    return Group(*parts)


def _why(outlook: Outlook) -> Text:
    """A suppression first: nothing else matters then."""
    stop, grant = outlook.suppressed, outlook.grant
    if stop is not None:
        return terminal.foreign(f"suppressed: {stop.cause} on {terminal.day(stop.at)} ({stop.scope}, {stop.source})")
    return terminal.foreign(grant.because + (f"; {grant.remedy}" if grant.remedy else ""))


def _until(expires: float) -> str:
    return terminal.moment(expires, seconds=False) if expires else ""


@app.command()
def record(
    recipient: RecipientArgument,
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="opt-in, transaction, login ... (trust law lists bases).")
    ],
    tenant: TenantOption,
    stream: StreamOption = "",
    at: AtOption = "",
    source: SourceOption = "",
    text: TextOption = "",
    ip: Annotated[str, typer.Option(help="Address they did it from.", show_default=False)] = "",
    purpose: Annotated[str, typer.Option(help="What for, e.g. newsletter.", show_default=False)] = "",
    expires: Annotated[str, typer.Option(help="When it ends by its own words.", show_default=False)] = "",
    country: Annotated[str, typer.Option(help="Theirs, two letters.", show_default=False)] = "",
    class_: Annotated[str, typer.Option("--class", help="individual or corporate.", show_default=False)] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record one permission or interaction by hand."""
    words = {
        "what": what,
        "stream": stream,
        "at": at,
        "source": source,
        "text": text,
        "ip": ip,
        "purpose": purpose,
        "expires": expires,
        "country": country,
        "class": class_,
    }
    _record(Order(recipient, tenant, getpass.getuser()), words, config, as_json)


@app.command()
def withdraw(
    recipient: RecipientArgument,
    tenant: TenantOption,
    stream: StreamOption = "",
    how: Annotated[str, typer.Option(help="withdrawal, objection, unsubscribed or complaint.")] = "withdrawal",
    at: AtOption = "",
    source: SourceOption = "",
    text: TextOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record that somebody withdrew: from a stream, or without --stream from everything.

    It ends permissions from before. What already waits is stopped by: goodstanding suppression add.
    """
    words = {"kind": "withdrawal", "what": how, "stream": stream, "at": at, "source": source, "text": text}
    _record(Order(recipient, tenant, getpass.getuser()), words, config, as_json)


def _record(order: Order, words: dict[str, str], config: Path | None, as_json: bool) -> None:
    with opened(config) as estate:
        entry, new = verbs.record(estate.database, estate.master, order, words)
        found = verbs.show(estate.database, estate.master, order.address, order.tenant)
    if as_json:
        terminal.print_json({"recorded": entry, "new": new, "now": _document(found[0])})
    else:
        terminal.console().print("Recorded." if new else "It was recorded already.", _drawn(found[0]), sep="\n")


@app.command()
def erase(
    recipient: RecipientArgument,
    tenant: AnyTenantOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what names somebody from ledger, contacts, suppressions, quarantine and journal, on their request.

    Suppressions stay as keyed hashes. It cannot be undone, and the proof of their permissions goes too.
    """
    whose = f"tenant {tenant}" if tenant else "every tenant"
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"Erase {recipient} for {whose}? This cannot be undone")):
        raise GoodstandingError("nothing is erased; confirm with --yes")
    with opened(config, present=True) as estate:
        order = Order(recipient, tenant, getpass.getuser())
        bar, move = terminal.progress("reading the journal", verbs.journal_size(estate.database))
        with bar:
            done = verbs.erase(estate.database, estate.master, order, lambda reached, total: move(reached))
    gone = done.removed
    lines = [
        f"Erased for {', '.join(done.tenants)}." if done.tenants else "No tenant knew them.",
        f"{gone.ledger:,} ledger entries and {gone.contacts:,} contacts removed; {gone.suppressions:,} suppressions "
        f"kept as hashes; {gone.quarantine:,} quarantined and {gone.journal:,} journal entries made nameless.",
    ]
    if done.waiting:
        drop = f"goodstanding queue drop recipient={recipient}"
        lines.append(f"{done.waiting:,} of their messages still wait; to drop them: {drop}")
    lines.append("Not reached: mail logs in files, backups, and other programs' data.")
    terminal.show(as_json, done, "\n".join(lines))


@app.command()
def law(
    country: Annotated[str, typer.Argument(metavar="[COUNTRY]", help="Two letters.", show_default=False)] = "",
    as_json: JsonOption = False,
) -> None:
    """Show which basis carries which stream, and what each country asks, with sources and how certain they are."""
    bases, laws = verbs.laws()
    wanted = (verbs.law_of(country),) if country else laws
    carried = terminal.table("basis", "carries", "months", "why", "source", title="Bases")
    for name, basis in bases.items():
        carried.add_row(name, ", ".join(basis.streams), str(basis.months or ""), basis.because, basis.source)
    asked = terminal.table("law", "countries", "outreach unasked to", "customers", "clocks", "source", title="Laws")
    for each in wanted:
        clocks = ", ".join(f"{name} {months}" for name, months in each.months.items())
        asked.add_row(
            each.name, " ".join(each.countries) or "all others", ", ".join(each.unasked) or "nobody",
            "soft opt-in" if each.soft_opt_in else "consent", clocks, f"{each.source} [{each.certainty}]",
        )  # fmt: skip
    document = {"bases": bases, "laws": wanted}
    terminal.show(as_json, document, Group(carried, asked, "Not legal advice. The table: admission/law.toml."))

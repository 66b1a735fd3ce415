"""``goodstanding suppression``: who is not written to, and the proof that an unsubscribe was honoured."""

from __future__ import annotations

import getpass
import sys
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.errors import GoodstandingError, StoreError
from goodstanding.model import Stream
from goodstanding.operate import suppression as verbs
from goodstanding.operate import suppression_files, suppression_proof
from goodstanding.operate.suppression import Entry, Left, Row, Wanted
from goodstanding.operate.suppression_files import Bringer, Imported
from goodstanding.operate.suppression_proof import Proof

app = typer.Typer(help="Who is not written to, why and until when.", no_args_is_help=True)
DAY = 86_400.0
INPUT_LIMIT = 1 << 20
EX_DATAERR, EX_TEMPFAIL = 65, 75
"""What mail servers understand of a program they deliver to (sysexits.h): return it, or try again later."""

Recipient = Annotated[str, typer.Argument(metavar="RECIPIENT", help="The address.")]
TenantOption = Annotated[str | None, typer.Option("--tenant", help="The tenant whose mail it is about.")]
PlatformOption = Annotated[bool, typer.Option("--platform", help="All tenants: the whole platform.")]
StreamOption = Annotated[Stream | None, typer.Option("--stream", help="One stream only; else all.")]
CauseOption = Annotated[str, typer.Option("--cause", help="Why: operator, objected, complained, unsubscribed, ...")]
BecauseOption = Annotated[str, typer.Option("--because", metavar="TEXT", help="In words; it is kept with the row.")]


def _tenant(tenant: str | None, platform: bool) -> str:
    if (tenant is None) == (not platform):
        raise GoodstandingError("say whose mail it is about: --tenant NAME, or --platform for everybody's")
    return tenant or ""


def _operator() -> str:
    return f"operator {getpass.getuser()}"


@app.command("list")
def list_(
    recipient: Annotated[str, typer.Option(help="Only this address, in every tenant.")] = "",
    tenant: TenantOption = None,
    stream: StreamOption = None,
    cause: Annotated[str, typer.Option(help="Only this cause.")] = "",
    expired: Annotated[bool, typer.Option("--expired", help="Also leases that have run out.")] = False,
    limit: Annotated[int, typer.Option(help="Most rows to print.", min=1)] = 100,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List suppressions that hold now. JSON: one object a line."""
    wanted = Wanted(tenant, stream.value if stream else None, cause, recipient, expired)
    with opened(config, present=True) as estate:
        found = list(islice(verbs.rows(estate.database, estate.master, wanted), limit + 1))
    if as_json:
        for row in found[:limit]:
            terminal.print_json(_document(row))
        return
    if not found:
        terminal.console().print("Nobody is suppressed there.")
        return
    drawn = terminal.table("recipient", "tenant", "scope", "cause", "since", "until", "source")
    for row in found[:limit]:
        drawn.add_row(
            terminal.foreign(row.address) if row.address else Text("(erased)", "dim"),
            *(row.tenant or "(platform)", row.scope_words, row.cause, terminal.moment(row.at, seconds=False)),
            _until(row),
            terminal.foreign(row.source),
        )
    terminal.console().print(drawn)
    if len(found) > limit:
        terminal.console().print(Text(f"There are more; --limit {2 * limit} shows them.", "dim"))


def _until(row: Row) -> str:
    if not row.expires:
        return "it is lifted"
    return f"{terminal.moment(row.expires, seconds=False)} (strike {row.strikes})"


def _document(row: Row) -> dict[str, object]:
    return {
        "recipient": row.address,
        "tenant": row.tenant,
        "scope": row.scope,
        "stream": row.stream,
        "cause": row.cause,
        "source": row.source,
        "at": row.at,
        "expires": row.expires,
        "strikes": row.strikes,
        "evidence": row.evidence,
        "person": row.person.hex(),
    }


@app.command()
def add(
    recipient: Recipient,
    tenant: TenantOption = None,
    platform: PlatformOption = False,
    stream: StreamOption = None,
    cause: CauseOption = "operator",
    because: BecauseOption = "",
    days: Annotated[
        float, typer.Option(metavar="DAYS", help="Ends by itself after so many days; 0: never.", min=0)
    ] = 0.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put somebody on the list. With --cause unsubscribed it is the same act as their own click."""
    now, whose = time.time(), _tenant(tenant, platform)
    expires = now + days * DAY if days else 0.0
    entry = Entry(recipient, whose, stream.value if stream else "", cause, "", expires, now, because)
    with opened(config) as estate:
        if cause == "unsubscribed" and whose and stream and not days:
            _say_left(verbs.on_behalf(estate.database, estate.master, entry, _operator()), as_json)
            return
        (row,) = verbs.add(estate.database, estate.master, [entry], _operator())
    where = f"{row.scope_words}{f' of {row.tenant}' if row.tenant else ''}"
    terminal.show(as_json, _document(row), f"{row.address} is suppressed: {where}, {row.cause}, until {_until(row)}.")


def _say_left(left: Left, as_json: bool) -> None:
    streams = " and ".join(left.streams)
    said = f"{left.address} gets no {streams} mail of {left.tenant} since {terminal.moment(left.at)}."
    terminal.show(as_json, msgspec.to_builtins(left), said)


@app.command()
def lift(
    recipient: Recipient,
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; goes into the journal.")],
    tenant: TenantOption = None,
    platform: PlatformOption = False,
    stream: StreamOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take somebody off the list: of one stream, or of all there is against them in that tenant."""
    entry = Entry(recipient, _tenant(tenant, platform), stream.value if stream else "*", evidence=because)
    with opened(config) as estate:
        rows = verbs.take_off(estate.database, estate.master, entry, _operator())
    words = ", ".join(f"{row.scope_words} ({row.cause})" for row in rows)
    terminal.show(as_json, [_document(row) for row in rows], f"{recipient}: lifted {words}.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a heading, or .jsonl; column address.")],
    tenant: TenantOption = None,
    platform: PlatformOption = False,
    stream: StreamOption = None,
    cause: CauseOption = "imported",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put everybody in a file on the list; twice is once. Lines that cannot be taken go to FILE.rejects.jsonl.

    Columns: address, and if wanted tenant, stream, cause, source, at, expires, evidence; options fill what is missing.
    """
    usual = Entry("", _tenant(tenant, platform), stream.value if stream else "", cause, f"import of {file.name}")
    bar, advance = terminal.progress("import", _count_lines(file))
    with opened(config) as estate, bar:
        done = suppression_files.bring_in(estate.database, estate.master, file, usual, Bringer(_operator()), advance)
    where = _write_rejects(file, done)
    lines = [f"{done.taken:,} addresses are on the list."]
    lines += [f"line {reject.line}: {reject.because}" for reject in done.rejects[:20]]
    lines += [f"{len(done.rejects):,} lines were not taken; all are in {where}"] if done.rejects else []
    terminal.show(as_json, {"taken": done.taken, "rejects": done.rejects}, Text("\n".join(lines)))
    if done.rejects:
        raise typer.Exit(1)


def _count_lines(file: Path) -> int:
    try:
        with file.open("rb") as lines:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b""))
    except OSError as exc:
        raise GoodstandingError(f"{file} cannot be read: {exc.strerror}; check its name and mode") from exc


def _write_rejects(file: Path, done: Imported) -> Path:
    where = file.with_name(f"{file.name}.rejects.jsonl")
    if done.rejects:
        where.write_bytes(b"".join(msgspec.json.encode(reject) + b"\n" for reject in done.rejects))
    else:
        where.unlink(missing_ok=True)
    return where


@app.command()
def export(
    tenant: TenantOption = None,
    stream: StreamOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the list as import takes it to standard output: CSV, or JSON lines with --json; without erased people."""
    with opened(config, present=True) as estate:
        wanted = Wanted(tenant, stream.value if stream else None)
        rows = verbs.rows(estate.database, estate.master, wanted)
        for line in suppression_files.written(rows, as_json):
            sys.stdout.write(line)


@app.command()
def proof(recipient: Recipient, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Prove when somebody's requests to be left alone were honoured. Exit code 1 when one was not."""
    with opened(config, present=True) as estate:
        found = suppression_proof.proofs(estate.database, estate.master, recipient)
    if as_json:
        terminal.print_json([{**msgspec.to_builtins(one), "honoured": one.honoured} for one in found])
    elif not found:
        terminal.console().print(terminal.foreign(f"{recipient} has never asked to be left alone, as far as is known."))
    for one in [] if as_json else found:
        terminal.console().print(_drawn(one))
    if not all(one.honoured for one in found):
        raise typer.Exit(1)


def _drawn(one: Proof) -> Text:
    drawn = Text()
    drawn.append(terminal.foreign(f"{one.address} left {one.stream} mail of {one.tenant}", "bold")).append("\n")
    lines = [("asked", f"{_utc(one.asked)}, by {one.way}{f' from {one.remote}' if one.remote else ''}")]
    took = terminal.span(one.effective - one.asked)
    lines.append(("in effect", f"{_utc(one.effective)}, {took} later" if one.effective else "never"))
    if one.lifted:
        lines.append(("lifted", _utc(one.lifted)))
    lines.append(("sent since", _sent(one) or "nothing"))
    within = one.effective > 0 and one.effective - one.asked <= 2 * DAY
    lines.append(("verdict", _VERDICTS[one.honoured, within]))
    for name, words in lines:
        drawn.append(f"  {name:<11}", "dim").append(terminal.foreign(words)).append("\n")
    return drawn


_VERDICTS = {
    (True, True): "honoured, within 48 hours (Google, Yahoo) and 10 business days (CAN-SPAM, CASL)",
    (True, False): "honoured, but later than the 48 hours of Google and Yahoo",
    (False, True): "NOT HONOURED: mail went out after it",
    (False, False): "NOT HONOURED",
}


def _sent(one: Proof) -> str:
    return ", ".join(f"{sent.message} {sent.what} {_utc(sent.at)}" for sent in one.after[:5])


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


@app.command("from-mail")
def from_mail(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A message; - reads standard input.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a request that came by mail to unsubscribe@; any mail server can deliver to it through a pipe.

    Exit codes: 0 done (or an automatic answer, which nobody is to be told of), 65 not understood, 75 try again later.
    """
    try:
        octets = sys.stdin.buffer.read(INPUT_LIMIT) if str(file) == "-" else _read(file)
        with opened(config, present=True) as estate:
            came_to = verbs.by_mail(estate.database, estate.master, octets)
    except StoreError as exc:
        terminal.complain([f"{exc}; the message is to be tried again"], as_json)
        raise typer.Exit(EX_TEMPFAIL) from exc
    if isinstance(came_to, Left):
        _say_left(came_to, as_json)
    elif came_to.kind == "automatic":
        terminal.show(as_json, msgspec.to_builtins(came_to), f"Nothing done: {came_to.because}.")
    else:
        terminal.complain([f"no request to unsubscribe: {came_to.because}"], as_json)
        raise typer.Exit(EX_DATAERR)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as octets:
            return octets.read(INPUT_LIMIT)
    except OSError as exc:
        raise GoodstandingError(f"{file} cannot be read: {exc.strerror}; check its name and mode") from exc

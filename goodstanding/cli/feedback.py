"""``goodstanding feedback``: what reports say."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.errors import GoodstandingError
from goodstanding.operate import hooks as posted
from goodstanding.operate import reports as verbs
from goodstanding.operate.hooks import Source

app = typer.Typer(help="Read reports about mail that went out.", no_args_is_help=True)

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Messages (one, or an mbox), bodies of requests (JSON, XML, CSV), JSON lines, or SMTP replies, one a "
        "line. - is standard input.",
    ),
]


@app.command()
def classify(files: Files, as_json: JsonOption = False) -> None:
    """Tell what bounces, complaints, replies and other reports say: one line of JSON each, with or without --json."""
    for line in verbs.classify(files):
        terminal.print_json(line)


@app.command()
def hooks(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the secret addresses to which platforms post reports (Azure Event Grid, Amazon SNS, ...)."""
    with opened(config) as estate:
        base = estate.settings.web.base
        found = posted.addresses(estate.master, base) if base else []
    drawn = terminal.table("source", "address")
    for source, address in found:
        drawn.add_row(source, address)
    documents = [{"source": source, "address": address} for source, address in found]
    terminal.show(as_json, documents, drawn if found else "There is no site to post to: set web.port.")


@app.command()
def unmatched(
    limit: Annotated[int, typer.Option(help="How many of the newest.", min=1)] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List reports that changed nothing: they belong to no message of ours, or do not prove that they do."""
    with opened(config, present=True) as estate:
        found = verbs.unmatched(estate.database, limit)
    title = f"{found.total:,} reports"
    drawn = terminal.table("at", "kind", "read as", "from", "changed nothing, because", title=title)
    for one in found.latest:
        told = map(terminal.foreign, (one.kind, one.reader, one.reporter, one.because))
        drawn.add_row(terminal.moment(one.at), *told)
    terminal.show(as_json, found, drawn if found.total else "Every report that came in was about mail of ours.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON, CSV or XML, compressed or not.")],
    source: Annotated[Source, typer.Option(help="Who wrote it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a file of figures or reports in, as if its source had posted it."""
    try:
        octets = file.read_bytes()
    except OSError as exc:
        raise GoodstandingError(f"cannot read {file}: {exc.strerror}") from exc
    with opened(config) as estate:
        posted.keep(estate.database, source.value, octets, getpass.getuser())
    terminal.show(as_json, {"taken": str(file)}, f"{file} is taken in; the follower reads it within a second.")

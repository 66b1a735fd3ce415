"""``goodstanding incident``: mail that must go to many who do not expect it, as a recorded exception."""

from __future__ import annotations

import getpass
import time
from typing import Annotated

import typer

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.operate import incidents

app = typer.Typer(help="Breach notices, mass resets: recorded exceptions from the trust budget.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="As in X-Goodstanding-Incident, e.g. breach-2026-11.")]


@app.command()
def declare(
    name: Name,
    subscription: Annotated[str, typer.Option(help="Whose mail it is, tenant/application.")],
    recipients: Annotated[int, typer.Option(help="Most recipients it may reach.")],
    because: Annotated[str, typer.Option(help="Why; kept for ever.")],
    hours: Annotated[float, typer.Option(metavar="HOURS", help="How long it lasts, 720 at most.")] = 48.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a subscription write to so many strangers about this, for so long."""
    with opened(config) as estate:
        found = incidents.declare(
            estate.database, name, subscription, recipients, hours * 3600, (getpass.getuser(), because)
        )
    told = (
        f"{name} is declared until {terminal.moment(found.until)}; put X-Goodstanding-Incident: {name} into its mail."
    )
    terminal.show(as_json, found, told)


@app.command()
def end(name: Name, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Let an incident be over: what comes later is judged like everything else."""
    with opened(config) as estate:
        found = incidents.end(estate.database, name, getpass.getuser())
    terminal.show(as_json, found, f"{name} is over.")


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List incidents, also those that are over."""
    with opened(config) as estate:
        found = incidents.declared(estate.database)
    drawn = terminal.table(
        "incident", "subscription", "recipients", "from", "until", "because", numbers=("recipients",)
    )
    now = time.time()
    for one in found:
        when = terminal.moment(one.at, seconds=False), terminal.moment(one.until, seconds=False)
        style = "dim" if one.until <= now else None
        drawn.add_row(one.name, one.subscription, f"{one.recipients:,}", *when, one.because, style=style)
    terminal.show(as_json, found, drawn if found else "No incidents: goodstanding incident declare NAME ...")

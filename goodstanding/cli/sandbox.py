"""``goodstanding sandbox``: a receiving internet on this machine, and looking into its mailboxes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import JsonOption
from goodstanding.sandbox.control import MailSummary, SandboxClient
from goodstanding.sandbox.settings import Ready, SandboxSettings

app = typer.Typer(
    help="Run a receiving internet on loopback (DNS and mailbox providers), or look into a running one.",
    invoke_without_command=True,
)
USUAL = SandboxSettings()
PortOption = Annotated[int, typer.Option("--port", help="Control port of the running sandbox.", min=1, max=65535)]


@app.callback()
def sandbox(
    context: typer.Context,
    seed: Annotated[str, typer.Option(help="Decides which mailboxes exist.")] = USUAL.seed,
    prefix: Annotated[str, typer.Option(help="First three numbers of the mail hosts' addresses.")] = USUAL.host_prefix,
    smtp_port: Annotated[int, typer.Option(help="SMTP port of every mail host; 0: a free one.")] = USUAL.smtp_port,
    dns_port: Annotated[int, typer.Option(help="Port of the name server; 0: a free one.")] = USUAL.dns_port,
    control_port: Annotated[int, typer.Option(help="Port for the commands below; 0: free.")] = USUAL.control_port,
    data_dir: Annotated[Path | None, typer.Option(help="Keep accepted mail in files here, too.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Written when everything listens.")] = None,
    authentication: Annotated[bool, typer.Option(help="Check SPF, DKIM and DMARC.")] = USUAL.check_authentication,
    limits: Annotated[bool, typer.Option(help="Limit rates and connections as providers do.")] = USUAL.limits,
    patience: Annotated[float, typer.Option(help="Seconds a greylisted sender has to wait.")] = USUAL.patience,
    as_json: JsonOption = False,
) -> None:
    """Without a command: run a sandbox until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    settings = SandboxSettings(
        seed, prefix, smtp_port, dns_port, control_port, data_dir, ready_file, authentication, limits, patience
    )
    from goodstanding.sandbox.run import run_sandbox  # only here is the whole sandbox needed

    run_sandbox(settings, lambda ready: _announce(ready, as_json))


def _announce(ready: Ready, as_json: bool) -> None:
    """Say where everything is, and what a relay needs to know to deliver only here."""
    port = f" --port {ready.control_port}" if ready.control_port != USUAL.control_port else ""
    words = Text.assemble(
        ("The sandbox is open.", "bold green"), " Ctrl-C closes it.\n",
        "A relay delivers to it, and nowhere else, with these settings:\n\n",
        (f'dns.nameservers = ["{ready.dns_address}"]\ndns.port = {ready.dns_port}\n', "cyan"),
        (f"delivery.port = {ready.smtp_port}\ndelivery.loopback_only = true\n\n", "cyan"),
        ("Who is there:  ", "dim"), f"goodstanding sandbox status{port}\n",
        ("What arrived:  ", "dim"), f"goodstanding sandbox mail{port}",
    )  # fmt: skip
    terminal.show(as_json, ready, words)
    sys.stdout.flush()


@app.command()
def status(port: PortOption = USUAL.control_port, as_json: JsonOption = False) -> None:
    """Show every provider: its domains, its manners, and how much mail it has taken."""
    with SandboxClient(port) as client:
        found = client.status()
    drawn = terminal.table("provider", "domains", "character", "accepted", numbers=("accepted",))
    for provider in found.providers:
        up = "" if any(host.up for host in provider.hosts) else " (nobody listens)"
        accepted = f"{provider.counts.get('accepted', 0):,}"
        drawn.add_row(provider.name, ", ".join(provider.domains), provider.character + up, accepted)
    terminal.show(as_json, found, drawn)


@app.command()
def mail(
    where: Annotated[str, typer.Argument(metavar="[PROVIDER | ADDRESS | DOMAIN]", help="Whose mail; all of it.")] = "",
    limit: Annotated[int, typer.Option(help="How many of the newest.", min=1)] = 50,
    port: PortOption = USUAL.control_port,
    as_json: JsonOption = False,
) -> None:
    """List the newest mail that was accepted."""
    with SandboxClient(port) as client:
        found = client.mail(where, limit)
    drawn = terminal.table("id", "arrived", "provider", "to", "from", "subject", "authentication")
    for one in found:
        drawn.add_row(one.id, terminal.moment(one.at), *_shown(one))
    terminal.show(as_json, found, drawn if found else "No mail there.")


def _shown(one: MailSummary) -> tuple[str, Text, Text, Text, str]:
    told = (", ".join(one.recipients), one.from_address, one.subject)
    to, sender, subject = map(terminal.foreign, told)
    return one.provider, to, sender, subject, one.authentication


@app.command()
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of a mail, as listed.")],
    port: PortOption = USUAL.control_port,
    as_json: JsonOption = False,
) -> None:
    """Print one mail as its provider received it."""
    with SandboxClient(port) as client:
        found = client.show(id)
    if as_json:
        terminal.print_json(found)
        return
    one = found.summary
    facts = f"{one.provider} took it from {one.client} at {terminal.moment(one.at)} ({one.tls or 'no TLS'})"
    terminal.console().print(Group(Text(facts, "dim"), Text(f"{one.authentication}\n", "dim")))
    sys.stdout.flush()
    sys.stdout.buffer.write(found.octets)


@app.command()
def outage(
    what: Annotated[str, typer.Argument(metavar="PROVIDER", help="Name of a provider, or dns.")],
    over: Annotated[bool, typer.Option("--over", help="Bring it back.")] = False,
    port: PortOption = USUAL.control_port,
    as_json: JsonOption = False,
) -> None:
    """Take a provider down, or bring it back."""
    with SandboxClient(port) as client:
        client.set_outage(what, down=not over)
    terminal.show(as_json, {"what": what, "down": not over}, f"{what} is {'back' if over else 'down'}.")


@app.command()
def stop(port: PortOption = USUAL.control_port, as_json: JsonOption = False) -> None:
    """Close a running sandbox."""
    with SandboxClient(port) as client:
        client.stop()
    terminal.show(as_json, {"stopped": True}, "The sandbox is closed.")

"""``goodstanding sandbox``: a receiving internet on this machine, and looking into its mailboxes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import JsonOption
from goodstanding.sandbox.control import MailSummary, SandboxClient
from goodstanding.sandbox.relations import Kind, Relation
from goodstanding.sandbox.settings import Ready, SandboxSettings
from goodstanding.sandbox.society import CopyStatus, RegisterFeedback

app = typer.Typer(
    help="Run a receiving internet on loopback (DNS and mailbox providers), or look into a running one.",
    invoke_without_command=True,
)
USUAL = SandboxSettings()
REFUSALS = ("rationed", "put_off", "blocked_ip", "blocked_domain")
GRADES = {"high": "green", "medium": "", "low": "yellow", "bad": "red"}
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
    patience: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long a greylisted sender has to wait.")
    ] = USUAL.patience,
    speed: Annotated[float, typer.Option(help="Seconds of people's lives in one second.", min=0.001)] = USUAL.speed,
    reputation: Annotated[bool, typer.Option(help="Let providers remember senders.")] = USUAL.reputation,
    mail_port: Annotated[int, typer.Option(help="Port reports and answers go to; 0: SMTP port.")] = USUAL.mail_port,
    cold_complaints: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Share of strangers who report cold mail as spam.", min=0.0, max=1.0),
    ] = USUAL.behaviour.cold.complained,
    as_json: JsonOption = False,
) -> None:
    """Without a command: run a sandbox until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    settings = SandboxSettings(
        *(seed, prefix, smtp_port, dns_port, control_port, data_dir, ready_file, authentication, limits, patience),
        *(speed, reputation, mail_port),
        behaviour=replace(USUAL.behaviour, cold=replace(USUAL.behaviour.cold, complained=cold_complaints)),
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
        ("What arrived:  ", "dim"), f"goodstanding sandbox mail{port}\n",
        ("What they do:  ", "dim"), f"goodstanding sandbox mailbox{port}\n",
        ("Who is liked:  ", "dim"), f"goodstanding sandbox reputation{port}",
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
def reputation(
    where: Annotated[
        str, typer.Argument(metavar="[PROVIDER | IP | DOMAIN]", help="Whose, or of whom; all of it.")
    ] = "",
    port: PortOption = USUAL.control_port,
    as_json: JsonOption = False,
) -> None:
    """Show what each provider thinks of addresses and domains, and where their mail went."""
    with SandboxClient(port) as client:
        found = client.reputation(where)
    numbers = ("complaints", "unknown users", "read", "filtered", "inbox", "junk", "dropped", "refused")
    drawn = terminal.table("provider", "identity", "grade", *numbers, numbers=numbers)
    for one in found:
        refused = sum(one.totals.get(name, 0) for name in REFUSALS)
        shares = (f"{one.complaint_rate:.2%}", f"{one.unknown_rate:.1%}", f"{one.engaged:.0%}")
        places = (f"{one.totals.get(place, 0):,}" for place in ("inbox", "junk", "dropped"))
        grade = Text(one.grade, GRADES[one.grade])
        filtered = Text(f"{one.filtered:.0%}", one.colour)
        drawn.add_row(one.provider, terminal.foreign(one.key), grade, *shares, filtered, *places, f"{refused:,}")
    terminal.show(as_json, found, drawn if found else "Nobody has sent anything, or no provider there keeps a memory.")


@app.command()
def mailbox(
    where: Annotated[
        str, typer.Argument(metavar="[ADDRESS | DOMAIN | PROVIDER]", help="Of a recipient or a sender; all of it.")
    ] = "",
    limit: Annotated[int, typer.Option(help="How many of the newest.", min=1)] = 50,
    port: PortOption = USUAL.control_port,
    as_json: JsonOption = False,
) -> None:
    """Show where mail was put, whether it was expected, and what people did with it."""
    with SandboxClient(port) as client:
        found = client.copies(where, limit)
    drawn = terminal.table("mail", "to", "from", "subject", "expected", "placement", "what they did")
    for one in found:
        told = map(terminal.foreign, (one.recipient, one.from_address, one.subject, _deeds(one)))
        to, sender, subject, deeds = told
        drawn.add_row(one.mail, to, sender, subject, one.expectation, one.placement, deeds)
    terminal.show(as_json, found, drawn if found else "No mail there.")


def _deeds(copy: CopyStatus) -> str:
    """What somebody did, when, and what came of it."""
    return ", ".join(
        f"{one.act} after {terminal.span(one.after)}" + (f" ({one.outcome})" if one.outcome else "")
        for one in copy.deeds
    )


@app.command()
def know(
    mailbox: Annotated[str, typer.Argument(metavar="MAILBOX", help="Address, or * for everybody.")],
    sender: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domain of From, or one above it.")],
    kind: Annotated[Kind, typer.Option("--as", help="What the mailbox is to the sender.")] = "customer",
    port: PortOption = USUAL.control_port,
    as_json: JsonOption = False,
) -> None:
    """Declare a relation: whoever is not declared is a stranger, and takes mail for cold."""
    relation = Relation(mailbox, sender, kind)
    with SandboxClient(port) as client:
        client.add_relations([relation])
    terminal.show(as_json, relation, f"{mailbox} is a {kind} of {sender}.")


@app.command()
def feedback(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Name of a provider, or * for all.")],
    key: Annotated[str, typer.Argument(metavar="IDENTITY", help="ip:ADDRESS or domain:DOMAIN.")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where complaint reports go.")],
    host: Annotated[str, typer.Option(help="Mail host; without it the MX of the address.")] = "",
    to_port: Annotated[int, typer.Option(help="Port of that host; 0: the usual one.", min=0, max=65535)] = 0,
    port: PortOption = USUAL.control_port,
    as_json: JsonOption = False,
) -> None:
    """Sign an address or a domain up for a provider's complaint reports."""
    loop = RegisterFeedback(provider, key, address, host, to_port)
    with SandboxClient(port) as client:
        client.register_feedback(loop)
    terminal.show(as_json, loop, f"Complaints of {key} at {provider} are reported to {address}.")


@app.command()
def establish(
    keys: Annotated[list[str], typer.Argument(metavar="IDENTITY...", help="ip:ADDRESS or domain:DOMAIN.")],
    days: Annotated[float, typer.Option(metavar="DAYS", help="How long it has been sending.", min=0)] = 90,
    per_day: Annotated[float, typer.Option(help="Recipients a day at each provider.", min=0)] = 100,
    provider: Annotated[str, typer.Option(help="Name of a provider, or * for all.")] = "*",
    port: PortOption = USUAL.control_port,
    as_json: JsonOption = False,
) -> None:
    """Give addresses and domains a past of wanted mail, as if they were no newcomers."""
    with SandboxClient(port) as client:
        client.establish(keys, days, per_day, provider)
    told = {"keys": keys, "days": days, "per_day": per_day, "provider": provider}
    terminal.show(as_json, told, f"{', '.join(keys)}: {days:g} days with {per_day:g} recipients a day.")


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

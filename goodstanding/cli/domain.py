"""``goodstanding domain``: which tenant signs for which domain, and what to publish in DNS for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from goodstanding import operate
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.operate import Record

app = typer.Typer(help="Domains that mail is signed for (DKIM).", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain, as in From:, e.g. shop.example.")]


@app.command()
def add(
    name: Name,
    tenant: Annotated[str, typer.Option(help="Tenant that owns it; made if absent.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a domain to a tenant, with new DKIM keys, and print the records to publish."""
    with opened(config) as estate:
        found = operate.add_domain(estate.database, estate.master, name, tenant)
    _print(found, as_json)


@app.command()
def records(name: Name, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the DNS records of a domain again."""
    with opened(config) as estate:
        found = operate.records(estate.database, estate.master, name)
    _print(found, as_json)


def _print(found: Sequence[Record], as_json: bool) -> None:
    lines = [Text.assemble((record.name, "bold"), f". TXT {_strings(record.value)}") for record in found]
    head = Text("Publish these TXT records; receivers find the signing keys there:\n", "dim")
    if as_json:
        terminal.print_json(found)
    else:
        terminal.console().print(head, *lines, sep="\n", soft_wrap=True)


def _strings(value: str) -> str:
    """As a zone file has it: quoted strings of at most 255 characters (RFC 1035 §3.3.14), which receivers join."""
    return " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List domains with their tenants and selectors."""
    with opened(config) as estate:
        found = operate.domains(estate.database)
    drawn = terminal.table("domain", "tenant", "selectors")
    for domain in found:
        drawn.add_row(domain.name, domain.tenant, ", ".join(domain.selectors))
    hint = "No domains yet: goodstanding domain add DOMAIN --tenant NAME"
    terminal.show(as_json, found, Group(drawn) if found else hint)


@app.command()
def remove(name: Name, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Forget a domain and its keys; its mail goes out unsigned from then on."""
    with opened(config) as estate:
        operate.remove_domain(estate.database, name)
    terminal.show(as_json, {"removed": name}, f"{name} is removed; take its records out of DNS in a week or so.")

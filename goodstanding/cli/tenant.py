"""``goodstanding tenant``: the organisations that answer for mail."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from goodstanding.admission.estate import Tenant
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.cli.estate import given, place, tell, terms
from goodstanding.operate import estate as verbs

app = typer.Typer(help="Organisations that answer for mail.", no_args_is_help=True)


class Sharing(StrEnum):
    """What becomes of two streams of a tenant on one registrable domain."""

    REFUSE = "refuse"
    EXCEPTION = "exception"


Name = Annotated[str, typer.Argument(metavar="TENANT", help="Small letters, digits and hyphens, e.g. shop.")]
Country = Annotated[
    str | None, typer.Option(metavar="CODE", help="Where it sits, e.g. IT; laws ask.", show_default=False)
]
PostalAddress = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Where the sender can be written to; findings quote it, mail has to carry it itself.",
        show_default=False,
    ),
]
SharedDomains = Annotated[
    Sharing | None,
    typer.Option(
        help="Two of its streams on one registrable domain: refused, or shown in every check.", show_default=False
    ),
]
Contact = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="Told by mail when its mail is slowed, stopped or let go on.", show_default=False
    ),
]


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List tenants with what they have."""
    with opened(config, present=True) as estate:
        found = verbs.present(estate.database)
    drawn = terminal.table(*_COLUMNS, numbers=("subscriptions", "domains"))
    documents = []
    for tenant in found.tenants:
        subscriptions = sum(one.tenant == tenant.name for one in found.subscriptions)
        domains = sum(one.tenant == tenant.name for one in found.domains)
        counts = {"subscriptions": subscriptions, "domains": domains}
        documents.append({name: getattr(tenant, name) for name in _FIELDS} | counts)
        address = terminal.foreign(tenant.postal_address)
        contact = terminal.foreign(tenant.contact)
        counted = str(subscriptions), str(domains)
        drawn.add_row(tenant.name, tenant.country, *counted, tenant.shared_domains, contact, address)
    terminal.show(as_json, documents, drawn if documents else "No tenants yet: goodstanding tenant add NAME")


_FIELDS = ("name", "country", "postal_address", "shared_domains", "contact")
_COLUMNS = ("tenant", "country", "subscriptions", "domains", "shared domains", "contact", "postal address")


@app.command()
def add(
    name: Name,
    country: Country = None,
    postal_address: PostalAddress = None,
    shared_domains: SharedDomains = None,
    contact: Contact = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Add a tenant."""
    known = given(country=country, postal_address=postal_address, shared_domains=shared_domains, contact=contact)
    wanted = Tenant(name, **known)
    with opened(config) as estate:
        result = verbs.add(place(estate), wanted, terms(estate))
    return tell(result, as_json)


@app.command("set")
def set_(
    name: Name,
    country: Country = None,
    postal_address: PostalAddress = None,
    shared_domains: SharedDomains = None,
    contact: Contact = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Change what is known of a tenant."""
    changed = given(country=country, postal_address=postal_address, shared_domains=shared_domains, contact=contact)
    with opened(config) as estate:
        result = verbs.alter(place(estate), Tenant, name, changed, terms(estate))
    return tell(result, as_json)

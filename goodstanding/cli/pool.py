"""``goodstanding pool``: egress addresses, each pool of one stream."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from goodstanding.admission.estate import Pool
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.cli.estate import given, place, tell, terms
from goodstanding.model import Stream
from goodstanding.operate import estate as verbs
from goodstanding.operate import pools
from goodstanding.operate.pools import Origin

app = typer.Typer(help="Egress addresses, each pool of one stream.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="POOL", help="Small letters, digits and hyphens, e.g. shop-bulk.")]
Addresses = Annotated[
    list[str] | None,
    typer.Option("--address", metavar="IP", help="Egress IP address; may be repeated.", show_default=False),
]
Hello = Annotated[
    str | None, typer.Option(metavar="HOST", help="Name given in EHLO; '' for the hostname.", show_default=False)
]
BounceDomain = Annotated[
    str | None, typer.Option(metavar="DOMAIN", help="Domain of the return path.", show_default=False)
]
LinkDomain = Annotated[
    str | None, typer.Option(metavar="DOMAIN", help="Domain of unsubscribe links.", show_default=False)
]
Route = Annotated[
    str | None, typer.Option(metavar="NAME", help="A smart host: a routes entry of the settings.", show_default=False)
]
Penalty = Annotated[
    bool | None,
    typer.Option(
        "--penalty/--usual", help="Apart, for mail in penalty; or for its stream as usual.", show_default=False
    ),
]


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List pools: those of the settings, which all tenants share, and those of the store."""
    with opened(config, present=True) as estate:
        rows = pools.known(estate.settings, estate.database)
    if as_json:
        terminal.print_json([{"from": where} | {name: getattr(one, name) for name in _FIELDS} for one, where in rows])
        return
    hint = "No pools yet, the kernel chooses the address: goodstanding pool add NAME --stream STREAM --address IP"
    terminal.console().print(_drawn(rows) if rows else hint)


def _drawn(rows: list[tuple[Pool, Origin]]) -> Table:
    drawn = terminal.table(
        "pool", "stream", "for", "tenant", "addresses", "EHLO", "return path", "links", "route", "from"
    )
    for one, where in rows:
        names = (one.hello or "hostname", one.bounce_domain or "sender's", one.link_domain, one.route or "direct")
        addresses = "\n".join(one.addresses) or "any"
        use = "penalty" if one.penalty else "usual"
        drawn.add_row(one.name, one.stream, use, one.tenant or "all", addresses, *names, where)
    return drawn


_FIELDS = ("name", "stream", "tenant", "addresses", "hello", "bounce_domain", "link_domain", "route", "penalty")


@app.command()
def add(
    name: Name,
    stream: Annotated[Stream, typer.Option(help="The one stream that sends from it.")],
    addresses: Addresses = None,
    tenant: Annotated[str, typer.Option(help="Tenant it is reserved for.", show_default="shared by all")] = "",
    hello: Hello = None,
    bounce_domain: BounceDomain = None,
    link_domain: LinkDomain = None,
    route: Route = None,
    penalty: Penalty = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Add a pool; refused when it shares anything with another stream."""
    names = given(hello=hello, bounce_domain=bounce_domain, link_domain=link_domain, route=route, penalty=penalty)
    with opened(config) as estate:
        wanted = Pool(name, stream, tenant, tuple(addresses or ()), **names)
        result = verbs.add(place(estate), wanted, terms(estate))
    return tell(result, as_json)


@app.command("set")
def set_(
    name: Name,
    addresses: Addresses = None,
    hello: Hello = None,
    bounce_domain: BounceDomain = None,
    link_domain: LinkDomain = None,
    route: Route = None,
    penalty: Penalty = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Change a pool; the addresses given take the place of those it has."""
    names = given(hello=hello, bounce_domain=bounce_domain, link_domain=link_domain, route=route, penalty=penalty)
    changed = names | ({"addresses": tuple(addresses)} if addresses else {})
    with opened(config) as estate:
        result = verbs.alter(place(estate), Pool, name, changed, terms(estate))
    return tell(result, as_json)


@app.command()
def remove(name: Name, config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Take a pool out; refused while a subscription asks for it."""
    with opened(config) as estate:
        result = verbs.remove(place(estate), Pool, name, terms(estate))
    return tell(result, as_json)

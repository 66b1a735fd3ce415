"""``goodstanding sender``: the addresses a subscription may put into From."""

from __future__ import annotations

from typing import Annotated

import typer

from goodstanding.admission.estate import Sender
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.cli.estate import place, tell, terms
from goodstanding.operate import estate as verbs

app = typer.Typer(help="Addresses that subscriptions may put into From.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address in From, e.g. news@shop.example.")]


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List sender addresses; a subscription without any may use every address of its stream's domains."""
    with opened(config, present=True) as estate:
        found = verbs.present(estate.database).senders
    drawn = terminal.table("address", "subscription", "display name")
    for one in found:
        drawn.add_row(terminal.foreign(one.address), one.subscription, terminal.foreign(one.display))
    hint = "No sender addresses: every subscription may use all addresses of its stream's domains."
    terminal.show(as_json, found, drawn if found else hint)


@app.command()
def add(
    address: Address,
    subscription: Annotated[str, typer.Option(metavar="TENANT/APPLICATION", help="Who uses it.")],
    display: Annotated[str, typer.Option(metavar="TEXT", help="Name shown with it.", show_default=False)] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Let a subscription use an address; from its first one on it may use only those it has."""
    with opened(config) as estate:
        result = verbs.add(place(estate), Sender(address, subscription, display), terms(estate))
    return tell(result, as_json)


@app.command()
def remove(address: Address, config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Take an address away; without its last one, a subscription may use all of its stream's domains again."""
    with opened(config) as estate:
        result = verbs.remove(place(estate), Sender, address, terms(estate))
    return tell(result, as_json)

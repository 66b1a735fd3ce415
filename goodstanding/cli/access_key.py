"""``goodstanding access-key``: secrets with which programs sign requests to the API (as Azure's SDKs do)."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.cli.estate import place, tell, terms
from goodstanding.model import Stream
from goodstanding.operate import access_keys
from goodstanding.operate import estate as verbs
from goodstanding.operate.access_keys import NewKey
from goodstanding.store.access_keys import Slot
from goodstanding.store.db import Tx

app = typer.Typer(help="Access keys for programs that use the REST API.", no_args_is_help=True)

SubscriptionArgument = Annotated[
    str, typer.Argument(metavar="TENANT/APPLICATION", help="Whose key, e.g. shop/receipts.")
]
SlotOption = Annotated[Slot, typer.Option(help="Which of the two keys; change one while the other is in use.")]


@app.command()
def regenerate(
    subscription: SubscriptionArgument,
    slot: SlotOption = "primary",
    stream: Annotated[
        Stream | None, typer.Option(help="What it sends; needed for a new subscription.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make a key, in the place of the one in that slot; it is shown this once, with the connection string."""
    with opened(config) as estate:
        done: list[NewKey] = []

        def give(tx: Tx) -> None:
            done.append(access_keys.put_key(tx, estate.master, subscription, slot, stream, getpass.getuser()))

        result = verbs.ensure(place(estate), subscription, stream, terms(estate), give)
        if result.refused:
            return tell(result, as_json)
        made = done[0]
        endpoint = access_keys.endpoint(estate.settings.api)
        connection_string = access_keys.connection_string(estate.settings.api, made)
    document = {
        "subscription": made.subscription,
        "slot": made.slot,
        "key": made.key,
        "endpoint": endpoint,
        "connection_string": connection_string,
    }
    where = endpoint or "nowhere yet: set api.listeners (docs/acs.md)"
    drawn = Text.assemble(
        ("key                ", "dim"), (made.key, "bold"), ("   shown only now\n", "yellow"),
        ("endpoint           ", "dim"), where, "\n",
        ("connection string  ", "dim"), connection_string or "-",
    )  # fmt: skip
    terminal.show(as_json, document, drawn)
    return 0


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List access keys; nobody can list the secrets."""
    with opened(config) as estate:
        found = access_keys.listing(estate.database)
        api = estate.settings.api
    documents = [
        {
            "subscription": one.subscription,
            "slot": one.slot,
            "created": one.created,
            "endpoint": access_keys.endpoint(api),
        }
        for one in found
    ]
    drawn = terminal.table("subscription", "slot", "created", "endpoint")
    for one, document in zip(found, documents, strict=True):
        made = terminal.moment(one.created, seconds=False)
        drawn.add_row(one.subscription, one.slot, made, str(document["endpoint"]))
    hint = "No access keys yet: goodstanding access-key regenerate TENANT/APPLICATION --stream STREAM"
    terminal.show(as_json, documents, drawn if found else hint)


@app.command()
def revoke(
    subscription: SubscriptionArgument,
    slot: SlotOption = "primary",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a key open nothing any more, within seconds."""
    with opened(config) as estate:
        access_keys.revoke(estate.database, subscription, slot, getpass.getuser())
    terminal.show(
        as_json,
        {"revoked": {"subscription": subscription, "slot": slot}},
        f"The {slot} key of {subscription} is revoked; running workers learn it within seconds.",
    )

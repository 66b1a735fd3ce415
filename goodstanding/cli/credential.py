"""``goodstanding credential``: user names of applications, and the secrets or tokens that go with them."""

from __future__ import annotations

import getpass
from dataclasses import replace
from typing import Annotated

import typer
from rich.text import Text

from goodstanding.admission.estate import TokenCredential
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.cli.estate import place, tell, terms
from goodstanding.model import Stream
from goodstanding.operate import estate as verbs
from goodstanding.operate import subscriptions
from goodstanding.operate.subscriptions import NewCredential
from goodstanding.store.db import Tx

app = typer.Typer(help="User names, secrets and tokens of applications.", no_args_is_help=True)


@app.command()
def add(
    subscription: Annotated[str, typer.Argument(metavar="TENANT/APPLICATION", help="Who sends, e.g. shop/receipts.")],
    stream: Annotated[
        Stream | None, typer.Option(help="What it sends; needed for a new subscription.", show_default=False)
    ] = None,
    username: Annotated[
        str, typer.Option(help="The user name, e.g. the application's at ACS; empty: one is made up.")
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make a credential; the secret is shown this once and kept nowhere."""
    with opened(config) as estate:
        done: list[NewCredential] = []

        def give(tx: Tx) -> None:
            who = subscription, stream, getpass.getuser()
            done.append(subscriptions.credential(tx, estate.master, *who, username))

        result = verbs.ensure(place(estate), subscription, stream, terms(estate), give)
        if result.refused:
            return tell(result, as_json)
        made = done[0]
    identity = made.identity
    document = {
        "username": made.username,
        "secret": made.secret,
        "subscription": identity.subscription,
        "stream": identity.stream,
    }
    drawn = Text.assemble(
        ("user name  ", "dim"), (made.username, "bold"), "\n",
        ("secret     ", "dim"), (made.secret, "bold"), ("   shown only now\n", "yellow"),
        ("sends as   ", "dim"), f"{identity.subscription} on stream {identity.stream}",
    )  # fmt: skip
    terminal.show(as_json, document, drawn)
    return 0


@app.command()
def link(
    subscription: Annotated[str, typer.Argument(metavar="TENANT/APPLICATION", help="As whom it sends.")],
    issuer: Annotated[str, typer.Option(help="Who makes its tokens: an entry of tokens.issuers.")],
    application: Annotated[str, typer.Option(help="What the issuer calls the application: its client id.")],
    tenant: Annotated[
        str, typer.Option(help="The application's tenant at the issuer; empty: whichever the token names.")
    ] = "",
    username: Annotated[
        str, typer.Option(help="User name that goes with the token; empty: SUBSCRIPTION|APPLICATION|TENANT.")
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Let tokens of an application open a subscription; there is no secret, and nothing to hand over."""
    wanted = TokenCredential(username, subscription, issuer, application, tenant)
    wanted = wanted if username else replace(wanted, username=subscriptions.link_name(wanted))
    with opened(config) as estate:
        result = verbs.add(place(estate), wanted, terms(estate))
    return tell(result, as_json)


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List credentials, revoked ones too; nobody can list secrets."""
    with opened(config) as estate:
        found = subscriptions.credentials(estate.database)
    documents = [
        {
            "username": entry.username,
            "subscription": entry.identity.subscription,
            "stream": entry.identity.stream,
            "created": entry.created,
            "revoked": entry.revoked,
            "issuer": entry.link.issuer if entry.link else "",
            "application": entry.link.application if entry.link else "",
            "issuer_tenant": entry.link.issuer_tenant if entry.link else "",
        }
        for entry in found
    ]
    drawn = terminal.table("user name", "subscription", "stream", "opened by", "created", "revoked")
    for entry in found:
        who, made = entry.identity, terminal.moment(entry.created, seconds=False)
        gone = terminal.moment(entry.revoked, seconds=False) if entry.revoked else ""
        opener = f"tokens of {entry.link.issuer}" if entry.link else "a secret"
        style = "dim" if gone else None
        drawn.add_row(entry.username, who.subscription, who.stream, opener, made, gone, style=style)
    hint = "No credentials yet: goodstanding credential add TENANT/APPLICATION --stream STREAM"
    terminal.show(as_json, documents, drawn if found else hint)


@app.command()
def revoke(
    username: Annotated[str, typer.Argument(metavar="USERNAME", help="The user name.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a credential open nothing any more, within seconds."""
    with opened(config) as estate:
        subscriptions.revoke_credential(estate.database, username, getpass.getuser())
    terminal.show(as_json, {"revoked": username}, f"{username} is revoked; running workers learn it within seconds.")

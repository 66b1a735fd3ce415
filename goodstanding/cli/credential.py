"""``goodstanding credential``: user names and secrets with which applications submit mail."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from goodstanding import operate
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.model import Stream

app = typer.Typer(help="User names and secrets for applications.", no_args_is_help=True)


@app.command()
def add(
    subscription: Annotated[str, typer.Argument(metavar="TENANT/APPLICATION", help="Who sends, e.g. shop/receipts.")],
    stream: Annotated[
        Stream | None, typer.Option(help="What it sends; needed for a new subscription.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a credential; the secret is shown this once and kept nowhere."""
    with opened(config) as estate:
        made = operate.add_credential(estate.database, estate.master, subscription, stream)
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


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List credentials, revoked ones too; nobody can list secrets."""
    with opened(config) as estate:
        found = operate.credentials(estate.database)
    documents = [
        {
            "username": entry.username,
            "subscription": entry.identity.subscription,
            "stream": entry.identity.stream,
            "created": entry.created,
            "revoked": entry.revoked,
        }
        for entry in found
    ]
    drawn = terminal.table("user name", "subscription", "stream", "created", "revoked")
    for entry in found:
        who, made = entry.identity, terminal.moment(entry.created, seconds=False)
        gone = terminal.moment(entry.revoked, seconds=False) if entry.revoked else ""
        drawn.add_row(entry.username, who.subscription, who.stream, made, gone, style="dim" if gone else None)
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
        operate.revoke_credential(estate.database, username)
    terminal.show(as_json, {"revoked": username}, f"{username} is revoked; running workers learn it within seconds.")

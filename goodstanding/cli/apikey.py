"""``goodstanding apikey``: keys of the native API."""

from __future__ import annotations

import getpass
import time
from typing import Annotated

import typer
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.errors import GoodstandingError
from goodstanding.operate import api_keys as verbs
from goodstanding.operate.api_keys import Key, Wish
from goodstanding.settings import DAY

app = typer.Typer(help="Keys of the native API (docs/api.md).", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who uses it, in words, e.g. 'nightly export'.")],
    scopes: Annotated[
        list[str], typer.Option("--scope", metavar="SCOPE", help="FAMILY:read or FAMILY:write, *:read; repeatable.")
    ],
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="The one tenant it sees and changes.", show_default=False)
    ] = None,
    platform: Annotated[bool, typer.Option("--platform", help="An operator's key: every tenant.")] = False,
    days: Annotated[float, typer.Option(metavar="DAYS", help="It ends after so many; 0: never.", min=0)] = 90.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key; it is shown this once and kept nowhere."""
    if (tenant is None) == (not platform):
        raise GoodstandingError("say whose key it is: --tenant NAME, or --platform for an operator's")
    expires = time.time() + days * DAY if days else 0.0
    with opened(config) as estate:
        wish = Wish(tenant or "", name, scopes, expires)
        made = verbs.add(estate.database, estate.master, wish, getpass.getuser())
    drawn = Text.assemble(
        ("key        ", "dim"), (made.token, "bold"), ("   shown only now\n", "yellow"),
        ("may        ", "dim"), ", ".join(made.key.scopes), "\n",
        ("sees       ", "dim"), f"tenant {tenant}" if tenant else "every tenant", "\n",
        ("until      ", "dim"), terminal.moment(expires, seconds=False) if expires else "revoked",
    )  # fmt: skip
    terminal.show(as_json, document(made.key) | {"token": made.token}, drawn)


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List keys, those that open nothing any more too; nobody can list secrets."""
    with opened(config, present=True) as estate:
        found = verbs.listing(estate.database)
    drawn = terminal.table("id", "name", "tenant", "scopes", "used", "ends", "revoked")
    now = time.time()
    for key in found:
        times = [_moment(at) for at in (key.used, key.expires, key.revoked)]
        dead = bool(key.revoked) or 0 < key.expires <= now
        names = key.id, terminal.foreign(key.name), key.tenant or "(every tenant)", " ".join(key.scopes)
        drawn.add_row(*names, *times, style="dim" if dead else None)
    hint = "No keys yet: goodstanding apikey add NAME --tenant TENANT --scope queue:read"
    terminal.show(as_json, [document(key) for key in found], drawn if found else hint)


def _moment(at: float) -> str:
    return terminal.moment(at, seconds=False) if at else ""


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="ID", help="The id of the key, as in the list.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a key open nothing any more, within a second or two."""
    with opened(config) as estate:
        verbs.revoke(estate.database, name, getpass.getuser())
    terminal.show(as_json, {"revoked": name}, f"{name} is revoked.")


def document(key: Key) -> dict[str, object]:
    """A key as JSON has it; without its digest."""
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "scopes": key.scopes,
        "created": key.created,
        "created_by": key.created_by,
        "expires": key.expires,
        "used": key.used,
        "revoked": key.revoked,
    }

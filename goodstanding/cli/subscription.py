"""``goodstanding subscription``: the applications of tenants, each on one stream, and the terms they send on."""

from __future__ import annotations

from typing import Annotated

import typer

from goodstanding.admission.estate import Subscription
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.cli.estate import given, place, tell, terms
from goodstanding.model import Stream
from goodstanding.operate import estate as verbs

app = typer.Typer(help="Applications that send, each on one stream, and their terms.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="TENANT/APPLICATION", help="Who sends, e.g. shop/receipts.")]
Flow = Annotated[
    str | None, typer.Option(metavar="TEXT", help="What people call this mail: HR, support.", show_default=False)
]
Pool = Annotated[
    str | None, typer.Option(metavar="NAME", help="Pool it leaves from; '' for the usual one.", show_default=False)
]
MinuteLimit = Annotated[int | None, typer.Option(help="Recipients a minute.", min=0, show_default=False)]
HourLimit = Annotated[int | None, typer.Option(help="Recipients an hour.", min=0, show_default=False)]
RecipientsLimit = Annotated[
    int | None, typer.Option(help="Recipients of one message.", min=1, max=50_000, show_default=False)
]
Shadow = Annotated[
    bool | None,
    typer.Option("--shadow/--enforce", help="Judge its mail and apply nothing, or apply it.", show_default=False),
]


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List subscriptions with their terms."""
    with opened(config, present=True) as estate:
        found = verbs.present(estate.database).subscriptions
    drawn = terminal.table(*_COLUMNS, numbers=_COLUMNS[4:7])
    for one in found:
        limits = (f"{limit:,}" for limit in (one.minute_limit, one.hour_limit, one.recipients_limit))
        mode = "shadow" if one.shadow else "enforced"
        drawn.add_row(one.name, one.stream, terminal.foreign(one.flow), one.pool or "usual", *limits, mode)
    hint = "No subscriptions yet: goodstanding subscription add TENANT/APPLICATION --stream STREAM"
    terminal.show(as_json, found, drawn if found else hint)


_COLUMNS = ("subscription", "stream", "flow", "pool", "a minute", "an hour", "recipients", "verdicts")


@app.command()
def add(
    name: Name,
    stream: Annotated[Stream, typer.Option(help="What it sends; fixed for life.")],
    flow: Flow = None,
    pool: Pool = None,
    minute_limit: MinuteLimit = None,
    hour_limit: HourLimit = None,
    recipients_limit: RecipientsLimit = None,
    shadow: Shadow = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Add a subscription, with its tenant when that is new; limits start as low as those of a new one at Azure."""
    limits = given(minute_limit=minute_limit, hour_limit=hour_limit, recipients_limit=recipients_limit)
    wanted = Subscription(name, stream, **given(flow=flow, pool=pool, shadow=shadow), **limits)
    with opened(config) as estate:
        result = verbs.add(place(estate), wanted, terms(estate))
    return tell(result, as_json)


@app.command("set")
def set_(
    name: Name,
    flow: Flow = None,
    pool: Pool = None,
    minute_limit: MinuteLimit = None,
    hour_limit: HourLimit = None,
    recipients_limit: RecipientsLimit = None,
    shadow: Shadow = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Change the terms of a subscription: raising its limits is your review of it."""
    limits = given(minute_limit=minute_limit, hour_limit=hour_limit, recipients_limit=recipients_limit)
    changed = given(flow=flow, pool=pool, shadow=shadow) | limits
    with opened(config) as estate:
        result = verbs.alter(place(estate), Subscription, name, changed, terms(estate))
    return tell(result, as_json)


@app.command()
def remove(name: Name, config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Take a subscription out, with its credentials and sender addresses."""
    with opened(config) as estate:
        result = verbs.remove(place(estate), Subscription, name, terms(estate))
    return tell(result, as_json)

"""``goodstanding webhook``: endpoints of tenants that are told what happens to their mail and their standing."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.errors import GoodstandingError
from goodstanding.operate import webhooks
from goodstanding.operate.webhooks import Delivery, Kind, Listed, Shape, Site, Trial, Wanted

app = typer.Typer(help="Endpoints that are told what happens (docs/webhooks.md).", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="WEBHOOK", help="Its number, as webhook list shows it.")]
DAY = 86_400.0


@app.command()
def add(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Whose events.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="https://... to which they are posted.")],
    shape: Annotated[str, typer.Option(help="cloudevents, or eventgrid as Azure sends it.")] = "cloudevents",
    subscription: Annotated[
        str, typer.Option(metavar="TENANT/APPLICATION", help="Only of this application.", show_default=False)
    ] = "",
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="Only of this kind; may be repeated.", show_default=False)
    ] = None,
    batch: Annotated[int, typer.Option(help="Events of one POST at most.")] = 1,
    headers: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="NAME: VALUE", help="Sent with every POST.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an endpoint and test it; its secret is shown this once. It is told nothing until it passes the test."""
    wanted = Wanted(tenant, url, _shape(shape), subscription, _kinds(kinds or ()), batch, _headers(headers or ()))
    with _site(config) as site:
        made = webhooks.add(site, wanted)
        trial = webhooks.test(site, made.endpoint.number)
        endpoint = webhooks.known(site, made.endpoint.number)
    document = _document(endpoint) | {"secret": made.secret, "test": _tried(trial)}
    drawn = Text.assemble(
        ("webhook  ", "dim"), (str(made.endpoint.number), "bold"), f"  {made.endpoint.shape} to {url}\n",
        ("secret   ", "dim"), (made.secret, "bold"), ("   shown only now\n", "yellow"),
        ("test     ", "dim"), _verdict(trial, made.endpoint.number),
    )  # fmt: skip
    terminal.show(as_json, document, drawn)
    raise typer.Exit(0 if trial.passed else 1)


@app.command("list")
def list_(
    tenant: Annotated[str, typer.Option(help="Only of this tenant.", show_default=False)] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List endpoints, and how they answer."""
    with _site(config) as site:
        found = webhooks.listed(site, tenant)
    drawn = terminal.table(
        *("webhook", "tells", "URL", "shape", "state", "told", "failed", "waiting", "given up", "last failure"),
        numbers=("webhook", "told", "failed", "waiting", "given up"),
    )
    for one in found:
        drawn.add_row(*_row(one), style=None if one.endpoint.state == "active" else "dim")
    documents = [_document(one.endpoint) | _figures(one) for one in found]
    hint = "No webhooks yet: goodstanding webhook add TENANT URL"
    terminal.show(as_json, documents, drawn if found else hint)


@app.command()
def test(number: Number, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Ask an endpoint whether it wants to hear: Event Grid's handshake, or an event of type goodstanding.test."""
    with _site(config) as site:
        trial = webhooks.test(site, number)
    terminal.show(as_json, _tried(trial), _verdict(trial, number))
    raise typer.Exit(0 if trial.passed else 1)


@app.command()
def remove(number: Number, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Forget an endpoint, with what waits for it."""
    with _site(config) as site:
        gone = webhooks.remove(site, number)
    terminal.show(as_json, {"removed": number}, f"Webhook {number} to {gone.url} is removed, with what waited for it.")


@app.command()
def disable(number: Number, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell an endpoint nothing for now; what happens meanwhile can be replayed."""
    with _site(config) as site:
        webhooks.switch(site, number, on=False)
    hint = f"told nothing until: goodstanding webhook enable {number}"
    terminal.show(as_json, {"number": number, "state": "disabled"}, f"Webhook {number} is disabled; {hint}")


@app.command()
def enable(number: Number, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell an endpoint again that was disabled, or that had answered 410 Gone."""
    with _site(config) as site:
        webhooks.switch(site, number, on=True)
    terminal.show(as_json, {"number": number, "state": "active"}, f"Webhook {number} is told again.")


@app.command()
def rotate(
    number: Number,
    overlap_hours: Annotated[float, typer.Option(help="Hours for which the present secret signs too.")] = 24.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new secret; the present one signs beside it for a while."""
    with _site(config) as site:
        made = webhooks.rotate(site, number, 3600 * overlap_hours)
    drawn = Text.assemble(
        ("secret  ", "dim"), (made.secret, "bold"), ("   shown only now\n", "yellow"),
        f"The one before signs beside it for {overlap_hours:g} hours.",
    )  # fmt: skip
    terminal.show(as_json, {"number": number, "secret": made.secret, "overlap_hours": overlap_hours}, drawn)


@app.command()
def deliveries(
    number: Number,
    state: Annotated[str, typer.Option(help="waiting, dead or delivered.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what waits for an endpoint, what was given up, and the newest that were delivered."""
    if state not in ("", "waiting", "dead", "delivered"):
        raise GoodstandingError(f"state {state} is none of waiting, dead, delivered")
    with _site(config) as site:
        found = webhooks.deliveries(site, number, state, limit)
    drawn = terminal.table(
        "event", "kind", "happened", "state", "tried", "next or ended", "last answer", numbers=["tried"]
    )
    for one in found:
        drawn.add_row(*_delivery_row(one), style={"dead": "red", "delivered": "dim"}.get(one.row.state))
    terminal.show(
        as_json, [_delivery(one) for one in found], drawn if found else "Nothing waits, and nothing was told."
    )


@app.command()
def replay(
    number: Number,
    event: Annotated[str, typer.Option(metavar="ID", help="One event, by its id.", show_default=False)] = "",
    since: Annotated[
        str,
        typer.Option(metavar="TIME", help="All that happened from 2026-11-25 or 2026-11-25T14:00.", show_default=False),
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="... up to; else up to now.", show_default=False)] = "",
    dead: Annotated[bool, typer.Option("--dead", help="All that was given up.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell an endpoint again, under the same ids: one event, a time, or all that was given up."""
    if (bool(event), bool(since), dead).count(True) != 1 or (until and not since):
        raise GoodstandingError("say what to replay: --event ID, --since TIME [--until TIME] or --dead")
    with _site(config) as site:
        told = _replayed(site, number, event, since, until)
    terminal.show(as_json, {"number": number, "events": told}, f"{told} events are told again to webhook {number}.")


def _replayed(site: Site, number: int, event: str, since: str, until: str) -> int:
    if event:
        webhooks.replay_id(site, number, event)
        return 1
    if not since:
        return webhooks.replay_dead(site, number)
    moments = _moment(since), _moment(until) if until else time.time()
    bar, moved = terminal.progress("reading the journal", 100)
    with bar:
        return webhooks.replay_between(site, number, *moments, lambda done, of: moved(100 * done // (of or 1)))


# --- words -----------------------------------------------------------------------------------------------------------


@contextmanager
def _site(config: Path | None) -> Iterator[Site]:
    with opened(config) as estate:
        yield Site(estate.database, estate.master, estate.settings, getpass.getuser())


def _shape(text: str) -> Shape:
    for known in webhooks.SHAPES:
        if text == known:
            return known
    raise GoodstandingError(f"shape {text} is none of {', '.join(webhooks.SHAPES)}")


def _kinds(words: Sequence[str]) -> tuple[Kind, ...]:
    unknown = [word for word in words if word not in webhooks.TOLD]
    if unknown:
        raise GoodstandingError(f"kind {unknown[0]} is none of {', '.join(webhooks.TOLD)}")
    return tuple(Kind(word) for word in words)


def _headers(lines: Sequence[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise GoodstandingError(f"header {name}: write it as 'Name: value'")
        found[name.strip()] = value.strip()
    return found


def _moment(text: str) -> float:
    """A time as people write it; local unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise GoodstandingError(f"{text} is no time; write it as 2026-11-25 or 2026-11-25T14:00+01:00") from exc
    return moment.timestamp()


def _tried(trial: Trial) -> dict[str, Any]:
    return {"passed": trial.passed, "answer": trial.words, "seconds": round(trial.took, 3)}


def _verdict(trial: Trial, number: int) -> Text:
    if trial.passed:
        return Text.assemble(("passed", "green"), f" in {terminal.span(trial.took)}: told from now on")
    said = ("not passed", "red"), ": ", terminal.foreign(trial.words), "\n"
    return Text.assemble(*said, f"It is told nothing until it passes: goodstanding webhook test {number}")


def _document(one: Any) -> dict[str, Any]:
    return {
        "number": one.number,
        "tenant": one.tenant,
        "subscription": one.subscription or None,
        "url": one.url,
        "shape": one.shape,
        "kinds": list(one.kinds or webhooks.TOLD),
        "batch": one.batch,
        "state": one.state,
        "because": one.because,
        "created": one.created,
    }


def _figures(one: Listed) -> dict[str, Any]:
    its = one.figures
    return {
        "delivered": its.delivered,
        "failed": its.failed,
        "waiting": its.waiting,
        "dead": its.dead,
        "last_success": its.last_success or None,
        "last_failure": its.last_failure or None,
        "last_reply": its.last_reply,
    }


def _row(one: Listed) -> list[Text | str]:
    endpoint, its = one.endpoint, one.figures
    what = f"{endpoint.subscription or endpoint.tenant}: {', '.join(endpoint.kinds) or 'everything'}"
    failed = terminal.foreign(f"{terminal.moment(its.last_failure)} {its.last_reply}") if its.last_failure else ""
    state = terminal.foreign(f"{endpoint.state}: {endpoint.because}" if endpoint.because else endpoint.state)
    figures = (str(n) for n in (its.delivered, its.failed, its.waiting, its.dead))
    return [str(endpoint.number), what, endpoint.url, endpoint.shape, state, *figures, failed]


def _delivery(one: Delivery) -> dict[str, Any]:
    row = one.row
    return {
        "id": one.id,
        "kind": row.kind,
        "happened": row.event.at if row.event is not None else None,
        "recipient": row.event.recipient if row.event is not None else None,
        "state": row.state,
        "attempts": row.attempts,
        "due": row.due if row.state == "waiting" else None,
        "ended": None if row.state == "waiting" else row.due,
        "answer": row.reply,
    }


def _delivery_row(one: Delivery) -> list[Text | str]:
    row = one.row
    happened = terminal.moment(row.event.at) if row.event is not None else ""
    due = terminal.until(row.due, time.time()) if row.state == "waiting" else terminal.moment(row.due)
    return [one.id, row.kind, happened, row.state, str(row.attempts), due, terminal.foreign(row.reply)]

"""The root of the command line, and the one place where an error becomes a line of text and an exit code."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version as installed_version

import typer
from typer.exceptions import TyperException

from goodstanding.cli import (
    access_key,
    apikey,
    assess,
    blast_radius,
    check,
    credential,
    demo,
    domain,
    estate,
    feedback,
    incident,
    isolation,
    openapi,
    pool,
    quarantine,
    queue,
    reputation,
    review,
    sandbox,
    sender,
    serve,
    standing,
    subscription,
    suppression,
    tenant,
    trace,
    trust,
    webhook,
    why,
)
from goodstanding.cli.configuration import JsonOption
from goodstanding.cli.terminal import complain, show
from goodstanding.errors import GoodstandingError, SettingsError, StoreError

STOPPED = 130
"""Exit code of a command that Ctrl-C ended."""

app = typer.Typer(
    name="goodstanding",
    help="An outbound mail relay that keeps every sender in good standing. Start with: goodstanding demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables, and some of those are secrets
)
app.command()(serve.serve)
app.command()(check.check)
app.add_typer(queue.app, name="queue")
app.command()(trace.trace)
app.add_typer(quarantine.app, name="quarantine")
app.command()(why.why)
app.command()(why.reasons)
app.add_typer(domain.app, name="domain")
app.add_typer(access_key.app, name="access-key")
app.add_typer(credential.app, name="credential")
app.add_typer(apikey.app, name="apikey")
app.add_typer(tenant.app, name="tenant")
app.add_typer(subscription.app, name="subscription")
app.add_typer(sender.app, name="sender")
app.add_typer(pool.app, name="pool")
app.command()(estate.apply)
app.command()(estate.export)
app.add_typer(trust.app, name="trust")
app.add_typer(suppression.app, name="suppression")
app.add_typer(feedback.app, name="feedback")
app.add_typer(isolation.app, name="isolation")
app.add_typer(incident.app, name="incident")
app.add_typer(reputation.app, name="reputation")
app.add_typer(standing.app, name="standing")
app.add_typer(review.app, name="review")
app.add_typer(webhook.app, name="webhook")
app.command("blast-radius")(blast_radius.blast_radius)
app.command()(assess.assess)
app.command()(openapi.openapi)
app.add_typer(sandbox.app, name="sandbox")
app.command()(demo.demo)


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print the version."""
    number = installed_version("goodstanding")
    show(as_json, {"version": number}, f"goodstanding {number}")


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code: 0 done, 1 a problem was found, 2 the command line is wrong."""
    as_json = "--json" in arguments
    try:
        code = _tree()(args=list(arguments), prog_name="goodstanding", standalone_mode=False)
        sys.stdout.flush()
        if code == STOPPED:  # what Typer makes of Ctrl-C
            raise KeyboardInterrupt
    except SettingsError as exc:
        complain(exc.problems, as_json)
        return 1
    except StoreError as exc:
        complain([f"{exc} (what to do: docs/operations.md, When something is wrong)"], as_json)
        return 1
    except GoodstandingError as exc:
        complain([str(exc)], as_json)
        return 1
    except TyperException as exc:
        if not arguments or not exc.format_message():  # the help has just been printed
            return 2
        complain([f"{exc.format_message()} (see: {_help_for(arguments)})"], as_json)
        return exc.exit_code
    except (typer.Abort, KeyboardInterrupt):
        complain(["stopped"], as_json)
        return STOPPED
    except BrokenPipeError:  # the reader (say, head) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


@functools.cache
def _tree() -> Callable[..., object]:
    """Every command, put together once: that takes a quarter of a second."""
    return typer.main.get_command(app)


def _help_for(arguments: Sequence[str]) -> str:
    """The command that explains what was tried."""
    words = []
    for word in arguments:
        if not word.isalpha():
            break
        words.append(word)
    groups = {group.name for group in app.registered_groups}
    known = words[:2] if words and words[0] in groups else words[:1]
    return " ".join(["goodstanding", *known, "--help"])


def main() -> None:
    """The program ``goodstanding``."""
    sys.exit(run(sys.argv[1:]))

"""The root of the command line, and the one place where an error becomes a line of text and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version as installed_version

import typer
from typer.exceptions import TyperException

from goodstanding.cli import check, credential, demo, domain, queue, sandbox, serve, trace
from goodstanding.cli.configuration import JsonOption
from goodstanding.cli.terminal import complain, show
from goodstanding.errors import GoodstandingError, SettingsError, StoreError

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
app.add_typer(domain.app, name="domain")
app.add_typer(credential.app, name="credential")
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
        code = app(args=list(arguments), prog_name="goodstanding", standalone_mode=False)
        sys.stdout.flush()
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
        return 130
    except BrokenPipeError:  # the reader (say, head) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def _help_for(arguments: Sequence[str]) -> str:
    """The command that explains what was tried."""
    words = []
    for word in arguments:
        if not word.isalpha():
            break
        words.append(word)
    known = words[:2] if words[:1] in (["queue"], ["domain"], ["credential"], ["sandbox"]) else words[:1]
    return " ".join(["goodstanding", *known, "--help"])


def main() -> None:
    """The program ``goodstanding``."""
    sys.exit(run(sys.argv[1:]))

"""``goodstanding demo``: the whole thing, on this machine, in a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goodstanding.cli.configuration import JsonOption


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C, to send to it.")] = False,
    messages: Annotated[int, typer.Option(help="How many messages to submit.", min=1, max=1_000_000)] = 600,
    seed: Annotated[int, typer.Option(help="Draws the mail and the mailboxes; the same seed, the same demo.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where everything is kept; an earlier demo there is replaced.")] = Path(
        "demo-data"
    ),
    svg: Annotated[Path | None, typer.Option(help="Draw the result into an SVG file, too.", show_default=False)] = None,
    comparison: Annotated[bool, typer.Option(help="Also send one campaign twice, the right way and the usual.")] = True,
    as_json: JsonOption = False,
) -> int:
    """Run a relay and a small internet on this machine, send a shop's mail through them, and show what became of it."""
    from goodstanding.demo import DemoPlan, run

    return run(DemoPlan(folder, messages, seed, keep, svg, as_json, comparison))

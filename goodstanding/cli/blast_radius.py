"""``goodstanding blast-radius``: which mail flows something can harm, and by which link."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.errors import GoodstandingError
from goodstanding.operate import isolation
from goodstanding.operate.isolation import Blast

Key = Annotated[
    str,
    typer.Argument(metavar="KEY", help="A subscription, campaign number, domain, IP address, pool or tenant."),
]
SvgOption = Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this file, as SVG.")]
DepthOption = Annotated[int, typer.Option("--depth", min=1, max=6, help="How many steps to walk from flow to flow.")]
_SHOWN_LINKS = 4


def blast_radius(
    key: Key, svg: SvgOption = None, depth: DepthOption = 2, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show which mail flows share an identity or a tenant with KEY, nearest first, with their volumes."""
    with opened(config, present=True) as estate:
        found = isolation.blast_radius(estate.settings, estate.database, key, depth)
    if svg is not None:
        _write(svg, isolation.drawn(found, terminal.day(time.time())))
    terminal.show(as_json, _document(found), _drawing(found, svg))


def _write(path: Path, picture: str) -> None:
    try:
        path.write_text(picture, "utf-8")
    except OSError as exc:
        raise GoodstandingError(f"{path} cannot be written: {exc.strerror}; name another file with --svg") from exc


def _document(found: Blast) -> object:
    return {
        "key": found.key,
        "kind": found.kind,
        "headline": found.headline,
        "days": found.days,
        "estimated": found.estimated,
        "own": found.own,
        "bears": [{"kind": kind, "name": name} for kind, name in found.bears],
        "reached": [
            {"flow": one.flow, "distance": one.distance, "identity": one.by_identity, "links": one.links}
            for one in found.reached
        ],
        "untouched": found.untouched,
    }


def _drawing(found: Blast, svg: Path | None) -> Group:
    parts: list[Text | object] = [Text(found.headline, "bold")]
    if found.reached:
        volume = f"in {found.days} days"
        drawn = terminal.table(
            "distance", "flow", "stream", volume, "how", title=f"What {found.key} reaches", numbers=("distance", volume)
        )
        for one in found.reached:
            links = Text("\n").join(terminal.foreign(str(link)) for link in one.links[:_SHOWN_LINKS])
            more = len(one.links) - _SHOWN_LINKS
            style = "red" if one.distance == 1 and one.by_identity else "yellow" if one.distance == 1 else "dim"
            drawn.add_row(
                *(Text(str(one.distance), style), Text(one.flow.title, "bold"), one.flow.stream),
                *(found.number(one.flow.volume), links.append(f"\nand {more} more" if more > 0 else "")),
            )
        parts.append(drawn)
    if found.untouched:
        names = "; ".join(f"{flow.title}, {found.number(flow.volume)}" for flow in found.untouched[:20])
        rest = len(found.untouched) - 20
        parts.append(Text.assemble(("Out of reach: ", "green"), names, f"; and {rest} more" if rest > 0 else ""))
    if svg is not None:
        parts.append(Text(f"Drawn in {svg}.", "dim"))
    return Group(*parts)  # type: ignore[arg-type]

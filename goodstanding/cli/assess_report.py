"""An assessment as one HTML file: it loads nothing, and says everything in words and tables before it draws.

Scripts are allowed by their hashes alone, so that text of a campaign can never run, whatever it looks like.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.metadata import version as installed_version
from typing import NamedTuple

import msgspec
from jinja2 import DictLoader, Environment, StrictUndefined

from goodstanding.cli import assess_charts as charts
from goodstanding.cli import assess_words as words
from goodstanding.cli.assess_charts import Chart
from goodstanding.cli.assess_words import Over, Tone
from goodstanding.simulator.outcome import LINES, Assessment, RouteOutcome

_ROOM = resources.files("goodstanding.cli").joinpath("templates")
_DASHES = {
    "solid": "",
    "dash": "8 4",
    "dot": "2 3",
    "dashdot": "8 3 2 3",
    "longdash": "12 4",
    "longdashdot": "12 3 2 3",
}
_INSIDE = re.compile(r"(?<=\d) (?=%|(?:d|h|min|s|days?|mails)\b)|(?<=\d [dh]) (?=\d)")
"""Spaces within figures: ``0.3 %``, ``1 d 6 h``."""
_ADDRESS = re.compile(r"(https?://[^\s<>\"'()]+[^\s<>\"'().,;])")


class Tile(NamedTuple):
    """One figure that is told before all others."""

    words: str
    figure: str
    more: str
    tone: Tone = ""


def page(found: Assessment, over: Over | None, made_at: float) -> str:
    """The report."""
    told = [charts.spreads(found), *charts.rates(found), *charts.inboxes(found)]
    acting = charts.stages(found)
    drawn = {chart.slug: chart for chart in (*told, *([acting] if acting else []))}
    plotly, script = _plotly(), _ROOM.joinpath("assessment.js").read_text("utf-8")
    return (
        _environment()
        .get_template("page")
        .render(
            found=found,
            over=over,
            words=words,
            headline=words.headline(found),
            tone=words.ANSWERS[found.verdict.answer][1],
            best=words.best(found),
            tiles=_tiles(found),
            rows=list(words.rows(found)),
            flows=words.flows(found),
            spreads=drawn["spreads"],
            rates=[chart for slug, chart in drawn.items() if slug.startswith("rate-")],
            inboxes=[chart for slug, chart in drawn.items() if slug.startswith("inbox-")],
            stages=acting,
            influences=words.influences(found),
            swatches=[_DASHES[charts.DASHES[at % 6]] for at in range(len(found.routes))],
            figures=_harmless(drawn.values()),
            plotly=plotly,
            script=script,
            style=_ROOM.joinpath("assessment.css").read_text("utf-8"),
            policy=_policy(plotly, script),
            made=datetime.fromtimestamp(made_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
            version=installed_version("goodstanding"),
        )
    )


def _tiles(found: Assessment) -> Iterator[Tile]:
    """What is most asked about the route that the verdict is about."""
    route = words.best(found)
    rate = route.complaint_rate
    band = f"{words.percent(rate.p05)} to {words.percent(rate.p95)} in nine runs of ten"
    yield Tile("complaint rate", words.percent(rate.p50), band)
    crossing = next((one for one in route.crossings if one.line == LINES[1]), None)
    if crossing is not None:
        after = f"after {words.count(crossing.mails.p50)} mails" if crossing.mails else "in no run"
        name = f"chance to cross {words.percent(crossing.line)}"
        yield Tile(name, words.chance(crossing.chance), after, words.likely(crossing.chance))
    yield Tile(
        "replies expected",
        words.count(route.replies.p50),
        f"{words.count(route.replies.p05)} to {words.count(route.replies.p95)}",
    )
    yield _last_stage(route)
    worst = words.worst(route.harms)
    if worst is not None:
        told, name = words.harm(worst), "other mail not in the inbox"
        if told.text == words.UNTOUCHED:
            yield Tile(name, "none", "every flow is untouched", "good")
        else:
            figure = words.percent(worst.junk.p50 + worst.lost.p50)
            yield Tile(name, figure, f"{worst.flow}: {told.text}", told.tone)


def _last_stage(route: RouteOutcome) -> Tile:
    """How likely the platform goes as far as it goes."""
    known = [one for one in route.stages if one.chance > 0.0]
    if not known:
        return Tile("throttled or suspended", "0 %", "in no run")
    last = known[-1]
    after = f"after {words.hours(last.hours.p50)}" if last.hours else ""
    told = "" if last.told else ", and nobody says so"
    return Tile(words.STAGE_WORDS[last.name], words.chance(last.chance), after + told, words.likely(last.chance))


def _harmless(drawn: Iterable[Chart]) -> str:
    """Figures as JSON that no script element ends at, whatever names are in it."""
    figures = [{"slug": chart.slug, **chart.figure, "height": chart.height} for chart in drawn]
    text = msgspec.json.encode(figures).decode()
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _held_together(value: object) -> object:
    """A figure and its unit stay on one line; what is ours, and marked as safe, is left alone."""
    return _INSIDE.sub("\u00a0", value) if type(value) is str else value


def pieces(text: str) -> list[tuple[str, bool]]:
    """A source with its addresses told apart: (text, whether it is one)."""
    return [(piece, at % 2 == 1) for at, piece in enumerate(_ADDRESS.split(text)) if piece]


def _policy(*scripts: str) -> str:
    """The Content-Security-Policy: nothing is loaded, and only our scripts run. Plotly styles what it draws inline."""
    hashes = " ".join(f"'sha256-{b64encode(sha256(one.encode()).digest()).decode()}'" for one in scripts)
    rest = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {hashes}; {rest}"


def _plotly() -> str:
    return resources.files("plotly").joinpath("package_data", "plotly.min.js").read_text("utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=DictLoader({"page": _ROOM.joinpath("assessment.html").read_text("utf-8")}),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_held_together,
    )
    made.filters["pieces"] = pieces
    return made

"""The charts of an assessment's report, as Plotly figures in plain JSON values.

A colour is the name of a variable of the page's style (``var(--route-1)``), which the page's script replaces as it
draws, so one figure does for light, dark and paper. Text inside figures is escaped: Plotly reads it as markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import isfinite, log10
from typing import Any

from msgspec import Struct

from goodstanding.cli import assess_words as words
from goodstanding.simulator.outcome import LINES, STAGES, Assessment, RouteOutcome, Series, Stage, StageName

Figure = dict[str, Any]
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_MARKS = {"degraded": "circle-open", "throttled": "triangle-up", "suspended": "square"}
_FLOOR = 0.01
"""Percent at which the axes of complaint rates begin: none is not on a logarithmic scale."""
_QUARTERS = (0, 25, 50, 75, 100)
_RATE_TICKS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_TIME_TICKS = (1.0, 3.0, 6.0, 12.0, 24.0, 72.0, 168.0, 336.0, 720.0, 1440.0, 2880.0)
_SAMPLES = 8
"""Rows of the table behind a chart over time."""
_WHOSE = {0.001: "Google,<br>Amazon", 0.003: "Google,<br>Yahoo", 0.01: "Azure,<br>it is said"}
RATES = "complaint rate"
FLOW = "inbox: "


class Chart(Struct, frozen=True):
    """One picture, and the table that says the same."""

    slug: str
    title: str
    label: str
    """What a screen reader says of the picture."""
    figure: Figure
    height: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def spreads(found: Assessment) -> Chart:
    """Where the complaint rate ends, for each route."""
    routes, at = found.routes, range(len(found.routes))
    traces: list[Figure] = []
    for place, route in zip(at, routes, strict=True):
        rate, colour = route.complaint_rate, f"var(--route-{place % 6 + 1})"
        low, quarter, middle, three, high = (_rate(x) for x in (rate.p05, rate.p25, rate.p50, rate.p75, rate.p95))
        traces += [
            _bar(place, low, high, {"color": colour, "width": 3}),
            _bar(place, quarter, three, {"color": colour, "width": 11}),
            {
                "type": "scatter", "showlegend": False, "x": [middle], "y": [place], "mode": "markers+text",
                "text": [words.percent(rate.p50)], "textposition": "top center", "cliponaxis": False,
                "hovertemplate": f"{escape(words.shares(rate))}<extra></extra>",
                "marker": {"color": "var(--card)", "size": 10, "line": {"color": colour, "width": 3}},
            },
        ]  # fmt: skip
    least = min(0.05, *(_rate(one.complaint_rate.p05) for one in routes))
    most = max(_rate(one.complaint_rate.p95) for one in routes)
    layout = _layout(
        xaxis=_rate_axis(most, least),
        yaxis=_route_axis(routes),
        shapes=[_line_at("x", line) for line in LINES],
        annotations=[_whose(line) for line in LINES],
        margin={"l": 8, "r": 20, "t": 42, "b": 36},
    )
    rows = tuple(
        (one.title, *(words.percent(getattr(one.complaint_rate, p)) for p in ("p05", "p25", "p50", "p75", "p95")))
        for one in routes
    )
    columns = ("route", "1 run of 20 below", "1 of 4 below", "the middle", "1 of 4 above", "1 of 20 above")
    told = "; ".join(f"{one.title}: {words.shares(one.complaint_rate)}" for one in routes)
    return Chart(
        "spreads",
        "",
        f"Complaint rate at the end. {told}",
        {"data": traces, "layout": layout},
        _tall(routes),
        columns,
        rows,
    )


def _bar(place: int, low: float, high: float, line: Figure) -> Figure:
    return {
        "type": "scatter", "showlegend": False, "hoverinfo": "skip", "mode": "lines",
        "x": [low, high], "y": [place, place], "line": line,
    }  # fmt: skip


def rates(found: Assessment) -> list[Chart]:
    """The complaint rate over time, a panel for each route on the same scale."""
    known = [(place, route, one) for place, route in enumerate(found.routes) if (one := series_of(route, RATES))]
    until = shown_until([one for _, _, one in known])
    scale = _rate_axis(
        max((_rate(max(one.high)) for _, _, one in known), default=1.0),
        min(0.05, *(_rate(one.low[-1]) for _, _, one in known), 0.05),
    )
    return [_rate_panel(place, route, one, until, scale) for place, route, one in known]


def _rate_panel(place: int, route: RouteOutcome, one: Series, until: float, scale: Figure) -> Chart:
    unit, per = _time_unit(until)
    times = [hour / per for hour in one.hours]
    low, middle, high = ([_rate(value) for value in values] for values in (one.low, one.middle, one.high))
    colour = f"--route-{place % 6 + 1}"
    data: list[Figure] = [
        {
            "type": "scatter", "x": times + times[::-1], "y": high + low[::-1], "fill": "toself", "mode": "lines",
            "fillcolor": f"var({colour}-soft)", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
        },
        {
            "type": "scatter", "x": times, "y": middle, "mode": "lines", "showlegend": False,
            "line": {"color": f"var({colour})", "width": 2.5},
            "hovertemplate": f"%{{y:.2f}} % after %{{x:.1f}} {unit}<extra></extra>",
        },
    ]  # fmt: skip
    layout = _layout(
        xaxis=_time_axis(unit, until / per),
        yaxis=scale,
        shapes=[_line_at("y", line) for line in LINES],
    )
    rows = tuple(
        (words.hours(one.hours[at]), *(words.percent(values[at]) for values in (one.low, one.middle, one.high)))
        for at in _sampled(one.hours, until)
    )
    label = f"Complaint rate over time by {route.title}; at the end {words.percent(one.middle[-1])}"
    columns = ("after", "1 run of 20 below", "the middle", "1 of 20 above")
    return Chart(f"rate-{place}", route.title, label, {"data": data, "layout": layout}, 240, columns, rows)


def inboxes(found: Assessment) -> list[Chart]:
    """The share of each flow that reaches the inbox over time, a panel for each flow with a line for each route."""
    names = dict.fromkeys(one.name for route in found.routes for one in route.series if one.name.startswith(FLOW))
    return [_inbox_panel(found, at, name) for at, name in enumerate(names)]


def _inbox_panel(found: Assessment, at: int, name: str) -> Chart:
    known = [(place, route, one) for place, route in enumerate(found.routes) if (one := series_of(route, name))]
    until = shown_until([one for panel in found.routes for one in panel.series if one.name.startswith(FLOW)])
    unit, per = _time_unit(until)
    data: list[Figure] = [
        {
            "type": "scatter", "mode": "lines", "showlegend": False,
            "x": [hour / per for hour in one.hours], "y": [value * 100.0 for value in one.middle],
            "line": {"color": f"var(--route-{place % 6 + 1})", "width": 2.5, "dash": DASHES[place % 6]},
            "hovertemplate": f"%{{y:.0f}} % after %{{x:.1f}} {unit}<extra>{escape(route.title)}</extra>",
        }
        for place, route, one in known
    ]  # fmt: skip
    yaxis = {**_AXIS, "range": [0, 102], "tickvals": _QUARTERS, "automargin": True}
    yaxis["ticktext"] = [f"{share} %" for share in _QUARTERS]
    layout = _layout(xaxis=_time_axis(unit, until / per), yaxis=yaxis)
    longest = max((one for _, _, one in known), key=lambda one: one.hours[-1]).hours
    rows = tuple(
        (words.hours(longest[i]), *(words.percent(value_at(one, longest[i])) for _, _, one in known))
        for i in _sampled(longest, until)
    )
    least = "; ".join(f"{route.title}: {words.percent(min(one.middle))}" for _, route, one in known)
    flow = name.removeprefix(FLOW)
    label = f"Share of {flow} in the inbox over time; at its lowest {least}"
    columns = ("after", *(route.title for _, route, _ in known))
    return Chart(f"inbox-{at}", flow, label, {"data": data, "layout": layout}, 220, columns, rows)


def stages(found: Assessment) -> Chart | None:
    """When platforms act, and how likely; None where no platform would."""
    shown = [
        (place, route, one)
        for place, route in enumerate(found.routes)
        for one in route.stages
        if one.chance > 0.0 and one.hours is not None
    ]
    if not shown:
        return None
    data = [_stage_trace(name, [(p, one) for p, _, one in shown if one.name == name]) for name in STAGES]
    latest = max(one.hours.p95 for _, _, one in shown if one.hours is not None)
    ticks = [tick for tick in _TIME_TICKS if tick <= max(latest * 1.5, 24.0)]
    xaxis: Figure = {
        **_AXIS, "type": "log", "range": [log10(0.7), log10(max(latest * 1.5, 24.0))], "tickvals": ticks,
        "ticktext": [words.hours(tick) for tick in ticks],
        "title": {"text": "after the first message", "font": {"size": 12}},
    }  # fmt: skip
    layout = _layout(xaxis=xaxis, yaxis=_route_axis(found.routes))
    layout["margin"] = {"l": 8, "r": 30, "t": 12, "b": 40}
    rows = tuple(
        (route.title, words.STAGE_WORDS[one.name], words.chance(one.chance), _when(one), "yes" if one.told else "no")
        for _, route, one in shown
    )
    label = "When platforms act. " + "; ".join(f"{row[0]}: {row[1]} {row[2]}, after {row[3]}" for row in rows)
    columns = ("route", "stage", "share of runs", "after", "the sender is told")
    return Chart("stages", "", label, {"data": data, "layout": layout}, 100 + 88 * len(found.routes), columns, rows)


def _stage_trace(name: StageName, shown: Sequence[tuple[int, Stage]]) -> Figure:
    """One stage on the rows of all routes; the three stand above each other in a row."""
    offset = (STAGES.index(name) - 1) * 0.29
    known = [(place, one, one.hours) for place, one in shown if one.hours is not None]
    colour = f"var(--stage-{name})"
    return {
        "type": "scatter", "showlegend": False, "mode": "markers+text", "cliponaxis": False,
        "x": [max(hours.p50, 0.75) for _, _, hours in known], "y": [place + offset for place, _, _ in known],
        "text": [escape(words.chance(one.chance)) for _, one, _ in known], "textposition": "top center",
        "marker": {"color": colour, "size": 11, "symbol": _MARKS[name], "line": {"color": colour, "width": 2}},
        "error_x": {
            "type": "data", "symmetric": False, "color": colour, "thickness": 1.5, "width": 3,
            "array": [max(hours.p95 - hours.p50, 0.0) for _, _, hours in known],
            "arrayminus": [max(min(hours.p50 - hours.p05, hours.p50 - 0.7), 0.0) for _, _, hours in known],
        },
        "hovertext": [f"{escape(words.chance(one.chance))}, after {_when(one)}" for _, one, _ in known],
        "hoverinfo": "text",
    }  # fmt: skip


def _when(one: Stage) -> str:
    if one.hours is None:
        return ""
    low, middle, high = (words.hours(value) for value in (one.hours.p05, one.hours.p50, one.hours.p95))
    return f"{middle} ({low} to {high})"


# --- parts -----------------------------------------------------------------------------------------------------------

_AXIS: Figure = {"gridcolor": "var(--grid)", "zeroline": False, "linecolor": "var(--grid)", "fixedrange": True}


def _layout(**more: Any) -> Figure:
    return {
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "hovermode": "closest",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "var(--ink)"},
        "margin": {"l": 8, "r": 14, "t": 12, "b": 36}, "dragmode": False,
        "hoverlabel": {"bgcolor": "var(--card)", "bordercolor": "var(--grid)", "font": {"color": "var(--ink)"}},
        **more,
    }  # fmt: skip


def _rate(share: float) -> float:
    """In percent, as high as the axis begins."""
    return max(share * 100.0, _FLOOR)


def _rate_axis(most: float, least: float = _FLOOR) -> Figure:
    top = min(max(most * 1.4, 2.0), 100.0)
    ticks = [tick for tick in _RATE_TICKS if least <= tick <= top]
    return {
        **_AXIS, "type": "log", "range": [log10(least), log10(top)], "tickvals": ticks, "automargin": True,
        "ticktext": [f"{'≤ ' if tick == _FLOOR else ''}{tick:g} %" for tick in ticks],
    }  # fmt: skip


def _route_axis(routes: Sequence[RouteOutcome]) -> Figure:
    """A row for each route, the first on top."""
    return {
        **_AXIS, "tickvals": list(range(len(routes))), "ticktext": [escape(one.title) for one in routes],
        "range": [len(routes) - 0.4, -0.6], "automargin": True, "showgrid": False, "ticklen": 6,
    }  # fmt: skip


def _time_unit(until: float) -> tuple[str, float]:
    return ("days", 24.0) if until > 72.0 else ("hours", 1.0)


def _time_axis(unit: str, until: float) -> Figure:
    return {
        **_AXIS,
        "range": [0, until],
        "title": {"text": unit, "standoff": 4, "font": {"size": 12}},
        "nticks": 8,
        "showgrid": False,
    }


def _line_at(axis: str, line: float) -> Figure:
    """A line that a rate may cross, over the whole plot."""
    value, across = line * 100.0, "y" if axis == "x" else "x"
    stroke = {"color": "var(--line)", "width": 1.2, "dash": "dot"}
    return {
        "type": "line", "layer": "below", "line": stroke, f"{axis}0": value, f"{axis}1": value,
        f"{across}0": 0, f"{across}1": 1, f"{across}ref": "paper",
    }  # fmt: skip


def _whose(line: float) -> Figure:
    """Whose line it is, above the plot; annotations on a logarithmic axis stand at exponents, shapes at numbers."""
    return {
        "x": log10(line * 100.0), "y": 1, "yref": "paper", "xanchor": "center", "yanchor": "bottom", "showarrow": False,
        "text": _WHOSE.get(line, ""), "font": {"size": 11, "color": "var(--line)"},
    }  # fmt: skip


def _tall(routes: Sequence[RouteOutcome]) -> int:
    return 70 + 62 * len(routes)


def series_of(route: RouteOutcome, name: str) -> Series | None:
    """A series by its name, without the hours in which there is nothing to say; None where there is none."""
    one = next((one for one in route.series if one.name == name), None)
    if one is None:
        return None
    points = [
        point for point in zip(one.hours, one.low, one.middle, one.high, strict=True) if all(map(isfinite, point))
    ]
    return Series(name, *zip(*points, strict=True)) if points else None


def shown_until(several: Sequence[Series]) -> float:
    """The hour after which nothing changes that could be seen, with some room; a day at least."""
    latest = max((_settled(one) for one in several), default=0.0)
    longest = max((one.hours[-1] for one in several), default=0.0)
    return min(longest, max(24.0, latest * 1.15))


def _settled(one: Series) -> float:
    """The last hour at which a line is not yet about where it ends."""
    moved = [
        hour
        for values in (one.low, one.middle, one.high)
        for hour, value in zip(one.hours, values, strict=True)
        if isfinite(value) and abs(value - values[-1]) > 0.05 * abs(values[-1])
    ]
    return max(moved, default=0.0)


def value_at(one: Series, hour: float) -> float:
    """The middle at an hour: the last one known by then."""
    return next(
        (middle for known, middle in zip(one.hours[::-1], one.middle[::-1], strict=True) if known <= hour),
        one.middle[0],
    )


def _sampled(hours: Sequence[float], until: float) -> Iterator[int]:
    """Places spread evenly over what is shown, with the first and the last."""
    length = max(1, sum(hour <= until for hour in hours))
    most = min(length, _SAMPLES)
    return iter(sorted({round(step * (length - 1) / max(1, most - 1)) for step in range(most)}))

"""The report of an assessment: it loads nothing, runs nothing but ours, and says in tables what it draws."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import plotly.graph_objects
import pytest

from goodstanding.cli import assess_charts as charts
from goodstanding.cli import assess_words as words
from goodstanding.cli.assess_report import page, pieces
from tests.cli.assessments import HOSTILE, assessment

LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "manifest"}


class Read(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.words.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def plain() -> Read:
    return Read(page(assessment(), None, 1.8e9))


@pytest.fixture(scope="module")
def hostile() -> Read:
    found = assessment(HOSTILE, flow=HOSTILE)
    return Read(page(found, words.over(found, 0.003), 1.8e9))


def test_nothing_is_loaded(plain: Read) -> None:
    assert not [
        (tag, attrs) for tag, attrs in plain.tags if LOADING & attrs.keys() or tag in ("link", "iframe", "img", "base")
    ]
    style = page(assessment(), None, 1.8e9).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style and "@import" not in style


def test_only_our_scripts_may_run(plain: Read) -> None:
    policy = next(str(attrs["content"]) for tag, attrs in plain.tags if tag == "meta" and "http-equiv" in attrs)
    allowed = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert allowed["default-src"] == "'none'"
    hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in plain.scripts[1:]]
    assert len(hashes) == 2
    assert allowed["script-src"].split() == hashes


def test_names_of_strangers_stay_words(hostile: Read) -> None:
    assert len(hostile.scripts) == 3
    assert not [tag for tag, _ in hostile.tags if tag == "b"]
    assert "49" not in re.findall(r"\{\{.*?\}\}|\b49\b", hostile.said)
    assert HOSTILE.split("\u2028")[0] in hostile.said
    json.loads(hostile.scripts[0])


def test_the_verdict_comes_first(plain: Read) -> None:
    assert plain.said.index("Do not send by any of the 5 routes") < plain.said.index("complaint rate")
    assert "Write only to people who asked for it" in plain.said


@pytest.mark.parametrize(
    "part",
    [
        "Azure Communication Services",
        "one-time codes",
        "34 % junk, 12 % lost, 27 days, not recovered",
        "untouched",
        "only to those who gave permission",
        "Complaint rate at which Azure suspends",
        "2 % (0.8–4 %)",
        "Clientium, Osservatorio Outbound Italia 2026",
        "silently degraded",
        "72 %, after 1 d 2 h, untold",
    ],
)
def test_words_and_tables_say_everything_without_scripts(plain: Read, part: str) -> None:
    assert part in plain.said


def test_every_chart_has_a_place_a_label_and_a_table(plain: Read) -> None:
    slugs = [figure["slug"] for figure in json.loads(plain.scripts[0])]
    places = {str(attrs["id"]): attrs for _, attrs in plain.tags if str(attrs.get("id", "")).startswith("chart-")}
    assert sorted(places) == sorted(f"chart-{slug}" for slug in slugs)
    assert {"spreads", "stages", "rate-0", "rate-4", "inbox-0", "inbox-4"} <= set(slugs)
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in places.values())
    assert sum(tag == "details" for tag, _ in plain.tags) == len(slugs)


def test_every_place_has_a_name_of_its_own(hostile: Read) -> None:
    names = [attrs["id"] for _, attrs in hostile.tags if "id" in attrs]
    assert len(names) == len(set(names))


def test_plotly_knows_every_property_of_the_figures(plain: Read) -> None:
    for figure in json.loads(re.sub(r'"var\(--[a-z0-9-]+\)"', '"#123456"', plain.scripts[0])):
        plotly.graph_objects.Figure({"data": figure["data"], "layout": figure["layout"]})


def test_every_colour_of_a_figure_is_in_the_style(plain: Read) -> None:
    text = page(assessment(), None, 1.8e9)
    style = text.partition("<style>")[2].partition("</style>")[0]
    named = set(re.findall(r"var\((--[a-z0-9-]+)\)", plain.scripts[0]))
    assert named
    assert not [name for name in named if f"{name}:" not in style]


def test_the_line_of_a_pipeline_is_told() -> None:
    found = assessment()
    assert "Over the line of --fail-over 0.3 %:" in Read(page(found, words.over(found, 0.003), 1.8e9)).said
    assert "Not over the line of --fail-over 50 %:" in Read(page(found, words.over(found, 0.5), 1.8e9)).said


def test_addresses_in_a_source_are_told_apart_from_words() -> None:
    assert pieces("See https://example.com/a?b=1 (read), javascript:alert(1).") == [
        ("See ", False),
        ("https://example.com/a?b=1", True),
        (" (read), javascript:alert(1).", False),
    ]


def test_what_a_mark_means_is_said_beside_the_picture_and_not_over_it() -> None:
    """A key inside the chart lay over the first route where the page is as narrow as paper."""
    found = page(assessment(), None, 1.8e9)
    key = found.partition('id="stages"')[2].partition("<figure>")[0]
    assert all(f"</svg> {name}" in key for name in ("silently degraded", "throttled", "suspended"))
    chart = charts.stages(assessment())
    assert chart is not None and not any(trace["showlegend"] for trace in chart.figure["data"])

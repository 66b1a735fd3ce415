"""The words and figures of an assessment, the same on the terminal and in the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from goodstanding.cli.terminal import span
from goodstanding.simulator.assumptions import Assumption
from goodstanding.simulator.outcome import (
    Answer,
    Assessment,
    Change,
    Crossing,
    FlowHarm,
    Influence,
    RouteOutcome,
    Spread,
    Stage,
    StageName,
)

Tone = Literal["", "good", "fair", "poor"]
"""How a figure is shown; never by colour alone, the words say it too."""
ANSWERS: dict[Answer, tuple[str, Tone]] = {
    "send": ("Send", "good"),
    "send-differently": ("Send it differently", "fair"),
    "do-not-send": ("Do not send", "poor"),
}
STAGE_WORDS: dict[StageName, str] = {
    "degraded": "silently degraded",
    "throttled": "throttled",
    "suspended": "suspended",
}
KNOWN_WORDS = {
    "measured": "measured by somebody",
    "published": "published by whoever decides",
    "assumed": "judgement",
    "given": "set by you",
}
BAND = "The middle of all runs, and in brackets the band that holds nine of ten."
UNTOUCHED = "untouched"


class Cell(NamedTuple):
    """One figure of a table."""

    text: str
    tone: Tone = ""


class Row(NamedTuple):
    """One measure, a figure for each route."""

    words: str
    cells: tuple[Cell, ...]


class Over(Struct, frozen=True):
    """What ``--fail-over`` found."""

    line: float
    route: str
    median: float
    p95: float
    failed: bool
    words: str


# --- figures ---------------------------------------------------------------------------------------------------------


def percent(share: float) -> str:
    """``0.29 %``: two digits, and no more than there is to say."""
    return f"{_hundredths(share)} %"


def _hundredths(share: float) -> str:
    value = share * 100.0
    if value <= 0.0:
        return "0"
    if value < 0.01:
        return "<0.01"
    if value < 0.1:
        return f"{value:.2f}".rstrip("0")
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def chance(share: float) -> str:
    """A share of runs: nothing is certain that happened in most of them."""
    if 0.0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1.0 else f"{share * 100.0:.0f} %"


def shares(of: Spread) -> str:
    """``1.9 % (0.8–3.2 %)``."""
    low, middle, high = (_hundredths(one) for one in (of.p05, of.p50, of.p95))
    return f"{middle} %" if low == middle == high else f"{middle} % ({low}–{high} %)"


def counts(of: Spread) -> str:
    """``170 (90–260)``."""
    low, middle, high = (count(one) for one in (of.p05, of.p50, of.p95))
    return middle if low == middle == high else f"{middle} ({low}–{high})"


def count(number: float) -> str:
    """``12,400``; ``2.4`` where a tenth matters."""
    return f"{number:.1f}".removesuffix(".0") if 0.0 < number < 9.95 else f"{number:,.0f}"


def days(number: float) -> str:
    """``12 days``."""
    if number < 0.05:
        return "no day"
    text = count(number)
    return f"{text} day" if text == "1" else f"{text} days"


def hours(number: float) -> str:
    """``2 d 3 h``."""
    return span(number * 3600.0)


def numbers_of(one: Assumption) -> str:
    """An assumption's range, likely first, as figures are told: ``2 % (0.8–4 %)``, ``10 (3–45) days``."""
    share = one.unit == "share"
    low, likely, high = (_plain(value * (100.0 if share else 1.0)) for value in (one.low, one.likely, one.high))
    if share:
        return f"{likely} %" if one.range.known else f"{likely} % ({low}–{high} %)"
    unit = "" if one.unit == "factor" else f" {one.unit}"
    return f"{likely}{unit}" if one.range.known else f"{likely} ({low}–{high}){unit}"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000.0 else f"{value:.3g}"


# --- routes side by side ---------------------------------------------------------------------------------------------


def rows(found: Assessment) -> Iterator[Row]:
    """Every measure of the routes, in the order it is told."""
    verdicts = tuple(Cell(*ANSWERS[one.answer]) for one in found.verdicts)
    yield Row("verdict", verdicts)
    yield _row(found, "complaint rate", lambda one: Cell(shares(one.complaint_rate)))
    yield from _crossings(found, "complaints cross", lambda one: one.crossings)
    yield _row(found, "unknown recipients", lambda one: Cell(shares(one.bounced)))
    yield from _crossings(found, "bounces cross", lambda one: one.bounce_crossings)
    yield _row(found, "spam traps hit", lambda one: Cell(counts(one.traps)))
    yield _row(found, "written to", lambda one: Cell(counts(one.sent)))
    yield _row(found, "stopped before the end", lambda one: Cell(counts(one.unsent), "fair" if one.unsent.p50 else ""))
    yield _row(found, "in the inbox", lambda one: Cell(shares(one.inbox)))
    yield _row(found, "in junk", lambda one: Cell(shares(one.junk)))
    yield _row(found, "accepted and never seen", lambda one: Cell(shares(one.unseen)))
    yield _row(found, "refused", lambda one: Cell(shares(one.refused)))
    yield _row(found, "inbox mail opened", lambda one: Cell(shares(one.opened)))
    yield _row(found, "inbox mail deleted unread", lambda one: Cell(shares(one.deleted)))
    yield _row(found, "inbox mail ignored", lambda one: Cell(shares(one.ignored)))
    yield _row(found, "replies expected", lambda one: Cell(counts(one.replies)))
    yield _row(found, "complaints", lambda one: Cell(counts(one.complaints)))
    yield _row(found, "unsubscribes", lambda one: Cell(counts(one.unsubscribes)))
    yield _row(found, "days to send it all", lambda one: Cell(counts(one.days)))
    for name, words in STAGE_WORDS.items():
        yield _row(found, words, lambda one, name=name: _stage(one.stages, name))  # type: ignore[misc]
    yield _row(found, "worst for other mail", lambda one: _worst(one.harms))
    yield _row(found, "shares an identity", lambda one: Cell("no" if one.isolated else "yes, with your other mail"))


def _row(found: Assessment, words: str, of: Callable[[RouteOutcome], Cell]) -> Row:
    return Row(words, tuple(of(one) for one in found.routes))


def _crossings(found: Assessment, words: str, of: Callable[[RouteOutcome], Sequence[Crossing]]) -> Iterator[Row]:
    """A row for each line that is asked about."""
    lines = sorted({one.line for route in found.routes for one in of(route)})
    for line in lines:
        cells = tuple(
            next((_crossing(one) for one in of(route) if one.line == line), Cell("")) for route in found.routes
        )
        yield Row(f"{words} {percent(line)}", cells)


def _crossing(one: Crossing) -> Cell:
    when = f", after {count(one.mails.p50)} mails" if one.mails is not None and one.chance else ""
    return Cell(chance(one.chance) + when, likely(one.chance))


def _stage(stages: Sequence[Stage], name: StageName) -> Cell:
    found = next((one for one in stages if one.name == name), None)
    if found is None or not found.chance:
        return Cell("0 %" if found is not None else "does not")
    when = f", after {hours(found.hours.p50)}" if found.hours is not None else ""
    return Cell(chance(found.chance) + when + ("" if found.told else ", untold"), likely(found.chance))


def likely(share: float) -> Tone:
    """How something unwanted is shown that happens in this share of runs."""
    return "poor" if share >= 0.5 else "fair" if share >= 0.05 else ""


# --- other mail ------------------------------------------------------------------------------------------------------


def worst(harms: Sequence[FlowHarm]) -> FlowHarm | None:
    """The flow that suffers most."""
    return max(harms, key=lambda one: (one.junk.p50 + one.lost.p50, one.junk.mean + one.lost.mean), default=None)


def _worst(harms: Sequence[FlowHarm]) -> Cell:
    found = worst(harms)
    if found is None:
        return Cell("there is none")
    told = harm(found)
    return told if told.text == UNTOUCHED else Cell(f"{found.flow}: {told.text}", told.tone)


def harm(one: FlowHarm) -> Cell:
    """What becomes of a flow, in a cell: ``12 % junk, 3 % lost, 9 days``."""
    if one.junk.p95 + one.lost.p95 < 0.005 and one.days.p95 < 0.5:
        return Cell(UNTOUCHED, "good")
    parts = [
        f"{percent(share)} {what}" for share, what in ((one.junk.p50, "junk"), (one.lost.p50, "lost")) if share >= 5e-5
    ]
    if not parts:
        parts = [f"seldom harmed (one run of twenty: {percent(one.junk.p95 + one.lost.p95)})"]
    if one.days.p50 >= 0.5:
        parts.append(days(one.days.p50))
    if one.recovered < 0.5:
        parts.append("not recovered")
    share = one.junk.p50 + one.lost.p50
    return Cell(", ".join(parts), "poor" if share >= 0.05 else "fair" if share >= 0.005 else "")


def flows(found: Assessment) -> list[Row]:
    """The blast radius: a row for each flow, a cell for each route."""
    names = list(dict.fromkeys(one.flow for route in found.routes for one in route.harms))
    return [Row(name, tuple(_harm_of(route, name) for route in found.routes)) for name in names]


def _harm_of(route: RouteOutcome, flow: str) -> Cell:
    return next((harm(one) for one in route.harms if one.flow == flow), Cell(""))


# --- sentences -------------------------------------------------------------------------------------------------------


def best(found: Assessment) -> RouteOutcome:
    """The route the verdict is about; where it is about none, the one with the lowest complaint rate."""
    lowest = min(found.routes, key=lambda one: one.complaint_rate.p50)
    return next((one for one in found.routes if one.route == found.verdict.route), lowest)


def headline(found: Assessment) -> str:
    """``Send over Azure, the best of 5 routes``; ``Do not send by any of the 5 routes``."""
    answer, routes = ANSWERS[found.verdict.answer][0], len(found.routes)
    if routes == 1:
        return f"{answer} over {found.routes[0].title}"
    if found.verdict.answer == "do-not-send":  # what holds for the best of them holds for all
        return f"{answer} by any of the {routes} routes"
    return f"{answer} over {best(found).title}, the best of {routes} routes"


def sentence(text: str) -> str:
    """It begins as sentences do; our name is written small everywhere."""
    return text if text.startswith("goodstanding") else text[:1].upper() + text[1:]


def asked(found: Assessment) -> str:
    """What was asked, in a line."""
    people, runs = f"{found.campaign.recipients:,} recipients", f"{found.runs:,} simulated runs for each route"
    return f"{found.campaign.name}: {people}, {runs}, seed {found.seed}"


def template(found: Assessment) -> str:
    """What merge fields make of the message; empty: it has none."""
    message = found.campaign.message
    if not message.filled:
        return ""
    same = "all of them are one campaign" if message.alike == 1.0 else f"{percent(message.alike)} are of one campaign"
    names = ", ".join(message.fields)
    return f"Template filled for {message.filled} recipients ({names}): {same} to whoever compares texts"


def helps(change: Change) -> Cell:
    """Whether a change is enough."""
    return Cell("yes", "good") if change.helps else Cell("not by itself")


def influences(found: Assessment) -> dict[str, list[Influence]]:
    """Those that matter, the strongest first, by what they move."""
    grouped: dict[str, list[Influence]] = {}
    for one in sorted(found.influences, key=lambda one: -abs(one.correlation)):
        if abs(one.correlation) >= 0.05:
            grouped.setdefault(one.of, []).append(one)
    return grouped


def how_many(found: Assessment) -> str:
    """The assumptions in a line, by where they come from."""
    tally = {known: sum(one.known == known for one in found.assumptions) for known in KNOWN_WORDS}
    told = ", ".join(f"{number} {KNOWN_WORDS[known]}" for known, number in tally.items() if number)
    return f"{len(found.assumptions)} assumptions: {told}"


# --- --fail-over -----------------------------------------------------------------------------------------------------


def over(found: Assessment, line: float) -> Over:
    """Whether the complaint rate of the `best` route ends above a line in more than half of the runs."""
    route = best(found)
    rate = route.complaint_rate
    failed = rate.p50 > line
    told = "is more likely than not above" if failed else "is as likely as not, or likelier, to stay at or below"
    words = f"the complaint rate over {route.title} {told} {percent(line)}: {shares(rate)}"
    return Over(line, route.route, rate.p50, rate.p95, failed, words)

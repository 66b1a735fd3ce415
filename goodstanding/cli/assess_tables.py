"""An assessment on the terminal: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from goodstanding.cli import assess_words as words
from goodstanding.cli import terminal
from goodstanding.cli.assess_words import Cell, Over, Row, Tone
from goodstanding.simulator.assumptions import Assumption
from goodstanding.simulator.laboratory import Claim
from goodstanding.simulator.outcome import Assessment, Verdict

_STYLES: dict[Tone, str] = {"": "", "good": "green", "fair": "yellow", "poor": "red"}
_LABEL, _ROUTE = 26, 22
"""Columns of a terminal for the name of a measure, and for a route."""
_INFLUENCES = 6
"""Shown of each kind."""
_BAR = 20


def drawing(found: Assessment, over: Over | None, width: int, every_assumption: bool) -> RenderableType:
    """All of it."""
    parts: list[RenderableType] = [
        _verdict(found),
        *_changes(found),
        *_routes(found, "Routes side by side", list(words.rows(found)), width),
        Text(words.BAND, "dim"),
        *_routes(found, "Blast radius: what becomes of your other mail", words.flows(found), width),
        *_sensitivity(found),
    ]
    if every_assumption:
        parts.append(assumptions(found.assumptions))
    else:
        parts.append(Text(f"{words.how_many(found)}. Add --assumptions to see each with its source.", "dim"))
    if over is not None:
        parts.append(Text(f"--fail-over {words.percent(over.line)}: {over.words}", _STYLES[_tone_of(over)]))
    return Group(*parts)


def _tone_of(over: Over) -> Tone:
    return "poor" if over.failed else "good"


def _verdict(found: Assessment) -> Panel:
    tone = words.ANSWERS[found.verdict.answer][1]
    told = [line for line in (words.asked(found), words.template(found)) if line]
    lines = [*(terminal.foreign(line, "dim") for line in told), Text(""), *_reasons(found.verdict)]
    title = Text(words.headline(found), f"bold {_STYLES[tone]}")
    body = Group(*lines)
    return Panel(body, title=title, title_align="left", box=box.ROUNDED, border_style=_STYLES[tone], padding=(0, 1))


def _reasons(verdict: Verdict) -> Iterator[RenderableType]:
    """Why, each with its remedy."""
    drawn = Table.grid(padding=(0, 1))
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    for reason in verdict.reasons:
        drawn.add_row(Text("•", "bold"), terminal.foreign(words.sentence(reason.because)))
        if reason.remedy:
            drawn.add_row("", terminal.foreign(words.sentence(reason.remedy), "cyan"))
    yield drawn


def _changes(found: Assessment) -> Iterator[RenderableType]:
    if not found.verdict.changes:
        return
    columns = ("change", "complaint rate", "worst flow's mail not in the inbox", "milder verdict")
    drawn = terminal.table(*columns, title="What would change it, with the same luck", numbers=columns[1:3])
    for one in found.verdict.changes:
        figures = words.percent(one.complaint_rate), words.percent(one.harm)
        drawn.add_row(terminal.foreign(one.words), *figures, _text(words.helps(one)))
    yield drawn


def _routes(found: Assessment, title: str, rows: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """As many routes beside each other as there is room for, then the next."""
    room = max(1, (width - _LABEL) // _ROUTE)
    for start in range(0, len(found.routes), room):
        part = slice(start, start + room)
        drawn = terminal.table("", *(one.title for one in found.routes[part]), title=title if not start else None)
        for row in rows:
            drawn.add_row(terminal.foreign(row.words, "bold"), *(_text(cell) for cell in row.cells[part]))
        yield drawn


def _text(cell: Cell) -> Text:
    return terminal.foreign(cell.text, _STYLES[cell.tone])


def _sensitivity(found: Assessment) -> Iterator[RenderableType]:
    grouped = words.influences(found)
    if not grouped:
        return
    drawn = terminal.table(
        "moves", "assumption", "", "by", title="Sensitivity: which assumption moves the verdict", numbers=("by",)
    )
    for of, group in grouped.items():
        for place, one in enumerate(group[:_INFLUENCES]):
            told = Text.assemble(one.words, (f"  {one.slug}", "dim"))
            bar = Text("█" * max(1, round(_BAR * abs(one.correlation))), "red" if one.correlation > 0 else "blue")
            drawn.add_row(Text(of if not place else "", "bold"), told, bar, f"{one.correlation:+.2f}")
    yield drawn
    yield Text(
        "Rank correlation over runs: +1.00, it rises whenever the assumption does. --set SLUG=... tries one.", "dim"
    )


def claims(found: Sequence[Claim]) -> RenderableType:
    """Every claim with what was found."""
    drawn = terminal.table("", "claim", "holds", "found", "where", title="Claims, as experiments", numbers=("",))
    for one in found:
        holds = Text("yes", "green") if one.holds else Text("no", "bold red")
        drawn.add_row(str(one.number), one.claim, holds, one.measured, Text(one.where, "dim"))
    return drawn


def assumptions(found: Sequence[Assumption]) -> RenderableType:
    """Every assumption with its source."""
    drawn = terminal.table("slug", "what it is", "range", "known", "source", title="Assumptions")
    for one in found:
        known = Text(one.known, "cyan" if one.known == "given" else "dim" if one.known == "assumed" else "")
        drawn.add_row(
            Text(one.slug, "bold"),
            terminal.foreign(one.words),
            words.numbers_of(one),
            known,
            terminal.foreign(one.source),
        )
    return drawn

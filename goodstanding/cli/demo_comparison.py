"""The same campaign twice, side by side: what became of each kind of mail, and what providers think now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.demo_house import SLOWED, WARNING
from goodstanding.cli.demo_scenes import COLD_COMPLAINTS, Flow, Outcome
from goodstanding.cli.standing import RUNG_STYLES
from goodstanding.model import Rung

ROWS: tuple[tuple[str, Callable[[Flow], int], str], ...] = (
    ("handed in", lambda flow: flow.sent, ""),
    ("slowed by the shop's own relay", lambda flow: flow.slowed, "yellow"),
    ("refused or held by it", lambda flow: flow.stopped, "magenta"),
    ("in the inbox", lambda flow: flow.inbox, "green"),
    ("in junk", lambda flow: flow.junk, "yellow"),
    ("accepted by a provider, never seen", lambda flow: flow.dropped, "red"),
    ("refused for its reputation", lambda flow: flow.refused, "red"),
    ("put off, or still in the queue", lambda flow: flow.waiting, "yellow"),
    ("no such mailbox", lambda flow: flow.unknown, ""),
    ("complaints", lambda flow: flow.complaints, "red"),
)
SHARES: tuple[tuple[str, Callable[[Flow], float]], ...] = (
    ("the first quarter, in the inbox", lambda flow: flow.inbox_first),
    ("the last quarter, in the inbox", lambda flow: flow.inbox_last),
)
GRADES = {"high": "green", "medium": "", "low": "yellow", "bad": "red"}
UNHEARD = " (providers that report no single complaint are not heard)"
"""Why the relay counts fewer complaints than there are: the Gmail-like one keeps them to itself, as in life."""
SET = (
    f"slowed: {SLOWED / 3_600:.0f} recipients a second on this clock (usually 100 an hour); suspended, if the evidence "
    f"stands, {WARNING:.0f} s later at the earliest (usually half an hour); {COLD_COMPLAINTS:.0%} of these strangers "
    "complain of what they see, far more than in life, so that 800 letters tell"
)
"""A day lasts seconds here, and so does a warning."""
GOOD = 0.9
"""Share from which it is drawn as good."""


def comparison(outcomes: Sequence[Outcome], days: float) -> RenderableType:
    """Both scenes in one table, then the grades and what the relay did about it."""
    head = Text.assemble(
        ("The same campaign twice", "bold"),
        f": two shops alike, the same {outcomes[0].sales.sent:,} people on a bought list, {days:.1f} days of theirs",
    )
    return Group(head, "", _table(outcomes), *(part for one in outcomes for part in ("", _told(one))))


def scene_words(one: Outcome) -> str:
    """A scene in two words."""
    return "streams apart" if one.house.admission == "enforce" else "all together"


def _table(outcomes: Sequence[Outcome]) -> Table:
    """A column for each kind of mail of each scene."""
    flows = [(one, flow) for one in outcomes for flow in (one.codes, one.sales)]
    drawn = Table(box=box.SIMPLE_HEAD, header_style="bold", show_edge=False, pad_edge=False)
    drawn.add_column("", no_wrap=True)
    for one, flow in flows:
        scene, kind = scene_words(one).rpartition(" ")[2], flow.what.rpartition(" ")[2]
        drawn.add_column(f"{scene}\n{kind}", justify="right", no_wrap=True)
    for words, count, style in ROWS:
        figures = [count(flow) for _, flow in flows]
        drawn.add_row(words, *(Text(f"{n:,}", style if n else "dim") for n in figures))
    drawn.add_section()
    for words, share in SHARES:
        shares = [share(flow) for _, flow in flows]
        drawn.add_row(words, *(Text(f"{part:.0%}", "green" if part >= GOOD else "red") for part in shares))
    return drawn


def _told(one: Outcome) -> RenderableType:
    """What providers think of a scene's identities, and what its relay heard and did."""
    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    rows.add_column(no_wrap=True, style="dim")
    rows.add_column(overflow="fold")
    for key in one.house.identities():
        words = Text()
        for opinion in one.opinions:
            if opinion.key == key:
                words.append(f"{opinion.provider} ").append(opinion.grade, GRADES[opinion.grade])
                words.append(f" ({opinion.complaint_rate:.2%})  ", "dim")
        rows.add_row(key, words)
    if one.house.hears_at:
        heard = ", ".join(f"{count:,} {kind}" for kind, count in sorted(one.reports.items()))
        rows.add_row("its relay heard", Text.assemble(heard or "nothing yet", (UNHEARD, "dim")))
    for move in one.moves:
        style = RUNG_STYLES[Rung(move.rung)]
        said = Text.assemble(f"{move.key}: {move.came_from} to ", (move.rung, style), f", {move.because}")
        rows.add_row(f"{move.at - one.began:.1f} s in, it decided", said)
    for answer in one.stops:
        rows.add_row("it answered", terminal.foreign(str(answer)))
    if one.stops:
        rows.add_row("how it is set", Text(SET, "dim"))
    head = Text.assemble((scene_words(one), "bold"), ": reputation, with complaint rates as the providers reckon them")
    return Group(head, Padding(rows, (0, 2)))


def document(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """For programs."""
    return {scene_words(one).replace(" ", "_"): one.document() for one in outcomes}

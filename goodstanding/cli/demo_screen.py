"""What the demo shows: progress while mail flows, and the result at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from rich import box
from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.demo_tally import Row, Tally, quantile
from goodstanding.model import RANK

BAR = 14
"""Characters of the bar of one provider."""
ROWS_DRAWN = 10
"""Rows of providers in a picture."""
REST = 10
"""Lines of the live screen besides the providers' rows."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the demo is."""

    wanted: int
    """Messages it will submit."""
    submitted: int
    seconds: float
    """Since the first submission."""
    step: str
    """What is being done, in words."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How the sandbox's providers judged the mail they accepted."""

    checked: int
    passed: Mapping[str, int]
    """spf, dkim and dmarc -> messages that passed."""


def live(
    tally: Tally, progress: Progress, titles: Mapping[str, str], size: ConsoleDimensions, news: Text | None = None
) -> RenderableType:
    """The screen while mail flows, no taller than the terminal."""
    done = ProgressBar(
        total=progress.wanted, completed=progress.submitted, width=min(40, size.width // 2), complete_style="cyan"
    )
    head = Table.grid(padding=(0, 2))
    head.add_row(Text("submitted", "bold"), done, f"{progress.submitted:,} of {progress.wanted:,}")
    head.add_row(Text("time", "bold"), f"{progress.seconds:.1f} s, {progress.step}", "")
    return Group("", head, news or "", "", providers(tally, titles, max(4, size.height - REST)))


def providers(tally: Tally, titles: Mapping[str, str], most: int | None = None) -> Table:
    """A row for each provider, the largest first; what does not fit into ``most`` rows is added up in one."""
    columns = ("provider", "accepted", "delivered", "deferred", "held", "bounced", "")
    drawn = Table(
        box=box.SIMPLE_HEAD,
        header_style="bold",
        show_footer=True,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    total = tally.total
    footers: tuple[str | Text, ...] = ("all", *_numbers(total), "")
    for column, footer in zip(columns, footers, strict=True):
        left = column in ("provider", "")
        drawn.add_column(column, footer, justify="left" if left else "right", no_wrap=True, footer_style="bold")
    ranked = sorted(tally.rows.items(), key=lambda item: -item[1].accepted)
    shown, rest = (ranked, []) if most is None or len(ranked) <= most else (ranked[: most - 1], ranked[most - 1 :])
    for name, row in shown:
        drawn.add_row(titles.get(name, name), *_numbers(row), _bar(row))
    if rest:
        together = Row()
        for _, row in rest:
            together += row
        drawn.add_row(Text(f"{len(rest)} others", "dim"), *_numbers(together), _bar(together))
    return drawn


def _numbers(row: Row) -> list[Text]:
    figures = (row.accepted, row.delivered, row.deferred, row.held, row.bounced)
    styles = ("", "green", "yellow", "magenta", "red")
    return [Text(f"{n:,}", style if n else "dim") for n, style in zip(figures, styles, strict=True)]


def _bar(row: Row) -> Text:
    """Where the mail of a provider is, as lengths."""
    counts = (row.delivered, row.deferred, row.held, row.bounced, row.under_way)
    lengths = [max(1, round(BAR * count / row.accepted)) if count else 0 for count in counts]
    lengths[lengths.index(max(lengths))] += BAR - sum(lengths)
    styles = ("green", "yellow", "magenta", "red", "grey23")
    return Text.assemble(*(("━" * length, style) for length, style in zip(lengths, styles, strict=True)))


@dataclass(frozen=True, slots=True)
class Ending:
    """Everything the end of the demo shows."""

    tally: Tally
    progress: Progress
    titles: Mapping[str, str]
    seen: Seen
    acts: Sequence[RenderableType] = ()
    """What happened besides."""


def result(end: Ending, most: int | None = None) -> RenderableType:
    """The final tables: providers (at most so many rows), streams, what receivers thought of the mail, and the acts."""
    tally, total = end.tally, end.tally.total
    head = Text.assemble(
        (f"{total.accepted:,} recipients", "bold"), f" in {end.progress.seconds:.1f} s: ",
        (f"{total.delivered:,} delivered", "green"), ", ", (f"{total.bounced:,} bounced", "red"), ", ",
        (f"{total.deferred:,} deferred", "yellow"), ", ", (f"{total.held:,} held", "magenta"),
        f", {tally.notices:,} notices to the senders", ", " if tally.refused else "",
        (f"{tally.refused:,} submissions refused" if tally.refused else "", "red"),
    )  # fmt: skip
    panel = Panel(head, box=box.ROUNDED, expand=False)
    tables = (panel, "", providers(tally, end.titles, most), "", _streams(tally), _authentication(end.seen))
    return Group(*tables, *(part for act in end.acts for part in ("", act)))


def _streams(tally: Tally) -> Table:
    drawn = terminal.table(
        *("stream", "accepted", "delivered", "half within", "99 % within"),
        numbers=("accepted", "delivered", "half within", "99 % within"),
        title="Time from acceptance to delivery",
    )
    for stream, row in sorted(tally.streams.items(), key=lambda item: RANK[item[0]]):
        delays = tally.delays.get(stream, [])
        within = [terminal.span(quantile(delays, share)) for share in (0.5, 0.99)] if delays else ["", ""]
        drawn.add_row(stream, f"{row.accepted:,}", f"{row.delivered:,}", *within)
    return drawn


def _authentication(seen: Seen) -> Text:
    """What the providers wrote above the mail they took."""
    text = Text.assemble(("Authenticated, as the providers saw it", "bold"), f" ({seen.checked:,} messages checked): ")
    for method, passed in seen.passed.items():
        style = "green" if passed == seen.checked else "yellow"
        text.append(f" {method.upper()} ")
        text.append(f"{passed:,}", style)
    return text


def document(tally: Tally, progress: Progress, seen: Seen) -> dict[str, object]:
    """The result for programs."""
    within = {f"p{share:.0%}"[:-1]: share for share in (0.5, 0.99)}
    delays = {
        stream: {name: quantile(found, share) for name, share in within.items()}
        for stream, found in tally.delays.items()
    }
    return {
        "seconds": round(progress.seconds, 3),
        "submitted": progress.submitted,
        "refused": tally.refused,
        "notices": tally.notices,
        "total": tally.total,
        "providers": tally.rows,
        "streams": tally.streams,
        "delays": delays,
        "authentication": {"checked": seen.checked, **seen.passed},
    }


def plain_line(tally: Tally, progress: Progress) -> str:
    """One line of progress, where nobody watches a terminal."""
    total = tally.total
    return (
        f"{progress.seconds:5.1f} s  submitted {progress.submitted:,}/{progress.wanted:,}  "
        f"accepted {total.accepted:,}  delivered {total.delivered:,}  "
        f"deferred {total.deferred:,}  held {total.held:,}  bounced {total.bounced:,}"
    )


def commands(rows: Sequence[tuple[str, str]], title: str) -> RenderableType:
    """Commands to copy, with what each shows; a command is never broken into lines."""
    lines = [Text(title, "bold")]
    for command, meaning in rows:
        lines.append(Text(f"  # {meaning}", "dim"))
        lines.append(Text(f"  {command}", "cyan", no_wrap=True, overflow="ignore"))
    return Group("", *lines)


def picture(end: Ending) -> str:
    """The end as SVG, in whatever monospaced font the viewer has: a picture fetches nothing from anywhere."""
    console = Console(
        record=True, width=100, force_terminal=True, color_system="truecolor", file=StringIO(), markup=False
    )
    console.print(result(end, ROWS_DRAWN))
    return re.sub(r"@font-face {.*?}", "", console.export_svg(title="goodstanding demo"), flags=re.DOTALL)

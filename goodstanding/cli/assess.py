"""``goodstanding assess``: should this mail be sent, and by which route?"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import USUAL, ConfigOption, JsonOption, opened
from goodstanding.errors import GoodstandingError, SettingsError

if TYPE_CHECKING:  # the simulation and NumPy take a third of a second, which no other command should wait for
    from goodstanding.operate.assessing import Wishes
    from goodstanding.simulator.assumptions import Range
    from goodstanding.simulator.campaign import Sender
    from goodstanding.simulator.outcome import Assessment
    from goodstanding.simulator.question import Question

Campaign = Annotated[
    Path | None,
    typer.Argument(
        metavar="CAMPAIGN.toml",
        help="Message, recipients, sender. With --calibrate: whose journal, a relay's settings file or its folder.",
        show_default=False,
    ),
]
RouteOption = Annotated[
    list[str] | None,
    typer.Option(
        "--route",
        metavar="ROUTE",
        help="A route to ask about, instead of those the campaign names; may be repeated.",
        show_default=False,
    ),
]
RunsOption = Annotated[
    int | None, typer.Option("--runs", min=1, help="Simulated runs of each route.", show_default=False)
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="The same seed gives the same figures.", show_default=False)
]
AssumeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SLUG=NUMBER|LOW:LIKELY:HIGH",
        help="An assumption of your own (0.02 or 2%); may be repeated.",
        show_default=False,
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a report with charts, for a browser.", show_default=False),
]
FailOption = Annotated[
    str | None,
    typer.Option(
        "--fail-over",
        metavar="PERCENT",
        help="For pipelines: exit code 1 when the complaint rate (0.3%) is more likely than not above this.",
        show_default=False,
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="Processes that work on it; usually one for each core.", show_default=False),
]
ClusterOption = Annotated[
    str,
    typer.Option("--cluster", metavar="URL", help="A cluster to work on it: dask://HOST:PORT or ray://HOST:PORT."),
]
AssumptionsOption = Annotated[
    bool,
    typer.Option("--assumptions", help="List every assumption with its source; without a campaign, all there are."),
]
CalibrateOption = Annotated[
    bool, typer.Option("--calibrate", help="Print assumptions learned from your own journal, as TOML, instead.")
]

ArticleOption = Annotated[
    bool,
    typer.Option("--article", help="Print the claims this program was made from, with their experiments, instead."),
]
SenderOption = Annotated[
    str,
    typer.Option(
        "--sender",
        metavar="TENANT",
        help="Take from the store how this tenant, or tenant/application, stands; with --calibrate: whose campaigns.",
    ),
]


def assess(
    campaign: Campaign = None,
    route: RouteOption = None,
    runs: RunsOption = None,
    seed: SeedOption = None,
    assume: AssumeOption = None,
    html: HtmlOption = None,
    fail_over: FailOption = None,
    jobs: JobsOption = None,
    cluster: ClusterOption = "",
    assumptions: AssumptionsOption = False,
    calibrate: CalibrateOption = False,
    article: ArticleOption = False,
    sender: SenderOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Simulate a campaign before it is sent: complaints, bounces, what platforms do, what becomes of your other mail.

    The verdict is about the best of the routes asked about. --fail-over X% asks of that route (name a single one with
    --route to ask of it; where the verdict is about none, of the one with the fewest complaints) whether its complaint
    rate, that is complaints by messages in the inbox at the end of the campaign, is above X in more than half of the
    runs; in other words, whether the median is.

    Exit code 0: assessed, whatever the verdict, and not over the line of --fail-over; 1: over that line; 2: the
    campaign's files or an option are wrong, and nothing was assessed.
    """
    from goodstanding.operate import assessing

    try:
        if article:
            return _article(runs, seed, as_json)
        if calibrate:
            return _calibrate(_relay(campaign) if campaign else config, sender, as_json)
        if campaign is None:
            return _all_assumptions(assumptions, as_json)
        line = _line(fail_over) if fail_over is not None else None
        _can_be_written(html)
        wishes = assessing.Wishes(tuple(route or ()), runs, seed, _wanted(assume or ()))
        found = _simulated(_posed(campaign, sender, config, wishes, as_json), jobs, cluster)
        return _tell(found, html, line, assumptions, as_json)
    except SettingsError as exc:
        terminal.complain(exc.problems, as_json)
    except GoodstandingError as exc:
        terminal.complain([str(exc)], as_json)
    return 2


def _all_assumptions(wanted: bool, as_json: bool) -> int:
    """What there is to assume, without a campaign."""
    if not wanted:
        raise GoodstandingError("name a campaign: goodstanding assess CAMPAIGN.toml (what it holds: docs/simulator.md)")
    from goodstanding.cli import assess_tables
    from goodstanding.operate import simulating

    known = simulating.known_assumptions()
    terminal.show(as_json, known, assess_tables.assumptions(known))
    return 0


def _article(runs: int | None, seed: int | None, as_json: bool) -> int:
    """The claims, and whether they come out."""
    from goodstanding.cli import assess_tables
    from goodstanding.operate import simulating

    found = simulating.claims(runs, seed)
    terminal.show(as_json, found, assess_tables.claims(found))
    return 0


def _relay(journal: Path) -> Path:
    """The settings file of the relay that keeps a journal."""
    found = journal / USUAL if journal.is_dir() else journal
    if not found.is_file():
        raise GoodstandingError(f"{found} is not there; name a relay's settings file, or the folder with {USUAL}")
    if found.suffix != ".toml":
        raise GoodstandingError(f"{found} is no settings file; name the {USUAL} of the relay that keeps the journal")
    return found


def _calibrate(config: Path | None, sender: str, as_json: bool) -> int:
    """What the journal teaches, for the ``assumptions`` of a campaign."""
    from goodstanding.operate import assessing, reputation

    with opened(config, present=True) as estate:
        bar, moved = terminal.progress("events", reputation.events_in(estate.database))
        pace = estate.settings.reputation.speed
        with bar:
            found = assessing.calibrate(estate.database, time.time(), sender.partition("/")[0], moved, pace)
    if as_json:
        terminal.print_json(found)
    else:
        sys.stdout.write(found.toml)
    return 0


def _posed(campaign: Path, sender: str, config: Path | None, wishes: Wishes, as_json: bool) -> Question:
    """The question; what was passed over in the list of recipients is told on stderr."""
    from goodstanding.operate import assessing

    posed = assessing.pose(campaign, _standing(sender, config) if sender else None, wishes)
    listed = posed.listed
    if listed is not None and listed.bad:
        told = f"{listed.bad:,} lines of the recipients cannot be used and are left out: {'; '.join(listed.examples)}"
        terminal.complain([told], as_json)
    return posed.question


def _standing(sender: str, config: Path | None) -> Sender:
    """How a sender of this relay stands."""
    from goodstanding.operate import assessing, reputation

    with opened(config, present=True) as estate:
        settings = estate.settings.reputation
        now = reputation.stretched(time.time(), settings.speed)
        return assessing.sender_of(estate.database, sender, now, reputation.policy_of(settings))


def _simulated(question: Question, jobs: int | None, cluster: str) -> Assessment:
    """The assessment, with a bar on stderr while it is made."""
    from goodstanding.operate import simulating

    bar, moved = terminal.progress("simulating", simulating.tasks_in(question))
    with bar:
        return simulating.assess(question, jobs or simulating.cores(), cluster, moved)


def _tell(found: Assessment, html: Path | None, line: float | None, every_assumption: bool, as_json: bool) -> int:
    """Print it, write the report, and come to the exit code."""
    from goodstanding.cli import assess_report, assess_tables, assess_words

    over = assess_words.over(found, line) if line is not None else None
    if html is not None:
        _write(html, assess_report.page(found, over, time.time()))
    if as_json:
        terminal.print_json({**msgspec.to_builtins(found), "over": over})
    else:
        out = terminal.console()
        out.print(assess_tables.drawing(found, over, out.width, every_assumption))
        if html is not None:
            out.print(Text(f"Report written to {html}; a browser prints it to PDF.", "dim"))
    if over is None or not over.failed:
        return 0
    terminal.complain([f"{over.words} (--fail-over)"], as_json)
    return 1


def _can_be_written(path: Path | None) -> None:
    """Found out before a minute of work, not after it."""
    if path is not None and not path.parent.is_dir():
        raise GoodstandingError(f"{path}: there is no folder {path.parent}; make it, or name another file with --html")


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, "utf-8")
    except OSError as exc:
        raise GoodstandingError(f"{path} cannot be written: {exc.strerror}; name another file with --html") from exc


def _line(written: str) -> float:
    """A complaint rate; only with its unit, as 0.3 could be either."""
    try:
        if not written.strip().endswith("%"):
            raise ValueError
        rate = _number(written)
    except ValueError:
        raise GoodstandingError(
            f"--fail-over {written}: write a percentage with its sign, as in --fail-over 0.3%"
        ) from None
    if not 0.0 <= rate < 1.0:
        raise GoodstandingError(f"--fail-over {written}: a complaint rate is at least 0% and below 100%")
    return rate


def _wanted(written: Sequence[str]) -> dict[str, Range]:
    """Assumptions as they are given: SLUG=NUMBER or SLUG=LOW:LIKELY:HIGH. SettingsError names every bad one."""
    from goodstanding.simulator.assumptions import Range

    found, problems = {}, []
    for entry in written:
        slug, _, figures = entry.partition("=")
        try:
            numbers = [_number(figure) for figure in figures.split(":")]
            low, likely, high = numbers if len(numbers) == 3 else numbers * 3
            found[slug.strip()] = Range(low, likely, high)
        except ValueError:
            problems.append(
                f"--set {entry}: write SLUG=NUMBER or SLUG=LOW:LIKELY:HIGH, as in --set azure.hears.google=0:0.1:0.3"
            )
    if problems:
        raise SettingsError(problems)
    return found


def _number(written: str) -> float:
    """``0.02`` or ``2%``. ValueError for anything else."""
    text = written.strip()
    number = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    if not isfinite(number):
        raise ValueError(written)
    return number

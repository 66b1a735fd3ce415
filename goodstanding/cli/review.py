"""``goodstanding review``: cases about accounts that are slowed or stopped: questions, answers, a decision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Group

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption
from goodstanding.cli.standing import Because, KeyArgument, desk
from goodstanding.errors import GoodstandingError
from goodstanding.operate import reviews
from goodstanding.operate.reviews import Outcome

app = typer.Typer(help="Reviews: a tenant answers, an operator decides.", no_args_is_help=True)
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="Name of the case, e.g. shop-3.")]


class Decision(StrEnum):
    """What a review comes to."""

    REINSTATE = "reinstate"
    REFUSE = "refuse"
    CLOSE = "close"


@app.command("open")
def open_(key: KeyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Open a review of a key, and print its questions."""
    with desk(config) as at:
        _tell(reviews.open_case(at, key), as_json)


@app.command()
def answer(
    case: CaseArgument,
    answers: Annotated[list[str], typer.Argument(metavar="QUESTION=TEXT...", help="E.g. source='double opt-in'.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer questions of a case."""
    given = dict(one.partition("=")[::2] for one in answers)
    if unknown := [name for name in given if name not in reviews.QUESTIONS]:
        known = ", ".join(reviews.QUESTIONS)
        raise GoodstandingError(f"there is no question {unknown[0]}; they are {known}")
    with desk(config) as at:
        _tell(reviews.answer(at, case, given), as_json)


@app.command()
def decide(
    case: CaseArgument,
    decision: Annotated[Decision, typer.Argument(metavar="reinstate|refuse|close", help="What it comes to.")],
    because: Because,
    anyway: Annotated[bool, typer.Option("--anyway", help="Reinstate though questions are open.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide a case; the tenant is told."""
    with desk(config) as at:
        found = reviews.decide(at, case, reviews.DECISIONS[decision.value], because, anyway=anyway)
    missing = reviews.missing(found)
    words = f" Without an answer to: {', '.join(missing)}." if missing else ""
    terminal.show(as_json, found, f"{found.name} is decided: {found.state}.{words}")


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that are decided, too.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the cases that wait for an answer or a decision."""
    with desk(config) as at:
        found = reviews.listing(at, decided=every)
    drawn = terminal.table("case", "key", "state", "opened", "by", "decided by", "because")
    for one in found:
        opened = terminal.moment(one.opened, seconds=False)
        drawn.add_row(
            one.name,
            str(one.account.key),
            one.state,
            opened,
            one.opened_by,
            one.decided_by,
            terminal.foreign(one.because),
        )
    terminal.show(as_json, [{"name": one.name, "case": one} for one in found], drawn if found else "No cases.")


@app.command()
def show(case: CaseArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show a case with its answers, and where its account stands."""
    with desk(config) as at:
        found, standing = reviews.show(at, case)
    lines = [f"{found.name} about {found.account.key}: {found.state}, opened by {found.opened_by}", standing, ""]
    for name, question in reviews.QUESTIONS.items():
        lines += [f"{name}: {question}", f"    {found.answers.get(name, '(no answer)')}"]
    if not found.open:
        lines += ["", f"decided by {found.decided_by}: {found.because}"]
    drawn = Group(*(terminal.foreign(line) for line in lines))
    terminal.show(as_json, {"name": found.name, "case": found, "standing": standing}, drawn)


def _tell(outcome: Outcome, as_json: bool) -> None:
    case = outcome.case
    said = [f"{case.name} about {case.account.key}: {case.state}"]
    said += [f"  {name}: {reviews.QUESTIONS[name]}" for name in outcome.missing]
    if outcome.missing:
        said.append(f"Answer with: goodstanding review answer {case.name} {outcome.missing[0]}=TEXT ...")
    document = {"name": case.name, "case": case, "missing": outcome.missing}
    terminal.show(as_json, document, "\n".join(said))

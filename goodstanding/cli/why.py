"""``goodstanding why`` and ``goodstanding reasons``: what admission found, and what its words mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from goodstanding.admission.facts import Finding
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.operate import explaining
from goodstanding.operate.explaining import Explained

_FATES = {"accepted": "green", "released": "green", "held": "yellow", "deferred": "yellow"}
_NAMED = 5
_ACTIONS = {"refuse": "red", "quarantine": "yellow", "defer": "yellow", "accept": "dim"}


def why(
    what: Annotated[str, typer.Argument(metavar="ID | RECIPIENT", help="A message id or the address of a recipient.")],
    limit: Annotated[int, typer.Option(help="Most messages to one recipient, newest kept.", min=1)] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell why a message was accepted, held or refused: every finding in full, with what it means and what to do."""
    with opened(config, present=True) as estate:
        found = explaining.why(estate.database, what, limit)
    explained = set[str]()
    drawings = [_drawing(same, explained) for same in _alike(found)] if not as_json else []
    terminal.show(as_json, found, Group(*drawings))


def _alike(found: Sequence[Explained]) -> list[list[Explained]]:
    """Recipients of one message of which the same is to be said, together."""
    groups: dict[object, list[Explained]] = {}
    for one in found:
        said = tuple((finding.slug, finding.because, finding.remedy) for finding in one.findings)
        groups.setdefault((one.message or one.recipient, one.at, one.fate, one.because, said), []).append(one)
    return list(groups.values())


def _drawing(same: Sequence[Explained], explained: set[str]) -> RenderableType:
    """What was found, under a headline; what a slug means is told where it comes first."""
    one = same[0]
    names = ", ".join(other.recipient for other in same[:_NAMED] if other.recipient) or "every recipient"
    more = f" and {len(same) - _NAMED:,} more" if len(same) > _NAMED else ""
    head = Text.assemble(
        (one.message or "no message", "bold"), "  ", terminal.foreign(names + more), "  ",
        (one.fate, _FATES.get(one.fate, "red")), ("  not applied (shadow)" if one.shadow else "", "magenta"),
    )  # fmt: skip
    subject = f"“{one.subject}” " if one.subject else ""
    author = f" as {one.header_from}" if one.header_from else ""
    stream = f" ({one.stream})" if one.stream else ""
    sent = f"  {terminal.moment(one.at)}  {subject}by {one.subscription or 'nobody known'}{stream}{author}"
    because = terminal.foreign(f"  {one.because}", "dim")
    findings = [_finding(finding, explained) for finding in one.findings]
    return Group(head, terminal.foreign(sent), because, *findings, "")


def _finding(finding: Finding, explained: set[str]) -> RenderableType:
    word = "remark" if finding.action == "accept" else finding.action.value
    head = Text.assemble("  ", (word, _ACTIONS[finding.action]), "  ", (finding.slug, "bold"))
    lines = [("because", finding.because), ("what to do", finding.remedy)]
    known = explaining.reasons().get(finding.slug)
    if known is not None and finding.slug not in explained:
        lines += [("it means", known.what), ("the rule", known.why)]
    explained.add(finding.slug)
    drawn = Table.grid(padding=(0, 1, 0, 0))
    drawn.add_column(no_wrap=True, style="dim", min_width=14, justify="right")
    drawn.add_column(overflow="fold")
    for label, text in lines:
        drawn.add_row(label, terminal.foreign(text))
    return Group(head, drawn)


def reasons(
    slug: Annotated[str | None, typer.Argument(metavar="[SLUG]", help="One reason; without it all are listed.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Explain the reasons that replies and findings name: what each means, why, and what to do."""
    if slug is None:
        drawn = terminal.table("reason", "what it says", "may")
        for name, reason in explaining.reasons().items():
            drawn.add_row(name, reason.title, ", ".join(action.value for action in reason.actions))
        terminal.show(as_json, explaining.reasons(), drawn)
        return
    found = explaining.meaning(slug)
    drawn_text = Text.assemble(
        (found.title, "bold"), ("  may: " + ", ".join(action.value for action in found.actions), "dim"),
        "\n\n", found.what, "\n\n", ("Why  ", "bold"), found.why, "\n\n", ("What to do  ", "bold"), found.do,
    )  # fmt: skip
    terminal.show(as_json, {"slug": slug} | msgspec.to_builtins(found), drawn_text)

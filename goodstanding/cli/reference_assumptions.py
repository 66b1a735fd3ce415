"""Draws docs/assumptions.md: every number the simulator takes for granted, how sure it is, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from goodstanding.simulator import assumptions, platforms
from goodstanding.simulator.assumptions import Assumption
from goodstanding.simulator.platforms import Platform

HEAD = "<!-- Written by `make docs`; change the code it is drawn from. -->"
INTRODUCTION = f"""\
# Assumptions of the simulator

{HEAD}

Every number that `goodstanding assess` takes for granted; [simulator.md](simulator.md) tells how they are used. A run
draws each from its range: triangular from *low* over *likely* to *high*, on a logarithmic scale where *high* is more
than three times *low*. *Published*: whoever decides says so. *Measured*: somebody's data. *Assumed*: judgement, and
nothing more. Any of them is set in the `[assume]` table of a campaign: a number, or `[low, likely, high]`.
"""
SOURCE = "Where its numbers come from, but for those of rules"
OURS = "goodstanding, assumption"
TITLES = {
    "awaited": "People who caused the mail",
    "subscribed": "People on a list they joined",
    "known": "People who know the sender, and did not ask for this",
    "cold": "Strangers",
    "people": "Everybody",
    "invalid": "Addresses that do not exist, by where the list comes from",
    "traps": "Spam traps, by where the list comes from",
    "mailboxes": "Whose mailboxes, where a domain does not say",
    "provider": "Where mailbox providers draw their lines",
    "vanish": "Mail that is accepted and never seen",
}


def render_assumptions() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_of_the_world(), *_of_platforms()])


def _of_the_world() -> Iterator[str]:
    for group, members in groupby(assumptions.usual().values(), key=lambda one: one.slug.partition(".")[0]):
        yield f"## {TITLES[group]}\n"
        yield _table(members)


def _of_platforms() -> Iterator[str]:
    yield (
        "## Platforms\n\nA rule takes effect `after-hours` after a rate in its window has crossed `line`, once there\n"
        "were `least` recipients. The window of a rule, and whether the sender is told, are no ranges.\n"
    )
    for platform in platforms.usual().values():
        yield f"### {platform.title[0].upper()}{platform.title[1:]}\n\n{platform.words}\n"
        if platform.rules:
            rules = "\n".join(_rules(platform))
            yield f"| rule | window | whom it hits | told |\n| --- | --- | --- | --- |\n{rules}\n"
        yield f"{SOURCE}: {platform.source}.\n"
        yield _table(platform.assumptions().values(), platform)


def _rules(platform: Platform) -> Iterator[str]:
    for rule in platform.rules:
        told = "yes" if rule.told else "no"
        yield f"| `{rule.signal}.{rule.stage}` | {rule.window_days:g} days | {rule.scope} | {told} |"


def _table(members: Iterable[Assumption], platform: Platform | None = None) -> str:
    """Of a platform, what is said once above it is not said again."""
    above = f"{platform.title}: " if platform else ""
    rows = [
        f"| `{one.slug}` | {_figures(one)} | {one.unit} | {_cell(one.words.removeprefix(above))} "
        f"| {_origin(one, platform.source if platform else '')} |"
        for one in members
    ]
    head = (
        "| assumption | low, likely, high | unit | what it is | where it comes from |\n| --- | --- | --- | --- | --- |"
    )
    return "\n".join([head, *rows]) + "\n"


def _origin(one: Assumption, above: str) -> str:
    told = one.source.removeprefix(OURS).removeprefix(":").strip()
    return one.known if one.source == above or not told else f"{one.known}: {_cell(told)}"


def _figures(one: Assumption) -> str:
    numbers = (one.likely,) if one.range.known else (one.low, one.likely, one.high)
    return ", ".join(f"{number:.10f}".rstrip("0").rstrip(".") for number in numbers)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

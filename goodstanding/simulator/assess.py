"""The answer to one question: which pieces of work it takes, each piece, and what all of them come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import structs

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assumptions import Drawn
from goodstanding.simulator.campaign import Campaign, merged
from goodstanding.simulator.influence import influences
from goodstanding.simulator.outcome import CHANGES, Assessment, RouteOutcome
from goodstanding.simulator.platforms import Platform
from goodstanding.simulator.question import Question, Task
from goodstanding.simulator.run import run, world
from goodstanding.simulator.summary import Runs, joined, outcome_of, told_of
from goodstanding.simulator.verdict import best_of, verdict_on, with_changes

PIECE = 500
"""Runs of a task: enough to be worth a process, few enough for memory and for a bar that moves."""
CHANGE_RUNS = 250
"""Runs of a change: only medians are told of it."""
RAMPED = 0.1
"""Share of the campaign that a ramp sends a day."""


def plan(question: Question) -> list[Task]:
    """The work: every route as it is, and every route with each change."""
    tasks = [
        Task(route, "", start, min(PIECE, question.runs - start))
        for route in question.routes
        for start in _starts(question.runs)
    ]
    runs = min(CHANGE_RUNS, question.runs)
    return tasks + [Task(route, change, 0, runs) for route in question.routes for change in CHANGES]


def _starts(runs: int) -> range:
    return range(0, runs, PIECE)


def perform(question: Question, task: Task) -> Runs:
    """One piece. The same seed gives the same luck, whatever the route and the change."""
    platform = question.platforms[task.route]
    campaign, platform = changed(question.campaign, platform, task.change)
    seed = question.seed + task.start
    drawn = Drawn(question.assumptions, task.runs, seed)
    record = run(world(campaign, platform, drawn, np.random.default_rng(seed)))
    return told_of(record, {slug: drawn.numbers[slug] for slug in drawn.uncertain})


def changed(campaign: Campaign, platform: Platform, change: str) -> tuple[Campaign, Platform]:
    """The campaign and the way it goes, with one thing done differently."""
    match change:
        case "permission":
            groups = [
                structs.replace(group, expectation=_asked(group.expectation), source="asked")
                for group in campaign.groups
            ]
            return structs.replace(campaign, groups=merged(groups)), platform
        case "one-click":
            return structs.replace(campaign, message=structs.replace(campaign.message, one_click=True)), platform
        case "ramp":
            slow = max(1.0, campaign.recipients * RAMPED)
            per_day = min(slow, campaign.per_day) if campaign.per_day else slow
            return structs.replace(campaign, per_day=per_day), platform
        case "clean-list":
            groups = [structs.replace(group, source="asked") for group in campaign.groups]
            return structs.replace(campaign, groups=merged(groups)), platform
        case "isolation":
            return campaign, structs.replace(platform, domain="own", addresses="own")
    return campaign, platform


def _asked(expectation: Expectation) -> Expectation:
    return Expectation.SUBSCRIBED if expectation in (Expectation.COLD, Expectation.KNOWN) else expectation


def assessment(question: Question, tasks: Sequence[Task], results: Sequence[Runs]) -> Assessment:
    """What all pieces come to; ``results`` in the order of ``tasks``."""
    found = _by_route(tasks, results)
    outcomes: dict[tuple[str, str], RouteOutcome] = {
        which: outcome_of(runs, question.platforms[which[0]]) for which, runs in found.items()
    }
    routes = [outcomes[route, ""] for route in question.routes]
    verdicts = []
    for one in routes:
        variants = {change: outcomes[one.route, change] for change in CHANGES if (one.route, change) in outcomes}
        platform = question.platforms[one.route]
        verdicts.append(
            with_changes(verdict_on(one, question.campaign, platform), variants, question.campaign, platform)
        )
    moved = influences({route: found[route, ""] for route in question.routes}, question.assumptions)
    used = sorted({slug for runs in found.values() for slug in runs.drawn} | _settled(question))
    return Assessment(
        question.campaign,
        question.runs,
        question.seed,
        tuple(routes),
        tuple(verdicts),
        best_of(verdicts, routes),
        moved,
        tuple(question.assumptions[slug] for slug in used),
    )


def _by_route(tasks: Sequence[Task], results: Sequence[Runs]) -> Mapping[tuple[str, str], Runs]:
    parts: dict[tuple[str, str], list[Runs]] = {}
    for task, result in zip(tasks, results, strict=True):
        parts.setdefault((task.route, task.change), []).append(result)
    return {which: joined(pieces) for which, pieces in parts.items()}


def _settled(question: Question) -> set[str]:
    """Assumptions that are single numbers and concern this question: those of its routes, people and providers."""
    concerned = {
        *question.routes,
        "people",
        "provider",
        "vanish",
        *(group.expectation for group in question.campaign.groups),
    }
    return {
        slug for slug, one in question.assumptions.items() if one.range.known and slug.partition(".")[0] in concerned
    }

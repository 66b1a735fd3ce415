"""Results as a Markdown table for docs/performance.md and as JSON for whoever wants to compute with them."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from bench.compare import Plan, Row
from bench.postfix import logging_costs, versions
from bench.values import Result

OUT = Path(__file__).parent / "out"

GOALS = {("accept", False): 5.0, ("relay", False): 3.0, ("relay", True): 2.0}
"""Wanted ratio to Postfix at 10 KiB and 50 sessions, by mode and whether both sign."""


def environment(plan: Plan) -> dict[str, str]:
    """Everything a reader needs to judge the figures."""
    kind = subprocess.run(
        ["stat", "--file-system", "--format=%T", plan.directory], capture_output=True, text=True, check=False
    )
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": f"{os.cpu_count()} x {_cpu_model()}",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "file system": f"{kind.stdout.strip()} ({plan.directory})",
        "runs": f"{plan.pairs} of each system, in turn, of some {plan.seconds:g} s",
        "sink": plan.sink,
        "connections to the sink": str(plan.concurrency),
        "CPU ms": "user and system time of the whole process tree, per message",
        "MB": "peak PSS of the whole process tree",
        **versions(),
        **({"warning": "a log daemon is present: Postfix's log lines are not free"} if logging_costs() else {}),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(rows: Sequence[Row], systems: Sequence[str]) -> str:
    """One line per workload: medians with their range, and the median of the pairs' ratios."""
    head = ["what", "KiB", "sessions", "connections"]
    for name in systems:
        head += [f"{name} msg/s", "CPU ms", "MB"]
    head += ["ratio", "goal"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * 2 + "---|" + "--:|" * (len(head) - 4)]
    lines += ["| " + " | ".join(_cells(row, systems)) + " |" for row in rows]
    return "\n".join(lines)


def _cells(row: Row, systems: Sequence[str]) -> list[str]:
    load = row.workload
    cells = [("signed " if load.signed else "") + load.mode, str(load.size // 1024), str(load.sessions)]
    cells.append("reused" if load.reuse else "new each")
    for name in systems:
        good = [result for result in row.runs.get(name, ()) if not result.problem]
        cells += [
            _spread(good, lambda result: result.rate, "{:,.0f}"),
            _spread(good, lambda result: result.cpu_ms, "{:.2f}", ranged=False),
            _spread(good, lambda result: result.pss / 2**20, "{:.0f}", ranged=False),
        ]
    ratios = row.ratios()
    at_goal = load.size == 10 * 1024 and load.sessions == 50
    goal = GOALS.get((load.mode, load.signed)) if at_goal else None
    ratio = f"**{median(ratios):.1f}** ({min(ratios):.1f}-{max(ratios):.1f})" if ratios else "-"
    return [*cells, ratio, f"{goal:g}" if goal else ""]


def _spread(results: Sequence[Result], figure: Callable[[Result], float], form: str, *, ranged: bool = True) -> str:
    """``median (least-most)``, or ``failed``."""
    if not results:
        return "failed"
    values = [figure(result) for result in results]
    middle = form.format(median(values))
    if not ranged or len(values) == 1:
        return middle
    return f"{middle} ({form.format(min(values))}-{form.format(max(values))})"


def problems(rows: Sequence[Row]) -> list[str]:
    """Every failed run, in words."""
    return [
        f"{row.workload}, {name}: {result.problem}"
        for row in rows
        for name, results in row.runs.items()
        for result in results
        if result.problem
    ]


def write(name: str, text: str, record: object) -> Path:
    """Keep a report in bench/out, as Markdown and as JSON; returns the Markdown file."""
    OUT.mkdir(exist_ok=True)
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    (OUT / f"{stem}.json").write_text(json.dumps(record, indent=2, default=str) + "\n")
    file = OUT / f"{stem}.md"
    file.write_text(text + "\n")
    return file


def comparison(plan: Plan, rows: Sequence[Row], around: dict[str, str]) -> str:
    """The whole report of a comparison; also kept in bench/out."""
    lines = [table(rows, plan.systems), "", *(f"- {name}: {value}" for name, value in around.items())]
    lines += [f"- FAILED {problem}" for problem in problems(rows)]
    text = "\n".join(lines)
    record = {"environment": around, "plan": asdict(plan), "rows": [asdict(row) for row in rows]}
    return f"{text}\n\nkept in {write('compare', text, record)}"

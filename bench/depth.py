"""A long queue: does acceptance stay as fast, and memory as small, from the first recipient to the millionth?"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench import children, report, tree
from bench.compare import SYSTEMS, Plan, scratch
from bench.load import Trouble, free_port, send, start_sink
from bench.ours import data_size
from bench.values import Setup, System, Workload


@dataclass(frozen=True, slots=True)
class Step:
    """One stretch of the filling."""

    queued: int
    """Recipients in the queue at its end."""
    rate: float
    """Messages accepted per second during it."""
    cpu_ms: float
    """Per message."""
    pss: int
    """Peak bytes during it."""
    rss: int
    disk: int
    """Bytes of the data directory at its end."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Starting again over the full queue, with delivery on."""

    up_after: float
    """Seconds until it greets."""
    rate: float
    """Messages arriving at the sink per second, new mail not included."""
    pss: int


def run(chosen: argparse.Namespace) -> None:
    """Fill, print the table, start again with delivery on, print that too."""
    children.require("smtp-source", "smtp-sink")
    plan = Plan((chosen.system,), 1, sink=chosen.sink, concurrency=chosen.concurrency, workers=chosen.workers)
    load = Workload("accept", chosen.size * 1024, chosen.sessions, chosen.reuse, recipients=chosen.per_message)
    needed = chosen.total // chosen.per_message * load.size
    if shutil.disk_usage(chosen.directory).free < 1.5 * needed:
        raise Trouble(f"{chosen.directory}: about {1.5 * needed / 2**30:.0f} GiB of free space are needed")
    with scratch(chosen.directory) as directory:
        setup = Setup(directory, free_port(), free_port(), "accept", workers=plan.workers)
        system = SYSTEMS[chosen.system](setup, concurrency=plan.concurrency)
        send(load, setup.port, 20 * load.sessions // load.recipients + 1)
        steps = []
        for step in fill(system, load, directory, chosen.total // chosen.steps):
            steps.append(step)
            print(f"{step.queued:>9,} queued: {step.rate:,.0f} messages/s, {step.pss >> 20} MB", flush=True)
            if len(steps) == chosen.steps:
                break
        began = time.monotonic()
        system.stop()
        stopped_in = time.monotonic() - began
        again = restart(plan, setup, chosen.deliver) if chosen.deliver else None
        text = table(load, steps) + f"\n\nSIGTERM to end: {stopped_in:.1f} s." + (_told(again) if again else "")
    record = {"workload": asdict(load), "steps": [asdict(step) for step in steps], "restart": again and asdict(again)}
    print(f"\n{text}\n\nkept in {report.write('depth', text, record)}")


def fill(system: System, load: Workload, directory: Path, recipients: int) -> Iterator[Step]:
    """Add so many recipients at a time, without end."""
    queued, messages = 0, max(1, recipients // load.recipients)
    while True:
        before = tree.settled(system.roots)
        with tree.Watch(system.roots) as watch:
            elapsed = send(load, system.port, messages)
        used = tree.settled(system.roots) - before
        queued += messages * load.recipients
        disk = data_size(directory)
        yield Step(queued, messages / elapsed, used.total * 1000 / messages, watch.peak.pss, watch.peak.rss, disk)


def restart(plan: Plan, setup: Setup, seconds: float) -> Restart:
    """Start over the same directory and deliver for a while."""
    sink = start_sink(plan.sink, setup.sink_port)
    began = time.monotonic()
    system = SYSTEMS[plan.systems[0]](replace(setup, mode="relay"), concurrency=plan.concurrency)
    up_after = time.monotonic() - began
    before, started = sink.count(), time.monotonic()
    with tree.Watch(system.roots) as watch:
        time.sleep(seconds)
    rate = (sink.count() - before) / (time.monotonic() - started)
    system.stop()
    sink.stop()
    return Restart(up_after, rate, watch.peak.pss)


def table(load: Workload, steps: list[Step]) -> str:
    """The filling as Markdown, with its flatness below."""
    lines = ["| recipients queued | messages/s | recipients/s | CPU ms/message | PSS MB | RSS MB | disk MB |"]
    lines.append("|--:|--:|--:|--:|--:|--:|--:|")
    lines += [
        f"| {step.queued:,} | {step.rate:,.0f} | {step.rate * load.recipients:,.0f} | {step.cpu_ms:.2f} "
        f"| {step.pss >> 20} | {step.rss >> 20} | {step.disk >> 20:,} |"
        for step in steps
    ]
    flat = steps[-1].rate / steps[0].rate
    lines.append(f"\n{load}, {load.recipients} recipients per message; last stretch at {flat:.0%} of the first's rate.")
    return "\n".join(lines)


def _told(again: Restart) -> str:
    return (
        f" Started again over the full queue: greets after {again.up_after:.1f} s, "
        f"delivers {again.rate:,.0f} messages/s, {again.pss >> 20} MB PSS."
    )

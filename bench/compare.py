"""goodstanding against Postfix: one run each, turn by turn, so that both see the same noise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import tree
from bench.bare import STAGES
from bench.children import spawn
from bench.load import Sink, SinkKind, Trouble, free_port, send, start_sink, wait_for_greeting
from bench.ours import start_goodstanding, start_judged
from bench.postfix import start_postfix
from bench.probe import probe
from bench.values import Mode, Result, Setup, System, Workload


def start_bare(setup: Setup, *, concurrency: int = 50, stage: str) -> System:
    """`bench.bare`, which relays nothing: for acceptance only."""
    if setup.mode != "accept":
        raise Trouble("the bare server relays nothing; add --modes accept")
    child = spawn([sys.executable, "-m", "bench.bare", str(setup.port), setup.directory, stage])
    wait_for_greeting(setup.port, child)
    return System(f"bare-{stage}", setup.port, (child,))


SYSTEMS: Mapping[str, Callable[..., System]] = {
    "goodstanding": start_goodstanding,
    "judged": start_judged,
    "postfix": start_postfix,
    **{f"bare-{stage}": partial(start_bare, stage=stage) for stage in STAGES},
}
"""``judged``: goodstanding with admission on; what it costs, beside the same without. ``bare-...``: the least a server
on our foundations must do, stage by stage: the ceiling for acceptance."""

WARM_UP = 300
"""Messages before the clock starts: processes are forked, files opened, the rate is guessed from them."""

LONGEST = 200_000
"""Most messages of one run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure: which systems, how long, how often, with what."""

    systems: tuple[str, ...] = ("goodstanding", "postfix")
    pairs: int = 3
    seconds: float = 5.0
    """Rough length of one run."""
    sink: SinkKind = "smtp-sink"
    concurrency: int = 50
    """Connections each system may open to the sink."""
    workers: int = 0
    directory: str = "/var/tmp"
    """Where queue and data go; must be on a disk."""


@contextmanager
def scratch(parent: str) -> Iterator[Path]:
    """A directory Postfix's unprivileged daemons can reach; removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="bench.", dir=parent))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running(plan: Plan, name: str, workload: Workload, sink_port: int) -> Iterator[System]:
    """A system with an empty queue, up for one run."""
    with scratch(plan.directory) as directory:
        setup = Setup(
            directory,
            port=free_port(),
            sink_port=sink_port,
            mode=workload.mode,
            signed=workload.signed,
            key=_signing_key(directory) if workload.signed else None,
            workers=plan.workers,
        )
        system = SYSTEMS[name](setup, concurrency=plan.concurrency)
        try:
            yield system
        finally:
            system.stop()


def _signing_key(directory: Path) -> Path:
    """A fresh RSA key of 2048 bits."""
    file = directory / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", file, "2048"], check=True, capture_output=True)
    return file


def inspect(plan: Plan, modes: Sequence[tuple[Mode, bool]]) -> None:
    """Probe every system as it will be measured; ends in Trouble rather than in a meaningless table."""
    for name in plan.systems:
        for signed in sorted({signed for mode, signed in modes if mode == "relay"}):
            port = free_port()
            with running(plan, name, Workload(signed=signed), port) as system:
                probe(system, port, signed=signed)


def measure(plan: Plan, name: str, workload: Workload) -> Result:
    """One run of one system."""
    os.sync()  # the disk does not owe anything from the run before
    sink = start_sink(plan.sink, free_port())
    try:
        with running(plan, name, workload, sink.port) as system:
            rate = _warm_up(system, workload, sink)
            messages = min(max(int(rate * plan.seconds), 2 * workload.sessions, 100), LONGEST)
            return _timed(system, workload, sink, messages)
    except (Trouble, subprocess.TimeoutExpired) as trouble:
        return Result(name, problem="..." + " ".join(str(trouble).split())[-300:])
    finally:
        sink.stop()


def _warm_up(system: System, workload: Workload, sink: Sink) -> float:
    """Messages per second of a first, short run."""
    messages = max(WARM_UP if workload.sessions > 1 else WARM_UP // 5, 2 * workload.sessions)
    started = time.monotonic()
    elapsed = send(workload, system.port, messages)
    if workload.mode == "relay":
        elapsed = sink.wait_for(messages) - started
    return messages / elapsed


def _timed(system: System, workload: Workload, sink: Sink, messages: int) -> Result:
    """The run that counts."""
    before, target = tree.settled(system.roots), sink.count() + messages
    with tree.Watch(system.roots) as watch:
        started = time.monotonic()
        accepted_in = elapsed = send(workload, system.port, messages)
        if workload.mode == "relay":
            elapsed = sink.wait_for(target) - started
    used = tree.settled(system.roots) - before
    if sink.count() > target or (workload.mode == "accept" and sink.count()):
        raise Trouble(f"{sink.count()} messages at the sink are more than were sent to it")
    return Result(
        system.name,
        messages,
        elapsed,
        accepted_in,
        user_ms=used.user * 1000 / messages,
        system_ms=used.system * 1000 / messages,
        pss=watch.peak.pss,
        rss=watch.peak.rss,
        processes=watch.peak.processes,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """All runs of one workload; the n-th of each system belong together."""

    workload: Workload
    runs: Mapping[str, tuple[Result, ...]]

    def ratios(self) -> list[float]:
        """Our rate by Postfix's, pair by pair; pairs with a failed run are left out."""
        pairs = zip(self.runs.get("goodstanding", ()), self.runs.get("postfix", ()), strict=False)
        return [ours.rate / theirs.rate for ours, theirs in pairs if ours.rate and theirs.rate]


def compare(plan: Plan, workloads: Sequence[Workload]) -> Iterator[Row]:
    """Measure workload after workload, A B A B; what happens is told on standard error."""
    for number, workload in enumerate(workloads, 1):
        runs: dict[str, list[Result]] = {name: [] for name in plan.systems}
        for pair in range(plan.pairs):
            for name in plan.systems:
                result = measure(plan, name, workload)
                runs[name].append(result)
                told = result.problem or f"{result.rate:,.0f}/s, {result.cpu_ms:.2f} ms CPU, {result.pss >> 20} MB"
                print(
                    f"[{number}/{len(workloads)}, {pair + 1}] {workload}, {name}: {told}", file=sys.stderr, flush=True
                )
        yield Row(workload, {name: tuple(results) for name, results in runs.items()})

"""Where the time of a relayed message goes: py-spy watches the busiest worker while the relay workload runs.

py-spy is not in the lock file: ``pip install py-spy`` when you need it, anywhere on the PATH.
"""

from __future__ import annotations

import argparse
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench import children, report, tree
from bench.compare import Plan, running
from bench.load import Trouble, free_port, send, start_sink
from bench.values import System, Workload

RATE = 250
"""Samples per second."""

FRAME = re.compile(r"(?P<function>.*) \((?P<file>[^()]*?)(?::(?P<line>\d+))?\)$")


@dataclass(frozen=True, slots=True)
class Stack:
    """One distinct stack, outermost frame first, and how often it was seen."""

    thread: str
    frames: tuple[str, ...]
    count: int


def read_stacks(lines: Iterable[str]) -> list[Stack]:
    """Stacks of py-spy's raw format: ``thread;frame;frame count``."""
    stacks = []
    for line in lines:
        path, _, count = line.rstrip().rpartition(" ")
        thread, *frames = path.split(";")
        if frames and count.isdigit():
            stacks.append(Stack(thread, tuple(frames), int(count)))
    return stacks


def room(stack: Stack) -> str:
    """The room of goodstanding whose code is innermost: who pays for the library call below it."""
    for frame in reversed(stack.frames):
        found = re.search(r"goodstanding/([\w/]+?)\.py", frame)
        if found:
            return found[1]
    return "outside goodstanding"


def function(frame: str) -> str:
    """A frame without its line number."""
    found = FRAME.match(frame)
    return f"{found['function']} ({found['file']})" if found else frame


def text_report(stacks: list[Stack], *, top: int = 40) -> str:
    """Shares of time by thread, by file, by line and by function with all it calls."""
    total = sum(stack.count for stack in stacks) or 1
    threads, rooms, own, inclusive = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for stack in stacks:
        threads[stack.thread] += stack.count
        rooms[room(stack)] += stack.count
        own[stack.frames[-1]] += stack.count
        for name in {function(frame) for frame in stack.frames}:
            inclusive[name] += stack.count
    parts = [f"{total} samples at {RATE}/s"]
    for title, counts, most in (
        ("By thread", threads, 20),
        ("By file of goodstanding (libraries counted with their caller)", rooms, top),
        ("By innermost line", own, top),
        ("By function, with all it calls", inclusive, top),
    ):
        parts.append(f"\n{title}")
        parts += [f"{count / total:7.1%}  {what}" for what, count in counts.most_common(most)]
    return "\n".join(parts)


def run(chosen: argparse.Namespace) -> None:
    """Run the workload under the profiler and print where the time went."""
    children.require("smtp-source", "smtp-sink")
    if not shutil.which("py-spy"):
        raise Trouble("py-spy is not on the PATH: pip install py-spy")
    plan = Plan(sink=chosen.sink, concurrency=chosen.concurrency, workers=chosen.workers, directory=chosen.directory)
    load = Workload(
        "accept" if chosen.mode == "accept" else "relay",
        chosen.size * 1024,
        chosen.sessions,
        chosen.reuse,
        chosen.mode == "signed",
    )
    sink = start_sink(plan.sink, free_port())
    with running(plan, "goodstanding", load, sink.port) as system:
        raw = sample(system, load, chosen)
    sink.stop()
    text = text_report(read_stacks(raw.read_text().splitlines()))
    print(f"{load}\n{text}\n\nkept in {report.write('profile', text, {'stacks': str(raw)})}")


def sample(system: System, load: Workload, chosen: argparse.Namespace) -> Path:
    """Stacks of the busiest worker over some seconds of load, as a file of py-spy's raw format."""
    report.OUT.mkdir(exist_ok=True)
    raw = report.OUT / "profile.raw"
    command = ["py-spy", "record", "--pid", str(_busiest(system, load)), "--duration", str(int(chosen.seconds))]
    command += ["--rate", str(RATE), "--format", "raw", "--threads", "--output", str(raw)]
    command += ["--native"] if chosen.native else ["--nonblocking"]  # py-spy cannot do both
    command += ["--gil"] if chosen.gil else []
    profiler = children.spawn(command)
    done = threading.Event()
    source = threading.Thread(target=_keep_busy, args=(system, load, done), daemon=True)
    source.start()
    status = profiler.wait(chosen.seconds + 60)
    done.set()
    source.join(30)
    if status:
        raise Trouble(f"py-spy: {children.complaint(profiler)}")
    return raw


def _busiest(system: System, load: Workload) -> int:
    """The process that works most under this load."""
    before = tree.each(system.roots)
    send(load, system.port, 1000)
    after = tree.each(system.roots)
    return max(after, key=lambda pid: after[pid] - before.get(pid, 0.0))


def _keep_busy(system: System, load: Workload, done: threading.Event) -> None:
    """Send until told to stop, in portions."""
    while not done.is_set():
        send(load, system.port, 2000)

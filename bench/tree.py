"""CPU time and memory of a tree of processes, read from /proc."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds per tick of /proc/PID/stat; the kernel scales the figures from exact run times, so sums are fine."""

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds a tree has used since it began."""

    user: float
    system: float

    def __sub__(self, earlier: Cpu) -> Cpu:
        """What was used in between."""
        return Cpu(self.user - earlier.user, self.system - earlier.system)

    @property
    def total(self) -> float:
        """User and system seconds together."""
        return self.user + self.system


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes resident: ``pss`` divides shared pages among their users, ``rss`` counts them in every process."""

    pss: int = 0
    rss: int = 0
    processes: int = 0


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on, or None when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    fields = _stat(pid)
    return fields is not None and fields[0] not in "ZX"


def members(roots: Iterable[int]) -> list[int]:
    """The roots and all their descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found = list(roots)
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, ()))
    return found


def cpu(roots: Iterable[int]) -> Cpu:
    """CPU used by the tree so far, with all that its dead and awaited members used (Postfix's daemons come and go)."""
    user = system = 0
    for pid in members(roots):
        if fields := _stat(pid):
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return Cpu(user * TICK, system * TICK)


def each(roots: Iterable[int]) -> dict[int, float]:
    """CPU seconds every living process of the tree has used itself."""
    found = {pid: _stat(pid) for pid in members(roots)}
    return {pid: (int(fields[11]) + int(fields[12])) * TICK for pid, fields in found.items() if fields}


def memory(roots: Iterable[int]) -> Memory:
    """Memory of the tree now; where PSS cannot be read, RSS stands in."""
    pss = rss = 0
    pids = members(roots)
    for pid in pids:
        try:
            resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        except (FileNotFoundError, ProcessLookupError):
            continue
        rss += resident
        pss += _pss(pid, resident)
    return Memory(pss, rss, len(pids))


def _pss(pid: int, otherwise: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return otherwise


class Watch:
    """Looks at a tree's memory on a thread of its own and keeps the peaks; takes at most 1 % of a core for it."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = tuple(roots)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = Memory()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._note()

    def _look(self) -> None:
        pause = 0.5
        while not self._done.wait(pause):
            began = time.monotonic()
            self._note()
            pause = max(0.5, 100 * (time.monotonic() - began))  # PSS of 150 Postfix daemons: 50 ms a look

    def _note(self) -> None:
        seen = memory(self._roots)
        self.peak = Memory(
            max(self.peak.pss, seen.pss), max(self.peak.rss, seen.rss), max(self.peak.processes, seen.processes)
        )


def settled(roots: Iterable[int], *, quiet: float = 0.2, patience: float = 5.0) -> Cpu:
    """The CPU figure once the tree has come to rest: work done after the last reply belongs to the message too."""
    roots = tuple(roots)
    latest, deadline = cpu(roots), time.monotonic() + patience
    while time.monotonic() < deadline:
        time.sleep(quiet)
        now = cpu(roots)
        if (now - latest).total < quiet / 10:
            return now
        latest = now
    return latest

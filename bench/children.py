"""Every process the benchmark starts goes through here, so that none outlives it: not after Ctrl-C or kill -9."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench import tree

Child = subprocess.Popen[bytes]

GRACE = 10.0
"""Seconds a child has to end after SIGTERM."""

_living: list[Child] = []
_errors: dict[int, int] = {}
"""By process id: the memory file a child writes its errors to."""
_guardian: list[int] = []
"""The end of the pipe on which the guardian is told of births and deaths."""


def spawn(
    command: Sequence[str | Path],
    *,
    output: int | None = None,
    environment: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
) -> Child:
    """Start a child in a session of its own.

    Its standard output goes to the descriptor ``output``, or with its errors into memory, see `complaint`.
    """
    errors = os.memfd_create("complaint")
    child = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=errors if output is None else output,
        stderr=errors,
        env=os.environ | dict(environment or {}),
        pass_fds=keep,
        start_new_session=True,
    )
    _living.append(child)
    _errors[child.pid] = errors
    _tell(child.pid)
    return child


def complaint(child: Child) -> str:
    """The last words of a child."""
    errors = _errors[child.pid]
    return os.pread(errors, 1000, max(0, os.fstat(errors).st_size - 1000)).decode(errors="replace").strip()


def stop(child: Child) -> None:
    """End a child and everything below it; safe to call twice."""
    if child not in _living:
        return
    _living.remove(child)
    if child.poll() is None:
        family = tree.members([child.pid])
        child.terminate()
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            print(f"bench: killed {child.args!r}, {GRACE:.0f} s after SIGTERM", file=sys.stderr)
        _signal(family, signal.SIGKILL)
        child.wait()
    _tell(-child.pid)
    os.close(_errors.pop(child.pid))


def stop_all() -> None:
    """End every child, the youngest first."""
    while _living:
        stop(_living[-1])


def guard() -> None:
    """From here on the benchmark cannot end without ending its children. Call once, before there are threads."""
    atexit.register(stop_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    reading, writing = os.pipe()
    if os.fork() == 0:  # PR_SET_PDEATHSIG would do, were it not lost when Postfix and smtp-sink change their user
        os.setsid()
        os.close(writing)
        _mourn(reading)
        os._exit(0)
    os.close(reading)
    _guardian.append(writing)


def _mourn(pipe: int) -> None:
    """The guardian: when the benchmark has gone and left children behind, end them."""
    left: list[int] = []
    with os.fdopen(pipe) as told:
        for line in told:
            if (pid := int(line)) > 0:
                left.append(pid)
            else:
                left.remove(-pid)
    family = tree.members(left)
    _signal(left, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(tree.alive(pid) for pid in family):
        time.sleep(0.1)
    _signal(family, signal.SIGKILL)


def _tell(number: int) -> None:
    if _guardian:
        os.write(_guardian[0], f"{number}\n".encode())


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        if tree.alive(pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue  # just gone


def require(*programs: str) -> None:
    """End with a clear message when a program is missing."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        sys.exit(f"bench: not found: {', '.join(missing)} (Debian: apt-get install postfix opendkim strace openssl)")

"""The two ends of the line: smtp-source, and a sink that counts what arrives (smtp-sink, or our own faster one)."""

from __future__ import annotations

import json
import mmap
import os
import random
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bench.children import Child, complaint, spawn, stop
from bench.values import RECIPIENT, SENDER, Workload

SinkKind = Literal["smtp-sink", "bench.sink"]

STALL = 30.0
"""Seconds without any arrival after which the rest is called lost."""


class Trouble(Exception):
    """A run that cannot give a figure; the text says why."""


def free_port() -> int:
    """A port nobody listens on, below the range the kernel takes outgoing ports from."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_for_greeting(port: int, child: Child, *, patience: float = 30.0) -> None:
    """Return once a server on loopback greets with 220."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise Trouble(f"{child.args!r} ended with status {child.returncode}: {complaint(child)}")
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as probe:
                if probe.recv(512).startswith(b"220"):
                    probe.sendall(b"QUIT\r\n")
                    probe.recv(512)
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise Trouble(f"no greeting on port {port} within {patience:.0f} s: {complaint(child)}")


@dataclass(frozen=True, slots=True)
class Sink:
    """A receiving server that is up."""

    kind: SinkKind
    port: int
    child: Child
    count: Callable[[], int]
    """Messages received so far."""

    def wait_for(self, total: int) -> float:
        """The moment (time.monotonic) at which ``total`` messages had arrived."""
        seen, moved = self.count(), time.monotonic()
        while seen < total:
            time.sleep(0.002)
            now, moment = self.count(), time.monotonic()
            if now != seen:
                seen, moved = now, moment
            elif moment - moved > STALL:
                raise Trouble(f"only {seen} messages have arrived, {total} were due")
        return moved if seen else time.monotonic()

    def stop(self) -> None:
        """Stop it."""
        stop(self.child)


def start_sink(kind: SinkKind, port: int) -> Sink:
    """A sink on loopback that is ready to receive."""
    sink = _smtp_sink(port) if kind == "smtp-sink" else _own_sink(port)
    wait_for_greeting(port, sink.child)
    return sink


def _smtp_sink(port: int) -> Sink:
    """Postfix's sink; its running counters go to memory, of which only the tail is ever read."""
    counters = os.memfd_create("smtp-sink")
    child = spawn(["smtp-sink", "-u", "nobody", "-c", "-m", "1000", f"127.0.0.1:{port}", "1000"], output=counters)

    def count() -> int:
        tail = os.pread(counters, 200, max(0, os.fstat(counters).st_size - 200))
        found = re.findall(rb"mesg=(\d+)\D", tail)
        return int(found[-1]) if found else 0

    return Sink("smtp-sink", port, child, count)


def _own_sink(port: int) -> Sink:
    """bench/sink.py; it counts in shared memory."""
    counter = os.memfd_create("bench.sink")
    os.ftruncate(counter, mmap.PAGESIZE)
    shared = mmap.mmap(counter, mmap.PAGESIZE)
    child = spawn([sys.executable, "-m", "bench.sink", str(port), str(counter)], keep=[counter])
    return Sink("bench.sink", port, child, lambda: int(struct.unpack_from("<Q", shared)[0]))


def send(workload: Workload, port: int, messages: int) -> float:
    """Send messages with smtp-source, or our own where they are to differ, and return the seconds it took."""
    command = ["smtp-source", "-s", str(min(workload.sessions, messages)), "-m", str(messages)]
    command += ["-l", str(workload.size), "-f", SENDER, "-t", RECIPIENT, "-M", "bench.example", "-S", "A benchmark"]
    command += ["-r", str(workload.recipients), "-C", "10"] + (["-d"] if workload.reuse else [])
    command.append(f"127.0.0.1:{port}")
    if workload.kind != "same":
        told = json.dumps(asdict(workload))
        command = [sys.executable, "-m", "bench.source", str(port), str(messages), told]
    started = time.monotonic()
    here = Path(__file__).parents[1]
    source = subprocess.run(command, capture_output=True, timeout=900, check=False, cwd=here)
    if source.returncode:
        raise Trouble(f"{command[0]}: {source.stderr.decode(errors='replace').strip()[-300:]}")
    return time.monotonic() - started

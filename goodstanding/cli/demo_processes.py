"""Our own commands as processes of the demo, and ports for them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from goodstanding.errors import GoodstandingError

START_WITHIN = 30.0
"""Seconds a process may take until it is ready."""
END_WITHIN = 10.0


@contextmanager
def running(arguments: Sequence[str], log: Path, is_ready: Callable[[], bool]) -> Iterator[None]:
    """One of our own commands as a process, ready for work; stopped at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "goodstanding", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we then end them in order
        )
    try:
        deadline = time.monotonic() + START_WITHIN
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text("utf-8", "replace").strip().splitlines()[-3:]
                raise GoodstandingError(f"goodstanding {arguments[0]} did not start; {log} ends with: {' '.join(last)}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port

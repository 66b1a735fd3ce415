"""(shell) The sandbox as a process of its own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import uvloop

from goodstanding.sandbox.settings import Ready, SandboxSettings
from goodstanding.sandbox.world import Sandbox


def run_sandbox(settings: SandboxSettings, announce: Callable[[Ready], None] = lambda ready: None) -> None:
    """Run a sandbox until SIGINT, SIGTERM or a client's ``stop``; ``announce`` is called once, when everything listens.

    SandboxError when an address or port cannot be had.
    """
    uvloop.run(_run(settings, announce))


async def _run(settings: SandboxSettings, announce: Callable[[Ready], None]) -> None:
    sandbox = Sandbox(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, sandbox.stopping.set)
    ready = await sandbox.start()
    try:
        announce(ready)
        await sandbox.stopping.wait()
    finally:
        await sandbox.stop()

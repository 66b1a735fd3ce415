"""A whole sandbox beside the tests, in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.sandbox.control import SandboxClient
from goodstanding.sandbox.settings import Ready, SandboxSettings
from goodstanding.sandbox.world import Sandbox


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    """Where the sandbox is; greylisting takes no time in it."""
    folder: Path = tmp_path_factory.mktemp("sandbox")
    settings = SandboxSettings(
        smtp_port=0,
        dns_port=0,
        control_port=0,
        data_dir=folder / "mail",
        ready_file=folder / "ready.json",
        patience=0.0,
    )
    started = threading.Event()
    found: list[Ready] = []

    async def run() -> None:
        sandbox = Sandbox(settings)
        found.append(await sandbox.start())
        started.set()
        await sandbox.stopping.wait()
        await sandbox.stop()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert started.wait(10)
    yield found[0]
    with SandboxClient.of(folder / "ready.json") as client:
        client.stop()
    thread.join(10)
    assert not (folder / "ready.json").exists()


@pytest.fixture
def client(ready: Ready) -> Iterator[SandboxClient]:
    """A connection to its control port."""
    with SandboxClient(ready.control_port) as client:
        yield client

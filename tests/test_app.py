"""The supervisor as a process: what a reload may not break."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.net.tls import self_signed

SETTINGS = """\
data_dir = "{folder}/data"
workers = 1
drain = 1
[submission]
certificate = "{folder}/relay.pem"
key = "{folder}/relay.key"
[[submission.listeners]]
port = 0
[metrics]
port = 0
[log]
mail = "off"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pem, key = self_signed(["localhost"], 1.0e9)
    (tmp_path / "relay.pem").write_bytes(pem)
    (tmp_path / "relay.key").write_bytes(key)
    (tmp_path / "goodstanding.toml").write_text(SETTINGS.format(folder=tmp_path))
    return tmp_path


@pytest.fixture
def relay(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "goodstanding", "serve", "--config", str(folder / "goodstanding.toml")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


def until(process: subprocess.Popen[str], words: str) -> str:
    """The next line of its log with these words."""
    assert process.stderr is not None
    return next(line for line in process.stderr if words in line)


def port_of(folder: Path) -> int:
    port: int = json.loads((folder / "data" / "ready.json").read_text())["listeners"][0]["port"]
    return port


def greeting(folder: Path) -> bytes:
    with socket.create_connection(("127.0.0.1", port_of(folder)), timeout=10) as client:
        return client.recv(3)


def test_a_reload_that_cannot_work_changes_nothing(relay: subprocess.Popen[str], folder: Path) -> None:
    assert "expired on" in until(relay, "event='settings'")
    until(relay, "event='ready'")
    port = port_of(folder)
    (folder / "relay.key").rename(folder / "elsewhere.key")
    relay.send_signal(signal.SIGHUP)
    assert "submission.key" in until(relay, "going on with the old ones")
    assert greeting(folder) == b"220"
    (folder / "elsewhere.key").rename(folder / "relay.key")
    relay.send_signal(signal.SIGHUP)
    until(relay, "event='reloaded'")
    assert (greeting(folder), port_of(folder)) == (b"220", port)

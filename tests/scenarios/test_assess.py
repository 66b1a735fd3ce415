"""An assessment over processes is stopped by Ctrl-C: at once, in a word, and with nobody left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.scenarios.patience import eventually

CAMPAIGN = '[[population]]\ncount = 100000\nexpectation = "cold"\n'


def processes_of(group: int) -> list[int]:
    """The processes of a terminal's foreground, zombies not counted."""
    told = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [row.split() for row in told.splitlines()]
    return [int(pid) for pid, of, state in rows if int(of) == group and not state.startswith("Z")]


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    campaign = tmp_path / "CAMPAIGN.toml"
    campaign.write_text(CAMPAIGN)
    command = [sys.executable, "-m", "goodstanding", "assess", str(campaign), "--runs", "100000", "--jobs", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        eventually(lambda: len(processes_of(process.pid)) >= 4, "itself, two that work, and one that counts resources")
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "goodstanding: stopped\n")
    eventually(lambda: not processes_of(process.pid), lambda: f"{processes_of(process.pid)} are left")

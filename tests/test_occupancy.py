"""One supervisor a data folder, and no second before the last worker of the first is gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from goodstanding.errors import SettingsError
from goodstanding.occupancy import occupy

HOLD = """
import sys
from pathlib import Path
from goodstanding.occupancy import occupy
lock = occupy(Path(sys.argv[1]), 0.0)
print("held", flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_supervisor_is_turned_away_at_once(tmp_path: Path) -> None:
    first = holder(tmp_path)
    with pytest.raises(SettingsError, match="stop it first"):
        occupy(tmp_path, 60.0)
    first.communicate()


def test_workers_that_outlive_their_supervisor_are_waited_for(tmp_path: Path) -> None:
    lock = occupy(tmp_path, 0.0)
    worker = subprocess.Popen(["sleep", "0.5"], pass_fds=(lock.fileno(),))
    lock.seek(0)
    lock.truncate()
    lock.write("999999999")  # the number of a process that is gone
    lock.close()
    occupy(tmp_path, 10.0).close()
    assert worker.poll() is not None


def test_workers_that_never_end_are_named(tmp_path: Path) -> None:
    lock = occupy(tmp_path, 0.0)
    copy = os.dup(lock.fileno())
    lock.seek(0)
    lock.truncate()
    lock.write("999999999")
    lock.close()
    with pytest.raises(SettingsError, match="still run"):
        occupy(tmp_path, 0.3)
    os.close(copy)

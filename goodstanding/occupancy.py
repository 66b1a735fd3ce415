"""Who serves from a data folder: one supervisor with its workers, and nobody else before the last of them is gone.

The lock belongs to an open file that the workers inherit, so it outlives a supervisor that is killed: its workers see
their pipe close, drain, and end; only then may a new supervisor free what they had claimed.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

import structlog

from goodstanding.errors import SettingsError

log = structlog.get_logger("supervisor")

LOOK_AGAIN = 0.1


def occupy(folder: Path, patience: float) -> IO[str]:
    """The lock of a data folder, held while the file or a copy of it is open; pass it on to workers.

    Waits up to ``patience`` seconds for the workers of a supervisor that died. Raises SettingsError when the folder is
    another's.
    """
    lock = (folder / "serve.lock").open("a+")
    until = time.monotonic() + patience
    waiting = False
    while not _locked(lock):
        if _supervisor_lives(lock):
            lock.close()
            raise SettingsError([f"data_dir: another goodstanding serves from {folder}; stop it first"])
        if time.monotonic() > until:
            lock.close()
            raise SettingsError([f"data_dir: workers of a supervisor that died still run in {folder}; end them first"])
        if not waiting:
            log.warning("waiting for the workers of a supervisor that died to finish", at_most=patience)
        waiting = True
        time.sleep(LOOK_AGAIN)
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _supervisor_lives(lock: IO[str]) -> bool:
    """Whether the process that wrote its number into the file is still there."""
    lock.seek(0)
    said = lock.read().strip()
    return said.isdigit() and Path(f"/proc/{said}").exists() and int(said) != os.getpid()

"""A PostgreSQL server of the tests' own, made from Debian's package: own folder, own socket, gone afterwards.

It listens on a Unix socket in a folder only its user can enter, never on TCP: no port to collide on, and nobody else
on the machine can reach a superuser. fsync stays on: tests of durability would otherwise prove nothing.
"""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

REMEDY = "on Debian and Ubuntu: apt-get install postgresql"
USER = "goodstanding"


class NoPostgres(Exception):
    """There is no server to test against; the text says why."""


@dataclass(frozen=True)
class PrivatePostgres:
    """A running server; the scenarios stop and start it at will."""

    programs: Path
    folder: Path
    user: str | None
    """Who it runs as; None: whoever runs the tests."""

    def url(self, database: str = "postgres") -> str:
        """Where one of its databases is, as settings name it."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-k {self.folder} -c listen_addresses=''"
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-o", options, "start"
        )

    def stop(self, how: str = "fast") -> None:
        """Stop it: ``fast`` as an operator would, ``immediate`` as a crash would."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", how, "-w", "stop")

    def remove(self) -> None:
        """Stop it if it runs, and leave nothing behind."""
        try:
            self.stop("immediate")
        except NoPostgres:
            pass  # a scenario has left it stopped
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        with (self.folder / "output").open("wb") as output:  # not a pipe: the server would keep it open
            done = subprocess.run(
                [self.programs / program, *arguments],
                user=self.user,
                extra_groups=None if self.user is None else [],
                cwd=self.folder,
                env={"LC_ALL": "C", "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if done.returncode:
            said = (self.folder / "output").read_text(errors="replace")
            log = self.folder / "log"
            raise NoPostgres(f"{program} failed: {said}{log.read_text(errors='replace') if log.exists() else ''}")


def start_postgres() -> PrivatePostgres:
    """A fresh running server; raises NoPostgres when the machine has none to give."""
    server = PrivatePostgres(_programs(), Path(tempfile.mkdtemp(prefix="goodstanding-pg-")), _user())
    try:
        if server.user is not None:
            shutil.chown(server.folder, server.user)
        server._run("initdb", "-D", str(server.folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        server.start()
    except BaseException:
        server.remove()
        raise
    return server


def start_again(folder: Path) -> PrivatePostgres:
    """The server that was made in a folder and stopped."""
    server = PrivatePostgres(_programs(), folder, _user())
    server.start()
    return server


def _programs() -> Path:
    """Where initdb and pg_ctl are: Debian keeps them out of the PATH, one folder per version."""
    folders = [Path(name).parent for name in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    if found := shutil.which("initdb"):
        folders.append(Path(found).parent)
    if not folders:
        raise NoPostgres(f"no initdb found; {REMEDY}")
    return max(folders, key=lambda folder: [int(part) for part in folder.parts if part.isdigit()])


def _user() -> str | None:
    """PostgreSQL refuses to run as root, so root lends it another user."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise NoPostgres("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")
